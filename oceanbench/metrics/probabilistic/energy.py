"""The energy score: the CRPS of whole maps, which sees how errors hang together."""

from __future__ import annotations

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.metrics.aligned import aligned_weights, check_complete
from oceanbench.metrics.probabilistic.distribution import Estimator
from oceanbench.metrics.sums import case_first, cases_of


def energy_score(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray
) -> xr.DataArray:
    r"""Energy score: the CRPS of maps as a whole, in the norm of the root mean square.

    .. math:: \Bigl\langle E\|X - x\| - \tfrac12 E\|X - X'\| \Bigr\rangle, \qquad
              \|v\|^2 = \sum_p w_p v_p^2 \Big/ \sum_p w_p

    with :math:`X, X'` independent draws of what is submitted (each member has the probability
    :math:`1/M`) and :math:`x` the truth, over the points of one case: a map time, a UTC day or a
    pass of a track, a window. In this norm the score has the unit of the variable, does not grow
    with the number of points, is the CRPS where a case has one point, and the RMSE of the case
    where the estimate is one map. It is proper for the joint distribution, but sees a wrong
    correlation between points much less well than a wrong spread (Pinson and Tastu 2013). Cases
    weigh with the sum of their weights. The truth is taken for exact: where it is measured,
    ``crps`` knows a ``truth_error``.

    Parameters
    ----------
    estimate : DataArray like the truth, with a dimension ``member`` or not; a mean and a standard
        deviation do not say how errors hang together
    truth : DataArray, any dimensions with ``time`` or ``window``, in the variable's unit
    weights : DataArray broadcastable to truth, >= 0, zero outside the mask

    Returns
    -------
    DataArray of the score of each case, at every one of its points that has a weight, in the
    variable's unit; elsewhere zero. Flag ``marginal`` for a mean and standard deviation

    References
    ----------
    Gneiting and Raftery (2007), doi:10.1198/016214506000001437;
    Pinson and Tastu (2013), Discrimination ability of the energy score
    """
    return _energy_score(estimate, truth, weights, "plain")


def fair_energy_score(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray
) -> xr.DataArray:
    """Energy score of the distribution that members are independent draws of.

    Its expectation does not depend on their number :math:`M`: pairs are divided by
    :math:`M (M - 1)`. As :func:`oceanbench.metrics.probabilistic.scores.fair_crps`, it is computed
    of eight members or more, shown for those that are declared independent, and never ranks.

    Parameters
    ----------
    estimate, truth, weights : as for :func:`energy_score`

    Returns
    -------
    DataArray as of :func:`energy_score`; flag ``not_draws`` for fewer than eight members

    References
    ----------
    Ferro (2014), doi:10.1002/qj.2270
    """
    return _energy_score(estimate, truth, weights, "fair")


def _energy_score(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray, estimator: Estimator
) -> xr.DataArray:
    order = case_first(truth)
    members = estimate if "member" in estimate.dims else estimate.expand_dims("member")
    w = aligned_weights(members.isel(member=0, drop=True), truth, weights, order)
    e, t = members.transpose("member", *order).values, truth.transpose(*order).values
    if len(e) == 1 and truth.ndim > 1 and estimator == "plain":
        return truth.transpose(*order).copy(data=_distance(e[0], t, w))
    result = np.zeros(w.shape)
    for case in cases_of(truth):
        scored = w[case] > 0
        if not scored.any():
            continue
        values = e[:, case][:, scored].astype(np.float64)
        known = t[case][scored].astype(np.float64)
        check_complete(values, known)
        share = w[case][scored] / w[case][scored].max()
        energy = _energy(values - known, share / share.sum(), estimator)
        result[case] = np.where(scored, energy, 0.0)
    return truth.transpose(*order).copy(data=result)


def _distance(estimate: FloatArray, truth: FloatArray, weights: FloatArray) -> FloatArray:
    """Energy score of one map each case: its root mean square distance from the truth."""
    scored = weights > 0
    e, t = (np.where(scored, a, 0.0).reshape(len(weights), -1) for a in (estimate, truth))
    check_complete(e, t)
    flat = weights.reshape(len(weights), -1)
    total = flat.sum(axis=1)
    square = np.einsum("ij,ij,ij->i", flat, e - t, e - t) / np.where(total > 0, total, 1.0)
    size = np.sqrt(square).reshape(-1, *(1,) * (weights.ndim - 1))
    result: FloatArray = np.where(scored, size, 0.0)
    return result


def _energy(error: FloatArray, share: FloatArray, estimator: Estimator) -> float:
    """Energy score of the errors (members, points) of one case."""
    count = len(error)
    scaled = error * np.sqrt(share)
    away = float(np.linalg.norm(scaled, axis=1).mean())
    if count == 1:
        return away
    from scipy.spatial.distance import pdist  # noqa: PLC0415  (slow to import)

    pairs = count * (count - 1) if estimator == "fair" else count**2
    return away - float(pdist(scaled).sum()) / pairs
