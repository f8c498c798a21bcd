"""Scores that compare point by point, each a function of :mod:`oceanbench.metrics.sums`."""

from __future__ import annotations

import numpy as np
import xarray as xr

from oceanbench.metrics.aligned import Flagged, align, number
from oceanbench.metrics.sums import (
    ROUNDING,
    bias_of,
    daily_rmse_score_of,
    daily_rmse_score_std_of,
    explained_variance_of,
    mean_rmse_of,
    mean_term_of,
    median_mse_of,
    mse_of,
    nmse_of,
    ratio,
    rmse_of,
    rmse_score_mean_of,
    rmse_score_of,
    rmse_score_std_of,
    scores_in_time,
    sums,
)


def rmse(estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray) -> float | Flagged:
    r"""Root mean squared error over all points, pooled in space and time.

    .. math:: \mathrm{RMSE} = \sqrt{\sum w (\hat x - x)^2 / \sum w}

    Parameters
    ----------
    estimate, truth : DataArray, any dimensions with ``time``, in the variable's unit
    weights : DataArray broadcastable to truth, >= 0, zero outside the mask

    Returns
    -------
    float, in the variable's unit; flag ``no_data`` if no weight is positive
    """
    return number(rmse_of(sums(estimate, truth, weights)))


def mean_rmse(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray
) -> float | Flagged:
    r"""Mean over the maps, starts or windows of the root mean squared error of each.

    .. math:: \Bigl\langle \sqrt{\sum w (\hat x - x)^2 / \sum w} \Bigr\rangle

    It is never more than the pooled :func:`rmse`, and less where some are worse than others. The
    published scores of ocean forecasts are this mean.

    Parameters
    ----------
    estimate, truth, weights : as for :func:`rmse`
    """
    return number(mean_rmse_of(sums(estimate, truth, weights)))


def mse(estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray) -> float | Flagged:
    r"""Mean squared error over all points, in the square of the variable's unit.

    .. math:: \mathrm{MSE} = \sum w (\hat x - x)^2 / \sum w

    Through a mask of the observed points it is the R-score of Lorenz-96, through that of the others
    its I-score.

    Parameters
    ----------
    estimate, truth, weights : as for :func:`rmse`

    References
    ----------
    Fablet et al. (2021), doi:10.1029/2021MS002572
    """
    return number(mse_of(sums(estimate, truth, weights)))


def median_mse(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray
) -> float | Flagged:
    """Median over the windows, or maps, of their mean squared errors: a few lost ones do not count.

    Parameters
    ----------
    estimate, truth, weights : as for :func:`rmse`

    Returns
    -------
    float, in the square of the variable's unit; flag ``no_data`` if no weight is positive
    """
    return number(median_mse_of(sums(estimate, truth, weights)))


def bias(estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray) -> float | Flagged:
    r"""Mean error over all points.

    .. math:: b = \sum w (\hat x - x) / \sum w

    Parameters
    ----------
    estimate, truth, weights : as for :func:`rmse`
    """
    return number(bias_of(sums(estimate, truth, weights)))


def rmse_score(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray
) -> float | Flagged:
    r"""RMSE score µ of the gridded data challenges: one ratio over space and time, 1 if perfect.

    .. math:: \mu = 1 - \sqrt{\sum w (\hat x - x)^2 / \sum w x^2}

    The truth is not centred: an offset of the sea surface changes the score through the
    denominator. The challenges' texts call µ a mean over time; their code, and so this function,
    computes one pooled ratio (:func:`rmse_score_mean` is the mean).

    Parameters
    ----------
    estimate, truth, weights : as for :func:`rmse`

    References
    ----------
    Ocean data challenge 2020a, SSH mapping NATL60, doi:10.24400/527896/a01-2020.002
    """
    return number(rmse_score_of(sums(estimate, truth, weights)))


def rmse_score_mean(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray
) -> float | Flagged:
    r"""Mean over time of the RMSE score of each map (of each UTC day on a track).

    .. math:: \langle s(t) \rangle_t, \quad
              s(t) = 1 - \mathrm{RMS}_w(\hat x - x)(t) / \mathrm{RMS}_w(x)(t)

    Parameters
    ----------
    estimate, truth, weights : as for :func:`rmse`
    """
    return number(rmse_score_mean_of(sums(estimate, truth, weights)))


def rmse_score_std(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray
) -> float | Flagged:
    r"""Stability σ of the gridded data challenges: standard deviation of the RMSE score in time.

    .. math:: \sigma = \mathrm{std}_t \, s(t)  \quad (\mathrm{ddof} = 0)

    with :math:`s(t)` as in :func:`rmse_score_mean`.

    Parameters
    ----------
    estimate, truth, weights : as for :func:`rmse`

    References
    ----------
    Ocean data challenge 2020a, doi:10.24400/527896/a01-2020.002
    """
    return number(rmse_score_std_of(sums(estimate, truth, weights)))


def nmse(estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray) -> float | Flagged:
    r"""Normalised mean squared error: 0 if perfect, 1 for the mean of the truth.

    .. math:: \mathrm{NMSE} = \langle (\hat x - x)^2 \rangle / \mathrm{var}(x)

    with both averages over the same points and times, and the variance about the pooled mean.

    Parameters
    ----------
    estimate, truth, weights : as for :func:`rmse`
    """
    return number(nmse_of(sums(estimate, truth, weights)))


def component_nmse(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray
) -> float | Flagged:
    r"""Mean over the components of their normalised mean squared errors: each counts as much.

    .. math:: \frac1n \sum_c \langle (\hat x_c - x_c)^2 \rangle / \mathrm{var}(x_c)

    The variance of each component is that of the truth over all scored points; 1 is the score of
    the mean of the truth.

    Parameters
    ----------
    estimate, truth : DataArray with a dimension ``component``, in the variable's unit
    weights : DataArray broadcastable to truth, >= 0
    """
    term = component_nmse_field(estimate, truth, weights)
    return number(mean_term_of(sums(estimate, truth, weights, term=term)))


def component_nmse_field(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray
) -> xr.DataArray:
    """Quantity whose weighted mean over all points is :func:`component_nmse`."""
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


def explained_variance(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray
) -> float | Flagged:
    r"""Fraction of the truth's variance that the estimate explains; blind to a constant offset.

    .. math:: 1 - \mathrm{var}(\hat x - x) / \mathrm{var}(x)

    Parameters
    ----------
    estimate, truth, weights : as for :func:`rmse`

    References
    ----------
    Ocean data challenge 2023a, SSH mapping OSE (variance scores).
    """
    return number(explained_variance_of(sums(estimate, truth, weights)))


def daily_rmse_score(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    minimum_points: int = 10,
) -> float | Flagged:
    r"""RMSE score µ of the along-track challenges: mean of the scores of the UTC days.

    .. math:: \mu = \langle 1 - \mathrm{RMS}_d(\hat x - x) / \mathrm{RMS}_d(x) \rangle_d

    over the days with at least ``minimum_points`` scored points.

    Parameters
    ----------
    estimate, truth, weights : as for :func:`rmse`
    minimum_points : days with fewer points are left out

    References
    ----------
    Ocean data challenge 2021a, SSH mapping OSE, doi:10.24400/527896/a01-2021.005
    """
    s = sums(estimate, truth, weights, daily=True)
    return number(daily_rmse_score_of(s, minimum_points=minimum_points))


def daily_rmse_score_std(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    minimum_points: int = 10,
) -> float | Flagged:
    r"""Stability σ of the along-track challenges: standard deviation of the daily RMSE scores.

    Parameters
    ----------
    estimate, truth, weights : as for :func:`rmse`
    minimum_points : days with fewer points are left out

    References
    ----------
    Ocean data challenge 2021a, doi:10.24400/527896/a01-2021.005
    """
    s = sums(estimate, truth, weights, daily=True)
    return number(daily_rmse_score_std_of(s, minimum_points=minimum_points))


# Fields of the error, for figures.


def rmse_map(estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray) -> xr.DataArray:
    r"""Root mean squared error over time at every point of the grid.

    .. math:: \sqrt{\sum_t w (\hat x - x)^2 / \sum_t w}

    Returns
    -------
    DataArray (latitude, longitude), in the variable's unit, NaN where nothing is scored
    """
    e, t, w = align(estimate, truth, weights, "time", "latitude", "longitude")
    squares = np.einsum("tyx,tyx,tyx->yx", w, e - t, e - t)
    level = truth.isel(time=0, drop=True).transpose("latitude", "longitude")
    return level.copy(data=np.sqrt(ratio(squares, w.sum(axis=0)))).rename("rmse")


def rmse_series(estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray) -> xr.Dataset:
    """RMSE and RMSE score of each map, or of each UTC day of a track.

    Returns
    -------
    Dataset (time) with ``rmse`` in the variable's unit and ``rmse_score``
    """
    s = sums(estimate, truth, weights)
    return xr.Dataset(
        {
            "rmse": ("time", np.sqrt(ratio(s.squared_error, s.weight))),
            "rmse_score": ("time", scores_in_time(s)),
        },
        coords={"time": s.case.astype("datetime64[ns]")},
    )
