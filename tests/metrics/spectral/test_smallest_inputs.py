"""The least that has a spectrum has one, and a point less has none."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from rows import every

from oceanbench.errors import OceanbenchError
from oceanbench.grid import KM_PER_DEGREE
from oceanbench.metrics.spectral.along_track import along_track_spectra
from oceanbench.metrics.spectral.isotropic import isotropic_spectra
from oceanbench.metrics.spectral.space_time import psd, psd_score

STEP_KM = 10.0


def track(points: int) -> tuple[xr.DataArray, ...]:
    """Estimate, truth and weights of one pass along a meridian."""
    random = np.random.default_rng(0)
    coords = {
        "time": np.datetime64("2012-10-01", "ns") + np.arange(points) * np.timedelta64(1, "s"),
        "latitude": ("time", STEP_KM / KM_PER_DEGREE * np.arange(points)),
        "longitude": ("time", np.zeros(points)),
    }
    truth = xr.DataArray(random.standard_normal(points), coords, ("time",))
    return truth + 0.1, truth, xr.ones_like(truth)


def maps(times: int, rows: int, columns: int) -> tuple[xr.DataArray, ...]:
    """Estimate, truth and weights of a few maps."""
    random = np.random.default_rng(0)
    axes = {
        "time": np.arange(times) * np.timedelta64(1, "D") + np.datetime64("2012-10-01", "ns"),
        "latitude": 30.0 + np.arange(rows),
        "longitude": np.arange(columns, dtype=float),
    }
    truth = xr.DataArray(random.standard_normal((times, rows, columns)), axes, tuple(axes))
    return truth + 0.1, truth, xr.ones_like(truth)


@every(
    "points, segment_steps, segments",
    [
        (3, 3.1, 1),
        (2, 3.1, None),  # fewer points than a segment
        (4, 3.1, 2),
        (9, 2.1, None),  # a segment of two points has no spectrum
        (3, 4.1, None),
        (1, 3.1, None),
    ],
)
def test_a_segment_has_three_points_at_least(
    points: int, segment_steps: float, segments: int | None
) -> None:
    length = segment_steps * STEP_KM
    found = along_track_spectra(*track(points), segment_km=length, sample_km=STEP_KM)
    assert (found.segments if found else None) == segments


def test_samples_as_far_apart_as_a_segment_is_long_have_no_spectrum() -> None:
    for sample_km in (0.0, 40.0, 41.0):
        assert along_track_spectra(*track(9), segment_km=40.0, sample_km=sample_km) is None
    assert along_track_spectra(*track(9), segment_km=40.0, sample_km=10.0) is not None


def test_two_samples_have_no_spectrum_whatever_their_distance() -> None:
    assert along_track_spectra(*track(2), segment_km=40.0) is None
    assert along_track_spectra(*track(3), segment_km=3.1 * STEP_KM) is not None


@every(
    "shape, scored",
    [
        ((3, 1, 3), True),
        ((2, 1, 3), False),
        ((3, 1, 2), False),
        ((1, 4, 9), False),
        ((9, 4, 1), False),
    ],
)
def test_a_spectrum_of_space_and_time_has_three_of_each(
    shape: tuple[int, int, int], scored: bool
) -> None:
    assert (psd_score(*maps(*shape)) is not None) is scored


def test_a_spectrum_is_that_of_the_box_that_is_scored() -> None:
    _, truth, weights = maps(9, 10, 11)
    estimate = truth + 0.5 * truth.roll(time=1)
    inside = {"time": slice(1, -2), "latitude": slice(1, -2), "longitude": slice(1, -2)}
    part = xr.zeros_like(weights)
    part[inside] = 1.0
    cut = [array.isel(inside) for array in (estimate, truth, weights)]
    xr.testing.assert_allclose(psd_score(estimate, truth, part), psd_score(*cut), rtol=1e-12)
    found, want = isotropic_spectra(estimate, truth, part), isotropic_spectra(*cut)
    np.testing.assert_allclose(found, want, rtol=1e-12)


def test_frequencies_are_those_of_the_axis() -> None:
    field = xr.DataArray(np.arange(8) ** 2.0, {"x": 3.0 + 2.0 * np.arange(8)}, ("x",))
    found = psd(field, ("x",))["freq_x"].values
    np.testing.assert_allclose(found, np.arange(5) / 16.0, rtol=1e-12)


@pytest.mark.parametrize(("points", "known"), [(3, True), (2, False), (1, False)])
def test_an_axis_has_three_values_at_least(points: int, known: bool) -> None:
    field = xr.DataArray(np.arange(points) ** 2.0, {"x": np.arange(points) * 2.0}, ("x",))
    if known:
        assert np.isfinite(psd(field, ("x",))).all()
    else:
        with pytest.raises(OceanbenchError, match="at least 3 evenly spaced values along 'x'"):
            psd(field, ("x",))
