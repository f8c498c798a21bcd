"""Spectra are means over passes and latitudes, which can be resampled."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr

from oceanbench.metrics import METRICS
from oceanbench.metrics.aligned import Flagged
from oceanbench.metrics.spectral.along_track import along_track_parts, along_track_spectra
from oceanbench.metrics.spectral.space_time import psd_parts, psd_score
from oceanbench.scoring.statistics import of_parts

PASSES, SAMPLES, STEP_KM = 30, 400, 6.5


def passes(random: np.random.Generator) -> tuple[xr.DataArray, xr.DataArray]:
    """Red truth and its estimate on passes of one a day; scales of 200 km and more are resolved."""
    k = np.fft.rfftfreq(SAMPLES, STEP_KM)
    shape = (PASSES, k.size)

    def drawn(power: np.ndarray) -> np.ndarray:
        noise = random.standard_normal(shape) + 1j * random.standard_normal(shape)
        return np.fft.irfft(noise * np.sqrt(power), SAMPLES).ravel()

    red = 1.0 / (1.0 + (k * 500.0) ** 2)
    truth = drawn(red)
    error = drawn(red * 0.5 * (k * 200.0) ** 2)
    day = np.repeat(np.arange(PASSES), SAMPLES) * np.timedelta64(86400, "s")
    second = np.tile(np.arange(SAMPLES), PASSES) * np.timedelta64(1, "s")
    time = np.datetime64("2017-01-01", "ns") + day + second
    latitude = np.tile(30 + np.arange(SAMPLES) * STEP_KM / 111.2, PASSES)
    coords = {
        "time": time,
        "latitude": ("time", latitude),
        "longitude": ("time", np.full(time.size, 300.0)),
    }
    known = xr.DataArray(truth, coords, ("time",))
    return known + error, known


def test_parts_along_track_are_passes_and_make_the_mean_over_segments():
    estimate, truth = passes(np.random.default_rng(0))
    arrays = (estimate, truth, xr.ones_like(truth))
    parts, whole = along_track_parts(*arrays), along_track_spectra(*arrays)
    assert parts.case.size == PASSES
    found = parts.whole(np.ones(PASSES))
    np.testing.assert_allclose(found.error, whole.error, rtol=1e-12)
    assert found.segments == whole.segments
    only = parts.whole(np.eye(PASSES)[3])
    of_pass = slice(3 * SAMPLES, 4 * SAMPLES)
    alone = along_track_spectra(*(a[of_pass] for a in arrays), sample_km=None)
    np.testing.assert_allclose(only.truth, alone.truth, rtol=1e-12)


@pytest.mark.slow
def test_interval_along_track_holds_the_wavelength_of_the_spectra():
    """The error has half of the truth's power at 200 km."""
    metric, random, hits = METRICS["along_track_wavelength"], np.random.default_rng(1), 0

    def number(spectra) -> float:
        found = metric.score(spectra, {})
        return found.value if isinstance(found, Flagged) else found

    trials = 30
    for _ in range(trials):
        estimate, truth = passes(random)
        parts = along_track_parts(estimate, truth, xr.ones_like(truth))
        found = of_parts(parts, number, metric.limits).interval()
        hits += found.low <= 200.0 <= found.high
        assert 1.0 < found.high / found.low < 2.5
    assert hits >= 0.8 * trials


def test_parts_of_maps_are_latitudes_and_make_their_score():
    random = np.random.default_rng(2)
    coords = {
        "time": np.datetime64("2017-01-01", "ns") + np.arange(20) * np.timedelta64(1, "D"),
        "latitude": 30 + 0.1 * np.arange(70),
        "longitude": 0.1 * np.arange(24),
    }
    truth = xr.DataArray(random.standard_normal((20, 70, 24)), coords, tuple(coords))
    estimate = truth + 0.3 * random.standard_normal(truth.shape)
    arrays = (estimate, truth, xr.ones_like(truth))
    parts = psd_parts(*arrays)
    assert parts.case.size == 64 and math.isclose(parts.case[0], 30.0)
    score = psd_score(*arrays)
    xr.testing.assert_allclose(parts.whole(np.ones(64)), score, rtol=1e-12)
    first = psd_score(*(a.isel(latitude=[0, 1]) for a in arrays))
    xr.testing.assert_allclose(parts.whole(np.eye(64)[0]), first, rtol=1e-9)
