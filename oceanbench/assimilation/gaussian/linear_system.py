"""The linear system of optimal interpolation, factored once for the windows of several maps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from oceanbench.arrays import IntArray
from oceanbench.assimilation.gaussian.cholesky import cholesky_, solve_lower_, subtract_gram_
from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.errors import OceanbenchError


@contextmanager
def tiny_numbers_as_zero(dtype: torch.dtype) -> Iterator[None]:
    """Let float32 numbers below 1e-38 be zero: correlations of far points are, and slow it down."""
    already = float(torch.tensor(1e-38) * 1e-2) == 0.0
    flush = dtype == torch.float32 and not already
    if flush:
        torch.set_flush_denormal(True)
    try:
        yield
    finally:
        if flush:
            torch.set_flush_denormal(False)


def pairs_of_a_pass(track: IntArray) -> IntArray:
    """Indices (2, pairs) of different observations of the same pass, in both orders."""
    order = np.argsort(track, kind="stable")
    _, begin, count = np.unique(track[order], return_index=True, return_counts=True)
    size = np.repeat(count, count)  # of the pass of every observation, pass by pass
    first = np.repeat(np.arange(track.size), size)
    offset = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    second = np.repeat(np.repeat(begin, count), size) + offset
    pairs: IntArray = order[np.stack([first, second])[:, first != second]]
    return pairs


class LinearSystem:
    """Factors of H B Hᵀ + R for the windows of consecutive maps.

    The observations common to all windows come first, then the others in the order of time: of
    these, every map uses a contiguous part.
    """

    def __init__(
        self,
        covariance: Covariance,
        points: torch.Tensor,
        noise: torch.Tensor,
        pairs: IntArray | None,
        correlated: float,
        loading: torch.Tensor,
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
        self.loading = loading[self.order]
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
        shared = self.correlated * (self.loading[i[here]] * self.loading[j[here]])
        block[i[here] - top, j[here] - left] += shared.to(self.dtype)
        if square:
            own = self.correlated * self.loading[top:bottom] ** 2
            block.diagonal().copy_(1.0 + own + self.noise[self.order[top:bottom]])
        return block

    def index(self, number: int) -> torch.Tensor:
        """Observations of one map, the common ones first."""
        low, high = self.used[number]
        return torch.cat([self.common, self.other[low:high]])

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
        points = self.points[self.index(number)]
        cross = self.covariance.matrix(points, places, dtype=self.dtype)
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
        own = self.noise[self.order] + self.correlated * self.loading**2
        product += own[:, None] * flat
        i, j = self.pairs
        others = (self.loading[i] * self.loading[j])[:, None] * flat[j]
        product.index_add_(0, i, others, alpha=self.correlated)
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
