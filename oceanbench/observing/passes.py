"""Where the passes of an altimeter begin: one crossing of the sea after the other."""

from __future__ import annotations

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray

PAUSE = 10.0  # median steps between samples: a longer one ends a pass


def begins(track: xr.Dataset) -> BoolArray:
    """Whether each sample is the first of a pass, which a pause or a new number tells.

    Parameters
    ----------
    track : Dataset with ``time`` and, where it is known, ``track``, the number of the pass; samples
        in the order of time

    Returns
    -------
    (time,), False for the very first

    >>> time = np.datetime64("2012-10-01") + np.array([0, 1, 2, 3, 60, 61], "timedelta64[s]")
    >>> begins(xr.Dataset(coords={"time": time}))
    array([False, False, False, False,  True, False])
    """
    steps = np.diff(track["time"].values.astype("datetime64[ns]")).astype(np.int64)
    new = np.zeros(track.sizes["time"], bool)
    if steps.size:
        new[1:] = steps > PAUSE * np.median(steps)
    if "track" in track:
        new[1:] |= np.diff(track["track"].values) != 0
    return new
