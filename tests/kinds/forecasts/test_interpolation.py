"""Values between nodes and levels: exact on planes, and nowhere beyond."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import every

from oceanbench.kinds.forecasts.grid import Grid
from oceanbench.kinds.forecasts.interpolation import Stencil, bracketing, in_column

LATITUDE = np.array([20.0, 20.5, 21.5, 24.0])  # spacing is free
LONGITUDE = np.array([-70.0, -69.0, -67.5, -67.0, -64.0])
GRID = Grid(LATITUDE, LONGITUDE)
GLOBE = Grid(np.linspace(-60, 60, 25), np.arange(0.0, 360.0, 5.0))


def bilinear(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    return 1.0 + 0.3 * y - 0.2 * x + 0.01 * y * x


FIELD = bilinear(LATITUDE[:, None], LONGITUDE)


@given(st.floats(20, 24), st.floats(-70, -64), st.integers(-2, 2))
def test_what_is_bilinear_is_found_exactly_in_any_convention(y: float, x: float, turns: int):
    y, x = np.array([y]), np.array([x])
    found = Stencil.around(GRID, y, x + 360.0 * turns).of(FIELD)
    assert found == pytest.approx(bilinear(y, x), rel=1e-9, abs=5e-4 * (turns != 0) + 4e-5)


def test_order_of_accuracy_is_two():
    errors = []
    for step in (4.0, 2.0, 1.0):
        grid = Grid(np.arange(-60.0, 61.0, step), np.arange(0.0, 360.0, step))
        wave = np.cos(np.deg2rad(grid.latitude))[:, None] * np.sin(np.deg2rad(3 * grid.longitude))
        y, x = np.random.default_rng(0).uniform(-60, 60, (2, 4000))
        exact = np.cos(np.deg2rad(y)) * np.sin(np.deg2rad(3 * x))
        errors.append(np.sqrt(np.mean((Stencil.around(grid, y, x).of(wave) - exact) ** 2)))
    assert np.log2(np.array(errors[:-1]) / errors[1:]) == pytest.approx(2.0, abs=0.05)


def test_the_globe_has_no_seam():
    x = np.array([-2.5, 357.5, 359.0, 0.0, 360.0])
    wave = np.broadcast_to(np.arange(72.0), (25, 72))
    found = Stencil.around(GLOBE, np.zeros(5), x).of(wave)
    assert found == pytest.approx([35.5, 35.5, 0.8 * 0 + 0.2 * 71, 0.0, 0.0])


@every("y, x", [(19.99, -66), (24.01, -66), (22, -70.01), (22, -63.99), (np.nan, -66)])
def test_nothing_is_extrapolated(y: float, x: float):
    assert np.isnan(Stencil.around(GRID, np.array([y]), np.array([x])).of(FIELD)).all()


def test_only_nodes_with_a_share_need_a_value():
    dry = FIELD.copy()
    dry[1, 2] = np.nan  # 20.5, -67.5
    y = np.array([20.5, 20.5, 20.5, 21.0, 21.0, 20.0 + 1e-5])
    x = np.array([-67.5, -67.6, -67.0, -67.25, -64.5, -67.25])
    found = np.isfinite(Stencil.around(GRID, y, x).of(dry))
    assert found.tolist() == [False, False, True, False, True, True]


def test_maps_of_any_shape_are_read_at_once():
    stacked = np.stack([[FIELD, 2 * FIELD], [3 * FIELD, 4 * FIELD]]).astype("f4")
    y, x = np.array([20.2, 23.0, 21.5]), np.array([-69.9, -65.0, -68.0])
    found = Stencil.around(GRID, y, x).of(stacked)
    assert found.shape == (2, 2, 3)
    assert found[1, 1] == pytest.approx(4 * bilinear(y, x), rel=1e-6)


DEPTHS = [0.494025, 47.37369, 92.32607, 222.4752]


def test_a_column_is_linear_between_its_levels_and_ends_with_them():
    wanted = np.array([0.494, 0.3, 10.0, 47.37, 92.326, 150.0, 222.4752, 222.48])
    levels = np.broadcast_to(np.array(DEPTHS)[:, None, None], (4, 3, wanted.size))
    found = in_column(2.0 * levels + 1.0, DEPTHS, wanted)
    assert found.shape == (3, wanted.size)
    assert np.isnan(found[:, 1]).all()
    inside = [0, 2, 3, 4, 5, 6]
    expected = 2.0 * wanted[inside] + 1.0
    assert found[1, inside] == pytest.approx(expected, abs=0.02)
    assert np.isfinite(found[:, 7]).all()  # a level within a centimetre
    assert np.isnan(in_column(levels, DEPTHS, np.full(wanted.size, 230.0))).all()


def test_a_level_without_value_is_needed_only_between():
    levels = np.array([1.0, np.nan, 3.0])[:, None] * np.ones(4)
    found = in_column(levels, [0.0, 10.0, 20.0], np.array([0.0, 5.0, 10.0, 20.0]))
    assert np.isfinite(found).tolist() == [True, False, False, True]


@given(st.floats(0, 300), st.floats(0, 300))
def test_a_bin_needs_the_levels_around_it(first: float, second: float):
    top, bottom = sorted((first, second))
    levels = bracketing(DEPTHS, top, bottom)
    assert levels == tuple(d for d in DEPTHS if levels[0] <= d <= levels[-1])
    for depth in np.linspace(top, bottom, 7):
        if DEPTHS[0] <= depth <= DEPTHS[-1]:
            assert levels[0] <= depth <= levels[-1]
