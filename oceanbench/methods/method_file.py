"""What run and train share: a method's file, its functions, options, device and command."""

from __future__ import annotations

import ast
import inspect
import json
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from oceanbench.challenge import Challenge
from oceanbench.data import shipped
from oceanbench.data.files import path_as_written
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.methods.importing import imported
from oceanbench.submission import as_options

Function = Callable[..., Any]
TRAIN = "train(inputs, *, device, seed)"
GPU_FILES = ("/dev/nvidiactl", "/dev/nvmap", "/dev/kfd", "/dev/dxg")  # of Linux and its like


def load_method(name_or_path: str) -> tuple[str, ModuleType]:
    """Name and module of a method file: a baseline's name, or the path of a file.

    Raises
    ------
    OceanbenchError
        if there is no such file, or it is not Python
    """
    path = shipped.find("baselines", name_or_path, "{name}.py")
    return path.stem, imported(path)


def check_kind(stem: str, module: ModuleType, challenge: Challenge) -> None:
    """Refuse a method that says which kinds of challenge it is for, where this is another."""
    kinds = getattr(module, "KINDS", (challenge.kind,))
    if not (isinstance(kinds, tuple | list) and all(isinstance(kind, str) for kind in kinds)):
        raise OceanbenchError(
            f"{stem}: KINDS is {kinds!r}, expected the kinds that it is for, such as ('maps',)"
        )
    if challenge.kind not in kinds:
        raise OceanbenchError(
            f"{stem}: is a method for {' and '.join(kinds)}, {challenge.name} is a challenge of "
            f"{challenge.kind}; 'oceanbench list' shows the methods for each kind"
        )


def functions_of(stem: str, module: ModuleType, challenge: Challenge) -> dict[str, Function]:
    """Functions that a method file must have for this kind of challenge, by name."""
    contract = CHALLENGE_KINDS[challenge.kind].contract
    for name, signature in contract.items():
        if not callable(getattr(module, name, None)):
            raise OceanbenchError(f"{stem}: has no function {signature}; write one")
    return {name: getattr(module, name) for name in contract}


def parse_options(functions: Iterable[Function], settings: Mapping[str, str]) -> dict[str, Any]:
    """Options of a method's functions from ``name=value`` texts, in the type of each default.

    They are its keyword-only parameters but ``device``, ``seed``, ``weights`` and ``init``.
    """
    known = {
        n: p
        for function in functions
        for n, p in inspect.signature(function).parameters.items()
        if p.kind is p.KEYWORD_ONLY and n not in ("device", "seed", "weights", "init")
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


def check_call(stem: str, contract: str, function: Function, **named: Any) -> None:
    """Refuse a function of a method that cannot be called as its contract says.

    Parameters
    ----------
    stem : of the method file
    contract : signature that is asked for, such as ``estimate(inputs, target, *, device, seed)``
    function : of the method
    **named : keyword arguments of the call, of a function that takes some by its contract
    """
    wanted = ast.parse(f"def {contract}: ...").body[0]
    assert isinstance(wanted, ast.FunctionDef)  # contracts are ours
    try:
        options = named if wanted.args.kwonlyargs else {}
        inspect.signature(function).bind(*wanted.args.args, **options)
    except TypeError as problem:
        raise OceanbenchError(
            f"{stem}: {contract.partition('(')[0]}() cannot be called ({problem}); write "
            f"{contract}, options with defaults"
        ) from problem


def resolve_device(device: str) -> str:
    """Turn ``auto`` into ``cuda`` where torch finds one, else ``cpu``; refuse what is not there.

    torch is not asked, which takes seconds, for the CPU or where the system has no GPU's device.
    """
    if device == "cpu" or (device == "auto" and not _may_have_gpu()):
        return "cpu"
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


def _may_have_gpu() -> bool:
    """Whether the system may have one; of others than Linux nothing is known."""
    return (
        sys.platform != "linux"
        or "torch" in sys.modules
        or any(Path(file).exists() for file in GPU_FILES)
    )


def shareable(value: Any) -> Any:
    """What is recorded of an option: a path from the root is written from where one stands."""
    path = Path(value) if isinstance(value, str) else Path()
    return path_as_written(path) if path.is_absolute() else value


def command(  # noqa: PLR0913  (what the commands have)
    verb: str,
    method: str,
    challenge: Challenge,
    *,
    name: str | None,
    weights: Path | None = None,
    init: Path | None = None,
    settings: Mapping[str, str] | None,
    seed: int,
    data_dir: Path | None = None,
    declared: Mapping[str, str] | None = None,
) -> str:
    """Command that does the same again, from the same folder; paths as :func:`told` has them."""
    words = ["oceanbench", verb, shareable(method), challenge.called]
    words += ["--name", name] if name else []
    words += ["--weights", path_as_written(weights)] if weights else []
    words += ["--init", path_as_written(init)] if init else []
    for key, value in (settings or {}).items():
        words += ["--set", f"{key}={shareable(value)}"]
    words += ["--seed", str(seed)] if seed else []
    words += ["--data-dir", path_as_written(data_dir)] if data_dir else []
    words += as_options(declared or {})
    return shlex.join(words)
