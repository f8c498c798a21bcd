"""Lorenz-63 has its fixed points, its symmetry, its contraction and its growth of errors."""

from __future__ import annotations

import math

import pytest
import torch
from dense import DEVICES

from oceanbench.dynamics import runge_kutta
from oceanbench.dynamics.lorenz63 import ASPECT, PRANDTL, RAYLEIGH, tangent, tendency

STEP = 0.01


@pytest.mark.parametrize("device", DEVICES)
def test_the_three_fixed_points_are_at_rest(device: str) -> None:
    wing = math.sqrt(ASPECT * (RAYLEIGH - 1))
    points = [[0.0, 0.0, 0.0], [wing, wing, RAYLEIGH - 1], [-wing, -wing, RAYLEIGH - 1]]
    rest = torch.tensor(points, dtype=torch.float64, device=device)
    assert float(tendency(rest).abs().max()) < 1e-13


def test_the_two_wings_mirror_each_other() -> None:
    mirror = torch.tensor([-1.0, -1.0, 1.0], dtype=torch.float64)
    state = torch.randn(8, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.equal(tendency(mirror * state), mirror * tendency(state))


def test_volumes_contract_at_the_same_rate_everywhere() -> None:
    state = torch.randn(8, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    identity = torch.eye(3, dtype=torch.float64).expand(8, 3, 3)
    rate = tangent(state, identity).diagonal(dim1=-2, dim2=-1).sum(-1)
    torch.testing.assert_close(rate, torch.full_like(rate, -(PRANDTL + 1 + ASPECT)))


def test_errors_grow_at_the_known_rate_on_the_known_attractor() -> None:
    """The leading Lyapunov exponent is 0.906; the mean height is 23.55."""
    random = torch.Generator().manual_seed(0)
    state = 10.0 + torch.randn(64, 3, generator=random, dtype=torch.float64)
    perturbation = torch.randn(64, 3, 1, generator=random, dtype=torch.float64)
    growth, height = [], []
    for _ in range(3000):
        state, perturbation = runge_kutta.step_with_tangent(
            state, perturbation, tendency, tangent, STEP
        )
        length = perturbation.norm(dim=1, keepdim=True)
        perturbation = perturbation / length
        growth.append(length.log().mean() / STEP)
        height.append(state[:, 2].mean())
    assert float(torch.stack(growth[1000:]).mean()) == pytest.approx(0.906, abs=0.03)
    assert float(torch.stack(height[1000:]).mean()) == pytest.approx(23.55, abs=0.1)
