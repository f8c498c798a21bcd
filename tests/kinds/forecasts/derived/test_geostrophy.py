"""Geostrophic currents of surfaces whose slope is known."""

from __future__ import annotations

import numpy as np
from rows import every

from oceanbench.grid import EARTH_RADIUS_KM, EARTH_ROTATION, GRAVITY
from oceanbench.kinds.forecasts.derived import DERIVED, Axes
from oceanbench.kinds.forecasts.derived.geostrophy import EQUATOR

METRES = EARTH_RADIUS_KM * 1e3 * np.pi / 180  # of a degree of latitude


def axes(step: float = 0.25, *, south: float = 20.0, width: float = 10.0) -> Axes:
    latitude = south + step * np.arange(round(10 / step) + 1)
    return Axes(latitude, -60 + step * np.arange(round(width / step)), np.array([]))


def currents(height: np.ndarray, where: Axes) -> tuple[np.ndarray, np.ndarray]:
    fields = {"zos": height[None]}
    u, v = (
        DERIVED[f"geostrophic_{way}"].function(fields, where) for way in ("eastward", "northward")
    )
    return u, v


def balance(latitude: np.ndarray) -> np.ndarray:
    return (GRAVITY / (2 * EARTH_ROTATION * np.sin(np.deg2rad(latitude))))[:, None]


@every("south", [20.0, -45.0], ids=["north", "south"])
def test_a_slope_has_the_current_of_the_formula(south):
    where = axes(south=south)
    y, x = np.meshgrid(where.latitude, where.longitude, indexing="ij")
    u, v = currents(0.3 * y, where)
    expected = -balance(where.latitude) * 0.3 / METRES * np.ones_like(y)
    np.testing.assert_allclose(u[1:-1], expected[1:-1], rtol=1e-10)
    np.testing.assert_allclose(v[:, 1:-1], 0.0, atol=1e-12)
    u, v = currents(0.3 * x, where)
    east = balance(where.latitude) * 0.3 / METRES / np.cos(np.deg2rad(y))
    np.testing.assert_allclose(v[:, 1:-1], east[:, 1:-1], rtol=1e-10)
    assert (np.sign(v[:, 1:-1]) == np.sign(south)).all()  # up to the east: northward in the north
    np.testing.assert_allclose(u[1:-1], 0.0, atol=1e-12)


def test_a_plane_wave_loses_what_central_differences_lose():
    """They multiply the slope of a wave by sin(k d) / (k d)."""
    where, k = axes(), 2.0  # radians a degree
    wave = k * where.longitude + 0 * where.latitude[:, None]
    _, v = currents(np.sin(wave), where)
    exact = balance(where.latitude) * k * np.cos(wave) / METRES
    exact = exact / np.cos(np.deg2rad(where.latitude))[:, None]
    lost = np.sin(k * 0.25) / (k * 0.25)
    np.testing.assert_allclose(v[:, 1:-1], lost * exact[:, 1:-1], rtol=1e-9, atol=1e-9)


def test_the_order_of_accuracy_is_two():
    def error(step: float) -> float:
        where = axes(step)
        wave = 1.1 * where.longitude + 0.9 * where.latitude[:, None]
        exact = -balance(where.latitude) * 0.9 * np.cos(wave) / METRES
        u, _ = currents(np.sin(wave), where)
        return float(np.abs(u - exact)[1:-1].max())

    orders = np.log2([error(0.5) / error(0.25), error(0.25) / error(0.125)])
    np.testing.assert_allclose(orders, 2.0, atol=0.05)


def test_there_is_none_beside_land_at_the_edge_or_at_the_equator():
    where = axes(south=-5.0)
    height = np.random.default_rng(0).standard_normal((41, 40))
    height[10, 20] = np.nan
    u, v = currents(height, where)
    assert np.isnan(u[[9, 11], 20]).all() and np.isnan(v[10, [19, 21]]).all()
    assert np.isfinite(u[10, [19, 21]]).all() and np.isfinite(v[[9, 11], 20]).all()
    assert np.isfinite(u[10, 20])  # its neighbours are there; the truth has none there to compare
    assert np.isnan(u[[0, -1]]).all() and np.isnan(v[:, [0, -1]]).all()
    band = np.abs(where.latitude) < EQUATOR
    assert band.sum() == 3 and np.isnan(u[band]).all() and np.isnan(v[band]).all()
    assert np.isfinite(
        u[1:-1][~band[1:-1] & (np.arange(1, 40) != 9) & (np.arange(1, 40) != 11)]
    ).all()


def test_a_grid_round_the_globe_has_no_edge():
    where = Axes(axes().latitude, np.arange(-180, 180, 0.5), np.array([]))
    wave = np.deg2rad(3 * where.longitude) + 0 * where.latitude[:, None]
    _, v = currents(np.sin(wave), where)
    rolled = np.roll(v, 17, axis=1)
    _, again = currents(np.roll(np.sin(wave), 17, axis=1), where)
    np.testing.assert_allclose(again, rolled, rtol=1e-10, atol=1e-12)
    assert np.isfinite(v).all()
