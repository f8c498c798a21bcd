"""Kinds whose submission is matched with the truth point by point, in memory and in one process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from oceanbench.declaration import Declaration
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.kind import Means, Submitted
from oceanbench.scoring.points import Evaluated, Pieces, in_words, score_points

MatchedBy = Callable[[Declaration, Submitted, Path | None], Pieces]


def score_by(
    matched: MatchedBy,
    declaration: Declaration,
    submitted: Submitted,
    data_dir: Path | None,
    means: Means,
) -> Evaluated:
    """Scores of estimates at points; workers are refused, since there is nothing to share."""
    if means.executor is not None:
        raise OceanbenchError(
            f"{declaration.name}: workers share the starts of forecasts, and its kind is "
            f"'{declaration.kind}'; evaluate without them"
        )
    return score_points(declaration, matched(declaration, submitted, data_dir))


def validate_by(
    matched: MatchedBy, declaration: Declaration, submitted: Submitted, data_dir: Path | None
) -> list[str]:
    """How many points of each mask can be scored."""
    return in_words(matched(declaration, submitted, data_dir))
