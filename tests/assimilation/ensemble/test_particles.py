"""The particle smoother against a posterior in closed form, and where it is asked too much."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from oceanbench.assimilation.ensemble.particles import Smoothed, smooth
from oceanbench.assimilation.window_batches import Windows
from oceanbench.errors import OceanbenchError

A = torch.tensor([[0.9, 0.4], [-0.4, 0.9]], dtype=torch.float64)
Q = torch.tensor([0.2, 0.1], dtype=torch.float64)
NOISE = torch.tensor([0.5, 0.3], dtype=torch.float64)
TIMES = 6


def window(*, observed: bool = True) -> Windows:
    """A window of an oscillation: both components, one of them, or none are observed."""
    random = np.random.default_rng(0)
    seen = torch.zeros(1, TIMES, 2, dtype=torch.bool)
    if observed:
        seen[0, 0], seen[0, 2, 0], seen[0, 4, 1] = True, True, True
    values = torch.where(seen, torch.as_tensor(random.standard_normal(seen.shape)), 0.0)
    return Windows(values, seen, NOISE)


def dense() -> tuple[np.ndarray, np.ndarray]:
    """Mean (times, components) and covariance of the posterior, by conditioning on all at once."""
    a, q = A.numpy(), np.diag(Q.numpy())
    covariance = np.zeros((TIMES, 2, TIMES, 2))
    variance = np.eye(2)
    for k in range(TIMES):
        block = variance
        for later in range(k, TIMES):
            covariance[later, :, k], covariance[k, :, later] = block, block.T
            block = a @ block
        variance = a @ variance @ a.T + q
    full, given = covariance.reshape(2 * TIMES, -1), window()
    seen = given.observed.numpy().ravel()
    noise = np.diag(np.tile(NOISE.numpy(), TIMES)[seen])
    gain = np.linalg.solve(full[np.ix_(seen, seen)] + noise, full[seen]).T
    mean = gain @ given.values.numpy().ravel()[seen]
    return mean.reshape(TIMES, 2), full - gain @ full[seen]


def smoothed(given: Windows, *, seed: int = 0, count: int = 8000, **changes: object) -> Smoothed:
    random = torch.Generator().manual_seed(seed)
    first = torch.randn(2 * count, 2, generator=random, dtype=torch.float64)
    settings = {"particles": count, "draws": 2000, "random": random} | changes
    return smooth(given, first, lambda x: x @ A.T, Q, **settings)


def test_draws_have_the_moments_of_the_exact_posterior() -> None:
    """Mean and every covariance of two times, within four standard errors."""
    mean, covariance = dense()
    draws = smoothed(window()).draws.numpy().reshape(-1, 2 * TIMES)
    std = np.sqrt(np.diag(covariance))
    assert (np.abs(draws.mean(0) - mean.ravel()) < 4 * std / np.sqrt(len(draws))).all()
    error = np.abs(np.cov(draws.T) - covariance) / np.outer(std, std)
    assert error.max() < 4 * np.sqrt(2 / len(draws))


def test_sizes_say_how_many_particles_an_observation_leaves() -> None:
    size = smoothed(window()).effective_size
    assert size[1] == size[3] == 8000 and 6000 < size[0] < 10000
    assert (smoothed(window(observed=False)).effective_size[1:] == 8000).all()


def test_all_probabilities_are_computed_where_proposals_are_refused(monkeypatch) -> None:
    monkeypatch.setattr("oceanbench.assimilation.ensemble.particles.PROPOSALS", ())
    mean, covariance = dense()
    draws = smoothed(window(), count=3000, draws=800).draws.numpy().reshape(-1, 2 * TIMES)
    std = np.sqrt(np.diag(covariance))
    assert (np.abs(draws.mean(0) - mean.ravel()) < 4 * std / np.sqrt(len(draws))).all()


def test_what_has_no_answer_is_refused() -> None:
    with pytest.raises(OceanbenchError, match="at most as many"):
        smoothed(window(), draws=30000)
    far = window()
    far.values[0, 0] = float("nan")
    with pytest.raises(OceanbenchError, match="no particle is near the observations of time 0"):
        smoothed(far)
