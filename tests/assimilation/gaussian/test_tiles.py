"""Tiles cover a grid, their weights add up to one, and a globe has no seam."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import every

from oceanbench.assimilation.gaussian.tiles import Tile, tiles
from oceanbench.errors import OceanbenchError
from oceanbench.grid import KM_PER_DEGREE, great_circle_km


def blended(longitude: np.ndarray, latitude: np.ndarray, field: np.ndarray, parts: list[Tile]):
    """A field cut into tiles and put together again."""
    whole = np.zeros(field.shape)
    for tile in parts:
        place = np.ix_(tile.rows, tile.columns)
        whole[place] += tile.weight * field[place]
    return whole


def assert_partition(longitude: np.ndarray, latitude: np.ndarray, **options: float) -> list[Tile]:
    """Any field, cut into tiles and blended, is itself; weights and nodes are in order."""
    parts = tiles(longitude, latitude, **options)
    field = np.random.default_rng(0).standard_normal((latitude.size, longitude.size))
    again = blended(longitude, latitude, field, parts)
    np.testing.assert_allclose(again, field, atol=1e-12)
    for tile in parts:
        assert (tile.weight > 0).all()
        assert (tile.weight <= 1).all()
        assert (np.diff(tile.longitude) > 0).all()
        assert (np.abs(tile.longitude - tile.centre[0]) < 180).all()
        np.testing.assert_array_equal(tile.latitude, latitude[tile.rows])
        turns = (tile.longitude - longitude[tile.columns]) / 360
        np.testing.assert_allclose(turns, np.round(turns), atol=1e-12)
    return parts


@given(
    west=st.floats(-360, 360),
    south=st.floats(-80, 0),
    extent=st.tuples(st.floats(0.5, 120), st.floats(0.5, 79)),
    size=st.floats(4, 40),
    overlap=st.floats(0.05, 0.74),
)
def test_weights_are_a_partition_of_unity(
    west: float, south: float, extent: tuple[float, float], size: float, overlap: float
) -> None:
    longitude = west + np.arange(0, extent[0], 1.0)
    latitude = south + np.arange(0, extent[1], 0.7)
    assert_partition(longitude, latitude, size=size, overlap=overlap * size)


def test_ramps_wider_than_the_tiles_are_a_partition_of_unity_too() -> None:
    """26 degrees in tiles of about 10 are three of 8.6; the ramps are nine wide."""
    nodes = np.arange(0, 26, 0.25)
    assert_partition(nodes, nodes, size=10.0, overlap=9.0)


def test_tiles_smaller_than_the_step_of_the_grid_have_nodes() -> None:
    nodes = np.arange(0, 50, 5.0)
    assert all(np.isfinite(t.reach(1.0)).all() for t in tiles(nodes, nodes, size=2.0, overlap=0.5))


@given(
    start=st.floats(-360, 360),
    step=st.sampled_from([0.5, 1.0, 2.5]),
    size=st.floats(5, 120),
    overlap=st.floats(0.05, 0.74),
)
def test_a_globe_has_no_seam(start: float, step: float, size: float, overlap: float) -> None:
    longitude, latitude = start + np.arange(0, 360, step), np.array([-10.0, 0.0, 10.0])
    parts = assert_partition(longitude, latitude, size=size, overlap=overlap * size)
    widths = {tile.columns.size for tile in parts}
    assert max(widths) - min(widths) <= 1  # none is cut at the end of the grid
    assert all(np.allclose(np.diff(tile.longitude), step) for tile in parts)


def test_a_globe_is_covered_the_same_wherever_its_columns_start() -> None:
    latitude = np.array([0.0])
    first, second = (
        tiles(start + np.arange(0, 360, 1.0), latitude, size=30.0, overlap=6.0)
        for start in (0.0, -180.0)
    )
    lengths = [[t.weight.sum() for t in parts] for parts in (first, second)]
    np.testing.assert_allclose(*lengths)
    assert {t.centre[0] % 360 for t in first} == {t.centre[0] % 360 for t in second}


@every("nodes", [1, 2, 40])
def test_a_small_grid_is_one_tile_of_full_weight(nodes: int) -> None:
    longitude, latitude = 295 + 0.25 * np.arange(nodes), 33 + 0.25 * np.arange(nodes)
    (tile,) = tiles(longitude, latitude, size=10.0, overlap=2.5)
    assert (tile.weight == 1).all()
    np.testing.assert_array_equal(tile.longitude, longitude)
    np.testing.assert_allclose(tile.centre, (longitude.mean(), latitude.mean()))


def test_a_side_is_divided_into_the_parts_nearest_to_the_size() -> None:
    longitude, latitude = np.arange(0, 24.1, 0.5), np.arange(0, 37.1, 0.5)
    centres = [t.centre for t in tiles(longitude, latitude, size=10.0, overlap=2.0)]
    assert sorted({x for x, _ in centres}) == pytest.approx([6.0, 18.0])
    assert sorted({y for _, y in centres}) == pytest.approx([4.625, 13.875, 23.125, 32.375])
    assert centres == sorted(centres, key=lambda c: c[::-1])  # from south to north, west to east


@given(st.floats(-70, 60), st.floats(0.5, 5.0))
def test_the_reach_of_a_tile_covers_its_nodes_and_a_halo(south: float, halo: float) -> None:
    longitude, latitude = np.arange(170.0, 200.0, 1.0), south + np.arange(0, 10.0, 1.0)
    for tile in tiles(longitude, latitude, size=10.0, overlap=2.0):
        (west, east), (low, high) = tile.reach(halo)
        assert latitude[tile.rows].min() - low == pytest.approx(halo)
        assert high - latitude[tile.rows].max() == pytest.approx(halo)
        for bound, edge in ((west, tile.longitude[0]), (east, tile.longitude[-1])):
            distance = great_circle_km(bound, tile.centre[1], edge, tile.centre[1])
            assert distance == pytest.approx(halo * KM_PER_DEGREE, rel=0.02)


@every("overlap", [0.0, -1.0, 10.0, np.nan])
def test_an_overlap_that_is_none_or_a_whole_tile_is_refused(overlap: float) -> None:
    nodes = np.arange(0, 30.0)
    with pytest.raises(OceanbenchError, match="must be between 0 and the size"):
        tiles(nodes, nodes, size=10.0, overlap=overlap)
