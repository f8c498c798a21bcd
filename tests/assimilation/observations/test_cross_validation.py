"""The left-out error is that of an explicit prediction, and least for the scales of the world."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from dense import START, altimeters, dense_posterior
from rows import every

from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.observations.cross_validation import (
    dates_of,
    left_out_error,
    predicted_boxes,
)
from oceanbench.assimilation.observations.superobservations import Samples, kilometres, samples
from oceanbench.errors import OceanbenchError

PLACE, DATES = (10.0, 40.0), np.array([15.0, 20.0, 25.0])
WORLD = Covariance(220.0, 160.0, 12.0, speed_x=-3.0, shape="arhan")


@cache
def world(**changes: float) -> Samples:
    options = {"missions": 3, "passes": 30, "days": 40.0, "degrees": 8.0} | changes
    inputs = altimeters(WORLD, PLACE, **options)
    return samples(inputs, "ssh", START, PLACE[0], coarsen=4)


@cache
def error_in_a_world(covariance: Covariance = WORLD) -> float:
    dates = np.arange(12.0, 30.0, 2.5)
    return left_out_error(world(passes=60), PLACE, dates, covariance, noise=0.02, correlated=0.0)


@every("within_km", [np.inf, 250.0])
def test_the_left_out_error_is_that_of_an_explicit_prediction(within_km: float) -> None:
    seen, squares = world(), []
    x, y = kilometres(seen.longitude, seen.latitude, PLACE)
    for mission in range(3):
        others = seen.take(seen.mission != mission)
        o = others.observations(PLACE, np.full(3, 0.05), correlated=0.1)
        for date in DATES:
            left = (seen.mission == mission) & (np.abs(seen.time - date) < 1.0)
            left &= (np.abs(x) < within_km) & (np.abs(y) < within_km)
            nodes = np.stack([x, y, seen.time])[:, left]
            window = 2 * WORLD.length_time
            predicted, _ = dense_posterior(o, WORLD, nodes, date=date, window=window)
            squares.append((seen.value[left] - predicted) ** 2)
    found = left_out_error(
        seen, PLACE, DATES, WORLD, noise=0.05, correlated=0.1, within_km=within_km
    )
    assert found == pytest.approx(np.concatenate(squares).mean(), rel=1e-4)


def test_a_mission_beside_another_is_predicted_to_its_noise_and_refused_alone() -> None:
    seen = world(noise=0.0, missions=1)
    names = ("time", "longitude", "latitude", "value", "track", "mission")
    columns = {n: np.repeat(getattr(seen, n), 2) for n in names}
    columns["mission"] = np.tile([0, 1], seen.time.size)
    both = Samples(**columns, missions=("one", "two"))
    found = left_out_error(both, PLACE, DATES, WORLD, noise=0.001, correlated=0.0)
    assert np.sqrt(found) < 0.01 * seen.value.std()
    with pytest.raises(OceanbenchError, match=r"1 of the missions mission0 .*two or more"):
        left_out_error(seen, PLACE, DATES, WORLD, noise=0.1, correlated=0.0)


@every(
    "change",
    [
        {"length_x": 110.0, "length_y": 80.0},
        {"length_x": 440.0, "length_y": 320.0},
        {"length_time": 5.0},
        {"length_time": 30.0},
        {"speed_x": 6.0},
    ],
)
def test_other_scales_than_the_worlds_predict_worse(change: dict[str, float]) -> None:
    assert error_in_a_world(replace(WORLD, **change)) > 1.02 * error_in_a_world()


def test_where_passes_share_an_error_knowing_it_predicts_better() -> None:
    seen, dates = world(correlated=0.3, passes=60), np.arange(12.0, 30.0, 3.0)
    found = [
        left_out_error(seen, PLACE, dates, WORLD, noise=0.02, correlated=e) for e in (0.3, 0.0)
    ]
    assert found[0] < 0.9 * found[1]


def test_dates_keep_away_from_the_ends_and_a_short_period_has_several() -> None:
    days = np.arange(200.0)
    long = replace(world(), time=days)
    np.testing.assert_array_equal(dates_of(long, 21.0, 24), np.linspace(21.0, 178.0, 24))
    for length in (34, 8):
        found = dates_of(replace(long, time=days[: length + 1]), 21.0, 24)
        assert found[0] == length / 4 and found[-1] == 3 * length / 4
        assert found.size == min(24, length + 1) and np.diff(found).min() >= 0.5
    assert dates_of(replace(long, time=days[:1]), 21.0, 24).tolist() == [0.0]
    boxes = predicted_boxes(
        world(days=20.0), {}, lambda latitude, scales: WORLD, dates=24
    )  # of 4 time scales one would be left
    assert boxes and all(np.unique(own).size > 3 for *_, own in boxes)


@every("date, within_km", [(500.0, np.inf), (20.0, 1e-3)])
def test_nothing_to_predict_is_refused(date: float, within_km: float) -> None:
    with pytest.raises(OceanbenchError, match="no sample is near the place and the dates"):
        left_out_error(
            world(),
            PLACE,
            np.array([date]),
            WORLD,
            noise=0.1,
            correlated=0.0,
            within_km=within_km,
        )
