"""Room for the estimates of a method, which come part by part: in memory, or in a file."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import h5netcdf
import numpy as np
import xarray as xr

from oceanbench.arrays import IndexArray
from oceanbench.errors import OceanbenchError

Place = Mapping[str, IndexArray]
COMPRESSED = {"compression": "gzip", "compression_opts": 4}
ROUNDING_UP = 1.02  # of the uncompressed size, which is the most that a file takes


class Room(Protocol):
    """Where parts of a whole are put together."""

    def make(self, target: xr.Dataset, first: xr.Dataset) -> None:
        """Make room for all variables of the first part, on the coordinates of the whole."""

    def put(self, place: Place, part: xr.Dataset) -> None:
        """Keep a part."""

    def whole(self) -> xr.Dataset:
        """What is there when all parts are."""


class MemoryRoom:
    """Room in memory."""

    def make(self, target: xr.Dataset, first: xr.Dataset) -> None:
        """See :class:`Room`."""
        self._target = target
        self._filled = {
            str(name): xr.Variable(
                array.dims, np.empty(shape_of(array.variable, target), array.dtype), array.attrs
            )
            for name, array in first.data_vars.items()
        }

    def put(self, place: Place, part: xr.Dataset) -> None:
        """See :class:`Room`."""
        for name, values in self._filled.items():
            index = tuple(place.get(str(dim), slice(None)) for dim in values.dims)
            at: Any = np.ix_(*(np.arange(n)[i] for i, n in zip(index, values.shape, strict=True)))
            values.values[at] = part[name].values

    def whole(self) -> xr.Dataset:
        """See :class:`Room`."""
        return self._target.assign(self._filled)


class FileRoom:
    """Room in a NetCDF4 file, which holds each part compressed as soon as it is there.

    Parameters
    ----------
    path : of the file, which is written anew
    units : of the variables that are kept
    title : of the file
    """

    def __init__(self, path: Path, units: Mapping[str, str], title: str) -> None:
        self._path, self._units, self._title = path, units, title
        self.used = False

    def make(self, target: xr.Dataset, first: xr.Dataset) -> None:
        """See :class:`Room`.

        Raises
        ------
        OceanbenchError
            if the disk may be too small: HDF5 does not survive a full one
        """
        kept = {str(n): first[n].variable for n in first.data_vars if n in self._units}
        shapes = {name: shape_of(variable, target) for name, variable in kept.items()}
        sizes = [np.prod(shapes[name]) * kept[name].dtype.itemsize for name in kept]
        needed, free = ROUNDING_UP * float(sum(sizes)), shutil.disk_usage(self._path.parent).free
        if free < needed:
            raise OceanbenchError(
                f"{self._path.parent}: has {free / 2**30:.1f} GiB free, and the estimates may take "
                f"{needed / 2**30:.1f} GiB; make room, or choose another --output"
            )
        coords = target.drop_vars(list(target.data_vars)).drop_attrs(deep=True)
        coords.assign_attrs(title=self._title).to_netcdf(self._path, engine="h5netcdf")
        with h5netcdf.File(self._path, "a") as file:
            for name, variable in kept.items():
                for dim, size in zip(variable.dims, shapes[name], strict=True):
                    if dim not in file.dimensions:
                        file.dimensions[str(dim)] = size
                chunk = tuple(
                    size if dim in ("latitude", "longitude") else 1
                    for dim, size in zip(variable.dims, shapes[name], strict=True)
                )
                made = file.create_variable(
                    name,
                    variable.dims,
                    variable.dtype,
                    chunks=chunk,
                    **COMPRESSED,
                    fillvalue=variable.dtype.type(np.nan),
                )
                made.attrs["units"] = self._units[name]
        self._names, self.used = list(kept), True

    def put(self, place: Place, part: xr.Dataset) -> None:
        """See :class:`Room`; a place is one index of a dimension."""
        with h5netcdf.File(self._path, "a") as file:
            for name in self._names:
                dims = map(str, part[name].dims)
                index = tuple(
                    slice(int(place[d][0]), int(place[d][0]) + 1) if d in place else slice(None)
                    for d in dims
                )
                file.variables[name][index] = part[name].values

    def whole(self) -> xr.Dataset:
        """See :class:`Room`; values are read when they are asked for."""
        return xr.open_dataset(self._path, engine="h5netcdf", chunks=None, cache=False)


def shape_of(part: xr.Variable, target: xr.Dataset) -> list[int]:
    """Shape of the whole of a variable of which there is a part."""
    return [target.sizes.get(dim, size) for dim, size in part.sizes.items()]
