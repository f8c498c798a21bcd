"""Boxes of longitude and latitude, in any convention of longitude, on a sphere."""

from __future__ import annotations

import numpy as np

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.errors import OceanbenchError

Box = tuple[float, float, float, float]

EARTH_RADIUS_KM = 6371.0
"""Mean radius, km: distances along and across the track are great circles of this sphere."""


def into_box(longitude: FloatArray, latitude: FloatArray, box: Box) -> tuple[FloatArray, BoolArray]:
    """Bring longitudes to the convention of a box, and tell which points lie inside it."""
    west, east, south, north = box
    offset = modulo(longitude - west)
    inside = (offset <= east - west) & (latitude >= south) & (latitude <= north)
    return west + offset, inside


def widened(box: Box, reach_km: float) -> Box:
    """Box that holds all points within a distance of another, the whole parallel at a pole."""
    west, east, south, north = box
    reach = float(np.rad2deg(reach_km / EARTH_RADIUS_KM))
    farthest = min(max(abs(south), abs(north)) + reach, 90.0)
    ratio = np.sin(np.deg2rad(reach)) / max(np.cos(np.deg2rad(farthest)), 1e-12)
    margin = float(np.rad2deg(np.arcsin(ratio))) if ratio < 1.0 else 180.0
    if east - west + 2.0 * margin >= 360.0:
        west, east, margin = -180.0, 180.0, 0.0
    return west - margin, east + margin, south - reach, north + reach


def refuse_wrong_box(box: Box) -> None:
    """Refuse bounds that are in no order, or beyond a pole or the whole circle."""
    west, east, south, north = box
    if not (west < east <= west + 360.0 and -90.0 <= south < north <= 90.0):
        raise OceanbenchError(
            f"box {box}: expected (longitude_min, longitude_max, latitude_min, latitude_max) in"
            " order, at most 360 degrees wide; across a meridian, (-5, 5, ...) or (355, 365, ...)"
        )


def modulo(degrees: FloatArray) -> FloatArray:
    """Degrees in [0, 360)."""
    turned = np.mod(degrees, 360.0)
    return np.where(turned >= 360.0, 0.0, turned)  # -1e-17 % 360 is 360
