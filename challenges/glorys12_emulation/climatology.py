"""Mean of each month over years of GLORYS12, on the nodes and depths of a challenge.

    python challenges/glorys12_emulation/climatology.py CHALLENGE OUTPUT FILE...

reads one day after the other. CHALLENGE is `glorys12_emulation` or `global_forecasting`; OUTPUT is
`climatology.nc` in the folder that `--data-dir` names; use no file of the scored days.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from oceanbench import Challenge
from oceanbench.data import files, opening
from oceanbench.data.coordinates import canonical
from oceanbench.kinds.forecasts.daily_maps import as_days
from oceanbench.kinds.forecasts.grid import Grid, depths_found_in
from oceanbench.kinds.forecasts.opening import declared_grid
from oceanbench.kinds.forecasts.schedule import keys

MONTHS = 12


def climatology(challenge: Challenge, paths: Sequence[Path]) -> xr.Dataset:
    """Mean of each month of all days in the files, NaN where a day has no value."""
    grid = declared_grid(challenge)
    assert grid is not None  # both challenges declare one
    first, last = challenge.scored.time
    totals, counts = {}, np.zeros(MONTHS)
    for path in paths:
        opened = canonical(opening.open_file(path), path.name, "grid")
        days = as_days(opened["time"], path.name)
        if ((days >= np.datetime64(first)) & (days <= np.datetime64(last))).any():
            raise SystemExit(f"{path}: has days that are scored; leave it out")
        for name, source in challenge.truth.variables.items():
            field = on_nodes(opened[source], grid, keys(challenge).depths, path.name)
            total = totals.setdefault(name, np.zeros((MONTHS, *field.shape[1:])))
            for number, day in enumerate(days):
                total[month(day)] += field[number].values
        np.add.at(counts, [month(day) for day in days], 1)
    if (counts == 0).any():
        raise SystemExit(f"month {int(np.argmin(counts)) + 1} is in no file; give whole years")
    deep = {"depth": np.array(keys(challenge).depths)} if keys(challenge).depths else {}
    coords = {"month": np.arange(1, MONTHS + 1), **deep}
    coords |= {"latitude": grid.latitude, "longitude": grid.longitude}
    variables = {}
    for name, total in totals.items():
        mean = total / counts.reshape(-1, *[1] * (total.ndim - 1))
        column = ["depth"] if total.ndim == len(coords) and deep else []
        units = {"units": challenge.submission.variables[name].units}
        dims = ("month", *column, "latitude", "longitude")
        variables[name] = (dims, mean.astype(np.float32), units)
    return xr.Dataset(variables, coords, {"title": f"Months of {len(paths)} files"})


def month(day: np.datetime64) -> int:
    """Number of a day's month, from zero."""
    return int(day.astype("M8[M]").astype(int) % MONTHS)


def on_nodes(field: xr.DataArray, grid: Grid, depths: Sequence[float], where: str) -> xr.DataArray:
    """Field (time[, depth], latitude, longitude) on the challenge's nodes and depths."""
    part = field.to_dataset(name="field")
    chosen = dict(grid.found_in(part, where))
    if "depth" in field.dims:
        levels = depths_found_in(part, depths, where, all_of_them=True)
        chosen["depth"] = [levels[depth] for depth in depths]
    order = [d for d in ("time", "depth", "latitude", "longitude") if d in field.dims]
    return field.isel(chosen).transpose(*order)


if __name__ == "__main__":
    name, output, *sources = sys.argv[1:]
    files.write_netcdf(climatology(Challenge.load(name), [Path(s) for s in sources]), Path(output))
