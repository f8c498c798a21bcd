"""evaluate(challenge, submission) → Result: the only place where the parts come together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from oceanbench.challenge import Challenge
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.result import Result
from oceanbench.scoring.draws import without_draws
from oceanbench.scoring.provenance import provenance
from oceanbench.submission import INDEPENDENT, Submission


def evaluate(
    challenge: Challenge,
    submission: Submission,
    *,
    data_dir: Path | None = None,
    options: Mapping[str, Any] | None = None,
    executor: Executor | None = None,
) -> Result:
    """Score a submission on a challenge.

    Parameters
    ----------
    challenge : from :meth:`Challenge.load`
    submission : the participant's file
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
    """
    return evaluated(challenge, submission, data_dir=data_dir, options=options, executor=executor)[
        0
    ]


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
