"""Scores of whole maps: the energy score, and the spectra of members."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from oceanbench.grid import KM_PER_DEGREE
from oceanbench.metrics import METRICS, Flagged
from oceanbench.metrics.spectral.small_scales import member_spectra
from oceanbench.metrics.sums import PASS

FIRST = np.datetime64("2012-10-22", "ns")
DAYS, ROWS, COLUMNS = 12, 32, 32


def maps(values: np.ndarray) -> xr.DataArray:
    """Field on nodes of about 20 km, the last three axes being time, latitude and longitude."""
    *_, days, rows, columns = values.shape
    coords = {
        "time": FIRST + np.arange(days) * np.timedelta64(1, "D"),
        "latitude": 0.18 * (np.arange(rows) - rows / 2),
        "longitude": 0.18 * np.arange(columns),
    }
    return xr.DataArray(values, dims=("member", *coords)[-values.ndim :], coords=coords)


def score(name: str, estimate: xr.DataArray, truth: xr.DataArray, weights=None, **options):
    weights = xr.ones_like(truth) if weights is None else weights
    return METRICS[name].function(estimate, truth, weights, **options)


def white(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def red(*shape: int, seed: int = 0) -> np.ndarray:
    """Periodic field with a spectrum that falls as k^-4 beyond a wavelength of 16 nodes."""
    wave = np.hypot(*np.meshgrid(np.fft.fftfreq(shape[-2]), np.fft.fftfreq(shape[-1])))
    amplitude = 1.0 / (1.0 + (16 * wave) ** 2)
    return np.fft.ifft2(np.fft.fft2(white(*shape, seed=seed)) * amplitude).real


# --- the energy score -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["", "fair_"])
def test_energy_score_of_one_point_is_the_crps(kind):
    ensemble, truth = maps(white(9, 50, 1, 1)), maps(white(50, 1, 1, seed=1))
    want = score(f"{kind}crps", ensemble, truth)
    assert score(f"{kind}energy_score", ensemble, truth) == pytest.approx(want)


def test_energy_score_of_one_point_drawn_of_a_gaussian_is_its_closed_form():
    """sigma / sqrt(pi) for the fair one of any number of members; 1 + 1/M of it for the other."""
    for members in (8, 16):
        ensemble, truth = maps(3 * white(members, 9000, 1, 1)), maps(3 * white(9000, 1, 1, seed=1))
        found = score("fair_energy_score", ensemble, truth)
        assert found == pytest.approx(3 / np.sqrt(np.pi), rel=0.03)
        plain = score("energy_score", ensemble, truth)
        assert plain / found == pytest.approx(1 + 1 / members, rel=0.01)


def test_energy_score_of_many_independent_points_is_the_error_of_one_member_less_half():
    """The norm of n Gaussians hardly varies: sqrt(2) sigma - sqrt(2) sigma / 2 for large n."""
    ensemble, truth = maps(white(8, 4, 60, 60)), maps(white(4, 60, 60, seed=1))
    assert score("fair_energy_score", ensemble, truth) == pytest.approx(np.sqrt(0.5), rel=0.02)


def test_energy_score_is_the_double_sum_in_the_weighted_norm():
    ensemble, truth = white(8, 3, 5, 6), white(3, 5, 6, seed=1)
    w = np.random.default_rng(2).uniform(0, 1, truth.shape) * (white(*truth.shape, seed=3) > -1)

    def norm(v: np.ndarray, day: int) -> float:
        return np.sqrt((w[day] * v[day] ** 2).sum() / w[day].sum())

    for name, pairs in (("fair_energy_score", 56), ("energy_score", 64)):
        by_day = [
            np.mean([norm(x - truth, d) for x in ensemble])
            - sum(norm(x - y, d) for x in ensemble for y in ensemble) / pairs / 2
            for d in range(3)
        ]
        want = np.average(by_day, weights=w.sum((1, 2)))
        found = score(name, maps(ensemble), maps(truth), maps(w))
        assert found == pytest.approx(want, rel=1e-12)


def test_energy_score_of_one_map_is_its_rmse():
    estimate, truth = maps(white(1, 5, 6)), maps(white(1, 5, 6, seed=1))
    assert score("energy_score", estimate, truth) == pytest.approx(score("rmse", estimate, truth))


def test_energy_score_of_members_knows_correlated_errors_from_others_where_the_crps_does_not():
    """Truth and members with one error for a whole map, against the same shuffled at each point."""
    common = white(20, 300, 1, 1) + 0 * white(20, 300, 4, 4)
    truth = maps(white(300, 1, 1, seed=1) + np.zeros((300, 4, 4)))
    shuffled = np.random.default_rng(2).permuted(common, axis=0)
    assert score("crps", maps(common), truth) == pytest.approx(
        score("crps", maps(shuffled), truth), rel=1e-12
    )
    assert score("energy_score", maps(common), truth) < score("energy_score", maps(shuffled), truth)


def test_energy_score_goes_over_windows_and_over_days_of_tracks():
    random = np.random.default_rng(0)
    truth = xr.DataArray(
        random.standard_normal((3, 4, 2)),
        dims=("window", "time", "component"),
        coords={"window": np.arange(3)},
    )
    ensemble = truth + xr.DataArray(
        random.standard_normal((5, 3, 4, 2)), dims=("member", *truth.dims)
    )
    parts = [
        score("energy_score", *(a.isel(window=[n]) for a in (ensemble, truth))) for n in range(3)
    ]
    assert score("energy_score", ensemble, truth) == pytest.approx(np.mean(parts))
    time = FIRST + np.arange(40) * np.timedelta64(6, "h")
    track = xr.DataArray(random.standard_normal(40), dims="time", coords={"time": time})
    along = track + xr.DataArray(random.standard_normal((5, 40)), dims=("member", "time"))
    day = [slice(n, n + 4) for n in range(0, 40, 4)]
    parts = [score("energy_score", *(a.isel(time=d) for a in (along, track))) for d in day]
    assert score("energy_score", along, track) == pytest.approx(np.mean(parts))
    by_pass = track.assign_coords({PASS: ("time", np.repeat(time[::2], 2))})  # two a day
    pairs = [slice(n, n + 2) for n in range(0, 40, 2)]
    parts = [score("energy_score", *(a.isel(time=p) for a in (along, track))) for p in pairs]
    assert score("energy_score", along, by_pass) == pytest.approx(np.mean(parts))


def test_mean_and_deviation_say_nothing_of_a_joint_distribution():
    truth = maps(white(3, 8, 8))
    moments = xr.concat(
        [truth, abs(truth) + 1], xr.DataArray(["mean", "std"], dims="moment", name="moment")
    )
    for name in ("energy_score", "small_scale_variance"):
        found = score(name, moments, truth)
        assert isinstance(found, Flagged) and found.flag == "marginal"


# --- spectra of members ---------------------------------------------------------------------------


def test_members_with_the_spectrum_of_the_truth_have_its_variance_at_small_scales():
    truth, members = maps(red(DAYS, ROWS, COLUMNS)), maps(red(8, DAYS, ROWS, COLUMNS, seed=1))
    for wavelength in (80.0, 200.0):
        found = score("small_scale_variance", members, truth, wavelength_km=wavelength)
        assert found == pytest.approx(1.0, abs=0.08)
    mean = score("small_scale_variance", members, truth, of="mean")
    assert mean == pytest.approx(1 / 8, rel=0.15)  # independent members cancel
    assert score("small_scale_variance", members.mean("member"), truth) == pytest.approx(mean)


@pytest.mark.parametrize("window", ["hann", "boxcar"])
def test_small_scale_variance_of_single_waves_is_known(window):
    """Waves of 80 and 320 km; an estimate that halves the first and misses the second."""
    step = 0.18 * KM_PER_DEGREE
    nodes = np.arange(64) * step
    long, short = (np.cos(2 * np.pi * nodes / (n * step)) for n in (16, 4))
    rows = np.ones((3, 64, 1))
    truth, estimate = maps(rows * (long + short)), maps(rows * (0.5 * short))
    found = score("small_scale_variance", estimate, truth, wavelength_km=150.0, window=window)
    assert found == pytest.approx(0.25, rel=1e-3)
    found = score("small_scale_variance", estimate, truth, wavelength_km=2000.0, window=window)
    assert found == pytest.approx(0.125, rel=1e-3)


def test_small_scales_are_those_below_200_km_wherever_none_is_given():
    """One of 100 to 200 km and one of 200 to 400 km: the first alone is small."""
    step = 0.18 * KM_PER_DEGREE
    nodes = np.arange(64) * step
    long, short = (np.cos(2 * np.pi * nodes / (n * step)) for n in (16, 8))
    rows = np.ones((3, 64, 1))
    truth, estimate = maps(rows * (long + short)), maps(rows * (0.9 * long + 0.5 * short))
    found = score("small_scale_variance", estimate, truth, window="boxcar")
    assert found == pytest.approx(0.25, rel=1e-3)


def test_smoother_members_have_less_and_noisier_ones_more():
    truth, members = maps(red(DAYS, ROWS, COLUMNS)), maps(red(4, DAYS, ROWS, COLUMNS, seed=1))
    smooth = members.rolling(latitude=3, longitude=3, center=True, min_periods=1).mean()
    assert score("small_scale_variance", smooth, truth, wavelength_km=100.0) < 0.5
    rough = members + maps(0.2 * white(4, DAYS, ROWS, COLUMNS, seed=2))
    assert score("small_scale_variance", rough, truth, wavelength_km=100.0) > 1.5


def test_nothing_below_the_grid_is_no_data():
    truth = maps(red(DAYS, ROWS, COLUMNS))
    found = score("small_scale_variance", truth, truth, wavelength_km=5.0)
    assert isinstance(found, Flagged) and found.flag == "no_data"


def test_spectra_of_a_perfect_ensemble_agree_at_every_scale():
    """Members with the truth, and deviations from the mean with the error of the mean."""
    known = 2 * red(40, ROWS, COLUMNS, seed=5)
    truth = maps(known + red(40, ROWS, COLUMNS))
    members = maps(known + red(6, 40, ROWS, COLUMNS, seed=1))
    spectra = member_spectra(members, truth, xr.ones_like(truth))
    inner = spectra.isel(freq_r=slice(1, -2))
    np.testing.assert_allclose(inner["members"], inner["truth"], rtol=0.25)
    np.testing.assert_allclose(inner["deviations"], inner["error"], rtol=0.25)
    assert (inner["mean"] < inner["truth"]).mean() > 0.8
