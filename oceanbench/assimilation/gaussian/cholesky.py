"""Cholesky factors in place, by halves, so that nearly all the work is matrix products.

LAPACK's own routines, as torch calls them, copy the matrices, and the factorisation takes nearly
twice the time.
"""

from __future__ import annotations

import torch

LEAF = 128  # size at which LAPACK takes over on a CPU


def cholesky_(matrix: torch.Tensor) -> int:
    """Replace the lower triangle of a matrix by its Cholesky factor; the upper one is undefined.

    Parameters
    ----------
    matrix : (n, n), symmetric; only its lower triangle is read

    Returns
    -------
    0, or the number of the first leading minor that is not positive (the matrix is then undefined)
    """
    n = matrix.shape[0]
    if n <= LEAF or matrix.device.type != "cpu":
        factor, info = torch.linalg.cholesky_ex(matrix)
        matrix.copy_(factor)
        return int(info)
    half = n // 2
    top, bottom, below = matrix[:half, :half], matrix[half:, half:], matrix[half:, :half]
    failed = cholesky_(top)
    if failed:
        return failed
    solve_lower_(top, below.T)
    subtract_gram_(bottom, below)
    failed = cholesky_(bottom)
    return failed + half if failed else 0


def solve_lower_(factor: torch.Tensor, right: torch.Tensor) -> None:
    """Replace right-hand sides (n, k) by the solution with a lower triangular factor (n, n)."""
    n = factor.shape[0]
    if n <= LEAF or factor.device.type != "cpu":
        torch.linalg.solve_triangular(factor, right, upper=False, out=right)
        return
    half = n // 2
    solve_lower_(factor[:half, :half], right[:half])
    right[half:].addmm_(factor[half:, :half], right[:half], alpha=-1.0)
    solve_lower_(factor[half:, half:], right[half:])


def subtract_gram_(matrix: torch.Tensor, rows: torch.Tensor) -> None:
    """Subtract ``rows @ rows.T`` from the lower triangle of a matrix; the rest is undefined.

    Parameters
    ----------
    matrix : (n, n)
    rows : (n, k)
    """
    n = matrix.shape[0]
    if n <= 2 * LEAF or matrix.device.type != "cpu":
        matrix.addmm_(rows, rows.T, alpha=-1.0)
        return
    half = n // 2
    subtract_gram_(matrix[:half, :half], rows[:half])
    matrix[half:, :half].addmm_(rows[half:], rows[:half].T, alpha=-1.0)
    subtract_gram_(matrix[half:, half:], rows[half:])
