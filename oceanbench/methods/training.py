"""Train a method on a challenge: hand it the training period only, and write its weights."""

from __future__ import annotations

import inspect
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from oceanbench.challenge import Challenge
from oceanbench.data import files
from oceanbench.errors import OceanbenchError
from oceanbench.learning import history
from oceanbench.learning.tensor_files import safetensors
from oceanbench.methods.importing import escaped
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import (
    TRAIN,
    check_call,
    check_kind,
    command,
    functions_of,
    load_method,
    parse_options,
    resolve_device,
    shareable,
)
from oceanbench.methods.weights import Weights
from oceanbench.scoring.provenance import provenance
from oceanbench.submission import Submission

if TYPE_CHECKING:
    import torch


def train(
    method: str,
    challenge: Challenge,
    *,
    output: Path,
    name: str | None = None,
    settings: Mapping[str, str] | None = None,
    device: str = "auto",
    seed: int = 0,
    data_dir: Path | None = None,
    init: Path | None = None,
) -> tuple[Path, Weights]:
    """Train a method and write its weights.

    Parameters
    ----------
    method : baseline's name or path of a method file with a function ``train``
    challenge : with a training period, to which every dataset that has times is cut, or of
        windows, with datasets of role ``training``
    output : folder; the file is ``<output>/<challenge>/<name>.safetensors``; beside it a CSV file
        has loss and validation by step, of methods whose networks
        :func:`oceanbench.learning.training.fit` trains
    name : of the weights and of the submission to be; by default that of the method
    settings : options of ``train`` as texts
    device : ``auto``, ``cpu``, ``cuda``, …
    seed : for every random number
    data_dir : folder of the challenge's files
    init : file of weights from which to go on, which this method learned on any challenge

    Returns
    -------
    path of the file, and what was written

    Raises
    ------
    OceanbenchError
        before anything is computed where that is possible; no file is written then
    """
    stem, module = load_method(method)
    if not callable(getattr(module, "train", None)):
        raise OceanbenchError(
            f"{stem}: has no function {TRAIN}, so it learns nothing; run it: oceanbench run "
            f"{shlex.join([method, challenge.called])}"
        )
    check_kind(stem, module, challenge)
    functions_of(stem, module, challenge)
    period = challenge.periods.get("training", ())
    if challenge.domain is None:
        if not challenge.of_role("training"):
            raise OceanbenchError(
                f"{challenge.path}: no dataset has role 'training', so nothing may be learned from"
            )
    elif not period:
        raise OceanbenchError(
            f"{challenge.path}: periods.training is missing, so nothing may be learned from; add "
            "for example periods: {training: [2013-01-02, 2013-09-30]}, outside the scored days"
        )
    options = parse_options([module.train], settings or {})
    device = resolve_device(device)
    path = output / challenge.name / f"{name or stem}.safetensors"
    Submission(name or stem, path)  # refuses a name that can be none
    files.check_writable(path)
    safetensors()
    begin = None if init is None else _begin(init, stem, module)
    inputs = Inputs(challenge, data_dir, for_training=True)
    arguments: dict[str, Any] = {"device": device, "seed": seed, **options}
    if begin is not None:
        arguments["init"] = begin.tensors
    check_call(stem, TRAIN, module.train, **arguments)
    resumed = _holds_something(options.get("checkpoint"))
    start, start_cpu = time.perf_counter(), time.process_time()
    with history.recorded(path.with_suffix(".csv"), resumes=bool(options.get("checkpoint"))):
        with escaped():
            learned = module.train(inputs, **arguments)
        tensors = _checked(learned, stem)
    seconds = time.perf_counter() - start
    recorded = {key: shareable(value) for key, value in options.items()}
    kept = {"device": device, "seed": seed, "options": recorded}
    kept["cpu_seconds"] = round(time.process_time() - start_cpu, 3)
    kept["command"] = command(
        "train",
        method,
        challenge,
        name=name,
        init=init,
        settings=settings,
        seed=seed,
        data_dir=data_dir,
    )
    before = {} if init is None or begin is None else {"init": begin.origin(init)}
    weights = Weights(
        tensors=tensors,
        method={"name": stem, "sha256": files.sha256(Path(str(module.__file__)))},
        challenge={
            "name": challenge.name,
            "version": challenge.version,
            "sha256": challenge.sha256,
        },
        training={
            "period": [str(day) for day in period] if inputs.opened else [],
            "files": {
                dataset: [
                    {"file": file.name, "sha256": files.sha256(file)}
                    for file in challenge.present(dataset, data_dir)
                ]
                for dataset in inputs.opened
            },
        },
        provenance={**provenance(seconds, kept), "resumed": resumed, **before},
    )
    weights.save(path)
    return path, weights


def _holds_something(checkpoint: Any) -> bool:
    """Whether a folder keeps a part of a training, whose cost is then not of this one."""
    folder = Path(str(checkpoint)) if checkpoint else None
    return folder is not None and folder.is_dir() and any(folder.iterdir())


def _begin(file: Path, stem: str, module: ModuleType) -> Weights:
    """Weights from which a method goes on; refused where they are of another, or it cannot."""
    if "init" not in inspect.signature(module.train).parameters:
        raise OceanbenchError(
            f"--init {file}: {stem} has no parameter 'init' in train(), so it always begins anew; "
            "leave it out"
        )
    found = Weights.load(file)
    if found.method["name"] != stem:
        raise OceanbenchError(
            f"--init {file}: weights of the method '{found.method['name']}', expected those of "
            f"'{stem}'; give weights that '{stem}' learned"
        )
    return found


def _checked(learned: Any, stem: str) -> dict[str, torch.Tensor]:
    """What ``train`` returned, on the CPU, each tensor with its own memory."""
    import torch  # noqa: PLC0415  (an extra, and slow to import)

    if not isinstance(learned, Mapping) or not learned:
        raise OceanbenchError(
            f"{stem}: train() returned {type(learned).__name__}, expected a dict of names and "
            "tensors with at least one, such as module.state_dict()"
        )
    for name, tensor in learned.items():
        if not isinstance(name, str) or name in ("", "__metadata__"):
            raise OceanbenchError(
                f"{stem}: train() returned a tensor named {name!r}; give it another name"
            )
        if not isinstance(tensor, torch.Tensor):
            raise OceanbenchError(
                f"{stem}: train() returned {type(tensor).__name__} for '{name}', expected a "
                "torch.Tensor; wrap numbers with torch.as_tensor()"
            )
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in learned.items()
    }
