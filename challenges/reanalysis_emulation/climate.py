"""What is usual in the training years of `reanalysis_emulation`, and where its sea is."""

from __future__ import annotations

import numpy as np
import xarray as xr
from measure import climatology

LEAP = "2004"  # a year with all 366 days


def usual(training: xr.Dataset) -> xr.Dataset:
    """Mean and two harmonics of the year, of each variable and cell, by day of the year.

    The days are the last dimension: what changes slowly along it is packed small.
    """
    days = xr.DataArray(np.arange(f"{LEAP}-01-01", "2005-01-01", dtype="M8[D]"), dims="time")
    days = days.astype("datetime64[ns]")
    dims = ("latitude", "longitude", "dayofyear")
    found = {}
    for name, field in training.data_vars.items():
        wet = field[0].notnull().values
        maps = np.full((*wet.shape, days.size), np.nan)
        maps[wet] = climatology(field, days).T
        found[name] = (dims, maps)
    coords = {n: training[n] for n in dims[:2]} | {"dayofyear": np.arange(1, days.size + 1)}
    return xr.Dataset(found, coords)


def sea(training: xr.Dataset) -> xr.Dataset:
    """Where every variable always has a value: 1 in the sea, 0 on land."""
    wet = training.to_dataarray().notnull().all(("variable", "time"))
    return xr.Dataset({"mask": wet.astype(np.int8)})
