"""Where points lie between the nodes of a grid and the levels of a column, and values there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from oceanbench.arrays import AnyFloatArray, BoolArray, FloatArray, IndexArray
from oceanbench.grid import SAME_DEPTH, SAME_NODE
from oceanbench.kinds.forecasts.grid import Grid


class Between(NamedTuple):
    """Nodes on both sides of some coordinates, and the share of the upper one; NaN outside."""

    below: IndexArray
    above: IndexArray
    share: FloatArray


class Stencil(NamedTuple):
    r"""The four nodes around each point and their shares in its value, bilinear.

    .. math:: f(x, y) = (1-a)(1-b) f_{00} + a (1-b) f_{01} + (1-a) b f_{10} + a b f_{11}

    A node without a share need not have a value: a point on a node needs that one alone, and one
    on the line between two needs those two.

    Attributes
    ----------
    places : (4, point), flat numbers of the nodes
    shares : (4, point), which sum to one; NaN outside the grid
    """

    places: IndexArray
    shares: FloatArray

    @classmethod
    def around(cls, grid: Grid, latitude: FloatArray, longitude: FloatArray) -> Stencil:
        """Stencil of points, in any convention of longitude; a grid round the globe has no seam."""
        columns, turned = grid.longitude, _turned(longitude, grid.longitude[0])
        if _goes_round(columns):
            columns = np.append(columns, columns[0] + 360.0)
        x = between(columns, turned, SAME_NODE)
        y = between(grid.latitude, latitude, SAME_NODE)
        width = grid.longitude.size
        places, shares = [], []
        for row, of_row in ((y.below, 1.0 - y.share), (y.above, y.share)):
            for column, of_column in ((x.below, 1.0 - x.share), (x.above, x.share)):
                places.append(row * width + column % width)
                shares.append(of_row * of_column)
        return cls(np.stack(places), np.stack(shares))

    def of_points(self, run: slice, chosen: BoolArray) -> Stencil:
        """Stencil of those that are chosen of a run of the points."""
        return Stencil(self.places[:, run][:, chosen], self.shares[:, run][:, chosen])

    def of(self, maps: AnyFloatArray) -> FloatArray:
        """Values (..., point) of maps (..., latitude, longitude), NaN where a node has none."""
        around = maps.reshape(*maps.shape[:-2], -1)[..., self.places]
        total: FloatArray = np.where(self.shares == 0.0, 0.0, self.shares * around).sum(axis=-2)
        return total


def between(nodes: FloatArray, wanted: FloatArray, same: float) -> Between:
    """Nodes around coordinates; one that is ``same`` as a node within that distance lies on it."""
    below = np.clip(np.searchsorted(nodes, wanted, side="right") - 1, 0, max(nodes.size - 2, 0))
    above = np.minimum(below + 1, nodes.size - 1)
    width = np.where(above > below, nodes[above] - nodes[below], 1.0)
    share = (wanted - nodes[below]) / width
    share = np.where(np.abs(wanted - nodes[below]) <= same, 0.0, share)
    share = np.where((above > below) & (np.abs(wanted - nodes[above]) <= same), 1.0, share)
    inside = (share >= 0.0) & (share <= 1.0) & ((above > below) | (share == 0.0))
    return Between(below, above, np.where(inside, share, np.nan))


def in_column(levels: FloatArray, depths: Sequence[float], wanted: FloatArray) -> FloatArray:
    """Linear interpolation in depth between two levels: nothing above the first or below the last.

    Parameters
    ----------
    levels : (level, ..., point)
    depths : of the levels, metres, increasing
    wanted : (point,) metres

    Returns
    -------
    (..., point), NaN where no two levels bracket the depth, or one of them has no value
    """
    found = between(np.array(depths), wanted, SAME_DEPTH)
    points = np.arange(wanted.size)
    total = np.zeros(levels.shape[1:])
    for level, share in ((found.below, 1.0 - found.share), (found.above, found.share)):
        values = np.moveaxis(levels[level, ..., points], 0, -1)
        total += np.where(share == 0.0, 0.0, share * values)
    return total


def bracketing(depths: Sequence[float], shallowest: float, deepest: float) -> tuple[float, ...]:
    """Levels of a column that depths between two others can lie between.

    >>> bracketing([0.5, 47.0, 92.0, 222.0], 5.0, 50.0)
    (0.5, 47.0, 92.0)
    """
    first = max(int(np.searchsorted(depths, shallowest, side="right")) - 1, 0)
    last = min(int(np.searchsorted(depths, deepest)), len(depths) - 1)
    return tuple(depths[first : last + 1])


def _turned(longitude: FloatArray, west: float) -> FloatArray:
    """Longitudes in the 360 degrees from the first node on, or within rounding west of it."""
    begin = west - SAME_NODE
    turned: FloatArray = begin + (longitude - begin) % 360.0
    return turned


def _goes_round(columns: FloatArray) -> bool:
    """Whether the step from the last column to the first is one as between the others."""
    if columns.size < 3:
        return False
    return bool(columns[0] + 360.0 - columns[-1] < 1.5 * np.median(np.diff(columns)))
