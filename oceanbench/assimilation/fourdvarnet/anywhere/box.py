"""The box of a target with some of the sea and days around it, cut into patches of square cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.assimilation.fourdvarnet.maps.map_grid import MapGrid, bicubic
from oceanbench.assimilation.gaussian.tiles import Tile, tiles
from oceanbench.assimilation.observations.superobservations import DAY
from oceanbench.errors import OceanbenchError
from oceanbench.grid import KM_PER_DEGREE, interpolate

MARGIN = 1.5  # degrees around the target, and around a patch
TILE, OVERLAP = 5.0, 1.5  # degrees, of the patches: with what is around them as in training
FEWEST = 8  # cells along a side of a patch


@dataclass(frozen=True)
class Box:
    """Grid that holds the nodes of a target, and some more around them.

    Attributes
    ----------
    target : (time, latitude, longitude)
    grid : whole days from before the first map to after the last, and nodes
    days_around : before the first and after the last
    """

    target: xr.DataArray
    grid: MapGrid
    days_around: int

    @classmethod
    def around(cls, target: xr.DataArray, days: int) -> Box:
        """Box of a target.

        Parameters
        ----------
        target : (time, latitude, longitude), nodes increasing
        days : before the first map and after the last
        """
        for name in ("time", "latitude", "longitude"):
            axis = target[name].values
            if not axis.size or not (axis[1:] > axis[:-1]).all():
                raise OceanbenchError(
                    f"the target's {name}, {axis.size} values, must increase; sort it"
                )
        times = target["time"].values.astype("datetime64[ns]")
        count = int(np.ceil((times[-1] - times[0]) / DAY)) + 2 * days + 1
        every = times[0] + (np.arange(count) - days) * DAY
        latitude = _extended(target["latitude"].values, MARGIN)
        latitude = latitude[np.abs(latitude) < 90.0]
        longitude = _extended(target["longitude"].values, MARGIN)
        return cls(target, MapGrid(every.astype("datetime64[ns]"), latitude, longitude), days)

    def on_target(self, maps: FloatArray) -> FloatArray:
        """Maps of the box at the nodes and times of the target."""
        found: FloatArray = interpolate(self.grid.field(maps), self.target).values
        return found

    def patches(self, cell_km: float) -> Iterator[Patch]:
        """Patches that cover the box."""
        grid = self.grid
        for tile in tiles(grid.longitude, grid.latitude, size=TILE, overlap=OVERLAP):
            shrink = np.cos(np.deg2rad(tile.centre[1]))
            step = cell_km / KM_PER_DEGREE
            latitude = _nodes(tile.latitude, grid.latitude, MARGIN, step)
            longitude = _nodes(tile.longitude, grid.longitude, MARGIN / shrink, step / shrink)
            yield Patch(tile, grid, MapGrid(grid.days, latitude, longitude))


@dataclass(frozen=True)
class Patch:
    """Part of a box on square cells, and some around it.

    Attributes
    ----------
    tile : nodes of the box that it answers for, and their weights
    whole : grid of the box
    grid : its own, about as wide as high in kilometres
    """

    tile: Tile
    whole: MapGrid
    grid: MapGrid

    @property
    def cell_km(self) -> float:
        """Side of a cell."""
        step = self.grid.latitude[1] - self.grid.latitude[0]
        return float(step * KM_PER_DEGREE)

    def taken(self, maps: FloatArray) -> FloatArray:
        """Maps (days, rows, columns) of the box on the cells of the patch."""
        rows = _around(self.whole.latitude, self.grid.latitude)
        columns = _around(self.whole.longitude, self.grid.longitude)
        near = self.whole.field(maps).isel(latitude=rows, longitude=columns)
        return bicubic(near, self.grid.latitude, self.grid.longitude)

    def nearest(self, mask: BoolArray) -> BoolArray:
        """Mask (rows, columns) of the box on the cells of the patch."""
        places = (
            np.abs(axis - inner[:, None]).argmin(1)
            for axis, inner in (
                (self.whole.latitude, self.grid.latitude),
                (self.whole.longitude, self.grid.longitude),
            )
        )
        return mask[np.ix_(*places)]

    def add(self, total: FloatArray, maps: FloatArray, *, power: float = 1.0) -> None:
        """Add its part of maps (days, rows, columns) of the cells to those of the box.

        Weights of all patches sum to one, raised to a power here.
        """
        tile = self.tile
        fine = bicubic(self.grid.field(maps), tile.latitude, tile.longitude)
        days = np.arange(len(total))
        total[np.ix_(days, tile.rows, tile.columns)] += tile.weight**power * fine


def _extended(axis: FloatArray, margin: float) -> FloatArray:
    """Nodes of an axis, and as far apart some more on both sides."""
    step = float(np.diff(axis).mean()) if axis.size > 1 else margin / 3.0
    more = step * np.arange(1, int(np.ceil(margin / step)) + 1)
    return np.concatenate([axis[0] - more[::-1], axis, axis[-1] + more]).astype(np.float64)


def _nodes(tile: FloatArray, whole: FloatArray, margin: float, step: float) -> FloatArray:
    """Nodes about a step apart, over a tile and some around it but not beyond the whole."""
    first = max(float(tile[0]) - margin, min(float(whole[0]), float(tile[0])))
    last = min(float(tile[-1]) + margin, max(float(whole[-1]), float(tile[-1])))
    return np.linspace(first, last, max(round((last - first) / step), FEWEST) + 1)


def _around(axis: FloatArray, inner: FloatArray) -> slice:
    """Part of an axis that holds another one, and some nodes for a spline."""
    first = int(np.searchsorted(axis, inner[0], side="right")) - 4
    last = int(np.searchsorted(axis, inner[-1])) + 4
    return slice(max(first, 0), last)
