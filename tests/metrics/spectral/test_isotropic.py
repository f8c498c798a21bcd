"""Rings of wavenumber: where they lie, and what they hold."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from oceanbench.metrics import METRICS
from oceanbench.metrics.aligned import NO_DATA, Flagged
from oceanbench.metrics.spectral.isotropic import (
    in_rings,
    isotropic_psd_score,
    isotropic_spectra,
    isotropic_wavelength,
)

STEP = 1e-3  # cycles per km


def plane(points: int) -> xr.DataArray:
    """Wavenumber itself, as a density: 0 in the middle."""
    k = STEP * (np.arange(points) - points // 2)
    return xr.DataArray(np.hypot(k[:, None], k), {"freq_y": k, "freq_x": k}, ("freq_y", "freq_x"))


def fields(shape: tuple[int, int] = (24, 30), seed: int = 0) -> tuple[xr.DataArray, ...]:
    """Estimate, truth and weights about the equator."""
    random = np.random.default_rng(seed)
    axes = {
        "time": np.arange("2012-10-01", "2012-10-07", dtype="M8[D]").astype("M8[ns]"),
        "latitude": 0.1 * np.arange(shape[0]),
        "longitude": 0.1 * np.arange(shape[1]),
    }
    white = random.standard_normal((2, 6, *shape))
    truth = xr.DataArray(white[0].cumsum(axis=1).cumsum(axis=2), axes, tuple(axes))
    return truth + 2.0 * white[1], truth, xr.ones_like(truth)


@pytest.mark.parametrize("points", [8, 9, 16, 31, 32])
def test_a_ring_lies_at_the_mean_wavenumber_of_its_points(points: int) -> None:
    found = in_rings(plane(points))
    k = found["freq_r"].values
    np.testing.assert_allclose(found, k * k, rtol=1e-12)  # times its radius
    assert (np.diff(k) > 0).all()


@pytest.mark.parametrize("points", [8, 9, 16, 31, 32])
def test_the_mean_of_the_field_is_in_no_ring(points: int) -> None:
    density = plane(points)
    found = in_rings(density)
    assert found["freq_r"].min() > 0
    spoiled = density.where(density > 0, 1e9)  # the mean alone
    same = found["freq_r"] >= 2 * STEP  # the first ring may hold it beside its neighbours
    np.testing.assert_array_equal(in_rings(spoiled).where(same), found.where(same))


def test_a_score_has_no_wavenumber_zero_and_no_hole() -> None:
    score = isotropic_psd_score(*fields())
    assert score is not None
    assert (score["freq_r"] > 0).all() and np.isfinite(score).all()
    nyquist = 1 / (2 * 11.12)
    assert 0.85 * nyquist < score["freq_r"].max() < nyquist


def test_the_level_is_a_half_wherever_none_is_given() -> None:
    arrays = fields()
    table = isotropic_spectra(*arrays)
    score = METRICS["isotropic_wavelength"].function
    half = score(*arrays, level=0.5)
    assert not isinstance(half, Flagged)
    assert half == score(*arrays) == isotropic_wavelength(table)
    assert half != isotropic_wavelength(table, level=0.25)


def test_a_spectrum_that_crosses_at_a_ring_is_resolved_to_that_ring() -> None:
    k = STEP * np.arange(1.0, 9.0)
    error = np.where(k < 4.5 * STEP, 0.2, 0.8)
    error[3] = 0.5  # exactly the half
    table = np.vstack([k, error, np.ones(8)])
    assert isotropic_wavelength(table) == pytest.approx(1 / k[3], rel=1e-12)


@pytest.mark.parametrize(("shape", "scored"), [((3, 3), True), ((2, 9), False), ((9, 2), False)])
def test_a_box_has_three_rows_and_columns_at_least(shape: tuple[int, int], scored: bool) -> None:
    _, truth, weights = fields(shape)
    scales = {"wavelength_km": 200.0, "window": "boxcar"}
    found = METRICS["small_scale_variance"].function(truth, truth, weights, **scales)
    assert found == (pytest.approx(1.0) if scored else NO_DATA)
