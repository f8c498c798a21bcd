"""Clouds cover what they should, floats are at sea, drifters go where the current goes."""

import numpy as np
import pytest

from oceanbench.observing.in_situ import clear_sky, drift, profile_cells


@pytest.mark.parametrize("cover", [0.2, 0.6])
def test_clouds_cover_a_fraction_in_patches(cover):
    clear = clear_sky((40, 30, 50), 1, cover=cover)
    assert clear.mean() == pytest.approx(1 - cover, abs=1e-3)
    alike = (clear[:, 1:] == clear[:, :-1]).mean()
    assert alike > 0.8 > cover**2 + (1 - cover) ** 2  # independent cells would be alike that often
    np.testing.assert_array_equal(clear, clear_sky((40, 30, 50), 1, cover=cover))


def test_profiles_are_at_sea_everywhere_and_in_time_order():
    wet = np.zeros((6, 8), bool)
    wet[2:5, 1:7] = True
    day, row, column = profile_cells(wet, 200, 5, seed=2)
    assert wet[row, column].all()
    assert len(set(zip(row, column, strict=True))) == wet.sum()
    np.testing.assert_array_equal(day, np.repeat(np.arange(200), 5))


def test_drifters_in_a_uniform_current_go_straight():
    latitude, longitude = 30 + 0.25 * np.arange(40), -60 + 0.25 * np.arange(60)
    wet = np.zeros((40, 60), bool)
    wet[10:20, 5:15] = True
    everywhere = np.ones((40, 60), bool)
    u, v = np.full((4, 40, 60), 0.3), np.full((4, 40, 60), 0.1)
    found = drift(u, v, (latitude, longitude), wet | everywhere, 12, seed=0)
    north, east = (np.diff(path, axis=0) for path in found)
    inside = (found[1][-1] < longitude[-2]) & (found[0][-1] < latitude[-2])
    degree = 111.195 * np.array([1, np.cos(np.deg2rad(latitude.mean()))])
    assert inside.sum() > 3
    np.testing.assert_allclose(north[:, inside], 0.1 * 86.4 / degree[0], rtol=1e-4)
    np.testing.assert_allclose(east[:, inside], 0.3 * 86.4 / degree[1], rtol=1e-4)


def test_drifters_in_a_vortex_stay_on_their_circle():
    """Solid rotation with a period of 40 days: the radius grows by less than 1 % in a turn."""
    axis = 0.2 * np.arange(81)
    scale = 111.195e3 * np.array([1, np.cos(np.deg2rad(axis.mean()))])
    y, x = ((axis - 8.0) * s for s in scale)
    turn = 2 * np.pi / (40 * 86400.0)
    u = np.broadcast_to(-turn * y[:, None], (41, 81, 81))
    v = np.broadcast_to(turn * x[None, :], (41, 81, 81))
    wet = np.hypot(*np.meshgrid(axis - 8.0, axis - 8.0)) < 3
    paths = drift(u, v, (axis, axis), np.ones_like(wet), 30, seed=3)
    north, east = ((path - 8.0) * s for path, s in zip(paths, scale, strict=True))
    radius = np.hypot(north, east)
    kept = radius[0] < 5 * 111e3
    assert kept.sum() > 3
    np.testing.assert_allclose(radius[-1, kept], radius[0, kept], rtol=0.01)
    np.testing.assert_allclose(north[-1, kept], north[0, kept], atol=0.05 * radius[0, kept].max())


def test_drifters_ashore_are_set_out_anew():
    axis = 0.2 * np.arange(20)
    wet = np.zeros((20, 20), bool)
    wet[5:15, 5:15] = True
    east = np.ones((30, 20, 20))
    latitude, longitude = drift(east, 0 * east, (axis, axis), wet, 8, seed=4)
    row, column = (np.rint(path / 0.2).astype(int) for path in (latitude, longitude))
    assert wet[row, column].all()
