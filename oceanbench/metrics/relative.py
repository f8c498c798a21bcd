"""Scores of errors beside the size or the variance of the truth, point by point: without a unit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.metrics.aligned import align
from oceanbench.metrics.sums import ROUNDING, Sums, ratio, variance


def rmse_score(s: Sums) -> FloatArray:
    r"""RMSE score µ of the gridded data challenges: one ratio over space and time, 1 if perfect.

    .. math:: \mu = 1 - \sqrt{\sum w (\hat x - x)^2 / \sum w x^2}

    The truth is not centred: an offset of the sea surface changes the score through the
    denominator. The challenges' texts call µ a mean over time; their code, and so this function,
    computes one pooled ratio (:func:`rmse_score_mean` is the mean).

    Parameters
    ----------
    s : as for :func:`oceanbench.metrics.pointwise.rmse`

    References
    ----------
    Ocean data challenge 2020a, SSH mapping NATL60, doi:10.24400/527896/a01-2020.002
    """
    return 1.0 - np.sqrt(ratio(s.squared_error.sum(-1), s.squared_truth.sum(-1)))


def rmse_score_mean(s: Sums) -> FloatArray:
    r"""Mean over time of the RMSE score of each map (of each UTC day on a track).

    .. math:: \langle s(t) \rangle_t, \quad
              s(t) = 1 - \mathrm{RMS}_w(\hat x - x)(t) / \mathrm{RMS}_w(x)(t)

    Parameters
    ----------
    s : as for :func:`oceanbench.metrics.pointwise.rmse`
    """
    return _over_full_days(np.mean, s, 0)


def rmse_score_std(s: Sums) -> FloatArray:
    r"""Stability σ of the gridded data challenges: standard deviation of the RMSE score in time.

    .. math:: \sigma = \mathrm{std}_t \, s(t)  \quad (\mathrm{ddof} = 0)

    with :math:`s(t)` as in :func:`rmse_score_mean`.

    Parameters
    ----------
    s : as for :func:`oceanbench.metrics.pointwise.rmse`

    References
    ----------
    Ocean data challenge 2020a, doi:10.24400/527896/a01-2020.002
    """
    return _over_full_days(np.std, s, 0)


def nmse(s: Sums) -> FloatArray:
    r"""Normalised mean squared error: 0 if perfect, 1 for the mean of the truth.

    .. math:: \mathrm{NMSE} = \langle (\hat x - x)^2 \rangle / \mathrm{var}(x)

    with both averages over the same points and times, and the variance about the pooled mean.

    Parameters
    ----------
    s : as for :func:`oceanbench.metrics.pointwise.rmse`
    """
    weight = s.weight.sum(-1)
    known = variance(s.squared_truth, s.truth, weight) * weight
    return ratio(s.squared_error.sum(-1), known)


def component_nmse(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray
) -> xr.DataArray:
    r"""Mean over the components of their normalised mean squared errors: each counts as much.

    .. math:: \frac1n \sum_c \langle (\hat x_c - x_c)^2 \rangle / \mathrm{var}(x_c)

    The variance of each component is that of the truth over all scored points; 1 is the score of
    the mean of the truth.

    Parameters
    ----------
    estimate, truth : DataArray with a dimension ``component``, in the variable's unit
    weights : DataArray broadcastable to truth, >= 0

    Returns
    -------
    DataArray on the truth's points, whose weighted mean is the score
    """
    others = [str(d) for d in truth.dims if d != "component"]
    e, t, w = align(estimate, truth, weights, "component", *others)
    e, t, w = (a.reshape(a.shape[0], -1) for a in (e, t, w))
    weight = w.sum(axis=1)
    mean = ratio((w * t).sum(axis=1), weight)
    spread = (w * (t - mean[:, None]) ** 2).sum(axis=1)  # weight times variance
    spread = np.where(spread > ROUNDING * (w * t**2).sum(axis=1), spread, 0.0)
    factor = weight.sum() / max(int((weight > 0).sum()), 1) * ratio(np.ones_like(spread), spread)
    term = np.where(w > 0, factor[:, None] * (e - t) ** 2, 0.0)
    ordered = truth.transpose("component", *others)
    return ordered.copy(data=term.reshape(ordered.shape))


def explained_variance(s: Sums) -> FloatArray:
    r"""Fraction of the truth's variance that the estimate explains; blind to a constant offset.

    .. math:: 1 - \mathrm{var}(\hat x - x) / \mathrm{var}(x)

    Parameters
    ----------
    s : as for :func:`oceanbench.metrics.pointwise.rmse`

    References
    ----------
    Ocean data challenge 2023a, SSH mapping OSE (variance scores).
    """
    weight = s.weight.sum(-1)
    missed = variance(s.squared_error, s.error, weight)
    return 1.0 - ratio(missed, variance(s.squared_truth, s.truth, weight))


def daily_rmse_score(s: Sums, *, minimum_points: int = 10) -> FloatArray:
    r"""RMSE score µ of the along-track challenges: mean of the scores of the UTC days.

    .. math:: \mu = \langle 1 - \mathrm{RMS}_d(\hat x - x) / \mathrm{RMS}_d(x) \rangle_d

    over the days with at least ``minimum_points`` scored points.

    Parameters
    ----------
    s : as for :func:`oceanbench.metrics.pointwise.rmse`
    minimum_points : days with fewer points are left out

    References
    ----------
    Ocean data challenge 2021a, SSH mapping OSE, doi:10.24400/527896/a01-2021.005
    """
    return _over_full_days(np.mean, s, minimum_points)


def daily_rmse_score_std(s: Sums, *, minimum_points: int = 10) -> FloatArray:
    r"""Stability σ of the along-track challenges: standard deviation of the daily RMSE scores.

    Parameters
    ----------
    s : as for :func:`oceanbench.metrics.pointwise.rmse`
    minimum_points : days with fewer points are left out

    References
    ----------
    Ocean data challenge 2021a, doi:10.24400/527896/a01-2021.005
    """
    return _over_full_days(np.std, s, minimum_points)


def scores_in_time(s: Sums) -> FloatArray:
    """RMSE score of each case, shape (..., case)."""
    return 1.0 - np.sqrt(ratio(s.squared_error, s.squared_truth))


def _over_full_days(reduce: Callable[..., FloatArray], s: Sums, minimum_points: int) -> FloatArray:
    full: BoolArray = np.asarray(s.count >= minimum_points)
    some: BoolArray = np.asarray(full.any(axis=-1))
    if s.case.size == 0 or not some.any():
        return np.full(some.shape, np.nan)
    values = reduce(scores_in_time(s), axis=-1, where=full | ~some[..., None])
    return np.where(some, values, np.nan)
