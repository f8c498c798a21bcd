"""Cells of a grid that are scored, with the weight that each mask gives them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from oceanbench.arrays import AnyFloatArray, BoolArray, FloatArray, IndexArray, IntArray
from oceanbench.declaration import Declaration
from oceanbench.kinds.forecasts.forecast_rows import masks_of
from oceanbench.kinds.forecasts.grid import Grid
from oceanbench.scoring.masks import inside


class Cells(NamedTuple):
    """Cells of a grid inside any mask: where they lie, and the weight that each mask gives them.

    ``weights`` are (cell, mask), ``inside`` says where they are positive (mask, cell). ``runs`` are
    the first of the cells that follow each other with the same weights, as those of a row do.
    Observations inside any mask are such cells too, of no grid and without runs; of several leads,
    weights and inside have a first dimension.
    """

    places: IndexArray
    weights: FloatArray
    inside: BoolArray
    masks: tuple[str, ...]
    grid: Grid | None
    runs: IndexArray | None = None

    def of(self, maps: AnyFloatArray) -> FloatArray:
        """Values (..., latitude, longitude) at the cells, in double precision."""
        flat = maps.reshape(*maps.shape[:-2], -1)
        return flat[..., self.places].astype(np.float64, copy=False)

    def sums(self, values: FloatArray) -> FloatArray:
        """Weighted sums (..., lead, mask) of values (..., lead, cell)."""
        if self.weights.ndim > 2:
            return np.asarray(np.einsum("...lc,lcm->...lm", values, self.weights))
        if self.runs is None:
            return np.asarray(values @ self.weights)
        return np.asarray(np.add.reduceat(values, self.runs, axis=-1) @ self.weights[self.runs])

    def counted(self, chosen: BoolArray) -> IntArray:
        """How many of the chosen cells (lead, cell) are inside each mask, (lead, mask)."""
        if self.runs is None:
            return np.asarray((self.inside & chosen[:, None]).sum(axis=-1))
        of_runs = np.add.reduceat(chosen, self.runs, axis=-1, dtype=np.int64)
        return np.asarray(of_runs @ self.inside[:, self.runs].T.astype(np.int64))

    def some(self, leads: slice, cells: slice = slice(None)) -> Cells:
        """Some of the cells of some leads."""
        if self.weights.ndim > 2:
            chosen = self.weights[leads, cells], self.inside[leads, :, cells]
        else:
            chosen = self.weights[cells], self.inside[:, cells]
        runs = None
        if self.runs is not None:
            first, last, _ = cells.indices(self.places.size)
            begin, end = np.searchsorted(self.runs, (first, last), side="right")
            runs = np.append(0, self.runs[begin:end] - first)
            runs = runs[runs < last - first]
        places, (weights, inside) = self.places[cells], chosen
        return self._replace(places=places, weights=weights, inside=inside, runs=runs)

    def points(self, values: FloatArray) -> xr.DataArray:
        """Values ([member,] time, cell) as an array of that, for scores that know no places."""
        dims = ("member", "time", "cell")[-values.ndim :]
        return xr.DataArray(values, dims=dims)

    def maps(self, values: FloatArray) -> xr.DataArray:
        """Values ([member,] time, cell) as maps, zero where there is no cell."""
        assert self.grid is not None  # rules.check_row refuses scores of maps elsewhere
        flat = np.zeros((*values.shape[:-1], self.grid.latitude.size * self.grid.longitude.size))
        flat[..., self.places] = values
        dims = ("member", "time", "latitude", "longitude")[-values.ndim - 1 :]
        coords = {"latitude": self.grid.latitude, "longitude": self.grid.longitude}
        return xr.DataArray(flat.reshape(*values.shape[:-1], *self.grid.shape), coords, dims)


def cells_of(declaration: Declaration, grid: Grid) -> Cells:
    """Cells of the grid inside any mask of the challenge, with their weights."""
    points = xr.DataArray(
        np.zeros(grid.shape),
        {"latitude": grid.latitude, "longitude": grid.longitude},
        ("latitude", "longitude"),
    )
    area = np.cos(np.deg2rad(grid.latitude))[:, None]
    weights = []
    for mask in masks_of(declaration).values():
        chosen = inside(points, mask, declaration.scored).transpose("latitude", "longitude").values
        weights.append((chosen * (area if mask.weights == "cos_latitude" else 1.0)).ravel())
    table = np.stack(weights, axis=-1)
    places = np.flatnonzero((table > 0).any(axis=-1))
    table = np.ascontiguousarray(table[places])
    changes = np.flatnonzero((np.diff(table, axis=0) != 0).any(axis=-1)) + 1
    masks, runs = tuple(declaration.masks), np.append(0, changes)
    return Cells(places, table, (table > 0).T.copy(), masks, grid, runs)
