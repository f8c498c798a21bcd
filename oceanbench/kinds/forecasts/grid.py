"""Where the nodes of one grid and the depths of one column lie among those of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from oceanbench.arrays import FloatArray, IndexArray
from oceanbench.data.coordinates import check_depth
from oceanbench.data.opening import Bounds
from oceanbench.errors import OceanbenchError
from oceanbench.grid import SAME_NODE, same_depth, wrap_longitude

Index = slice | IndexArray


@dataclass(frozen=True)
class Grid:
    """Nodes that are scored: latitudes increasing, longitudes eastward round the domain."""

    latitude: FloatArray
    longitude: FloatArray

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.latitude.size, self.longitude.size

    @classmethod
    def regular(cls, box: Bounds, step: float) -> Grid:
        """Nodes a step apart, from the south-west corner of a box; each meridian once."""
        assert box.latitude and box.longitude  # a domain has all its bounds
        (south, north), (west, east) = box.latitude, box.longitude
        latitude, longitude = (
            low + step * np.arange(round((high - low) / step) + 1, dtype=np.float64)
            for low, high in ((south, north), (west, east))
        )
        return cls(latitude, longitude[longitude < west + 360.0 - SAME_NODE])

    @classmethod
    def inside(cls, dataset: xr.Dataset, box: Bounds, where: str) -> Grid:
        """Nodes of a dataset inside a box, each meridian once."""
        assert box.latitude and box.longitude  # a domain has all its bounds
        latitude = np.sort(dataset["latitude"].values)
        south, north = box.latitude
        latitude = latitude[(latitude >= south - SAME_NODE) & (latitude <= north + SAME_NODE)]
        west, east = box.longitude
        longitude = np.sort(wrap_longitude(dataset["longitude"].values, (west + east) / 2))
        longitude = longitude[(longitude >= west - SAME_NODE) & (longitude <= east + SAME_NODE)]
        if longitude.size > 1 and longitude[-1] - longitude[0] > 360 - SAME_NODE:
            longitude = longitude[:-1]
        for name, nodes in (("latitude", latitude), ("longitude", longitude)):
            if nodes.size == 0 or (np.diff(nodes) < SAME_NODE).any():
                found = "no node inside the domain" if nodes.size == 0 else "a node twice"
                raise OceanbenchError(f"{where}: {name} has {found}; correct the file or domain")
        return cls(latitude, longitude)

    def found_in(self, dataset: xr.Dataset, where: str) -> dict[str, Index]:
        """Rows and columns of a dataset that are these nodes, whatever its order of them.

        Raises
        ------
        OceanbenchError
            if some are not there: nothing is interpolated
        """
        east = dataset["longitude"].values
        turned = wrap_longitude(east, float(self.longitude.mean()))
        return {
            "latitude": _found(dataset["latitude"].values, self.latitude, "latitude", where),
            "longitude": _found(turned, self.longitude, "longitude", where),
        }


def _found(nodes: NDArray[Any], wanted: FloatArray, name: str, where: str) -> Index:
    if not np.isfinite(nodes).all():
        raise OceanbenchError(f"{where}: {name} has missing values; give every node its place")
    order = np.argsort(nodes, kind="stable")
    place = np.clip(np.searchsorted(nodes[order], wanted - SAME_NODE), 0, nodes.size - 1)
    wrong = np.abs(nodes[order][place] - wanted) > SAME_NODE
    if name == "longitude" and wrong.any():  # a node on the seam may lie on its other side
        for turn in (-360.0, 360.0):
            again = np.clip(np.searchsorted(nodes[order], wanted + turn - SAME_NODE), 0, None)
            again = np.minimum(again, nodes.size - 1)
            same = np.abs(nodes[order][again] - wanted - turn) <= SAME_NODE
            place, wrong = np.where(wrong & same, again, place), wrong & ~same
    if wrong.any():
        raise OceanbenchError(
            f"{where}: {int(wrong.sum())} of {wanted.size} nodes of {name} are not there (its "
            f"first are {', '.join(f'{v:g}' for v in nodes[:3])}; missing is {wanted[wrong][0]:g});"
            " interpolate the fields to the challenge's grid"
        )
    return as_slice(order[place])


def depths_found_in(
    dataset: xr.Dataset, depths: Sequence[float], where: str, *, all_of_them: bool
) -> dict[float, int]:
    """Place in a dataset of each depth; those that are not there are left out, or refused."""
    found: dict[float, int] = {}
    there = np.array([])
    if "depth" in dataset.coords:
        check_depth(dataset["depth"], where)
        there = np.atleast_1d(dataset["depth"].values)
    for depth in depths:
        same = [place for place, level in enumerate(there) if same_depth(level, depth)]
        if len(same) > 1:
            raise OceanbenchError(f"{where}: depth {depth:g} m is given twice; keep one")
        if same:
            found[depth] = same[0]
    if len(found) < (len(depths) if all_of_them else 1):
        lost = next(depth for depth in depths if depth not in found)
        shown = ", ".join(f"{v:g}" for v in there[:4]) + (", …" if there.size > 4 else "")
        raise OceanbenchError(
            f"{where}: no depth {lost:g} m, found {shown or 'none'}; give the challenge's depths, "
            "in metres, positive downward"
        )
    return found


def as_slice(index: IndexArray) -> Index:
    """Slice where the indices are evenly spaced: files are read faster so."""
    steps = np.diff(index)
    step = int(steps[0]) if steps.size else 1
    if index.size and step > 0 and (steps == step).all():
        return slice(int(index[0]), int(index[-1]) + 1, step)
    return index
