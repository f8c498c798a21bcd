"""Chains of whole windows against the exact posterior of a linear model, and against particles."""

from __future__ import annotations

import pytest
import torch
from recipes import recipe

from oceanbench.assimilation.uncertainty.convergence import effective_size, split_r_hat
from oceanbench.assimilation.variational.block_tridiagonal import factorise, marginal, solve
from oceanbench.assimilation.variational.sampled_posterior import sample_posterior
from oceanbench.assimilation.variational.weak_constraint import WindowProblem, linearised
from oceanbench.assimilation.window_batches import Climatology, Windows
from oceanbench.dynamics.models import Model


def test_draws_of_a_linear_model_are_of_the_posterior_that_a_solve_gives() -> None:
    """Mean and deviation at every point, within five standard errors of the effective size."""
    turn = torch.tensor([[-0.2, 1.0], [-1.0, -0.2]], dtype=torch.float64)
    model = Model(lambda x: x @ turn.T, lambda x, columns: turn @ columns, 0.4, 1, cyclic=False)
    random = torch.Generator().manual_seed(0)
    values = 2.0 * torch.randn(2, 6, 2, generator=random, dtype=torch.float64)
    seen = torch.rand(2, 6, 2, generator=random) < 0.4
    noise = torch.tensor([0.5, 0.2], dtype=torch.float64)
    climate = Climatology(noise, torch.tensor([2.0, 3.0], dtype=torch.float64))
    problem = WindowProblem(Windows(torch.where(seen, values, 0.0), seen, noise), model, climate)
    settings = {"chains": 6, "warm_up": 150, "draws": 400, "powers": (1.0, 0.5)}
    found = sample_posterior(problem, 0.05, **settings, random=random)
    half, diagonal, below = linearised(
        problem, torch.zeros_like(values), torch.full((2,), 0.05, dtype=torch.float64)
    )
    factor = factorise(diagonal, below)
    mean = -solve(factor, half).transpose(0, 1)
    std = marginal(factor).diagonal(dim1=-2, dim2=-1).sqrt().transpose(0, 1)
    assert found.draws.shape == (400, 2, 6, 6, 2)
    for number in range(2):
        draws = found.draws[:, number]
        count = effective_size(draws)
        assert split_r_hat(draws).max() < 1.02 and count.min() > 400
        flat = draws.flatten(0, 1)
        assert (abs(flat.mean(0) - mean[number]) < 5 * std[number] / count.sqrt()).all()
        error = abs(flat.std(0) / std[number] - 1.0)
        assert (error < 5 / (2 * count).sqrt()).all()


@pytest.mark.slow
def test_chains_and_particles_find_one_posterior_of_a_small_lorenz96() -> None:
    """Four components, five times, three of them seen at every second one."""
    made = recipe("lorenz96_posterior").small_case
    chains, particles = made(components=4, times=5, moves=300, particles=20_000)
    std = particles.std(0)
    assert ((chains.mean(0) - particles.mean(0)) / std).abs().max() < 0.25
    wider = (chains.std(0) / std).log()
    assert wider.abs().max() < 0.15 and abs(float(wider.mean())) < 0.05
