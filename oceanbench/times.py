"""Days that times belong to, cycles of the year, and episodes of a time series."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from oceanbench.arrays import BoolArray, IntArray, TimeArray
from oceanbench.errors import OceanbenchError

SAME_TIME = np.timedelta64(1, "s")  # of maps: times written as numbers of days are rounded
CYCLES = {"dayofyear": 366, "month": 12}
ALWAYS = "always"  # one map, without a cycle


def utc_days(times: TimeArray) -> TimeArray:
    """UTC days that times of maps and starts belong to, of whatever sample observations are.

    A time that lies before midnight by rounding is of the day that begins then.

    >>> utc_days(np.array(["2008-03-01T23:59:59.9", "2008-03-02T12:00"], "M8[ns]"))
    array(['2008-03-02', '2008-03-02'], dtype='datetime64[D]')
    """
    found: TimeArray = (times + SAME_TIME).astype("datetime64[D]")
    return found


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


def numbers(days: TimeArray, cycle: str) -> IntArray:
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


def episodes(series: BoolArray, longest_gap: float = 0.0) -> list[tuple[int, int]]:
    """First and last index of every episode.

    Parameters
    ----------
    series : (times,), whether it is the case
    longest_gap : episodes whose true times lie no more than so many steps apart are one

    Returns
    -------
    list of (first, last), both inclusive, in the order of time

    >>> episodes(np.array([0, 1, 1, 0, 1, 0, 0, 0, 1], dtype=bool), longest_gap=2)
    [(1, 4), (8, 8)]
    """
    true = np.flatnonzero(series)
    if not true.size:
        return []
    breaks = np.flatnonzero(np.diff(true) > max(longest_gap, 1.0)) + 1
    return [(int(part[0]), int(part[-1])) for part in np.split(true, breaks)]
