"""evaluate(challenge, submission) → Result: the only place where the parts come together."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import xarray as xr

from oceanbench.challenge import Challenge
from oceanbench.data.files import write_netcdf
from oceanbench.errors import OceanbenchError
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.result import Result
from oceanbench.scoring.draws import without_draws
from oceanbench.scoring.provenance import provenance
from oceanbench.submission import INDEPENDENT, Submission, name_of

Submitted = Submission | xr.Dataset | Path | str


def evaluate(
    challenge: Challenge | Path | str,
    submission: Submitted,
    *,
    name: str = "",
    data_dir: Path | str | None = None,
    options: Mapping[str, Any] | None = None,
    executor: Executor | None = None,
) -> Result:
    """Score a submission on a challenge.

    Parameters
    ----------
    challenge : from :meth:`Challenge.load`, its name, or the path of a challenge.yaml
    submission : the participant's file, its path, or the estimates themselves
    name : of a submission that is a path or a dataset; by default that of the file, or ``mine``
    data_dir : folder of the challenge's files, where they are not beside challenge.yaml
    options : what to keep in the provenance: ``command``, ``device``, ``seed``, ``cpu_seconds`` and
        ``options`` of the method
    executor : whose workers share the starts of forecasts: a process pool, or that of a dask
        cluster (``client.get_executor()``); the scores are the same

    Returns
    -------
    Result, not yet written

    Raises
    ------
    OceanbenchError
        when the submission or the challenge's data are refused

    >>> from oceanbench import evaluate  # doctest: +SKIP
    >>> evaluate("ssh_osse_jet", "my_map.nc")["µ(RMSE)"].value  # doctest: +SKIP
    """
    loaded = as_challenge(challenge)
    folder = None if data_dir is None else Path(data_dir)
    with _file_of(submission, name) as file:
        return evaluated(loaded, file, data_dir=folder, options=options, executor=executor)[0]


def as_challenge(challenge: Challenge | Path | str) -> Challenge:
    """Challenge, loaded if it is a name or a path."""
    if isinstance(challenge, Challenge):
        return challenge
    if isinstance(challenge, str | Path):
        return Challenge.load(challenge)
    raise OceanbenchError(
        f"challenge: found {type(challenge).__name__}, expected a Challenge, the name of one, or "
        "the path of a challenge.yaml"
    )


@contextmanager
def _file_of(submission: Submitted, name: str) -> Iterator[Submission]:
    """Submission of a path, or of a dataset that is written for as long as it is looked at."""
    if isinstance(submission, Submission):
        if name and name != submission.name:
            raise OceanbenchError(f"name: {name}, but the submission is called {submission.name}")
        yield submission
    elif isinstance(submission, str | Path):
        yield Submission(name or name_of(Path(submission)), Path(submission))
    elif isinstance(submission, xr.Dataset):
        with TemporaryDirectory() as folder:
            path = Path(folder) / "estimates.nc"
            write_netcdf(submission, path)
            yield Submission(name or "mine", path)
    else:
        raise OceanbenchError(
            f"submission: found {type(submission).__name__}, expected a Submission, the path of a "
            "file, or an xarray.Dataset"
        )


def evaluated(
    challenge: Challenge,
    submission: Submission,
    *,
    data_dir: Path | None = None,
    options: Mapping[str, Any] | None = None,
    executor: Executor | None = None,
) -> tuple[Result, Any]:
    """Score a submission as :func:`evaluate` does; the result, and what figures are drawn from."""
    begin = time.perf_counter()
    kind = CHALLENGE_KINDS[challenge.kind]
    challenge.there(challenge.truth_name, data_dir)  # before the submission is looked at
    found = kind.score(challenge, submission.submitted_to(challenge), data_dir, executor)
    scores, series = found.scores, found.series
    if submission.members != INDEPENDENT:
        scores, series = without_draws(scores, series)
    result = Result(
        challenge={
            "name": challenge.name,
            "version": challenge.version,
            "sha256": challenge.sha256,
        },
        submission={
            "name": submission.name,
            "sha256": submission.sha256,
            "method": submission.method,
            "authors": submission.authors,
            "reference": submission.reference,
            "notes": submission.notes,
            **submission.declared,
        },
        scores=scores,
        coverage=found.coverage,
        series=series,
        provenance=provenance(time.perf_counter() - begin, options or {}),
        warnings=found.warnings,
    )
    return result, found.material
