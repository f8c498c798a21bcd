"""A map that a model carries: itself at first, whatever leads are asked for, its edges held."""

from __future__ import annotations

import numpy as np
import pytest

from oceanbench.assimilation.nudging.free_run import RunSettings, carried
from oceanbench.errors import OceanbenchError

LONGITUDE, LATITUDE = np.linspace(297.0, 301.0, 21), np.linspace(36.0, 40.0, 21)


def eddy(east: float = 0.0) -> np.ndarray:
    x = (LONGITUDE - 299.0 - east) / 0.7
    y = (LATITUDE[:, None] - 38.0) / 0.6
    return 0.3 * np.exp(-(x**2) - y**2)


def test_leads_do_not_depend_on_which_are_asked_for():
    some = carried(eddy(), LONGITUDE, LATITUDE, [0, 2, 5], RunSettings())
    every = carried(eddy(), LONGITUDE, LATITUDE, range(6), RunSettings())
    np.testing.assert_array_equal(some, every[[0, 2, 5]])
    np.testing.assert_array_equal(some[0], eddy())


def test_an_eddy_drifts_westward_and_the_edges_are_held():
    later = carried(eddy(), LONGITUDE, LATITUDE, [10], RunSettings())[0]
    centre = (later * LONGITUDE).sum() / later.sum()
    assert centre < 298.95
    np.testing.assert_allclose(later[[0, -1]], eddy()[[0, -1]], atol=1e-12)


def test_a_flow_that_the_steps_cannot_follow_is_refused():
    with pytest.raises(OceanbenchError, match="shorten step_hours"):
        carried(40 * eddy(), LONGITUDE, LATITUDE, [1], RunSettings(step_hours=24.0))
    with pytest.raises(OceanbenchError, match="must divide 24"):
        RunSettings(step_hours=5.0)


def test_a_zonal_current_stays_and_an_eddy_in_it_does_not():
    longitude, latitude = np.linspace(294.0, 306.0, 25), np.linspace(32.0, 44.0, 25)
    height = np.broadcast_to(-0.4 * np.tanh(latitude - 38.0)[:, None], (25, 25)).copy()
    later = carried(height, longitude, latitude, [3], RunSettings())[0]
    inner = slice(3, -3)
    assert np.abs(later - height)[inner, inner].max() < 0.02
    bump = height + 0.3 * np.exp(-((longitude - 300.0) ** 2) - (latitude[:, None] - 38.0) ** 2)
    moved = carried(bump, longitude, latitude, [3], RunSettings())[0]
    assert np.abs(moved - bump)[inner, inner].max() > 0.05


def test_several_maps_are_carried_as_each_alone():
    both = np.stack([eddy(), eddy(0.5)])
    together = carried(both, LONGITUDE, LATITUDE, [0, 3], RunSettings())
    assert together.shape == (2, 2, 21, 21)
    for number, first in enumerate(both):
        alone = carried(first, LONGITUDE, LATITUDE, [0, 3], RunSettings())
        np.testing.assert_allclose(together[:, number], alone, rtol=0, atol=1e-12)
    single = carried(both, LONGITUDE, LATITUDE, [3], RunSettings(), precision="single")
    np.testing.assert_allclose(single[0], together[1], atol=1e-4)
