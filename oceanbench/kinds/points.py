"""Kinds whose submission is matched with the truth point by point, in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from oceanbench.declaration import Declaration, MetricRow
from oceanbench.kinds.kind import Resources, Submitted
from oceanbench.scoring.points import Evaluated, Pieces, in_words, score_points
from oceanbench.scoring.rows_apart import apart, joined_points
from oceanbench.scoring.sharing import SharedWork

MatchedBy = Callable[[Declaration, Submitted, Path | None, str], Pieces]  # against a dataset


def score_by(
    matched: MatchedBy,
    declaration: Declaration,
    submitted: Submitted,
    data_dir: Path | None,
    resources: Resources,
) -> Evaluated:
    """Scores of estimates at points; workers share those that have no statistic in common."""
    truth = declaration.truth_name
    if resources.executor is None:
        return score_points(declaration, matched(declaration, submitted, data_dir, truth))
    groups = apart(declaration)
    work = partial(_some_scores, matched, declaration, submitted, data_dir)
    shared = SharedWork(work, groups, resources.executor, "scoring")
    found = matched(
        declaration, submitted, data_dir, truth
    )  # which refuses, and is what figures are of
    return joined_points(declaration, found, list(shared))


def _some_scores(
    matched: MatchedBy,
    declaration: Declaration,
    submitted: Submitted,
    data_dir: Path | None,
    rows: Sequence[MetricRow],
) -> Evaluated:
    """Some scores, from files: what a worker does."""
    own = declaration.model_copy(update={"scores": list(rows)})
    found = matched(own, submitted, data_dir, own.truth_name)
    return replace(score_points(own, found), material=None)


def validate_by(
    matched: MatchedBy, declaration: Declaration, submitted: Submitted, data_dir: Path | None
) -> list[str]:
    """How many points of each mask can be scored, of the truth's or the target's."""
    return in_words(matched(declaration, submitted, data_dir, declaration.scored_at(data_dir)))
