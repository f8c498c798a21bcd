"""Longitudes, distances, interpolation and the filling of holes."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from builders import DAY, FIRST, days
from hypothesis import given
from hypothesis import strategies as st
from rows import every

from oceanbench.errors import OceanbenchError
from oceanbench.grid import (
    KM_PER_DEGREE,
    as_nanoseconds,
    centre_longitude,
    fill_holes,
    great_circle_km,
    interpolate,
    longitude_span,
    wrap_longitude,
)


def linear(time, latitude, longitude):
    """Trilinear in time, latitude and longitude (products included)."""
    t = (time - FIRST) / DAY
    y, x = latitude - 34, longitude + 63
    return 0.3 + 0.1 * t - 0.2 * y + 0.05 * x + 0.01 * t * y - 0.02 * x * y + 0.003 * t * x * y


def grid_of(west=-65.0, east=-61.0, nx=9, south=33.0, north=36.0, ny=7, count=6, **kwargs):
    axes = {
        "time": days(count, **kwargs),
        "latitude": np.linspace(south, north, ny),
        "longitude": np.linspace(west, east, nx),
    }
    values = linear(axes["time"][:, None, None], axes["latitude"][:, None], axes["longitude"])
    return xr.DataArray(values, dims=tuple(axes), coords=axes, name="ssh")


def points(count=50, seed=0):
    random = np.random.default_rng(seed)
    seconds = np.sort(random.integers(0, 5 * 86400 * 10**9, count))
    coords = {
        "time": FIRST + seconds.astype("timedelta64[ns]"),
        "latitude": ("time", random.uniform(33, 36, count)),
        "longitude": ("time", random.uniform(-65, -61, count)),
    }
    return xr.DataArray(np.zeros(count), dims="time", coords=coords)


@given(st.floats(-720, 720), st.floats(-360, 360))
def test_wrapped_longitude_is_the_same_meridian_within_180_degrees_of_the_centre(lon, centre):
    found = float(wrap_longitude(lon, centre))
    assert centre - 180 - 1e-9 <= found <= centre + 180 + 1e-9
    turns = (found - lon) / 360
    assert turns == pytest.approx(round(turns), abs=1e-9)
    if centre - 180 <= lon < centre + 180:
        assert found == lon


@every(
    "bounds, want",
    [
        ((-65, -55), (-65, -55)),
        ((295, 305), (295, 305)),
        ((350, 10), (350, 370)),
        ((170, -170), (170, 190)),
        ((-180, 180), (-180, 180)),
        ((0, 360), (0, 360)),
    ],
)
def test_span_of_longitudes_goes_east(bounds, want):
    assert longitude_span(*bounds) == want


def test_great_circle_distances():
    assert great_circle_km(0, 0, 0, 1) == pytest.approx(KM_PER_DEGREE)
    assert great_circle_km(0, 60, 1, 60) == pytest.approx(KM_PER_DEGREE / 2, rel=1e-4)
    assert great_circle_km(-179.5, 0, 179.5, 0) == pytest.approx(KM_PER_DEGREE)
    assert great_circle_km(0, 0, 180, 0) == pytest.approx(np.pi * 6371)
    assert great_circle_km(10, 20, 10, 20) == 0


def test_interpolation_to_a_grid_is_exact_on_a_trilinear_field():
    field = grid_of()
    fine = xr.DataArray(
        np.zeros((11, 13, 17)),
        dims=("time", "latitude", "longitude"),
        coords={
            "time": FIRST + np.arange(11) * np.timedelta64(12, "h"),
            "latitude": np.linspace(33, 36, 13),
            "longitude": np.linspace(-65, -61, 17),
        },
    )
    found = interpolate(field, fine)
    want = linear(fine["time"], fine["latitude"], fine["longitude"])
    xr.testing.assert_allclose(found, want.transpose(*found.dims), rtol=1e-12)
    assert found.dims == fine.dims and found.name == "ssh"


def test_interpolation_to_points_is_exact_on_a_trilinear_field():
    track = points()
    found = interpolate(grid_of(), track)
    want = linear(track["time"], track["latitude"], track["longitude"])
    np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-12)
    none = interpolate(grid_of(), track[:0])
    assert (none.size, none.dims, none.dtype) == (0, track.dims, found.dtype)


@every("field_unit", ["s", "ms", "us", "ns"])
@every("point_unit", ["s", "ms", "us", "ns"])
def test_unit_of_dates_changes_nothing(field_unit, point_unit):
    """xarray subtracts dates of different units without converting them."""
    field, track = grid_of(), points()
    track = track.assign_coords(time=track["time"].values.astype("M8[s]").astype("M8[ns]"))
    want = interpolate(field, track)
    found = interpolate(
        field.assign_coords(time=field["time"].values.astype(f"M8[{field_unit}]")),
        track.assign_coords(time=track["time"].values.astype(f"M8[{point_unit}]")),
    )
    np.testing.assert_array_equal(found, want)
    assert np.isfinite(want).all()


def test_nothing_is_extrapolated():
    track = points(6)
    track["longitude"][0] = -65.001
    track["latitude"][1] = 36.001
    last = track["time"].values.copy()
    last[5] = FIRST + 5 * DAY + np.timedelta64(1, "s")
    track = track.assign_coords(time=last)
    found = interpolate(grid_of(), track)
    assert np.isnan(found.values).tolist() == [True, True, False, False, False, True]


def test_point_beside_a_missing_node_is_missing_and_one_cell_further_is_not():
    field = grid_of()
    field[:, 3, 4] = np.nan  # 34.5 N, 63 W; cells are half a degree
    track = points(4)
    track["latitude"][:] = [34.6, 34.3, 34.6, 35.1]
    track["longitude"][:] = [-62.9, -63.2, -62.4, -63.0]
    assert np.isnan(interpolate(field, track)).values.tolist() == [True, True, False, False]


@pytest.mark.parametrize("noise", ["wrapped", "float32"])
def test_rounding_of_coordinates_does_not_lose_the_edge_of_the_domain(noise):
    """304.99999999999994 - 360 lies outside -55 by one bit, float32 by 4e-6 degrees."""
    field = grid_of(west=-64.9, east=-55.1, nx=99, south=33.1, north=42.9, ny=99)
    if noise == "wrapped":
        rounded = (np.arange(99) * 0.1 + 295.1) - 360.0
        latitude = np.arange(99) * 0.1 + 33.1
    else:
        rounded, latitude = (field[d].values.astype("f4") for d in ("longitude", "latitude"))
    other = field.assign_coords(longitude=rounded.astype(float), latitude=latitude.astype(float))
    found = interpolate(other, field)
    assert int(found.isnull().sum()) == 0
    np.testing.assert_allclose(found, field, atol=1e-4)


def test_global_grid_has_no_seam():
    longitude = np.arange(0.0, 360.0, 10.0)
    field = xr.DataArray(
        np.cos(np.deg2rad(longitude)) * np.ones((2, 3, 1)),
        dims=("time", "latitude", "longitude"),
        coords={"time": days(2), "latitude": [-10.0, 0.0, 10.0], "longitude": longitude},
    )
    for centre in (0.0, 180.0, -60.0, 355.0):
        around = centre_longitude(field, centre)
        lon = around["longitude"].values
        assert (np.diff(lon) > 0).all()
        assert lon[0] <= centre - 180 and lon[-1] >= centre + 180 - 1e-9
        np.testing.assert_allclose(around, np.cos(np.deg2rad(lon)) + 0 * around, atol=1e-12)


def test_regional_grid_is_brought_to_the_convention_of_the_centre_without_new_columns():
    field = grid_of(west=295.0, east=299.0)
    around = centre_longitude(field, -63.0)
    np.testing.assert_allclose(around["longitude"], np.linspace(-65, -61, 9))
    across = centre_longitude(grid_of(west=-2.0, east=2.0), 360.0)
    np.testing.assert_allclose(across["longitude"], np.linspace(358, 362, 9))


def test_regional_grid_on_the_other_side_of_the_globe_is_not_stretched_around_it():
    """Cut at the seam, its two halves must not be joined by interpolation across the domain."""
    field = grid_of(west=178.0, east=182.0)
    target = grid_of(west=-2.0, east=2.0)
    around = centre_longitude(field, 0.0)
    assert bool(interpolate(around, target).isnull().all())


@pytest.mark.parametrize("year", ["0001", "1500", "3000"])
def test_dates_beyond_the_reach_of_nanoseconds_are_refused_not_wrapped(year):
    field = xr.DataArray([0.0], dims="time", coords={"time": np.array([f"{year}-01-01"], "M8[us]")})
    with pytest.raises(OceanbenchError, match="time"):
        as_nanoseconds(field)


# --- holes --------------------------------------------------------------------------------------


@pytest.fixture
def holes():
    random = np.random.default_rng(3)
    values = random.standard_normal((3, 9, 11))
    values[0, 3:6, 4:8] = np.nan  # inside
    values[1, :3, :4] = np.nan  # in a corner
    values[2, :, 5:] = np.nan  # to the edge
    axes = {"time": days(3), "latitude": np.arange(9.0), "longitude": np.arange(11.0)}
    return xr.DataArray(values, dims=tuple(axes), coords=axes)


def test_filled_values_are_the_mean_of_their_neighbours_mirrored_at_the_edges(holes):
    filled = fill_holes(holes)
    padded = np.pad(filled.values, ((0, 0), (1, 1), (1, 1)), mode="reflect")
    mean = (
        padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1] + padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]
    ) / 4
    missing = np.isnan(holes.values)
    np.testing.assert_allclose(filled.values[missing], mean[missing], atol=1e-12)
    np.testing.assert_array_equal(filled.values[~missing], holes.values[~missing])


def test_filled_values_lie_between_the_known_ones(holes):
    filled = fill_holes(holes)
    for before, after in zip(holes.values, filled.values, strict=True):
        assert np.nanmin(before) <= after.min() and after.max() <= np.nanmax(before)


def test_filling_is_exact_on_a_linear_field_inside_and_on_a_constant_at_the_edge(holes):
    plane = 0 * holes.fillna(0.0) + 0.3 * holes["latitude"] - 0.7 * holes["longitude"]
    inside = plane.where(holes.notnull())[:1]
    np.testing.assert_allclose(fill_holes(inside), plane[:1], atol=1e-12)
    constant = (0 * plane + 2.5).where(holes.notnull())
    np.testing.assert_allclose(fill_holes(constant), 2.5, atol=1e-12)


def test_order_of_dimensions_does_not_change_what_is_filled(holes):
    want = fill_holes(holes)
    found = fill_holes(holes.transpose("longitude", "time", "latitude"))
    xr.testing.assert_allclose(found.transpose(*want.dims), want)
    single = fill_holes(holes[2].transpose("longitude", "latitude"))
    np.testing.assert_allclose(single, want[2], atol=1e-12)


def test_filling_leaves_its_input_and_complete_maps_alone(holes):
    before = holes.copy(deep=True)
    fill_holes(holes)
    xr.testing.assert_identical(holes, before)
    complete = holes.fillna(1.0)
    xr.testing.assert_identical(fill_holes(complete), complete)


def test_map_without_any_value_is_refused_with_its_date(holes):
    holes[1] = np.nan
    with pytest.raises(OceanbenchError, match=r"no value.*") as caught:
        fill_holes(holes)
    assert "2012-10-23" in str(caught.value)


def relaxed(field: np.ndarray, tolerance: float) -> np.ndarray:
    """Gauss-Seidel relaxation of the holes from zonal means, until no step exceeds a tolerance."""
    missing = np.isnan(field)
    filled = np.where(missing, np.nanmean(field, axis=1, keepdims=True), field)
    rows, columns = field.shape
    step = np.inf
    while step > tolerance:
        step = 0.0
        for i, j in zip(*np.nonzero(missing), strict=True):
            above, below = abs(i - 1), rows - 2 if i == rows - 1 else i + 1
            left, right = abs(j - 1), columns - 2 if j == columns - 1 else j + 1
            mean = filled[above, j] + filled[below, j] + filled[i, left] + filled[i, right]
            step = max(step, abs(mean / 4 - filled[i, j]))
            filled[i, j] = mean / 4
    return filled


def test_filling_is_the_limit_of_the_published_relaxation():
    """Stopped at 0.1 mm, as published, it is millimetres away; run on, it converges to ours."""
    axes = np.mgrid[0:40, 0:40] / 6.0
    field = 0.3 * np.sin(axes[0] + 0.3 * axes[1]) * np.cos(0.8 * axes[1])
    field[2:10, 33:] = field[25:33, 5:14] = np.nan
    direct = fill_holes(xr.DataArray(field, dims=("latitude", "longitude"))).values
    missing = np.isnan(field)
    assert 1e-5 < np.abs(relaxed(field, 1e-4) - direct)[missing].max() < 5e-3
    np.testing.assert_allclose(relaxed(field, 1e-9), direct, atol=1e-7)
