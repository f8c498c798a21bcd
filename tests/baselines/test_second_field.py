"""A second field that determines the first makes its maps better, and is refused if it is not."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import xarray as xr
from map_worlds import inputs, observed, waves
from small_networks import SMALL, SOLVER, target, train

from oceanbench.assimilation.fourdvarnet.maps.auxiliary_maps import second_field
from oceanbench.assimilation.fourdvarnet.maps.configuration import network
from oceanbench.assimilation.fourdvarnet.maps.inference import estimate_members
from oceanbench.assimilation.fourdvarnet.maps.map_grid import grid_around
from oceanbench.errors import OceanbenchError

DAYS = 60
SHORT = {"first_guess": "mean", "scenes": 1, "steps": 150, "reduced": False}
ALONE = {
    "conjugate": replace(SOLVER, **SHORT | {"steps": 75}),  # each is dear
    "unet": replace(SMALL, **SHORT),
    "lstm": replace(SMALL, update="lstm", **SHORT),
}
PARTS = {
    "conjugate": {"log_second_weight", "second.state.weight", "second.field.weight"},
    "unet": {"second_weight", "second.state.weight", "second.field.weight"},
}


def temperature(days: int = DAYS, first: int = 0) -> xr.Dataset:
    """Sea surface temperature, warm where sea level is high."""
    field = (12.0 + 8.0 * waves(days)).rename("sst").assign_attrs(units="degC")
    late = field.isel(time=slice(first, None))
    return late.to_dataset().assign_attrs(role="auxiliary", layout="grid")


@cache
def seen() -> dict[str, xr.Dataset]:
    return inputs(DAYS, error=0.02) | {"sst": temperature()}


def rmse(found: np.ndarray) -> float:
    exact = waves(DAYS).interp(target().coords, method="cubic").transpose(*target().dims)
    return float(np.sqrt(np.mean((found - exact.values) ** 2)))


@pytest.mark.slow
@pytest.mark.parametrize("update", ALONE)
def test_with_a_field_that_determines_it_sea_level_is_found_better(update: str) -> None:
    errors = {}
    for second in ("", "sst"):
        configuration = replace(ALONE[update], second=second)
        weights = train(seen(), configuration)
        assert ("second_mean" in weights) == bool(second)
        errors[second] = rmse(estimate_members(seen(), target(), weights, name="mine")[0])
    assert errors["sst"] < 0.7 * errors[""]


@pytest.mark.parametrize("update", PARTS)
def test_without_a_second_field_the_network_has_no_part_for_it(update: str) -> None:
    names = set(network(ALONE[update]).state_dict())
    more = set(network(replace(ALONE[update], second="sst")).state_dict()) - names
    assert more == PARTS[update]


def test_gridded_observations_have_it_on_their_nodes_and_hold_it_beyond_its_days() -> None:
    grid = grid_around(waves(12), 0.25, days=2)
    found = observed(seen(), grid, "mean", second="sst").second
    assert found is not None
    np.testing.assert_allclose(found[2:], 12.0 + 8.0 * waves(14).values)
    np.testing.assert_allclose(found[:2], found[2:3].repeat(2, 0))


def test_it_is_taken_from_the_mean_of_its_training_maps() -> None:
    training = temperature().assign_attrs(role="training", layout="grid")
    warm = training.assign(sst=training["sst"] + xr.zeros_like(training["sst"]["latitude"]) + 3.0)
    found = second_field(seen() | {"training_sst": warm}, "sst", waves(20))
    np.testing.assert_allclose(
        found, second_field(seen(), "sst", waves(20)) - warm["sst"].mean("time").values
    )


def test_what_is_no_second_field_is_refused_in_one_line() -> None:
    like = waves(20)
    with pytest.raises(OceanbenchError, match=r"second=sts: no input of that name .*'sst'"):
        second_field(seen(), "sts", like)
    with pytest.raises(OceanbenchError, match="second=first: no input of that name has maps"):
        second_field(seen(), "first", like)
    two = temperature().assign(salt=temperature()["sst"])
    with pytest.raises(OceanbenchError, match=r"second=sst: has the variables sst, salt"):
        second_field({"sst": two.assign_attrs(temperature().attrs)}, "sst", like)
    with pytest.raises(OceanbenchError, match=r"second=sst: has maps from .* expected some from"):
        second_field({"sst": temperature(first=15)}, "sst", like)
    wide = like.assign_coords(longitude=like["longitude"] + 2.0)
    with pytest.raises(OceanbenchError, match=r"second=sst: \d+ of \d+ points are missing"):
        second_field(seen(), "sst", wide)


def test_a_hole_in_a_second_field_is_filled_from_around() -> None:
    holes = temperature()
    holes["sst"][3, 2, 2] = np.nan
    found = second_field({"sst": holes}, "sst", waves(20))
    whole = second_field({"sst": temperature()}, "sst", waves(20))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, whole, atol=0.3 * whole.std())
