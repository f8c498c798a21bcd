r"""How sure a score is: block bootstrap over time, and the comparison of two submissions.

Daily maps are correlated in time, so days are not resampled one by one but in blocks longer than
the decorrelation time of the squared error; an ordinary bootstrap would give intervals that are
too narrow. Windows are independent of each other, and resampled one by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from oceanbench.metrics.sums import Sums
from oceanbench.result import Interval

REPLICATES = 1000
LEVEL = 0.95
SEED = 20121022  # fixed: the interval of a score is reproducible

FloatArray = NDArray[np.float64]


def decorrelation_time(series: FloatArray) -> int:
    r"""First lag at which the autocorrelation of a series falls below 1/e.

    Parameters
    ----------
    series : shape (n,), evenly spaced

    Returns
    -------
    int, in steps of the series, at least 1 and at most n
    """
    anomaly = series - series.mean()
    variance = float(anomaly @ anomaly)
    if variance == 0.0:
        return 1
    size = int(series.size)
    for lag in range(1, size):
        correlation = float(anomaly[:-lag] @ anomaly[lag:]) / variance
        if correlation < math.exp(-1.0):
            return lag
    return size


def block_length(series: FloatArray) -> int:
    r"""Three times the decorrelation time, between :math:`n^{1/3}` and a third of the series."""
    n = int(series.size)
    wanted = max(3 * decorrelation_time(series), round(math.cbrt(n)))
    return max(1, min(wanted, n // 3))


def block_indices(n: int, block: int, replicates: int, seed: int = SEED) -> NDArray[np.intp]:
    """Indices of a circular moving-block bootstrap.

    Parameters
    ----------
    n : length of the series
    block : length of a block
    replicates : number of resampled series
    seed : of the random starts

    Returns
    -------
    ndarray (replicates, n)

    References
    ----------
    Politis and Romano (1992), A circular block-resampling procedure for stationary data;
    Künsch (1989), doi:10.1214/aos/1176347265
    """
    blocks = -(-n // block)
    starts = np.random.default_rng(seed).integers(0, n, size=(replicates, blocks))
    index = (starts[..., None] + np.arange(block)) % n
    return index.reshape(replicates, -1)[:, :n]


def interval(sums: Sums, of_sums: Callable[[Sums], Any]) -> Interval | None:
    """Interval of a score, from a block bootstrap over the times of its sums, or over windows.

    Parameters
    ----------
    sums : per time, of one submission
    of_sums : the score as a function of sums

    Returns
    -------
    Interval, or None with fewer than 9 times: three blocks of three are the least
    """
    n = sums.case.size
    if n < 9:
        return None
    block = _block(sums, _mean_squared_error(sums))
    index = block_indices(n, block, REPLICATES)
    return _widened(of_sums(sums), of_sums(sums.take(index)), n, block)


def paired_difference(first: Sums, second: Sums, of_sums: Callable[[Sums], Any]) -> Interval | None:
    """Interval of the difference of two submissions' scores, both resampled at the same times.

    What makes a day hard is common to both, and cancels: the paired interval is narrower than two
    separate ones suggest.

    Parameters
    ----------
    first, second : sums at the same times
    of_sums : the score as a function of sums

    Returns
    -------
    Interval of score(first) - score(second); None where the times differ or are too few
    """
    n = first.case.size
    if n < 9 or not np.array_equal(first.case, second.case):
        return None
    block = _block(first, _mean_squared_error(first) - _mean_squared_error(second))
    index = block_indices(n, block, REPLICATES)
    replicates = of_sums(first.take(index)) - of_sums(second.take(index))
    return _widened(of_sums(first) - of_sums(second), replicates, n, block)


def _widened(score: Any, replicates: Any, n: int, block: int) -> Interval | None:
    r"""Percentiles of the replicates, widened about the score for the few blocks they come from.

    With :math:`m = n/b` blocks, a block bootstrap sees only :math:`1 - b/n` of the variance, and
    its deviations follow Student's law with :math:`m - 1` degrees of freedom rather than a normal
    one: distances from the score are multiplied by
    :math:`t_{m-1}(0.975) / 1.96 \cdot \sqrt{n / (n - b)}`.
    """
    values = np.asarray(replicates, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    tails = (1 - LEVEL) / 2, (1 + LEVEL) / 2
    freedom = max(n / block - 1, 2.0)
    factor = stats.t.ppf(tails[1], freedom) / stats.norm.ppf(tails[1]) * math.sqrt(n / (n - block))
    low, high = float(score) + factor * (np.quantile(values, tails) - float(score))
    return Interval(LEVEL, float(low), float(high))


def _block(sums: Sums, series: FloatArray) -> int:
    """Length of the blocks: cases that are dated follow each other, windows are independent."""
    return block_length(series) if sums.case.dtype.kind == "M" else 1


def _mean_squared_error(sums: Sums) -> FloatArray:
    return sums.squared_error / sums.weight
