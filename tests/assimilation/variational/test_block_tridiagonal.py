"""Block-tridiagonal solves are those of the dense matrix."""

from __future__ import annotations

import pytest
import torch
from dense import DEVICES
from rows import every
from torch import Tensor

from oceanbench.assimilation.variational.block_tridiagonal import (
    BlockCholesky,
    factorise,
    log_determinant,
    marginal,
    sample,
    solve,
)

TIMES, WINDOWS, SIZE = 6, 3, 4
SHAPES = [(TIMES, SIZE), (1, SIZE), (TIMES, 1), (2, 3)]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def blocks(times: int = TIMES, size: int = SIZE, windows: int = WINDOWS) -> tuple[Tensor, Tensor]:
    """Diagonal and lower blocks of matrices that are positive definite, and nearly not."""
    lower = normal(times, windows, size, size, seed=1).tril() + 2.0 * torch.eye(size)
    beside = normal(times - 1, windows, size, size, seed=2)
    diagonal = lower @ lower.mT
    diagonal[1:] += beside @ beside.mT
    return diagonal, beside @ lower[:-1].mT


def dense(diagonal: Tensor, below: Tensor) -> Tensor:
    """All of the matrices, (windows, times size, times size)."""
    times, windows, size = diagonal.shape[:3]
    full = torch.zeros(windows, times, size, times, size, dtype=diagonal.dtype)
    for k in range(times):
        full[:, k, :, k] = diagonal[k]
    for k in range(times - 1):
        full[:, k + 1, :, k] = below[k]
        full[:, k, :, k + 1] = below[k].mT
    return full.reshape(windows, times * size, times * size)


def rows(values: Tensor) -> Tensor:
    """(times, windows, size) as (windows, times size)."""
    return values.transpose(0, 1).flatten(1)


@every("times, size", SHAPES)
def test_it_solves_the_system(times: int, size: int) -> None:
    diagonal, below = blocks(times, size)
    right = normal(times, WINDOWS, size, seed=3)
    expected = torch.linalg.solve(dense(diagonal, below), rows(right))
    found = solve(factorise(diagonal, below), right)
    torch.testing.assert_close(rows(found), expected, rtol=1e-9, atol=1e-10)


@every("times, size", SHAPES)
def test_the_marginals_are_blocks_of_the_inverse(times: int, size: int) -> None:
    diagonal, below = blocks(times, size)
    inverse = torch.linalg.inv(dense(diagonal, below)).view(WINDOWS, times, size, times, size)
    for k, found in enumerate(marginal(factorise(diagonal, below))):
        torch.testing.assert_close(found, inverse[:, k, :, k], rtol=1e-9, atol=1e-10)


@every("times, size", SHAPES)
def test_the_determinant_is_that_of_the_matrix(times: int, size: int) -> None:
    diagonal, below = blocks(times, size)
    expected = torch.linalg.slogdet(dense(diagonal, below)).logabsdet
    torch.testing.assert_close(log_determinant(factorise(diagonal, below)), expected)


def test_draws_have_the_inverse_for_covariance() -> None:
    """Exactly: white noise of all unit vectors gives a root of the inverse."""
    diagonal, below = blocks()
    length = TIMES * SIZE
    units = torch.eye(length, dtype=torch.float64).view(length, TIMES, 1, SIZE)
    factor = factorise(diagonal, below)
    root = torch.stack([rows(sample(factor, u.expand(-1, WINDOWS, -1))) for u in units], -1)
    torch.testing.assert_close(root @ root.mT, torch.linalg.inv(dense(diagonal, below)))


def test_a_matrix_that_is_not_positive_definite_is_alone_with_it() -> None:
    diagonal, below = blocks()
    right = normal(TIMES, WINDOWS, SIZE, seed=3)
    expected = solve(factorise(diagonal, below), right)
    diagonal[2, 1] -= 100.0 * torch.eye(SIZE)
    found = solve(factorise(diagonal, below), right)
    assert found[:, 1].isnan().all()
    torch.testing.assert_close(found[:, [0, 2]], expected[:, [0, 2]], rtol=1e-12, atol=1e-12)


def test_nothing_is_changed_and_the_blocks_kept_are_linear_in_the_times() -> None:
    diagonal, below = blocks()
    before = diagonal.clone(), below.clone()
    factor = factorise(diagonal, below)
    solve(factor, normal(TIMES, WINDOWS, SIZE))
    assert torch.equal(diagonal, before[0]) and torch.equal(below, before[1])
    assert sum(part.numel() for part in (factor.diagonal, factor.above)) == (
        (2 * TIMES - 1) * WINDOWS * SIZE**2
    )


@pytest.mark.parametrize("device", DEVICES)
def test_every_device_gives_the_same(device: str) -> None:
    diagonal, below = blocks()
    right = normal(TIMES, WINDOWS, SIZE, seed=3)
    here = factorise(diagonal, below)
    there: BlockCholesky = factorise(diagonal.to(device), below.to(device))
    torch.testing.assert_close(solve(there, right.to(device)).cpu(), solve(here, right))
    torch.testing.assert_close(marginal(there).cpu(), marginal(here))
