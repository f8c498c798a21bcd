"""The iterated smoother: exact where all is linear, and nearer the posterior where it is not."""

from __future__ import annotations

import pytest
import torch

from oceanbench.assimilation.ensemble.iterated_smoother import DrivenRuns, iterated
from oceanbench.assimilation.window_batches import Windows

TIMES, COMPONENTS, DEVIATION, VARIANCE = 4, 2, 0.4, 0.25
TURN = torch.tensor([[0.9, -0.3], [0.2, 0.8]], dtype=torch.float64)


def windows() -> Windows:
    random = torch.Generator().manual_seed(5)
    observed = torch.rand(2, TIMES, COMPONENTS, generator=random) < 0.6
    values = torch.randn(2, TIMES, COMPONENTS, generator=random, dtype=torch.float64)
    variance = torch.full((COMPONENTS,), VARIANCE, dtype=torch.float64)
    return Windows(values * observed, observed, variance)


def posterior(given: Windows, number: int, deviation: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and covariance of all states, of first states of unit variance, by dense algebra."""
    runs = DrivenRuns(lambda state: state @ TURN.T, deviation, TIMES, COMPONENTS)
    model = runs.states(torch.eye(runs.unknowns, dtype=torch.float64)).flatten(-2).T
    prior = model @ model.T
    seen = given.observed[number].flatten()
    gain = prior[:, seen] @ torch.linalg.inv(
        prior[seen][:, seen] + VARIANCE * torch.eye(int(seen.sum()), dtype=torch.float64)
    )
    return gain @ given.values[number].flatten()[seen], prior - gain @ prior[seen]


def exact(drawn: torch.Tensor) -> torch.Tensor:
    """Draws with the mean and covariance of their distribution: none, and the identity."""
    away = drawn - drawn.mean(0)
    return torch.linalg.solve_triangular(torch.linalg.cholesky(away.T.cov()), away.T, upper=False).T


def moved(given: Windows, prior: torch.Tensor, runs: DrivenRuns, seed: int) -> torch.Tensor:
    """Each member by the gain of the members' covariance, to perturbed observations of its own."""
    random, states = torch.Generator().manual_seed(seed), runs.states(prior).flatten(-2)
    noise = VARIANCE**0.5 * torch.randn(states.shape, generator=random, dtype=torch.float64)
    told = given.values.flatten(-2)[:, None] + noise - noise.mean(0)
    covariance, found = torch.cov(states.T), []
    for number, seen in enumerate(given.observed.flatten(-2)):
        error = VARIANCE * torch.eye(int(seen.sum()), dtype=torch.float64)
        gain = covariance[:, seen] @ torch.linalg.inv(covariance[seen][:, seen] + error)
        found.append(states + (told[number] - states)[:, seen] @ gain.T)
    return torch.stack(found)


@pytest.mark.parametrize("deviation", [0.0, DEVIATION])
def test_of_a_linear_model_members_are_draws_of_the_posterior(deviation: float) -> None:
    """In one whole step, which further ones do not change; six, of two or eight unknowns, exactly.

    Those are not draws of the posterior, but what their own covariance makes of each.
    """
    given, random = windows(), torch.Generator().manual_seed(7)
    runs = DrivenRuns(lambda state: state @ TURN.T, deviation, TIMES, COMPONENTS)
    size = 1000
    first = torch.randn(size, COMPONENTS, generator=random, dtype=torch.float64)
    prior = exact(runs.prior(first, random))
    once, often = (
        iterated(given, prior, runs, iterations=n, random=torch.Generator().manual_seed(1))
        for n in (1, 3)
    )
    torch.testing.assert_close(once, often, atol=1e-8, rtol=0.0)
    for number, members in enumerate(once.flatten(-2)):
        mean, covariance = posterior(given, number, deviation)
        spread = covariance.diagonal().sqrt()
        torch.testing.assert_close(members.mean(0), mean)
        found = torch.cov(members.T)
        assert ((found - covariance).abs() / (spread[:, None] * spread)).max() < 0.1
    for iterations in (1, 3):
        few = iterated(
            given, prior[:6], runs, iterations=iterations, random=torch.Generator().manual_seed(2)
        )
        torch.testing.assert_close(few.flatten(-2), moved(given, prior[:6], runs, seed=2))


def test_iterations_lead_where_one_regression_does_not() -> None:
    """An observation of the cube: steps go on until the members fit it."""
    random = torch.Generator().manual_seed(3)
    runs = DrivenRuns(lambda state: state**3, 0.0, 2, 1)
    prior = 1.0 + 0.3 * torch.randn(400, 1, generator=random, dtype=torch.float64)
    observed = torch.tensor([[[False], [True]]])
    given = Windows(8.0 * observed.double(), observed, torch.tensor([0.01], dtype=torch.float64))
    left = [
        float(
            (iterated(given, prior, runs, iterations=n, step=0.5, random=random)[0, :, 1] - 8.0)
            .square()
            .mean()
            .sqrt()
        )
        for n in (1, 20)
    ]
    assert left[0] > 1.0 and left[1] < 0.2
