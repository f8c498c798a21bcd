"""The cost is the one that is written down, and its derivatives are those of the cost."""

from __future__ import annotations

import torch
from rows import every
from torch import Tensor

from oceanbench.assimilation.variational.weak_constraint import (
    WindowProblem,
    cost,
    gradient,
    linearised,
)
from oceanbench.assimilation.window_batches import Climatology, Windows
from oceanbench.dynamics.models import model

INTERVALS = {"lorenz96": 0.05, "lorenz63": 0.08, "amoc": 10.0}
SIZES = {"lorenz96": 40, "lorenz63": 3, "amoc": 3}
TIMES, WINDOWS = 5, 3


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def case(name: str) -> tuple[WindowProblem, Tensor, Tensor]:
    """Problem, states near which the model is not linear, and a model error for each window."""
    size, scale = SIZES[name], 0.05 if name == "amoc" else 3.0
    seen = normal(WINDOWS, TIMES, size, seed=1) > 0
    values = torch.where(seen, scale * normal(WINDOWS, TIMES, size, seed=2), 0.0)
    spread = scale**2 * torch.linspace(0.5, 1.5, size, dtype=torch.float64)
    windows = Windows(values, seen, 0.1 * spread.flip(0))
    climate = Climatology(0.1 * scale * torch.ones(size, dtype=torch.float64), spread)
    states = scale * normal(WINDOWS, TIMES, size, seed=3)
    error = torch.tensor([0.1, 0.01, 0.5], dtype=torch.float64)
    return WindowProblem(windows, model(name, INTERVALS[name]), climate), states, error


def test_the_cost_is_the_sum_that_is_written_down() -> None:
    problem, states, error = case("lorenz63")
    windows, climate = problem.windows, problem.climate
    for number, found in enumerate(cost(problem, states, error)):
        x, y = states[number], windows.values[number]
        expected = ((x[0] - climate.mean) ** 2 / climate.variance).sum()
        for k in range(TIMES):
            for i in range(3):
                if windows.observed[number, k, i]:
                    expected += (y[k, i] - x[k, i]) ** 2 / windows.variance[i]
        for k in range(TIMES - 1):
            defect = x[k + 1] - problem.model.advance(x[k])
            expected += (defect**2 / (error[number] * climate.variance)).sum()
        torch.testing.assert_close(found, expected)


@every("name", SIZES)
def test_the_gradient_is_that_of_automatic_differentiation(name: str) -> None:
    problem, states, error = case(name)
    at = states.clone().requires_grad_()
    for one in (problem, problem.perturbed(*normal(2, *states.shape, seed=5))):
        (expected,) = torch.autograd.grad(cost(one, at, error).sum(), at)
        found = gradient(one, states, error)
        least = 1e-8 * float(expected.abs().max())
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=least)


@every("name", SIZES)
def test_the_gradient_is_that_of_finite_differences(name: str) -> None:
    problem, states, error = case(name)
    direction = states.std() * normal(*states.shape, seed=4)
    ahead, back = (cost(problem, states + h * direction, error) for h in (1e-5, -1e-5))
    slope = (gradient(problem, states, error) * direction).sum((1, 2))
    torch.testing.assert_close((ahead - back) / 2e-5, slope, rtol=1e-6, atol=1e-6)


def residual(problem: WindowProblem, states: Tensor, error: Tensor) -> Tensor:
    """Numbers whose squares add to the cost of one window."""
    windows, climate = problem.windows, problem.climate
    misfit = windows.observed * (states - windows.values) / windows.variance.sqrt()
    defect = states[:, 1:] - problem.model.advance(states[:, :-1])
    first = (states[:, 0] - climate.mean) / climate.variance.sqrt()
    parts = (misfit, defect / (error[:, None, None] * climate.variance).sqrt(), first)
    return torch.cat([part.flatten() for part in parts])


@every("name", SIZES)
def test_the_quadratic_form_is_that_of_the_jacobian(name: str) -> None:
    problem, states, error = case(name)
    size = SIZES[name]
    _, diagonal, below = linearised(problem, states, error)
    for number in range(WINDOWS):
        alone, part = problem.take([number]), error[[number]]
        jacobian = torch.autograd.functional.jacobian(
            lambda x, alone=alone, part=part: residual(alone, x, part), states[[number]]
        ).flatten(1)
        whole = (jacobian.mT @ jacobian).view(TIMES, size, TIMES, size)
        scale = float(whole.abs().max())
        for k in range(TIMES):
            torch.testing.assert_close(
                diagonal[k, number], whole[k, :, k], rtol=1e-9, atol=1e-10 * scale
            )
        for k in range(TIMES - 1):
            torch.testing.assert_close(
                below[k, number], whole[k + 1, :, k], rtol=1e-9, atol=1e-10 * scale
            )


def test_the_cost_of_an_exact_trajectory_does_not_know_the_model_error() -> None:
    problem, states, error = case("lorenz63")
    path = [states[:, 0]]
    for _ in range(TIMES - 1):
        path.append(problem.model.advance(path[-1]))
    exact = torch.stack(path, 1)
    torch.testing.assert_close(
        cost(problem, exact, error), cost(problem, exact, 1e-3 * error), rtol=1e-12, atol=0
    )
