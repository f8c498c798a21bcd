from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import every

from oceanbench.errors import OceanbenchError
from oceanbench.observing.boxes import EARTH_RADIUS_KM
from oceanbench.observing.orbits import (
    EPOCH,
    ORBITS,
    Orbit,
    find_orbit,
    ground_track,
    nadir_track,
    pass_numbers,
)

GULF_STREAM = (295.0, 305.0, 33.0, 43.0)
FIRST_DAY = (EPOCH, EPOCH + np.timedelta64(1, "D"))
all_missions = every("mission", sorted(ORBITS))
EQUATORIAL_RADIUS = 6378137.0  # m, WGS 84
GRAVITATION = 3.986004418e14  # m3 s-2
OBLATENESS = 1.08262668e-3  # J2
EARTH_ROTATION = 7.2921158553e-5  # rad s-1
DAY = 86400.0  # s


def gravity_nodal_day(orbit: Orbit) -> float:
    r"""Nodal day that the Earth's oblateness imposes on an orbit: the check of a row of `ORBITS`.

    The node drifts at :math:`\dot\Omega = -\frac32 J_2 (R/a)^2 n \cos i`, and a nodal day is
    :math:`2 \pi / (\omega_E - \dot\Omega)`, the semi-major axis :math:`a` being the one whose
    nodal period is `cycle_days / revolutions`. A consistent row has `cycle_days / nodal_days`.

    Returns
    -------
    float, days

    References
    ----------
    Vallado, Fundamentals of Astrodynamics and Applications, 4th ed., 2013.
    """
    cosine = np.cos(np.deg2rad(orbit.inclination_degrees))
    nodal_motion = 2.0 * np.pi * orbit.revolutions / (orbit.cycle_days * DAY)
    motion, oblateness = nodal_motion, 0.0
    for _ in range(20):
        axis = (GRAVITATION / motion**2) ** (1.0 / 3.0)
        oblateness = 1.5 * OBLATENESS * (EQUATORIAL_RADIUS / axis) ** 2
        motion = nodal_motion / (1.0 + oblateness * (4.0 * cosine**2 - 1.0))
    node_rate = -oblateness * motion * cosine
    return float(2.0 * np.pi / (EARTH_ROTATION - node_rate) / DAY)


def after(days: float) -> np.datetime64:
    return EPOCH + np.timedelta64(round(days * 86400e9), "ns")


def seconds_of(start: np.datetime64, end: np.datetime64) -> np.ndarray:
    return np.arange(start, end, np.timedelta64(1, "s")).astype("datetime64[ns]")


def turned(degrees):
    """Bring differences of longitude to [-180, 180)."""
    return (np.asarray(degrees) + 180.0) % 360.0 - 180.0


def great_circle_km(longitude, latitude):
    """Distances between successive points."""
    phi, turn = np.deg2rad(latitude), np.deg2rad(np.diff(longitude))
    chord = np.sin(np.diff(phi) / 2) ** 2 + np.cos(phi[1:]) * np.cos(phi[:-1]) * (
        np.sin(turn / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(chord))


@all_missions
@every("cycles", [1, 7])
def test_the_track_repeats_after_each_cycle(mission, cycles):
    orbit = ORBITS[mission]
    time = after(-20.0) + np.random.default_rng(0).integers(0, 4_000_000_000_000_000, 500)
    length = np.timedelta64(round(cycles * orbit.cycle_days * 86400e9), "ns")
    longitude, latitude, heading = ground_track(orbit, time)
    later_longitude, later_latitude, later_heading = ground_track(orbit, time + length)
    assert np.abs(turned(later_longitude - longitude)).max() < 1e-6
    assert np.abs(later_latitude - latitude).max() < 1e-6
    assert np.abs(turned(later_heading - heading)).max() < 1e-5


def satellite_latitude(orbit, latitude):
    """Geocentric latitude of the satellite, from the foot of its vertical."""
    phi, radius, squared = np.deg2rad(latitude), 6378137.0, 6.69437999014e-3
    normal = radius / np.sqrt(1 - squared * np.sin(phi) ** 2)
    upright = np.stack([np.cos(phi), np.sin(phi)])
    foot = normal * upright * np.array([[1.0], [1.0 - squared]])
    along = (foot * upright).sum(axis=0)
    distance = radius + 1e3 * orbit.altitude_km
    height = -along + np.sqrt(along**2 - (foot**2).sum(axis=0) + distance**2)
    outward, upward = foot + height * upright
    return np.rad2deg(np.arctan2(upward, outward))


@all_missions
def test_the_highest_latitude_is_the_inclination(mission):
    orbit = ORBITS[mission]
    _, latitude, _ = ground_track(orbit, seconds_of(EPOCH, after(0.25)))
    geocentric = satellite_latitude(orbit, latitude)
    highest = min(orbit.inclination_degrees, 180.0 - orbit.inclination_degrees)
    assert geocentric.max() == pytest.approx(highest, abs=2e-4)
    assert geocentric.min() == pytest.approx(-highest, abs=2e-4)
    assert highest < latitude.max() < highest + 0.2


@all_missions
def test_the_satellite_obeys_kepler(mission):
    """Against Kepler's equation, the perigee at 90 degrees: the track is of first order in e."""
    orbit, e = ORBITS[mission], ORBITS[mission].eccentricity
    days = np.linspace(0.0, 0.2, 2000)
    _, latitude, _ = ground_track(orbit, np.array([after(orbit.phase_days + d) for d in days]))
    shape = np.sqrt((1 - e) / (1 + e))
    at_node = 2 * np.arctan(shape * np.tan(-np.pi / 4))
    mean = at_node - e * np.sin(at_node) + 2 * np.pi * orbit.revolutions * days / orbit.cycle_days
    eccentric = mean
    for _ in range(10):
        eccentric = mean + e * np.sin(eccentric)
    argument = np.pi / 2 + 2 * np.arctan(np.tan(eccentric / 2) / shape)
    sine = np.sin(np.deg2rad(orbit.inclination_degrees)) * np.sin(argument)
    expected = np.rad2deg(np.arcsin(sine))
    second_order = np.rad2deg(6 * e**2)
    np.testing.assert_allclose(
        satellite_latitude(orbit, latitude), expected, rtol=0, atol=second_order + 1e-6
    )


@all_missions
def test_ascending_nodes_are_evenly_spaced(mission):
    orbit = ORBITS[mission]
    period = orbit.cycle_days / orbit.revolutions
    node_times = [after(orbit.phase_days + k * period) for k in range(orbit.revolutions)]
    longitude, latitude, heading = ground_track(orbit, np.array(node_times))
    assert np.abs(latitude).max() < 1e-6
    assert np.abs(heading).max() < 90.0
    gaps = np.diff(np.sort(longitude), append=longitude.min() + 360.0)
    assert np.abs(gaps - 360.0 / orbit.revolutions).max() < 1e-5
    assert abs(turned(longitude[0] - orbit.node_longitude)) < 1e-6


@all_missions
def test_the_cycle_is_the_one_gravity_imposes(mission):
    orbit = ORBITS[mission]
    nodal_day = orbit.cycle_days / orbit.nodal_days
    assert gravity_nodal_day(orbit) == pytest.approx(nodal_day, rel=1e-4)


def test_gravity_refuses_a_wrong_row():
    wrong = replace(ORBITS["jason1"], inclination_degrees=98.0)
    assert abs(gravity_nodal_day(wrong) * 10 / 9.9156 - 1) > 1e-3


@every(
    "mission, kilometres",
    [
        ("jason1", 5.9),
        ("geosat2", 6.6),
        ("envisat", 6.6),
        ("sentinel3a", 6.6),
        ("hy2b", 6.4),
        ("cryosat2", 6.7),
        ("swot", 6.5),
        ("swot_calval", 6.5),
    ],
)
def test_one_hertz_step(mission, kilometres):
    orbit = ORBITS[mission]
    assert orbit.ground_speed == pytest.approx(kilometres, abs=0.05)
    longitude, latitude, _ = ground_track(orbit, seconds_of(EPOCH, after(0.1)))
    step = great_circle_km(longitude, latitude)
    assert step.mean() == pytest.approx(orbit.ground_speed, rel=0.04)
    assert step.max() < orbit.ground_speed + 0.47  # the Earth turns at 0.46 km/s


@every(
    "mission, count",
    [
        ("topex-poseidon_interleaved", 6561),
        ("jason1", 6638),
        ("geosat2", 6168),
        ("envisat", 5761),
    ],
)
def test_samples_of_42_days_in_the_gulf_stream(mission, count):
    track = nadir_track(ORBITS[mission], GULF_STREAM, EPOCH, after(42))
    assert track.sizes["time"] == pytest.approx(count, rel=0.01)


def test_an_interleaved_track_lies_halfway():
    first = ground_track(ORBITS["topex-poseidon"], after(0.0))[0]
    second = ground_track(ORBITS["topex-poseidon_interleaved"], after(0.0))[0]
    assert turned(second - first) == pytest.approx(180.0 / ORBITS["jason1"].revolutions)


@settings(max_examples=25, deadline=None)
@given(
    mission=st.sampled_from(sorted(ORBITS)),
    west=st.integers(-400, 400).map(lambda degrees: degrees + 0.0123),
    width=st.floats(1, 360),
    south=st.integers(-90, 88).map(lambda degrees: degrees + 0.0123),
    height=st.floats(1, 180),
    rate=st.sampled_from([0.05, 0.3, 1.0]),
)
def test_no_sample_of_the_box_is_missed(mission, west, width, south, height, rate):
    orbit, box = ORBITS[mission], (west, west + width, south, min(south + height, 90.0))
    track = nadir_track(orbit, box, *FIRST_DAY, rate_hz=rate)
    period = np.timedelta64(round(1e9 / rate), "ns")
    time = np.arange(*FIRST_DAY, period).astype("datetime64[ns]")
    longitude, latitude, _ = ground_track(orbit, time)
    offset = (longitude - west) % 360.0
    inside = (offset <= box[1] - west) & (latitude >= south) & (latitude <= box[3])
    np.testing.assert_array_equal(track.time.values, time[inside])
    np.testing.assert_allclose(track.longitude, west + offset[inside], atol=1e-9)
    np.testing.assert_allclose(track.latitude, latitude[inside], atol=1e-12)


@every("shift", [-360.0, 360.0])
@every("west", [-5.0, 175.0, 355.0, -185.0])
def test_a_box_is_the_same_in_any_convention(west, shift):
    box = (west, west + 10.0, 33.0, 43.0)
    moved = (west + shift, west + 10.0 + shift, 33.0, 43.0)
    here = nadir_track(ORBITS["envisat"], box, EPOCH, after(20))
    there = nadir_track(ORBITS["envisat"], moved, EPOCH, after(20))
    assert here.sizes["time"] > 1000
    np.testing.assert_allclose(there.longitude - shift, here.longitude, atol=1e-9)
    xr.testing.assert_identical(there.drop_vars("longitude"), here.drop_vars("longitude"))
    assert (here.longitude >= west).all() and (here.longitude <= west + 10.0).all()


@pytest.mark.parametrize("west", [-5.0, 175.0])
def test_meridians_0_and_180_are_like_any_other(west):
    orbit = ORBITS["geosat2"]
    turn = 300.0 - west
    moved = replace(orbit, node_longitude=orbit.node_longitude + turn)
    here = nadir_track(orbit, (west, west + 10.0, 33.0, 43.0), EPOCH, after(10))
    there = nadir_track(moved, (300.0, 310.0, 33.0, 43.0), EPOCH, after(10))
    np.testing.assert_array_equal(here.time, there.time)
    np.testing.assert_allclose(here.longitude + turn, there.longitude, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(cut=st.floats(0.01, 9.99), rate=st.sampled_from([1.0, 3.0, 0.7]))
def test_neighbouring_intervals_join(cut, rate):
    orbit, middle = ORBITS["jason1"], after(cut)
    whole = nadir_track(orbit, GULF_STREAM, EPOCH, after(10), rate_hz=rate)
    parts = [
        nadir_track(orbit, GULF_STREAM, *span, rate_hz=rate)
        for span in ((EPOCH, middle), (middle, after(10)))
    ]
    assert (parts[0].time < middle).all() and (parts[1].time >= middle).all()
    xr.testing.assert_identical(xr.concat(parts, "time"), whole)


@all_missions
def test_a_track_number_is_one_pass(mission):
    orbit = ORBITS[mission]
    span = after(orbit.phase_days - 0.5), after(orbit.phase_days + 0.5)
    track = nadir_track(orbit, (-180.0, 180.0, -90.0, 90.0), *span)
    number = track.track.values
    np.testing.assert_array_equal(np.unique(np.diff(number)), [0, 1])
    climb = np.diff(track.latitude.values)[np.diff(number) == 0]
    rising = number[1:][np.diff(number) == 0] % 2 == 0
    assert (climb[rising] > 0).all() and (climb[~rising] < 0).all()
    assert number.min() < 0 < number.max()


def test_a_cycle_has_all_its_passes():
    orbit = ORBITS["jason1"]
    time = seconds_of(after(-0.03), after(20.0))[::30]
    number, cycle = pass_numbers(orbit, time)
    for index in (0, 1):
        assert np.unique(number[cycle == index]).size == 2 * orbit.revolutions
    assert set(cycle) == {-1, 0, 1, 2}


def test_the_dataset_says_what_it_holds():
    track = nadir_track(ORBITS["swot"], GULF_STREAM, EPOCH, after(3))
    assert track.time.dtype == np.dtype("datetime64[ns]")
    assert set(track.data_vars) == {"longitude", "latitude", "track", "cycle"}
    assert track.track.dtype.kind == track.cycle.dtype.kind == "i"
    empty = nadir_track(ORBITS["swot"], (0.0, 10.0, 80.0, 90.0), EPOCH, after(3))
    assert empty.sizes["time"] == 0 and set(empty) == set(track)


def test_heading_points_to_the_next_position():
    orbit = ORBITS["jason1"]
    longitude, latitude, heading = ground_track(orbit, seconds_of(EPOCH, after(0.2)))
    eastward = turned(longitude[2:] - longitude[:-2]) * np.cos(np.deg2rad(latitude[1:-1]))
    expected = np.rad2deg(np.arctan2(eastward, latitude[2:] - latitude[:-2]))
    assert np.abs(turned(heading[1:-1] - expected)).max() < 1e-3


def test_an_unknown_mission_is_refused_with_a_suggestion():
    assert find_orbit("jason1") is ORBITS["jason1"]
    with pytest.raises(OceanbenchError, match=r"unknown mission 'jasn1'; did you mean 'jason1'\?"):
        find_orbit("jasn1")


@every(
    "box, end, rate, words",
    [
        ((355.0, 5.0, 33.0, 43.0), 1.0, 1.0, "at most 360 degrees wide"),
        ((0.0, 400.0, 33.0, 43.0), 1.0, 1.0, "at most 360 degrees wide"),
        ((0.0, 5.0, 43.0, 33.0), 1.0, 1.0, "in order"),
        ((0.0, np.nan, 33.0, 43.0), 1.0, 1.0, "in order"),
        (GULF_STREAM, 0.0, 1.0, "two dates in order"),
        (GULF_STREAM, 1.0, 0.0, "rate_hz: found 0"),
    ],
)
def test_nonsense_is_refused(box, end, rate, words):
    with pytest.raises(OceanbenchError, match=words):
        nadir_track(ORBITS["jason1"], box, EPOCH, after(end), rate_hz=rate)
