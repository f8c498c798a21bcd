"""4DVarNet of the state and its equation: gradients, the exact posterior, and what is learned."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.augmented.members import members_of
from oceanbench.assimilation.fourdvarnet.augmented.solver import (
    AugmentedConfiguration,
    AugmentedSolver,
)
from oceanbench.assimilation.fourdvarnet.augmented.training import loss
from oceanbench.assimilation.uncertainty.spde_circle import chain, fit
from oceanbench.assimilation.window_batches import Windows
from oceanbench.learning.training import TrainingSchedule
from oceanbench.learning.training import fit as learn

USUAL = torch.tensor([-1.2, 0.5, 0.0, 0.0], dtype=torch.float64)
NOISE = 0.04


def observed(states: Tensor, share: float, random: torch.Generator) -> Windows:
    """States observed at random points, with noise."""
    seen = torch.rand(states.shape, generator=random) < share
    noise = torch.randn(states.shape, generator=random, dtype=torch.float64)
    values = torch.where(seen, states + math.sqrt(NOISE) * noise, 0.0)
    return Windows(values, seen, states.new_full(states.shape[-1:], NOISE))


def drawn(parameters: Tensor, times: int, random: torch.Generator) -> Tensor:
    """States of the equation with parameters (windows, 4, nodes)."""
    count, _, nodes = parameters.shape
    white = torch.randn(count, times, nodes, 1, generator=random, dtype=torch.float64)
    return chain(parameters).draws(white)[..., 0]


def conditioned(
    solver: AugmentedSolver, windows: Windows, parameters: Tensor
) -> tuple[Tensor, ...]:
    """Log likelihood, posterior mean and covariance of the first window, by dense algebra."""
    times, nodes = windows.values.shape[1:]
    size, made = times * nodes, solver.chain(parameters[:1])
    white = torch.eye(size, dtype=torch.float64).reshape(1, times, nodes, size)
    root = made.draws(white).reshape(size, size)
    prior, seen = root @ root.mT, windows.observed[0].flatten()
    values = windows.values[0].flatten()[seen]
    cross, noise = prior[:, seen], NOISE * torch.eye(len(values), dtype=torch.float64)
    normal = torch.distributions.MultivariateNormal(0.0 * values, cross[seen] + noise)
    gain = torch.linalg.solve(cross[seen] + noise, cross.mT).mT
    return normal.log_prob(values), gain @ values, prior - gain @ cross.mT


def test_with_the_right_equation_the_four_steps_give_the_posterior() -> None:
    """Mean exactly, covariance within the sampling error of 2000 members; the gradient is exact.

    A network that has learned nothing leaves the parameters where they begin: at the truth.
    """
    random = torch.Generator().manual_seed(0)
    solver = AugmentedSolver(USUAL, AugmentedConfiguration(iterations=1, halvings=0)).eval()
    same = USUAL[None, :, None].expand(2, -1, 6)
    windows = observed(drawn(same, 5, random), 0.4, random)
    free = (same + 0.3 * torch.randn(same.shape, generator=random)).requires_grad_(True)
    likelihood, _, _ = conditioned(solver, windows, free)
    likelihood.backward()
    with torch.no_grad():
        slope = solver.gradient(windows, free)
        _, mean, covariance = conditioned(solver, windows, same)
    torch.testing.assert_close(slope[0], -free.grad[0])
    members = members_of(solver, windows.take([0]), members=2000, seed=0).flatten(1)
    torch.testing.assert_close(members.mean(0), mean)
    found, size = members.mT.cov(), float(covariance.diagonal().max())
    torch.testing.assert_close(found, covariance, rtol=0, atol=0.1 * size)
    spread = (found.diagonal() / covariance.diagonal()).sqrt()
    assert float((spread - 1.0).abs().max()) < 0.06 and abs(float(spread.mean()) - 1.0) < 0.02


def judged(solver: AugmentedSolver, checks: tuple[Windows, Tensor]) -> float:
    """Loss without derivatives."""
    with torch.no_grad():
        return float(loss(solver, checks))


@pytest.mark.slow
def test_where_the_equation_varies_it_is_recovered_better_than_a_constant_one() -> None:
    """The noise is strongest at a place of its own in every window."""
    nodes, times = 16, 8
    place = 2.0 * math.pi * torch.arange(nodes, dtype=torch.float64) / nodes

    def lesson(count: int, random: torch.Generator) -> tuple[tuple[Windows, Tensor], Tensor]:
        phase = 2.0 * math.pi * torch.rand(count, 1, generator=random, dtype=torch.float64)
        parameters = USUAL[None, :, None].repeat(count, 1, nodes)
        parameters[:, 3] += (place - phase).cos() - 0.3
        states = drawn(parameters, times, random)
        return (observed(states, 0.3, random), states), parameters

    usual = fit(lesson(100, torch.Generator().manual_seed(1))[0][1])
    checks, truth = lesson(60, torch.Generator().manual_seed(2))
    scores = {}
    for varying in (False, True):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            solver = AugmentedSolver(
                usual, AugmentedConfiguration(varying=varying, halvings=0, iterations=3)
            )

        score = partial(judged, solver, checks)
        schedule = TrainingSchedule(20, 1e-2, warm_up=2, validations=2)
        lessons = partial(loss, solver)
        learn(
            solver,
            lambda r: lesson(16, r)[0],
            lambda given, _, made=lessons: made(given),
            score,
            schedule=schedule,
            seed=0,
        )
        with torch.no_grad():
            noise = solver(checks[0]).parameters[:, 3]
        apart = float((noise - truth[:, 3]).square().mean().sqrt())
        scores[varying] = (score(), apart)
    assert scores[True][0] < scores[False][0] - 0.15
    assert scores[True][1] < 0.75 * scores[False][1]
    found = torch.corrcoef(torch.stack([noise.flatten(), truth[:, 3].flatten()]))[0, 1]
    assert float(found) > 0.7
