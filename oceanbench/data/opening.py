"""Files in, canonical arrays out: names, units, time, boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from oceanbench.arrays import IndexArray
from oceanbench.data.attributes import check_attributes
from oceanbench.data.coordinates import canonical, is_coordinate
from oceanbench.data.dates import counted_from_1970, refuse_other_calendars
from oceanbench.data.expressions import combine, parse_sum
from oceanbench.data.files import is_netcdf3
from oceanbench.data.joining import daily_means, each_time_once, in_time
from oceanbench.data.missing import with_one_fill
from oceanbench.data.plausibility import (
    Expected,
    check_numbers,
    check_units,
    checked,
    expected_in,
)
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.grid import SAME_NODE, as_nanoseconds, centre_longitude

EXTRAS = ("track", "cycle")  # numbers of passes that observations may have
NO_DATES: Mapping[str, str] = MappingProxyType({})
READ_WHOLE = 2**26  # bytes: what is smaller is not read in parts, of which each is decoded again


def open_file(path: Path, *, chunks: Any = None) -> xr.Dataset:
    """Open a NetCDF file or a Zarr store lazily: holes as NaN, times in nanoseconds.

    Parameters
    ----------
    path : of the file or store
    chunks : None for arrays that are read when they are used; else dask's, in the file's own chunks
    """
    try:
        encoded = _encoded(path)
        check_attributes(encoded, path.name)
        refuse_other_calendars(encoded, path.name)
        encoded = counted_from_1970(_with_one_fill(encoded, path.name))
        dataset = xr.decode_cf(encoded, decode_timedelta=False)
    except OceanbenchError:
        raise
    except Exception as problem:  # every backend has exceptions of its own: name the file for all
        reason = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise OceanbenchError(
            f"{path}: cannot be read as NetCDF or Zarr ({reason}); "
            "write it with xarray's to_netcdf() or to_zarr(), and check that it is complete"
        ) from problem
    return dataset if chunks is None else _in_chunks(dataset)


def _encoded(path: Path) -> xr.Dataset:
    """Variables as they are stored."""
    options: dict[str, Any] = {"decode_times": False, "mask_and_scale": False}
    if path.is_dir():
        store: xr.Dataset = xr.open_zarr(path, consolidated=False, chunks=None, **options)
        return store
    if is_netcdf3(path):
        return xr.open_dataset(path, engine="scipy", cache=False, **options)
    return xr.open_dataset(path, engine="h5netcdf", cache=False, **options)


def _with_one_fill(encoded: xr.Dataset, where: str) -> xr.Dataset:
    variables = {
        str(name): with_one_fill(
            str(name), variable, where, ranged=not is_coordinate(str(name), variable)
        )
        for name, variable in encoded.variables.items()
    }
    coords = {name: variables.pop(str(name)) for name in encoded.coords}
    result = xr.Dataset(variables, coords, encoded.attrs)
    result.set_close(encoded.close)
    return result


def _in_chunks(dataset: xr.Dataset) -> xr.Dataset:
    """Variables as dask arrays, in the chunks of the file."""
    return dataset.assign(
        {
            name: array.chunk(array.encoding.get("preferred_chunks", {}))
            for name, array in dataset.data_vars.items()
        }
    )


def loaded(dataset: xr.Dataset, where: str) -> xr.Dataset:
    """Read the values into memory; a damaged file is refused by name."""
    try:
        return dataset.load()
    except OceanbenchError:
        raise
    except Exception as problem:  # every decoder has exceptions of its own
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise OceanbenchError(
            f"{where}: its values cannot be read ({reason}); the file is "
            "damaged: write or fetch it again"
        ) from problem


def open_dataset(
    files: Sequence[Path],
    *,
    variables: Mapping[str, str],
    expected: Mapping[str, Expected],
    layout: str,
    daily_mean: bool = False,
    box: Bounds | None = None,
    dates: Mapping[str, str] = NO_DATES,
) -> xr.Dataset:
    """Open the files of one dataset of a challenge, as canonical variables.

    Parameters
    ----------
    files : concatenated along time; what they give twice counts once
    variables : canonical name -> variable, or sum of variables, in the files
    expected : canonical name -> unit, checked where the files state one, and range of values
    layout : ``grid``, ``track``, ``swath`` or ``static``
    daily_mean : average to UTC days, labelled at 00:00
    box : part to keep, selected before anything is read
    dates : name of a coordinate -> variable of dates along time in the files, which it is made of

    Returns
    -------
    Dataset; of several files, lazily loaded
    """
    if layout == "static" and len(files) > 1:
        raise OceanbenchError(f"{files[0].name}: {len(files)} files of one map, expected one")
    chunks: dict[str, int] | None = {} if len(files) > 1 else None
    opened = (canonical(open_file(f, chunks=chunks), f.name, layout) for f in files)
    parts = [
        _variables_of(
            _with_dates(part, dates, file.name), file.name, variables, expected, layout, box
        )
        for part, file in zip(opened, files, strict=True)
    ]
    parts = [p for p in parts if p.sizes.get("time") != 0] or parts[:1]
    where = files[0].name if len(files) == 1 else f"{files[0].name} and those beside it"
    dataset = in_time(parts, files[0].name, layout)
    if dataset.sizes.get("time"):
        dataset = each_time_once(dataset, where, layout)
        if daily_mean:
            dataset = daily_means(dataset, where, whole=box is not None and box.time is not None)
    result: xr.Dataset = as_nanoseconds(dataset)
    return result


def _with_dates(dataset: xr.Dataset, dates: Mapping[str, str], where: str) -> xr.Dataset:
    """Give dates that go along time the names of coordinates."""
    for name, source in dates.items():
        if source not in dataset.variables:
            hint = did_you_mean(source, map(str, dataset.variables))
            raise OceanbenchError(f"{where}: no variable '{source}'; {hint}")
        found = dataset.variables[source]
        if found.dims != ("time",) or found.dtype.kind != "M":
            raise OceanbenchError(
                f"{where}: '{source}' has dimensions {found.dims} and type {found.dtype}, expected "
                "dates along time; write them so"
            )
        values = found.values.astype("datetime64[ns]")
        kept = dataset if source == "time" else dataset.drop_vars(source)
        dataset = kept.assign_coords({name: ("time", values)})
    return dataset


def _variables_of(
    dataset: xr.Dataset,
    file: str,
    variables: Mapping[str, str],
    expected: Mapping[str, Expected],
    layout: str,
    box: Bounds | None,
) -> xr.Dataset:
    """Variables of one opened file, inside the box, in the declared unit."""
    terms = {name: parse_sum(expression) for name, expression in variables.items()}
    names = {source for found in terms.values() for _, source in found}
    for name in sorted(names - set(map(str, dataset.variables))):
        hint = did_you_mean(name, map(str, dataset.data_vars))
        raise OceanbenchError(f"{file}: no variable '{name}'; {hint}")
    for name, found in terms.items():
        for _, source in found:
            check_units(dataset[source], expected_in(expected, name), file)
            check_numbers(dataset[source], source, file)
    extra = [n for n in EXTRAS if n in dataset.variables and n not in variables]
    dataset = dataset[[*sorted(names), *extra]]
    if layout in ("track", "swath"):
        dataset = loaded(dataset, file)  # small; picking points out of a file on disk is slow
    if box is not None:
        dataset = select(dataset, box, layout)
    chosen = {}
    for name, expression in variables.items():
        wanted = expected_in(expected, name)
        array = combine(dataset, expression).rename(name)
        array.attrs["units"] = wanted.units or array.attrs.get("units") or "1"
        chosen[name] = checked(array, wanted, file)
    return xr.Dataset({**chosen, **{n: dataset[n] for n in extra}})


class Bounds(NamedTuple):
    """Part of the ocean and of time, bounds inclusive; None for no bound."""

    time: slice | None = None
    latitude: tuple[float, float] | None = None
    longitude: tuple[float, float] | None = None


def select(dataset: xr.Dataset, box: Bounds, layout: str) -> xr.Dataset:
    """Part of a dataset inside a box; longitudes come in the convention of the box.

    Parameters
    ----------
    dataset : canonical
    box : with west < east
    layout : of a grid whole rows and columns are kept, of a track or swath the times with a point
        inside
    """
    if layout == "grid":
        dataset = _with_one_seam(dataset)
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
        return _with_one_seam(dataset)
    inside_all = np.logical_and.reduce([k.values for k in keep.values()])
    return dataset.isel(time=_as_slice(np.flatnonzero(inside_all)))


def _with_one_seam(dataset: xr.Dataset) -> xr.Dataset:
    """Grid without its last column, where that is the first one, once round the globe."""
    columns = dataset["longitude"].values
    if columns.size > 1 and abs(columns[-1] - columns[0]) > 360.0 - SAME_NODE:
        return dataset.isel(longitude=slice(0, -1))
    return dataset


def _as_slice(index: IndexArray) -> slice | IndexArray:
    """Slice where the indices are consecutive: files are read faster so."""
    if index.size and index[-1] - index[0] + 1 == index.size:
        return slice(int(index[0]), int(index[-1]) + 1)
    return index
