"""Misfits are gridded, not values; first guesses of every kind; refusals."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from map_worlds import DAY, FIRST, inputs, observed, track, waves

from oceanbench.assimilation.fourdvarnet.maps.map_grid import MapGrid, grid_around
from oceanbench.errors import OceanbenchError


def grid(days: int = 12) -> MapGrid:
    return grid_around(waves(days), 0.25)


def test_the_grid_covers_the_field_and_what_is_around_it() -> None:
    field = waves(4).isel(latitude=slice(2, None))
    made = grid_around(field, 0.2, margin=0.5, days=3)
    assert made.shape[0] == field.sizes["time"] + 6
    assert made.latitude[0] == pytest.approx(float(field["latitude"].min()) - 0.5)
    assert made.longitude[-1] == pytest.approx(float(field["longitude"].max()) + 0.5)
    assert np.diff(made.latitude) == pytest.approx(0.2, rel=0.1)
    assert made.days[3] == field["time"].values[0]
    later = field.assign_coords(time=field["time"] + DAY // 2)
    assert (grid_around(later, 0.2).days[[0, -1]] == [FIRST, FIRST + 5 * DAY]).all()


@pytest.mark.slow
@pytest.mark.parametrize("guess", ["mean", "smooth", "oi", "bfn"])
def test_where_nothing_is_observed_the_value_is_the_first_guess(guess: str) -> None:
    found = observed(inputs(), grid(), guess)
    assert 0.02 < found.observed.mean() < 0.5
    np.testing.assert_array_equal(found.values[~found.observed], found.first_guess[~found.observed])
    assert np.isfinite(found.values).all()


def test_better_guesses_are_nearer() -> None:
    truth = waves(12).values

    def error(guess: str) -> float:
        found = observed(inputs(), grid(), guess).first_guess
        return float(np.sqrt(np.mean((found - truth)[2:-2, 2:-2, 2:-2] ** 2)))

    assert error("oi") < error("smooth") < error("mean")


def test_values_in_a_cell_are_those_of_its_centre() -> None:
    """With the truth for a first guess, samples off the centre still give what is at it."""
    given = inputs()
    given["maps"] = waves(12).to_dataset().assign_attrs(role="auxiliary", layout="grid")
    found = observed(given, grid(), "maps")
    truth = waves(12).values
    np.testing.assert_allclose(found.values, truth, atol=2e-4)  # tides of the hours between
    flat = observed(inputs(), grid(), "mean")
    assert np.abs(flat.values - truth)[flat.observed].max() > 0.01


def test_the_order_of_samples_and_missions_does_not_matter() -> None:
    expected = observed(inputs(), grid(), "smooth")
    turned = dict(reversed(inputs().items()))
    found = observed(turned, grid(), "smooth")
    np.testing.assert_allclose(found.values, expected.values, atol=1e-12)


def test_only_the_missions_asked_for_are_seen() -> None:
    one = observed(inputs(), grid(), "mean", missions="first")
    both = observed(inputs(), grid(), "mean")
    assert one.observed.sum() < both.observed.sum()
    assert not (one.observed & ~both.observed).any()


def test_samples_beyond_the_grid_are_left_out() -> None:
    near = {"first": track(1, days=12), "training": inputs()["training"]}
    far = near["first"].assign_coords(latitude=near["first"]["latitude"] + 20.0)
    both = xr.concat([near["first"], far], "time").sortby("time").assign_attrs(far.attrs)
    expected = observed(near, grid(), "mean")
    found = observed(near | {"first": both}, grid(), "mean")
    np.testing.assert_allclose(found.values, expected.values, atol=1e-12)


def test_an_unknown_guess_is_refused() -> None:
    said = r"first_guess=duac: expected bfn, duacs, miost, oi, smooth, mean"
    with pytest.raises(OceanbenchError, match=said):
        observed(inputs(), grid(), "duac")
    short = waves(3).to_dataset().assign_attrs(role="auxiliary", layout="grid")
    with pytest.raises(OceanbenchError, match=r"first_guess=maps: \d+ of \d+ points are missing"):
        observed(inputs() | {"maps": short}, grid(), "maps")
