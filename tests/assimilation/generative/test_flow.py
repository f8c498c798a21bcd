"""Flow matching against closed forms: where all is Gaussian, velocities are linear and known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pytest
import torch
from rows import every
from scipy.spatial.distance import cdist
from torch import Tensor

from oceanbench.assimilation.generative.flow import between, integrate, velocity_of_alike

SEEN = [0, 4]  # times at which the autoregression is observed
NOISE = 0.1


def double(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def exact_velocity(first: Tensor, second: Tensor, time: float) -> Tensor:
    """Matrix of the velocity from N(0, A) to N(0, B): E[x1 - x0 | x] by Gaussian conditioning."""
    cross = time * second - (1.0 - time) * first
    return cross @ torch.linalg.inv((1.0 - time) ** 2 * first + time**2 * second)


@every("first, second", [(1.0, 4.0), (2.0, 0.1)])
def test_errors_of_the_scheme_fall_with_the_square_of_its_steps(
    first: float, second: float
) -> None:
    """From N(0, a) to N(0, b) the exact flow multiplies by the root of b / a."""

    def velocity(point: Tensor, time: float) -> Tensor:
        return point @ exact_velocity(first * torch.eye(1), second * torch.eye(1), time)

    exact = (second / first) ** 0.5
    errors = [abs(float(integrate(velocity, torch.ones(1, 1), n)) - exact) for n in (20, 40, 80)]
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.15)
    assert errors[1] / errors[2] == pytest.approx(4.0, rel=0.1)
    assert errors[0] < 0.01


def test_the_flow_between_distributions_that_are_alike_returns_to_where_it_began() -> None:
    """In the ten steps of the baselines to a thousandth, whatever the covariance is."""
    start = double(1.0, -2.0, 0.5)[:, None]

    def velocity(point: Tensor, time: float) -> Tensor:
        return velocity_of_alike(point, point.new_full((3,), time))

    torch.testing.assert_close(integrate(velocity, start, 10), start, rtol=1e-3, atol=0)
    covariance = torch.tensor([[2.0, 0.6], [0.6, 0.5]], dtype=torch.float64)
    point = double(0.3, -1.0)[None]
    for time in (0.0, 0.2, 0.9):
        found = velocity_of_alike(point, double(time))
        torch.testing.assert_close(found, point @ exact_velocity(covariance, covariance, time).mT)


@dataclass(frozen=True)
class Autoregression:
    """Draws of an autoregression of six times, seen at two of them, and its exact posterior."""

    states: Tensor
    seen: Tensor
    covariance: Tensor

    @classmethod
    @cache
    def of(cls, count: int) -> Autoregression:
        random = torch.Generator().manual_seed(0)
        lag = (torch.arange(6)[:, None] - torch.arange(6)).abs()
        covariance = 0.8 ** lag.double()
        normal = torch.randn(count, 6, generator=random, dtype=torch.float64)
        states = normal @ torch.linalg.cholesky(covariance).mT
        noise = torch.randn(count, len(SEEN), generator=random, dtype=torch.float64)
        return cls(states, states[:, SEEN] + NOISE**0.5 * noise, covariance)

    def posterior(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and covariance of the states, given what is seen of them."""
        gain = torch.linalg.solve(
            self.covariance[SEEN][:, SEEN] + NOISE * torch.eye(len(SEEN)), self.covariance[SEEN]
        ).mT
        return gain @ seen, self.covariance - gain @ self.covariance[SEEN]


def energy_distance(first: Tensor, second: Tensor) -> float:
    between_both = cdist(first, second).mean()
    return float(2 * between_both - cdist(first, first).mean() - cdist(second, second).mean())


def test_a_linear_velocity_fitted_to_draws_reaches_the_exact_posterior() -> None:
    """Least squares of x1 - x0 on x and on what is seen, at each time of the sampler.

    Begun with white noise: mean and deviations are right to 3 %, and the draws are no farther from
    exact ones than those are from each other.
    """
    world, random = Autoregression.of(60_000), torch.Generator().manual_seed(1)

    def fitted(time: float) -> Tensor:
        start = torch.randn(world.states.shape, generator=random, dtype=torch.float64)
        middle = between(start, world.states, torch.full((len(start),), time))
        given = torch.cat([middle, world.seen], 1)
        return torch.linalg.lstsq(given, world.states - start).solution

    matrices = {n: fitted(n / 10) for n in range(11)}
    seen = double(1.5, -0.4)
    mean, covariance = world.posterior(seen)

    def velocity(point: Tensor, time: float) -> Tensor:
        return torch.cat([point, seen.expand(len(point), -1)], 1) @ matrices[round(10 * time)]

    white = torch.randn(1000, 6, generator=random, dtype=torch.float64)
    white = (white - white.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(white.T.cov())).mT
    found = integrate(velocity, white, 10)
    deviation = covariance.diagonal().sqrt()
    assert float(((found.mean(0) - mean) / deviation).abs().max()) < 0.03
    torch.testing.assert_close(found.std(0), deviation, rtol=0.03, atol=0)
    root = torch.linalg.cholesky(covariance)
    exact = [
        mean + torch.randn(1000, 6, generator=random, dtype=torch.float64) @ root.mT
        for _ in range(2)
    ]
    assert energy_distance(found, exact[0]) < 1.5 * energy_distance(*exact)


def test_the_fitted_velocity_is_that_of_conditioning() -> None:
    """Without a condition, from N(0, 1) to the prior, at three times."""
    world, random = Autoregression.of(60_000), torch.Generator().manual_seed(2)
    start = torch.randn(world.states.shape, generator=random, dtype=torch.float64)
    for time in (0.1, 0.5, 0.9):
        middle = between(start, world.states, torch.full((len(start),), time))
        found = torch.linalg.lstsq(middle, world.states - start).solution.mT
        exact = exact_velocity(torch.eye(6, dtype=torch.float64), world.covariance, time)
        torch.testing.assert_close(found, exact, rtol=0, atol=0.04)
