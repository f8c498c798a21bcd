"""What one field tells of another is found again: its values, its slope, or nothing."""

from __future__ import annotations

import numpy as np
import pytest

from oceanbench.assimilation.gaussian import linear_filter
from oceanbench.assimilation.gaussian.linear_filter import filtered, fitted, smoothed
from oceanbench.errors import OceanbenchError

STEPS = (1.0, 25.0, 20.0)  # days, km, km
SHAPE = (40, 30, 36)


def white(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(SHAPE)


def test_a_filter_is_found_again_from_what_it_made() -> None:
    weights = np.random.default_rng(1).standard_normal(linear_filter.COUNT)
    wanted = filtered(white(), STEPS, weights)
    found = fitted(white(), STEPS, wanted, ridge=1e-12)
    np.testing.assert_allclose(found, weights, rtol=1e-4, atol=1e-4)


def test_a_derivative_is_of_the_smoothed_map_in_its_own_unit() -> None:
    """Of a slope of 1 per 50 km eastward, that of L = 120 km is 120 / 50 there."""
    rising = np.broadcast_to(np.arange(SHAPE[2]) * STEPS[2] / 50.0, SHAPE)
    parts = dict(
        zip(
            [
                (length, time, order)
                for length in linear_filter.LENGTHS
                for time in linear_filter.TIMES
                for order in linear_filter.ORDERS
            ],
            smoothed(rising, STEPS),
            strict=True,
        )
    )
    inside = (20, 15, 18)
    for length in (30.0, 60.0):
        assert parts[length, 2.0, (0, 0, 1)][inside] == pytest.approx(length / 50.0, rel=1e-3)
        assert parts[length, 2.0, (0, 0, 0)][inside] == pytest.approx(rising[inside], rel=1e-3)
        assert parts[length, 2.0, (0, 1, 0)][inside] == pytest.approx(0.0, abs=1e-9)


def test_a_quarter_of_a_wave_apart_is_told_by_the_slope() -> None:
    """Fitted on noisy waves of random phases, of no correlation point by point."""
    x = np.arange(SHAPE[2]) * STEPS[2]
    phase = np.random.default_rng(3).uniform(0, 2 * np.pi, SHAPE[:2])[..., None]
    wave = 2 * np.pi * x / 240.0 + np.sort(phase, axis=0)
    maps, wanted = np.sin(wave) + 0.3 * white(4), np.cos(wave)
    assert abs(np.corrcoef(maps.ravel(), wanted.ravel())[0, 1]) < 0.05
    told = filtered(maps, STEPS, fitted(maps, STEPS, wanted))
    assert np.mean((told - wanted) ** 2) < 0.5 * np.mean(wanted**2)


def test_what_tells_nothing_has_no_weight_and_holes_are_left_out() -> None:
    alone = fitted(white(5), STEPS, 0.0 * white(6))
    np.testing.assert_array_equal(alone, 0.0)
    wanted = filtered(white(), STEPS, np.ones(linear_filter.COUNT))
    wanted[:, ::3] = np.nan
    found = fitted(white(), STEPS, wanted, ridge=1e-12)
    np.testing.assert_allclose(found, 1.0, rtol=1e-4)


def test_a_fit_to_nothing_and_a_filter_of_another_form_are_refused() -> None:
    with pytest.raises(OceanbenchError, match="no point at which both fields are known"):
        fitted(white(), STEPS, np.full(SHAPE, np.nan))
    with pytest.raises(OceanbenchError, match=r"expected \(48,\); fit it again"):
        filtered(white(), STEPS, np.ones(3))
