"""What the cases of a result file do to a score of it: what ranks and differences come from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from oceanbench.challenge import Challenge
from oceanbench.declaration import MetricRow
from oceanbench.metrics import METRICS
from oceanbench.result import Result, Score
from oceanbench.scoring.series import influence_of, is_of_sums, sums_of
from oceanbench.scoring.statistics import Influence, of_sums

SAME = 1e-6  # relative difference between a score and that of the sums of its cases
Cases = tuple[bytes, ...]


def influence_on(
    challenge: Challenge, result: Result, score: Score, row: MetricRow
) -> tuple[Influence | None, Cases]:
    """Influences on a score, with the cases and points they are of.

    Where a challenge drops points without an estimate, submissions differ by a few of them: there
    the same cases are enough for a difference to have an interval, which it else would not have.

    Parameters
    ----------
    challenge, result : of one another
    score : of the result
    row : of the challenge, that the score is of

    Returns
    -------
    None and nothing where the file has no cases of the score
    """
    metric = METRICS[row.metric]
    resampled = metric.of_sums(row.options)
    where = (challenge.variable_of(row), challenge.mask_of(row))
    for series in sorted(result.series, key=lambda s: _is_other(s, daily=metric.daily)):
        if (series["variable"], series["mask"]) != where or score.value is None:
            continue
        if not is_of_sums(series):
            if series["label"] == row.label and score.flag is None:
                found = influence_of(series, score.value, metric.limits)
                return found, ("\n".join(map(str, series["case"])).encode(),)
        elif resampled is not None and (series["daily"] or not metric.daily):
            table = sums_of(series, row.label)
            if metric.statistic is not None and table.term is None:
                continue
            drops = challenge.submission.missing == "drop"
            cases = table.case.tobytes(), b"" if drops else table.count.tobytes()
            influence = of_sums(table, resampled, metric.limits)
            if influence is not None and _is_of(influence, score.value):
                return influence, cases
    return None, ()


def _is_other(series: Mapping[str, Any], *, daily: bool) -> bool:
    """Whether sums are by days and the score is not: those by passes or maps come first."""
    return is_of_sums(series) and bool(series["daily"]) != daily


def _is_of(influence: Influence, value: float) -> bool:
    """Whether sums are those of the score: of many leads and depths, one has its cases kept."""
    found = influence.scale.back(influence.value)
    return math.isclose(found, value, rel_tol=SAME, abs_tol=SAME)
