"""Filters reach the published errors on the Lorenz-96 of Sakov and Oke (2008).

All 40 components are observed at each step of 0.05 with noise of variance 1; the score is the root
of the mean square error of the analysis, over 1000 cycles after 100 that are left out. Here four
truths are filtered together, and the scores are their means.

Sakov and Oke (2008), doi:10.1111/j.1600-0870.2007.00299.x; the numbers of interpolation and 3D-Var
are those that users of this set-up agree on.
"""

from __future__ import annotations

import pytest
import torch
import window_worlds
from torch import Tensor

from oceanbench.assimilation.ensemble.kalman import (
    Scheme,
    cyclic_distance,
    denkf,
    etkf,
    gaspari_cohn,
    perturbed,
    smooth,
)
from oceanbench.assimilation.window_batches import Windows
from oceanbench.dynamics.models import model

TRUTHS, CYCLES, LEFT_OUT, SIZE = 4, 1100, 100, 40
DYNAMICS = model("lorenz96", 0.05)


def normal(*shape: int, seed: int) -> Tensor:
    """Standard normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(scope="module")
def truth() -> Tensor:
    """States (truths, cycles, components)."""
    return torch.as_tensor(window_worlds.runs("lorenz96", TRUTHS, CYCLES))


@pytest.fixture(scope="module")
def windows(truth: Tensor) -> Windows:
    """Every component at every cycle."""
    seen = torch.ones_like(truth, dtype=torch.bool)
    noise = normal(*truth.shape, seed=1)
    return Windows(truth + noise, seen, torch.ones(SIZE, dtype=torch.float64))


@pytest.fixture(scope="module")
def climate() -> Tensor:
    """States (states, components) of other runs."""
    return torch.as_tensor(window_worlds.runs("lorenz96", 32, 300, seed=9)).flatten(0, 1)


def error(estimate: Tensor, truth: Tensor) -> float:
    """Mean of the root mean square errors of the cycles that count."""
    return float((estimate - truth)[:, LEFT_OUT:].square().mean(-1).sqrt().mean())


def gain(covariance: Tensor) -> Tensor:
    """Gain of an analysis of all components with one covariance for all times."""
    return covariance @ torch.linalg.inv(covariance + torch.eye(SIZE))


def filtered(
    truth: Tensor,
    windows: Windows,
    members: int,
    scheme: Scheme | list[Scheme],
    inflation: float,
    *,
    lag: int = 0,
    taper: Tensor | None = None,
) -> Tensor:
    """Means of the members, that start around a wrong first guess."""
    guess = truth[:, :1] + normal(len(windows), 1, SIZE, seed=2)
    first = guess + normal(len(windows), members, SIZE, seed=3)
    options = {"scheme": scheme, "inflation": inflation, "lag": lag, "taper": taper}
    return smooth(windows, first, DYNAMICS.advance, **options).mean(1)


def test_the_climatology(truth: Tensor, climate: Tensor) -> None:
    assert error(climate.mean(0), truth) == pytest.approx(3.6, abs=0.1)


def test_optimal_interpolation(truth: Tensor, windows: Windows, climate: Tensor) -> None:
    """Of every cycle alone, from the climatology."""
    mean = climate.mean(0)
    found = mean + (windows.values - mean) @ gain(torch.cov(climate.mT)).mT
    assert error(found, truth) == pytest.approx(0.94, abs=0.03)


def test_3d_var(truth: Tensor, windows: Windows, climate: Tensor) -> None:
    """Forecasts with the error of a fiftieth of the climatology."""
    fixed = gain(0.02 * torch.cov(climate.mT))
    state, found = windows.values[:, 0], []
    for values in windows.values.unbind(1):
        state = state + (values - state) @ fixed.mT
        found.append(state)
        state = DYNAMICS.advance(state)
    assert 0.39 < error(torch.stack(found, 1), truth) < 0.46


def test_the_stochastic_filter(truth: Tensor, windows: Windows) -> None:
    noise = [perturbed(draws) for draws in normal(CYCLES, 40, SIZE, seed=4)]
    assert error(filtered(truth, windows, 40, noise, 1.06), truth) == pytest.approx(0.22, abs=0.02)


def test_the_deterministic_filter(truth: Tensor, windows: Windows) -> None:
    assert error(filtered(truth, windows, 40, denkf, 1.01), truth) == pytest.approx(0.18, abs=0.02)


@pytest.mark.slow
def test_the_ensemble_transform_filter_and_its_smoother(truth: Tensor, windows: Windows) -> None:
    """Of 40 members: 24 with inflation 1.013 are as good, but lose some truths for good."""
    assert error(filtered(truth, windows, 40, etkf, 1.01), truth) == pytest.approx(0.18, abs=0.02)
    smoothed = error(filtered(truth, windows, 40, etkf, 1.01, lag=20), truth)
    assert smoothed == pytest.approx(0.09, abs=0.02)


@pytest.mark.slow
def test_local_analyses_need_ten_members(truth: Tensor, windows: Windows) -> None:
    """Where without them the truth is lost."""
    short = truth[:, :400]
    part = Windows(windows.values[:, :400], windows.observed[:, :400], windows.variance)
    taper = gaspari_cohn(cyclic_distance(SIZE) / 14.0)
    local = error(filtered(short, part, 10, etkf, 1.03, taper=taper), short)
    assert local == pytest.approx(0.21, abs=0.02)
    assert error(filtered(short, part, 10, etkf, 1.03), short) > 1.0
