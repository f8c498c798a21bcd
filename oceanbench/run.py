"""Run a method on a challenge: hand it the inputs, never the truth, and write its submission."""

from __future__ import annotations

import importlib.util
import inspect
import math
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import xarray as xr
import yaml

from oceanbench import files, resources
from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.submission import Submission


class Inputs(Mapping[str, xr.Dataset]):
    """Every dataset of a challenge that is not the truth, opened when it is asked for.

    Optional datasets that are not there are left out. The attributes ``role`` and ``layout`` of a
    dataset say what it is. (A method file is trusted code: this keeps it honest, not captive.)
    """

    def __init__(self, challenge: Challenge, data_dir: Path | None = None) -> None:
        self._name, self._truth = challenge.name, challenge.truth_name
        self._open: dict[str, Callable[[], xr.Dataset]] = {
            name: _opener(challenge, name, data_dir)
            for name, dataset in challenge.datasets.items()
            if dataset.role != "truth"
            and not (dataset.optional and not challenge.present(name, data_dir))
        }
        self._opened: dict[str, xr.Dataset] = {}

    def __getitem__(self, name: str) -> xr.Dataset:
        """Open a dataset; asking for the truth is an error."""
        if name == self._truth:
            raise OceanbenchError(
                f"{self._name}: the method asked for '{name}', the truth; no method receives it; "
                f"its inputs are {', '.join(self)}"
            )
        if name not in self._open:
            raise OceanbenchError(f"{self._name}: no input '{name}'; {did_you_mean(name, self)}")
        if name not in self._opened:
            self._opened[name] = self._open[name]()
        return self._opened[name]

    def __iter__(self) -> Iterator[str]:
        """Names of the inputs that are there."""
        return iter(self._open)

    def __len__(self) -> int:
        """Count of the inputs."""
        return len(self._open)


def _opener(challenge: Challenge, name: str, data_dir: Path | None) -> Callable[[], xr.Dataset]:
    return lambda: challenge.open(name, data_dir)


def load_method(name_or_path: str) -> tuple[str, ModuleType]:
    """Name and module of a method file: a baseline's name, or the path of a file.

    Raises
    ------
    OceanbenchError
        if there is no such file, or it has no function ``estimate``
    """
    path = resources.find("baselines", name_or_path, "{name}.py")
    spec = importlib.util.spec_from_file_location(f"oceanbench_method_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise OceanbenchError(f"{path}: not a Python file; a method is a file with estimate()")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as problem:
        raise OceanbenchError(
            f"{path}: needs the package '{problem.name}'; install it, for example with "
            "pip install 'oceanbench-challenges[all]'"
        ) from problem
    except SyntaxError as problem:
        raise OceanbenchError(f"{path}, line {problem.lineno}: {problem.msg}; correct it") from None
    if not callable(getattr(module, "estimate", None)):
        raise OceanbenchError(
            f"{path}: has no function estimate(inputs, target, *, device, seed); write one"
        )
    return path.stem, module


def parse_options(module: ModuleType, settings: Mapping[str, str]) -> dict[str, Any]:
    """Options of a method from ``name=value`` texts, in the type of each default."""
    parameters = inspect.signature(module.estimate).parameters
    known = {
        n: p
        for n, p in parameters.items()
        if p.kind is p.KEYWORD_ONLY and n not in ("device", "seed", "weights")
    }
    options: dict[str, Any] = {}
    for name, text in settings.items():
        if name not in known:
            raise OceanbenchError(f"--set {name}: unknown option; {did_you_mean(name, known)}")
        options[name] = _convert(name, text, known[name].default)
    return options


def _convert(name: str, text: str, default: Any) -> Any:
    if isinstance(default, str):
        return text
    free = default is None or default is inspect.Parameter.empty
    expected = "a YAML value" if free else f"{type(default).__name__}, as its default {default!r}"
    try:
        value = float(text) if isinstance(default, float) else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as problem:
        raise OceanbenchError(f"--set {name}={text}: expected {expected}") from problem
    infinite = isinstance(value, float) and not math.isfinite(value)
    if infinite or not (free or type(value) is type(default)):
        raise OceanbenchError(f"--set {name}={text}: expected {expected}")
    return value


def resolve_device(device: str) -> str:
    """Turn ``auto`` into ``cuda`` where torch finds one, else ``cpu``; refuse what is not there."""
    try:
        import torch  # noqa: PLC0415  (an extra, and slow to import)
    except ModuleNotFoundError:
        return "cpu" if device == "auto" else device
    cuda = torch.cuda.is_available()
    if device == "auto":
        return "cuda" if cuda else "cpu"
    try:
        kind = torch.device(device).type
    except RuntimeError as problem:
        raise OceanbenchError(f"--device {device}: unknown; give auto, cpu or cuda") from problem
    if kind == "cuda" and not cuda:
        raise OceanbenchError(f"--device {device}: torch finds no CUDA device here; give cpu")
    return device


def run(
    method: str,
    challenge: Challenge,
    *,
    output: Path,
    name: str | None = None,
    settings: Mapping[str, str] | None = None,
    device: str = "auto",
    seed: int = 0,
    data_dir: Path | None = None,
) -> tuple[Submission, dict[str, Any]]:
    """Run a method and write its maps as a submission.

    Parameters
    ----------
    method : baseline's name or path of a method file
    challenge : from :meth:`Challenge.load`
    output : folder; the file is ``<output>/<challenge>/<name>.nc``
    name : of the submission; by default that of the method
    settings : options of the method as texts
    device : ``auto``, ``cpu``, ``cuda``, …
    seed : for methods that draw random numbers
    data_dir : folder of the challenge's files

    Returns
    -------
    the submission, and what the result's provenance keeps: ``device``, ``seed``, ``options`` and
    the ``command``
    """
    stem, module = load_method(method)
    options = parse_options(module, settings or {})
    device = resolve_device(device)
    target = challenge.target(data_dir)
    inputs = Inputs(challenge, data_dir)
    arguments = {"device": device, "seed": seed, **options}
    try:
        inspect.signature(module.estimate).bind(inputs, target, **arguments)
    except TypeError as problem:
        raise OceanbenchError(
            f"{stem}: estimate() cannot be called ({problem}); write "
            "estimate(inputs, target, *, device, seed), options with defaults"
        ) from problem
    submission = Submission(
        name=name or stem,
        path=output / challenge.name / f"{name or stem}.nc",
        method=(inspect.getdoc(module) or stem).split("\n")[0].rstrip("."),
        authors=str(getattr(module, "AUTHORS", "")),
        reference=str(getattr(module, "REFERENCE", "")),
    )
    estimate = module.estimate(inputs, target.copy(deep=True), **arguments)
    _check_estimate(estimate, target, stem)
    maps = {
        name: estimate[name].drop_attrs(deep=True).assign_attrs(units=rules.units)
        for name, rules in challenge.submission.variables.items()
    }
    title = {"title": f"{submission.name} on {challenge.name}"}
    files.write_netcdf(xr.Dataset(maps, attrs=title), submission.path)
    return submission, {
        "device": device,
        "seed": seed,
        "options": options,
        "command": _command(method, challenge, name, settings or {}, seed),
    }


def _command(
    method: str, challenge: Challenge, name: str | None, settings: Mapping[str, str], seed: int
) -> str:
    """Command that makes the submission again; paths are shortened to the file's name."""
    words = ["oceanbench", "run", Path(method).name, challenge.name]
    words += ["--name", name] if name else []
    words += [word for k, v in settings.items() for word in ("--set", f"{k}={v}")]
    words += ["--seed", str(seed)] if seed else []
    return shlex.join(words)


def _check_estimate(estimate: Any, target: xr.Dataset, stem: str) -> None:
    if not isinstance(estimate, xr.Dataset):
        raise OceanbenchError(
            f"{stem}: estimate() returned {type(estimate).__name__}, expected an xarray.Dataset "
            "like its argument target"
        )
    for name, wanted in target.items():
        if name not in estimate:
            raise OceanbenchError(f"{stem}: estimate() returned no variable '{name}'; fill target")
        found = estimate[name]
        for dim in wanted.dims:
            if dim not in found.dims or not np.array_equal(found[dim], wanted[dim]):
                raise OceanbenchError(
                    f"{stem}: '{name}' is not on the coordinates of target ('{dim}' differs); "
                    "fill the arrays of target"
                )
