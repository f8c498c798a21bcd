"""Whether a distribution says how wrong it is, and where: histograms of ranks, error and spread."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.errors import OceanbenchError
from oceanbench.metrics.aligned import aligned_weights
from oceanbench.metrics.options import Bins, NonNegative
from oceanbench.metrics.probabilistic.distribution import Ensemble, Gaussian, Single
from oceanbench.metrics.probabilistic.points import at_points, blocks, mean_of
from oceanbench.metrics.sums import case_first, cases_of, ratio

ROUNDING = 1e-9  # predictions that differ by less are equal: no bin ends between them


def pit_histogram(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    bins: Bins = 10,
    truth_error: NonNegative = 0.0,
) -> FloatArray:
    r"""Histogram of the probability integral transform: flat if the truth is drawn as the estimate.

    A Gaussian gives the probability :math:`\Phi(z)` of a value below the truth. With :math:`r` of
    :math:`M` members below it, that probability lies in :math:`[r, r + 1] / (M + 1)`, an interval
    that is shared out among the bins that it covers; a truth equal to members is shared out among
    the ranks that it could have. So no random number is needed, a perfect ensemble of any size is
    flat, and with :math:`M + 1` bins this is the rank histogram.

    Parameters
    ----------
    estimate : DataArray like the truth, with a dimension ``member`` or ``moment``
    truth : DataArray, any dimensions
    weights : DataArray broadcastable to truth, >= 0
    bins : of equal width between 0 and 1
    truth_error : standard deviation of the truth's own error, in the variable's unit

    Returns
    -------
    ndarray (bins,), fractions that sum to one; NaN if no weight is positive

    Raises
    ------
    OceanbenchError
        if the estimate is a single value at each point

    References
    ----------
    Hamill (2001), doi:10.1175/1520-0493(2001)129<0550:IORHFV>2.0.CO;2;
    Czado, Gneiting and Held (2009), doi:10.1111/j.1541-0420.2009.01191.x
    """
    return fractions(pit_table(estimate, truth, weights, bins=bins, truth_error=truth_error))


def pit_table(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    bins: Bins = 10,
    truth_error: NonNegative = 0.0,
) -> FloatArray:
    """Weight in each bin of :func:`pit_histogram`.

    Parameters
    ----------
    estimate, truth, weights, bins, truth_error : as for :func:`pit_histogram`

    Returns
    -------
    ndarray (2, bins): the number of the bin, and sums of weights
    """
    edges = np.linspace(0.0, 1.0, bins + 1)
    below = np.zeros(bins + 1)
    for distribution, known, w in _distributions(estimate, truth, weights, truth_error):
        low, high = distribution.pit(known)
        below += [w @ _share_below(edge, low, high) for edge in edges]
    return np.vstack([np.arange(bins), np.diff(below)])


def fractions(table: FloatArray) -> FloatArray:
    """Part of the weight of a table of :func:`pit_table` that is in each bin."""
    return ratio(table[1], np.full(table.shape[1], table[1].sum()))


def share_inside(
    distribution: Ensemble | Gaussian, truth: FloatArray, *, level: float = 0.9
) -> FloatArray:
    """Part of the truth's place in a distribution that lies inside the central interval."""
    low, high = distribution.pit(truth)
    tail = (1.0 - level) / 2
    return _share_below(1.0 - tail, low, high) - _share_below(tail, low, high)


def _share_below(edge: float, low: FloatArray, high: FloatArray) -> FloatArray:
    """Part of each interval [low, high] that lies below an edge; of a point, all or nothing."""
    wide = high > low
    part = np.divide(edge - low, high - low, out=np.zeros_like(low), where=wide)
    whole = (low < edge) | (edge >= 1.0)  # the last bin holds its upper edge
    result: FloatArray = np.where(wide, np.clip(part, 0.0, 1.0), whole)
    return result


def spread_skill_curve(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    bins: Bins = 10,
    truth_error: NonNegative = 0.0,
) -> xr.Dataset:
    """RMSE of the mean against the expected one, in bins of points where a like one is expected.

    The expected squared error is that of
    :func:`oceanbench.metrics.probabilistic.scores.spread_skill`; its quantiles part the points into
    bins of about as many points each.

    Parameters
    ----------
    estimate, truth, weights, truth_error : as for :func:`pit_histogram`
    bins : at most; fewer where many points expect the same error

    Returns
    -------
    Dataset (bin) with ``expected`` and ``found`` in the variable's unit, and ``count`` of points

    Raises
    ------
    OceanbenchError
        if the estimate is a single value at each point

    References
    ----------
    Fortin et al. (2014), doi:10.1175/JHM-D-14-0008.1
    """
    parts = [
        (w, distribution.expected_squared_error(), (distribution.mean() - known) ** 2)
        for distribution, known, w in _distributions(estimate, truth, weights, truth_error)
    ]
    w, expected, found = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    edges = np.quantile(expected, np.arange(1, bins) / bins) if expected.size else expected
    number = np.searchsorted(edges * (1 - ROUNDING), expected, side="right")
    kept = np.unique(number)
    total = np.bincount(number, w)[kept]
    table = {
        "expected": np.sqrt(np.bincount(number, w * expected)[kept] / total),
        "found": np.sqrt(np.bincount(number, w * found)[kept] / total),
        "count": np.bincount(number)[kept],
    }
    return xr.Dataset({name: ("bin", column) for name, column in table.items()})


def spread_error_correlation(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    truth_error: NonNegative = 0.0,
) -> xr.DataArray:
    r"""Whether the spread tells where the mean is wrong: rank correlation of both, case by case.

    Spearman's correlation over the scored points of a case (a map time, a UTC day or a pass of a
    track, a window) between the expected error, of which
    :func:`oceanbench.metrics.probabilistic.scores.spread_skill` says whether it is right on
    average, and the absolute error of the mean; cases weigh with the sum of their weights. A spread
    that is the same everywhere tells nothing: 0. Even a perfect one has less than 1, since an error
    is a draw: of Gaussians whose standard deviations have a logarithm of deviation s, 0.26 for
    s = 0.25, 0.45 for 0.5 and 0.69 for 1
    (``tests/metrics/probabilistic/test_scores.py``). It does not rank: a spread that is wrong by
    any increasing function has the same.

    Parameters
    ----------
    estimate, truth, weights, truth_error : as for :func:`pit_histogram`

    Returns
    -------
    DataArray of the correlation of each case, at every one of its points; zero without weight. Flag
    ``deterministic`` for a single value
    """

    def at(quantity: Callable[..., FloatArray]) -> FloatArray:
        found = at_points(quantity, estimate, truth, weights, truth_error=truth_error)
        return found.transpose(*order).values

    order = case_first(truth)
    expected = at(lambda distribution, _: distribution.expected_squared_error())
    error = at(lambda distribution, known: np.abs(distribution.mean() - known))
    weight = aligned_weights(mean_of(estimate, truth, weights), truth, weights, order)
    result = np.zeros(weight.shape)
    for case in cases_of(truth):
        here = weight[case] > 0
        if here.any():
            found = rank_correlation(expected[case][here], error[case][here], weight[case][here])
            result[case] = np.where(here, found, 0.0)
    return truth.transpose(*order).copy(data=result)


def rank_correlation(first: FloatArray, second: FloatArray, weight: FloatArray) -> float:
    """Spearman's, weighted; what differs by rounding is equal, and 0 where all of one are equal."""
    ranks = np.stack([_middle_ranks(values, weight) for values in (first, second)])
    (one, both), (_, other) = np.cov(ranks, aweights=weight, ddof=0)
    return float(both / np.sqrt(one * other)) if one * other > 0 else 0.0


def _middle_ranks(values: FloatArray, weight: FloatArray) -> FloatArray:
    """Weight of what is smaller, and half of that of what is equal."""
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    place = np.empty(values.size, dtype=np.intp)
    place[order] = np.cumsum(np.diff(ascending, prepend=ascending[:1]) > ROUNDING * ascending)
    at = np.bincount(place, weight)
    result: FloatArray = (np.cumsum(at) - 0.5 * at)[place]
    return result


def _distributions(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray, truth_error: float
) -> Iterator[tuple[Ensemble | Gaussian, FloatArray, FloatArray]]:
    """Distributions, truth and weights of some points after the others."""
    for block in blocks(estimate, truth, weights, truth_error=truth_error):
        if isinstance(block.estimate, Single):
            raise OceanbenchError(
                "one value at each point is no distribution; give members, or mean and deviation"
            )
        yield block.estimate, block.truth, block.weights
