"""Whether the truth is drawn as members are: a test of its ranks, where neighbours are alike."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy import special

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.metrics.aligned import NO_DATA, Flagged
from oceanbench.metrics.options import NonNegative
from oceanbench.metrics.probabilistic.distribution import Ensemble, Gaussian
from oceanbench.metrics.probabilistic.points import at_points, mean_of
from oceanbench.metrics.sums import sums, term_of

ORDER = 4  # place, width, skewness, tails
LEAST_CASES = 8
LONGEST = 0.9  # correlation of neighbours that is thought possible
LEAST_VARIANCE = 0.3  # part of a variance that a short series with a memory still shows
ROUNDING = 1e-12  # a mean this small is zero


class RankMoments(NamedTuple):
    """Moments of the ranks of every case.

    Attributes
    ----------
    values : (order, cases)
    weights : (cases,)
    dated : whether the cases follow each other in time
    """

    values: FloatArray
    weights: FloatArray
    dated: bool

    def mean(self) -> FloatArray:
        """Weighted mean over the cases, (order,)."""
        result: FloatArray = self.values @ self.weights / self.weights.sum()
        return result

    def memory(self) -> FloatArray:
        """Correlation of neighbouring cases, (order,), no less than zero; zero if not dated.

        That of a short series is too small by (1 + 4 r) / n, as its mean is its own (Kendall 1954,
        doi:10.1093/biomet/41.3-4.403).
        """
        apart = self.values - self.mean()[:, None]
        n, square = apart.shape[1], (apart**2).sum(axis=1)
        if not self.dated:
            return np.zeros(len(apart))
        product = (apart[:, 1:] * apart[:, :-1]).sum(axis=1)
        found = np.divide(product, square, out=np.zeros_like(square), where=square > 0)
        result: FloatArray = np.clip((n * found + 1.0) / (n - 4.0), 0.0, LONGEST)
        return result


def rank_uniformity(found: RankMoments) -> float | Flagged:
    r"""Probability of ranks as uneven as these, if truth and members were drawn alike.

    Simulation-based calibration: where truths and observations are joint draws, the rank of the
    truth among draws of the posterior is uniform, and so is its probability under a Gaussian. With
    that probability :math:`u` of a value below the truth, every case (a map, a day or pass of a
    track, a window) has the moments

    .. math:: v_k = \langle \sqrt{2 k + 1} \, P_k(2 u - 1) \rangle, \quad k = 1, \dots, 4,

    of Legendre's polynomials, over its points; a rank among M members is shared out over
    :math:`[r, r + 1] / (M + 1)`. Uniform ranks have expectations of zero, for any M and however
    alike the points of a case are: :math:`v_1` is of the place (above zero where the truth lies
    too high), :math:`v_2` of the width (above zero where members are too sure, below where they
    are too wide), :math:`v_3` and :math:`v_4` of skewness and tails. Student's test compares the
    mean of each over the cases with its error, which grows with the correlation :math:`r` of
    neighbouring cases as :math:`\sqrt{(1 + r) / (1 - r)}`; windows are independent. The smallest
    of the four probabilities counts, :math:`1 - (1 - p)^4`. Cases of weights :math:`w` count as
    :math:`(\sum w)^2 / \sum w^2` of equal ones.

    Of a perfect estimate the score is uniform between 0 and 1 where cases are known to be
    independent: below 0.05 in one challenge of twenty. Of 24 dated cases it is so in fewer if they
    are independent, and in one of eight if neighbours are correlated by 0.7
    (``tests/metrics/probabilistic/test_uniformity.py``). Members that are the same for all cases
    are one draw, of which it knows nothing. It never ranks. The climate has uniform ranks too, and
    so have members that are far away on either side in shares drawn at random: uniform ranks say
    that a distribution is not wrong on average, and not that anything was learned. Few cases tell
    little; a value near 1 is no proof.

    Parameters
    ----------
    found : of :func:`rank_moments`

    Returns
    -------
    flag ``no_data`` for fewer than eight cases, or weights that leave less than eight equal ones;
    ``deterministic`` for a single value

    References
    ----------
    Talts et al. (2018), doi:10.48550/arXiv.1804.06788; Jolliffe and Primo (2008), on the parts of a
    histogram of ranks, doi:10.1175/2007MWR2219.1
    """
    whole, squares = float(found.weights.sum()), float((found.weights**2).sum())
    n = whole**2 / squares if squares else 0.0
    if n < LEAST_CASES * (1.0 - ROUNDING):
        return NO_DATA
    mean, memory, share = found.mean(), found.memory(), found.weights / whole
    longer = (1.0 + memory) / (1.0 - memory)  # cases that are as good as one
    seen = np.maximum(1.0 - (longer - 1.0) / (n - 1.0), LEAST_VARIANCE)
    variance = n / (n - 1.0) * ((share * (found.values - mean[:, None])) ** 2).sum(axis=1)
    error = np.sqrt(variance * longer / seen)
    freedom = np.maximum(n * (1.0 - memory**2) / (1.0 + memory**2) - 1.0, 1.0)
    away = np.where(np.abs(mean) > ROUNDING, np.abs(mean), 0.0)
    ratio = np.divide(away, error, out=np.where(away > 0, np.inf, 0.0), where=error > ROUNDING)
    least = float(2.0 * special.stdtr(freedom, -ratio).min())
    return 1.0 - (1.0 - least) ** ORDER


def rank_moments(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    truth_error: NonNegative = 0.0,
) -> RankMoments:
    """Moments of the ranks of every case, of which :func:`rank_uniformity` is the test.

    Parameters
    ----------
    estimate : DataArray like the truth, with a dimension ``member`` or ``moment``
    truth : DataArray, any dimensions
    weights : DataArray broadcastable to truth, >= 0
    truth_error : standard deviation of the truth's own error, in the variable's unit
    """
    mean = mean_of(estimate, truth, weights)
    rows = []
    for order in range(1, ORDER + 1):
        term = at_points(
            partial(moment, order=order), estimate, truth, weights, truth_error=truth_error
        )
        of_cases = sums(mean, truth, weights, term=term)
        rows.append(term_of(of_cases) / of_cases.weight)
    return RankMoments(np.stack(rows), of_cases.weight, of_cases.case.dtype.kind == "M")


def moment(distribution: Ensemble | Gaussian, truth: FloatArray, order: int) -> FloatArray:
    r"""Legendre's polynomial of the truth's probability, of a mean square of one.

    Over the interval that a rank is shared out over it is the mean, by
    :math:`(2 k + 1) P_k = P'_{k + 1} - P'_{k - 1}`.

    Parameters
    ----------
    distribution, truth : at some points
    order : of the polynomial, at least 1
    """
    low, high = (2.0 * bound - 1.0 for bound in distribution.pit(truth))
    wide: BoolArray = high > low
    rise = _integral(high, order) - _integral(low, order)
    mean = np.divide(rise, high - low, out=_legendre(low, order), where=wide)
    result: FloatArray = np.sqrt(2.0 * order + 1.0) * mean
    return result


def _integral(x: FloatArray, order: int) -> FloatArray:
    """Antiderivative of a polynomial, zero at both ends."""
    result: FloatArray = (_legendre(x, order + 1) - _legendre(x, order - 1)) / (2.0 * order + 1.0)
    return result


def _legendre(x: FloatArray, order: int) -> FloatArray:
    result: FloatArray = np.polynomial.legendre.legval(x, np.eye(order + 1)[order])
    return result
