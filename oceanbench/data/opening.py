"""Files in, canonical arrays out: names, units, time, boxes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from oceanbench.data.attributes import check_attributes
from oceanbench.data.expressions import combine, parse_sum
from oceanbench.data.netcdf3_files import is_netcdf3
from oceanbench.data.units import same_unit
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.grid import SAME_NODE, as_nanoseconds, centre_longitude

READ_WHOLE = 2**26  # bytes: what is smaller is not read in parts, of which each is decoded again
COORDINATES: Mapping[str, tuple[str, ...]] = {
    "time": ("time", "time_counter", "date"),
    "latitude": ("latitude", "lat", "nav_lat"),
    "longitude": ("longitude", "lon", "nav_lon"),
    "depth": ("depth", "lev", "deptht", "z"),
    "cross_track": ("cross_track", "nC", "num_pixels"),
}


def open_file(path: Path, *, chunks: Any = None) -> xr.Dataset:
    """Open a NetCDF file or a Zarr store lazily, with times decoded to nanoseconds."""
    try:
        if path.is_dir():
            encoded = xr.open_zarr(path, consolidated=False, chunks=chunks, decode_times=False)
        else:
            engine = "scipy" if is_netcdf3(path) else "h5netcdf"
            encoded = xr.open_dataset(path, engine=engine, chunks=chunks, decode_times=False)
        check_attributes(encoded, path.name)
        _refuse_other_calendars(encoded, path.name)
        dataset = xr.decode_cf(encoded, mask_and_scale=False, decode_timedelta=False)
    except OceanbenchError:
        raise
    except Exception as problem:  # every backend has exceptions of its own: name the file for all
        reason = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise OceanbenchError(
            f"{path}: cannot be read as NetCDF or Zarr ({reason}); "
            "write it with xarray's to_netcdf() or to_zarr(), and check that it is complete"
        ) from problem
    result: xr.Dataset = dataset
    return result


def loaded(dataset: xr.Dataset, where: str) -> xr.Dataset:
    """Read the values into memory; a damaged file is refused by name."""
    try:
        return dataset.load()
    except Exception as problem:  # every decoder has exceptions of its own
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise OceanbenchError(
            f"{where}: its values cannot be read ({reason}); the file is "
            "damaged: write or fetch it again"
        ) from problem


def _refuse_other_calendars(encoded: xr.Dataset, where: str) -> None:
    for name, variable in encoded.variables.items():
        calendar = str(variable.attrs.get("calendar", "standard")).lower()
        if calendar not in ("standard", "gregorian", "proleptic_gregorian"):
            raise OceanbenchError(
                f"{where}: '{name}' is in the calendar '{calendar}', expected the standard one; "
                "convert the dates to real days"
            )


def canonical(dataset: xr.Dataset, where: str, layout: str) -> xr.Dataset:
    """Give coordinates their canonical names, float64 type and nanosecond times.

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
    for name in ("latitude", "longitude"):
        value = dataset[name]
        dataset = dataset.assign_coords({name: value.astype(np.float64)})
    if layout in ("grid", "static"):
        flat = [n for n in wanted if dataset[n].dims != (n,)]
        if flat:
            raise OceanbenchError(
                f"{where}: '{flat[0]}' has dimensions {dataset[flat[0]].dims}, expected a regular "
                f"grid with one dimension each for {', '.join(wanted)}"
            )
        if layout == "static":
            fixed: xr.Dataset = dataset
            return fixed
    elif dataset["time"].ndim != 1 or dataset["time"].dims[0] != "time":
        dataset = dataset.swap_dims({dataset["time"].dims[0]: "time"})
    if dataset["time"].dtype.kind != "M":
        raise OceanbenchError(
            f"{where}: time is {_time_problem(dataset['time'])}; write the attribute "
            "'units: seconds since YYYY-MM-DD' (calendar standard), or datetime64 with xarray"
        )
    result: xr.Dataset = as_nanoseconds(dataset)
    return result


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
    """Refuse a file without one of the coordinates."""
    missing = [n for n in wanted if n not in dataset.variables]
    if missing:
        raise OceanbenchError(
            f"{where}: no variable '{missing[0]}' (nor {', '.join(COORDINATES[missing[0]][1:])}); "
            f"found {', '.join(sorted(map(str, dataset.variables))) or 'nothing'}; "
            "rename the coordinates to time, latitude, longitude"
        )


def _by_standard_name(dataset: xr.Dataset, name: str) -> list[str]:
    return [str(v) for v in dataset.variables if dataset[v].attrs.get("standard_name") == name]


def _time_problem(time: xr.DataArray) -> str:
    if "Unit" in time.attrs:
        return "not decoded (its attribute is 'Unit', expected 'units')"
    return f"of type {time.dtype} without units, expected dates"


def open_dataset(
    files: Sequence[Path],
    *,
    variables: Mapping[str, str],
    units: str | None,
    layout: str,
    daily_mean: bool = False,
    box: Box | None = None,
) -> xr.Dataset:
    """Open the files of one dataset of a challenge, as canonical variables.

    Parameters
    ----------
    files : concatenated along time
    variables : canonical name -> variable, or sum of variables, in the files
    units : expected unit, checked where the files state one
    layout : ``grid``, ``track``, ``swath`` or ``static``
    daily_mean : average to UTC days, labelled at 00:00
    box : part to keep, selected before anything is read

    Returns
    -------
    Dataset; of several files, lazily loaded
    """
    chunks: dict[str, int] | None = {} if len(files) > 1 else None
    opened = (canonical(open_file(f, chunks=chunks), f.name, layout) for f in files)
    parts = [
        _variables_of(part, file.name, variables, units, layout, box)
        for part, file in zip(opened, files, strict=True)
    ]
    parts = [p for p in parts if p.sizes.get("time") != 0] or parts[:1]
    dataset = in_time(parts, files[0].name, layout)
    if daily_mean and dataset.sizes.get("time"):
        dataset = dataset.resample(time="1D").mean(keep_attrs=True)
    result: xr.Dataset = as_nanoseconds(dataset)
    return result


def _variables_of(
    dataset: xr.Dataset,
    file: str,
    variables: Mapping[str, str],
    units: str | None,
    layout: str,
    box: Box | None,
) -> xr.Dataset:
    """Variables of one opened file, inside the box, in the declared unit."""
    names = {name for expression in variables.values() for _, name in parse_sum(expression)}
    for name in sorted(names - set(map(str, dataset.variables))):
        hint = did_you_mean(name, map(str, dataset.data_vars))
        raise OceanbenchError(f"{file}: no variable '{name}'; {hint}")
    extra = [n for n in ("track", "cycle") if n in dataset.variables and n not in variables]
    dataset = dataset[[*sorted(names), *extra]]
    if layout in ("track", "swath"):
        dataset = loaded(dataset, file)  # small; picking points out of a file on disk is slow
    if box is not None:
        dataset = select(dataset, box, layout)
    for name in sorted(names):
        found = dataset[name].attrs.get("units")
        if units is not None and found is not None and not same_unit(str(found), units):
            raise OceanbenchError(
                f"{file}: '{name}' is in '{found}', expected '{units}'; correct 'units' in "
                "challenge.yaml or convert the file"
            )
    chosen = {name: combine(dataset, expression) for name, expression in variables.items()}
    for array in chosen.values():
        array.attrs["units"] = units or array.attrs.get("units") or "1"
    return xr.Dataset({**chosen, **{n: dataset[n] for n in extra}})


def in_time(parts: Sequence[xr.Dataset], where: str, layout: str) -> xr.Dataset:
    """Join the parts of a dataset in the order of time; their grids must be the same."""
    if len(parts) == 1:
        return parts[0]
    if layout == "grid":
        for name in ("latitude", "longitude"):
            nodes = parts[0][name].values
            for part in parts[1:]:
                same = part[name].shape == nodes.shape
                if not same or np.abs(part[name].values - nodes).max() > SAME_NODE:
                    raise OceanbenchError(
                        f"{where}: it and the files beside it have different nodes of {name}; "
                        "write all maps on one grid"
                    )
    members = parts[0].get("member", xr.DataArray(parts[0].sizes.get("member", 0)))
    for part in parts[1:]:
        others = part.get("member", xr.DataArray(part.sizes.get("member", 0)))
        if not np.array_equal(others.values, members.values):
            raise OceanbenchError(f"{where}: it and the files beside it have different members")
    ordered = sorted((p for p in parts if p.sizes["time"]), key=lambda p: p["time"].values.min())
    joined = xr.concat(ordered, dim="time", data_vars="all", join="override")
    return joined if layout == "grid" else joined.sortby("time")


class Box(NamedTuple):
    """Part of the ocean and of time, bounds inclusive; None for no bound."""

    time: slice | None = None
    latitude: tuple[float, float] | None = None
    longitude: tuple[float, float] | None = None


def select(dataset: xr.Dataset, box: Box, layout: str) -> xr.Dataset:
    """Part of a dataset inside a box; longitudes come in the convention of the box.

    Parameters
    ----------
    dataset : canonical
    box : with west < east
    layout : of a grid whole rows and columns are kept, of a track or swath the times with a point
        inside
    """
    if box.longitude is not None:
        dataset = centre_longitude(dataset, (box.longitude[0] + box.longitude[1]) / 2)
    edge = SAME_NODE if layout == "grid" else 0.0  # nodes are rounded, tracks are not
    keep: dict[str, xr.DataArray] = {}
    if box.time is not None:
        time = dataset["time"]
        keep["time"] = (time >= box.time.start) & (time <= box.time.stop)
    for name, bounds in (("latitude", box.latitude), ("longitude", box.longitude)):
        if bounds is not None:
            value = dataset[name]
            inside = (value >= bounds[0] - edge) & (value <= bounds[1] + edge)
            others = [d for d in inside.dims if d not in ("time", name)]
            keep[name] = inside.any(others) if others and layout == "swath" else inside
    if layout == "grid":
        for name, inside in keep.items():
            dataset = dataset.isel({name: _as_slice(np.flatnonzero(inside.values))})
        columns = dataset["longitude"].values
        if columns.size > 1 and columns[-1] - columns[0] > 360.0 - SAME_NODE:
            dataset = dataset.isel(longitude=slice(0, -1))  # round the globe: the seam only once
        return dataset
    inside_all = np.logical_and.reduce([k.values for k in keep.values()])
    return dataset.isel(time=_as_slice(np.flatnonzero(inside_all)))


def _as_slice(index: NDArray[np.intp]) -> slice | NDArray[np.intp]:
    """Slice where the indices are consecutive: files are read faster so."""
    if index.size and index[-1] - index[0] + 1 == index.size:
        return slice(int(index[0]), int(index[-1]) + 1)
    return index
