"""Super-observations are means of what belongs together: one pass, one side of a swath."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from dense import DAY, SECOND, START, track
from hypothesis import given
from hypothesis import strategies as st
from rows import every

from oceanbench.assimilation.observations.missions import chosen_missions
from oceanbench.assimilation.observations.superobservations import (
    Samples,
    kilometres,
    mean_field,
    samples,
)
from oceanbench.data import shipped
from oceanbench.errors import OceanbenchError
from oceanbench.grid import KM_PER_DEGREE


def passes(*sizes: int, first: int = 0, west: float = 0.0, **columns: np.ndarray) -> xr.Dataset:
    """Passes of 1-Hz samples, six hours apart and one degree further east each.

    The value is the number of the sample.
    """
    number = np.repeat(np.arange(len(sizes)), sizes)
    sample = np.concatenate([np.arange(n) for n in sizes] or [np.zeros(0, int)])
    time = START + first * DAY + number * np.timedelta64(6, "h") + sample * SECOND
    return track(time, west + number, 0.05 * sample, np.arange(float(number.size)), **columns)


def swath(
    lines: int, pixels: int = 26, *, step_km: float = 4.0, gap_km: float = 20.0, west: float = 0.0
) -> xr.Dataset:
    """A northward swath with two sides; the value is 2 longitude - 3 latitude."""
    across = np.arange(pixels) * step_km + np.where(np.arange(pixels) < pixels // 2, 0.0, gap_km)
    time = START + np.arange(lines) * SECOND // 2
    latitude = np.arange(lines)[:, None] * step_km / KM_PER_DEGREE + np.zeros(pixels)
    longitude = west + across / KM_PER_DEGREE + np.zeros((lines, 1))
    dims = ("time", "cross_track")
    coords = {"time": time, "longitude": (dims, longitude), "latitude": (dims, latitude)}
    value = (dims, 2 * longitude - 3 * latitude)
    return xr.Dataset({"ssh": value}, coords, {"layout": "swath", "role": "observations"})


def prepared(*datasets: xr.Dataset, centre: float = 0.0, **options: object) -> Samples:
    inputs = {f"mission{i}": d for i, d in enumerate(datasets)}
    return samples(inputs, "ssh", START, centre, **options)


@given(st.lists(st.integers(2, 30), min_size=1, max_size=6), st.integers(1, 8))
def test_means_along_a_track_never_bridge_two_passes(sizes: list[int], coarsen: int) -> None:
    data = passes(*sizes)
    data = data.assign(track=("time", np.repeat(np.arange(len(sizes)), sizes)))
    found = prepared(data, coarsen=coarsen)
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    expected = [
        (f + (i + 0.5) * coarsen - 0.5, p)
        for p, (f, n) in enumerate(zip(first, sizes, strict=True))
        for i in range(n // coarsen)
    ]
    assert found.value.tolist() == pytest.approx([v for v, _ in expected])
    assert found.longitude.tolist() == pytest.approx([p for _, p in expected])
    assert np.unique(found.track).size == sum(n >= coarsen for n in sizes)


def test_a_pause_separates_passes_that_have_no_number() -> None:
    np.testing.assert_allclose(prepared(passes(12, 7), coarsen=5).value, [2, 7, 14])


def test_across_gaps_blocks_are_those_of_the_file() -> None:
    found = prepared(passes(12, 7), coarsen=5, across_gaps=True)
    np.testing.assert_allclose(found.value, [2, 7, 12])
    np.testing.assert_allclose(found.longitude, [0, 0, 0.6])  # between the two passes


def test_a_mean_is_dropped_with_any_of_its_samples() -> None:
    data = passes(20)
    data["ssh"][7] = np.nan
    np.testing.assert_allclose(prepared(data, coarsen=5).value, [2, 12, 17])


def test_samples_are_in_the_order_of_time_and_know_their_mission() -> None:
    found = prepared(passes(10, 10, 10), passes(10, first=1), passes(10, first=-1), coarsen=5)
    assert (np.diff(found.time) >= 0).all()
    assert found.mission.tolist() == [2, 2, *[0] * 6, 1, 1]
    assert found.missions == ("mission0", "mission1", "mission2")
    assert found.time[0] == pytest.approx(-1 + 2 / 86400)


def test_numbers_of_passes_are_unique_over_missions() -> None:
    numbers = np.repeat([4, 5], 10)
    found = prepared(passes(10, 10, track=numbers), passes(10, 10, track=numbers), coarsen=5)
    pairs = set(zip(found.track.tolist(), found.mission.tolist(), strict=True))
    assert len(pairs) == len({t for t, _ in pairs}) == 4


@every("west", [-0.1, 359.9, 179.9, -180.1])
@every("turn", [-360.0, 0.0])
def test_longitudes_are_continuous_around_the_centre(west: float, turn: float) -> None:
    """Passes on either side of 0 or 180 degrees, in any convention."""
    data = passes(10, 10, west=west)
    data = data.assign_coords(longitude=(data["longitude"] + 180) % 360 - 180)
    found = prepared(data, centre=west + turn)
    np.testing.assert_allclose(found.longitude - west - turn, [0, 0, 1, 1], atol=1e-9)


def slanted(*longitude: float) -> xr.Dataset:
    """One pass along given longitudes."""
    place = np.array(longitude)
    return track(START + np.arange(place.size) * SECOND, place, 0 * place, 0 * place)


def test_means_across_the_seam_opposite_the_centre_stay_there() -> None:
    """Where a grid that goes round the globe begins and ends."""
    found = prepared(slanted(179.8, 179.9, -180.0, -179.9, -179.8), centre=0.0)
    assert abs(found.longitude[0]) == pytest.approx(180.0)


@pytest.mark.parametrize("side", [8.0, 30.0, 52.0])
def test_cells_of_a_swath_are_exact_for_linear_fields_and_keep_its_sides_apart(
    side: float,
) -> None:
    data = swath(64)
    found = prepared(data, swath_km=side)
    np.testing.assert_allclose(found.value, 2 * found.longitude - 3 * found.latitude, atol=1e-12)
    across = found.longitude * KM_PER_DEGREE
    assert not ((across > 50.0) & (across < 70.0)).any()
    assert ((across <= 48.0).sum(), (across >= 68.0).sum()) == (found.time.size / 2,) * 2
    along = round(side / 4.0)
    rows = -(-64 // along)
    columns = 2 * round(52.0 / side)
    assert found.time.size == rows * columns
    assert np.unique(found.track).size == 1


@pytest.mark.parametrize("places", ["filled", "missing"])
def test_pixels_missing_at_nadir_separate_the_sides_of_a_swath(places: str) -> None:
    """As in files that hold the gap as missing pixels, with or without their places."""
    data = swath(64, 31, gap_km=0.0)
    data["ssh"][:, 13:18] = np.nan
    if places == "missing":
        known = data["ssh"].notnull()
        data = data.assign_coords({n: data[n].where(known) for n in ("longitude", "latitude")})
    pixel = prepared(data, swath_km=44.0).longitude * KM_PER_DEGREE / 4.0
    assert not ((pixel > 12.0) & (pixel < 18.0)).any()


def test_cells_of_a_swath_never_bridge_two_passes() -> None:
    later = swath(10, west=3.0).assign_coords(time=swath(10)["time"] + DAY)
    found = prepared(xr.concat([swath(13), later], "time"), swath_km=30.0)
    assert set(np.unique(found.track[found.time < 0.5])).isdisjoint(found.track[found.time > 0.5])
    np.testing.assert_allclose(found.value, 2 * found.longitude - 3 * found.latitude, atol=1e-12)
    assert found.longitude[found.time < 0.5].max() < 2.0 < found.longitude[found.time > 0.5].min()


@pytest.mark.parametrize(("missing", "cells"), [(0, 1), (8, 1), (9, 0)])
def test_a_cell_counts_with_at_least_half_of_its_pixels(missing: int, cells: int) -> None:
    data = swath(4, 4, gap_km=0.0)
    data["ssh"].values.ravel()[:missing] = np.nan
    found = prepared(data, swath_km=16.0)
    assert found.time.size == cells
    np.testing.assert_allclose(found.value, 2 * found.longitude - 3 * found.latitude, atol=1e-12)


@every("lines", [0, 1])
def test_a_swath_of_hardly_any_lines_is_no_error(lines: int) -> None:
    assert prepared(swath(lines), swath_km=30.0).time.size <= 6


def test_a_mission_without_samples_is_no_error() -> None:
    """One that was not flying yet in the period that the inputs are cut to."""
    assert prepared(passes(), passes(10)).mission.tolist() == [1, 1]


def test_the_shipped_swath_makes_cells_of_30_km() -> None:
    path = shipped.find("challenges", "ssh_osse_jet", "{name}/challenge.yaml")
    with xr.open_dataset(path.parent / "data" / "swot_karin.nc", engine="h5netcdf") as stored:
        data = stored.isel(time=slice(0, 4000)).load().assign_attrs(layout="swath")
    found = samples({"karin": data}, "ssh", data["time"].values[0], 300.0, swath_km=30.0)
    area = data["ssh"].size * 4.0**2  # km²
    assert area / found.time.size == pytest.approx(30.0**2, rel=0.25)
    sides = np.sign(data["cross_track_distance"].values)
    assert {-1, 1} == set(sides)
    x, y = kilometres(found.longitude, found.latitude, (300.0, float(found.latitude.mean())))
    one = found.track == found.track[found.time.size // 2]
    distance = np.hypot(x[one, None] - x[one], y[one, None] - y[one])
    nearest = np.sort(distance + 1e9 * np.eye(len(distance)), axis=1)[:, 0]
    assert 18.0 < np.median(nearest) < 36.0
    assert found.value.std() == pytest.approx(float(data["ssh"].std()), rel=0.03)


def test_a_mean_field_is_interpolated_and_subtracted_sample_by_sample() -> None:
    nodes = {"latitude": np.arange(-2.0, 5.0), "longitude": np.arange(356.0, 366.0)}
    plane = 0.5 * nodes["latitude"][:, None] - 0.1 * (nodes["longitude"] - 360)
    mean = xr.DataArray(plane, nodes, ("latitude", "longitude"))
    static = {"mdt": mean.to_dataset(name="ssh").assign_attrs(layout="static")}
    found = prepared(passes(10, 10), mean=mean_field(static, "ssh", 0.0))
    without = prepared(passes(10, 10))
    expected = without.value - 0.5 * without.latitude + 0.1 * without.longitude
    np.testing.assert_allclose(found.value, expected, atol=1e-12)


def grids(level: float, **attributes: str) -> xr.Dataset:
    axes = {
        "time": START + np.arange(2) * DAY,
        "latitude": [2.0, 1.0, 0.0],
        "longitude": [9.0, 8.0],
    }
    values = np.full((2, 3, 2), level) + np.array([-1.0, 1.0])[:, None, None]
    values[:, 1, 1] = np.nan
    return xr.Dataset({"ssh": (tuple(axes), values)}, axes, attributes)


def test_a_mean_field_is_static_or_the_mean_of_the_training_maps_without_holes() -> None:
    static = grids(5.0, layout="static").mean("time", keep_attrs=True)
    training = grids(2.0, role="training", layout="grid")
    found = mean_field({"mdt": static}, "ssh", 0.0)
    np.testing.assert_allclose(found, 5.0)
    assert found["latitude"].values.tolist() == [0, 1, 2]
    assert found["longitude"].values.tolist() == [8, 9]
    np.testing.assert_allclose(mean_field({"before": training}, "ssh", 0.0, of_training=True), 2.0)
    assert mean_field({"before": training}, "ssh", 0.0) is None
    assert mean_field({"mdt": static}, "sla", 0.0) is None
    both = {"mdt": static, "before": training}
    np.testing.assert_allclose(mean_field(both, "ssh", 0.0, of_training=True), 5.0)


def test_a_static_field_goes_before_training_maps_wherever_it_is_declared() -> None:
    static = grids(5.0, layout="static").mean("time", keep_attrs=True)
    both = {"before": grids(2.0, role="training", layout="grid"), "mdt": static}
    np.testing.assert_allclose(mean_field(both, "ssh", 0.0, of_training=True), 5.0)


def test_missions_are_those_listed_else_those_that_are_not_optional() -> None:
    inputs = {"a": passes(5), "b": passes(5).assign_attrs(optional=1), "c": swath(9)}
    inputs["maps"] = grids(0.0, layout="grid")
    assert chosen_missions(inputs, "") == ["a", "c"]
    assert chosen_missions(inputs, "all") == ["a", "b", "c"]
    assert chosen_missions(inputs, " c, b,") == ["c", "b"]
    with pytest.raises(OceanbenchError, match="no observations 'maps'"):
        chosen_missions(inputs, "a,maps")
    with pytest.raises(OceanbenchError, match="needs observations"):
        chosen_missions({"maps": inputs["maps"]}, "")


def test_a_mission_named_twice_counts_once_or_is_refused() -> None:
    try:
        names = chosen_missions({"a": passes(5)}, "a,a")
    except OceanbenchError:
        return
    assert names == ["a"]


@every("options", [{"coarsen": 0}, {"swath_km": 0.0}, {"swath_km": -1.0}])
def test_impossible_sizes_are_refused(options: dict) -> None:
    with pytest.raises(OceanbenchError, match="must be >= 1"):
        prepared(passes(5), **options)


def test_observations_are_kilometres_about_a_place_in_units_of_the_signal() -> None:
    found = prepared(passes(10, 10), passes(10, west=1.0), coarsen=5)
    o = found.observations((0.0, 60.0), np.array([0.1, 0.3]), correlated=0.2, deviation=4.0)
    np.testing.assert_allclose(o.x, found.longitude * KM_PER_DEGREE / 2)
    np.testing.assert_allclose(o.y, (found.latitude - 60) * KM_PER_DEGREE)
    np.testing.assert_allclose(o.value, found.value / 4)
    np.testing.assert_allclose(o.noise, np.where(found.mission == 1, 0.3, 0.1))
    assert o.correlated == 0.2
    assert (o.track == found.track).all()


def test_boxes_and_turns_select_without_changing_the_rest() -> None:
    found = prepared(passes(10, 10, 10), coarsen=5)
    inside = found.within((0.5, 1.5), (0.0, 0.2))
    assert inside.value.tolist() == [12.0]
    np.testing.assert_allclose(found.around((360.0, 0.0)).longitude, found.longitude + 360)
    bounds = (float(inside.longitude[0]),) * 2, (float(inside.latitude[0]),) * 2
    assert found.within(*bounds).value.tolist() == [12.0]  # bounds included


def test_the_deviation_of_the_signal_is_that_of_the_values_without_their_noise() -> None:
    random = np.random.default_rng(0)
    data = passes(4000)
    value = 0.2 * random.standard_normal(4000) + 0.1 * random.standard_normal(4000)
    found = prepared(data.assign(ssh=("time", value)), coarsen=1)
    assert found.deviation(0.25) == pytest.approx(0.2, rel=0.05)
    assert found.take(found.time < 0).deviation(0.25) == 1.0
    assert prepared(data.assign(ssh=0 * data["ssh"])).deviation(0.25) == 1.0
