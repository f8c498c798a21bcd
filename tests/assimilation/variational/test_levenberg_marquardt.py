"""The search is exact where the model is linear, and each window's is its own."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import nan

import pytest
import torch
from dense import DEVICES
from torch import Tensor

from oceanbench.assimilation.variational import strong_constraint
from oceanbench.assimilation.variational.levenberg_marquardt import (
    Minimum,
    anneal,
    deviation,
    levenberg_marquardt,
    minimise,
)
from oceanbench.assimilation.variational.weak_constraint import (
    WindowProblem,
    cost,
    gradient,
    linearised,
)
from oceanbench.assimilation.window_batches import Climatology, Windows
from oceanbench.dynamics.models import model

TIMES, WINDOWS = 60, 4
LADDER = (0.1, 0.01, 1e-3)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def case(name: str = "lorenz63", windows: int = WINDOWS, times: int = TIMES) -> WindowProblem:
    """Every second time observed, with noise, on the attractor."""
    dynamics = model(name, {"lorenz63": 0.02, "lorenz96": 0.05}[name])
    size = {"lorenz63": 3, "lorenz96": 40}[name]
    path = [5.0 + normal(windows, size, seed=5)]
    for _ in range(300 + times):
        path.append(dynamics.advance(path[-1]))
    truth = torch.stack(path[-times:], 1)
    seen = torch.zeros_like(truth, dtype=torch.bool)
    seen[:, ::2] = True
    values = torch.where(seen, truth + normal(*truth.shape, seed=6), 0.0)
    climate = Climatology(truth.mean((0, 1)), truth.var((0, 1)))
    noise = torch.ones(size, dtype=torch.float64)
    return WindowProblem(Windows(values, seen, noise), dynamics, climate)


def guess(problem: WindowProblem) -> Tensor:
    """The climate's mean at all times."""
    return problem.climate.mean.expand(problem.windows.values.shape).clone()


def linear_case() -> WindowProblem:
    """A model that turns and shrinks the state."""
    skew = normal(3, 3, seed=7)
    rate = 2.0 * (skew - skew.mT) - 0.5 * torch.eye(3, dtype=torch.float64)
    bare = case(times=12)
    dynamics = replace(
        bare.model,
        tendency=lambda x: x @ rate.mT,
        tangent=lambda x, v: rate @ v,
    )
    return replace(bare, model=dynamics)


def kalman_smoother(problem: WindowProblem, number: int, error: float) -> tuple[Tensor, Tensor]:
    """Means and covariances of one window, forward by Kalman, back by Rauch, Tung and Striebel."""
    windows, climate = problem.windows, problem.climate
    _, matrix = problem.model.advance_with_jacobian(torch.zeros(3, dtype=torch.float64))
    noise = torch.diag(error * climate.variance)
    mean, spread = climate.mean, torch.diag(climate.variance)
    filtered, foretold = [], []
    for time in range(windows.values.shape[1]):
        if time:
            mean, spread = matrix @ mean, matrix @ spread @ matrix.mT + noise
        foretold.append((mean, spread))
        where = torch.eye(3, dtype=torch.float64)[windows.observed[number, time]]
        value = windows.values[number, time][windows.observed[number, time]]
        inner = where @ (spread + torch.diag(windows.variance)) @ where.mT
        gain = spread @ where.mT @ torch.linalg.inv(inner)
        mean, spread = mean + gain @ (value - where @ mean), spread - gain @ where @ spread
        filtered.append((mean, spread))
    found = [filtered[-1]]
    for (mean, spread), (later, wide) in zip(filtered[-2::-1], foretold[:0:-1], strict=True):
        back = spread @ matrix.mT @ torch.linalg.inv(wide)
        after, narrow = found[-1]
        found.append((mean + back @ (after - later), spread + back @ (narrow - wide) @ back.mT))
    means, spreads = zip(*found[::-1], strict=True)
    return torch.stack(means), torch.stack(spreads)


def test_of_a_linear_model_the_minimum_is_the_kalman_smoother() -> None:
    """Its mean and, by Laplace's approximation, its variance."""
    problem = linear_case()
    error = torch.tensor([0.3, 0.1, 0.01, 1e-3], dtype=torch.float64)
    found = minimise(problem, guess(problem), error, iterations=30, tolerance=1e-16)
    spread = deviation(problem, found.states, error)
    for number in range(WINDOWS):
        mean, covariance = kalman_smoother(problem, number, float(error[number]))
        torch.testing.assert_close(found.states[number], mean, rtol=1e-7, atol=1e-7)
        expected = covariance.diagonal(dim1=-2, dim2=-1).sqrt()
        torch.testing.assert_close(spread[number], expected, rtol=1e-8, atol=1e-9)


def test_of_a_linear_model_minima_of_perturbed_costs_are_draws_of_the_posterior() -> None:
    draws = 4000
    problem = linear_case().take([0] * draws)
    problem = problem.perturbed(*normal(2, *problem.windows.values.shape, seed=8))
    error = torch.full((draws,), 0.1, dtype=torch.float64)
    found = minimise(problem, guess(problem), error, iterations=30, tolerance=1e-9).states
    mean, covariance = kalman_smoother(linear_case(), 0, 0.1)
    exact = covariance.diagonal(dim1=-2, dim2=-1).sqrt()
    assert ((found.mean(0) - mean) / exact).abs().max() < 4.0 / draws**0.5
    torch.testing.assert_close(found.std(0) / exact, torch.ones_like(exact), rtol=0, atol=0.05)
    apart = found[:, 5] - found[:, 5].mean(0)
    scale = exact[5][:, None] * exact[5]
    sample = apart.mT @ apart / draws
    torch.testing.assert_close(sample / scale, covariance[5] / scale, rtol=0, atol=0.06)


def test_of_a_linear_model_one_step_without_damping_ends_at_the_minimum() -> None:
    problem = linear_case()
    error = torch.full((WINDOWS,), 0.01, dtype=torch.float64)
    half, diagonal, below = linearised(problem, guess(problem), error)
    start = cost(problem, guess(problem), error)
    least = minimise(problem, guess(problem), error, iterations=30, tolerance=1e-16)
    change = (least.states - guess(problem)).transpose(0, 1)
    product = (diagonal @ change[..., None])[..., 0]
    product[1:] += (below @ change[:-1, ..., None])[..., 0]
    product[:-1] += (below.mT @ change[1:, ..., None])[..., 0]
    torch.testing.assert_close(product, -half, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(start + (half * change).sum((0, 2)), least.cost)


def test_at_the_minimum_the_gradient_is_zero_and_the_cost_has_fallen() -> None:
    problem = case()
    error = torch.full((WINDOWS,), 0.01, dtype=torch.float64)
    first = guess(problem)
    found = minimise(problem, first, error, iterations=60, tolerance=1e-14)
    slope = gradient(problem, found.states, error).norm(dim=(1, 2))
    assert bool((slope < 1e-5 * gradient(problem, first, error).norm(dim=(1, 2))).all())
    assert bool((found.cost < cost(problem, first, error)).all())
    torch.testing.assert_close(found.cost, cost(problem, found.states, error))


def test_the_cost_never_rises_with_more_steps() -> None:
    problem = case()
    error = torch.full((WINDOWS,), 1e-3, dtype=torch.float64)
    run = partial(minimise, problem, guess(problem), error, tolerance=1e-9)
    costs = torch.stack([run(iterations=n).cost for n in (1, 2, 4, 8, 16)])
    assert bool((costs.diff(dim=0) <= 0).all())


def test_the_ladder_finds_a_deeper_minimum_than_its_last_rung_alone() -> None:
    problem = case("lorenz96", windows=2)
    last = torch.full((2,), LADDER[-1], dtype=torch.float64)
    annealed = anneal(problem, guess(problem), LADDER)
    direct = minimise(problem, guess(problem), last, iterations=60, tolerance=0.1)
    assert annealed.states.shape == (3, *problem.windows.values.shape)
    assert bool((annealed.cost[-1] < direct.cost).all())
    assert bool((annealed.cost[-1] < 1.3 * problem.windows.observed.sum((1, 2))).all())


@pytest.mark.parametrize("name", ["lorenz63", "lorenz96"])
def test_windows_do_not_see_each_other(name: str) -> None:
    """Together, alone and in another order."""
    problem = case(name, times=30)

    def run(chosen: list[int]) -> Minimum:
        part = problem.take(chosen)
        return anneal(part, guess(part), LADDER)

    together, order = run([0, 1, 2, 3]), [2, 0, 3, 1]
    turned = run(order)
    torch.testing.assert_close(turned.states, together.states[:, order], rtol=0, atol=1e-9)
    assert torch.equal(turned.iterations, together.iterations[:, order])
    for number in range(WINDOWS):
        alone = run([number])
        torch.testing.assert_close(
            alone.states[:, 0], together.states[:, number], rtol=0, atol=1e-9
        )
        torch.testing.assert_close(alone.cost[:, 0], together.cost[:, number])


def test_a_window_that_cannot_be_computed_stays_and_leaves_the_others_alone() -> None:
    problem = case()
    first = guess(problem)
    expected = anneal(problem.take([0, 2, 3]), first[:3], LADDER)
    first[1, 5] = nan
    found = anneal(problem, first, LADDER)
    torch.testing.assert_close(found.states[:, [0, 2, 3]], expected.states, rtol=0, atol=1e-9)
    assert found.cost[:, 1].isnan().all()


def test_a_step_that_fails_is_damped_and_not_taken() -> None:
    """Of the cost x^4, with steps that go ten times too far."""
    seen: list[float] = []

    def step(some: Tensor, at: Tensor, damping: Tensor) -> tuple[Tensor, Tensor]:
        seen.append(float(damping))
        return -10.0 * at / (1.0 + damping[:, None]), (at**4).sum(1)

    found = levenberg_marquardt(
        torch.ones(1, 1, dtype=torch.float64),
        lambda some, at: (at**4).sum(1),
        step,
        iterations=8,
        tolerance=1e-6,
    )
    assert seen[:4] == pytest.approx([0.1, 0.2, 0.8, 6.4])
    assert 0 <= float(found.cost) < 1 and int(found.iterations) == 8


def test_the_first_guess_is_left_alone() -> None:
    problem = case()
    first = guess(problem)
    before = first.clone()
    anneal(problem, first, LADDER)
    assert torch.equal(first, before)


@pytest.mark.parametrize("device", DEVICES)
def test_every_device_gives_the_same(device: str) -> None:
    problem = case(times=20)
    climate = Climatology(*(v.to(device) for v in (problem.climate.mean, problem.climate.variance)))
    there = WindowProblem(problem.windows.to(device), problem.model, climate)
    found = anneal(there, guess(there), LADDER).states.cpu()
    expected = anneal(problem, guess(problem), LADDER).states
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-7)


def test_the_strong_constraint_is_the_limit_of_a_small_model_error() -> None:
    """The same minimum and the same spread."""
    problem = case(times=30)
    weak = anneal(problem, guess(problem), [10.0**-k for k in range(1, 10)], tolerance=1e-10)
    first = strong_constraint.grow(
        problem, weak.states[-1, :, 0], times=10, iterations=40, tolerance=1e-12
    )
    path = strong_constraint.trajectory(problem, first.states)
    torch.testing.assert_close(path, weak.states[-1], rtol=0, atol=1e-4)
    torch.testing.assert_close(first.cost, weak.cost[-1], rtol=1e-4, atol=0)
    error = torch.full((WINDOWS,), 1e-9, dtype=torch.float64)
    expected = deviation(problem, weak.states[-1], error)
    found = strong_constraint.deviation(problem, first.states)
    torch.testing.assert_close(found, expected, rtol=1e-2, atol=0)


def test_growing_windows_find_what_the_whole_window_at_once_does_not() -> None:
    problem = case("lorenz96", windows=3, times=40)
    start = guess(problem)[:, 0]
    grown = strong_constraint.grow(problem, start, times=8, iterations=10)
    whole = strong_constraint.grow(problem, start, times=40, iterations=50)
    torch.testing.assert_close(grown.cost, strong_constraint.cost(problem, grown.states))
    assert float(grown.cost.mean()) < 0.5 * float(whole.cost.mean())
    assert bool((grown.cost < 1.3 * problem.windows.observed.sum((1, 2))).all())
