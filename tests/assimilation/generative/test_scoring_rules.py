"""Scoring rules of few draws: their expectation, and what makes it least."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import xarray as xr
from rows import every
from torch import Tensor

from oceanbench.assimilation.generative.scoring_rules import fair_crps, fair_energy_score
from oceanbench.metrics.table import METRICS


def draws(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@every("members", [2, 8])
@every("scale", [0.5, 1.0, 2.0])
def test_the_crps_of_few_draws_is_on_average_that_of_their_distribution(
    members: int, scale: float
) -> None:
    """Of N(0, s) against N(0, 1): the root of 2 (1 + s²) / π, less s over the root of π."""
    found = fair_crps(scale * draws(members, 100_000), draws(100_000, seed=1))
    exact = math.sqrt(2 * (1 + scale**2) / math.pi) - scale / math.sqrt(math.pi)
    assert float(found.mean()) == pytest.approx(exact, abs=4 * float(found.std()) / 100_000**0.5)


def test_they_are_those_of_the_metrics() -> None:
    """Which are other code, on arrays with coordinates: eight members of four windows."""
    members, truth = draws(8, 4, 3, 5), draws(4, 3, 5, seed=1)
    dims = ("window", "time", "component")
    coords = {d: np.arange(n) for d, n in zip(dims, truth.shape, strict=True)}
    array = xr.DataArray(truth.numpy(), coords, dims)
    given = xr.DataArray(members.numpy(), coords, ("member", *dims))
    weights = xr.ones_like(array)
    for name, own in (("fair_crps", fair_crps), ("fair_energy_score", fair_energy_score)):
        score = METRICS[name].function(given, array, weights)
        value = getattr(score, "value", score)
        assert float(own(members, truth).mean()) == pytest.approx(float(value), rel=1e-9), name


def expected(mean: float, scale: float, correlation: float) -> tuple[float, float]:
    """Scores of pairs of values, of draws that depart from those of the truth."""

    def pairs(values: Tensor, rho: float) -> Tensor:
        second = rho * values[..., 0] + math.sqrt(1 - rho**2) * values[..., 1]
        return torch.stack([values[..., 0], second], -1)

    truth = pairs(draws(40_000, 2, seed=1), 0.6)
    members = mean + scale * pairs(draws(8, 40_000, 2), correlation)
    return float(fair_crps(members, truth).mean()), float(fair_energy_score(members, truth).mean())


def test_the_distribution_of_the_truth_has_the_least_scores() -> None:
    """Mean, scale and, by the energy score, correlation; the CRPS does not see the latter."""
    crps, energy = expected(0.0, 1.0, 0.6)
    for mean, scale in ((0.2, 1.0), (-0.2, 1.0), (0.0, 0.8), (0.0, 1.25)):
        worse_crps, worse_energy = expected(mean, scale, 0.6)
        assert worse_crps > crps + 0.003
        assert worse_energy > energy + 0.003
    for correlation in (0.0, 0.95):
        same_crps, worse_energy = expected(0.0, 1.0, correlation)
        assert same_crps == pytest.approx(crps, abs=0.003)
        assert worse_energy > energy + 0.003


def test_members_that_are_equal_have_a_slope() -> None:
    """Their distance is under a root, whose slope at zero has no end."""
    members = torch.zeros(8, 2, 3, requires_grad=True)
    fair_energy_score(members, torch.ones(2, 3)).sum().backward()
    assert bool(members.grad.isfinite().all())
