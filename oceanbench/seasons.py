"""Numbers of days in a cycle of the year: those that maps of a climatology are kept under."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from oceanbench.errors import OceanbenchError

CYCLES = {"dayofyear": 366, "month": 12}
ALWAYS = "always"  # one map, without a cycle


def cycle_of(dataset: xr.Dataset) -> str:
    """Dimension that the maps of a climatology are along, or ``always`` of a map without one."""
    return next((cycle for cycle in CYCLES if cycle in dataset.dims), ALWAYS)


def check_whole(found: NDArray[np.integer], cycle: str, where: str) -> None:
    """Refuse a climatology that has not one map for every number of its cycle."""
    if cycle != ALWAYS and sorted(found.tolist()) != list(range(1, CYCLES[cycle] + 1)):
        raise OceanbenchError(
            f"{where}: {cycle} goes from {found.min()} to {found.max()} in {found.size} maps, "
            f"expected each of 1 to {CYCLES[cycle]} once"
        )


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
