"""Explained variance along tracks, of a band of wavelengths."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from oceanbench.metrics import METRICS, Flagged

SAMPLE = 10.0  # km


def along(values: np.ndarray) -> xr.DataArray:
    """Samples a second apart, ten kilometres from each other on the equator."""
    time = np.datetime64("2020-01-01", "ns") + np.arange(values.size) * np.timedelta64(1, "s")
    places = np.arange(values.size) * SAMPLE / 111.194927
    axes = {"longitude": ("time", places), "latitude": ("time", np.zeros(values.size))}
    return xr.DataArray(values, dims="time", coords={"time": time, **axes})


def test_bands_are_told_apart() -> None:
    """Waves of 500 and 100 km: the first is mapped at nine tenths, the second not at all."""
    distance = np.arange(1000) * SAMPLE
    long, short = (np.sin(2 * np.pi * distance / scale) for scale in (500.0, 100.0))
    truth, estimate = along(long + 0.3 * short), along(0.9 * long)
    score = METRICS["along_track_explained_variance"].function
    weights = xr.ones_like(truth)
    given = {"segment_km": 2000.0}
    found = score(estimate, truth, weights, **given, shortest_km=300.0, longest_km=900.0)
    assert found == pytest.approx(1 - 0.1**2, abs=1e-6)
    found = score(estimate, truth, weights, **given, shortest_km=65.0, longest_km=200.0)
    assert found == pytest.approx(0.0, abs=1e-3)
    both = score(estimate, truth, weights, **given, longest_km=2000.0)
    assert both == pytest.approx(1 - (0.1**2 + 0.3**2) / (1 + 0.3**2), abs=1e-3)
    assert score(truth, truth, weights, **given) == 1.0


def test_without_a_segment_or_a_wavenumber_in_the_band_there_is_no_score() -> None:
    truth = along(np.random.default_rng(0).standard_normal(150))
    weights = xr.ones_like(truth)
    score = METRICS["along_track_explained_variance"].function
    for options in (
        {"segment_km": 5000.0},
        {"segment_km": 1000.0, "shortest_km": 1500.0, "longest_km": 3000.0},
    ):
        found = score(truth, truth, weights, **options)
        assert isinstance(found, Flagged) and found.flag == "no_data"
