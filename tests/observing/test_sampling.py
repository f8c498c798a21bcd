from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from oceanbench.errors import OceanbenchError
from oceanbench.observing.orbits import EPOCH, ORBITS, nadir_track
from oceanbench.observing.sampling import sample
from oceanbench.observing.swath import karin_swath

DAY = np.timedelta64(86_400_000_000_000, "ns")


def moments(days) -> np.ndarray:
    return EPOCH + np.round(np.asarray(days) * 86400e9).astype("timedelta64[ns]")


def make_field(function, days, y, x, names=("y", "x")) -> xr.DataArray:
    t, yy, xx = np.meshgrid(days, y, x, indexing="ij")
    coords = {"time": moments(days), names[0]: y, names[1]: x}
    return xr.DataArray(function(t, yy, xx), coords, ("time", *names), "ssh", {"units": "m"})


def make_points(days, y, x, names=("y", "x")) -> xr.Dataset:
    variables = {names[0]: ("time", np.asarray(y)), names[1]: ("time", np.asarray(x))}
    return xr.Dataset(variables, coords={"time": moments(days)})


def scatter(seed, count, days, y, x):
    rng = np.random.default_rng(seed)
    return (rng.uniform(*bounds, count) for bounds in (days, y, x))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), shuffled=st.booleans(), falling=st.booleans())
def test_exact_for_cubics_in_space_and_lines_in_time(seed, shuffled, falling):
    """On irregular axes too, and up to the edges."""
    rng = np.random.default_rng(seed)
    constant, trend = rng.standard_normal((2, 4, 4))

    def truth(t, y, x):
        cubic = [np.polynomial.polynomial.polyval2d(y, x, c) for c in (constant, trend)]
        return cubic[0] + t * cubic[1]

    y, x = np.sort(rng.uniform(-1, 1, 11)), np.sort(rng.uniform(-1, 1, 9))
    field = make_field(truth, [0.0, 1.0, 3.5, 4.0], y[::-1] if falling else y, x)
    if shuffled:
        field = field.transpose("x", "time", "y")
    t, py, px = scatter(seed, 200, (0, 4), (y[0], y[-1]), (x[0], x[-1]))
    t[:3], py[:2], px[1:3] = (0.0, 4.0, 1.0), (y[0], y[-1]), (x[0], x[-1])
    sampled = sample(field, make_points(t, py, px))
    np.testing.assert_allclose(sampled, truth(t, py, px), atol=1e-9)
    assert sampled.dims == ("time",) and sampled.name == "ssh" and sampled.attrs == {"units": "m"}


def test_periodic_is_the_periodic_spline():
    """Against the periodic spline of scipy.ndimage, across both seams and any number of turns."""
    values = np.random.default_rng(0).standard_normal((1, 20, 32))
    y, x = 100.0 + 5.0 * np.arange(20), -7.0 + 0.5 * np.arange(32)
    field = xr.DataArray(values, {"time": moments([0]), "y": y, "x": x}, ("time", "y", "x"))
    _, py, px = scatter(1, 500, (0, 1), (-200, 400), (-30, 30))
    index = [(py - y[0]) / 5.0, (px - x[0]) / 0.5]
    expected = map_coordinates(values[0], index, order=3, mode="grid-wrap")
    sampled = sample(field, make_points(np.zeros(500), py, px), periodic=True)
    np.testing.assert_allclose(sampled, expected, atol=1e-12)


def test_a_wave_is_sampled_to_fourth_order():
    def wave(t, y, x):
        return np.cos(2 * np.pi * x) * np.sin(2 * np.pi * y) * (1 + t)

    errors = []
    for n in (16, 32):
        field = make_field(wave, [0.0, 1.0], np.arange(n) / n, np.arange(n) / n)
        t, y, x = scatter(2, 1000, (0, 1), (0, 1), (0, 1))
        sampled = sample(field, make_points(t, y, x), periodic=True)
        errors.append(np.abs(sampled - wave(t, y, x)).max())
    assert errors[0] / errors[1] > 12  # 2**4, within the constant


def test_longitudes_are_compared_modulo_360():
    names = ("latitude", "longitude")

    def truth(t, y, x):
        return t + 0.01 * y**2 - 0.02 * (x + 60) ** 3

    field = make_field(truth, [0.0, 1.0], np.linspace(33, 43, 21), np.linspace(-65, -55, 21), names)
    t, y, x = scatter(3, 50, (0, 1), (33, 43), (-65, -55))
    x[0], x[1] = -65.0, -55.0
    for turn in (0.0, 360.0, -360.0):
        sampled = sample(field, make_points(t, y, x + turn, names))
        np.testing.assert_allclose(sampled, truth(t, y, x), atol=1e-9)


def test_a_global_field_has_no_seam():
    names = ("latitude", "longitude")

    def truth(t, y, x):
        return np.cos(np.deg2rad(x)) + 0.1 * y

    field = make_field(truth, [0.0, 1.0], np.linspace(-60, 60, 13), np.arange(0.5, 360), names)
    x = np.array([359.9, 0.0, 0.2, -0.3, 180.0])
    sampled = sample(field, make_points(np.zeros(5), np.zeros(5), x, names))
    np.testing.assert_allclose(sampled, truth(0, 0, x), atol=1e-8)


def test_track_and_swath_of_an_orbit():
    box, end = (295.0, 305.0, 33.0, 43.0), EPOCH + 6 * DAY
    names = ("latitude", "longitude")

    def truth(t, y, x):
        return 0.1 * t + np.sin(0.3 * y) * np.cos(np.deg2rad(10 * x))

    field = make_field(
        truth, np.arange(7.0), np.arange(33, 43.1, 0.2), np.arange(-65, -54.9, 0.2), names
    )
    track = nadir_track(ORBITS["swot"], box, EPOCH, end)
    swath = karin_swath(ORBITS["swot"], box, EPOCH, end)
    for points in (track, swath):
        sampled = sample(field, points)
        days = (points.time - EPOCH) / DAY
        expected = truth(days, points.latitude, points.longitude)
        assert sampled.dims == points.longitude.dims
        xr.testing.assert_allclose(
            sampled.drop_attrs(), expected.rename("ssh").drop_attrs(), atol=1e-6
        )
        xr.testing.assert_equal(sampled.isnull(), points.longitude.isnull())
    assert bool(swath.longitude.isnull().any())


def test_missing_coordinates_give_missing_values_and_nothing_is_changed():
    field = make_field(lambda t, y, x: t + y + x, [0.0, 1.0], np.arange(5.0), np.arange(5.0))
    points = make_points([0.0, 0.5, 9.0], [1.0, np.nan, 1.0], [1.0, 1.0, np.nan])
    before = field.copy(deep=True), points.copy(deep=True)
    np.testing.assert_allclose(sample(field, points), [2.0, np.nan, np.nan])
    xr.testing.assert_identical(field, before[0])
    xr.testing.assert_identical(points, before[1])


def test_times_of_another_unit_are_the_same_times():
    field = make_field(lambda t, y, x: t + 0 * y, [0.0, 2.0], np.arange(5.0), np.arange(5.0))
    coarse = field.assign_coords(time=field.time.astype("datetime64[s]"))
    assert coarse.time.dtype == np.dtype("datetime64[s]")
    np.testing.assert_allclose(sample(coarse, make_points([0.5], [1.0], [1.0])), 0.5)


def test_no_points_no_values():
    field = make_field(lambda t, y, x: t + y + x, [0.0, 1.0], np.arange(5.0), np.arange(5.0))
    assert sample(field, make_points([], [], [])).size == 0


def refuse(field, points, words, **options):
    with pytest.raises(OceanbenchError, match=words):
        sample(field, points, **options)


def test_points_outside_are_counted_and_placed():
    field = make_field(lambda t, y, x: t + y + x, [0.0, 1.0], np.arange(5.0), np.arange(5.0))
    far = make_points([0.0, 0.5, 1.0], [1.0, 1.0, 1.0], [1.0, 4.5, -2.0])
    refuse(field, far, r"2 of 3 points lie outside the field along 'x' \(-2 to 4.5; .* 0 to 4\)")
    late = make_points([0.0, 0.5, 1.5], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0])
    refuse(field, late, r"1 of 3 points lie outside the field in time \(2012-10-02T12:00")


def test_fields_that_are_not_fields_are_refused():
    field = make_field(lambda t, y, x: t + y + x, [0.0, 1.0], np.arange(5.0), np.arange(5.0))
    points = make_points([0.5], [1.0], [1.0])
    refuse(field.where(field.x > 0), points, "5 missing values at 2012-10-01")
    refuse(field.isel(x=slice(3)), points, "axis 'x' of the field: expected four")
    refuse(field.isel(x=[0, 2, 1, 3, 4]), points, "monotonic")
    refuse(field.isel(x=[0, 1, 2, 4]), points, "irregular: it has no period", periodic=True)
    refuse(field.rename(x="east"), points, "the field has dimensions")
    refuse(field, points.rename(x="longitude"), "the points have no 'x'")
    refuse(field.isel(time=[1, 0]), points, "expected at least one, increasing")
