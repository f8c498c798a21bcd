"""Scores of distributions: ensembles, and Gaussians given by their mean and standard deviation.

The estimate is one array like the truth, with a dimension ``member``, or a dimension ``moment``
labelled ``mean`` and ``std``, or neither: one value at each point, whose only score here is the
CRPS. A perfect ensemble consists of :math:`M` draws of the distribution that the truth is drawn of.

Where the truth is measured, ``truth_error`` is the standard deviation of its error, which no
estimate can know. It is made part of every estimate: a Gaussian's variance grows by its square,
each member gets an error drawn with a fixed seed, a single value becomes a Gaussian (Saetra et al.
2004, doi:10.1175/1520-0493(2004)132<1487:EOOEOT>2.0.CO;2).
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.metrics.options import Fraction, NonNegative
from oceanbench.metrics.probabilistic.calibration import fractions, share_inside
from oceanbench.metrics.probabilistic.distribution import Ensemble, Estimator, Gaussian
from oceanbench.metrics.probabilistic.points import at_points
from oceanbench.metrics.sums import Sums, ratio, term_of


def crps(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    truth_error: NonNegative = 0.0,
) -> xr.DataArray:
    r"""Continuous ranked probability score, which is the mean absolute error of a single value.

    .. math:: \langle E|X - x| - \tfrac12 E|X - X'| \rangle

    with :math:`X, X'` independent draws of what is submitted and :math:`x` the truth. Members are
    the distribution that gives each the probability :math:`1/M`, whatever they were meant for; with
    the sorted members :math:`X_{(i)}` this is

    .. math:: \frac1M \sum_i |X_{(i)} - x| - \frac1{M^2} \sum_i (2 i - M - 1) X_{(i)}.

    A Gaussian has :math:`\sigma [z (2 \Phi(z) - 1) + 2 \varphi(z) - 1 / \sqrt\pi]` with
    :math:`z = (x - \mu) / \sigma`. It is proper: nothing that is done to members without knowing
    the truth makes a distribution better than the one it is drawn of.

    Parameters
    ----------
    estimate : DataArray like the truth, with a dimension ``member``, ``moment`` or neither
    truth : DataArray, any dimensions with ``time``, in the variable's unit
    weights : DataArray broadcastable to truth, >= 0, zero outside the mask
    truth_error : standard deviation of the truth's own error, in the variable's unit

    Returns
    -------
    DataArray on the truth's points, whose weighted mean is the score, in the variable's unit

    References
    ----------
    Gneiting and Raftery (2007), doi:10.1198/016214506000001437
    """
    return _crps(estimate, truth, weights, "plain", truth_error)


def fair_crps(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    truth_error: NonNegative = 0.0,
) -> xr.DataArray:
    r"""CRPS of the distribution that members are independent draws of, whatever their number.

    .. math:: \Bigl\langle \frac1M \sum_i |X_i - x|
              - \frac1{2 M (M - 1)} \sum_{i, j} |X_i - X_j| \Bigr\rangle

    It says what more members would be worth. Of members that are no independent draws it says
    nothing: two constants far apart, of either sign, score 0. So it is computed of eight members or
    more, shown for those that are declared independent, and never ranks.

    Parameters
    ----------
    estimate, truth, weights, truth_error : as for :func:`crps`

    Returns
    -------
    DataArray as of :func:`crps`; flag ``not_draws`` for fewer than eight members

    References
    ----------
    Ferro (2014), doi:10.1002/qj.2270
    """
    return _crps(estimate, truth, weights, "fair", truth_error)


def _crps(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    estimator: Estimator,
    truth_error: float,
) -> xr.DataArray:
    return at_points(
        lambda distribution, known: distribution.crps(known, estimator),
        estimate,
        truth,
        weights,
        truth_error=truth_error,
    )


def spread_skill(s: Sums) -> FloatArray:
    r"""Expected over found RMSE of the mean: below 1 where the estimate is too sure of itself.

    .. math:: \sqrt{\Bigl\langle \frac{M + 1}{M} s^2 + \sigma_o^2 \Bigr\rangle \Big/
              \langle (\bar x - x)^2 \rangle}

    with the variance :math:`s^2` of the members (ddof 1), or that of a Gaussian without the factor,
    and :math:`\sigma_o` the ``truth_error``.

    Parameters
    ----------
    s : with sums of :func:`expected_squared_error`

    Returns
    -------
    NaN, flagged ``no_data``, if the mean is nowhere wrong; flag ``deterministic`` for a single
    value

    References
    ----------
    Fortin et al. (2014), doi:10.1175/JHM-D-14-0008.1
    """
    result: FloatArray = np.sqrt(ratio(term_of(s).sum(-1), s.squared_error.sum(-1)))
    return result


def expected_squared_error(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    truth_error: NonNegative = 0.0,
) -> xr.DataArray:
    """Squared error that the mean should have at each point.

    Parameters
    ----------
    estimate, truth, weights, truth_error : as for :func:`crps`
    """
    return at_points(
        lambda distribution, _: distribution.expected_squared_error(),
        estimate,
        truth,
        weights,
        truth_error=truth_error,
    )


def coverage(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    level: Fraction = 0.9,
    truth_error: NonNegative = 0.0,
) -> xr.DataArray:
    r"""Fraction of the truth inside the central interval of the estimate, ideally the level.

    All :math:`M` members of a perfect ensemble enclose the truth with probability
    :math:`(M - 1) / (M + 1)` only, and quantiles of few members less often than they say. So not
    quantiles are compared but probabilities: with :math:`r` members below it, the truth lies in
    :math:`[r, r + 1] / (M + 1)` of the distribution, and the part of that between
    :math:`(1 - p) / 2` and :math:`(1 + p) / 2` counts. The expectation for a perfect ensemble is
    the level, for any :math:`M`; with fewer than :math:`2 / (1 - p) - 1` members, being far too
    sure shows less, since even the outermost ranks count in part.

    Parameters
    ----------
    estimate, truth, weights, truth_error : as for :func:`crps`
    level : :math:`p`, probability of the interval

    Returns
    -------
    DataArray as of :func:`crps`; flag ``deterministic`` for a single value

    References
    ----------
    Czado, Gneiting and Held (2009), doi:10.1111/j.1541-0420.2009.01191.x
    """
    return at_points(
        lambda distribution, known: share_inside(distribution, known, level=level),
        estimate,
        truth,
        weights,
        truth_error=truth_error,
    )


def least_coverage(members: int, level: float) -> float:
    """Coverage of so many members that never enclose the truth, as of all the same."""
    return max(0.0, 1.0 - (members + 1) * (1.0 - level) / 2.0)


def interval_score(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    level: Fraction = 0.9,
    truth_error: NonNegative = 0.0,
) -> xr.DataArray:
    r"""Width of the central interval, with a penalty for every truth outside it.

    .. math:: \Bigl\langle u - l + \frac{2}{1 - p} \bigl[(l - x)_+ + (x - u)_+\bigr] \Bigr\rangle

    The bounds of an ensemble interpolate between its sorted members, the :math:`k`-th having
    probability :math:`k / (M + 1)`; they go no further than the smallest and the largest, which is
    too narrow with fewer than :math:`2 / (1 - p) - 1` members.

    Parameters
    ----------
    estimate, truth, weights, truth_error : as for :func:`crps`
    level : :math:`p`, probability of the interval

    Returns
    -------
    DataArray as of :func:`crps`; flag ``deterministic`` for a single value

    References
    ----------
    Gneiting and Raftery (2007), doi:10.1198/016214506000001437
    """

    def score(distribution: Ensemble | Gaussian, known: FloatArray) -> FloatArray:
        low, high = distribution.interval(level)
        outside = np.maximum(low - known, 0.0) + np.maximum(known - high, 0.0)
        return high - low + 2.0 / (1.0 - level) * outside

    return at_points(score, estimate, truth, weights, truth_error=truth_error)


def reliability_index(table: FloatArray) -> float:
    r"""Distance of the histogram of ranks, or of the PIT, from a flat one.

    .. math:: \sum_b |f_b - 1/B|

    over the bins of :func:`oceanbench.metrics.probabilistic.calibration.pit_histogram`, the same
    for Gaussians and for ensembles of any size; between 0 and 2. Chance alone gives a perfect
    estimate about :math:`0.8 \sqrt{B / n}` with :math:`n` independent points. There is no
    confidence interval: resampling can only move a sum of absolute values away from its ideal.

    Parameters
    ----------
    table : of :func:`oceanbench.metrics.probabilistic.calibration.pit_table`, with its ``bins``
        :math:`B`, at least 2, and ``truth_error``

    Returns
    -------
    flag ``deterministic`` for a single value

    References
    ----------
    Delle Monache et al. (2006), doi:10.1029/2005JD006917
    """
    return float(np.abs(fractions(table) - 1.0 / table.shape[1]).sum())
