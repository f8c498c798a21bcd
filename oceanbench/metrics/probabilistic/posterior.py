r"""Scores against a posterior that is known, point by point: how far from what could be known.

The truth is one draw of the posterior; a distribution that says more than it, or less, is found out
by one truth a window only on average over many. Where members of the posterior itself are there
(by Monte Carlo or from closed forms), a distribution is compared with them. All functions take
``(estimate, posterior, weights)``: the posterior has the truth's dimensions and ``member``, as many
as are needed for its own sampling error not to matter, which the challenge's card says.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.special import ndtri

from oceanbench.arrays import FloatArray
from oceanbench.metrics.probabilistic.distribution import Distribution, Gaussian, Single
from oceanbench.metrics.probabilistic.points import at_points, order_of
from oceanbench.metrics.sums import Sums, mean_term

QUANTILES = 400  # by which a Gaussian is compared with members


def posterior_bias(s: Sums) -> FloatArray:
    r"""Error of the mean in standard deviations of the posterior, root mean square.

    .. math:: \sqrt{\langle (\bar x - m)^2 / s^2 \rangle}

    with the posterior's mean m and standard deviation s at each point. 0 for its mean; the mean of
    M draws of it has :math:`1/\sqrt M`, the truth itself 1.

    Parameters
    ----------
    s : with sums of :func:`standardised_squared_bias`
    """
    result: FloatArray = np.sqrt(mean_term(s))
    return result


def standardised_squared_bias(
    estimate: xr.DataArray, posterior: xr.DataArray, weights: xr.DataArray
) -> xr.DataArray:
    """Squared error of the mean over the variance of the posterior, at each point."""
    mean, deviation = _moments(posterior)
    found = at_points(lambda given, _: given.mean(), estimate, mean, weights)
    return ((found - mean) / deviation) ** 2


def posterior_spread(s: Sums) -> FloatArray:
    r"""Standard deviation of the estimate over that of the posterior, root mean square.

    .. math:: \sqrt{\langle \sigma^2 / s^2 \rangle}

    with the variance :math:`\sigma^2` of the members (ddof 1) or of a Gaussian. Below 1 the
    estimate is too sure.

    Parameters
    ----------
    s : with sums of :func:`variance_ratio`

    Returns
    -------
    flag ``deterministic`` for a single value
    """
    result: FloatArray = np.sqrt(mean_term(s))
    return result


def variance_ratio(
    estimate: xr.DataArray, posterior: xr.DataArray, weights: xr.DataArray
) -> xr.DataArray:
    """Variance of the estimate over that of the posterior, at each point."""
    mean, deviation = _moments(posterior)
    found = at_points(lambda given, _: _variance(given), estimate, mean, weights)
    return found / deviation**2


def posterior_divergence(
    estimate: xr.DataArray, posterior: xr.DataArray, weights: xr.DataArray
) -> xr.DataArray:
    r"""Kullback-Leibler divergence of the posterior's moments from the estimate's, at a point.

    .. math:: \Bigl\langle \log\frac{\sigma}{s} + \frac{s^2 + (m - \bar x)^2}{2 \sigma^2}
              - \tfrac12 \Bigr\rangle

    of normal distributions with the mean and standard deviation of the posterior (m, s) and of the
    estimate: 0 where both are right, without bound as an estimate is sure of what is wrong. M
    members that are draws of the posterior have about :math:`1/(2M) + 1/(4M)` and more.

    Parameters
    ----------
    estimate : DataArray like the posterior, with ``member``, ``moment`` or neither
    posterior : DataArray (member, window, time, component), in the variable's unit
    weights : DataArray broadcastable to the points, >= 0

    Returns
    -------
    DataArray at each point, in nats; flag ``deterministic`` for a single value
    """
    mean, deviation = _moments(posterior)
    found = at_points(lambda given, _: given.mean(), estimate, mean, weights)
    variance = at_points(lambda given, _: _variance(given), estimate, mean, weights)
    inside = weights.broadcast_like(mean) > 0
    variance = variance.where(inside, 1.0).clip(min=np.finfo(np.float64).tiny)
    ratio = (deviation**2 + (mean - found) ** 2) / variance
    return (0.5 * (ratio - 1.0 + np.log(variance / deviation**2))).where(inside, 0.0)


def posterior_crps(
    estimate: xr.DataArray, posterior: xr.DataArray, weights: xr.DataArray
) -> xr.DataArray:
    r"""What the CRPS of truths drawn from the posterior exceeds that of the posterior by.

    .. math:: \Bigl\langle \int (F(v) - G(v))^2 \, dv \Bigr\rangle

    with the distribution functions of estimate (F) and posterior (G) at each point: the Cramér
    distance, 0 only where they are the same. No transformation of members that knows nothing gains
    by it. M draws of the posterior have :math:`E|X - X'| / 2M`, of a normal one 0.56 s/M.

    Parameters
    ----------
    estimate, posterior, weights : as for :func:`posterior_divergence`

    Returns
    -------
    DataArray at each point, in the unit of the variable

    References
    ----------
    Gneiting and Raftery (2007), doi:10.1198/016214506000001437
    """
    mean, _ = _moments(posterior)
    like = mean.transpose(*order_of(mean))
    columns = posterior.transpose("member", *like.dims).values.reshape(
        posterior.sizes["member"], -1
    )
    number = like.copy(data=np.arange(like.size, dtype=np.float64).reshape(like.shape))

    def distance(given: Distribution, numbers: FloatArray) -> FloatArray:
        return _cramer(_as_members(given), columns[:, numbers.astype(np.intp)])

    return at_points(distance, estimate, number, weights)


def _moments(posterior: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Mean and standard deviation; the latter positive."""
    wide = posterior.astype(np.float64)
    deviation = wide.std("member", ddof=1)
    return wide.mean("member"), deviation.where(deviation > 0, np.finfo(np.float64).tiny)


def _variance(given: Distribution) -> FloatArray:
    """Variance of an estimate at points."""
    if isinstance(given, Single):
        return np.zeros(given.value.shape)
    if isinstance(given, Gaussian):
        return given.std**2
    result: FloatArray = given.members.var(axis=0, ddof=1)
    return result


def _as_members(given: Distribution) -> FloatArray:
    """Members (members, points) of an estimate, or quantiles of a Gaussian."""
    if isinstance(given, Single):
        return given.value[None]
    if isinstance(given, Gaussian):
        levels = (np.arange(QUANTILES) + 0.5) / QUANTILES
        return given.centre + given.std * ndtri(levels)[:, None]
    return given.members


def _cramer(members: FloatArray, draws: FloatArray) -> FloatArray:
    """Integral of the squared difference of the distribution functions of columns."""
    both = np.concatenate([members, draws])
    order = np.argsort(both, axis=0, kind="stable")
    steps = np.where(order < len(members), 1.0 / len(members), -1.0 / len(draws))
    ascending = np.take_along_axis(both, order, axis=0)
    apart = np.cumsum(steps, axis=0)[:-1]
    result: FloatArray = (apart**2 * np.diff(ascending, axis=0)).sum(axis=0)
    return result
