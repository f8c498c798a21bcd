"""Overlapping tiles of a grid, and the blending of what was computed on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from oceanbench.arrays import FloatArray, IndexArray
from oceanbench.errors import OceanbenchError
from oceanbench.grid import wrap_longitude


@dataclass(frozen=True)
class Tile:
    """Part of a grid.

    Attributes
    ----------
    centre : (longitude, latitude), degrees
    rows, columns : indices of its nodes, of latitude and longitude
    longitude, latitude : of its nodes; longitudes in the 360 degrees around the centre
    weight : (latitude, longitude), its part in the blended field; the tiles' parts add up to 1
    """

    centre: tuple[float, float]
    rows: IndexArray
    columns: IndexArray
    longitude: FloatArray
    latitude: FloatArray
    weight: FloatArray

    def reach(self, halo: float) -> tuple[tuple[float, float], tuple[float, float]]:
        """Bounds of longitude and latitude that lie ``halo`` degrees of a great circle beyond."""
        wide = halo / np.cos(np.deg2rad(min(abs(self.centre[1]), 80.0)))
        return (
            (float(self.longitude[0] - wide), float(self.longitude[-1] + wide)),
            (float(self.latitude[0] - halo), float(self.latitude[-1] + halo)),
        )


def tiles(
    longitude: FloatArray, latitude: FloatArray, *, size: float = 10.0, overlap: float = 2.5
) -> list[Tile]:
    """Tiles of about ``size`` degrees that cover a grid and overlap by ``overlap`` degrees.

    Parameters
    ----------
    longitude, latitude : nodes of the grid, increasing; a grid that goes round the globe is covered
        without a seam
    size : wanted side, degrees; a side of the grid is divided into equal parts nearest to it
    overlap : width of the ramps over which neighbouring tiles are blended, degrees

    Returns
    -------
    list of Tile, from south to north and west to east
    """
    if not 0 < overlap < size:
        raise OceanbenchError(f"tiles: overlap {overlap} must be between 0 and the size {size}")
    step = float(np.diff(longitude).mean()) if longitude.size > 1 else 0.0
    round_globe = longitude[-1] - longitude[0] + 1.5 * step > 360.0
    return [
        Tile(
            (centre_x, centre_y),
            rows,
            columns,
            wrap_longitude(longitude[columns], centre_x) if round_globe else longitude[columns],
            latitude[rows],
            weight_y[:, None] * weight_x,
        )
        for centre_y, rows, weight_y in _parts(latitude, size, overlap, periodic=False)
        for centre_x, columns, weight_x in _parts(longitude, size, overlap, periodic=round_globe)
    ]


def _parts(
    nodes: FloatArray, size: float, overlap: float, *, periodic: bool
) -> Iterator[tuple[float, IndexArray, FloatArray]]:
    """Centre, indices and weights of the parts of one axis."""
    start, extent = float(nodes[0]), 360.0 if periodic else float(nodes[-1] - nodes[0])
    count = max(round(extent / size), 3 if periodic else 1)
    width = extent / count
    overlap = min(overlap, width) or 1.0  # a single node has no extent
    for number in range(count):
        centre = start + (number + 0.5) * width
        offset = wrap_longitude(nodes, centre) - centre if periodic else nodes - centre
        west = np.clip((offset + width / 2) / overlap + 0.5, 0.0, 1.0)
        east = np.clip((width / 2 - offset) / overlap + 0.5, 0.0, 1.0)
        if not periodic:
            west = np.ones_like(west) if number == 0 else west
            east = np.ones_like(east) if number == count - 1 else east
        weight = west * east
        inside = np.flatnonzero(weight > 0)
        inside = inside[np.argsort(offset[inside], kind="stable")]
        if inside.size:
            yield centre, inside, weight[inside]
