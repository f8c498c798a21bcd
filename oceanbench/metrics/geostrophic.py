"""Errors of the currents that follow from sea level by geostrophy."""

from __future__ import annotations

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.errors import OceanbenchError
from oceanbench.grid import EARTH_ROTATION, GRAVITY, KM_PER_DEGREE
from oceanbench.metrics.aligned import align
from oceanbench.metrics.sums import Sums, mean_term

EQUATORIAL = 5.0  # degrees from the equator, within which there is no geostrophy
MAPS = ("time", "latitude", "longitude")


def geostrophic_rmse(s: Sums) -> FloatArray:
    r"""RMSE of geostrophic currents, of the difference of two vectors.

    .. math:: \sqrt{\sum w \, |\hat{\mathbf u} - \mathbf u|^2 / \sum w}, \qquad
        \mathbf u = \frac{g}{f} \left( -\partial_y \eta, \partial_x \eta \right)

    Slopes are centred differences; one-sided ones where a neighbour is not scored, and zero where
    none is.

    Parameters
    ----------
    s : with sums of :func:`squared_current_error`

    Returns
    -------
    m/s; NaN, flagged ``no_data``, if no weight is positive

    References
    ----------
    Arbic et al. (2012), doi:10.1029/2011JC007367
    """
    result: FloatArray = np.sqrt(mean_term(s))
    return result


def squared_current_error(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray
) -> xr.DataArray:
    """Square of the difference of two geostrophic currents at every point, (m/s)².

    Parameters
    ----------
    estimate, truth : DataArray (time, latitude, longitude), sea level in metres
    weights : DataArray broadcastable to truth, >= 0, zero outside the mask

    Raises
    ------
    OceanbenchError
        if a point within 5 degrees of the equator is scored, where there is no geostrophy
    """
    e, t, w = align(estimate, truth, weights, *MAPS)
    latitude, scored = truth["latitude"].values, w > 0
    low = np.abs(latitude) < EQUATORIAL
    if scored[:, low].any():
        raise OceanbenchError(
            f"latitude {latitude[low].min():g} is scored: there is no geostrophy within "
            f"{EQUATORIAL:g} degrees of the equator; give the score a mask that ends before"
        )
    f = 2.0 * EARTH_ROTATION * np.sin(np.deg2rad(latitude))[:, None]
    north = 1000.0 * KM_PER_DEGREE * latitude
    east = 1000.0 * KM_PER_DEGREE * truth["longitude"].values
    along_y = slope(e - t, scored, north, axis=1)
    along_x = slope(e - t, scored, east, axis=2) / np.cos(np.deg2rad(latitude))[:, None]
    squared = (GRAVITY / np.where(low[:, None], np.inf, f)) ** 2 * (along_x**2 + along_y**2)
    return truth.transpose(*MAPS).copy(data=squared)


def slope(
    values: FloatArray, known: BoolArray, axis_values: FloatArray, *, axis: int
) -> FloatArray:
    """Mean of the differences to the neighbours that are known, per unit of the axis; else zero."""
    values, known = np.moveaxis(values, axis, -1), np.moveaxis(known, axis, -1)
    both = known[..., 1:] & known[..., :-1]
    steps = np.where(both, np.diff(values, axis=-1) / np.diff(axis_values), 0.0)
    total, count = np.zeros(values.shape), np.zeros(values.shape)
    for side in (slice(None, -1), slice(1, None)):
        total[..., side] += steps
        count[..., side] += both
    return np.moveaxis(total / np.maximum(count, 1.0), -1, axis)
