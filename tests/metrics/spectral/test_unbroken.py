"""Resolved scales beside coasts, islands and ice are those of the open sea."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import xarray as xr

from oceanbench.metrics import METRICS
from oceanbench.metrics.aligned import Flagged
from oceanbench.metrics.spectral.isotropic import isotropic_spectra, isotropic_wavelength
from oceanbench.metrics.spectral.space_time import psd_parts, psd_score, resolved_wavelength
from oceanbench.metrics.spectral.unbroken import largest_box, longest_run, pieces_of_rows

SHAPE = (32, 48, 96)
STEP = 0.25


@cache
def sea() -> tuple[xr.DataArray, xr.DataArray]:
    """Truth of power exp(-(k/0.6)² - (f/0.25)²) along rows, and with white noise of power 0.09."""
    random = np.random.default_rng(1)
    k, f = np.fft.fftfreq(SHAPE[2], STEP), np.fft.fftfreq(SHAPE[0])
    power = np.exp(-((k / 0.6) ** 2)) * np.exp(-((f[:, None, None] / 0.25) ** 2))
    waves = np.fft.fftn(random.standard_normal(SHAPE), axes=(0, 2)) * np.sqrt(power)
    coords = {
        "time": np.datetime64("2017-01-01", "ns") + np.arange(SHAPE[0]) * np.timedelta64(1, "D"),
        "latitude": 30.0 + STEP * np.arange(SHAPE[1]),
        "longitude": 350.0 + STEP * np.arange(SHAPE[2]),
    }
    truth = xr.DataArray(np.fft.ifftn(waves, axes=(0, 2)).real, coords, tuple(coords))
    return truth + 0.3 * random.standard_normal(SHAPE), truth


def exact() -> float:
    """λx where signal and noise are equal twice over, at the longest period."""
    total = np.log(1.0 / (2.0 * 0.3**2))
    return float(1.0 / (0.6 * np.sqrt(total - (1.0 / SHAPE[0] / 0.25) ** 2)))


def coast(*, island: bool, ice: bool = False) -> xr.DataArray:
    """Weights of a sea whose every row ends at a coast, here and there at an island or in ice."""
    weights = xr.ones_like(sea()[1])
    for row in range(SHAPE[1]):
        weights[:, row, 72 + row % 24 :] = 0.0
    if island:
        weights[:, 20:30, 30:38] = 0.0
    if ice:
        for day in range(SHAPE[0]):
            weights[day, SHAPE[1] - day // 4 :, :40] = 0.0
    return weights


@pytest.mark.parametrize(("island", "ice"), [(True, False), (False, True)])
def test_a_resolved_scale_is_that_of_the_open_sea(island: bool, ice: bool) -> None:
    estimate, truth = sea()
    weights = coast(island=island, ice=ice)
    assert not (weights > 0).all(["time", "longitude"]).any()  # no row is whole
    found = {}
    for name, w in {"open": xr.ones_like(truth), "coast": weights}.items():
        for metric in ("resolved_wavelength", "resolved_period"):
            found[name, metric] = METRICS[metric].function(estimate, truth, w, window="hann")
            assert not isinstance(found[name, metric], Flagged)
    for metric, step in (("resolved_wavelength", 1.0 / 18.0), ("resolved_period", 1.0 / 32.0)):
        reached = [1.0 / found[name, metric] for name in ("open", "coast")]
        assert abs(reached[1] - reached[0]) < step  # of the spectra
        if metric == "resolved_wavelength":
            assert max(abs(k - 1.0 / exact()) for k in reached) < 1.5 * step


def test_values_on_land_do_not_matter() -> None:
    estimate, truth = sea()
    weights = coast(island=True)
    expected = psd_score(estimate, truth, weights)
    found = psd_score(estimate.where(weights > 0), truth.where(weights > 0, 7.0), weights)
    np.testing.assert_array_equal(found, expected)
    spectra = isotropic_spectra(estimate.where(weights > 0), truth.where(weights > 0), weights)
    np.testing.assert_array_equal(spectra, isotropic_spectra(estimate, truth, weights))


def test_an_isotropic_scale_is_that_of_the_largest_box() -> None:
    estimate, truth = sea()
    weights = coast(island=True)
    box = {"latitude": slice(0, 48), "longitude": slice(38, 72)}
    assert largest_box((weights > 0).all("time").values) == tuple(box.values())
    found = isotropic_spectra(estimate, truth, weights)
    part = [a.isel(box) for a in (estimate, truth, xr.ones_like(truth))]
    np.testing.assert_array_equal(found, isotropic_spectra(*part))
    assert 0.0 < isotropic_wavelength(found) < 1000.0


def test_a_mask_without_a_stretch_of_eight_cells_has_none() -> None:
    estimate, truth = sea()
    weights = xr.ones_like(truth)
    weights[:, :, ::8] = 0.0
    assert psd_score(estimate, truth, weights) is None
    assert resolved_wavelength(None).flag == "no_data"
    weights[:, 5] = 1.0
    whole = [a.isel(latitude=[5]) for a in (estimate, truth, weights)]
    found, want = psd_score(estimate, truth, weights), psd_score(*whole)
    np.testing.assert_allclose(found, want, atol=1e-9)


def test_parts_are_rows_however_many_pieces_they_have() -> None:
    estimate, truth = sea()
    weights = xr.ones_like(truth)
    weights[:, :, 47] = 0.0
    parts = psd_parts(estimate, truth, weights)
    assert parts is not None and parts.case.size == SHAPE[1]
    np.testing.assert_allclose(
        parts.whole(np.ones(SHAPE[1])), psd_score(estimate, truth, weights), rtol=1e-12
    )


def test_maps_without_a_value_end_the_run() -> None:
    estimate, truth = sea()
    weights = xr.ones_like(truth)
    weights[15] = 0.0
    later = [a.isel(time=slice(16, None)) for a in (estimate, truth, weights)]
    found, want = psd_score(estimate, truth, weights), psd_score(*later)
    np.testing.assert_allclose(found, want, atol=1e-9)


def test_pieces_are_as_long_as_half_of_the_cells_allow() -> None:
    known = np.zeros((3, 40), dtype=bool)
    known[0], known[1, :20], known[2, 5:35] = True, True, True
    found = pieces_of_rows(known)
    assert (found.row.tolist(), found.begin.tolist(), found.cells) == ([0, 2], [0, 5], 30)
    known[0] = False
    known[0, 20:] = True
    found = pieces_of_rows(known)
    assert (found.row.tolist(), found.begin.tolist()) == ([0, 1, 2, 2], [20, 0, 5, 15])
    whole = pieces_of_rows(np.ones((4, 5), dtype=bool))
    assert (whole.row.tolist(), whole.cells) == ([0, 1, 2, 3], 5)
    assert not pieces_of_rows(np.zeros((4, 5), dtype=bool)).row.size
    assert longest_run(np.zeros(3, dtype=bool)) == slice(0, 0)


def test_the_largest_box_is_that_of_a_search_of_all() -> None:
    random = np.random.default_rng(3)
    for _ in range(20):
        known = random.uniform(size=(6, 7)) < 0.8
        area = max(
            (b - a) * (d - c)
            for a in range(6)
            for b in range(a + 1, 7)
            for c in range(7)
            for d in range(c + 1, 8)
            if known[a:b, c:d].all()
        )
        rows, columns = largest_box(known)
        assert known[rows, columns].all() and known[rows, columns].size == area
