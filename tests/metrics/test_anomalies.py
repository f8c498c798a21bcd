"""Scores of departures from a reference, in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from oceanbench.metrics import METRICS

NAMES = ("activity", "anomaly_correlation", "skill", "mean_rmse", "rmse")
activity, anomaly_correlation, skill, mean_rmse, rmse = (METRICS[n].function for n in NAMES)

DIMS = ("time", "latitude", "longitude")


def fields(seed: int = 0) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Truth, an independent field of the same size, and weights of area."""
    random = np.random.default_rng(seed)
    truth, other = (xr.DataArray(random.standard_normal((6, 40, 50)), dims=DIMS) for _ in range(2))
    weights = xr.DataArray(np.cos(np.linspace(-1, 1, 40)), dims="latitude")
    return truth, other, weights


def test_skill_of_departures_is_one_minus_the_ratio_of_squared_errors():
    truth, reference, weights = fields()
    estimate = truth + 0.3 * fields(1)[0]
    found = skill(estimate - reference, truth - reference, weights)
    wrong = [rmse(e, truth, weights) for e in (estimate, reference)]
    assert found == pytest.approx(1 - (wrong[0] / wrong[1]) ** 2, rel=1e-12)


@pytest.mark.parametrize("shrink", [0.2, 1.0, 3.0])
def test_a_shrunken_forecast_loses_activity_and_no_correlation(shrink):
    truth, _, weights = fields()
    assert anomaly_correlation(shrink * truth, truth, weights) == pytest.approx(1, abs=1e-12)
    assert activity(shrink * truth, truth, weights) == pytest.approx(shrink, rel=1e-9)


def test_correlation_of_a_known_mixture():
    """Of truth and as large a noise it is cos 45°, with the sampling error of 12 000 points."""
    truth, noise, weights = fields()
    assert anomaly_correlation(truth + noise, truth, weights) == pytest.approx(
        np.sqrt(0.5), abs=0.02
    )
    assert anomaly_correlation(-truth, truth, weights) == pytest.approx(-1, abs=1e-12)


def test_an_offset_is_activity_of_nothing():
    truth, _, weights = fields()
    assert activity(truth + 5.0, truth, weights) == pytest.approx(1, rel=1e-9)


def test_mean_of_errors_and_pooled_error_are_two_numbers():
    truth, _, weights = fields()
    size = xr.DataArray([0.0, 0, 0, 0, 0, 6.0], dims="time")
    assert mean_rmse(truth + size, truth, weights) == pytest.approx(1.0)
    assert rmse(truth + size, truth, weights) == pytest.approx(np.sqrt(6.0))


def test_the_reference_has_no_skill_against_itself():
    truth, reference, weights = fields()
    same = skill(0 * truth, truth - reference, weights)
    assert same == pytest.approx(0.0, abs=1e-12)
