"""The weight between two maps is the one that samples which neither saw would choose."""

from __future__ import annotations

import numpy as np
import pytest

from oceanbench.assimilation.nudging.withheld_weight import best_weight, withheld_weight
from oceanbench.assimilation.observations.superobservations import Samples
from oceanbench.errors import OceanbenchError

TIMES, LONGITUDE, LATITUDE = np.arange(5.0), np.linspace(0, 4, 9), np.linspace(30, 34, 9)


def samples(count: int = 400, missions: int = 3) -> Samples:
    random = np.random.default_rng(0)
    time = np.sort(random.uniform(-1.0, 6.0, count))
    place = random.uniform(-1, 5, count), random.uniform(29, 35, count)
    mission = random.integers(0, missions, count)
    track = mission * 1000 + (time * 3).astype(int)
    value = random.standard_normal(count)
    return Samples(time, *place, value, track, mission, tuple("abc"[:missions]))


def test_the_weight_of_two_maps_with_known_errors() -> None:
    """Errors of 1 and 2, independent: w = 1 / (1 + 4); its interval covers it, by 300 draws."""
    random, track, inside = np.random.default_rng(0), np.repeat(np.arange(50.0), 8), 0
    for _ in range(300):
        errors = random.standard_normal((2, 50, 1)) + random.standard_normal((2, 50, 8))
        a, b = errors.reshape(2, -1) * np.array([[1.0], [2.0]])
        found = best_weight(-a + random.standard_normal(400), b - a, track)
        inside += found.interval[0] < 0.2 < found.interval[1]
        assert found.rmse[2] <= found.rmse[:2].min()
    assert 0.90 * 300 < inside < 0.99 * 300


def test_it_stays_between_the_maps() -> None:
    random = np.random.default_rng(0)
    step, track = random.standard_normal(300), np.repeat(np.arange(30.0), 10)
    for wanted, expected in ((-0.5, 0.0), (0.3, 0.3), (1.7, 1.0)):
        found = best_weight(wanted * step, step, track)
        assert found.value == pytest.approx(expected)
        assert found.interval[0] == pytest.approx(wanted)
        assert found.rmse[2] == pytest.approx(abs(wanted - expected) * np.sqrt(np.mean(step**2)))
    assert best_weight(step, 0.0 * step, track).value == 1.0


def test_each_mission_is_withheld_from_both_maps_in_turn() -> None:
    observed, seen = samples(), []

    def pair(others: Samples) -> tuple[np.ndarray, np.ndarray]:
        seen.append(set(others.mission.tolist()))
        zeros = np.zeros((TIMES.size, LATITUDE.size, LONGITUDE.size))
        return zeros, zeros + LONGITUDE

    found = withheld_weight(observed, pair, TIMES, LONGITUDE, LATITUDE, most=2)
    inside = observed.within((0, 4), (30, 34))
    inside = inside.take((inside.time >= 0) & (inside.time <= 4))
    count = np.bincount(inside.mission)
    order = np.argsort(-count)
    assert seen == [{0, 1, 2} - {int(order[0])}, {0, 1, 2} - {int(order[1])}]
    used = inside.take(inside.mission != order[2])
    expected = used.value @ used.longitude / (used.longitude @ used.longitude)
    assert found.value == pytest.approx(min(max(expected, 0.0), 1.0))
    assert np.mean(found.interval) == pytest.approx(expected)
    assert found.rmse[0] == pytest.approx(np.sqrt(np.mean(used.value**2)))


def test_one_altimeter_is_refused() -> None:
    with pytest.raises(OceanbenchError, match="fewer than two have samples here; give the weight"):
        withheld_weight(samples(missions=1), None, TIMES, LONGITUDE, LATITUDE, most=2)
