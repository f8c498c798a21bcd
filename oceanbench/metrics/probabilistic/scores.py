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

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from oceanbench.metrics.aligned import DETERMINISTIC, Flagged, FloatArray, number
from oceanbench.metrics.probabilistic.calibration import fractions, pit_table, share_inside
from oceanbench.metrics.probabilistic.distribution import (
    Distribution,
    Ensemble,
    Estimator,
    Gaussian,
)
from oceanbench.metrics.probabilistic.points import at_points, form_of, mean_of
from oceanbench.metrics.sums import Sums, mean_term_of, spread_skill_of, sums


def crps(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    estimator: Estimator = "fair",
    truth_error: float = 0.0,
) -> float | Flagged:
    r"""Continuous ranked probability score, which is the mean absolute error of a single value.

    .. math:: \langle E|X - x| - \tfrac12 E|X - X'| \rangle

    with :math:`X, X'` independent draws of the estimate and :math:`x` the truth. With the sorted
    members :math:`X_{(i)}` this is

    .. math:: \frac1M \sum_i |X_{(i)} - x| - \frac1{M^2} \sum_i (2 i - M - 1) X_{(i)},

    and the fair one has :math:`M (M - 1)` for :math:`M^2`, so that its expectation does not depend
    on the number of members. A Gaussian has :math:`\sigma [z (2 \Phi(z) - 1) + 2 \varphi(z) -
    1 / \sqrt\pi]` with :math:`z = (x - \mu) / \sigma`.

    Parameters
    ----------
    estimate : DataArray like the truth, with a dimension ``member``, ``moment`` or neither
    truth : DataArray, any dimensions with ``time``, in the variable's unit
    weights : DataArray broadcastable to truth, >= 0, zero outside the mask
    estimator : ``fair`` or ``plain``, of an ensemble
    truth_error : standard deviation of the truth's own error, in the variable's unit

    Returns
    -------
    float, in the variable's unit; flag ``no_data`` if no weight is positive

    References
    ----------
    Gneiting and Raftery (2007), doi:10.1198/016214506000001437; Ferro (2014), doi:10.1002/qj.2270
    """
    options = {"estimator": estimator, "truth_error": truth_error}
    return _score(mean_term_of, crps_at, estimate, truth, weights, **options)


def crps_at(
    distribution: Distribution, truth: FloatArray, *, estimator: Estimator = "fair"
) -> FloatArray:
    """Continuous ranked probability score at each point."""
    return distribution.crps(truth, estimator)


def spread_skill(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray, *, truth_error: float = 0.0
) -> float | Flagged:
    r"""Expected over found RMSE of the mean: below 1 where the estimate is too sure of itself.

    .. math:: \sqrt{\Bigl\langle \frac{M + 1}{M} s^2 + \sigma_o^2 \Bigr\rangle \Big/
              \langle (\bar x - x)^2 \rangle}

    with the variance :math:`s^2` of the members (ddof 1), or that of a Gaussian without the factor,
    and :math:`\sigma_o` the ``truth_error``.

    Parameters
    ----------
    estimate, truth, weights, truth_error : as for :func:`crps`

    Returns
    -------
    float; flag ``deterministic`` for a single value, ``no_data`` if the mean is nowhere wrong

    References
    ----------
    Fortin et al. (2014), doi:10.1175/JHM-D-14-0008.1
    """
    if form_of(estimate) == "deterministic":
        return DETERMINISTIC
    quantity, options = expected_squared_error_at, {"truth_error": truth_error}
    return _score(spread_skill_of, quantity, estimate, truth, weights, **options)


def expected_squared_error_at(distribution: Ensemble | Gaussian, _: FloatArray) -> FloatArray:
    """Squared error that the mean should have at each point."""
    return distribution.expected_squared_error()


def coverage(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    level: float = 0.9,
    truth_error: float = 0.0,
) -> float | Flagged:
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
    float between 0 and 1; flag ``deterministic`` for a single value, ``no_data`` as for ``crps``

    References
    ----------
    Czado, Gneiting and Held (2009), doi:10.1111/j.1541-0420.2009.01191.x
    """
    if form_of(estimate) == "deterministic":
        return DETERMINISTIC
    options = {"level": level, "truth_error": truth_error}
    return _score(mean_term_of, share_inside, estimate, truth, weights, **options)


def interval_score(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    level: float = 0.9,
    truth_error: float = 0.0,
) -> float | Flagged:
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
    float, in the variable's unit; flags as for :func:`coverage`

    References
    ----------
    Gneiting and Raftery (2007), doi:10.1198/016214506000001437
    """
    if form_of(estimate) == "deterministic":
        return DETERMINISTIC
    options = {"level": level, "truth_error": truth_error}
    return _score(mean_term_of, interval_score_at, estimate, truth, weights, **options)


def interval_score_at(
    distribution: Ensemble | Gaussian, truth: FloatArray, *, level: float = 0.9
) -> FloatArray:
    """Interval score at each point."""
    low, high = distribution.interval(level)
    outside = np.maximum(low - truth, 0.0) + np.maximum(truth - high, 0.0)
    return high - low + 2.0 / (1.0 - level) * outside


def reliability_index(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    bins: int = 10,
    truth_error: float = 0.0,
) -> float | Flagged:
    r"""Distance of the histogram of ranks, or of the PIT, from a flat one.

    .. math:: \sum_b |f_b - 1/B|

    over the bins of :func:`oceanbench.metrics.probabilistic.calibration.pit_histogram`, the same
    for Gaussians and for ensembles of any size; between 0 and 2. Chance alone gives a perfect
    estimate about :math:`0.8 \sqrt{B / n}` with :math:`n` independent points. There is no
    confidence interval: resampling can only move a sum of absolute values away from its ideal.

    Parameters
    ----------
    estimate, truth, weights, truth_error : as for :func:`crps`
    bins : :math:`B`, at least 2

    Returns
    -------
    float; flags as for :func:`coverage`

    References
    ----------
    Delle Monache et al. (2006), doi:10.1029/2005JD006917
    """
    if form_of(estimate) == "deterministic":
        return DETERMINISTIC
    return reliability_index_of(
        pit_table(estimate, truth, weights, bins=bins, truth_error=truth_error)
    )


def reliability_index_of(table: FloatArray) -> float | Flagged:
    """Score of a table of :func:`oceanbench.metrics.probabilistic.calibration.pit_table`."""
    return number(np.abs(fractions(table) - 1.0 / table.shape[1]).sum())


def _score(
    of_sums: Callable[[Sums], FloatArray],
    quantity: Callable[..., FloatArray],
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    **options: Any,
) -> float | Flagged:
    """Score of the sums of a quantity at every point."""
    mean = mean_of(estimate, truth, weights)
    term = at_points(quantity, estimate, truth, weights, **options)
    return number(of_sums(sums(mean, truth, weights, term=term)))
