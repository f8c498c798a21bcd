"""Common axes of small bars, which show intervals beside their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from oceanbench.result import Score

WIDTH = 72.0  # of a bar, in the units of its picture
MARGIN = 4.0
WIDE = 8.0  # ratio of the largest to the smallest beyond which an axis is logarithmic
FENCE = 1.5  # of the distance between the quartiles: values beyond are off the axis (Tukey, 1977)


@dataclass(frozen=True)
class Bar:
    """A score and its interval as places on an axis.

    Attributes
    ----------
    low, value, high : places, from 0 to :data:`WIDTH`; low and high are the value's without an
        interval
    cut : whether a part lies outside the axis
    """

    low: float
    value: float
    high: float
    cut: bool


@dataclass(frozen=True)
class Axis:
    """An axis that the scores of one column share.

    Attributes
    ----------
    first, last : values at its ends, or their logarithms
    logarithmic : whether equal ratios are equally far apart
    """

    first: float
    last: float
    logarithmic: bool = False

    @classmethod
    def of(cls, scores: Sequence[Score]) -> Axis | None:
        """Axis of the scores that have a value; None with fewer than two of them."""
        ends = [bounds for score in scores if (bounds := _bounds(score)) is not None]
        if len(ends) < 2:
            return None
        table = np.array(ends)
        logarithmic = bool(table.min() > 0 and table.max() > WIDE * table.min())
        low, value, high = np.log(table).T if logarithmic else table.T
        quarter, three = np.quantile(value, [0.25, 0.75])
        reach = FENCE * (three - quarter)
        inside = (value >= quarter - reach) & (value <= three + reach)
        first, last = float(low[inside].min()), float(high[inside].max())
        return cls(first, last, logarithmic) if last > first else None

    def bar(self, score: Score) -> Bar | None:
        """Bar of a score; None of one without a value."""
        bounds = _bounds(score)
        if bounds is None:
            return None
        span = WIDTH - 2 * MARGIN
        with np.errstate(divide="ignore"):
            ends = np.log(bounds) if self.logarithmic else np.array(bounds)
        places = (MARGIN + span * (ends - self.first) / (self.last - self.first)).tolist()
        low, value, high = (round(min(max(p, MARGIN), WIDTH - MARGIN), 1) for p in places)
        cut = any(not MARGIN - 0.1 <= place <= WIDTH - MARGIN + 0.1 for place in places)
        return Bar(low, value, high, cut)


def _bounds(score: Score) -> tuple[float, float, float] | None:
    """Lower end, value, upper end."""
    if score.value is None:
        return None
    known = score.interval
    return (known.low, score.value, known.high) if known else (score.value,) * 3
