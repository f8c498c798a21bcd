"""The overturning loop swings, collapses and recovers as published, and collapses are found."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from dense import DEVICES
from rows import every
from torch import Tensor

from oceanbench.arrays import FloatArray
from oceanbench.dynamics import runge_kutta
from oceanbench.dynamics.amoc import (
    DIFFUSION,
    FORCING,
    FRICTION,
    ROTATION,
    collapsed,
    tangent,
    tendency,
)

STEP = 5.0  # years: a thirtieth of the oscillation


@pytest.fixture(scope="module")
def long_run() -> tuple[FloatArray, Tensor]:
    """Omega (runs, times) every step of 15 000 years, and growth rates of a perturbation."""
    random = torch.Generator().manual_seed(0)
    state = 0.02 * torch.randn(64, 3, generator=random, dtype=torch.float64)
    perturbation = torch.randn(64, 3, 1, generator=random, dtype=torch.float64)
    omega, growth = [], []
    for number in range(4000):
        state, perturbation = runge_kutta.step_with_tangent(
            state, perturbation, tendency, tangent, STEP
        )
        length = perturbation.norm(dim=1, keepdim=True)
        perturbation = perturbation / length
        if number >= 1000:
            omega.append(state[:, 0])
            growth.append(length.log().mean() / STEP)
    return torch.stack(omega, 1).numpy(), torch.stack(growth)


def swings(times: int, reversals: list[int]) -> FloatArray:
    """Omega that reverses the circulation at some times only."""
    omega = np.zeros(times)
    omega[reversals] = -2 * ROTATION
    return omega


@pytest.mark.parametrize("device", DEVICES)
def test_rotation_only_exchanges_the_salinities(device: str) -> None:
    """Their squares change by the forcing and the diffusion alone."""
    random = torch.Generator().manual_seed(0)
    state = 0.05 * torch.randn(20, 3, generator=random, dtype=torch.float64).to(device)
    rate = tendency(state)
    change = (state * rate)[:, 1:].sum(-1)
    expected = FORCING * state[:, 1] - DIFFUSION * (state[:, 1:] ** 2).sum(-1)
    torch.testing.assert_close(change, expected, rtol=0, atol=1e-18)


def test_volumes_contract_by_friction_and_diffusion() -> None:
    state = 0.05 * torch.randn(8, 3, generator=torch.Generator().manual_seed(0)).double()
    identity = torch.eye(3, dtype=torch.float64).expand(8, 3, 3)
    rate = tangent(state, identity).diagonal(dim1=-2, dim2=-1).sum(-1)
    torch.testing.assert_close(rate, torch.full_like(rate, -FRICTION - 2 * DIFFUSION))


def test_errors_grow_by_e_in_some_eight_centuries(
    long_run: tuple[FloatArray, Tensor],
) -> None:
    """The leading Lyapunov exponent is 1.23e-3 per year, of 256 runs of 35 000 years."""
    assert float(long_run[1].mean()) == pytest.approx(1.23e-3, abs=0.15e-3)


def test_a_fifth_of_the_time_is_collapsed(long_run: tuple[FloatArray, Tensor]) -> None:
    """Collapses of some 370 years, every 1800 years."""
    off = collapsed(long_run[0], STEP)
    assert off.mean() == pytest.approx(0.20, abs=0.03)
    inside = np.diff(off.astype(int), axis=1)
    years = STEP * off.sum() / (inside == 1).sum()
    assert years == pytest.approx(366, abs=60)


def test_between_collapses_the_circulation_swings_in_144_years(
    long_run: tuple[FloatArray, Tensor],
) -> None:
    omega, off = long_run[0], collapsed(long_run[0], STEP)
    assert omega[~off].mean() + ROTATION == pytest.approx(-0.040, abs=0.004)
    top = (omega[:, 1:-1] > omega[:, :-2]) & (omega[:, 1:-1] >= omega[:, 2:]) & ~off[:, 1:-1]
    periods = [np.diff(np.flatnonzero(row)) * STEP for row in top]
    assert np.median(np.concatenate(periods)) == pytest.approx(144, abs=10)


@every(
    "reversals, expected",
    [
        ([], []),
        ([7], [7]),
        ([7, 8, 9], [7, 8, 9]),
        ([10, 50], [*range(10, 51)]),  # 400 years apart
        ([10, 51], [10, 51]),
        ([0, 30, 60, 99], [*range(0, 100)]),  # each near the next
        ([0, 99], [0, 99]),
    ],
)
def test_reversals_that_follow_each_other_are_one_collapse(
    reversals: list[int], expected: list[int]
) -> None:
    found = collapsed(swings(100, reversals), 10.0)
    assert np.flatnonzero(found).tolist() == expected


def test_years_and_not_steps_decide_what_one_collapse_is() -> None:
    omega = swings(100, [10, 40])
    assert collapsed(omega, 10.0).sum() == 31
    assert collapsed(omega, 20.0).sum() == 2


def test_windows_of_any_shape_are_judged_one_by_one() -> None:
    omega = np.random.default_rng(0).normal(0.0, 0.02, (2, 3, 200))
    found = collapsed(omega, 20.0)
    assert found.shape == omega.shape and found.dtype == bool
    assert 0 < found.mean() < 1
    for index in np.ndindex(2, 3):
        assert np.array_equal(found[index], collapsed(omega[index], 20.0))
