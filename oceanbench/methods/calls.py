"""run and train from Python: the roads of the commands, with Python's own values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from oceanbench.challenge import Challenge
from oceanbench.evaluate import as_challenge, evaluate
from oceanbench.methods import running, training
from oceanbench.result import Result


def run(  # noqa: PLR0913  (what its command has)
    method: str | Path,
    challenge: Challenge | Path | str,
    *,
    name: str | None = None,
    options: Mapping[str, Any] | None = None,
    weights: Path | str | None = None,
    device: str = "auto",
    seed: int = 0,
    output: Path | str = "results",
    data_dir: Path | str | None = None,
    executor: Executor | None = None,
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

    Returns
    -------
    Result, which ``<output>/<challenge>/<name>.json`` holds, beside the estimates

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
    )
    how: dict[str, Any] = {"options": kept, "executor": executor}
    result = evaluate(loaded, submission, data_dir=folder, **how)
    result.save(Path(output))
    return result


def train(
    method: str | Path,
    challenge: Challenge | Path | str,
    *,
    name: str | None = None,
    options: Mapping[str, Any] | None = None,
    init: Path | str | None = None,
    device: str = "auto",
    seed: int = 0,
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


def _texts(options: Mapping[str, Any] | None) -> dict[str, str]:
    """Options as a command has them."""
    given = options or {}
    return {k: v if isinstance(v, str) else json.dumps(v, default=str) for k, v in given.items()}
