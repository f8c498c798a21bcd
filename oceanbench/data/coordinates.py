"""Coordinates of files: their names, units, types and order."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from oceanbench.data.units import same_unit
from oceanbench.errors import OceanbenchError
from oceanbench.grid import SAME_NODE, as_nanoseconds

COORDINATES: Mapping[str, tuple[str, ...]] = {
    "time": ("time", "time_counter", "date"),
    "latitude": ("latitude", "lat", "nav_lat"),
    "longitude": ("longitude", "lon", "nav_lon"),
    "depth": ("depth", "lev", "deptht", "z", "depthu", "depthv", "level", "olevel"),
    "cross_track": ("cross_track", "nC", "num_pixels"),
}
ABOVE = 0.1  # metres above the surface that a depth may lie by rounding
NORTH = 90.0 + SAME_NODE


def is_coordinate(name: str, variable: xr.Variable) -> bool:
    """Whether a variable of a file is a coordinate: by its name, its standard name or dimension."""
    known = {alias for aliases in COORDINATES.values() for alias in aliases}
    return name in known | set(variable.dims) or variable.attrs.get("standard_name") in COORDINATES


def canonical(dataset: xr.Dataset, where: str, layout: str) -> xr.Dataset:
    """Give coordinates their canonical names and units, float64 type and nanosecond times.

    Rows of a grid come from south to north, whatever their order in the file; its times are
    rounded to seconds.

    Parameters
    ----------
    dataset : as opened
    where : file name, for messages
    layout : ``grid``, ``track``, ``swath``, or ``static`` for a map without time
    """
    dataset = renamed(dataset)
    wanted = [*([] if layout == "static" else ["time"]), "latitude", "longitude"]
    check_coordinates(dataset, wanted, where)
    dataset = dataset.set_coords(wanted)
    if "depth" in dataset.variables:
        dataset = dataset.set_coords("depth")
    for name in ("latitude", "longitude"):
        value = dataset[name]
        dataset = dataset.assign_coords({name: value.astype(np.float64)})
    if layout in ("grid", "static"):
        flat = [n for n in wanted if dataset[n].dims != (n,)]
        if flat:
            single = dataset[flat[0]].ndim == 0
            cure = f"write ds.expand_dims('{flat[0]}')" if single else "interpolate it to one"
            raise OceanbenchError(
                f"{where}: '{flat[0]}' has dimensions {dataset[flat[0]].dims}, expected a regular "
                f"grid with one dimension each for {', '.join(wanted)}; {cure}"
            )
        dataset = _northward(dataset, where)
        if layout == "static":
            return dataset
    elif dataset["time"].ndim != 1 or dataset["time"].dims[0] != "time":
        dataset = dataset.swap_dims({dataset["time"].dims[0]: "time"})
    if dataset["time"].dtype.kind != "M":
        raise OceanbenchError(
            f"{where}: time is {_time_problem(dataset['time'])}; write the attribute "
            "'units: seconds since YYYY-MM-DD' (calendar standard), or datetime64 with xarray"
        )
    result: xr.Dataset = as_nanoseconds(dataset)
    return _in_whole_seconds(result) if layout == "grid" else result


def _in_whole_seconds(dataset: xr.Dataset) -> xr.Dataset:
    """Maps at whole seconds: dates written as fractions of days lie before or after midnight."""
    time = dataset["time"]
    near = (
        (time.values + np.timedelta64(500, "ms")).astype("datetime64[s]").astype("datetime64[ns]")
    )
    return dataset.assign_coords(time=("time", near, time.attrs))


def renamed(dataset: xr.Dataset) -> xr.Dataset:
    """Give coordinates their canonical names; nothing is read."""
    renames = {}
    for name, aliases in COORDINATES.items():
        there = set(dataset.variables) | (set(dataset.dims) if name == "cross_track" else set())
        if name in there:
            continue
        found = [a for a in aliases if a in there]
        found = found or _by_standard_name(dataset, name)
        if found:
            renames[found[0]] = name
    with warnings.catch_warnings():  # lat(latitude): the index that xarray misses is made later
        warnings.filterwarnings("ignore", "rename .* does not create an index", UserWarning)
        return dataset.rename(renames)


def check_coordinates(dataset: xr.Dataset, wanted: Sequence[str], where: str) -> None:
    """Refuse a file without one of the coordinates, or with one in another unit."""
    missing = [n for n in wanted if n not in dataset.variables]
    if missing:
        raise OceanbenchError(
            f"{where}: no variable '{missing[0]}' (nor {', '.join(COORDINATES[missing[0]][1:])}); "
            f"found {', '.join(sorted(map(str, dataset.variables))) or 'nothing'}; "
            "rename the coordinates to time, latitude, longitude"
        )
    for name in wanted:
        if name != "time" and dataset[name].dtype.kind not in "iuf":
            raise OceanbenchError(
                f"{where}: {name} has type {dataset[name].dtype}, expected numbers of degrees; "
                "correct it"
            )
    for name in ("latitude", "longitude"):
        unit = str(dataset[name].attrs.get("units", "degrees")).lower() if name in wanted else ""
        turned = "west" in unit or "south" in unit
        if turned or (unit.strip() and "deg" not in unit and "°" not in unit):
            raise OceanbenchError(
                f"{where}: {name} is in '{unit}', expected degrees (east, north); convert it"
            )


def check_depth(depth: xr.DataArray, where: str) -> None:
    """Refuse depths in another unit than metres, or counted upward: nothing is converted."""
    if depth.dtype.kind not in "iuf":
        raise OceanbenchError(
            f"{where}: depth has type {depth.dtype}, expected a number of metres; correct it"
        )
    unit = str(depth.attrs.get("units", "m"))
    if not same_unit(unit, "m"):
        raise OceanbenchError(
            f"{where}: depth is in '{unit}', expected metres; convert the values and set the "
            "attribute units to 'm'"
        )
    upward = str(depth.attrs.get("positive", "down")).lower() == "up"
    if bool((depth < -ABOVE).any()) or (upward and bool((depth > ABOVE).any())):
        raise OceanbenchError(
            f"{where}: depth is counted upward (it goes from {float(depth.min()):g} to "
            f"{float(depth.max()):g} m), expected metres, positive downward; change the sign"
        )


def _northward(dataset: xr.Dataset, where: str) -> xr.Dataset:
    """Rows from south to north; nothing but the coordinates is read."""
    for name in ("latitude", "longitude"):
        nodes = dataset[name].values
        if not np.isfinite(nodes).all():
            raise OceanbenchError(f"{where}: {name} has missing values; give every node its place")
        if np.unique(nodes).size < nodes.size:
            raise OceanbenchError(f"{where}: {name} has a value twice; keep one of each")
    latitude = dataset["latitude"].values
    if latitude.size and np.abs(latitude).max() > NORTH:
        raise OceanbenchError(
            f"{where}: latitude goes from {latitude.min():g} to {latitude.max():g}, beyond the "
            "poles; exchange it with longitude, or correct it"
        )
    steps = np.diff(latitude)
    if (steps < 0).all() and steps.size:
        return dataset.isel(latitude=slice(None, None, -1))
    if (steps < 0).any():
        return dataset.isel(latitude=np.argsort(latitude, kind="stable"))
    return dataset


def _by_standard_name(dataset: xr.Dataset, name: str) -> list[str]:
    return [str(v) for v in dataset.variables if dataset[v].attrs.get("standard_name") == name]


def _time_problem(time: xr.DataArray) -> str:
    if "Unit" in time.attrs:
        return "not decoded (its attribute is 'Unit', expected 'units')"
    return f"of type {time.dtype} without units, expected dates"
