"""A covariance is found again within its intervals, and so is the size of its error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dense import START, altimeters

from oceanbench.assimilation.observations.cross_validation import LeftOut
from oceanbench.assimilation.observations.fitted_covariance import fit, intervals_over_dates
from oceanbench.assimilation.observations.formal_error import interval_of, most_likely, white_error
from oceanbench.assimilation.observations.superobservations import samples
from oceanbench.assimilation.observations.tiled_mapping import (
    DEFAULTS,
    FURTHER,
    SCALES,
    covariance_at,
)

PLACE = (10.0, 35.0)
DATES, EACH = 40, 12
USUAL = dict(zip(SCALES, DEFAULTS, strict=True)) | FURTHER


def test_intervals_cover_where_errors_of_a_date_are_alike() -> None:
    """Of a linear model, by 300 draws; errors taken for independent would cover two thirds."""
    random = np.random.default_rng(0)
    date = np.repeat(np.arange(DATES), EACH)
    inside = np.zeros(2)
    for _ in range(300):
        slopes = np.stack([np.ones(date.size), random.standard_normal(DATES)[date]], axis=1)
        noise = random.standard_normal(DATES)[date] + random.standard_normal(date.size)
        found, *_ = np.linalg.lstsq(slopes, -noise, rcond=None)
        error = noise + slopes @ found
        ends = intervals_over_dates(["length_factor", "speed_factor"], found, slopes, error, date)
        inside += [ends["length_factor"][0] < 1.0 < ends["length_factor"][1], 0.0]
        inside += [0.0, ends["speed_factor"][0] < 0.0 < ends["speed_factor"][1]]
    assert (inside > 0.90 * 300).all(), inside
    assert (inside < 0.99 * 300).all(), inside


def test_the_size_of_errors_is_found_in_predictions_that_have_it() -> None:
    """By 100 draws; errors of a date are half of them alike."""
    random, inside = np.random.default_rng(1), 0
    date = np.repeat(np.arange(100.0), EACH)
    for _ in range(100):
        deviation = random.uniform(0.05, 0.4, date.size)
        variance = random.uniform(0.02, 0.4, date.size)
        scale = np.sqrt(deviation**2 * variance**1.5 + 0.02**2)
        alike, own = random.standard_normal(100), random.standard_normal(date.size)
        error = scale * np.sqrt(0.5) * (np.repeat(alike, EACH) + own)
        left = LeftOut(error, variance, deviation, date)
        found, sample_error, _ = most_likely(left, 0.02)
        assert 0.01 < sample_error <= 0.02 * 1.0001
        low, high = interval_of(found, left, sample_error)
        inside += low < 1.5 < high
        assert found == pytest.approx(1.5, abs=0.5)
    assert 88 <= inside < 100


def test_white_errors_are_told_from_a_smooth_signal() -> None:
    """Not from that of a pass, which has no differences."""
    smooth = covariance_at(PLACE[1], USUAL | {"length_factor": 3.0})
    inputs = altimeters(smooth, PLACE, noise=0.01, correlated=0.3, step=0.3)
    seen = samples(inputs, "ssh", START, PLACE[0], coarsen=1)
    assert white_error(seen) == pytest.approx(0.2 * 0.1, rel=0.1)
    assert white_error(seen.take(np.arange(3))) == 0.0


@pytest.mark.slow
def test_scales_drift_and_variance_of_a_world_are_found() -> None:
    """A field that drifts east, four times as variable in the east as in the west."""
    usual = USUAL
    true = usual | {"length_factor": 1.2, "time_factor": 1.1, "speed_factor": -1.5}
    options = {"days": 130.0, "passes": 100, "degrees": 13.0, "step": 1.0, "noise": 0.0}
    inputs = altimeters(covariance_at(PLACE[1], true), PLACE, **options, seed=4)
    seen = samples(inputs, "ssh", START, PLACE[0], coarsen=1)
    random = np.random.default_rng(0)
    loud = 2.0 ** np.tanh((seen.longitude - PLACE[0]) / 2.0)
    white = 0.02 * random.standard_normal(seen.time.size)
    seen = replace(seen, value=loud * seen.value + white)
    found = fit(seen, usual, covariance_at, dates=10, evaluations=36)
    for name in ("length_factor", "zonal_factor", "time_factor", "speed_factor"):
        low, high = found.intervals[name]
        assert low <= true[name] <= high, (name, found.lines())
    assert found.scales["speed_factor"] < 0.0
    assert found.rmse[1] < found.rmse[0]
    assert found.scales["deviation_km"] > 0.0, found.likelihoods
    assert found.sample_error == pytest.approx(0.02, abs=0.01)
