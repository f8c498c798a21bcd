"""Where fields lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from oceanbench.arrays import AnyFloatArray, FloatArray

Fields = Mapping[str, AnyFloatArray]  # by variable, (..., depth, latitude, longitude)


class Axes(NamedTuple):
    """Nodes of fields: latitudes increasing, longitudes eastward, depths in metres downward."""

    latitude: FloatArray
    longitude: FloatArray
    depth: FloatArray
