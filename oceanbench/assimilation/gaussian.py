r"""Optimal interpolation: the exact posterior of a Gaussian field, map after map.

With observations :math:`y = Hx + \varepsilon` inside a window around the date of a map,

.. math:: \hat x = B H^T w, \quad (H B H^T + R) \, w = y,

where B is the field's covariance and R holds white noise and, between samples of one pass, a
correlated error. The matrix does not depend on the date, only the window does. So the observations
common to the windows of several consecutive maps are factored once; each map adds a small Schur
complement for its other observations. This is exact: the same numbers as map by map.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from oceanbench.assimilation.covariance import Covariance
from oceanbench.errors import OceanbenchError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Observations:
    """Observations in the order of time, and what is known of their error.

    Attributes
    ----------
    time : (n,) days
    x, y : (n,) in the unit of the covariance's lengths
    value : (n,) relative to the background
    noise : (n,) variance of the white error, relative to that of the field
    track : (n,) number of the pass; samples of one pass share a correlated error
    correlated : variance of that error, relative to that of the field
    """

    time: FloatArray
    x: FloatArray
    y: FloatArray
    value: FloatArray
    noise: FloatArray
    track: NDArray[np.int64] | None = None
    correlated: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what has no posterior."""
        for name in ("time", "x", "y", "value", "noise"):
            if not np.isfinite(getattr(self, name)).all():
                raise OceanbenchError(f"observations: '{name}' has missing values; drop them")
        if (self.noise < 0).any() or self.correlated < 0:
            raise OceanbenchError("observations: a variance of the noise is negative")
        if (np.diff(self.time) < 0).any():
            raise OceanbenchError("observations: times are not increasing; sort by time")
        if self.correlated > 0 and self.track is None:
            raise OceanbenchError("observations: a correlated error needs the number of the pass")


@dataclass(frozen=True)
class Weights:
    r"""Solution for one map: which observations it uses, and w of :math:`\hat x = B H^T w`."""

    index: torch.Tensor
    values: torch.Tensor


def solve(
    observations: Observations,
    dates: Sequence[float] | FloatArray,
    covariance: Covariance,
    *,
    window: float,
    group: int = 8,
    device: str = "cpu",
) -> Iterator[Weights]:
    """Weights of the observations for every map, in the order of the dates.

    Parameters
    ----------
    observations : of the whole period
    dates : of the maps, days, increasing
    covariance : of the field
    window : days; observations strictly closer to the date than this are used
    group : maps that share one factorisation
    device : of torch

    Yields
    ------
    Weights
    """
    problem = _Problem(observations, covariance, device)
    days = np.asarray(dates, dtype=np.float64)
    first = np.searchsorted(observations.time, days - window, side="right")
    last = np.searchsorted(observations.time, days + window, side="left")
    for start in range(0, days.size, group):
        stop = min(start + group, days.size)
        windows = [(int(first[i]), int(last[i])) for i in range(start, stop)]
        yield from _solve_group(problem, windows)


def level(
    weights: Weights,
    date: float,
    observations: Observations,
    covariance: Covariance,
    x: FloatArray,
    y: FloatArray,
) -> FloatArray:
    """Map at one date on a rectangular grid.

    Parameters
    ----------
    weights : of that date, from :func:`solve`
    date : days
    observations, covariance : as given to :func:`solve`
    x, y : nodes of the grid

    Returns
    -------
    ndarray (y, x); zero, the background, where no observation is near
    """
    w = weights.values
    device = w.device
    take = weights.index.cpu().numpy()
    if take.size == 0:
        return np.zeros((y.size, x.size))
    time = observations.time[take] - date
    places = [
        torch.tensor(a, dtype=torch.float64, device=device)
        for a in (observations.x[take], observations.y[take], time, x, y)
    ]
    ox, oy, ot, gx, gy = places
    if covariance.shape == "gaussian":
        c = covariance
        near_x = torch.exp(-(((gx[:, None] - ox + c.speed_x * ot) / c.length_x) ** 2))
        near_y = torch.exp(-(((gy[:, None] - oy + c.speed_y * ot) / c.length_y) ** 2))
        w = w * torch.exp(-((ot / c.length_time) ** 2))
        values = (near_y * w) @ near_x.T
    else:
        nodes_y, nodes_x = torch.meshgrid(gy, gx, indexing="ij")
        zero = torch.zeros(nodes_x.numel(), dtype=torch.float64, device=device)
        centre_x, centre_y = gx.mean(), gy.mean()
        grid = covariance.coordinates(
            nodes_x.reshape(-1) - centre_x, nodes_y.reshape(-1) - centre_y, zero
        )
        points = covariance.coordinates(ox - centre_x, oy - centre_y, ot)
        values = (covariance.matrix(grid, points) @ w).reshape(gy.numel(), gx.numel())
    result: FloatArray = values.cpu().numpy()
    return result


class _Problem:
    """Blocks of H B Hᵀ + R, and the observed values, on the device."""

    def __init__(
        self,
        observations: Observations,
        covariance: Covariance,
        device: str,
    ) -> None:
        def tensor(values: FloatArray) -> torch.Tensor:
            return torch.as_tensor(values, dtype=torch.float64, device=device)

        o = observations
        centred = [tensor(a - a.mean()) if a.size else tensor(a) for a in (o.x, o.y, o.time)]
        self.covariance = covariance
        self.points = covariance.coordinates(*centred)
        self.value, self.noise = tensor(o.value), tensor(o.noise)
        self.correlated = o.correlated
        self.track = None if o.track is None else torch.as_tensor(o.track, device=device)

    def block(self, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        """Covariance of observations at different places of the matrix."""
        return self._with_error(rows, columns, lower=False)

    def diagonal_block(self, rows: torch.Tensor) -> torch.Tensor:
        """Covariance of observations with themselves, its lower triangle, white noise included."""
        block = self._with_error(rows, rows, lower=True)
        block.diagonal().copy_(1.0 + self.correlated + self.noise[rows])
        return block

    def _with_error(
        self, rows: torch.Tensor, columns: torch.Tensor, *, lower: bool
    ) -> torch.Tensor:
        block = self.covariance.matrix(self.points[rows], self.points[columns], lower=lower)
        if self.correlated > 0 and self.track is not None:
            same = self.track[rows][:, None] == self.track[columns]
            block.add_(same, alpha=self.correlated)
        return block


def _solve_group(problem: _Problem, windows: list[tuple[int, int]]) -> Iterator[Weights]:
    """Weights of maps whose windows overlap: one factor of the common part, one Schur complement.

    The common observations are [a, b); the others, in the order of time, are those before a and
    those after b, of which each map uses a contiguous part around the gap.
    """
    device = problem.value.device
    begin, end = min(f for f, _ in windows), max(e for _, e in windows)
    a, b = max(f for f, _ in windows), min(e for _, e in windows)
    if b <= a and len(windows) > 1:  # nothing in common: one by one
        for window in windows:
            yield from _solve_group(problem, [window])
        return
    if end == begin:
        yield Weights(torch.zeros(0, dtype=torch.long, device=device), problem.value[:0])
        return
    common = torch.arange(a, b, device=device)
    extra = torch.cat([torch.arange(begin, a, device=device), torch.arange(b, end, device=device)])
    factor = _cholesky(problem.diagonal_block(common))
    y = problem.value
    z = torch.linalg.solve_triangular(factor, y[common, None], upper=False)
    if extra.numel():
        coupling = torch.linalg.solve_triangular(factor, problem.block(common, extra), upper=False)
        schur = problem.diagonal_block(extra)
        schur.addmm_(coupling.T, coupling, alpha=-1.0)
        rest = y[extra, None] - coupling.T @ z
    for first, last in windows:
        low, high = first - begin, a - begin + last - b
        right, own = z, torch.zeros(0, 1, dtype=y.dtype, device=device)
        if high > low:
            small = _cholesky(schur[low:high, low:high])
            own = torch.cholesky_solve(rest[low:high], small)
            right = z - coupling[:, low:high] @ own
        shared = torch.linalg.solve_triangular(factor.T, right, upper=True)
        index = torch.cat([extra[low:high], common])
        yield Weights(index, torch.cat([own, shared])[:, 0])


def _cholesky(matrix: torch.Tensor) -> torch.Tensor:
    """Lower factor, from the lower triangle."""
    factor: torch.Tensor
    factor, info = torch.linalg.cholesky_ex(matrix)
    if int(info) != 0:
        raise OceanbenchError(
            f"the covariance of {matrix.shape[0]} observations is singular (at number "
            f"{int(info)}); raise the noise, or drop duplicated observations"
        )
    return factor
