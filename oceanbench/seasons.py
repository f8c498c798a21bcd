"""Numbers of days in a cycle of the year: those that maps of a climatology are kept under."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

CYCLES = {"dayofyear": 366, "month": 12}
ALWAYS = "always"  # one map, without a cycle


def cycle_of(dataset: xr.Dataset) -> str:
    """Dimension that the maps of a climatology are along, or ``always`` of a map without one."""
    return next((cycle for cycle in CYCLES if cycle in dataset.dims), ALWAYS)


def numbers(days: NDArray[np.datetime64], cycle: str) -> NDArray[np.int64]:
    """Number of each day in a cycle, from 1, or 0 where there is none; of the shape of ``days``.

    >>> numbers(np.array(["2008-03-01"], "M8[D]"), "dayofyear")
    array([61])
    """
    dates = days.astype("datetime64[D]")
    if cycle == ALWAYS:
        return np.zeros(dates.shape, np.int64)
    if cycle == "month":
        number = dates.astype("datetime64[M]").astype(np.int64) % 12
    else:
        number = (dates - dates.astype("datetime64[Y]")).astype(np.int64)
    return np.asarray(number + 1)
