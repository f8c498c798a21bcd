"""Scores of estimates at points that may be computed apart, and put together again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oceanbench.declaration import Declaration, MetricRow
from oceanbench.metrics import METRICS
from oceanbench.scoring.points import Evaluated, Pieces, coverage_of
from oceanbench.scoring.sanity import warnings_of


def apart(declaration: Declaration) -> list[list[MetricRow]]:
    """Scores by groups that share no statistic: of one variable, mask and kind of sums."""
    groups: dict[Any, list[MetricRow]] = {}
    for row in declaration.scores:
        metric = METRICS[row.metric]
        sums = "points" if metric.summed == "points" else metric.key(row.options)
        key = (declaration.variable_of(row), declaration.mask_of(row), sums)
        groups.setdefault(key, []).append(row)
    return list(groups.values())


def joined_points(
    declaration: Declaration, matched: Pieces, parts: Sequence[Evaluated]
) -> Evaluated:
    """All scores, as :func:`oceanbench.scoring.points.score_points` has them at once.

    Parameters
    ----------
    declaration : of the challenge
    matched : estimates, matched with the truth
    parts : scores of each group of :func:`apart`
    """
    scores = {score.label: score for part in parts for score in part.scores}
    written = [one for part in parts for one in part.series]
    influences = {one["label"]: one for one in written if "label" in one}
    labels = [row.label for row in declaration.scores]
    series = [influences[label] for label in labels if label in influences]
    for variable, mask in matched:
        key = {"variable": variable, "mask": mask}.items()
        series += [one for one in written if "label" not in one and key <= one.items()]
    return Evaluated(
        [scores[label] for label in labels],
        coverage_of(matched),
        series,
        warnings_of(matched),
        matched,
    )
