"""Lorenz-96 conserves what its equations conserve, and its climate is the known one."""

from __future__ import annotations

import pytest
import torch
from dense import DEVICES
from rows import every
from torch import Tensor

from oceanbench.dynamics import runge_kutta
from oceanbench.dynamics.lorenz96 import tangent, tendency

FORCING, STEP = 8.0, 0.05


def random_states(*shape: int, seed: int = 0) -> Tensor:
    """Gaussian states about the forcing's half."""
    random = torch.Generator().manual_seed(seed)
    return 3.0 + torch.randn(shape, generator=random, dtype=torch.float64)


@pytest.fixture(scope="module")
def long_run() -> tuple[Tensor, Tensor]:
    """States (times, runs, components) after a spin-up, and growth rates of a perturbation."""
    state, growth, states = random_states(32, 40), [], []
    perturbation = random_states(32, 40, 1, seed=1) - 3.0
    for _ in range(1000):
        state, perturbation = runge_kutta.step_with_tangent(
            state, perturbation, tendency, tangent, STEP
        )
        length = perturbation.norm(dim=1, keepdim=True)
        perturbation = perturbation / length
        growth.append(length.flatten().log() / STEP)
        states.append(state)
    return torch.stack(states[200:]), torch.stack(growth[200:])


@pytest.mark.parametrize("device", DEVICES)
@every("size", [4, 5, 40])
def test_the_quadratic_terms_conserve_energy(size: int, device: str) -> None:
    state = random_states(10, size).to(device)
    quadratic = tendency(state, FORCING) + state - FORCING
    terms = state * quadratic
    assert float(terms.sum(-1).abs().max()) < 1e-14 * float(terms.abs().sum(-1).max())


@every("steps", [1, -3, 17])
def test_all_places_on_the_circle_are_alike(steps: int) -> None:
    state, columns = random_states(5, 40), random_states(5, 40, 3, seed=1)
    rolled = torch.roll(state, steps, -1)
    assert torch.equal(tendency(rolled), torch.roll(tendency(state), steps, -1))
    moved = tangent(rolled, torch.roll(columns, steps, -2))
    assert torch.equal(moved, torch.roll(tangent(state, columns), steps, -2))


def test_the_forcing_is_a_state_of_rest() -> None:
    assert float(tendency(torch.full((40,), 5.5), 5.5).abs().max()) == 0.0


def test_the_climate_is_the_known_one(long_run: tuple[Tensor, Tensor]) -> None:
    """Mean 2.3 and variance 13.2; energy is steady, so that forcing feeds what friction takes."""
    states, _ = long_run
    mean = float(states.mean())
    assert mean == pytest.approx(2.34, abs=0.06)
    assert float(states.var()) == pytest.approx(13.2, abs=0.3)
    assert FORCING * mean == pytest.approx(float((states**2).mean()), rel=0.01)


def test_errors_double_in_less_than_half_a_unit_of_time(long_run: tuple[Tensor, Tensor]) -> None:
    """The leading Lyapunov exponent is 1.68."""
    _, growth = long_run
    assert float(growth.mean()) == pytest.approx(1.68, abs=0.06)
