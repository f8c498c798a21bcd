"""What run and train share: a method's file, options, device, inputs and command."""

from __future__ import annotations

import importlib.util
import inspect
import json
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import xarray as xr
import yaml

from oceanbench.challenge import Challenge
from oceanbench.data import shipped
from oceanbench.declaration import Dates
from oceanbench.errors import OceanbenchError, did_you_mean

ESTIMATE = "estimate(inputs, target, *, device, seed)"
TRAIN = "train(inputs, *, device, seed)"


class Inputs(Mapping[str, xr.Dataset]):
    """Every dataset of a challenge that is no truth, opened when it is asked for.

    For training, they are cut to the training period, those of role ``validation`` to theirs; what
    is of the scored cases and has no such dates is not there, the observations of windows and the
    initial conditions of forecasts. Optional datasets
    that are not there are left out. The attributes ``role`` and ``layout`` of a dataset say what it
    is. (A method file is trusted code: this keeps it honest, not captive.)

    Parameters
    ----------
    challenge : from :meth:`Challenge.load`
    data_dir : folder of the challenge's files
    for_training : give what a method may learn from, and nothing else
    """

    def __init__(
        self, challenge: Challenge, data_dir: Path | None = None, *, for_training: bool = False
    ) -> None:
        self._name, self._truth = challenge.name, challenge.truth_name
        hidden = {"truth", "observed_truth"}
        if for_training:
            hidden |= {"windows": {"observations"}, "forecasts": {"initial"}}.get(
                challenge.kind, set()
            )
        period = challenge.periods["training"] if for_training and challenge.periods else None
        self._open: dict[str, Callable[[], xr.Dataset]] = {
            name: _opener(challenge, name, data_dir, period)
            for name, dataset in challenge.datasets.items()
            if dataset.role not in hidden
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

    def __contains__(self, name: object) -> bool:
        """Whether an input is there; asking opens nothing."""
        return name in self._open

    def __iter__(self) -> Iterator[str]:
        """Names of the inputs that are there."""
        return iter(self._open)

    def __len__(self) -> int:
        """Count of the inputs."""
        return len(self._open)

    @property
    def opened(self) -> list[str]:
        """Names of the inputs that were asked for until now."""
        return sorted(self._opened)


def _opener(
    challenge: Challenge, name: str, data_dir: Path | None, period: Dates | None
) -> Callable[[], xr.Dataset]:
    return lambda: challenge.open(name, data_dir, period)


def load_method(name_or_path: str) -> tuple[str, ModuleType]:
    """Name and module of a method file: a baseline's name, or the path of a file.

    Raises
    ------
    OceanbenchError
        if there is no such file, or it has no function ``estimate``
    """
    path = shipped.find("baselines", name_or_path, "{name}.py")
    spec = importlib.util.spec_from_file_location(f"oceanbench_method_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise OceanbenchError(f"{path}: not a Python file; a method is a file with estimate()")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses and pickles look their module up
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
        raise OceanbenchError(f"{path}: has no function {ESTIMATE}; write one")
    return path.stem, module


def check_kind(stem: str, module: ModuleType, challenge: Challenge) -> None:
    """Refuse a method that says which kinds of challenge it is for, where this is another."""
    kinds = getattr(module, "KINDS", (challenge.kind,))
    if challenge.kind not in kinds:
        raise OceanbenchError(
            f"{stem}: is a method for {' and '.join(kinds)}, {challenge.name} is a challenge of "
            f"{challenge.kind}; 'oceanbench list' shows the methods for each kind"
        )


def parse_options(function: Callable[..., Any], settings: Mapping[str, str]) -> dict[str, Any]:
    """Options of ``estimate`` or ``train`` from ``name=value`` texts, in the type of each default.

    They are its keyword-only parameters but ``device``, ``seed`` and ``weights``.
    """
    parameters = inspect.signature(function).parameters
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
    expected = (
        "a finite YAML value, dates in quotes"
        if free
        else f"{type(default).__name__}, as its default {default!r}"
    )
    try:
        value = float(text) if isinstance(default, float) else yaml.safe_load(text)
        json.dumps(value, allow_nan=False)  # as it will be recorded: no dates, nothing infinite
    except (TypeError, ValueError, yaml.YAMLError) as problem:
        raise OceanbenchError(f"--set {name}={text}: expected {expected}") from problem
    if not (free or type(value) is type(default)):
        raise OceanbenchError(f"--set {name}={text}: expected {expected}")
    return value


def check_call(
    stem: str, contract: str, function: Callable[..., Any], *given: Any, **named: Any
) -> None:
    """Refuse a function of a method that cannot be called as its contract says."""
    try:
        inspect.signature(function).bind(*given, **named)
    except TypeError as problem:
        raise OceanbenchError(
            f"{stem}: {contract.partition('(')[0]}() cannot be called ({problem}); write "
            f"{contract}, options with defaults"
        ) from problem


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


def command(
    verb: str,
    method: str,
    challenge: Challenge,
    *,
    name: str | None,
    weights: Path | None = None,
    settings: Mapping[str, str] | None,
    seed: int,
) -> str:
    """Command that does the same again; paths are shortened to the file's name."""
    words = ["oceanbench", verb, Path(method).name, challenge.name]
    words += ["--name", name] if name else []
    words += ["--weights", weights.name] if weights else []
    words += [word for k, v in (settings or {}).items() for word in ("--set", f"{k}={v}")]
    words += ["--seed", str(seed)] if seed else []
    return shlex.join(words)
