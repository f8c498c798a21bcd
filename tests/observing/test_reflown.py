"""Altimeters on other days: new points of the truth, and the errors that were."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from oceanbench.errors import OceanbenchError
from oceanbench.observing.orbits import EPOCH
from oceanbench.observing.reflown import reflown
from oceanbench.observing.sampling import sample

DAYS, WEST, SOUTH, WIDTH = 12, 294.0, 32.0, 6.0
DAY = np.timedelta64(86_400_000_000_000, "ns")


def truth() -> xr.DataArray:
    """Waves that repeat in nothing."""
    time = EPOCH + DAY * np.arange(DAYS + 1)
    latitude, longitude = SOUTH + np.arange(0, 5, 0.25), WEST + np.arange(0, WIDTH + 0.01, 0.25)
    t, y, x = np.meshgrid(np.arange(DAYS + 1), latitude, longitude, indexing="ij")
    axes = {"time": time, "latitude": latitude, "longitude": longitude}
    return xr.DataArray(np.sin(0.3 * t + y) * np.cos(0.7 * x), axes, tuple(axes), "ssh")


def track(error: float = 0.0, *, west: float = WEST) -> xr.Dataset:
    """Six passes of eight samples, with an error that each pass shares."""
    number = np.repeat(np.arange(6), 8)
    time = EPOCH + (number * 1.9 * 86400e9 + np.tile(np.arange(8), 6) * 1e9).astype(
        "timedelta64[ns]"
    )
    along = np.tile(np.linspace(0.2, 1.4, 8), 6)
    points = xr.Dataset(
        {"track": ("time", number)},
        {
            "time": time,
            "longitude": ("time", west + 0.7 * number + along),
            "latitude": ("time", SOUTH + 0.5 + 3.0 * along / 1.4),
        },
        {"layout": "track"},
    )
    exact = sample(truth(), points)
    return points.assign(ssh=("time", exact.values + error * (number - 2.5), {"units": "m"}))


def test_nothing_moves_without_a_shift() -> None:
    given_track = track(0.01)
    found = reflown(given_track, truth(), days=0.0, degrees=0.0)
    np.testing.assert_allclose(found["ssh"], given_track["ssh"], atol=1e-12)
    np.testing.assert_array_equal(found["time"], given_track["time"])
    np.testing.assert_array_equal(found["track"], given_track["track"])
    assert found.attrs == given_track.attrs and found["ssh"].attrs == {"units": "m"}


@settings(max_examples=25, deadline=None)
@given(days=st.floats(0, 40), degrees=st.floats(0, 20))
def test_observations_are_of_the_truth_where_the_altimeter_is(days: float, degrees: float) -> None:
    found = reflown(track(), truth(), days=days, degrees=degrees)
    assert found.sizes["time"] == 48
    np.testing.assert_allclose(found["ssh"], sample(truth(), found), atol=1e-12)
    assert (np.diff(found["time"].values) >= np.timedelta64(0)).all()
    assert found["longitude"].min() >= WEST and found["longitude"].max() <= WEST + WIDTH


@pytest.mark.parametrize(("days", "degrees"), [(3.2, 0.0), (0.0, 2.5), (7.7, 4.1)])
def test_errors_stay_with_their_pass(days: float, degrees: float) -> None:
    """As many with each error as before, all alike within a pass."""
    found = reflown(track(0.01), truth(), days=days, degrees=degrees)
    error = found["ssh"].values - sample(truth(), found).values
    np.testing.assert_allclose(np.sort(error), np.repeat(0.01 * (np.arange(6) - 2.5), 8), atol=1e-9)
    for number in np.unique(found["track"]):
        assert np.ptp(error[found["track"].values == number]) < 1e-9


def test_a_pass_that_leaves_the_box_comes_in_again_with_another_number() -> None:
    found = reflown(track(), truth(), days=0.0, degrees=2.0)
    assert len(np.unique(found["track"])) > 6
    for _, one in found.groupby("track"):
        assert np.ptp(one["longitude"].values) < WIDTH / 2


def test_another_ocean_is_observed_with_the_errors_of_the_first() -> None:
    other = truth() + 1.0
    found = reflown(track(0.01), truth(), days=3.2, degrees=1.0, over=other)
    same = reflown(track(0.01), truth(), days=3.2, degrees=1.0)
    np.testing.assert_allclose(found["ssh"], same["ssh"] + 1.0, atol=1e-9)


def test_longitudes_of_either_convention_are_the_same_track() -> None:
    east = reflown(track(), truth(), days=1.0, degrees=0.5)
    west = track().assign_coords(longitude=track()["longitude"] - 360.0)
    xr.testing.assert_allclose(east, reflown(west, truth(), days=1.0, degrees=0.5))


def test_a_track_elsewhere_is_refused() -> None:
    with pytest.raises(OceanbenchError, match="no observation of 'ssh' lies in the days"):
        reflown(track(west=WEST).isel(time=slice(0)), truth(), days=0.0, degrees=0.0)
