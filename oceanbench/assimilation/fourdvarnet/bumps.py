r"""Increments of maps as sums of Gaussian bumps: the control variables of a variational analysis.

An increment is :math:`\delta x = S v`, whose coefficients v are white where nothing else is known:
its covariance is then :math:`S S^T`, as smooth as the bumps are wide. Bumps of a scale lie on a
grid of nodes, on every day and every few rows and columns. S is separable: three matrices a scale.

References
----------
Bannister (2008), doi:10.1002/qj.340 (control variables, and covariances that they imply)
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from oceanbench.learning.layers import averaged

CUT = 6.0  # widths from its centre at which a bump ends
ALIGNED = 2  # nodes come in pairs, which a coarser scale averages


@dataclass(frozen=True)
class Bumps:
    """Bumps on maps of one shape.

    Attributes
    ----------
    scales : matrices (days, days), (rows, nodes of rows) and (columns, nodes of columns) of each
    """

    scales: Sequence[tuple[Tensor, Tensor, Tensor]]

    @property
    def nodes(self) -> tuple[int, int]:
        """Rows and columns of nodes."""
        _, rows, columns = self.scales[0]
        return rows.shape[1], columns.shape[1]

    def forward(self, coefficients: Tensor) -> Tensor:
        """Increments (batch, days, rows, columns) of (batch, scales x days, *nodes)."""
        parts = zip(coefficients.chunk(len(self.scales), 1), self.scales, strict=True)
        made = [
            rows @ _along_days(days, part) @ columns.mT for part, (days, rows, columns) in parts
        ]
        return functools.reduce(torch.add, made)

    def transpose(self, fields: Tensor) -> Tensor:
        """Transpose of :meth:`forward`."""
        made = [
            _along_days(days.mT, rows.mT @ fields @ columns) for days, rows, columns in self.scales
        ]
        return torch.cat(made, 1)


def _along_days(matrix: Tensor, maps: Tensor) -> Tensor:
    return torch.einsum("st,bthw->bshw", matrix, maps)


class GaussianBumps(torch.nn.Module):
    """Widths and heights of the bumps, which are learned, at a shorter and a longer scale.

    Parameters
    ----------
    days, cells : e-folding half widths, :math:`e^{-d^2 / 2}` at such a distance d, of the shorter
        scale at first; the longer is :attr:`LONGER` times as wide
    every : rows and columns from one node to the next
    times : of the maps, days, where they are not consecutive; a bump lies on each
    """

    LONGER = (2.5, 2.0)
    HEIGHTS = (0.8, 0.6)  # so that both together have a variance of one

    def __init__(
        self, days: float, cells: float, every: int, *, times: Sequence[float] = ()
    ) -> None:
        super().__init__()
        widths = [(days, cells), (self.LONGER[0] * days, self.LONGER[1] * cells)]
        self.log_widths = torch.nn.Parameter(torch.tensor(widths).log())
        self.heights = torch.nn.Parameter(torch.tensor(self.HEIGHTS))
        self.every, self.times = every, tuple(times)

    def on(self, shape: Sequence[int]) -> Bumps:
        """Bumps on maps of so many days, rows and columns."""
        days, rows, columns = shape
        times = self.times or tuple(map(float, range(days)))
        if len(times) != days:
            raise ValueError(f"maps of {days} days, expected {len(times)}")
        scales = []
        for height, (long, wide) in zip(self.heights, self.log_widths.exp(), strict=True):
            scales.append(
                (
                    height * _bumps_at(torch.tensor(times).to(long), long),
                    _bumps(rows, self.every, self._nodes(rows), wide),
                    _bumps(columns, self.every, self._nodes(columns), wide),
                )
            )
        return Bumps(scales)

    def _nodes(self, count: int) -> int:
        return ALIGNED * math.ceil(count / (ALIGNED * self.every))


def _bumps(points: int, every: int, nodes: int, width: Tensor) -> Tensor:
    """Bumps (points, nodes), whose squares sum to one over the nodes, far from the ends."""
    place = torch.arange(points, device=width.device, dtype=width.dtype)
    node = every * (torch.arange(nodes, device=width.device, dtype=width.dtype) + 0.5) - 0.5
    return _between(place, node, width, every)


def _bumps_at(times: Tensor, width: Tensor) -> Tensor:
    """Bumps (times, times), one at each."""
    return _between(times, times, width, 1)


def _between(place: Tensor, node: Tensor, width: Tensor, every: int) -> Tensor:
    distance = ((place[:, None] - node) / width).square()
    near = distance < CUT**2
    bump = torch.where(near, torch.exp(-0.5 * distance.clamp_max(CUT**2)), 0.0)
    normalised: Tensor = bump / (math.pi**0.5 * width / every).sqrt()
    return normalised


def on_nodes(maps: Tensor, every: int, nodes: Sequence[int]) -> Tensor:
    """Averages of maps about nodes, those beyond the last row and column repeated."""
    coarse = averaged(maps, (every, every))
    missing = [count - size for count, size in zip(nodes, coarse.shape[-2:], strict=True)]
    for axis, count in zip((-2, -1), missing, strict=True):
        if count:
            last = coarse.narrow(axis, coarse.shape[axis] - 1, 1)
            coarse = torch.cat([coarse, *[last] * count], axis)
    return coarse
