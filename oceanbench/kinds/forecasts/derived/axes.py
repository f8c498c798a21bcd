"""Where fields lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Fields = Mapping[str, NDArray[np.floating[Any]]]  # by variable, (..., depth, latitude, longitude)


class Axes(NamedTuple):
    """Nodes of fields: latitudes increasing, longitudes eastward, depths in metres downward."""

    latitude: FloatArray
    longitude: FloatArray
    depth: FloatArray
