"""Random fields have the covariance they are drawn from, and samples of the posterior are draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dense import (
    COVARIANCES,
    DEVICES,
    dense_posterior,
    draws,
    error_of,
    kernel_of,
    nodes_of,
    observed,
    points_of,
)
from rows import every
from scipy.integrate import cumulative_simpson, quad
from scipy.special import j0
from scipy.stats import chisquare, kstest, kurtosis

from oceanbench.assimilation.gaussian import posterior_samples as sampling
from oceanbench.assimilation.gaussian.covariance import ZERO_CROSSING
from oceanbench.assimilation.gaussian.posterior_samples import RandomField, posterior_samples
from oceanbench.errors import OceanbenchError

X, Y, DATES = np.array([50.0, 300.0, 420.0]), np.array([100.0, 350.0]), np.array([12.0, 16.0])
NODES = np.concatenate([nodes_of(X, Y, date) for date in DATES], axis=1)


def samples(o, c, *, members: int, seed: int = 0, **options) -> np.ndarray:
    """Samples (members, dates * nodes) with every observation used at every date."""
    parts = posterior_samples(
        o, DATES, c, X, Y, members=members, seed=seed, window=np.inf, **options
    )
    whole = np.concatenate([p.cpu().numpy() for p in parts])
    return whole.transpose(1, 0, 2, 3).reshape(members, -1)


def assert_covariance(found: np.ndarray, expected: np.ndarray) -> None:
    """Zero-mean samples (members, n) have a covariance, within what chance allows."""
    members, n = found.shape
    scale = np.sqrt((np.outer(*[expected.diagonal()] * 2) + expected**2) / members)
    score = (found.T @ found / members - expected) / scale
    assert np.abs(score).max() < 4.5
    assert np.abs(found.mean(0) / np.sqrt(expected.diagonal() / members)).max() < 4.5
    assert np.mean(score[np.triu_indices(n)] ** 2) < 2.0


@pytest.mark.parametrize("device", DEVICES)
@every("name", COVARIANCES)
def test_random_fields_have_the_covariance(
    name: str, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "WAVES", 200)  # exact for any number of waves
    c, random = COVARIANCES[name], np.random.default_rng(0)
    points = np.stack([*random.uniform(0, 300, (2, 12)), random.uniform(0, 12, 12)])
    field = RandomField.draw(c, 4000, seed=1, device=device).at(*points).cpu().numpy().T
    assert_covariance(field, kernel_of(c)(points, points))
    assert np.abs(kurtosis(field, axis=0)).max() < 0.4


def test_a_random_field_is_that_of_its_seed() -> None:
    first, again, other = (
        RandomField.draw(COVARIANCES["arhan"], 3, seed=s).at(*NODES) for s in (1, 1, 2)
    )
    assert first.equal(again)
    assert not np.isclose(first, other).any()
    assert not np.isclose(first[:, 0], first[:, 1]).any()


def spectrum(kappa: np.ndarray) -> np.ndarray:
    """Of Arhan's correlation, per unit of the modulus of the wave vector, not normalised."""
    return kappa**3 / (ZERO_CROSSING**2 + kappa**2) ** 4.5


def test_the_spectrum_is_the_hankel_transform_of_arhans_correlation() -> None:
    total = quad(spectrum, 0, np.inf)[0]
    distance = np.array([0.1, 0.5575, 1.0, 1.447, 3.0])
    zero = np.zeros_like(distance)
    kernel = kernel_of(replace(COVARIANCES["arhan"], length_x=1.0, length_y=1.0))
    expected = kernel(np.stack([distance, zero, zero]), np.zeros((3, 1)))[:, 0]
    found = [quad(lambda k, r=r: spectrum(k) * j0(k * r), 0, 400, limit=800)[0] for r in distance]
    np.testing.assert_allclose(np.array(found) / total, expected, atol=1e-6)


def test_waves_are_drawn_from_arhans_spectrum_in_every_direction() -> None:
    waves = RandomField.draw(COVARIANCES["arhan"], 20, seed=3).waves.numpy().reshape(-1, 3)
    kappa = np.linspace(0, 2000, 400_001)
    below = cumulative_simpson(spectrum(kappa), x=kappa, initial=0)
    modulus, angle = np.hypot(*waves.T[:2]), np.arctan2(waves[:, 1], waves[:, 0])
    assert kstest(modulus, lambda k: np.interp(k, kappa, below / below[-1])).pvalue > 0.01
    assert kstest(angle, "uniform", (-np.pi, 2 * np.pi)).pvalue > 0.01
    assert kstest(waves[:, 2], "norm", (0, np.sqrt(2))).pvalue > 0.01


@pytest.mark.parametrize("device", DEVICES)
@every("name", COVARIANCES)
def test_samples_have_the_mean_and_covariance_of_the_posterior(
    name: str, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between nodes and between dates: a member is coherent in time."""
    monkeypatch.setattr(sampling, "WAVES", 200)
    o, c = observed(0.1, 60), COVARIANCES[name]
    o = replace(o, noise=o.noise * 10)
    mean, covariance = dense_posterior(o, c, NODES)
    found = samples(o, c, members=3000, device=device)
    assert_covariance(found - mean, covariance)


def test_samples_are_those_of_their_seed_whatever_the_grouping() -> None:
    o, c = observed(), COVARIANCES["arhan"]
    first, again, other = (samples(o, c, members=4, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.isclose(first, other).any()
    np.testing.assert_allclose(samples(o, c, members=4, seed=1, group=1), first, atol=1e-9)


def test_the_truth_is_one_of_the_members(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over worlds drawn from the prior: flat rank histogram, spread-skill 1, coverage."""
    monkeypatch.setattr(sampling, "WAVES", 100)
    o, c, members, worlds = observed(0.1, 50), COVARIANCES["arhan, moving"], 19, 400
    random, places = np.random.default_rng(7), np.concatenate([points_of(o), NODES], axis=1)
    field = draws(kernel_of(c)(places, places), worlds, random).T
    value = field[:, : o.time.size] + draws(error_of(o), worlds, random).T
    truth = field[:, o.time.size :]
    found = np.stack(
        [samples(replace(o, value=v), c, members=members, seed=s) for s, v in enumerate(value)]
    )
    rank = (found < truth[:, None]).sum(axis=1)
    for node in (0, 5, 8):
        assert chisquare(np.bincount(rank[:, node], minlength=members + 1)).pvalue > 0.01
    skill = np.mean((found.mean(axis=1) - truth) ** 2)
    spread = np.mean(found.var(axis=1, ddof=1)) * (members + 1) / members
    assert np.sqrt(spread / skill) == pytest.approx(1.0, abs=0.05)
    assert np.mean((rank >= 1) & (rank <= members - 1)) == pytest.approx(0.9, abs=0.02)


def test_only_one_set_of_values_and_one_or_more_members_can_be_sampled() -> None:
    o, c = observed(), COVARIANCES["gaussian"]
    with pytest.raises(OceanbenchError, match="members 0 must be positive"):
        samples(o, c, members=0)
    with pytest.raises(OceanbenchError, match="values of one set"):
        samples(replace(o, value=o.value[:, None]), c, members=2)


def test_without_observations_samples_are_draws_of_the_prior() -> None:
    o = observed(0.0, 0)
    field = RandomField.draw(COVARIANCES["gaussian"], 4, seed=0).at(*NODES)
    np.testing.assert_allclose(samples(o, COVARIANCES["gaussian"], members=4), field.T)
