"""Passes begin where the altimeter paused, or where their number changes."""

from __future__ import annotations

import numpy as np
import xarray as xr
from rows import every

from oceanbench.observing.passes import begins


def track(seconds: list[float], numbers: list[int] | None = None) -> xr.Dataset:
    time = np.datetime64("2012-10-01", "ns") + np.array(seconds, "timedelta64[s]")
    known = {} if numbers is None else {"track": ("time", numbers)}
    return xr.Dataset(known, {"time": time})


@every(
    "seconds, numbers, expected",
    [
        ([0, 1, 2, 30, 31], None, [3]),
        ([0, 1, 2, 11, 12], None, []),  # nine seconds are a gap, and no pause
        ([0, 1, 2, 3, 4], [7, 7, 3, 3, 7], [2, 4]),
        ([0, 1, 2, 30, 31], [7, 7, 7, 7, 8], [3, 4]),
        ([5], None, []),
        ([], None, []),
    ],
)
def test_where_passes_begin(seconds, numbers, expected):
    assert np.flatnonzero(begins(track(seconds, numbers))).tolist() == expected
