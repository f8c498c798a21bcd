from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.observing.boxes import EARTH_RADIUS_KM, into_box
from oceanbench.observing.orbits import EPOCH, ORBITS, ground_track
from oceanbench.observing.swath import karin_swath

GULF_STREAM = (295.0, 305.0, 33.0, 43.0)
SWOT = ORBITS["swot"]


def after(days: float) -> np.datetime64:
    return EPOCH + np.timedelta64(round(days * 86400e9), "ns")


def unit_vectors(longitude, latitude):
    lam, phi = np.deg2rad(longitude), np.deg2rad(latitude)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=-1)


@pytest.fixture(scope="module")
def swath() -> xr.Dataset:
    return karin_swath(SWOT, GULF_STREAM, EPOCH, after(42))


@pytest.fixture(scope="module")
def world() -> xr.Dataset:
    return karin_swath(SWOT, (-180.0, 180.0, -90.0, 90.0), EPOCH, after(0.08))


def test_size_of_42_days_in_the_gulf_stream(swath):
    assert swath.sizes["cross_track"] == 52
    assert swath.sizes["time"] == pytest.approx(21775, rel=0.01)
    assert swath.time.dtype == np.dtype("datetime64[ns]")
    assert swath.longitude.dims == swath.latitude.dims == ("time", "cross_track")
    assert swath.cross_track_distance.dims == ("cross_track",)


def test_gap_and_width(swath):
    distance = swath.cross_track_distance.values
    assert np.abs(distance).min() == 10.0 and np.abs(distance).max() == 60.0
    np.testing.assert_allclose(distance, -distance[::-1])
    np.testing.assert_allclose(np.diff(distance)[np.diff(distance) < 10], 2.0)


def test_pixels_stand_at_their_distance_square_to_the_track(world):
    """On every latitude: to the right of the heading when positive, nothing along it."""
    longitude, latitude, heading = ground_track(SWOT, world.time.values)
    nadir = unit_vectors(longitude, latitude)
    lam, phi, alpha = (np.deg2rad(a) for a in (longitude, latitude, heading))
    north = np.stack([-np.sin(phi) * np.cos(lam), -np.sin(phi) * np.sin(lam), np.cos(phi)], -1)
    east = np.stack([-np.sin(lam), np.cos(lam), 0 * lam], axis=-1)
    forward = np.cos(alpha)[:, None] * north + np.sin(alpha)[:, None] * east
    right = np.cross(forward, nadir)

    pixel = unit_vectors(world.longitude.values, world.latitude.values)
    ahead = EARTH_RADIUS_KM * np.einsum("txc,tc->tx", pixel, forward)
    beside = EARTH_RADIUS_KM * np.arctan2(
        np.einsum("txc,tc->tx", pixel, right), np.einsum("txc,tc->tx", pixel, nadir)
    )
    assert np.abs(ahead).max() < 1e-6
    distance = np.broadcast_to(world.cross_track_distance.values, beside.shape)
    np.testing.assert_allclose(beside, distance, atol=1e-6)


def test_lines_are_two_kilometres_apart(swath):
    longitude, latitude, _ = ground_track(SWOT, swath.time.values)
    nadir = unit_vectors(longitude, latitude)
    step = EARTH_RADIUS_KM * np.linalg.norm(np.diff(nadir, axis=0), axis=1)
    step = step[np.diff(swath.track.values) == 0]
    assert step.mean() == pytest.approx(2.0, rel=0.05)
    assert step.max() < 2.1


def test_pixels_outside_the_box_are_missing(swath):
    present = swath.longitude.notnull()
    assert bool((present == swath.latitude.notnull()).all())
    assert bool(present.any("cross_track").all()) and not bool(present.all())
    for name, low, high in (("longitude", 295, 305), ("latitude", 33, 43)):
        assert low <= float(swath[name].min()) and float(swath[name].max()) <= high


@pytest.mark.parametrize(
    "box", [(170.0, 200.0, -60.0, 60.0), (-20.0, 20.0, -75.0, -50.0), (60.0, 120.0, 74.0, 79.0)]
)
def test_no_pixel_of_the_box_is_missed(world, box):
    part = karin_swath(SWOT, box, EPOCH, after(0.08))
    longitude, inside = into_box(world.longitude.values, world.latitude.values, box)
    lines = inside.any(axis=1)
    assert lines.any()
    np.testing.assert_array_equal(part.time, world.time[lines])
    np.testing.assert_array_equal(part.track, world.track[lines])
    expected = np.where(inside, longitude, np.nan)[lines]
    np.testing.assert_allclose(part.longitude, expected, atol=1e-9)


def test_other_geometries():
    fine = karin_swath(
        SWOT, GULF_STREAM, EPOCH, after(3), along_track_km=8, cross_track_km=5, half_gap_km=5
    )
    np.testing.assert_allclose(fine.cross_track_distance, [*range(-60, 0, 5), *range(5, 61, 5)])
    empty = karin_swath(SWOT, (0.0, 1.0, 85.0, 90.0), EPOCH, after(1))
    assert dict(empty.sizes) == {"time": 0, "cross_track": 52}


@pytest.mark.parametrize("wrong", [{"half_gap_km": 70.0}, {"along_track_km": 0.0}])
def test_a_wrong_geometry_is_refused(wrong):
    with pytest.raises(OceanbenchError, match="half_gap_km"):
        karin_swath(SWOT, GULF_STREAM, EPOCH, after(1), **wrong)
