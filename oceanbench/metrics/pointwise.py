"""Scores that compare point by point, each a function of :mod:`oceanbench.metrics.sums`."""

from __future__ import annotations

import numpy as np
import xarray as xr

from oceanbench.metrics.aligned import Flagged, align, number
from oceanbench.metrics.sums import (
    bias_of,
    daily_rmse_score_of,
    daily_rmse_score_std_of,
    explained_variance_of,
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
        coords={"time": s.time.astype("datetime64[ns]")},
    )
