"""evaluate(challenge, submission) → Result: the only place where the parts come together."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import xarray as xr

from oceanbench.challenge import Challenge
from oceanbench.data.files import write_netcdf
from oceanbench.declaration import MetricRow
from oceanbench.errors import OceanbenchError, alike, did_you_mean, in_one_line, typed
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.kinds.kind import Resources
from oceanbench.result import Result
from oceanbench.scoring.draws import without_draws
from oceanbench.scoring.provenance import provenance
from oceanbench.submission import INDEPENDENT, Submission, name_of

DATASET = "the dataset given"  # as messages call it
LONGEST = 120  # letters of what others say of it


@typed
def evaluate(
    challenge: Challenge | Path | str,
    submission: Submission | xr.Dataset | Path | str,
    *,
    name: str = "",
    data_dir: Path | str | None = None,
    options: Mapping[str, Any] | None = None,
    executor: Executor | None = None,
    only: str | Sequence[str] = (),
    kept: Path | str | None = None,
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
    only : label of a score, or of a row of ``metrics``, which stands for all that it declares, or
        several; no board takes a result that has some of the scores
    kept : folder where sums of references are kept from one evaluation to the next, by checksum;
        None for none

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
    loaded = with_scores(as_challenge(challenge), [only] if isinstance(only, str) else only)
    folder, sums = (None if place is None else Path(place) for place in (data_dir, kept))
    with as_submission(submission, name) as file:
        result, _ = evaluated(
            loaded, file, data_dir=folder, options=options, executor=executor, kept=sums
        )
        return result


def as_challenge(challenge: Challenge | Path | str) -> Challenge:
    """Challenge, loaded if it is a name or a path."""
    return challenge if isinstance(challenge, Challenge) else Challenge.load(challenge)


def labels_of(challenge: Challenge, rows: Sequence[MetricRow]) -> list[str]:
    """Labels of all scores that some rows of ``metrics`` stand for.

    Parameters
    ----------
    challenge : that declares the rows
    rows : of it
    """
    if not rows:
        return []
    alone = challenge.model_copy(update={"metrics": list(rows)})
    return [row.label for row in CHALLENGE_KINDS[challenge.kind].score_rows(alone)]


def with_scores(challenge: Challenge, labels: Sequence[str]) -> Challenge:
    """Challenge with some of its scores; as it is without labels.

    Raises
    ------
    OceanbenchError
        if there is no score of a label
    """
    chosen: set[str] = set()
    for label in labels:
        rows = [row for row in challenge.metrics if alike(row.label) == alike(label)]
        found = set(labels_of(challenge, rows)) or {
            row.label for row in challenge.scores if alike(row.label) == alike(label)
        }
        if not found:
            known = [row.label for row in (*challenge.metrics, *challenge.scores)]
            raise OceanbenchError(
                f"{challenge.name}: no score '{label}'; {did_you_mean(label, known)}"
            )
        chosen |= found
    if not chosen:
        return challenge
    scores = [row for row in challenge.scores if row.label in chosen]
    return challenge.model_copy(update={"scores": scores, "whole": challenge.scores})


@contextmanager
def as_submission(
    submission: Submission | xr.Dataset | Path | str, name: str
) -> Iterator[Submission]:
    """Submission of a path, or of a dataset that is written for as long as it is looked at."""
    if isinstance(submission, Submission):
        if name and name != submission.name:
            raise OceanbenchError(f"name: {name}, but the submission is called {submission.name}")
        yield submission
    elif isinstance(submission, str | Path):
        yield Submission(name or name_of(Path(submission)), Path(submission))
    else:
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"{DATASET}.nc"
            _write(submission, path)
            yield Submission(name or "mine", path)


def _write(submission: xr.Dataset, path: Path) -> None:
    """Write a submission to a file; refused where it is nothing that a file can hold."""
    try:
        write_netcdf(submission, path)
    except (TypeError, ValueError, ImportError, NotImplementedError) as problem:
        raise OceanbenchError(
            f"{DATASET}: cannot be written as NetCDF ({in_one_line(problem, LONGEST)}); give it "
            "names of letters, and variables and attributes of numbers, texts and dates without a "
            "time zone"
        ) from problem


def evaluated(
    challenge: Challenge,
    submission: Submission,
    *,
    data_dir: Path | None = None,
    options: Mapping[str, Any] | None = None,
    executor: Executor | None = None,
    kept: Path | None = None,
) -> tuple[Result, Any]:
    """Score a submission as :func:`evaluate` does; the result, and what figures are drawn from."""
    begin = time.perf_counter()
    kind, resources = CHALLENGE_KINDS[challenge.kind], Resources(executor, kept)
    challenge.there(challenge.truth_name, data_dir)  # before the submission is looked at
    found = kind.score(challenge, submission.submitted_to(challenge), data_dir, resources)
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
        provenance=provenance(time.perf_counter() - begin, options or {}) | _some(challenge),
        warnings=found.warnings,
    )
    return result, found.material


def _some(challenge: Challenge) -> dict[str, Any]:
    """What the provenance says where only some scores were asked for."""
    if not challenge.whole:
        return {}
    return {"only": [row.label for row in challenge.scores], "of": len(challenge.whole)}
