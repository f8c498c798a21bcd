"""The formal error is the closed form, and true: errors of maps have the variance it says."""

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
from hypothesis import given
from hypothesis import strategies as st
from rows import every

from oceanbench.assimilation.gaussian import posterior_fields
from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.gaussian.optimal_interpolation import Observations, solve

X, Y = np.linspace(0, 600, 6), np.linspace(-50, 500, 5)
DATES = np.array([10.0, 11.0, 12.5, 20.0])
TOLERANCE = {"double": 1e-9, "single": 1e-3}


def variances(o: Observations, c: Covariance, dates: np.ndarray = DATES, **options) -> np.ndarray:
    solved = solve(o, dates, c, window=12.0, **options)
    return np.concatenate([posterior_fields.variance(p, X, Y).cpu().numpy() for p in solved])


@pytest.mark.parametrize("device", DEVICES)
@every("precision", TOLERANCE)
@every("correlated", [0.0, 0.02])
@every("name", COVARIANCES)
def test_the_formal_error_is_the_closed_form(
    name: str, correlated: float, precision: str, device: str
) -> None:
    o, c = observed(correlated), COVARIANCES[name]
    found = variances(o, c, precision=precision, device=device)
    for date, level in zip(DATES, found, strict=True):
        _, expected = dense_posterior(o, c, nodes_of(X, Y, date), date=date, window=12.0)
        diagonal = expected.diagonal().reshape(level.shape)
        np.testing.assert_allclose(level, diagonal, atol=TOLERANCE[precision])


def test_the_formal_error_does_not_depend_on_how_many_nodes_are_solved_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    o, c = observed(), COVARIANCES["arhan, moving"]
    whole = variances(o, c)
    monkeypatch.setattr(posterior_fields, "NODES_AT_ONCE", 7)
    np.testing.assert_allclose(variances(o, c), whole, atol=1e-12)


@pytest.mark.parametrize("precision", TOLERANCE)
def test_far_from_every_observation_nothing_is_known(precision: str) -> None:
    o, c = observed(), COVARIANCES["arhan"]
    far = replace(o, x=o.x + 1e4)
    np.testing.assert_allclose(variances(far, c, precision=precision), 1.0, atol=1e-12)
    assert (variances(o, c, np.array([-100.0]), precision=precision) == 1.0).all()


@given(st.integers(0, 2**31), st.integers(2, 60), st.sampled_from(sorted(COVARIANCES)))
def test_another_observation_never_harms(seed: int, count: int, name: str) -> None:
    o = observed(0.1, count, seed)
    without = np.arange(count) != seed % count
    fewer = Observations(
        *(getattr(o, n)[without] for n in ("time", "x", "y", "value", "noise", "track")), 0.1
    )
    more, less = (variances(p, COVARIANCES[name]) for p in (o, fewer))
    assert (more >= 0).all()
    assert (less <= 1).all()
    assert (more <= less + 1e-10).all()


def test_a_perfect_observation_leaves_no_error_and_no_negative_variance() -> None:
    o = Observations(np.array([10.0]), X[2:3], Y[1:2], np.array([0.7]), np.zeros(1))
    posterior = next(solve(o, [10.0], COVARIANCES["gaussian"], window=1.0))
    error = posterior_fields.variance(posterior, X, Y)[0].numpy()
    assert error[1, 2] == pytest.approx(0.0, abs=1e-14)
    assert error.min() >= 0.0
    assert posterior_fields.maps(posterior, X, Y)[0, 0, 1, 2] == pytest.approx(0.7)


@pytest.mark.parametrize("device", DEVICES)
@every("name", COVARIANCES)
def test_values_anywhere_are_the_dense_posterior(name: str, device: str) -> None:
    o, c = observed(), COVARIANCES[name]
    o = replace(o, value=np.stack([o.value, o.value[::-1]], axis=1))
    random = np.random.default_rng(3)
    places = np.stack([*random.uniform(-100, 700, (2, 30)), random.uniform(5, 25, 30)])
    (posterior,) = solve(o, DATES[:3], c, window=12.0, device=device)
    for number, date in enumerate(DATES[:3]):
        expected, _ = dense_posterior(o, c, places, date=date, window=12.0)
        found = posterior_fields.values_at(posterior, number, *places).cpu().numpy()
        np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("name", ["gaussian", "arhan, moving"])
def test_errors_of_maps_are_as_large_as_the_formal_error(name: str) -> None:
    """Over 2000 worlds drawn from the prior, spread-skill and coverage of the 90 % interval."""
    o, c, worlds = observed(0.05, 80), COVARIANCES[name], 2000
    random, nodes = np.random.default_rng(5), nodes_of(X, Y, 17.0)
    places = np.concatenate([points_of(o), nodes], axis=1)
    field = draws(kernel_of(c)(places, places), worlds, random)
    value = field[: o.time.size] + draws(error_of(o), worlds, random)
    posterior = next(solve(replace(o, value=value), [17.0], c, window=np.inf))
    mean = posterior_fields.maps(posterior, X, Y)[0].numpy().reshape(worlds, -1).T
    deviation = np.sqrt(posterior_fields.variance(posterior, X, Y)[0].numpy().ravel())[:, None]
    normal = (field[o.time.size :] - mean) / deviation
    assert np.sqrt(np.mean(normal**2)) == pytest.approx(1.0, abs=0.02)
    np.testing.assert_allclose(normal.std(axis=1), 1.0, atol=0.08)
    assert np.mean(np.abs(normal) < 1.645) == pytest.approx(0.9, abs=0.01)
