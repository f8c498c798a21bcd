"""Currents from sea level: slopes, waves, edges and the equator."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.grid import KM_PER_DEGREE
from oceanbench.metrics import METRICS

geostrophic_rmse = METRICS["geostrophic_rmse"].function

LATITUDE, LONGITUDE = 35.0 + 0.1 * np.arange(21), 300.0 + 0.1 * np.arange(31)
F = 2.0 * 7.2921e-5 * np.sin(np.deg2rad(LATITUDE))


def field(values: np.ndarray, latitude: np.ndarray = LATITUDE) -> xr.DataArray:
    axes = {"time": np.array(["2012-01-01"], "M8[ns]"), "latitude": latitude}
    shape = (1, latitude.size, LONGITUDE.size)
    return xr.DataArray(
        np.broadcast_to(values, shape),
        axes | {"longitude": LONGITUDE},
        ("time", "latitude", "longitude"),
    )


def ones(like: xr.DataArray) -> xr.DataArray:
    return xr.ones_like(like)


def test_a_slope_is_a_uniform_current() -> None:
    metres = 1000.0 * KM_PER_DEGREE * (LATITUDE - 36.0)
    estimate, truth = field((1e-6 * metres)[:, None]), field(np.zeros(()))
    expected = np.sqrt(np.mean((9.81 * 1e-6 / F) ** 2))
    assert geostrophic_rmse(estimate, truth, ones(truth)) == pytest.approx(expected, rel=1e-9)


def test_a_zonal_wave_has_meridional_currents() -> None:
    """A sine of amplitude A and wavenumber k: g A k / f times the root of a half."""
    wavenumber = 2.0 * np.pi / 3.0  # per degree: one whole wave in the box, to the last step
    estimate, truth = field(0.1 * np.sin(wavenumber * LONGITUDE)), field(np.zeros(()))
    metres = 1000.0 * KM_PER_DEGREE * np.cos(np.deg2rad(LATITUDE))
    expected = np.sqrt(np.mean((9.81 * 0.1 * wavenumber / metres / F) ** 2) / 2.0)
    assert geostrophic_rmse(estimate, truth, ones(truth)) == pytest.approx(expected, rel=0.02)


def test_a_constant_moves_no_water_and_the_score_scales_with_the_error() -> None:
    truth = field(np.random.default_rng(0).standard_normal((1, 21, 31)))
    assert geostrophic_rmse(truth + 0.3, truth, ones(truth)) == pytest.approx(0.0, abs=1e-9)
    one = geostrophic_rmse(1.1 * truth, truth, ones(truth))
    assert geostrophic_rmse(1.2 * truth, truth, ones(truth)) == pytest.approx(2.0 * one)


def test_no_slope_reaches_across_what_is_not_scored() -> None:
    """A step between two masked halves is no current."""
    step = np.where(LONGITUDE < 301.45, 0.0, 1.0)
    estimate, truth = field(step), field(np.zeros(()))
    gap = field(np.where(np.abs(LONGITUDE - 301.4) < 0.05, 0.0, 1.0))
    assert geostrophic_rmse(estimate, truth, ones(truth)) > 1.0
    assert geostrophic_rmse(estimate, truth, gap) == 0.0


def test_the_equator_is_refused() -> None:
    low = field(np.zeros(()), np.linspace(-10.0, 10.0, 21))
    with pytest.raises(OceanbenchError, match="latitude -4 is scored: there is no geostrophy"):
        geostrophic_rmse(low, low, ones(low))
    far = ones(low).where(abs(low["latitude"]) >= 5.0, 0.0)
    assert geostrophic_rmse(low, low, far) == 0.0
