"""The chain of an equation on a circle: its precision, its density, its draws, and their laws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rows import every
from torch import Tensor

from oceanbench.assimilation.uncertainty.spde import Lattice, Spde, spectrum
from oceanbench.assimilation.uncertainty.spde_circle import CircleChain, chain, fit
from oceanbench.errors import OceanbenchError

NODES, TIMES = 6, 4
USUAL = torch.tensor([-1.6, 0.8, 0.3, 0.6], dtype=torch.float64)


def parameters(count: int = 2, nodes: int = NODES, *, size: float = 0.4) -> Tensor:
    """Parameters that vary along the circle."""
    random = torch.Generator().manual_seed(0)
    change = torch.randn(count, 4, nodes, generator=random, dtype=torch.float64)
    return USUAL[:, None] + size * change


def dense(made: CircleChain, times: int = TIMES) -> Tensor:
    """Precision of all times as one matrix, (windows, times * nodes, times * nodes)."""
    diagonal, below = made.precision(times)
    zero = torch.zeros_like(diagonal[0])
    rows = [
        [
            diagonal[k] if j == k else below[j] if k == j + 1 else below[k].mT if j == k + 1
            else zero
            for j in range(times)
        ]
        for k in range(times)
    ]  # fmt: skip
    return torch.cat([torch.cat(row, 2) for row in rows], 1)


def root(made: CircleChain, times: int = TIMES) -> Tensor:
    """Matrix that makes a draw of white noise: draws are linear in it."""
    count, size = len(made.first), times * made.first.shape[-1]
    white = torch.eye(size, dtype=torch.float64).reshape(1, times, -1, size)
    return made.draws(white.expand(count, -1, -1, -1)).reshape(count, size, size)


@every("smoothness, halvings, times", [(0, 0, 4), (1, 0, 4), (1, 2, 4), (1, 3, 1)])
def test_precision_draws_and_density_are_of_one_distribution(
    smoothness: int, halvings: int, times: int
) -> None:
    """Also its derivative is that of the density; the first time is as all others are."""
    given = parameters()
    made = chain(given, smoothness=smoothness, halvings=halvings)
    covariance = root(made, times) @ root(made, times).mT
    one = torch.eye(times * NODES, dtype=torch.float64).expand_as(covariance)
    torch.testing.assert_close(dense(made, times) @ covariance, one, rtol=0, atol=1e-8)
    blocks = covariance.reshape(2, times, NODES, times, NODES)
    for time in range(times):
        torch.testing.assert_close(blocks[:, time, :, time], blocks[:, 0, :, 0])
    states = torch.randn(2, times, NODES, dtype=torch.float64)
    normal = torch.distributions.MultivariateNormal(one[0, 0] * 0, covariance)
    torch.testing.assert_close(made.log_density(states), normal.log_prob(states.flatten(1)))
    if (smoothness, halvings) == (1, 2):

        def density(at: Tensor) -> Tensor:
            return chain(at, smoothness=1, halvings=2).log_density(states)

        assert torch.autograd.gradcheck(density, given.requires_grad_(True))


@pytest.mark.slow
def test_one_step_couples_neighbours_and_is_that_of_the_equation_of_maps() -> None:
    """Blocks reach two nodes, or three; eigenvalues are those of waves along one direction."""
    for smoothness, reach in ((0, 2), (1, 3)):
        diagonal, below = chain(parameters(1, 12), smoothness=smoothness).precision(3)
        apart = torch.arange(12)[:, None] - torch.arange(12)
        apart = torch.minimum(apart % 12, -apart % 12)
        for block in (*diagonal[1:, 0], *below[1:, 0]):
            assert float(block[apart > reach].abs().max()) < 1e-9 * float(block.abs().max())
    damping, drift, diffusion, _ = USUAL.tolist()
    made = chain(USUAL[None, :, None].expand(1, -1, 12))
    like = Spde(
        np.exp(0.5 * (diffusion - damping)), 1.0, np.exp(-damping), drift=(drift, 0.0), smoothness=1
    )
    power, factor = spectrum(like.vector(), 1, Lattice(12, 12, 1.0, 1.0, step=1.0))
    found = torch.fft.fft(made.transition[0, :, 0])
    torch.testing.assert_close(found, factor[0], rtol=1e-9, atol=1e-9)
    ratio = torch.fft.fft((made.first @ made.first.mT)[0, :, 0]).real / power[0]
    torch.testing.assert_close(ratio, ratio[:1].expand(12), rtol=1e-9, atol=0)


@pytest.mark.slow
def test_shorter_steps_come_to_the_equation_at_first_order() -> None:
    given = parameters(1, size=0.2)
    damping, drift, diffusion, _ = given[0].unbind(0)
    between = 0.5 * (diffusion.exp() + diffusion.exp().roll(-1))
    one = torch.eye(NODES, dtype=torch.float64)
    forward, centred = one.roll(1, 1) - one, 0.5 * (one.roll(1, 1) - one.roll(-1, 1))
    tendency = torch.diag(damping.exp()) + forward.mT @ torch.diag(between) @ forward
    tendency += 0.5 * (torch.diag(drift) @ centred + centred @ torch.diag(drift))
    exact = torch.linalg.matrix_exp(-tendency)
    errors = [
        float((chain(given, halvings=h).transition[0] - exact).abs().max()) for h in (4, 5, 6)
    ]
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(2.0, rel=0.1)


@pytest.mark.slow
def test_parameters_of_greatest_likelihood_are_those_of_the_draws() -> None:
    """The more runs, the nearer, as the root of their number; a wrong noise is less likely."""
    made = chain(USUAL[None, :, None].expand(1, -1, 12), halvings=1)
    random, errors = torch.Generator().manual_seed(0), []
    for count in (40, 640):
        white = torch.randn(count, 20, 12, 1, generator=random, dtype=torch.float64)
        states = made.repeated(count).draws(white)[..., 0]
        errors.append(float((fit(states, halvings=1) - USUAL).abs().max()))
    assert errors[0] < 0.2 and errors[1] < 0.05
    right, white_noise = (
        chain(fit(states, smoothness=s, halvings=1)[None, :, None].expand(count, -1, 12),
              smoothness=s, halvings=1).log_density(states).mean()
        for s in (1, 0)
    )  # fmt: skip
    assert float(right - white_noise) > 5.0
    with pytest.raises(OceanbenchError, match="expected \\(runs, times, nodes\\), at least two"):
        fit(states[:, :1])
    with pytest.raises(OceanbenchError, match="smoothness=2, halvings=0, 12 nodes; expected"):
        chain(made.first[:, :4], smoothness=2)
