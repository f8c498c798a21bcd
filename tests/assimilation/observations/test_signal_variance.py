"""The signal's variance is found where it was put, and known everywhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from dense import START, altimeters

from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.observations.signal_variance import (
    LEAST,
    MeanSquares,
    signal_deviation,
)
from oceanbench.assimilation.observations.superobservations import Samples, samples

PLACE, DAYS = (10.0, 35.0), 10.0
WORLD = Covariance(200.0, 180.0, 10.0, shape="arhan")


def seen(seed: int = 0, **options: float) -> Samples:
    inputs = altimeters(WORLD, PLACE, days=200.0, passes=120, seed=seed, **options)
    return samples(inputs, "ssh", START, PLACE[0], coarsen=2)


def ramp(longitude: np.ndarray) -> np.ndarray:
    """Deviation, relative to that of the field: 0.5 in the west, 2 in the east."""
    return 2.0 ** np.tanh((longitude - PLACE[0]) / 2.0)


def test_a_deviation_that_varies_is_found_within_its_sampling_error() -> None:
    """Over six worlds, noise and pass errors included; the mean over them is not off by a tenth."""
    places = PLACE[0] + np.array([-4.0, 0.0, 4.0]), np.full(3, PLACE[1])
    found = []
    for seed in range(6):
        s = seen(seed, noise=0.0, correlated=0.0)
        random = np.random.default_rng(seed)
        white = 0.05**0.5 * 0.2 * random.standard_normal(s.time.size)
        shared = 0.1**0.5 * 0.2 * random.standard_normal(s.track.max() + 1)[s.track]
        s = replace(s, value=ramp(s.longitude) * (s.value + white) + shared)
        squares = MeanSquares.of(s, 120.0, DAYS)
        error = {"noise": 0.05, "correlated": 0.1 * 0.04 / np.mean((0.2 * ramp(s.longitude)) ** 2)}
        found.append(squares.deviation(*places, **error)[0])
    expected = 0.2 * ramp(places[0])
    np.testing.assert_allclose(np.mean(found, axis=0), expected, rtol=0.1)
    np.testing.assert_allclose(found, np.tile(expected, (6, 1)), rtol=0.35)


def test_where_all_is_alike_it_is_the_mean_square() -> None:
    s = replace(seen(), value=np.where(np.arange(seen().time.size) % 2, 0.3, -0.3))
    squares = MeanSquares.of(s, 100.0, DAYS)
    far = np.array([10.0, 13.0, 60.0, -170.0]), np.array([35.0, 33.0, -20.0, 80.0])
    np.testing.assert_allclose(squares.at(*far), 0.09)
    deviation, loading = squares.deviation(*far, noise=0.1, correlated=0.2)
    np.testing.assert_allclose(deviation, 0.3 / np.sqrt(1.3))
    np.testing.assert_allclose(loading, 1.0)


def test_far_from_all_samples_it_is_that_of_all() -> None:
    s = replace(seen(), value=ramp(seen().longitude) * seen().value)
    squares = MeanSquares.of(s, 100.0, DAYS)
    far = squares.at(np.array([60.0]), np.array([35.0]))
    assert float(far[0]) == pytest.approx(float(np.mean(s.value**2)))


def test_a_visit_counts_once_however_many_samples_it_has() -> None:
    s = seen()
    many = s.take(np.repeat(np.arange(s.time.size), np.where(s.time > 100.0, 7, 1)))
    nodes = np.linspace(5.0, 15.0, 9), np.full(9, 35.0)
    one, other = (MeanSquares.of(x, 100.0, DAYS) for x in (s, many))
    np.testing.assert_array_equal(other.visits, one.visits)
    same = replace(other, overall=one.overall)
    np.testing.assert_allclose(same.at(*nodes), one.at(*nodes))


def test_it_knows_no_date_line() -> None:
    s, turn = seen(), 170.0
    turned = replace(s, longitude=(s.longitude + turn + 180.0) % 360.0 - 180.0)
    here, there = np.linspace(6.0, 14.0, 5), np.linspace(6.0, 14.0, 5) + turn - 360.0
    turned = turned.around((turn + 10.0, 35.0))
    found = MeanSquares.of(turned, 100.0, DAYS).at(there, np.full(5, 35.0))
    np.testing.assert_allclose(found, MeanSquares.of(s, 100.0, DAYS).at(here, np.full(5, 35.0)))


def test_it_is_positive_where_errors_are_all_there_is() -> None:
    squares = np.array([0.0, 1e-6, 0.01, 4.0])
    deviation, loading = signal_deviation(squares, 1.0, noise=0.1, correlated=0.5)
    assert deviation[0] == deviation[1] == pytest.approx(LEAST / np.sqrt(1.6))
    assert (np.diff(deviation) >= 0).all()
    np.testing.assert_allclose(deviation * loading, 1 / np.sqrt(1.6))
    nothing = signal_deviation(np.zeros(3), 0.0, noise=0.1, correlated=0.5)
    assert (nothing[0] == LEAST).all()


def test_the_covariance_is_positive_definite() -> None:
    s = replace(seen(), value=ramp(seen().longitude) * seen().value)
    random = np.random.default_rng(0)
    x, y, time = random.uniform(-500, 500, (3, 200))
    sigma = MeanSquares.of(s, 100.0, DAYS).deviation(
        PLACE[0] + x / 91.0, PLACE[1] + y / 111.0, noise=0.05, correlated=0.02
    )[0]
    moving = replace(WORLD, speed_x=4.0)
    points = moving.coordinates(*(torch.tensor(a) for a in (x, y, time / 50.0)))
    whole = sigma[:, None] * sigma * moving.matrix(points, points).numpy()
    assert np.linalg.eigvalsh(whole).min() > -1e-9 * sigma.max() ** 2
