r"""Currents in balance with the slope of the sea surface.

.. math:: u = -\frac{g}{f} \frac{\partial \eta}{\partial y}, \qquad
          v = \frac{g}{f} \frac{\partial \eta}{\partial x}, \qquad f = 2 \Omega \sin\phi

with second-order central differences on the sphere. There is no current where a neighbour is
missing, as at coasts, on the first and last row, or on the first and last column of a grid that
does not go round the globe, nor in the band of the equator, where the balance does not hold.
"""

from __future__ import annotations

import numpy as np

from oceanbench.arrays import FloatArray
from oceanbench.grid import EARTH_RADIUS_KM, EARTH_ROTATION, GRAVITY
from oceanbench.kinds.forecasts.derived.axes import Axes, Fields

EQUATOR = 0.5  # degrees without a geostrophic current on either side, as published
ROUND = 1e-3  # of a step, by which a grid round the globe may fail to close


def eastward(fields: Fields, axes: Axes) -> FloatArray:
    """Eastward geostrophic current, m/s, of the sea surface height ``zos`` in metres."""
    height = fields["zos"][..., 0, :, :].astype(np.float64)
    slope = np.full(height.shape, np.nan)
    step = EARTH_RADIUS_KM * 1e3 * np.deg2rad(axes.latitude[2:] - axes.latitude[:-2])
    slope[..., 1:-1, :] = (height[..., 2:, :] - height[..., :-2, :]) / step[:, None]
    current: FloatArray = -_gravity_over_f(axes) * slope
    return current


def northward(fields: Fields, axes: Axes) -> FloatArray:
    """Northward geostrophic current, m/s, of the sea surface height ``zos`` in metres."""
    height = fields["zos"][..., 0, :, :].astype(np.float64)
    width = np.roll(axes.longitude, -1) - np.roll(axes.longitude, 1)
    width[[0, -1]] += 360.0
    slope = np.roll(height, -1, axis=-1) - np.roll(height, 1, axis=-1)
    if not _is_round(axes.longitude):
        slope[..., [0, -1]] = np.nan
    metres = EARTH_RADIUS_KM * 1e3 * np.cos(np.deg2rad(axes.latitude))[:, None] * np.deg2rad(width)
    current: FloatArray = _gravity_over_f(axes) * slope / metres
    return current


def _gravity_over_f(axes: Axes) -> FloatArray:
    """Gravity over the Coriolis parameter of each row, (latitude, 1); NaN at the equator."""
    away = np.abs(axes.latitude) >= EQUATOR
    f = 2 * EARTH_ROTATION * np.sin(np.deg2rad(np.where(away, axes.latitude, np.nan)))
    balance: FloatArray = (GRAVITY / f)[:, None]
    return balance


def _is_round(longitude: FloatArray) -> bool:
    step = float(np.median(np.diff(longitude))) if longitude.size > 2 else 0.0
    return bool(abs(longitude[-1] + step - longitude[0] - 360.0) < ROUND * step)
