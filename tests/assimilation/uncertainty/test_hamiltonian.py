"""Chains against posteriors in closed form, with one mode and two, and what tells if they mix."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from oceanbench.assimilation.uncertainty.convergence import effective_size, split_r_hat
from oceanbench.assimilation.uncertainty.hamiltonian import Chains, sample
from oceanbench.errors import OceanbenchError

APART, WIDTH, SHARE = 4.0, 0.5, 0.3  # of two modes that a likelihood has, of the first


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def white(state: Tensor) -> tuple[Tensor, Tensor]:
    """A normal prior of unit variance."""
    return -0.5 * (state**2).sum(-1), -state


def test_draws_have_the_moments_of_normal_posteriors() -> None:
    """Two at once: every covariance within five standard errors of the effective sizes."""
    size, seen = 4, normal(2, 3, 4, seed=0)
    values, noise = normal(2, 3, seed=1), 0.1
    precision = torch.eye(size, dtype=torch.float64) + seen.mT @ seen / noise
    covariance = torch.linalg.inv(precision)
    mean = (covariance @ (seen.mT @ values[..., None]) / noise)[..., 0]

    def likelihood(state: Tensor) -> tuple[Tensor, Tensor]:
        misfit = values[:, None, None] - state @ seen.mT[:, None]
        return -0.5 * (misfit**2).sum(-1) / noise, misfit @ seen[:, None] / noise

    found = sample(
        white,
        likelihood,
        normal(2, 6, size, seed=2),
        torch.eye(size, dtype=torch.float64).expand(2, -1, -1),
        warm_up=200,
        draws=500,
        random=torch.Generator().manual_seed(3),
    )
    assert (abs(found.acceptance - 0.8) < 0.15).all() and found.exchanges.shape == (2, 0)
    for number in range(2):
        draws = found.draws[:, number]
        assert split_r_hat(draws).max() < 1.01
        count = effective_size(draws).min()
        assert count > 500
        std = covariance[number].diagonal().sqrt()
        flat = draws.flatten(0, 1)
        assert (abs(flat.mean(0) - mean[number]) < 5 * std / count.sqrt()).all()
        error = (flat.T.cov() - covariance[number]) / torch.outer(std, std)
        assert error.abs().max() < 5 * (2 / count).sqrt()


def two_modes(powers: tuple[float, ...], draws: int = 600) -> Chains:
    """Chains of a likelihood with two modes, that all begin in one of them."""
    centre = torch.tensor([[-APART / 2, 0.0], [APART / 2, 0.0]], dtype=torch.float64)
    share = torch.tensor([SHARE, 1 - SHARE], dtype=torch.float64).log()

    def likelihood(state: Tensor) -> tuple[Tensor, Tensor]:
        away = centre - state[..., None, :]
        parts = share - 0.5 * (away**2).sum(-1) / WIDTH**2
        weight = torch.softmax(parts, -1)
        return parts.logsumexp(-1), (weight[..., None] * away).sum(-2) / WIDTH**2

    first = centre[0].expand(1, 8, -1) + 0.3 * normal(1, 8, 2, seed=0)
    scale = WIDTH * torch.eye(2, dtype=torch.float64)[None]
    random = torch.Generator().manual_seed(1)
    settings = {"warm_up": 200, "draws": draws, "thin": 2, "powers": powers, "random": random}
    return sample(white, likelihood, first, scale, **settings)


def test_tempered_chains_find_two_modes_in_their_shares() -> None:
    """Prior and likelihood are normal about either, so that the share and all moments are known."""
    found = two_modes((1.0, 0.4, 0.15, 0.05))
    assert found.draws.shape == (600, 1, 8, 2)
    assert (found.exchanges > 0.3).all() and (found.exchanges <= 1).all()
    right = found.draws[:, 0, :, 0] > 0
    count = effective_size(right.to(torch.float64) + 1e-6 * normal(600, 8, seed=2))
    assert count > 400
    assert float(right.double().mean()) == pytest.approx(
        1 - SHARE, abs=5 * float(0.21 / count) ** 0.5
    )
    one = found.draws[:, 0][right]
    variance = 1 / (1 + 1 / WIDTH**2)
    expected = torch.tensor([APART / 2 / WIDTH**2 * variance, 0.0], dtype=torch.float64)
    torch.testing.assert_close(one.mean(0), expected, atol=0.06, rtol=0)
    torch.testing.assert_close(one.var(0), torch.full_like(expected, variance), atol=0.02, rtol=0)
    alike = two_modes((1.0, 1.0 - 1e-9, 1.0 - 2e-9), draws=3)  # rungs that always exchange
    torch.testing.assert_close(alike.exchanges, torch.ones_like(alike.exchanges))
    for powers in ((0.5, 0.2), (1.0, 1.0), (1.0, 0.0), (1.0, float("nan"))):
        with pytest.raises(OceanbenchError, match="expected 1 and then less, all above 0"):
            two_modes(powers)


def test_sizes_and_r_hat_are_those_of_known_chains() -> None:
    """A first-order autoregression is worth (1 - r) / (1 + r) of its draws; shifts are noticed."""
    count, chains = 4000, 4
    noise = normal(count, chains, 3, seed=0)
    memory = torch.tensor([0.0, 0.5, -0.4], dtype=torch.float64)
    state = [noise[0]]
    for k in range(1, count):
        state.append(memory * state[-1] + (1 - memory**2).sqrt() * noise[k])
    draws = torch.stack(state)
    expected = count * chains * (1 - memory) / (1 + memory)
    torch.testing.assert_close(effective_size(draws), expected, rtol=0.12, atol=0)
    torch.testing.assert_close(effective_size(draws.exp()), effective_size(draws))
    assert split_r_hat(draws).max() < 1.002
    shifted, wider = draws.clone(), draws.clone()
    shifted[:, 0] += 0.5
    wider[:, 0] *= 2.0  # of the same mean: seen by the distances from the median
    drifting = draws + torch.linspace(0, 1, count, dtype=torch.float64)[:, None, None]
    for other in (shifted, wider, drifting):
        assert split_r_hat(other).min() > 1.015
    assert (effective_size(shifted) < 300).all()
    rounded = draws.round()  # of equal draws, whose ranks are no order of time
    assert split_r_hat(rounded).max() < 1.003
    torch.testing.assert_close(effective_size(rounded.flip(0)), effective_size(rounded))
    stuck = torch.arange(4.0).expand(100, 4)
    assert float(split_r_hat(stuck)) == torch.inf
