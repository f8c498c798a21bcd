r"""A closed basin of longitude and latitude with a coast, and the elliptic problem that it poses.

The basin is laid on the plane that touches the sphere at its middle latitude: a degree of
longitude is as long everywhere. Cells are wet or dry. A vertex is *interior* where its four cells
are wet; all others are coast, where a streamfunction has one value, so that no water crosses it:

.. math:: \nabla^2 \psi - \lambda \psi = q \ \text{inside}, \qquad \psi = 0 \ \text{on the coast}

with the five-point Laplacian. Sine transforms solve it on the rectangle; charges on the coast,
found with the inverse of a small dense matrix (the capacitance matrix), make the solution vanish
there: exact, to rounding, on any coast.

References
----------
Buzbee, Dorr, George and Golub (1971), The direct solution of the discrete Poisson equation on
irregular regions, doi:10.1137/0708066
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn.functional import pad

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.dynamics.reduced_gravity import sine_transform
from oceanbench.dynamics.rotation import EARTH_RADIUS
from oceanbench.errors import OceanbenchError


@dataclass(frozen=True)
class Basin:
    """A grid of cells and which of them are wet.

    Attributes
    ----------
    latitude, longitude : (rows,), (columns,) centres of the cells, degrees, regular, increasing
    wet : (rows, columns) bool; beyond the grid is land. Sea and land are each of one piece: the
        value of the streamfunction on an island would need an equation of its own
    """

    latitude: FloatArray
    longitude: FloatArray
    wet: BoolArray

    def __post_init__(self) -> None:
        """Refuse islands and lakes."""
        seas = ndimage.label(self.wet)[1]
        lands = ndimage.label(~np.pad(self.wet, 1), np.ones((3, 3)))[1]
        if self.wet.shape != (self.latitude.size, self.longitude.size) or (seas, lands) != (1, 1):
            raise OceanbenchError(
                f"basin: {seas} seas and {lands} pieces of land on {self.wet.shape} cells; expected"
                f" one sea with one coast on {(self.latitude.size, self.longitude.size)}"
            )

    @property
    def middle(self) -> float:
        """Latitude, degrees, at which the plane touches the sphere."""
        return float(self.latitude.mean())

    @property
    def spacing(self) -> tuple[float, float]:
        """Size (dy, dx) of a cell, m."""
        dy = EARTH_RADIUS * math.radians(self.latitude[1] - self.latitude[0])
        dx = EARTH_RADIUS * math.radians(self.longitude[1] - self.longitude[0])
        return dy, dx * math.cos(math.radians(self.middle))


def north_atlantic_like(resolution: float) -> Basin:
    """Basin of 27-45° N, 78-48° W with an invented coast, of cells of ``resolution`` degrees.

    A western coast slopes to the north-east, with capes; the others are closer to straight. The
    outline is a formula, so that every resolution has its own steps along the same coast.
    """
    rows, columns = 18 / resolution, 30 / resolution
    if min(abs(rows - round(rows)), abs(columns - round(columns))) > 1e-9 or resolution > 1:
        raise OceanbenchError(
            f"basin: cells of {resolution} degrees do not fill 18 x 30 degrees; try 0.6, 0.3 or 0.2"
        )
    y, x = (resolution * np.arange(0.5, count) for count in (rows, columns))
    north, east = y[:, None], x[None, :]
    coast = 0.8 + 0.22 * north + 0.12 * np.maximum(north - 9, 0) + 0.35 * np.sin(0.9 * north)
    wet = (east > coast) & (east < 29.2 + 0.4 * np.sin(0.7 * north))
    wet &= north > 0.8 + np.exp(-(((east - 22) / 4) ** 2))
    wet &= north < 17.2 - 2.2 * np.exp(-(((east - 17) / 3) ** 2))
    return Basin(27 + y, -78 + x, wet)


def coarse_means(values: Tensor, wet: Tensor, factor: int) -> Tensor:
    """Means of (n, rows, columns) over the wet part of cells ``factor`` times as wide.

    NaN where half or more of a cell is land.
    """
    pool = torch.nn.functional.avg_pool2d
    share = pool(wet[None], factor)
    mean = pool(torch.nan_to_num(values) * wet, factor) / share
    return torch.where(share > 0.5, mean, torch.nan)


def refined(fields: Tensor, wet: Tensor, *, without_rows: int = 0) -> Tensor:
    """Fields (n, rows, columns) on a finer grid of the same basin, bilinear, zero on its land.

    New wet cells without a wet neighbour get the mean of their row; zero in the first
    ``without_rows`` fields, whose mean says nothing.
    """
    old = (fields[-1:] != 0).to(fields)
    resize = torch.nn.functional.interpolate
    share = resize(old[None], wet.shape, mode="bilinear")[0]
    values = resize(fields[None], wet.shape, mode="bilinear")[0] / share.clamp_min(1e-3)
    known = wet * (share > 0.3)
    row = (values * known).sum(-1, keepdim=True) / known.sum(-1, keepdim=True).clamp_min(1)
    row[:without_rows] = 0.0
    return torch.where(known > 0, values, row) * wet


@dataclass(frozen=True)
class Inversion:
    """Solver of the elliptic problem for several λ at once, from :func:`inversion`.

    ``interior`` (rows - 1, columns - 1): 1 at interior vertices, else 0; ``sine_y``, ``sine_x`` and
    ``eigenvalues`` (problems, rows - 1, columns - 1): the transform; ``coast``: rows and columns of
    the coastal vertices beside the interior; ``capacitance`` (problems, coast, coast).
    """

    spacing: tuple[float, float]
    interior: Tensor
    sine_y: Tensor
    sine_x: Tensor
    eigenvalues: Tensor
    coast: tuple[Tensor, Tensor]
    capacitance: Tensor

    def _rectangle(self, source: Tensor) -> Tensor:
        return self.sine_y @ ((self.sine_y @ source @ self.sine_x) / self.eigenvalues) @ self.sine_x

    def __call__(self, source: Tensor) -> Tensor:
        """Solution at all vertices, (..., problems, rows + 1, columns + 1), 0 on the coast.

        ``source`` (..., problems, rows + 1, columns + 1) counts at interior vertices only.
        """
        inner = source[..., 1:-1, 1:-1] * self.interior
        j, i = self.coast
        missed = self._rectangle(inner)[..., j, i].unsqueeze(-1)
        inner[..., j, i] = -(self.capacitance @ missed).squeeze(-1)
        return pad(self._rectangle(inner) * self.interior, (1, 1, 1, 1))

    def laplacian(self, psi: Tensor) -> Tensor:
        """Five-point Laplacian at interior vertices, 0 at the others, of the shape of ``psi``."""
        dy, dx = self.spacing
        along_y = psi[..., 2:, 1:-1] - 2 * psi[..., 1:-1, 1:-1] + psi[..., :-2, 1:-1]
        along_x = psi[..., 1:-1, 2:] - 2 * psi[..., 1:-1, 1:-1] + psi[..., 1:-1, :-2]
        return pad((along_y / dy**2 + along_x / dx**2) * self.interior, (1, 1, 1, 1))


def inversion(
    basin: Basin, constants: Tensor, dtype: torch.dtype, device: torch.device | str = "cpu"
) -> Inversion:
    r"""Prepare the solver for each :math:`\lambda \ge 0` of ``constants``, float64, 1/m²."""
    wet = torch.from_numpy(basin.wet)
    interior = wet[1:, 1:] & wet[1:, :-1] & wet[:-1, 1:] & wet[:-1, :-1]
    near = pad(interior, (1, 1, 1, 1))
    near = near[2:, 1:-1] | near[:-2, 1:-1] | near[1:-1, 2:] | near[1:-1, :-2]
    j, i = (near & ~interior).nonzero(as_tuple=True)
    (sine_y, minus_y), (sine_x, minus_x) = (
        sine_transform(count, step)
        for count, step in zip(interior.shape, basin.spacing, strict=True)
    )
    eigenvalues = minus_y[:, None] + minus_x - constants[:, None, None]
    charges = sine_y[j][:, :, None] * sine_x[i][:, None, :]  # transforms, one charge each
    # symmetric and negative definite, as the inverse of the Laplacian is
    response = torch.stack([(sine_y @ (charges / e) @ sine_x)[:, j, i] for e in eigenvalues])
    return Inversion(
        spacing=basin.spacing,
        interior=interior.to(device, dtype),
        sine_y=sine_y.to(device, dtype),
        sine_x=sine_x.to(device, dtype),
        eigenvalues=eigenvalues.to(device, dtype),
        coast=(j.to(device), i.to(device)),
        capacitance=-torch.cholesky_inverse(torch.linalg.cholesky(-response)).to(device, dtype),
    )
