from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from rows import every

from oceanbench.errors import OceanbenchError
from oceanbench.observing.noise import fitted_error, karin_error, karin_noise_std, nadir_error
from oceanbench.observing.orbits import EPOCH, ORBITS, nadir_track
from oceanbench.observing.swath import karin_swath

TAU = 150.0


def make_track(seconds, number) -> xr.Dataset:
    time = EPOCH + np.round(np.asarray(seconds) * 1e9).astype("timedelta64[ns]")
    return xr.Dataset({"track": ("time", np.asarray(number))}, coords={"time": time})


def make_swath(lines: int) -> xr.Dataset:
    right = np.arange(10.0, 61.0, 2.0)
    distance = np.concatenate([-right[::-1], right])
    return xr.Dataset(
        {"longitude": (("time", "cross_track"), np.zeros((lines, 52)))},
        coords={"cross_track_distance": ("cross_track", distance)},
    )


def test_the_two_parts_add_their_variances():
    track = make_track(np.arange(400_000.0), np.arange(400_000) // 1000)
    error = nadir_error(track, seed=0)
    assert error.dims == ("time",) and error.attrs["units"] == "m"
    assert float(error.std()) == pytest.approx(np.hypot(0.03, 0.02), rel=0.02)
    assert float(nadir_error(track, seed=0, correlated=0.0).std()) == pytest.approx(0.03, rel=0.01)
    assert float(nadir_error(track, seed=0, white=0.0).std()) == pytest.approx(0.02, rel=0.05)


@every("lag", [1, 20, 75, 150, 300])
def test_autocorrelation_on_regular_steps(lag):
    track = make_track(np.arange(3_000_000.0)[::5], np.zeros(600_000, int))
    error = nadir_error(track, seed=1, white=0.0, correlated=1.0, decorrelation_seconds=5 * TAU)
    x = error.values
    # Bartlett: the standard error is sqrt(2 tau / n) at most, here 0.02.
    assert np.mean(x[lag:] * x[:-lag]) == pytest.approx(np.exp(-lag / TAU), abs=0.06)


def test_correlation_on_irregular_steps():
    """20 000 passes of four samples: the correlation within is exp(-dt / tau), between is none."""
    offsets, passes = np.array([0.0, 7.0, 210.0, 1000.0]), 20_000
    seconds = (np.arange(passes)[:, None] * 3000.0 + offsets).ravel()
    track = make_track(seconds, np.repeat(np.arange(passes), 4))
    error = nadir_error(track, seed=2, white=0.0, correlated=1.0, decorrelation_seconds=TAU)
    x = error.values.reshape(passes, 4)
    theory = np.exp(-np.abs(offsets[:, None] - offsets) / TAU)
    np.testing.assert_allclose(x.T @ x / passes, theory, atol=0.04)
    np.testing.assert_allclose(x[1:].T @ x[:-1] / passes, 0.0, atol=0.04)


def test_passes_are_independent_even_when_they_touch():
    track = make_track(np.arange(200_000.0), np.arange(200_000) // 2)
    x = nadir_error(track, seed=3, white=0.0, correlated=1.0).values.reshape(-1, 2)
    assert np.mean(x[:, 0] * x[:, 1]) == pytest.approx(np.exp(-1 / TAU), abs=0.02)
    assert np.mean(x[1:, 0] * x[:-1, 1]) == pytest.approx(0.0, abs=0.02)


def above_a_plane(passes: int) -> tuple[xr.Dataset, xr.DataArray]:
    """Passes of 180 samples above a plane, which a spline knows exactly."""
    count = 180 * passes
    seconds = np.arange(count) + 4000.0 * (np.arange(count) // 180)
    track = make_track(seconds, np.arange(count) // 180)
    latitude = 1.0 + 8.0 * (np.arange(count) % 180) / 180
    track = track.assign_coords(latitude=("time", latitude), longitude=("time", 10.0 - latitude))
    axes = {
        "time": track["time"].values[[0, -1]],
        "latitude": np.arange(11.0),
        "longitude": np.arange(11.0),
    }
    plane = np.broadcast_to(axes["latitude"][:, None] - 2.0 * axes["longitude"], (2, 11, 11))
    truth = xr.DataArray(plane, axes, tuple(axes), "ssh")
    return track.assign(ssh=("time", latitude - 2.0 * (10.0 - latitude))), truth


@pytest.mark.parametrize(("white", "correlated"), [(0.03, 0.02), (0.01, 0.05)])
def test_an_error_is_found_as_it_was_drawn(white, correlated):
    track, truth = above_a_plane(3000)
    track["ssh"] = track["ssh"] + nadir_error(track, seed=1, white=white, correlated=correlated)
    found = fitted_error([track], truth)
    assert found.white == pytest.approx(white, rel=0.03)
    assert found.correlated == pytest.approx(correlated, rel=0.05)
    assert found.decorrelation_seconds == pytest.approx(TAU, rel=0.2)


def test_white_errors_have_no_red_part():
    track, truth = above_a_plane(200)
    track["ssh"] = track["ssh"] + nadir_error(track, seed=1, correlated=0.0)
    found = fitted_error([track], truth)
    assert found.white == pytest.approx(0.03, rel=0.02)
    assert found.correlated < 0.005


def test_few_samples_do_not_tell_their_error():
    track, truth = above_a_plane(3)
    with pytest.raises(OceanbenchError, match="99 samples lie in the days and the box"):
        fitted_error([track.isel(time=slice(99))], truth)


def test_undoing_the_recursion_leaves_white_noise():
    rng = np.random.default_rng(4)
    seconds = np.cumsum(rng.exponential(40.0, 50_000))
    track = make_track(seconds, np.zeros(50_000, int))
    x = nadir_error(track, seed=4, white=0.0, correlated=1.0, decorrelation_seconds=TAU).values
    memory = np.exp(-np.diff(track.time.values).astype(np.int64) * 1e-9 / TAU)
    drive = (x[1:] - memory * x[:-1]) / np.sqrt(1 - memory**2)
    assert drive.std() == pytest.approx(1.0, rel=0.02)
    assert np.corrcoef(drive[1:], drive[:-1])[0, 1] == pytest.approx(0.0, abs=0.02)
    assert np.corrcoef(drive, x[:-1])[0, 1] == pytest.approx(0.0, abs=0.02)


def test_samples_may_come_in_any_order():
    order = np.random.default_rng(5).permutation(4000)
    track = make_track(np.arange(4000.0), np.zeros(4000, int)).isel(time=order)
    x = nadir_error(track, seed=5, white=0.0, correlated=1.0).sortby("time").values
    assert np.abs(np.diff(x)).max() < 1.0  # neighbours in time are alike: 0.12 rms
    assert np.corrcoef(x[1:], x[:-1])[0, 1] > 0.97


def test_passes_may_be_numbered_backwards():
    track = make_track(np.arange(0.0, 4e6, 1000.0), -np.arange(4000))
    error = nadir_error(track, seed=5, white=0.0, correlated=1.0, decorrelation_seconds=1.0)
    assert float(error.std()) == pytest.approx(1.0, rel=0.05)


@pytest.mark.parametrize("tau", [1e-3, 1e9])
def test_extreme_memories_do_not_overflow(tau):
    track = make_track(np.arange(4000.0), np.zeros(4000, int))
    x = nadir_error(track, seed=6, white=0.0, correlated=1.0, decorrelation_seconds=tau).values
    assert np.isfinite(x).all()
    assert (x.std() > 0.9) if tau < 1 else (np.ptp(x) < 0.1)


def test_the_seed_decides():
    track = nadir_track(
        ORBITS["jason1"], (295.0, 305.0, 33.0, 43.0), EPOCH, EPOCH + np.timedelta64(5, "D")
    )
    before = track.copy(deep=True)
    xr.testing.assert_identical(nadir_error(track, seed=7), nadir_error(track, seed=7))
    assert not np.any(nadir_error(track, seed=7).values == nadir_error(track, seed=8).values)
    xr.testing.assert_identical(track, before)
    swath = make_swath(20)
    xr.testing.assert_identical(karin_error(swath, seed=7), karin_error(swath, seed=7))
    assert not np.any(karin_error(swath, seed=7).values == karin_error(swath, seed=8).values)


def test_no_samples_no_error():
    assert nadir_error(make_track([], np.array([], int)), seed=0).size == 0


@every("kilometres, metres", [(10, 0.0295), (30, 0.0179), (50, 0.0247), (60, 0.0460)])
def test_karin_noise_of_the_public_table(kilometres, metres):
    """The fit is good to 2.4 % rms: single values to 6 %."""
    assert karin_noise_std(kilometres, pixel_km2=1.0) == pytest.approx(metres, rel=0.06)
    assert karin_noise_std(-kilometres, pixel_km2=4.0) == pytest.approx(metres / 2, rel=0.06)


def test_waves_make_noise():
    distance = np.linspace(10, 60, 51)
    spread = [karin_noise_std(distance, significant_wave_height=h) for h in (0, 1, 2, 4, 6)]
    assert (np.diff(spread, axis=0) > 0).all()


def test_karin_error_has_the_spread_of_its_column():
    swath = make_swath(20_000)
    error = karin_error(swath, seed=9)
    expected = karin_noise_std(swath.cross_track_distance)
    np.testing.assert_allclose(error.std("time"), expected, rtol=0.03)
    np.testing.assert_allclose(error.mean("time"), 0.0, atol=5e-4)
    correlation = np.corrcoef(error.values.T) - np.eye(52)
    assert np.abs(correlation).max() < 0.04


def test_karin_error_is_missing_where_the_swath_is():
    end = EPOCH + np.timedelta64(5, "D")
    swath = karin_swath(ORBITS["swot"], (295.0, 305.0, 33.0, 43.0), EPOCH, end)
    error = karin_error(swath, seed=0)
    assert error.dims == ("time", "cross_track") and error.attrs == {"units": "m"}
    xr.testing.assert_equal(error.isnull(), swath.longitude.isnull())


def test_ranges_are_refused():
    with pytest.raises(OceanbenchError, match="cross_track_km: found 5 km, expected 10 to 60 km"):
        karin_noise_std([20.0, 5.0])
    with pytest.raises(OceanbenchError, match="significant_wave_height: found 9 m"):
        karin_noise_std(20.0, significant_wave_height=9.0)
    with pytest.raises(OceanbenchError, match="pixel_km2: found 0"):
        karin_noise_std(20.0, pixel_km2=0.0)
    with pytest.raises(OceanbenchError, match="white=-1"):
        nadir_error(make_track([0.0], [0]), seed=0, white=-1.0)
    with pytest.raises(OceanbenchError, match="a time > 0"):
        nadir_error(make_track([0.0], [0]), seed=0, decorrelation_seconds=0.0)
