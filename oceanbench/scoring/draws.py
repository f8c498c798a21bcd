"""Scores that take members for independent draws, of submissions that do not say they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from oceanbench.metrics import METRICS
from oceanbench.metrics.aligned import NOT_DRAWS
from oceanbench.result import Score


def without_draws(
    scores: Sequence[Score], series: Sequence[dict[str, Any]]
) -> tuple[list[Score], list[dict[str, Any]]]:
    """Scores and series of a submission whose members are not declared as independent draws.

    Returns
    -------
    scores, with the flag ``not_draws`` in place of each that takes them for such; series without
    their terms
    """
    withheld = {s.label for s in scores if METRICS[s.metric].of_draws}
    if not withheld:
        return list(scores), list(series)
    kept = [
        replace(s, value=None, interval=None, flag=NOT_DRAWS.flag) if s.label in withheld else s
        for s in scores
    ]
    return kept, [_without(part, withheld) for part in series]


def _without(part: dict[str, Any], labels: set[str]) -> dict[str, Any]:
    terms = {k: v for k, v in part.get("terms", {}).items() if k not in labels}
    rest = {k: v for k, v in part.items() if k != "terms"}
    return {**rest, "terms": terms} if terms else rest
