"""Energy along lines of latitude, of fields whose spectrum is known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.grid import KM_PER_DEGREE
from oceanbench.metrics import METRICS, Flagged
from oceanbench.metrics.cases import total
from oceanbench.metrics.spectral.zonal import KINDS, zonal_spectra

EQUATOR = np.array([-0.25, 0.0, 0.25])  # where a degree is a degree
STEP = 10.0 / KM_PER_DEGREE  # cells of 10 km


def maps(field: np.ndarray, latitude: np.ndarray = EQUATOR, step: float = STEP) -> xr.DataArray:
    """Array (time, latitude, longitude)."""
    shape = (-1, latitude.size, field.shape[-1])
    field = np.broadcast_to(field, (field.shape[0] if field.ndim == 3 else 1, *shape[1:]))
    coords = {"latitude": latitude, "longitude": step * np.arange(field.shape[-1])}
    return xr.DataArray(np.array(field), coords, ("time", "latitude", "longitude"))


def wave(kilometres: float, cells: int = 300, phase: float = 0.0) -> np.ndarray:
    return np.sin(2 * np.pi * 10.0 * np.arange(cells) / kilometres + phase)


def ratio(estimate: xr.DataArray, truth: xr.DataArray, **options) -> float | Flagged:
    return METRICS["zonal_energy_ratio"].function(estimate, truth, xr.ones_like(truth), **options)


def test_a_wave_has_its_variance_in_its_harmonic():
    truth = maps(3.0 * wave(100.0))
    table = zonal_spectra(truth, truth, xr.ones_like(truth), window="boxcar")
    assert 1 / table[0, 4] == pytest.approx(100.0)
    energy = table[1] / table[5]
    assert energy[4] == pytest.approx(9.0 / 2, rel=1e-6)
    assert np.delete(energy, 4).sum() < 1e-6


@pytest.mark.parametrize("window", ["boxcar", "hann", "tukey"])
def test_parseval(window):
    noise = np.random.default_rng(0).standard_normal((20, 3, 300))
    truth = maps(noise)
    table = zonal_spectra(truth, truth, xr.ones_like(truth), window=window)
    white = (table[1] / table[5]).mean() * 25  # 50 cells have 24 harmonics below that of the grid
    assert white == pytest.approx(1.0, rel=0.02)


def test_bands_of_two_waves_keep_what_each_of_them_keeps():
    truth = maps(wave(250.0) + 0.5 * wave(50.0, phase=1.0))
    estimate = maps(0.9 * wave(250.0) + 0.1 * wave(50.0, phase=2.0))
    large = ratio(estimate, truth, shortest_km=120, longest_km=500)
    assert large == pytest.approx(0.81, rel=1e-3)
    assert ratio(estimate, truth, longest_km=60, shortest_km=40) == pytest.approx(0.04, rel=1e-3)
    assert ratio(estimate, truth, longest_km=21.5, shortest_km=21.0).flag == "no_data"


def test_a_wave_of_one_length_is_one_harmonic_at_all_latitudes():
    latitude = np.array([20.0, 40.0, 60.0])
    longitude = 0.1 * np.arange(400)
    kilometres = longitude * KM_PER_DEGREE * np.cos(np.deg2rad(latitude))[:, None]
    truth = maps(np.sin(2 * np.pi * kilometres / 100.0)[None], latitude, 0.1)
    table = zonal_spectra(truth, truth, xr.ones_like(truth))
    assert table.shape[1] == (round(500 / (kilometres[0, 1])) - 1) // 2  # what the widest resolves
    energy = table[1] / table[5]
    assert energy.argmax() == 4 and energy[3:6].sum() == pytest.approx(0.5, rel=0.01)


def test_land_parts_rows_and_does_no_harm():
    truth = maps(wave(100.0))
    weights = xr.ones_like(truth)
    weights[:, 0, 90:95] = 0.0
    weights[:, 1, 30::40] = 0.0  # no whole segment is left
    table = zonal_spectra(truth.where(weights > 0), truth.where(weights > 0), weights)
    whole = zonal_spectra(truth, truth, xr.ones_like(truth))
    np.testing.assert_allclose(table[1] / table[5], whole[1] / whole[5], rtol=1e-6, atol=1e-12)
    # 0..89 has segments at 0 and 25; 95..299 at 95, 120 … 245; a whole row at 0, 25 … 250
    assert table[5, 0] == 2 + 7 + 11 and whole[5, 0] == 33


def test_a_row_of_one_segment_of_eight_cells_is_the_least_that_has_energy():
    """A segment is rounded to whole cells, of which a row may have no more."""
    for cells, kilometres, segments in (
        (8, 63.0, 1),
        (50, 10.05, 1),
        (7, 72.0, None),
        (50, 9.9, None),
    ):
        truth = maps(np.random.default_rng(0).standard_normal((1, 3, cells)))
        step = kilometres / KM_PER_DEGREE
        truth = truth.assign_coords(longitude=step * np.arange(cells), latitude=[-1e-3, 0.0, 1e-3])
        table = zonal_spectra(truth, truth, xr.ones_like(truth))
        assert table.shape[0] == len(KINDS) + 2
        assert (
            table[5].tolist() == [3.0 * segments] * ((cells - 1) // 2)
            if segments
            else not table.size
        )


def test_bounds_of_a_band_belong_to_it():
    truth, estimate = maps(wave(100.0)), maps(0.9 * wave(100.0))
    assert ratio(estimate, truth, shortest_km=100, longest_km=100) == pytest.approx(0.81)


def test_the_level_is_a_half_wherever_none_is_given():
    random = np.random.default_rng(4)
    truth = maps(random.standard_normal((9, 3, 300)).cumsum(axis=2))
    arrays = truth + maps(2 * random.standard_normal((9, 3, 300))), truth, xr.ones_like(truth)
    found = METRICS["zonal_wavelength"].function
    assert found(*arrays) == found(*arrays, level=0.5) != found(*arrays, level=0.25)


def test_effective_resolution_is_where_error_or_energy_cross():
    """White noise on a red spectrum: the error is half of the truth at a known wavelength."""
    random = np.random.default_rng(1)
    k = np.fft.rfftfreq(600, 10.0)
    amplitude = np.where(k > 0, np.maximum(k, 1e-3) ** -1.0, 0.0)
    spectrum = amplitude * (random.standard_normal((40, 3, k.size)) * (1 + 0j))
    spectrum = spectrum + 1j * amplitude * random.standard_normal((40, 3, k.size))
    truth = maps(np.fft.irfft(spectrum, 600))
    crossing = 1 / 80.0
    noise = np.fft.rfft(random.standard_normal((40, 3, 600)))
    level = np.sqrt(0.5) * amplitude[np.searchsorted(k, crossing)] * np.sqrt(2)
    error = np.fft.irfft(noise * level / np.sqrt(600), 600)
    found = METRICS["zonal_wavelength"].function(truth + error, truth, xr.ones_like(truth))
    assert found == pytest.approx(80.0, rel=0.1)
    damped = maps(np.fft.irfft(spectrum * np.where(k > crossing, 0.3, 1.0), 600))
    found = METRICS["zonal_wavelength"].function(
        damped, truth, xr.ones_like(truth), by="energy", window="hann"
    )
    assert 65.0 < found < 90.0


def test_members_keep_the_energy_that_their_mean_loses():
    random = np.random.default_rng(2)
    truth = maps(random.standard_normal((30, 3, 300)))
    members = xr.concat([maps(random.standard_normal((30, 3, 300))) for _ in range(8)], "member")
    assert ratio(members, truth) == pytest.approx(1.0, abs=0.03)
    assert ratio(members, truth, of="mean") == pytest.approx(1 / 8, abs=0.02)
    table = zonal_spectra(members, truth, xr.ones_like(truth))
    rows = dict(zip(KINDS, table[1:5].sum(axis=1) / table[5, 0], strict=True))
    assert rows["error"] == pytest.approx(rows["truth"] + rows["mean"], rel=0.03)  # independent


def test_uneven_longitudes_are_refused():
    truth = maps(wave(100.0))
    uneven = truth.assign_coords(longitude=truth["longitude"] ** 1.1)
    with pytest.raises(OceanbenchError, match="evenly spaced"):
        zonal_spectra(uneven, uneven, xr.ones_like(uneven))


def test_tables_are_added_where_their_columns_are_the_same():
    one, other = np.array([[1.0, 2, 3], [4, 5, 6]]), np.array([[1.0, 2], [10, 20]])
    np.testing.assert_array_equal(total([one, other]), [[1, 2], [14, 25]])
    assert total([]) is None and total([np.zeros((2, 0))]) is None
    with pytest.raises(OceanbenchError, match="choose a mask"):
        total([one, other * 2])
