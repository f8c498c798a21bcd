"""Scores whose value is known on paper."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from rows import every
from scipy import signal

from oceanbench.errors import OceanbenchError
from oceanbench.grid import KM_PER_DEGREE
from oceanbench.metrics import METRICS, pointwise
from oceanbench.metrics.aligned import Flagged
from oceanbench.metrics.spectral import along_track, contours, isotropic, space_time
from oceanbench.metrics.spectral.crossing import crossing_wavelength
from oceanbench.metrics.spectral.density import psd, taper_of
from oceanbench.metrics.sums import sums

FIRST = np.datetime64("2012-10-22", "ns")
DAY = np.timedelta64(1, "D")


def field(values: np.ndarray) -> xr.DataArray:
    """Daily maps, half a degree apart."""
    nt, ny, nx = values.shape
    coords = {
        "time": FIRST + np.arange(nt) * DAY,
        "latitude": 33 + 0.5 * np.arange(ny),
        "longitude": -65 + 0.5 * np.arange(nx),
    }
    return xr.DataArray(values, dims=tuple(coords), coords=coords)


def red(shape: tuple[int, ...], seed: int = 0) -> xr.DataArray:
    values = np.random.default_rng(seed).standard_normal(shape)
    for axis in range(3):
        values = values + np.roll(values, 1, axis)
    return field(values)


def score(name: str, estimate: xr.DataArray, truth: xr.DataArray, weights=None, **options):
    weights = xr.ones_like(truth) if weights is None else weights
    return METRICS[name].function(estimate, truth, weights, **options)


# --- pointwise ----------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [-2.0, 0.25])
def test_rmse_and_bias_of_an_offset_are_the_offset(offset):
    truth = red((6, 5, 7))
    assert score("rmse", truth + offset, truth) == pytest.approx(abs(offset), rel=1e-12)
    assert score("bias", truth + offset, truth) == pytest.approx(offset, rel=1e-12)


def test_rmse_of_a_sine_in_phase_quadrature_is_its_amplitude():
    """sin - cos = sqrt(2) sin(x - pi/4), whose RMS over whole periods is 1."""
    angle = 2 * np.pi * np.arange(16) / 16
    shape = np.ones((4, 3, 1))
    truth, estimate = field(3 * shape * np.sin(angle)), field(3 * shape * np.cos(angle))
    assert score("rmse", estimate, truth) == pytest.approx(3.0, rel=1e-12)


def test_nmse_of_the_mean_of_the_truth_is_one():
    truth = red((6, 5, 7)) + 0.4
    assert score("nmse", 0 * truth + truth.mean(), truth) == pytest.approx(1.0, rel=1e-12)
    weights = xr.zeros_like(truth) + np.cos(np.deg2rad(truth["latitude"]))
    mean = (weights * truth).sum() / weights.sum()
    assert score("nmse", 0 * truth + mean, truth, weights) == pytest.approx(1.0, rel=1e-12)


def test_explained_variance_is_blind_to_an_offset_and_nmse_is_not():
    truth = red((6, 5, 7))
    estimate = truth + 0.3 * red((6, 5, 7), seed=1)
    plain = score("explained_variance", estimate, truth)
    assert score("explained_variance", estimate + 12.5, truth) == pytest.approx(plain, rel=1e-9)
    assert score("nmse", estimate + 12.5, truth) > 100 * score("nmse", estimate, truth)


def test_error_variance_is_blind_to_an_offset_and_to_the_truth():
    truth, error = red((6, 5, 7)), 0.3 * red((6, 5, 7), seed=1)
    for estimate in (truth + error, truth + error + 12.5):
        found = score("error_variance", estimate, truth)
        assert found == pytest.approx(float(error.var()), rel=1e-9)
    assert np.isnan(score("error_variance", truth, truth, xr.zeros_like(truth)).value)


@every("factor", [0.0, 0.7, 1.3, 2.5, -1.0])
@every("daily", ["", "daily_"])
def test_score_of_a_scaled_truth_is_one_minus_the_relative_error_and_steady(factor, daily):
    truth = red((6, 5, 7)) + 0.4
    mu = score(f"{daily}rmse_score", factor * truth, truth)
    assert mu == pytest.approx(1 - abs(1 - factor), abs=1e-12)
    assert score(f"{daily}rmse_score_std", factor * truth, truth) == pytest.approx(0, abs=1e-12)


def test_pooled_score_and_mean_of_scores_are_two_numbers():
    """One loud day: the pooled ratio sees mostly that day, the mean sees all alike."""
    truth = xr.ones_like(red((2, 3, 4)))
    truth[1] = 9.0
    estimate = truth.copy()
    estimate[0] = 1.5  # score 0.5, the other day is perfect
    assert score("rmse_score_mean", estimate, truth) == pytest.approx(0.75)
    assert score("rmse_score_std", estimate, truth) == pytest.approx(0.25)
    assert score("rmse_score", estimate, truth) == pytest.approx(1 - np.sqrt(0.25 / 82))


def test_days_with_too_few_points_do_not_enter_the_daily_score():
    time = FIRST + np.r_[np.arange(10), 1440 + np.arange(9)] * np.timedelta64(1, "m")
    truth = xr.DataArray(np.ones(19), dims="time", coords={"time": time})
    estimate = truth.copy()
    estimate[:10] = 1.2
    estimate[10:] = 5.0  # nine points
    assert score("daily_rmse_score", estimate, truth) == pytest.approx(0.8)
    both = score("daily_rmse_score", estimate, truth, minimum_points=9)
    assert both == pytest.approx((0.8 - 3.0) / 2)
    none = score("daily_rmse_score", estimate, truth, minimum_points=11)
    assert isinstance(none, Flagged) and none.flag == "no_data"


def test_days_are_utc_days():
    time = np.array(["2017-01-01T23:59:59.9", "2017-01-02T00:00:00"], dtype="M8[ns]")
    truth = xr.DataArray([1.0, 1.0], dims="time", coords={"time": time})
    assert sums(truth, truth, xr.ones_like(truth)).count.tolist() == [1, 1]


def test_weights_by_cosine_of_latitude_make_a_weighted_mean():
    truth = red((3, 4, 5))
    error = xr.zeros_like(truth) + xr.DataArray([0.0, 0.0, 0.0, 2.0], dims="latitude")
    area = np.cos(np.deg2rad(truth["latitude"]))
    want = np.sqrt(float(4 * area[3] / area.sum()))
    found = score("rmse", truth + error, truth, xr.zeros_like(truth) + area)
    assert found == pytest.approx(want, rel=1e-12)


def test_rmse_map_is_the_error_over_the_scored_times():
    truth = red((4, 2, 3))
    weights = xr.ones_like(truth)
    weights[0] = 0.0
    weights[:, 1, 2] = 0.0
    estimate = truth + 0.5
    estimate[0] = np.nan
    result = pointwise.rmse_map(estimate, truth, weights)
    assert np.isnan(result[1, 2])
    np.testing.assert_allclose(result.where(weights[1] > 0, 0.5), 0.5)


# --- psd ----------------------------------------------------------------------------------------


def line(values: np.ndarray, spacing: float) -> xr.DataArray:
    return xr.DataArray(values, dims="x", coords={"x": spacing * np.arange(values.shape[-1])})


@every("window", ["hann", "hann_symmetric", "tukey", "boxcar"])
@every("size", [64, 65])
def test_psd_integrates_to_the_variance_of_the_tapered_field(window, size):
    """Parseval: the integral is the mean square of the tapered anomaly over that of the taper."""
    values = np.random.default_rng(1).standard_normal((5, size, size + 1))
    coords = {"t": 0.5 * np.arange(size), "x": 2.0 * np.arange(size + 1)}
    data = xr.DataArray(values, dims=("row", "t", "x"), coords=coords)
    density = psd(data, ("t", "x"), window=window)
    cell = float(density["freq_t"][1] - density["freq_t"][0]) * float(
        density["freq_x"][1] - density["freq_x"][0]
    )
    tapers = [taper_of(window, n) for n in values.shape[1:]]
    anomaly = values - values.mean(axis=(1, 2), keepdims=True)
    tapered = anomaly * tapers[0][:, None] * tapers[1]
    want = (tapered**2).mean(axis=(1, 2)) / np.prod([(w**2).mean() for w in tapers])
    np.testing.assert_allclose(density.sum(("freq_t", "freq_x")) * cell, want, rtol=1e-12)


@every("window", ["hann", "tukey", "boxcar"])
@every("size", [128, 129])
@every("spacing", [1.0, 0.1, 6.386818])
def test_psd_of_a_line_is_the_periodogram_of_scipy(window, size, spacing):
    values = np.random.default_rng(2).standard_normal(size) + 3.0
    found = psd(line(values, spacing), ("x",), window=window)
    frequency, want = signal.periodogram(values, fs=1 / spacing, window=window, detrend="constant")
    np.testing.assert_allclose(found["freq_x"], frequency, rtol=1e-12)
    np.testing.assert_allclose(found, want, rtol=1e-11, atol=1e-12 * want.max())


def test_mean_psd_of_segments_is_welch_of_scipy():
    values = np.random.default_rng(3).standard_normal(156 * 7)
    cut = xr.DataArray(
        values.reshape(7, 156), dims=("segment", "x"), coords={"x": 6.4 * np.arange(156)}
    )
    found = psd(cut, ("x",), window="hann").mean("segment")
    frequency, want = signal.welch(values, fs=1 / 6.4, nperseg=156, noverlap=0)
    np.testing.assert_allclose(found["freq_x"], frequency, rtol=1e-12)
    np.testing.assert_allclose(found, want, rtol=1e-11, atol=1e-12 * want.max())


@every("spacing, cycles", [(1.0, 0.125), (0.05, 2.5), (6.386818, 0.01), (1.018 * 6.77, 0.02)])
def test_psd_of_a_sine_peaks_at_its_wavenumber_with_its_power(spacing, cycles):
    x = spacing * np.arange(400)
    found = psd(line(3 * np.sin(2 * np.pi * cycles * x), spacing), ("x",), window="hann")
    step = 1 / (400 * spacing)
    assert abs(float(found["freq_x"][np.argmax(found.values)]) - cycles) <= 0.5 * step * (1 + 1e-9)
    assert float(found.sum()) * step == pytest.approx(9 / 2, rel=0.02)


def test_psd_of_descending_coordinates_is_the_same():
    values = np.random.default_rng(4).standard_normal(40)
    window = "hann_symmetric"  # the periodic ones are not symmetric
    up = psd(line(values, 0.5), ("x",), window=window)
    down = psd(line(values, 0.5).isel(x=slice(None, None, -1)), ("x",), window=window)
    np.testing.assert_allclose(up["freq_x"], down["freq_x"])
    np.testing.assert_allclose(up, down, rtol=1e-9, atol=1e-15)


@every(
    "spoil, words",
    [
        (lambda a: a.assign_coords(x=FIRST + np.arange(20) * DAY), "not dates"),
        (lambda a: a.where(a["x"] != 3), "missing values"),
        (lambda a: a.assign_coords(x=np.arange(20.0) ** 1.1), "evenly spaced"),
        (lambda a: a.isel(x=slice(2)), "at least 3"),
    ],
)
def test_psd_refuses_what_xrft_would_get_wrong_silently(spoil, words):
    with pytest.raises(OceanbenchError, match=words):
        psd(spoil(line(np.random.default_rng(5).standard_normal(20), 1.0)), ("x",))


@pytest.mark.parametrize("shape", [(12, 3, 20), (13, 3, 21)])
def test_psd_score_keeps_positive_frequencies_below_nyquist(shape):
    truth = red(shape)
    found = space_time.psd_score(truth, truth, xr.ones_like(truth))
    nt, _, nx = shape
    np.testing.assert_allclose(found["freq_time"], np.arange(1, (nt - 1) // 2 + 1) / nt)
    np.testing.assert_allclose(
        found["freq_longitude"], np.arange(1, (nx - 1) // 2 + 1) / (0.5 * nx)
    )


def test_psd_score_is_the_ratio_of_mean_spectra_not_the_mean_of_ratios():
    truth = red((16, 4, 20)) * xr.DataArray([1.0, 10.0, 0.1, 3.0], dims="latitude")
    estimate = truth + red((16, 4, 20), seed=9)
    found = space_time.psd_score(estimate, truth, xr.ones_like(truth), window="boxcar")

    def power(a):
        a = a.values - a.values.mean(axis=(0, 2), keepdims=True)
        return (np.abs(np.fft.fft2(a, axes=(0, 2))) ** 2).mean(axis=1)[1:8, 1:10]

    np.testing.assert_allclose(found, 1 - power(estimate - truth) / power(truth), rtol=1e-9)


@pytest.mark.parametrize("direction", [1, -1])
def test_published_quadrant_sees_only_what_moves_west(direction):
    """cos(kx + ft) moves west; an error that moves east costs nothing unless both are asked for."""
    truth = red((24, 3, 32), seed=3)
    days = (truth["time"] - truth["time"][0]) / DAY
    phase = 2 * np.pi * (4 * (truth["longitude"] + 65) / 16 + direction * 6 * days / 24)
    estimate = truth + (0 * truth + 5 * np.cos(phase)).transpose(*truth.dims)
    arrays = estimate, truth, xr.ones_like(truth)
    planes = {
        way: space_time.psd_score(*arrays, window="boxcar", propagation=way)
        for way in ("westward", "both")
    }
    bin_of_wave = {"freq_time": 5, "freq_longitude": 3}
    west, both = (float(p.isel(bin_of_wave)) for p in planes.values())
    assert west == pytest.approx(1.0) if direction < 0 else west < 0.5
    assert both < 0.5
    others = planes["both"].values.ravel()
    assert (np.delete(others, 5 * planes["both"].shape[1] + 3) > 1 - 1e-9).all()


def test_rows_with_a_hole_leave_both_spectra():
    truth = red((12, 6, 16))
    estimate = truth + 0.3 * red((12, 6, 16), seed=1)
    weights = xr.ones_like(truth)
    weights[5, 2, 7] = 0.0
    part = {"latitude": [0, 1, 3, 4, 5]}
    found = space_time.psd_score(estimate, truth, weights)
    want = space_time.psd_score(*(a.isel(part) for a in (estimate, truth, weights)))
    np.testing.assert_allclose(found, want, rtol=1e-12)


# --- known spectra: the analytic crossing -------------------------------------------------------


def coloured(
    shape: tuple[int, ...], axes: tuple[int, ...], amplitude: np.ndarray, seed: int
) -> np.ndarray:
    """Periodic Gaussian field whose two-sided power per FFT bin is amplitude² (white: 1)."""
    white = np.random.default_rng(seed).standard_normal(shape)
    return np.fft.ifftn(np.fft.fftn(white, axes=axes) * amplitude, axes=axes).real


@pytest.mark.parametrize("window", ["hann", "boxcar"])
@pytest.mark.parametrize("contour", ["main", "all", "first"])
def test_resolved_scales_of_truth_plus_white_noise_are_the_analytic_ones(window, contour):
    """Truth exp(-(k/k0)² - (f/f0)²), noise n²: S = 1/2 where (k/k0)² + (f/f0)² = ln(1 / 2n²)."""
    nt, ny, nx, k0, f0, noise = 40, 200, 60, 0.5, 0.25, 0.3
    k = np.abs(np.fft.fftfreq(nx, 0.5))
    f = np.abs(np.fft.fftfreq(nt, 1.0))
    power = np.exp(-((k / k0) ** 2)) * np.exp(-((f[:, None, None] / f0) ** 2))
    truth = field(coloured((nt, ny, nx), (0, 2), np.sqrt(power), seed=1))
    error = noise * field(np.random.default_rng(2).standard_normal((nt, ny, nx)))
    total = np.log(1 / (2 * noise**2))
    lowest = {"k": 1 / (0.5 * nx), "f": 1 / nt}
    k_cross = k0 * np.sqrt(total - (lowest["f"] / f0) ** 2)
    f_cross = f0 * np.sqrt(total - (lowest["k"] / k0) ** 2)
    options = {"window": window, "contour": contour}
    wavelength = score("resolved_wavelength", truth + error, truth, **options)
    period = score("resolved_period", truth + error, truth, **options)
    assert abs(1 / wavelength - k_cross) < lowest["k"]
    assert abs(1 / period - f_cross) < lowest["f"]


def test_km_are_degrees_times_the_cosine_of_latitude():
    truth = red((20, 8, 30))
    estimate = truth + 0.3 * field(np.random.default_rng(2).standard_normal((20, 8, 30)))
    degrees = score("resolved_wavelength", estimate, truth)
    km = score("resolved_wavelength", estimate, truth, units="km")
    factor = 111.195 * np.cos(np.deg2rad(truth["latitude"].values)).mean()
    values = [v.value if isinstance(v, Flagged) else v for v in (degrees, km)]
    assert values[1] == pytest.approx(values[0] * factor, rel=1e-4)


def test_isotropic_wavelength_of_truth_plus_white_noise_is_the_analytic_one():
    size, times, noise = 48, 60, 0.1
    latitude = 40 + 0.1 * np.arange(size)
    mean_cosine = np.cos(np.deg2rad(latitude)).mean()
    step_y = 0.1 * KM_PER_DEGREE
    longitude = -60 + 0.1 * np.arange(size) / mean_cosine  # square cells of 11.1 km
    k = np.hypot(*np.meshgrid(*[np.fft.fftfreq(size, step_y)] * 2, indexing="ij"))
    k0 = 1 / 150.0
    power = (1 + (k / k0) ** 2) ** -2
    values = coloured((times, size, size), (1, 2), np.sqrt(power), seed=3)
    coords = {"time": FIRST + np.arange(times) * DAY, "latitude": latitude, "longitude": longitude}
    truth = xr.DataArray(values, dims=tuple(coords), coords=coords)
    error = noise * np.random.default_rng(4).standard_normal(values.shape)
    crossing = k0 * np.sqrt((1 / (2 * noise**2)) ** 0.5 - 1)
    for window in ("tukey", "boxcar", "hann"):
        found = score("isotropic_wavelength", truth + error, truth, window=window)
        assert abs(1 / found - crossing) < 1 / (size * step_y), window


def test_isotropic_rings_are_about_one_wavenumber_wide():
    """As OceanBench 2023 has them (nfactor 2 of the two-sided spectrum)."""
    truth = red((2, 40, 40))
    found = isotropic.isotropic_psd_score(truth, truth, xr.ones_like(truth), window="boxcar")
    assert found.sizes["freq_r"] >= 10


@pytest.mark.parametrize("segments", ["passes", "published"])
@pytest.mark.parametrize("crossing", ["first", "sorted"])
def test_along_track_wavelength_of_truth_plus_white_noise_is_the_analytic_one(segments, crossing):
    passes, samples, step, noise = 150, 160, 6.4, 0.1
    long = 16384
    k = np.abs(np.fft.fftfreq(long, step))
    k0 = 1 / 400.0
    amplitude = (1 + (k / k0) ** 2) ** -0.75  # power falls as k^-3
    values = np.concatenate(
        [coloured((long,), (0,), amplitude, seed)[: 15 * 1000].reshape(15, 1000)[:, :samples]
         for seed in range(10)]
    ).ravel()  # fmt: skip
    number, along = np.divmod(np.arange(passes * samples), samples)
    time = FIRST + number * np.timedelta64(3, "h") + along * np.timedelta64(1_018_000_000, "ns")
    truth = xr.DataArray(
        values,
        dims="time",
        coords={
            "time": time,
            "latitude": ("time", along * step / KM_PER_DEGREE),
            "longitude": ("time", number.astype(float)),
        },
    )
    error = noise * np.random.default_rng(5).standard_normal(values.size)
    wanted = k0 * np.sqrt((1 / (2 * noise**2)) ** (1 / 1.5) - 1)
    found = score(
        "along_track_wavelength", truth + error, truth, segments=segments, crossing=crossing
    )
    assert abs(1 / found - wanted) < 1 / 1000


def test_segments_know_the_spacing_of_a_track_sampled_every_1018_milliseconds():
    """xrft on dates would take 1.018 s as 1 s; the median step of the positions does not."""
    step = 1.018 * 6.77
    along = np.arange(400)
    coords = {
        "time": FIRST + along * np.timedelta64(1_018_000_000, "ns"),
        "latitude": ("time", along * step / KM_PER_DEGREE),
        "longitude": ("time", 0.0 * along),
    }
    truth = xr.DataArray(np.sin(2 * np.pi * along * step / 200.0), dims="time", coords=coords)
    spectra = along_track.along_track_spectra(truth, truth, xr.ones_like(truth))
    assert spectra.wavenumber[1] == pytest.approx(1 / (int(1000 / step) * step), rel=1e-9)
    peak = spectra.wavenumber[spectra.truth.argmax()]
    assert abs(peak - 1 / 200) <= 0.51 * spectra.wavenumber[1]


def test_order_of_the_samples_in_the_file_does_not_move_the_segments():
    along = np.arange(400)
    coords = {
        "time": FIRST + along * np.timedelta64(1, "s"),
        "latitude": ("time", along * 0.06),
        "longitude": ("time", 0.0 * along),
    }
    random = np.random.default_rng(0)
    truth = xr.DataArray(random.standard_normal(400).cumsum(), dims="time", coords=coords)
    estimate = truth + random.standard_normal(400)
    arrays = [estimate, truth, xr.ones_like(truth)]
    order = np.r_[200:400, 0:200]
    shuffled = [a.isel(time=order) for a in arrays]
    spectra = [along_track.along_track_spectra(*a) for a in (arrays, shuffled)]
    assert spectra[0].segments == spectra[1].segments
    np.testing.assert_allclose(spectra[0].error, spectra[1].error)


@every(
    "segments, sizes, want",
    [
        ("passes", [100], 1),
        ("passes", [99], 0),
        ("passes", [100, 125, 99], 1 + 2),
        ("published", [100, 125, 99], 0 + 1),  # exact length: none; last: none; +1: the jump
        ("published", [150], 0),
    ],
)
def test_segments_are_cut_from_tracks_by_the_rule_that_is_named(segments, sizes, want):
    start = np.cumsum([0, *sizes[:-1]])
    index = np.arange(sum(sizes))
    number = np.searchsorted(start, index, side="right") - 1
    time = FIRST + index * np.timedelta64(1, "s") + number * np.timedelta64(60, "s")
    random = np.random.default_rng(0)
    truth = xr.DataArray(random.standard_normal(index.size), dims="time", coords={"time": time})
    found = along_track.along_track_spectra(
        truth, truth, xr.ones_like(truth), segment_km=100, sample_km=1.0, segments=segments
    )
    assert (found.segments if found else 0) == want


# --- contours on constructed planes ---------------------------------------------------------------


def plane(resolved: np.ndarray, high: float = 0.9, low: float = 0.1) -> xr.DataArray:
    """PSD score (frequency, wavenumber), largest scales first; spacing 1 day and 0.5 degrees."""
    nt, nx = resolved.shape
    score_plane = xr.DataArray(
        np.where(resolved, high, low),
        dims=("freq_time", "freq_longitude"),
        coords={
            "freq_time": np.arange(1, nt + 1) / (2 * nt + 2),
            "freq_longitude": np.arange(1, nx + 1) / (0.5 * (2 * nx + 2)),
        },
    )
    score_plane["freq_time"].attrs["spacing"] = 1.0
    score_plane["freq_longitude"].attrs["spacing"] = 0.5
    return score_plane


def block(nt: int, nx: int, *boxes: tuple[int, int, int, int]) -> np.ndarray:
    resolved = np.zeros((nt, nx), dtype=bool)
    for t0, t1, x0, x1 in boxes:
        resolved[t0:t1, x0:x1] = True
    return resolved


def scales(resolved: np.ndarray, contour: str, level: float = 0.5, **values: float):
    return contours.smallest_scales(plane(resolved, **values), contour, level)


def between(value: float, axis: np.ndarray, last: int) -> bool:
    """Half way between bin ``last`` and the next smaller one (scores 0.9 and 0.1)."""
    return value == pytest.approx((1 / axis[last] + 1 / axis[last + 1]) / 2)


MAIN = (0, 4, 0, 5)


@pytest.mark.parametrize("contour", ["main", "all", "first"])
def test_contour_lies_half_way_between_the_bins_it_parts(contour):
    resolved = block(10, 12, MAIN)
    wavelength, period = scales(resolved, contour)
    axes = plane(resolved)
    assert between(wavelength, axes["freq_longitude"].values, 4)
    assert between(period, axes["freq_time"].values, 3)


def test_island_of_chance_agreement_counts_for_all_and_not_for_main():
    resolved = block(10, 12, MAIN, (6, 8, 8, 10))
    axes = plane(resolved)
    wavelength, period = scales(resolved, "main")
    assert between(wavelength, axes["freq_longitude"].values, 4)
    assert between(period, axes["freq_time"].values, 3)
    wavelength, period = scales(resolved, "all")
    assert between(wavelength, axes["freq_longitude"].values, 9)
    assert between(period, axes["freq_time"].values, 7)


def test_regions_that_touch_by_a_corner_are_not_joined():
    resolved = block(10, 12, MAIN, (4, 6, 5, 9))
    wavelength, _ = scales(resolved, "main")
    assert between(wavelength, plane(resolved)["freq_longitude"].values, 4)


def test_hole_inside_the_resolved_region_moves_nothing():
    resolved = block(10, 12, MAIN)
    resolved[1, 2] = False
    assert scales(resolved, "main") == scales(block(10, 12, MAIN), "main")


def test_notch_that_cuts_the_region_ends_the_resolved_scales():
    resolved = block(10, 12, (0, 4, 0, 9))
    resolved[:, 4] = False  # a band of wavenumbers is lost at all periods
    axes = plane(resolved)
    assert between(scales(resolved, "main")[0], axes["freq_longitude"].values, 3)
    assert between(scales(resolved, "all")[0], axes["freq_longitude"].values, 8)


@pytest.mark.parametrize("contour", ["main", "all", "first"])
def test_no_resolved_scale_is_flagged_unresolved(contour):
    for found in scales(block(6, 7), contour):
        assert isinstance(found, Flagged) and found.flag == "unresolved" and np.isnan(found.value)


@pytest.mark.parametrize("contour", ["main", "all", "first"])
def test_everything_resolved_is_flagged_with_twice_the_spacing_as_bound(contour):
    wavelength, period = scales(block(6, 7, (0, 6, 0, 7)), contour)
    assert wavelength == Flagged(1.0, "resolved_below_grid")
    assert period == Flagged(2.0, "resolved_below_grid")


def test_main_region_that_reaches_the_smallest_wavelength_is_flagged_in_that_direction_only():
    resolved = block(6, 7, (0, 3, 0, 7))
    wavelength, period = scales(resolved, "main")
    assert wavelength == Flagged(1.0, "resolved_below_grid")
    assert between(period, plane(resolved)["freq_time"].values, 2)


def test_only_an_island_is_unresolved_for_main():
    resolved = block(10, 12, (5, 8, 6, 9))
    assert [s.flag for s in scales(resolved, "main")] == ["unresolved"] * 2
    assert not isinstance(scales(resolved, "all")[0], Flagged)


@every("contour", ["main", "all", "first"])
@every("where", ["beyond", "around", "scattered"])
def test_bins_without_power_in_the_truth_do_not_break_the_contour(contour, where):
    """The score is NaN where the truth has no power at all."""
    resolved = block(10, 12, MAIN)
    score_plane = plane(resolved)
    if where == "beyond":
        score_plane[6:] = np.nan
    elif where == "around":  # no edge of the region has a known neighbour
        score_plane = score_plane.where(resolved)
    else:
        score_plane[2, 3] = score_plane[7, 7] = np.nan
    for found in contours.smallest_scales(score_plane, contour, 0.5):
        value = found.value if isinstance(found, Flagged) else found
        flagged = isinstance(found, Flagged) and found.flag in ("unresolved", "no_data")
        assert np.isfinite(value) or flagged
        assert where == "around" or not flagged


@pytest.mark.parametrize("contour", ["main", "all", "first"])
def test_score_exactly_at_the_level_is_resolved(contour):
    """Estimate half the truth: S = 3/4 in every bin."""
    found = scales(block(6, 7, (0, 6, 0, 7)), contour, level=0.75, high=0.75)
    assert [f.flag for f in found] == ["resolved_below_grid"] * 2
    found = scales(block(6, 7, (0, 3, 0, 4)), contour, level=0.75, high=0.75)
    axes = plane(block(6, 7))
    assert found[0] == pytest.approx(1 / axes["freq_longitude"].values[3])
    assert found[1] == pytest.approx(1 / axes["freq_time"].values[2])


# --- crossings --------------------------------------------------------------------------------

K = np.array([0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008])
NOTCH = np.array([0.95, 0.78, -0.05, 0.2, 0.3, 0.62, 0.3, 0.1])  # as golden ose_notch


def log_interpolated(i: int, s: np.ndarray, level: float = 0.5) -> float:
    part = (s[i] - level) / (s[i] - s[i + 1])
    return 1 / np.exp(np.log(K[i]) + part * np.log(K[i + 1] / K[i]))


def test_first_crossing_is_where_the_notch_begins():
    found = crossing_wavelength(K, NOTCH, rule="first")
    assert found == pytest.approx(log_interpolated(1, NOTCH), rel=1e-12)


def test_last_crossing_is_that_of_the_highest_wavenumber():
    found = crossing_wavelength(K, NOTCH, rule="last")
    assert found == pytest.approx(log_interpolated(5, NOTCH), rel=1e-12)


def test_sorted_crossing_joins_scales_that_are_no_neighbours():
    """As published: of the sorted scores 0.3 (142.9 km) and 0.62 (166.7 km) enclose 0.5."""
    score_with_notch = NOTCH.copy()
    score_with_notch[6] = 0.31
    found = crossing_wavelength(K, score_with_notch, rule="sorted")
    low, high = 1 / K[6], 1 / K[5]
    assert found == pytest.approx(low + (high - low) * (0.5 - 0.31) / (0.62 - 0.31), rel=1e-12)


@pytest.mark.parametrize("rule", ["first", "last", "sorted"])
def test_monotonic_score_has_one_crossing_for_all_rules(rule):
    falling = np.linspace(0.95, 0.05, K.size)
    found = crossing_wavelength(K, falling, rule=rule)
    assert 1 / K[4] < found < 1 / K[3]


@pytest.mark.parametrize("rule", ["first", "last", "sorted"])
def test_score_without_a_crossing_is_flagged(rule):
    high = crossing_wavelength(K, 0 * K + 0.9, rule=rule)
    assert high == Flagged(pytest.approx(125.0), "resolved_below_grid")
    assert crossing_wavelength(K, 0 * K + 0.1, rule=rule).flag == "unresolved"
    assert crossing_wavelength(K, np.nan * K, rule=rule).flag == "no_data"
    assert crossing_wavelength(K[:0], K[:0], rule=rule).flag == "no_data"


def test_score_that_rises_only_at_small_scales_is_unresolved_for_first():
    assert crossing_wavelength(K, np.linspace(0.1, 0.9, 8), rule="first").flag == "unresolved"


@every("rule", ["first", "last", "sorted"])
@every("value", [0.9, 0.5, 0.1])
def test_zero_wavenumber_is_no_wavelength(rule, value):
    found = crossing_wavelength(np.array([0.0]), np.array([value]), rule=rule)
    assert isinstance(found, Flagged) and not np.isinf(found.value)
    both = crossing_wavelength(np.r_[0.0, K], np.r_[value, np.linspace(0.95, 0.05, 8)], rule=rule)
    assert np.isfinite(both) if not isinstance(both, Flagged) else both.flag == "unresolved"
