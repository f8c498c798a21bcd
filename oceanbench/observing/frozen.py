"""What the recipe of a simulated challenge keeps of its world: maps and tracks, rounded, packed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from oceanbench.observing.boxes import Box
from oceanbench.observing.sampling import sample

ATTRIBUTES = {
    "time": {"standard_name": "time", "long_name": "time (UTC)"},
    "issued": {"long_name": "time at which the map was there to be used (UTC)"},
    "newest": {"long_name": "time of the newest observation that the map knows (UTC)"},
    "longitude": {"units": "degrees_east", "standard_name": "longitude", "long_name": "longitude"},
    "latitude": {"units": "degrees_north", "standard_name": "latitude", "long_name": "latitude"},
    "ssh": {
        "units": "m",
        "standard_name": "sea_surface_height_above_geoid",
        "long_name": "sea surface height",
    },
    "sst": {
        "units": "degrees_C",
        "standard_name": "sea_surface_temperature",
        "long_name": "sea surface temperature",
    },
    "track": {"units": "1", "long_name": "number of the pass, unique over all cycles"},
    "cycle": {"units": "1", "long_name": "number of the repeat cycle"},
    "cross_track_distance": {
        "units": "km",
        "long_name": "distance to the nadir, positive to the right",
    },
}

MOST_STEPS = 2**15 - 1  # that 16 bits hold
DEFLATED: dict[str, object] = {"zlib": True, "shuffle": True, "complevel": 9}
SMALL = DEFLATED | {"dtype": "int16", "_FillValue": -(2**15)}


def nodes(box: Box, step: float, first: str, last: str) -> xr.Dataset:
    """Days, ends included, and nodes of a grid, edges of the box included; the step in degrees."""
    axes = [np.linspace(a, b, round((b - a) / step) + 1) for a, b in (box[:2], box[2:])]
    days = np.arange(np.datetime64(first), np.datetime64(last) + 1).astype("datetime64[ns]")
    return xr.Dataset(coords={"time": days, "latitude": axes[1], "longitude": axes[0]})


def daily_maps(field: xr.DataArray, grid: xr.Dataset) -> xr.DataArray:
    """Read a simulated field at 00:00 UTC of each day, bicubic in space, on :func:`nodes`."""
    return sample(field, grid).transpose("time", "latitude", "longitude")


def stored(points: xr.Dataset, decimals: int) -> xr.Dataset:
    """Round positions and times as their file does: it is there that the world is observed."""
    milliseconds = points["time"].values.astype("datetime64[ms]").astype("datetime64[ns]")
    rounded = {name: points[name].variable.round(decimals) for name in ("longitude", "latitude")}
    return points.assign_coords(rounded | {"time": milliseconds})


def write(
    dataset: xr.Dataset,
    path: Path,
    *,
    attributes: Mapping[str, str],
    precision: Mapping[str, float],
    centre: tuple[float, float],
    origin: np.datetime64,
    offset: Mapping[str, float] | None = None,
) -> None:
    """Write a packed NetCDF file.

    Parameters
    ----------
    dataset : maps, a track or a swath; its variables are known to :data:`ATTRIBUTES`
    path : its folder is made
    attributes : of the file
    precision : of a variable, in its units: it is kept as so many steps, in 16 bits
    centre : longitude and latitude, about which positions of a swath are kept in 16 bits, to 0.001°
    origin : time from which milliseconds are counted
    offset : value of a variable that is kept as zero, 0 unless told

    Raises
    ------
    ValueError : a value does not fit into 16 bits
    """
    dataset = dataset.assign_attrs(attributes)
    for key, variable in dataset.variables.items():
        name = str(key)
        variable.attrs = ATTRIBUTES[name]
        zero = (offset or {}).get(name, 0.0)
        if name in precision:
            variable.encoding = _packed(variable, precision[name], zero)
        else:
            variable.encoding = _coordinate(name, variable, centre, origin)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.to_netcdf(path, engine="h5netcdf")


def _packed(variable: xr.Variable, step: float, zero: float) -> dict[str, object]:
    """Encoding of values in steps; maps have a day in each chunk."""
    farthest = float(np.nanmax(np.abs(variable.values - zero), initial=0.0))
    if farthest > MOST_STEPS * step:
        raise ValueError(f"{farthest:g} is more than {MOST_STEPS} steps of {step:g}")
    daily = (1, *variable.shape[1:]) if variable.ndim == 3 else variable.shape
    return SMALL | {"scale_factor": step, "add_offset": zero, "chunksizes": daily}


def _coordinate(
    name: str, variable: xr.Variable, centre: tuple[float, float], origin: np.datetime64
) -> dict[str, object]:
    """Encoding of a coordinate, by its name and dimensions; axes of grids stay as they are.

    Tracks repeat with the orbit, which only a chunk as long as they are lets the library notice.
    """
    whole = {"chunksizes": variable.shape}
    if variable.dtype.kind == "M":
        units = f"milliseconds since {origin.astype('M8[s]')}"
        return DEFLATED | whole | {"dtype": "int64", "units": units}
    if name in ("track", "cycle"):
        return DEFLATED | whole | {"dtype": "int32"}
    if name in ("longitude", "latitude") and "cross_track" in variable.dims:
        offset = centre[name == "latitude"]
        return SMALL | whole | {"scale_factor": 1e-3, "add_offset": offset}
    if name in ("longitude", "latitude") and "time" in variable.dims:
        return DEFLATED | whole | {"dtype": "int32", "scale_factor": 1e-4, "_FillValue": -(2**31)}
    return {"_FillValue": None}
