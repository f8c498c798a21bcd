"""Density against its published check values, and mixed layers of profiles that are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from rows import every

from oceanbench.kinds.forecasts.derived import DERIVED, Axes
from oceanbench.kinds.forecasts.derived.density import sigma0
from oceanbench.kinds.forecasts.derived.mixed_layer import REFERENCE, THRESHOLD

LEVELS = np.array([0.494025, 5.078224, 9.572997, 15.81007, 29.44473, 47.37369, 92.32607, 222.4752])
SIX = np.array([0.494025, 47.37369, 92.32607, 222.4752, 318.1274, 541.0889])


def mixed(temperature: np.ndarray, salinity: np.ndarray, levels: np.ndarray) -> float:
    """Mixed-layer depth of one profile."""
    fields = {"thetao": temperature[:, None, None], "so": salinity[:, None, None]}
    axes = Axes(np.zeros(1), np.zeros(1), levels)
    return float(DERIVED["mixed_layer_depth"].function(fields, axes)[0, 0])


@every(
    "salinity, temperature, density",
    [(0, 5, 999.96675), (0, 25, 997.04796), (35, 5, 1027.67547), (35, 25, 1023.34306)],
)
def test_density_has_the_check_values_of_unesco(salinity, temperature, density):
    found = sigma0(np.array(float(temperature)), np.array(float(salinity)))
    assert found == pytest.approx(density - 1000, abs=5e-6)


def test_density_agrees_with_teos_10():
    gsw = pytest.importorskip("gsw")
    t, s = np.meshgrid(np.linspace(0, 30, 7), np.linspace(30, 38, 5))
    conservative = gsw.CT_from_pt(gsw.SR_from_SP(s), t)
    np.testing.assert_allclose(sigma0(t, s), gsw.sigma0(gsw.SR_from_SP(s), conservative), atol=0.02)


def two_layers(depth: float, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.where(levels <= depth, 18.0, 10.0), np.full(levels.size, 36.0)


@every("depth", [10.0, 20.0, 50.0, 100.0])
def test_two_layers_are_told_apart_between_the_levels_around_their_interface(depth):
    t, s = two_layers(depth, LEVELS)
    k = int(np.argmax(depth < LEVELS))
    jump = float(sigma0(t[-1:], s[-1:])[0] - sigma0(t[:1], s[:1])[0])
    above = max(LEVELS[k - 1], REFERENCE) if LEVELS[k - 1] > REFERENCE else None
    if above is None:  # 10 m lies between the levels of the interface: part of the jump is below
        part = (REFERENCE - LEVELS[k - 1]) / (LEVELS[k] - LEVELS[k - 1])
        above, jump = REFERENCE, (1 - part) * jump
    expected = above + THRESHOLD / jump * (LEVELS[k] - above)
    assert mixed(t, s, LEVELS) == pytest.approx(expected, rel=1e-9)


def test_density_linear_in_depth_has_the_depth_of_the_threshold():
    """Salinity at constant temperature, small differences: density is linear to 1e-4."""
    fine = np.arange(0.0, 300.0, 2.5)
    slope = 0.001  # salinity per metre
    rate = float(np.diff(sigma0(np.full(2, 15.0), np.array([35.0, 35.1])))[0] / 0.1 * slope)
    found = mixed(np.full(fine.size, 15.0), 35.0 + slope * fine, fine)
    assert found == pytest.approx(REFERENCE + THRESHOLD / rate, rel=1e-3)


def test_a_column_of_one_water_is_mixed_to_its_deepest_value():
    """Also far down: no pressure enters, by which an adiabatic column would not be mixed."""
    deep = np.array([0.5, 100.0, 1000.0, 5000.0])
    t, s = np.full(4, 3.0), np.full(4, 34.9)
    assert mixed(t, s, deep) == 5000.0
    t[3] = np.nan  # the floor
    assert mixed(t, s, deep) == 1000.0
    t[1:] = np.nan
    assert np.isnan(mixed(t, s, deep))


def test_heavy_water_on_light_is_no_threshold():
    t, s = np.array([10.0, 10.0, 12.0, 9.0]), np.full(4, 35.0)
    found = mixed(t, s, np.array([0.5, 50.0, 100.0, 200.0]))
    assert 100.0 < found < 200.0


def test_six_levels_are_coarse_and_monotonic_in_the_mixed_layer():
    found = []
    for depth in (20, 60, 100, 200, 300, 400):
        smooth = 0.5 * (1 + np.tanh((SIX - depth) / 20.0))
        found.append(mixed(18 - 8 * smooth, np.full(6, 36.0), SIX))
    assert all(a <= b for a, b in itertools.pairwise(found))
    assert 10 < found[0] < 20 and 222 < found[-1] < 400


def test_members_of_one_variable_meet_the_single_field_of_the_other():
    random = np.random.default_rng(0)
    t = 18 - 8 * random.random((5, 6, 3, 4)).cumsum(axis=1) / 6
    fields = {"thetao": t, "so": np.full((1, 6, 3, 4), 36.0)}
    axes = Axes(np.zeros(3), np.zeros(4), SIX)
    whole = DERIVED["mixed_layer_depth"].function(fields, axes)
    assert whole.shape == (5, 3, 4)
    one = {"thetao": t[2], "so": fields["so"][0]}
    np.testing.assert_array_equal(DERIVED["mixed_layer_depth"].function(one, axes), whole[2])
