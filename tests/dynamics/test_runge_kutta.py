"""The step is of fourth order, and its tangent is the derivative of the step itself."""

from __future__ import annotations

import math

import pytest
import torch
from dense import DEVICES
from rows import every
from torch import Tensor
from torch.func import jacrev, vmap

from oceanbench.dynamics.runge_kutta import step, step_with_tangent

TURN = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)


def pendulum(state: Tensor) -> Tensor:
    """Rate of change of angle and speed (..., 2)."""
    angle, speed = state.unbind(-1)
    return torch.stack([speed, -torch.sin(angle)], -1)


def pendulum_tangent(state: Tensor, perturbations: Tensor) -> Tensor:
    """Its derivative at states (..., 2), times perturbations (..., 2, columns)."""
    angle = state[..., 0, None]
    d_angle, d_speed = perturbations.unbind(-2)
    return torch.stack([d_speed, -torch.cos(angle) * d_angle], -2)


def swung(steps: int) -> Tensor:
    """The pendulum after four units of time."""
    state = torch.tensor([2.0, 0.3], dtype=torch.float64)
    for _ in range(steps):
        state = step(state, pendulum, 4.0 / steps)
    return state


def test_halving_the_step_divides_the_error_by_sixteen() -> None:
    truth = swung(4096)
    errors = torch.stack([(swung(steps) - truth).norm() for steps in (32, 64, 128, 256)])
    orders = torch.log2(errors[:-1] / errors[1:])
    assert bool(((orders > 3.9) & (orders < 4.1)).all()), orders


def test_of_a_linear_system_the_step_is_the_exponential_to_fourth_order() -> None:
    h, start = 0.7, torch.tensor([1.0, -2.0], dtype=torch.float64)
    powers = [torch.linalg.matrix_power(h * TURN, k) / math.factorial(k) for k in range(5)]
    expected = torch.stack(powers).sum(0) @ start
    found = step(start, lambda state: state @ TURN.mT, h)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-14)


def test_a_system_at_rest_stays_there() -> None:
    rest = torch.zeros(3, 2, dtype=torch.float64)
    assert torch.equal(step(rest, pendulum, 0.5), rest)


@pytest.mark.parametrize("device", DEVICES)
@every("length", [0.01, 0.5, -0.5])
def test_the_tangent_is_the_derivative_of_the_step(length: float, device: str) -> None:
    """To rounding, for short steps, long ones and ones backward in time."""
    random = torch.Generator().manual_seed(1)
    states = torch.randn(4, 2, generator=random, dtype=torch.float64).to(device)
    columns = torch.randn(4, 2, 5, generator=random, dtype=torch.float64).to(device)
    jacobian = vmap(jacrev(lambda state: step(state, pendulum, length)))(states)
    after, moved = step_with_tangent(states, columns, pendulum, pendulum_tangent, length)
    torch.testing.assert_close(after, step(states, pendulum, length), rtol=0, atol=1e-14)
    torch.testing.assert_close(moved, jacobian @ columns, rtol=0, atol=1e-13)
