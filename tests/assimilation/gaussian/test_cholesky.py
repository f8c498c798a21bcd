"""Factors by halves are those of LAPACK, and fail at the same minor."""

from __future__ import annotations

import pytest
import torch
from dense import DEVICES
from rows import every

from oceanbench.assimilation.gaussian.cholesky import cholesky_, solve_lower_, subtract_gram_

SIZES = [1, 2, 127, 128, 129, 257, 1000]
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-4}
pytestmark = [
    pytest.mark.parametrize("device", DEVICES),
    pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"]),
]


def normal(*shape: int, dtype: torch.dtype, device: str) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(device, dtype)


def positive(n: int, dtype: torch.dtype, device: str) -> torch.Tensor:
    """Well conditioned and positive definite."""
    rows = normal(n, n, dtype=torch.float64, device=device)
    return (rows @ rows.T / n + torch.eye(n, device=device)).to(dtype)


def close(found: torch.Tensor, expected: torch.Tensor, scale: float = 1.0) -> None:
    tolerance = scale * TOLERANCE[expected.dtype]
    torch.testing.assert_close(found, expected, atol=tolerance, rtol=tolerance)


@every("n", SIZES)
def test_a_factor_is_lapacks_and_reads_the_lower_triangle_only(
    n: int, dtype: torch.dtype, device: str
) -> None:
    matrix = positive(n, dtype, device)
    expected = torch.linalg.cholesky(matrix)
    spoiled = torch.where(torch.ones_like(matrix).triu(1) > 0, 1e6, matrix)
    assert cholesky_(spoiled) == 0
    close(spoiled.tril(), expected)


@every(
    "n, minor",
    [(1, 1), (129, 1), (129, 64), (129, 65), (129, 129), (1000, 500), (1000, 501), (1000, 997)],
)
def test_a_matrix_that_is_not_positive_fails_at_its_first_such_minor(
    n: int, minor: int, dtype: torch.dtype, device: str
) -> None:
    matrix = positive(n, dtype, device)
    matrix[minor - 1, minor - 1] = -1.0
    matrix[n - 1, n - 1] = -1.0
    assert cholesky_(matrix) == minor


@every("transposed", [False, True])
@every("n", SIZES)
def test_right_hand_sides_are_solved_in_place(
    n: int, transposed: bool, dtype: torch.dtype, device: str
) -> None:
    """Also where they are the transpose of a block, as inside the factorisation."""
    factor = torch.linalg.cholesky(positive(n, dtype, device))
    right = normal(n, 5, dtype=dtype, device=device)
    expected = torch.linalg.solve_triangular(factor, right, upper=False)
    place = right.T.contiguous().T if transposed else right
    solve_lower_(factor, place)
    close(place, expected, 10.0)
    none = right[:, :0]
    solve_lower_(factor, none)
    assert none.shape == (n, 0)


@every("k", [0, 1, 200])
@every("n", [1, 255, 256, 257, 1000])
def test_a_gram_matrix_is_subtracted_from_the_lower_triangle(
    n: int, k: int, dtype: torch.dtype, device: str
) -> None:
    matrix, rows = (normal(n, m, dtype=dtype, device=device) for m in (n, k))
    expected = (matrix - rows @ rows.T).tril()
    subtract_gram_(matrix, rows)
    close(matrix.tril(), expected, 10.0)
