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
from numpy.typing import ArrayLike, NDArray

from oceanbench.assimilation.covariance import Covariance
from oceanbench.assimilation.factor import cholesky_, solve_lower_, subtract_gram_
from oceanbench.errors import OceanbenchError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Observations:
    """Observations in the order of time, and what is known of their error.

    Attributes
    ----------
    time : (n,) days
    x, y : (n,) in the unit of the covariance's lengths
    value : (n,) relative to the background, or (n, k): several sets at the same places
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
        sizes = {
            name: len(getattr(self, name))
            for name in ("time", "x", "y", "value", "noise", "track")
            if getattr(self, name) is not None
        }
        if len(set(sizes.values())) > 1:
            raise OceanbenchError(f"observations: columns of different lengths {sizes}")
        for name in ("time", "x", "y", "value", "noise"):
            if not np.isfinite(getattr(self, name)).all():
                raise OceanbenchError(f"observations: '{name}' has missing values; drop them")
        if (self.noise < 0).any() or not 0 <= self.correlated < np.inf:
            raise OceanbenchError("observations: a variance of the noise is negative or infinite")
        if (np.diff(self.time) < 0).any():
            raise OceanbenchError("observations: times are not increasing; sort by time")
        if self.correlated > 0 and self.track is None:
            raise OceanbenchError("observations: a correlated error needs the number of the pass")


@dataclass(frozen=True)
class Posterior:
    r"""Solution for consecutive maps that share a factorisation.

    Attributes
    ----------
    dates : (d,) of the maps, days
    origin : (x, y, time) to which ``points`` are relative
    covariance : of the field
    points : (m, 3) scaled coordinates of the observations that any of the maps uses
    weights : (m, d, k) w of :math:`\hat x = B H^T w`, zero where a map does not use an observation
    system : factors of the observations' covariance
    """

    dates: FloatArray
    origin: tuple[float, float, float]
    covariance: Covariance
    points: torch.Tensor
    weights: torch.Tensor
    system: _System

    def places(self, x: ArrayLike, y: ArrayLike, time: ArrayLike) -> torch.Tensor:
        """Scaled coordinates (n, 3) of places; ``x``, ``y`` and ``time`` broadcast to (n,)."""
        shifted = np.broadcast_arrays(
            *(np.asarray(a) - o for a, o in zip((x, y, time), self.origin, strict=True))
        )
        tensors = [torch.tensor(a, dtype=torch.float64, device=self.points.device) for a in shifted]
        return self.covariance.coordinates(*tensors)


def solve(
    observations: Observations,
    dates: Sequence[float] | FloatArray,
    covariance: Covariance,
    *,
    window: float,
    group: int = 6,
    device: str = "cpu",
    precision: str = "double",
) -> Iterator[Posterior]:
    """Posterior of every map, several consecutive maps at a time.

    Parameters
    ----------
    observations : of the whole period
    dates : of the maps, days, increasing
    covariance : of the field
    window : days; observations strictly closer to the date than this are used
    group : maps that share one factorisation
    device : of torch
    precision : ``double``; or ``single``, which factors in float32 and refines the weights once
        with residuals in float64 (maps differ by less than 1e-5 m for noise above 0.1 % of the
        variance), in about half the time and memory

    Yields
    ------
    Posterior of up to ``group`` dates, in their order; its formal error can be asked for until the
    next one is
    """
    if precision not in ("double", "single"):
        raise OceanbenchError(f"precision '{precision}': expected 'double' or 'single'")
    days = np.asarray(dates, dtype=np.float64)
    if not window > 0 or not np.isfinite(days).all() or (np.diff(days) < 0).any():
        raise OceanbenchError(
            f"window {window} must be positive, dates finite and increasing; sort the dates"
        )
    first = np.searchsorted(observations.time, days - window, side="right")
    last = np.searchsorted(observations.time, days + window, side="left")
    start = 0
    while start < days.size:
        stop = min(start + group, days.size)
        while stop > start + 1 and last[start] <= first[stop - 1]:  # nothing in common
            stop -= 1
        windows = list(zip(first[start:stop].tolist(), last[start:stop].tolist(), strict=True))
        posterior = _posterior(
            observations, days[start:stop], covariance, windows, device, precision
        )
        yield posterior
        posterior.system.release()
        start = stop


def _posterior(
    o: Observations,
    dates: FloatArray,
    covariance: Covariance,
    windows: list[tuple[int, int]],
    device: str,
    precision: str,
) -> Posterior:
    begin, end = min(f for f, _ in windows), max(e for _, e in windows)
    origin = (0.0, 0.0, float(dates.mean()))
    if end > begin:
        origin = (float(o.x[begin:end].mean()), float(o.y[begin:end].mean()), origin[2])
    columns = (a[begin:end] - b for a, b in zip((o.x, o.y, o.time), origin, strict=True))
    tensors = [torch.tensor(c, dtype=torch.float64, device=device) for c in columns]
    system = _System(
        covariance,
        covariance.coordinates(*tensors),
        torch.tensor(o.noise[begin:end], dtype=torch.float64, device=device),
        _pairs_of_a_pass(o.track[begin:end]) if o.track is not None and o.correlated else None,
        o.correlated,
        [(first - begin, last - begin) for first, last in windows],
        torch.float64 if precision == "double" else torch.float32,
    )
    value = torch.tensor(o.value[begin:end], dtype=torch.float64, device=device)
    weights = system.weights(
        value.reshape(end - begin, o.value.shape[1] if o.value.ndim > 1 else 1)
    )
    return Posterior(dates, origin, covariance, system.points, weights, system)


def _pairs_of_a_pass(track: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices (2, pairs) of different observations of the same pass, in both orders."""
    order = np.argsort(track, kind="stable")
    _, begin, count = np.unique(track[order], return_index=True, return_counts=True)
    size = np.repeat(count, count)  # of the pass of every observation, pass by pass
    first = np.repeat(np.arange(track.size), size)
    offset = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    second = np.repeat(np.repeat(begin, count), size) + offset
    pairs: NDArray[np.int64] = order[np.stack([first, second])[:, first != second]]
    return pairs


class _System:
    """Factors of H B Hᵀ + R for the windows of consecutive maps.

    The observations common to all windows come first, then the others in the order of time: of
    these, every map uses a contiguous part.
    """

    def __init__(
        self,
        covariance: Covariance,
        points: torch.Tensor,
        noise: torch.Tensor,
        pairs: NDArray[np.int64] | None,
        correlated: float,
        windows: list[tuple[int, int]],
        dtype: torch.dtype,
    ) -> None:
        size, device = points.shape[0], points.device
        a, b = max(f for f, _ in windows), min(e for _, e in windows)
        self.covariance, self.points, self.noise = covariance, points, noise
        self.correlated, self.dtype = correlated, dtype
        everything = torch.arange(size, device=device)
        self.common = everything[a:b]
        self.other = torch.cat([everything[:a], everything[b:]])
        self.used = [(first, a + last - b) for first, last in windows]
        self.order = torch.cat([self.common, self.other])
        self.place = torch.empty_like(everything)
        self.place[self.order] = everything
        self.pairs = (
            torch.zeros(2, 0, dtype=torch.long, device=device)
            if pairs is None
            else self.place[torch.as_tensor(pairs, device=device)]
        )
        self._factorise()

    def _factorise(self) -> None:
        n, size = self.common.numel(), self.order.numel()
        self.factor = _factored(self._block(0, n, 0, n))
        self.coupling = self._block(0, n, n, size)
        solve_lower_(self.factor, self.coupling)
        self.schur = self._block(n, size, n, size)
        subtract_gram_(self.schur, self.coupling.T)

    def _block(self, top: int, bottom: int, left: int, right: int) -> torch.Tensor:
        """Covariance of observations, by their place in the order; square blocks lower only."""
        square = top == left
        rows, columns = self.points[self.order[top:bottom]], self.points[self.order[left:right]]
        block = self.covariance.matrix(rows, columns, lower=square, dtype=self.dtype)
        i, j = self.pairs
        here = (i >= top) & (i < bottom) & (j >= left) & (j < right)
        block[i[here] - top, j[here] - left] += self.correlated
        if square:
            noise = self.noise[self.order[top:bottom]]
            block.diagonal().copy_(1.0 + self.correlated + noise)
        return block

    def small_factor(self, number: int) -> torch.Tensor:
        """Cholesky factor of the Schur complement of the observations that one map adds."""
        low, high = self.used[number]
        return _factored(self.schur[low:high, low:high].clone())

    def release(self) -> None:
        """Give back the memory of the factors."""
        del self.factor, self.coupling, self.schur

    def explained(self, places: torch.Tensor, number: int) -> torch.Tensor:
        """Variance (n,) at places that the observations of one map explain."""
        if not hasattr(self, "factor"):
            raise OceanbenchError(
                "the formal error of these maps is asked for after the next ones were solved, "
                "expected before; the factors are gone"
            )
        low, high = self.used[number]
        index = torch.cat([self.common, self.other[low:high]])
        cross = self.covariance.matrix(self.points[index], places, dtype=self.dtype)
        n = self.common.numel()
        u = torch.linalg.solve_triangular(self.factor, cross[:n], upper=False)
        rest = cross[n:] - self.coupling[:, low:high].T @ u
        v = torch.linalg.solve_triangular(self.small_factor(number), rest, upper=False)
        explained: torch.Tensor = ((u * u).sum(0) + (v * v).sum(0)).to(torch.float64)
        return explained

    def weights(self, value: torch.Tensor) -> torch.Tensor:
        """Weights (m, dates, k) of every map, in the order of time, from values (m, k)."""
        right = value.new_zeros(value.shape[0], len(self.used), value.shape[1])
        n = self.common.numel()
        right[:n] = value[self.common, None]
        for number, (low, high) in enumerate(self.used):
            right[n + low : n + high, number] = value[self.other[low:high]]
        result = self._solved(right)
        if self.dtype != torch.float64:
            result += self._solved(self._residual(right, result))
        return result[self.place]

    def _solved(self, right: torch.Tensor) -> torch.Tensor:
        """Solution (m, dates, k), in this order, of every map's own system."""
        n, shape = self.common.numel(), right.shape
        below = right.to(self.dtype)
        z = torch.linalg.solve_triangular(self.factor, below[:n].flatten(1), upper=False)
        rest = below[n:] - (self.coupling.T @ z).reshape(-1, *shape[1:])
        own = torch.zeros_like(rest)
        for number, (low, high) in enumerate(self.used):
            if high > low:
                factor = self.small_factor(number)
                own[low:high, number] = torch.cholesky_solve(rest[low:high, number], factor)
        z -= self.coupling @ own.flatten(1)
        shared = torch.linalg.solve_triangular(self.factor.T, z, upper=True)
        return torch.cat([shared.reshape(n, *shape[1:]), own]).to(torch.float64)

    def _residual(self, right: torch.Tensor, solution: torch.Tensor) -> torch.Tensor:
        """What is left of every map's system, in float64 and without storing the matrix."""
        points, flat = self.points[self.order], solution.flatten(1)
        product = self.covariance.own_times(points, flat)
        product += (self.noise[self.order, None] + self.correlated) * flat
        i, j = self.pairs
        product.index_add_(0, i, flat[j], alpha=self.correlated)
        left = right - product.reshape(right.shape)
        n = self.common.numel()
        for number, (low, high) in enumerate(self.used):
            left[n : n + low, number] = 0.0
            left[n + high :, number] = 0.0
        return left


def _factored(matrix: torch.Tensor) -> torch.Tensor:
    """Cholesky factor, in place of the matrix."""
    failed = cholesky_(matrix)
    if failed:
        exact = "" if matrix.dtype == torch.float64 else ", or solve it in double precision"
        raise OceanbenchError(
            f"the covariance of {matrix.shape[0]} observations is singular (at number {failed}); "
            f"raise the noise, or drop duplicated observations{exact}"
        )
    return matrix
