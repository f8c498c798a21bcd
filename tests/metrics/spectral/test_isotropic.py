"""Rings of wavenumber: where they lie, and what they hold."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
import xrft
from rows import every

from oceanbench.metrics import METRICS
from oceanbench.metrics.aligned import NO_DATA, Flagged
from oceanbench.metrics.spectral.isotropic import (
    in_rings,
    isotropic_psd_score,
    isotropic_spectra,
    isotropic_wavelength,
    spectra_in_box,
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


@every("points", [8, 9, 16, 31, 32])
def test_a_ring_lies_at_the_mean_wavenumber_of_its_points(points: int) -> None:
    found = in_rings(plane(points))
    k = found["freq_r"].values
    np.testing.assert_allclose(found, k * k, rtol=1e-12)  # times its radius
    assert (np.diff(k) > 0).all()


@every("points", [8, 9, 16, 31, 32])
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
    assert (isotropic_psd_score(truth, truth, weights) is not None) is scored
    assert isotropic_spectra(truth, truth, weights).shape == (3, int(scored))
    assert found == (pytest.approx(1.0) if scored else NO_DATA)


def moved(points: int, step: float, change: str) -> xr.DataArray:
    """Nodes of a square box, exact or as a file may have them."""
    x = 295.0 + step * np.arange(points)
    y = 33.0 + step * np.arange(points)
    if change == "other convention":
        x = x - 360.0
    elif change == "rounded":
        x = x * (1 + 1e-12)
    elif change == "single precision":
        x, y = (a.astype("f4").astype("f8") for a in (x, y))
    return xr.Dataset(coords={"time": np.arange(4.0), "latitude": y, "longitude": x})


@every(
    "size, change",
    [
        (size, change)
        for size in ((41, 0.25), (50, 0.2), (61, 1 / 12))
        for change in ("other convention", "rounded", "single precision")
    ],
)
def test_a_resolved_wavelength_is_not_decided_by_rounding(size, change) -> None:
    random = np.random.default_rng(1)
    points, step = size
    white = random.standard_normal((2, 4, points, points))
    values = white[0].cumsum(1).cumsum(2)
    found = []
    for axes in (moved(points, step, "exact"), moved(points, step, change)):
        truth = xr.DataArray(values, axes.coords, ("time", "latitude", "longitude"))
        estimate = truth + 8.0 * white[1]
        found.append(METRICS["isotropic_wavelength"].function(estimate, truth, xr.ones_like(truth)))
    assert found[1] == pytest.approx(found[0], rel=1e-5)


@pytest.mark.parametrize("points", [16, 31])
def test_shared_rings_hold_every_mode_below_the_last_once(points: int) -> None:
    density = plane(points)
    k = density.values
    count = (points - 1) // 2 if points % 2 else points // 2
    ring = in_rings(xr.ones_like(density)) / in_rings(density)  # one over the mean of k, over k
    assert ring.size == count
    inner = k[(k > STEP) & (k < 2 * STEP)]  # √2: between the first two rings
    assert inner.size == 4
    first = (4 * STEP + (2 - np.sqrt(2)) * 4 * np.sqrt(2) * STEP) / (4 + 4 * (2 - np.sqrt(2)))
    assert in_rings(density)["freq_r"].values[0] == pytest.approx(first, rel=1e-12)


def test_published_rings_are_those_of_xrft() -> None:
    arrays = fields()
    _, truth, weights = arrays
    density = spectra_in_box({"truth": truth.values}, truth, weights.values > 0, window="tukey")
    assert density is not None
    ring = xrft.isotropize(density["truth"], ["freq_y", "freq_x"], nfactor=2).dropna("freq_r")
    published = isotropic_spectra(*arrays, rings="published")
    np.testing.assert_allclose(published[[0, 2]], [ring["freq_r"], ring], rtol=1e-12)
    score = METRICS["isotropic_wavelength"].function
    half, other = (score(*arrays, rings=rings) for rings in ("published", "shared"))
    assert half != other and half == pytest.approx(other, rel=0.2)
