"""What a board checks of a result before it believes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oceanbench.challenge import Challenge
from oceanbench.declaration import MetricRow
from oceanbench.errors import OceanbenchError
from oceanbench.metrics import METRICS, Sums
from oceanbench.result import Result, Score
from oceanbench.scoring.series import is_of_sums, sums_of

ROUNDING = 1e-6  # relative, of a score that is computed again from sums
BESIDE = 0.02  # of a score, by which an interval may miss it
TRUTH = "truth"  # declared observations of the truth itself, without the noise of its measurement
PERFECT = 1e-8  # of the truth's variance: no estimate is as near


def check_result(challenge: Challenge, result: Result, path: Path) -> None:
    """Refuse a result that contradicts its file, its challenge or itself.

    Parameters
    ----------
    challenge : whose board it is to stand on, of the same version
    result : of that challenge
    path : of its file

    Raises
    ------
    OceanbenchError
        if it calls itself otherwise than its file, was scored on another declaration, or has a
        score that its metric cannot have, that its interval or its own sums do not have
    """
    if result.name != path.stem:
        raise OceanbenchError(
            f"{path}: calls itself '{result.name}', and would stand for that one; name the file "
            f"{result.name}.json"
        )
    if result.challenge["sha256"] != challenge.sha256:
        raise OceanbenchError(
            f"{path}: was scored on another {challenge.path.name} of version {challenge.version} "
            f"than this one; evaluate again"
        )
    declared = {row.label: row for row in challenge.scores}
    for score in result.scores:
        row = declared.get(score.label)
        if row is None or score.value is None:
            continue
        metric = METRICS[row.metric]
        low, high = metric.limits
        slack = ROUNDING * max(1.0, abs(score.value))
        if score.metric != row.metric or not low - slack <= score.value <= high + slack:
            raise OceanbenchError(
                f"{path}: {score.label} is {score.value:g} as {score.metric}, expected "
                f"{row.metric} between {low:g} and {high:g}; evaluate again"
            )
        if (found := score.interval) is not None:
            slack = BESIDE * abs(score.value) + 1e-12
            if not found.low - slack <= score.value <= found.high + slack:
                raise OceanbenchError(
                    f"{path}: {score.label} is {score.value:g}, outside its own interval "
                    f"[{found.low:g}, {found.high:g}]; evaluate again"
                )
        again = of_its_sums(row, result, score)
        if again is not None and not np.isclose(again, score.value, rtol=ROUNDING, atol=1e-12):
            raise OceanbenchError(
                f"{path}: {score.label} is {score.value:g}, and its own sums give {again:g}; "
                "evaluate again"
            )


def of_its_sums(row: MetricRow, result: Result, score: Score) -> float | None:
    """Score as the sums in a result give it; None where they are not there."""
    metric = METRICS[row.metric]
    if metric.summed != "points" or row.of_a_part:
        return None  # of forecasts the sums are those of the score that ranks
    for series in result.series:
        same = (series["variable"], series["mask"]) == (score.variable, score.mask)
        if not same or not is_of_sums(series) or series["daily"] < metric.daily:
            continue
        table = sums_of(series, row.label)
        if metric.statistic is not None and table.term is None:
            continue
        return float(metric.value_of(table, row.options))
    return None


def is_truth(challenge: Challenge, result: Result) -> bool:
    """Whether a submission is the truth: by its checksum, or since no estimate is as near.

    A row that says so itself, of the truth without the noise of its measurement, is not meant.
    """
    if result.submission.get("observations") == TRUTH:
        return False
    known = challenge.datasets[challenge.truth_name].sha256
    sums = list(known.values()) if isinstance(known, dict) else [known]
    if result.submission.get("sha256") in [one for one in sums if one is not None]:
        return True
    tables = [sums_of(s, "") for s in result.series if is_of_sums(s)]
    return any(_perfect(table) for table in tables if table.weight.sum() > 0)


def _perfect(table: Sums) -> bool:
    weight = table.weight.sum()
    variance = table.squared_truth.sum() - table.truth.sum() ** 2 / weight
    return bool(variance > 0 and table.squared_error.sum() < PERFECT * variance)
