"""Scores of errors point by point, each a function of the sums over the points of each case."""

from __future__ import annotations

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.metrics.aligned import align
from oceanbench.metrics.sums import Sums, over_cases, ratio, variance


def rmse(s: Sums) -> FloatArray:
    r"""Root mean squared error over all points, pooled in space and time.

    .. math:: \mathrm{RMSE} = \sqrt{\sum w (\hat x - x)^2 / \sum w}

    Parameters
    ----------
    s : sums over the points of each case, the last axis being the cases'

    Returns
    -------
    in the variable's unit; NaN, flagged ``no_data``, if no weight is positive
    """
    result: FloatArray = np.sqrt(mse(s))
    return result


def mean_rmse(s: Sums) -> FloatArray:
    r"""Mean over the maps, starts or windows of the root mean squared error of each.

    .. math:: \Bigl\langle \sqrt{\sum w (\hat x - x)^2 / \sum w} \Bigr\rangle

    It is never more than the pooled :func:`rmse`, and less where some are worse than others. The
    published scores of ocean forecasts are this mean.

    Parameters
    ----------
    s : as for :func:`rmse`
    """
    return over_cases(np.mean, np.sqrt(ratio(s.squared_error, s.weight)))


def mse(s: Sums) -> FloatArray:
    r"""Mean squared error over all points, in the square of the variable's unit.

    .. math:: \mathrm{MSE} = \sum w (\hat x - x)^2 / \sum w

    Through a mask of the observed points it is the R-score of Lorenz-96, through that of the others
    its I-score.

    Parameters
    ----------
    s : as for :func:`rmse`

    References
    ----------
    Fablet et al. (2021), doi:10.1029/2021MS002572
    """
    return ratio(s.squared_error.sum(-1), s.weight.sum(-1))


def median_mse(s: Sums) -> FloatArray:
    """Median over the windows, or maps, of their mean squared errors: a few lost ones do not count.

    Parameters
    ----------
    s : as for :func:`rmse`

    Returns
    -------
    in the square of the variable's unit
    """
    return over_cases(np.median, ratio(s.squared_error, s.weight))


def bias(s: Sums) -> FloatArray:
    r"""Mean error over all points.

    .. math:: b = \sum w (\hat x - x) / \sum w

    Parameters
    ----------
    s : as for :func:`rmse`
    """
    return ratio(s.error.sum(-1), s.weight.sum(-1))


def error_variance(s: Sums) -> FloatArray:
    r"""Variance of the error over all points; blind to a constant offset.

    .. math:: \langle (\hat x - x)^2 \rangle - \langle \hat x - x \rangle^2

    Parameters
    ----------
    s : as for :func:`rmse`

    Returns
    -------
    in the square of the variable's unit

    References
    ----------
    Ocean data challenge 2023a, SSH mapping OSE (currents at drifters).
    """
    weight = s.weight.sum(-1)
    return np.where(weight > 0, variance(s.squared_error, s.error, weight), np.nan)


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
