r"""How much two scores of the same cases differ, and how sure that is.

With the influences :math:`\psi_i, \phi_i` of the cases on both scores, their difference moves as
the mean of :math:`\psi_i - \phi_i` does: what makes a day hard is common to both, and cancels.
Scores that begin at zero are compared by the logarithm :math:`\delta` of their ratio, and their
difference is :math:`2 \sqrt{ab} \sinh(\delta / 2)`, the geometric mean of both held fast: from the
other side it has the same interval, turned over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

import pandas as pd

from oceanbench.result import Interval
from oceanbench.scoring.memory import spread
from oceanbench.scoring.statistics import LEVEL, Influence, Scale

FROM_ZERO = Scale(low=0.0)


@dataclass(frozen=True)
class Difference:
    """One score of two submissions.

    Attributes
    ----------
    label, units, better : of the score
    first, second : its values; None where there is none
    difference : of the first less the second, and its 95 % interval where both have their cases
    interval : of the difference
    ratio, of_ratio : the first over the second, of scores that begin at zero and have no end (not
        of probabilities, coverages and correlations), and its interval
    verdict : of the first against the second: ``better``, ``worse`` (or ``different``, of a score
        without better or worse), ``not told apart`` with a probability of error of 5 % each,
        ``equal``, ``no interval`` or ``no score to compare``
    """

    label: str
    units: str
    better: str | None
    first: float | None
    second: float | None
    difference: float | None
    interval: Interval | None
    ratio: float | None
    of_ratio: Interval | None
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """Two submissions to one challenge.

    Attributes
    ----------
    challenge : its name
    first, second : names of the submissions
    differences : in the order of the challenge's scores
    """

    challenge: str
    first: str
    second: str
    differences: Sequence[Difference]

    def to_dataframe(self) -> pd.DataFrame:
        """Differences as a table, a row a score."""
        rows = []
        for found in self.differences:
            row: dict[str, Any] = asdict(found)
            for name, interval in (("difference", "interval"), ("ratio", "of_ratio")):
                bounds = row.pop(interval)
                row[f"{name}_low"] = bounds and bounds["low"]
                row[f"{name}_high"] = bounds and bounds["high"]
            rows.append(row)
        return pd.DataFrame(rows)

    def _repr_html_(self) -> str:
        shown = self.to_dataframe().to_html(index=False, na_rep="–", escape=True)
        heading = escape(f"{self.first} against {self.second}, {self.challenge}")
        return f"<p>{heading}</p>{shown}"


@dataclass(frozen=True)
class Paired:
    """Difference of two scores.

    Attributes
    ----------
    difference : interval of the first less the second
    ratio : interval of the first over the second; None of scores that do not begin at zero
    sure : whether the difference is none of chance, with a probability of error of 5 %
    """

    difference: Interval
    ratio: Interval | None
    sure: bool


def paired(first: Influence, second: Influence) -> Paired | None:
    """Compare two scores by the influences of the same cases, in the same order.

    Parameters
    ----------
    first, second : as many cases, dated or not

    Returns
    -------
    None where the interval has no end
    """
    relative = first.scale == second.scale == FROM_ZERO
    if not relative:
        first, second = first.unscaled(), second.unscaled()
    apart = first.value - second.value
    errors = spread(first.of_case - second.of_case, dated=first.dated)
    reach = float(errors.reach(LEVEL))
    low, high = apart - reach, apart + reach
    if not math.isfinite(high - low):
        return None
    ratio = None
    if relative:
        ratio = Interval(LEVEL, math.exp(low), math.exp(high))
        size = 2.0 * math.exp((first.value + second.value) / 2.0)  # the same from either side
        low, high = size * math.sinh(low / 2.0), size * math.sinh(high / 2.0)
    return Paired(Interval(LEVEL, low, high), ratio, not low <= 0.0 <= high)
