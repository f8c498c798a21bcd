r"""How sure a score is: the influence of every case on it, and the error of their mean.

Near the score that was found, any score is a mean over cases (days, passes, starts, windows) of the
*influence* of each. The influences come from resampled cases; the error of their mean, from
:mod:`oceanbench.scoring.memory`, which knows that neighbouring days are wrong in the same way. It
is the score's own series that is looked at: what matters to a ratio is the memory of both its
parts.

Scores with a bound are looked at by the logarithm of their distance from it, in which their errors
are all but symmetric, so that no interval crosses the bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from oceanbench.arrays import FloatArray, IndexArray
from oceanbench.metrics.cases import Parts
from oceanbench.metrics.sums import Sums
from oceanbench.result import Interval
from oceanbench.scoring.memory import spread

LEVEL = 0.95
SEED = 20121022  # fixed: the interval of a score is reproducible
LEAST_CASES = 9
STEP = 1e-4  # on a scale, of a numerical derivative
MOST_GROUPS = 400  # cases that follow each other are resampled together beyond that number
REPLICATES = 400  # and two for each group
VALUES_AT_ONCE = 2**20  # of resampled sums: bounds the memory, not the result
KNOWN = 0.95  # part of the replicates that must have a number

Values = Callable[[IndexArray], FloatArray]  # (replicates, n) cases -> score of each


@dataclass(frozen=True)
class Scale:
    """How a score is looked at: by the logarithm of its distance from a bound, if it has one.

    Attributes
    ----------
    low, high : bounds of the score, infinite where there is none
    """

    low: float = -math.inf
    high: float = math.inf

    @property
    def bounded(self) -> bool:
        """Whether the score has a bound, so that differences on the scale are relative."""
        return math.isfinite(self.low) or math.isfinite(self.high)

    def to(self, score: Any) -> FloatArray:
        """Score on the scale; infinite on a bound."""
        found = np.asarray(score, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            above = np.log(found - self.low) if math.isfinite(self.low) else 0.0
            below = np.log(self.high - found) if math.isfinite(self.high) else 0.0
        return np.asarray(above - below) if self.bounded else found

    def back(self, value: float) -> float:
        """Score at a place of the scale."""
        with np.errstate(over="ignore"):
            if math.isfinite(self.low) and math.isfinite(self.high):
                return self.low + (self.high - self.low) / (1.0 + float(np.exp(-value)))
            if math.isfinite(self.low):
                return self.low + float(np.exp(value))
            return self.high - float(np.exp(-value)) if math.isfinite(self.high) else value


@dataclass(frozen=True)
class Influence:
    """What every case does to a score, on a scale.

    Attributes
    ----------
    value : the score on the scale
    of_case : (n,), whose mean is zero: the score moves as their mean does. Of long series, that of
        runs of cases
    scale : on which
    dated : whether the cases follow each other
    """

    value: float
    of_case: FloatArray
    scale: Scale
    dated: bool

    def unscaled(self) -> Influence:
        """Influence on the score itself."""
        slope = (self.scale.back(self.value + STEP) - self.scale.back(self.value - STEP)) / 2 / STEP
        score = self.scale.back(self.value)
        return Influence(score, slope * self.of_case, Scale(), self.dated)

    def interval(self) -> Interval | None:
        """Interval of the score, symmetric on the scale; None where it has no end."""
        reach = float(spread(self.of_case, dated=self.dated).reach(LEVEL))
        ends = (self.scale.back(self.value + side * reach) for side in (-1.0, 1.0))
        low, high = sorted(ends)
        return Interval(LEVEL, low, high) if math.isfinite(high - low) else None


def influence(
    values: Values, n: int, bounds: tuple[float, float], *, dated: bool, bent: bool = False
) -> Influence | None:
    r"""Influence of every case on a score: its regression on how often each case is drawn.

    With the counts :math:`N_i` of the cases in a resampled score :math:`\theta^*`,
    :math:`\theta^* \approx \theta + \tfrac1n \sum_i \psi_i (N_i - 1)` defines the influences
    :math:`\psi_i`. Of a score that jumps, as a crossing of spectra does, they are means over the
    jumps.

    Parameters
    ----------
    values : cases (replicates, n) -> the score of each choice of them, NaN where it has no number
    n : number of cases
    bounds : of the score, see :class:`Scale`
    dated : whether the cases follow each other
    bent : whether the score is far from linear in the cases, as a crossing of spectra is: then the
        influences are enlarged by as much as the resampled scores vary more than they explain

    Returns
    -------
    Influence, or None with fewer than 9 cases, or where more than 1 of 20 replicates have no number

    References
    ----------
    Efron (2014), Estimation and accuracy after model selection, doi:10.1080/01621459.2013.823775
    """
    if n < LEAST_CASES:
        return None
    index, solve = _drawn(n)
    step = max(1, VALUES_AT_ONCE // n)
    parts = [values(index[i : i + step]) for i in range(0, len(index), step)]
    replicates = np.concatenate(parts).astype(np.float64)
    score = float(values(np.arange(n)[None, :])[0])
    known = np.isfinite(replicates)
    if not math.isfinite(score) or known.mean() < KNOWN:
        return None
    scale = Scale(*bounds)
    if not np.isfinite(scale.to(np.append(replicates[known], score))).all():
        scale = Scale()
    drawn = scale.to(np.where(known, replicates, score))
    if known.all():
        of_group = solve @ (drawn - drawn.mean())
    else:
        counts = _counts(n)[known]
        centred = counts - counts.mean(axis=0)
        of_group = np.linalg.lstsq(centred, drawn[known] - drawn[known].mean(), rcond=1e-9)[0]
    of_case = len(of_group) * of_group
    explained = float(of_case.var()) / len(of_group)
    if bent and explained > 0.0:
        of_case = of_case * math.sqrt(max(1.0, float(drawn[known].var()) / explained))
    return Influence(float(scale.to(score)), of_case - of_case.mean(), scale, dated)


def of_sums(
    sums: Sums, score: Callable[[Sums], Any], bounds: tuple[float, float]
) -> Influence | None:
    """Influence of the cases of sums: times follow each other, windows are independent.

    Parameters
    ----------
    sums : per case, of one submission
    score : as a function of sums
    bounds : between which it lies
    """
    dated = sums.case.dtype.kind == "M"
    return influence(lambda i: np.asarray(score(sums.take(i))), sums.case.size, bounds, dated=dated)


def of_parts(
    parts: Parts, score: Callable[[Any], float], bounds: tuple[float, float]
) -> Influence | None:
    """Influence of the parts of a statistic that is a mean over passes, rows or days.

    Parameters
    ----------
    parts : of one submission
    score : number of a statistic, NaN where it has none
    bounds : between which it lies
    """
    n = len(parts.case)

    def values(index: IndexArray) -> FloatArray:
        counts = (np.bincount(row, minlength=n).astype(np.float64) for row in index)
        return np.array([score(parts.whole(count)) for count in counts])

    return influence(values, n, bounds, dated=True, bent=True)


def interval(
    sums: Sums,
    score: Callable[[Sums], Any],
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Interval | None:
    """Interval of a score of sums, as :func:`of_sums` and :meth:`Influence.interval` make it."""
    found = of_sums(sums, score, bounds)
    return None if found is None else found.interval()


def _groups(n: int) -> tuple[int, int]:
    """How many cases are resampled together, and the number of such groups."""
    size = -(-n // MOST_GROUPS)
    return size, n // size


@lru_cache(maxsize=8)
def _counts(n: int) -> FloatArray:
    """How often every group is drawn, (replicates, groups)."""
    groups = _groups(n)[1]
    chosen = _chosen(groups)
    return np.stack([np.bincount(row, minlength=groups) for row in chosen]).astype(np.float64)


def _chosen(groups: int) -> IndexArray:
    random = np.random.default_rng(SEED)
    return random.integers(0, groups, size=(REPLICATES + 2 * groups, groups))


@lru_cache(maxsize=8)
def _drawn(n: int) -> tuple[IndexArray, FloatArray]:
    """Resampled cases, and the solution of the regression on the counts.

    The cases that are left over when groups are made are in every sample once.
    """
    size, groups = _groups(n)
    cases = (_chosen(groups)[..., None] * size + np.arange(size)).reshape(-1, groups * size)
    rest = np.broadcast_to(np.arange(groups * size, n), (len(cases), n - groups * size))
    counts = _counts(n)
    solve = np.linalg.pinv(counts - counts.mean(axis=0), rcond=1e-9)
    return np.concatenate([cases, rest], axis=1), solve
