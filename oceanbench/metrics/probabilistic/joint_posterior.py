r"""Scores against a posterior that is known, of windows as a whole: distances, and modes.

All functions take ``(estimate, posterior, weights)``, as those of
:mod:`oceanbench.metrics.probabilistic.posterior`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.metrics.aligned import NO_DATA, Flagged, aligned_weights
from oceanbench.metrics.cases import Parts
from oceanbench.metrics.probabilistic.posterior import QUANTILES
from oceanbench.metrics.sums import case_first, cases_of

DIRECTIONS = 64  # of the projections of a sliced distance
SEED = 20121022  # of them, fixed: a score is reproducible
SEPARATION = 4.0  # of the means of two modes, in their deviations: halves of a Gaussian have 2.7
RARE = 0.05  # of the members: fewer are no mode


def posterior_energy_distance(
    estimate: xr.DataArray, posterior: xr.DataArray, weights: xr.DataArray
) -> xr.DataArray:
    r"""What the energy score of truths drawn from the posterior exceeds that of the posterior by.

    .. math:: E\|X - Y\| - \tfrac12 E\|X - X'\| - \tfrac12 E\|Y - Y'\|

    with draws X of the estimate, each member of which has the same probability, and Y of the
    posterior, in the norm of the root mean square over the points of a window, as
    :func:`oceanbench.metrics.probabilistic.energy.energy_score`. 0 only where the joint
    distributions are the same; of M draws of the posterior about :math:`E\|Y - Y'\| / 2M`.

    Parameters
    ----------
    estimate, posterior, weights : as for
        :func:`oceanbench.metrics.probabilistic.posterior.posterior_divergence`

    Returns
    -------
    DataArray of the distance of each case at its points, in the unit of the variable; flag
    ``marginal`` for a mean and standard deviation

    References
    ----------
    Székely and Rizzo (2013), Energy statistics, doi:10.1016/j.jspi.2013.03.018
    """
    from scipy.spatial.distance import cdist, pdist  # noqa: PLC0415  (slow to import)

    def distance(members: FloatArray, draws: FloatArray, share: FloatArray) -> float:
        x, y = (values * np.sqrt(share) for values in (members, draws))
        within = float(pdist(x).sum()) / len(x) ** 2 if len(x) > 1 else 0.0
        return float(cdist(x, y).mean()) - within - 0.5 * float(pdist(y).mean())

    return _by_case(distance, estimate, posterior, weights)


def posterior_sliced_wasserstein(
    estimate: xr.DataArray, posterior: xr.DataArray, weights: xr.DataArray
) -> xr.DataArray:
    r"""How far members have to be moved to become the posterior's, along directions at random.

    The distance of the quantile functions (Wasserstein's of first order) of both along
    :data:`DIRECTIONS` directions of a window's space, drawn once; points weigh as in
    :func:`posterior_energy_distance`, and the mean is scaled so that a shift of all points by one
    unit in all directions counts as one.

    Parameters
    ----------
    estimate, posterior, weights : as for
        :func:`oceanbench.metrics.probabilistic.posterior.posterior_divergence`

    Returns
    -------
    DataArray of the distance of each case at its points, in the unit of the variable; flag
    ``marginal`` for a mean and standard deviation

    References
    ----------
    Bonneel et al. (2015), Sliced and Radon Wasserstein barycenters, doi:10.1007/s10851-014-0506-3
    """

    def distance(members: FloatArray, draws: FloatArray, share: FloatArray) -> float:
        random = np.random.default_rng(SEED)
        directions = random.standard_normal((share.size, DIRECTIONS))
        directions /= np.linalg.norm(directions, axis=0) / np.sqrt(share.size)
        scaled = directions * np.sqrt(share)[:, None]
        levels = (np.arange(QUANTILES) + 0.5) / QUANTILES
        x, y = (
            np.quantile(values @ scaled, levels, axis=0, method="inverted_cdf")
            for values in (members, draws)
        )
        return float(np.abs(x - y).mean() * np.sqrt(np.pi / 2.0))

    return _by_case(distance, estimate, posterior, weights)


def mode_error(found: float | None) -> float | Flagged:
    """How wrong the probabilities of the modes are, where the posterior has two.

    The mean, over windows whose posterior has two modes, of what the share of members in the first
    of them differs from that of the posterior's: 0 where both are found as often as they should, up
    to 0.5 and more where one of two alike is missing. Two modes are the two clusters of the
    posterior's members (by k-means) if their means are four of their deviations apart, along the
    line that joins them, and either has a twentieth of the members; a member is of the nearer mean.

    Parameters
    ----------
    found : mean over those windows

    Returns
    -------
    flag ``no_data`` where no posterior has two modes
    """
    return NO_DATA if found is None else found


def errors_of_modes(
    estimate: xr.DataArray, posterior: xr.DataArray, weights: xr.DataArray
) -> float | None:
    """Mean over windows of :func:`mode_error`."""
    parts = parts_of_modes(estimate, posterior, weights)
    return None if parts is None else float(parts.whole(np.ones(parts.case.size)))


def parts_of_modes(
    estimate: xr.DataArray, posterior: xr.DataArray, weights: xr.DataArray
) -> Parts | None:
    """Windows with two modes, whose errors :func:`mode_error` is a mean of."""
    from scipy.spatial.distance import cdist  # noqa: PLC0415  (slow to import)

    names, errors = [], []
    for number, members, draws, _ in _cases(estimate, posterior, weights):
        means = two_modes(draws)
        if means is not None:
            shares = [float((cdist(v, means).argmin(1) == 0).mean()) for v in (members, draws)]
            names.append(number)
            errors.append(abs(shares[0] - shares[1]))
    if not names:
        return None
    column = np.array(errors)
    return Parts(np.array(names), lambda counts: float(counts @ column / counts.sum()))


def two_modes(draws: FloatArray) -> FloatArray | None:
    """Means (2, points) of the modes of draws (draws, points), where there are two."""
    if not draws.std(axis=0).any():
        return None
    from scipy.cluster.vq import kmeans2  # noqa: PLC0415  (slow to import)

    means, of = kmeans2(draws, 2, minit="++", seed=np.random.default_rng(SEED))
    share = float((of == 0).mean())
    if not RARE <= share <= 1.0 - RARE:
        return None
    apart = means[1] - means[0]
    along = draws @ (apart / np.linalg.norm(apart))
    within = np.sqrt(sum(along[of == k].var() for k in (0, 1)) / 2.0)
    return means if np.linalg.norm(apart) >= SEPARATION * within else None


def _cases(
    estimate: xr.DataArray, posterior: xr.DataArray, weights: xr.DataArray
) -> list[tuple[int, FloatArray, FloatArray, BoolArray]]:
    """Number of a case, members and draws (…, points) of its scored points, and which these are."""
    like = posterior.isel(member=0, drop=True)
    order = case_first(like)
    whole = estimate if "member" in estimate.dims else estimate.expand_dims("member")
    w = aligned_weights(whole.isel(member=0, drop=True), like, weights, order)
    e, p = (a.transpose("member", *order).values.astype(np.float64) for a in (whole, posterior))
    found = []
    for number, case in enumerate(cases_of(like)):
        scored = w[case] > 0
        if scored.any():
            found.append((number, e[:, case][:, scored], p[:, case][:, scored], scored))
    return found


def _by_case(
    distance: Callable[[FloatArray, FloatArray, FloatArray], float],
    estimate: xr.DataArray,
    posterior: xr.DataArray,
    weights: xr.DataArray,
) -> xr.DataArray:
    """Distance of the distributions of each case, at every one of its points that has a weight."""
    like = posterior.isel(member=0, drop=True)
    order = case_first(like)
    heavy = weights.broadcast_like(like).transpose(*order).values
    result, places = np.zeros(heavy.shape), cases_of(like)
    for number, members, draws, scored in _cases(estimate, posterior, weights):
        share = heavy[places[number]][scored]
        found = distance(members, draws, share / share.sum())
        result[places[number]] = np.where(scored, found, 0.0)
    return like.transpose(*order).copy(data=result)
