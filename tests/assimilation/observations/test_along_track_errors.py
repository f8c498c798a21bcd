"""What misfits along a pass tell of the first guess and of the altimeter."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from oceanbench.assimilation.observations.along_track_errors import AlongTrack, correlation, fitted
from oceanbench.assimilation.observations.superobservations import Samples
from oceanbench.errors import OceanbenchError
from oceanbench.observing.noise import AltimeterError

ERRORS = AlongTrack(0.03, 40.0, AltimeterError(0.02, 0.025, 100.0))


def passes(lengths: list[int]) -> Samples:
    """Samples a second apart along meridians, passes mixed as those of several altimeters are."""
    second = np.concatenate([np.arange(n) for n in lengths]).astype(float)
    track = np.repeat(np.arange(len(lengths)), lengths)
    order = np.argsort(second, kind="stable")
    zero = np.zeros(order.size, int)
    latitude = 30.0 + 0.06 * second
    return Samples(
        second[order] / 86_400.0,
        10.0 + track[order],
        latitude[order],
        zero.astype(float),
        track[order],
        zero,
        ("one",),
    )


def covariances(errors: AlongTrack, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Of guess and altimeter along one pass, by their formulas."""
    apart = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    distance = 0.06 * np.pi / 180.0 * 6371.0 * apart / errors.length_km
    white, red, tau = (getattr(errors.altimeter, n) for n in vars(errors.altimeter))
    of_altimeter = red**2 * np.exp(-apart / tau) + white**2 * np.eye(count)
    return errors.guess**2 * (1 + distance) * np.exp(-distance), of_altimeter


def test_the_expectation_is_that_of_the_formula() -> None:
    observed = passes([50])
    misfit = np.random.default_rng(0).standard_normal(50)
    of_guess, of_altimeter = covariances(ERRORS, 50)
    expected = of_guess @ np.linalg.solve(of_guess + of_altimeter, misfit)
    np.testing.assert_allclose(ERRORS.expected(observed, misfit), expected, rtol=1e-3, atol=1e-4)


def test_passes_tell_nothing_of_each_other() -> None:
    observed = passes([30, 50, 1])
    misfit = np.random.default_rng(1).standard_normal(81)
    together = ERRORS.expected(observed, misfit)
    for number in range(3):
        own = observed.track == number
        alone = ERRORS.expected(observed.take(own), misfit[own])
        np.testing.assert_allclose(together[own], alone, rtol=1e-3)


def test_its_error_is_the_least_and_the_one_it_promises() -> None:
    random, count = np.random.default_rng(2), 100
    of_guess, of_altimeter = covariances(ERRORS, count)
    guess, altimeter = (
        np.linalg.cholesky(c + 1e-12 * np.eye(count)) @ random.standard_normal((count, 400))
        for c in (of_guess, of_altimeter)
    )
    observed = passes([count] * 400)
    truth = np.empty(observed.track.size)
    misfit = np.empty_like(truth)
    for number in range(400):
        own = observed.track == number
        truth[own], misfit[own] = guess[:, number], (guess + altimeter)[:, number]
    found = np.sqrt(np.mean((ERRORS.expected(observed, misfit) - truth) ** 2))
    gain = of_guess @ np.linalg.inv(of_guess + of_altimeter)
    assert found == pytest.approx(np.sqrt(np.diag(of_guess - gain @ of_guess).mean()), rel=0.03)
    assert found < 0.6 * np.sqrt(np.mean((misfit - truth) ** 2))


def test_exact_altimeters_are_believed() -> None:
    exact = AlongTrack(0.03, 40.0, AltimeterError(0.0, 0.0, 1.0))
    smooth = 0.03 * np.sin(np.arange(60) / 15.0)
    found = exact.expected(passes([60]), smooth)
    np.testing.assert_allclose(found, smooth, atol=1e-4)


def test_the_error_of_a_guess_is_found_where_it_was_observed() -> None:
    random, rows, spacing, length = np.random.default_rng(3), 60, 20.0, 45.0
    apart = spacing * np.abs(np.subtract.outer(np.arange(rows), np.arange(rows)))
    columns = np.linalg.cholesky(correlation(apart / length)) @ random.standard_normal((rows, 4000))
    error = 0.03 * columns.reshape(rows, 40, 100).transpose(1, 0, 2)
    observed = random.random(error.shape) < 0.3
    spoilt = np.where(observed, error, 10.0)  # elsewhere it may be anything
    found = fitted(spoilt, observed, spacing, ERRORS.altimeter)
    assert found.guess == pytest.approx(0.03, rel=0.05)
    assert found.length_km == pytest.approx(length, rel=0.1)


def test_kept_with_weights_and_refused_without() -> None:
    assert AlongTrack.of(ERRORS.tensors(), name="m") == ERRORS
    for broken in ({}, {"along_track": torch.zeros(5)}, {"along_track": torch.ones(4)}):
        with pytest.raises(OceanbenchError, match="m: weights without a sound 'along_track'"):
            AlongTrack.of(broken, name="m")
