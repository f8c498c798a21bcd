"""run and train from Python, with its own values, and what there is to learn from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import Executor
from numbers import Integral
from pathlib import Path
from typing import Annotated, Any

import xarray as xr
from pydantic import BeforeValidator, Field

from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError, typed
from oceanbench.evaluate import as_challenge, evaluate
from oceanbench.methods import running, training
from oceanbench.methods.importing import EXTRA
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import resolve_device
from oceanbench.result import Result


def _whole(number: Any) -> Any:
    """Python's own integer of one of numpy's."""
    whole = isinstance(number, Integral) and not isinstance(number, bool)
    return int(number) if whole else number


Seed = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=2**32 - 1)]
Degrees = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


@typed
def run(  # noqa: PLR0913  (what its command has)
    method: str | Path,
    challenge: Challenge | Path | str,
    *,
    name: str | None = None,
    options: Mapping[str, Any] | None = None,
    weights: Path | str | None = None,
    device: str = "auto",
    seed: Seed = 0,
    output: Path | str = "results",
    data_dir: Path | str | None = None,
    executor: Executor | None = None,
    declared: Mapping[str, str] | None = None,
) -> Result:
    """Run a method on a challenge, score what it made, and keep both.

    Parameters
    ----------
    method : baseline's name or path of a method file
    challenge : loaded, its name, or the path of a challenge.yaml
    name : of the submission; by default that of the method
    options : of the method, by their names
    weights : file that ``train`` wrote; by default the method's own
    device, seed : of the method
    output : folder of results and estimates
    data_dir : folder of the challenge's files
    executor : whose workers share the work
    declared : what is said of the submission: ``members``, ``observations``, ``learned_from``,
        ``physics`` or ``seed_of``, as for :class:`~oceanbench.submission.Submission`

    Returns
    -------
    Result, which ``<output>/<challenge>/<name>.json`` holds, beside the estimates

    Raises
    ------
    OceanbenchError
        when method, challenge or estimates are refused; where the truth stays with its organiser,
        once the estimates are written

    >>> from oceanbench import run  # doctest: +SKIP
    >>> run("oi", "ssh_osse_jet", options={"noise": 0.03})["RMSE"].value  # doctest: +SKIP
    """
    loaded = as_challenge(challenge)
    folder = None if data_dir is None else Path(data_dir)
    submission, kept = running.run(
        str(method),
        loaded,
        output=Path(output),
        name=name,
        weights=None if weights is None else Path(weights),
        settings=_texts(options),
        device=device,
        seed=seed,
        data_dir=folder,
        executor=executor,
        declared=declared,
    )
    result = evaluate(loaded, submission, data_dir=folder, options=kept, executor=executor)
    result.save(Path(output))
    return result


@typed
def train(
    method: str | Path,
    challenge: Challenge | Path | str,
    *,
    name: str | None = None,
    options: Mapping[str, Any] | None = None,
    init: Path | str | None = None,
    device: str = "auto",
    seed: Seed = 0,
    output: Path | str = "results",
    data_dir: Path | str | None = None,
) -> Path:
    """Train a method on the training period of a challenge.

    Parameters
    ----------
    method, challenge, name, options, device, seed, output, data_dir : as of :func:`run`
    init : file of weights from which to go on

    Returns
    -------
    file of the weights, which :func:`run` finds in the same ``output``
    """
    path, _ = training.train(
        str(method),
        as_challenge(challenge),
        output=Path(output),
        name=name,
        settings=_texts(options),
        device=device,
        seed=seed,
        data_dir=None if data_dir is None else Path(data_dir),
        init=None if init is None else Path(init),
    )
    return path


@typed
def training_fields(
    challenge: Challenge | Path | str,
    *,
    first_guess: str = "smooth",
    missions: str = "",
    step_degrees: Degrees = 0.0,
    checkpoint: Path | str = "",
    device: str = "cpu",
    data_dir: Path | str | None = None,
) -> xr.Dataset:
    """Daily fields of a mapping challenge's training period, for a network to learn from.

    :class:`oceanbench.learning.patches.Patches` cuts them into items of a
    :class:`torch.utils.data.DataLoader`; :func:`oceanbench.learning.patches.split` takes the last
    days away to validate with. Nothing of the scored days is among them.

    Parameters
    ----------
    challenge : loaded, its name, or the path of a challenge.yaml; of kind maps or tracks
    first_guess, missions, step_degrees, checkpoint, device : as of
        :func:`oceanbench.assimilation.training_fields.training_fields`
    data_dir : folder of the challenge's files

    Returns
    -------
    ``observations``, ``first_guess`` and, where there are training maps, ``truth``

    Raises
    ------
    OceanbenchError
        if the challenge has no period of training, or torch is not installed

    Examples
    --------
    >>> from oceanbench import Patches, training_fields  # doctest: +SKIP
    >>> fields = training_fields("ssh_osse_jet", first_guess="oi")  # doctest: +SKIP
    >>> len(Patches.of(fields, days=7, size=40, stride=20))  # doctest: +SKIP
    """
    loaded = as_challenge(challenge)
    if "training" not in loaded.periods:
        raise OceanbenchError(
            f"{loaded.path}: no periods.training, of which these fields are; give a challenge of "
            "kind maps or tracks that has one"
        )
    try:
        from oceanbench.assimilation.training_fields import (  # noqa: PLC0415  (needs an extra)
            training_fields as fields_of,
        )
    except ModuleNotFoundError as problem:
        raise OceanbenchError(
            f"training_fields needs the package '{problem.name}'; install it with {EXTRA}"
        ) from problem
    folder = None if data_dir is None else Path(data_dir)
    return fields_of(
        Inputs(loaded, folder, for_training=True),
        first_guess=first_guess,
        missions=missions,
        step_degrees=step_degrees,
        checkpoint=str(checkpoint),
        device=resolve_device(device),
    )


def _texts(options: Mapping[str, Any] | None) -> dict[str, str]:
    """Options as a command has them."""
    given = options or {}
    return {k: v if isinstance(v, str) else json.dumps(v, default=str) for k, v in given.items()}
