"""Scores of innovations: what observations say of a filter, without a truth.

An innovation is :math:`d = y - H x_b`, the observations less the background. Where the truth of a
score is the observations and its estimate the background there, that is truth less estimate.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray, IndexArray
from oceanbench.errors import OceanbenchError
from oceanbench.metrics.aligned import align, aligned_weights, check_complete
from oceanbench.metrics.options import NonNegative
from oceanbench.metrics.probabilistic.points import form_of
from oceanbench.metrics.sums import Sums, ratio, term_of

WEAK = 0.2  # of the noise: background errors that are smaller drown in it
FEW = 4  # of so many components one is observed: the rest are left out of covariances
VALUES_AT_ONCE = 2**22  # of members and covariances: bounds the memory, not the result


def innovation_chi_square(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    noise_variance: NonNegative = 0.0,
) -> xr.DataArray:
    r"""Squared innovations over what background and noise let expect: 1 if both are right.

    .. math:: \chi^2 / p = d^T (H P H^T + R)^{-1} d / p

    with the covariance :math:`H P H^T` of the members at the :math:`p` observations of a time (of a
    Gaussian, the variance at each alone), and :math:`R` the noise. It needs no truth: the first
    sign of a filter that has lost it.

    Parameters
    ----------
    estimate : background at the observations, with a dimension ``member`` or ``moment``
    truth : observations (window, time, component)
    weights : DataArray broadcastable to truth, >= 0, zero where nothing is observed
    noise_variance : of the observations, in the square of the unit

    Returns
    -------
    DataArray on the truth's points: that of each time, at all its components; flag
    ``deterministic`` for a single value

    References
    ----------
    Menard and Chang (2000), doi:10.1175/1520-0493(2000)128<2672:AOSCTO>2.0.CO;2
    """
    form = form_of(estimate)
    order = (*(str(dim) for dim in truth.dims if dim != "component"), "component")
    extra = "moment" if form == "gaussian" else "member"
    if form == "deterministic":
        raise OceanbenchError("one value at each point has no covariance; give members")
    w = aligned_weights(estimate.isel({extra: 0}, drop=True), truth, weights, order)
    members = estimate.variable.transpose(*order, extra).values
    known = truth.variable.transpose(*order).values.astype(np.float64)
    seen = w > 0
    times, size = int(np.prod(known.shape[:-1])), known.shape[-1]
    members, values = members.reshape(times, size, -1), known.reshape(times, size)
    rows, found = seen.reshape(times, size), np.zeros((times, size))
    labels = [str(label) for label in estimate["moment"].values] if form == "gaussian" else []
    packed = _packed(rows)
    if packed is not None:
        members = np.take_along_axis(members, packed[..., None], 1)
        values = np.take_along_axis(values, packed, 1)
        rows = np.take_along_axis(rows, packed, 1)
        size = packed.shape[1]
    step = max(1, VALUES_AT_ONCE // (size * max(members.shape[1:])))
    for part in (slice(start, start + step) for start in range(0, times, step)):
        s = rows[part]
        e = np.where(s[..., None], members[part], 0.0).astype(np.float64)
        t = np.where(s, values[part], 0.0)
        check_complete(np.moveaxis(e, -1, 0), t)
        mean, spread = _moments(e, labels)
        # what is not observed has a variance of one, no covariance and no innovation
        both = s[:, :, None] & s[:, None, :]
        total = np.where(both, spread, 0.0)
        total[:, np.arange(size), np.arange(size)] += np.where(s, noise_variance, 1.0)
        found[part] = _chi_square(total, t - mean, s)[:, None]  # at all components
    found = np.where(seen, found.reshape(known.shape), 0.0)
    return truth.transpose(*order).copy(data=found)


def _packed(seen: BoolArray) -> IndexArray | None:
    """Components (times, few) that hold all observed ones of each time; None where they are many.

    A covariance of all components is never made where few of many are observed.
    """
    most = max(1, int(seen.sum(-1).max(initial=0)))
    if most * FEW > seen.shape[-1]:
        return None
    return np.argsort(~seen, axis=-1, kind="stable")[:, :most]


def _moments(members: FloatArray, labels: list[str]) -> tuple[FloatArray, FloatArray]:
    """Mean (times, components) and covariance of members (times, components, members)."""
    if labels:
        size = members.shape[1]
        spread = np.zeros((len(members), size, size))
        spread[:, np.arange(size), np.arange(size)] = members[..., labels.index("std")] ** 2
        return members[..., labels.index("mean")], spread
    mean = members.mean(-1)
    apart = members - mean[..., None]
    return mean, apart @ apart.swapaxes(-1, -2) / (members.shape[-1] - 1)


def _chi_square(total: FloatArray, innovation: FloatArray, seen: BoolArray) -> FloatArray:
    """Chi-square of each time, over its number of observations; 0 without any.

    By eigenvalues: members that have come together leave a covariance of no rank, and without noise
    the innovation would be infinitely unlikely: it is taken for a rounding of itself.
    """
    values, vectors = np.linalg.eigh(total)
    squares = np.einsum("tij,ti->tj", vectors, innovation) ** 2
    least = np.finfo(np.float64).eps * np.maximum(values[:, -1], squares.sum(-1))[:, None]
    found = ratio(squares, np.maximum(values, least))
    count = seen.sum(-1).astype(np.float64)
    return ratio(np.where(squares > 0.0, found, 0.0).sum(-1), count)


def innovation_autocorrelation(s: Sums) -> FloatArray:
    r"""Correlation of the innovations with those of the time before: 0 if nothing is left in them.

    .. math:: \langle d_t d_{t+1} \rangle / \langle d^2 \rangle

    over the components that are observed at both times. Observations of which a filter makes too
    little leave what it could have known in the innovations that follow.

    Parameters
    ----------
    s : with sums of :func:`successive_products`

    References
    ----------
    Kailath (1968), doi:10.1109/TAC.1968.1099025
    """
    return ratio(term_of(s).sum(-1), s.squared_error.sum(-1))


def successive_products(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray
) -> xr.DataArray:
    """Product of the error at each point and at the next time, for the share that has a next.

    Parameters
    ----------
    estimate, truth, weights : as for :func:`state_rmse`
    """
    order = ("time", *(str(dim) for dim in truth.dims if dim != "time"))
    e, t, w = align(estimate, truth, weights, *order)
    error, pairs = e - t, (w[:-1] > 0) & (w[1:] > 0)
    share = ratio(w.sum(), (w[:-1] * pairs).sum())
    product = np.zeros(error.shape)
    product[:-1] = np.where(pairs, error[:-1] * error[1:], 0.0) * share
    return truth.transpose(*order).copy(data=np.where(w > 0, product, 0.0))


def background_variance_ratio(s: Sums, *, noise_variance: NonNegative = 0.0) -> FloatArray:
    r"""Background variance that a filter takes, over that which its innovations show.

    .. math:: \frac{\langle d_{ab} d_{ob} \rangle}{\langle d_{ob}^2 \rangle - \sigma_o^2}, \quad
              d_{ob} = y - H x_b, \; d_{ab} = H x_a - H x_b

    Below 1 the gain is too small. Of a scalar noise, what else these two departures tell is the
    chi-square again. Where the background variance is less than a fifth of the noise, the
    denominator is the difference of two numbers that are alike: no number is given.

    Parameters
    ----------
    s : with sums of products of increments (the estimate) and innovations (the truth)
    noise_variance : of the observations, in the square of the unit

    Returns
    -------
    NaN, flagged ``no_data``, where the background variance drowns in the noise

    References
    ----------
    Desroziers et al. (2005), doi:10.1256/qj.05.108
    """
    square = ratio(s.squared_truth.sum(-1), s.weight.sum(-1))
    shown = square - noise_variance
    found = ratio(ratio(term_of(s).sum(-1), s.weight.sum(-1)), np.maximum(shown, 0.0))
    return np.where(shown >= WEAK * noise_variance, found, np.nan)
