r"""Exact solution of symmetric positive definite block-tridiagonal systems, many of them at once.

.. math::
    H = \begin{pmatrix} D_0 & B_0^T \\ B_0 & D_1 & B_1^T \\ & B_1 & \ddots \end{pmatrix}
      = L L^T, \quad
    L_k L_k^T = D_k - C_k C_k^T, \quad C_k = B_{k-1} L_{k-1}^{-T}

The Cholesky factor has blocks :math:`L_k` on its diagonal and :math:`C_k` below it, so work and
memory grow linearly with the number of times. It is what a Kalman filter and a Rauch-Tung-Striebel
smoother do, written for the inverse of the covariance. Time is the first dimension of all arrays:
the blocks of one time, of all windows, lie together in memory and are treated by one call.

References
----------
George and Liu (1981), Computer solution of large sparse positive definite systems;
Takahashi et al. (1973), for the blocks of the inverse; Rauch et al. (1965), doi:10.2514/3.3166
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class BlockCholesky:
    r"""Cholesky factor of a block-tridiagonal matrix.

    Attributes
    ----------
    diagonal : (times, windows, size, size), :math:`L_k`, lower triangular
    above : (times - 1, windows, size, size), :math:`C_{k+1}^T`
    """

    diagonal: Tensor
    above: Tensor


def factorise(diagonal: Tensor, below: Tensor) -> BlockCholesky:
    r"""Cholesky factor; all NaN for a window whose matrix is not positive definite.

    So one window that has no factor does not take it away from the others.

    Parameters
    ----------
    diagonal : (times, windows, size, size), :math:`D_k`
    below : (times - 1, windows, size, size), :math:`B_k`, in row k + 1 and column k
    """
    times, windows = diagonal.shape[:2]
    # Lapack writes columns: blocks that are stored so take its results without a copy
    lower, above = torch.empty_like(diagonal.mT).mT, torch.empty_like(below.mT).mT
    failed = torch.empty((times, windows), dtype=torch.int32, device=diagonal.device)
    left = diagonal[0]
    for k in range(times):
        if k:
            torch.linalg.solve_triangular(
                lower[k - 1], below[k - 1].mT, upper=False, out=above[k - 1]
            )
            left = torch.baddbmm(diagonal[k], above[k - 1].mT, above[k - 1], alpha=-1.0)
        torch.linalg.cholesky_ex(left, out=(lower[k], failed[k]))
    bad = failed.any(0)
    if bad.any():
        lower[:, bad] = torch.nan
    return BlockCholesky(lower, above)


def solve(factor: BlockCholesky, right: Tensor) -> Tensor:
    """Solution of the system for a right-hand side (times, windows, size), of the same shape."""
    return _backward(factor, _forward(factor, right))


def solution(diagonal: Tensor, below: Tensor, right: Tensor) -> Tensor:
    r"""Solution of a system, differentiable by its blocks and its right-hand side.

    With :math:`x = H^{-1} b` and the derivative g of a number by x, one more solve with the same
    factor, :math:`w = H^{-1} g`, gives its derivatives: w by b, and :math:`-w x^T` by H.

    Parameters are those of :func:`factorise` and :func:`solve`.
    """
    found: Tensor = _Solution.apply(diagonal, below, right)  # type: ignore[no-untyped-call]
    return found


class _Solution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, diagonal: Tensor, below: Tensor, right: Tensor) -> Tensor:
        factor = factorise(diagonal, below)
        found = solve(factor, right)
        ctx.save_for_backward(factor.diagonal, factor.above, found)
        return found

    @staticmethod
    def backward(ctx: Any, pulled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        lower, above, found = ctx.saved_tensors
        by_right = solve(BlockCholesky(lower, above), pulled.contiguous())
        outer = by_right[..., None] * found[..., None, :]
        across = by_right[1:, ..., None] * found[:-1, ..., None, :]
        other = found[1:, ..., None] * by_right[:-1, ..., None, :]
        return -0.5 * (outer + outer.mT), -(across + other), by_right


def sample(factor: BlockCholesky, white: Tensor) -> Tensor:
    """Draws, of covariance the matrix's inverse, from white noise (times, windows, size)."""
    return _backward(factor, white)


def marginal(factor: BlockCholesky) -> Tensor:
    r"""Blocks on the diagonal of the inverse, the rest of which is never formed.

    .. math:: \Sigma_k = L_k^{-T} \left( I + C_{k+1}^T \Sigma_{k+1} C_{k+1} \right) L_k^{-1}

    Returns
    -------
    (times, windows, size, size)
    """
    times, size = factor.diagonal.shape[0], factor.diagonal.shape[-1]
    inverse = torch.empty_like(factor.diagonal)
    identity = torch.eye(size, dtype=inverse.dtype, device=inverse.device)
    for k in range(times - 1, -1, -1):
        root = torch.linalg.solve_triangular(
            factor.diagonal[k], identity.expand_as(inverse[k]), upper=False
        )
        inner = identity
        if k < times - 1:
            inner = identity + factor.above[k] @ inverse[k + 1] @ factor.above[k].mT
        inverse[k] = root.mT @ inner @ root
    return inverse


def adjacent(factor: BlockCholesky, inverse: Tensor) -> Tensor:
    r"""Blocks of the inverse in row k + 1 and column k.

    .. math:: \Sigma_{k+1,k} = - \Sigma_{k+1} C_{k+1} L_k^{-1}

    Parameters
    ----------
    factor : of the matrix
    inverse : blocks on its diagonal, from :func:`marginal`

    Returns
    -------
    (times - 1, windows, size, size)
    """
    right = inverse[1:] @ factor.above.mT
    found: Tensor = torch.linalg.solve_triangular(
        factor.diagonal[:-1], right, upper=False, left=False
    )
    return -found


def log_determinant(factor: BlockCholesky) -> Tensor:
    """Logarithm of the determinant of each window's matrix, (windows,)."""
    return 2.0 * factor.diagonal.diagonal(dim1=-2, dim2=-1).log().sum((0, 2))


def _forward(factor: BlockCholesky, right: Tensor) -> Tensor:
    """Solve with the factor."""
    found = torch.empty_like(right[..., None])
    left = right[0, ..., None]
    for k in range(right.shape[0]):
        if k:
            left = torch.baddbmm(
                right[k, ..., None], factor.above[k - 1].mT, found[k - 1], alpha=-1.0
            )
        torch.linalg.solve_triangular(factor.diagonal[k], left, upper=False, out=found[k])
    return found[..., 0]


def _backward(factor: BlockCholesky, right: Tensor) -> Tensor:
    """Solve with the transpose of the factor."""
    found = torch.empty_like(right[..., None])
    left = right[-1, ..., None]
    for k in range(right.shape[0] - 1, -1, -1):
        if k < right.shape[0] - 1:
            left = torch.baddbmm(right[k, ..., None], factor.above[k], found[k + 1], alpha=-1.0)
        torch.linalg.solve_triangular(factor.diagonal[k].mT, left, upper=True, out=found[k])
    return found[..., 0]
