"""Learned mappers on a sea with a coast, an island and ice, and on one across 0 degrees."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import xarray as xr
from map_worlds import DAY, WEST, inputs, waves
from small_networks import SMALL, SOLVER, train

from oceanbench.assimilation.fourdvarnet.maps import simulated_missions
from oceanbench.assimilation.fourdvarnet.maps.inference import estimate_members
from oceanbench.assimilation.fourdvarnet.maps.map_grid import KnownMaps, grid_around
from oceanbench.assimilation.fourdvarnet.maps.training import training_data
from oceanbench.assimilation.fourdvarnet.maps.training_set import TrainingSet
from oceanbench.errors import OceanbenchError
from oceanbench.observing.noise import fitted_error
from oceanbench.observing.reflown import reflown
from oceanbench.observing.sampling import known_at

DAYS = 52
QUICK = replace(SOLVER, first_guess="mean", scenes=2, steps=4, iterations=1, hidden=4)


def sea(maps: xr.DataArray) -> xr.DataArray:
    """Where there is no coast in the west, no island, and no ice that comes and goes."""
    east, north = maps["longitude"] - maps["longitude"][0], maps["latitude"] - maps["latitude"][0]
    day = (maps["time"] - maps["time"][0]) / DAY
    island = (abs(east - 2.5) < 0.3) & (abs(north - 1.5) < 0.3)
    ice = north > 4.0 - 0.02 * day
    return (~((east < 0.3) | island | ice)).transpose(*maps.dims)


@cache
def coastal() -> dict[str, xr.Dataset]:
    """Training maps without values on land, and altimeters without samples there."""
    maps, given = waves(DAYS), inputs(DAYS, error=0.02)
    there = sea(maps)
    masked = maps.where(there).to_dataset().assign_attrs(given["training"].attrs)
    tracks = {n: given[n].isel(time=known_at(there, given[n])) for n in ("first", "second")}
    return tracks | {"training": masked}


@cache
def observed() -> TrainingSet:
    data = training_data(coastal(), QUICK, name="mine")
    assert isinstance(data, TrainingSet)
    return data


def target() -> xr.DataArray:
    maps = waves(DAYS).isel(time=slice(20, 24), latitude=slice(4, -4), longitude=slice(4, -4))
    return maps.copy(data=np.full(maps.shape, np.nan))


def test_land_is_continued_and_known_to_be_land() -> None:
    field = coastal()["training"]["ssh"]
    maps = KnownMaps.of(field)
    np.testing.assert_array_equal(maps.field.where(maps.sea), field)
    assert np.isfinite(maps.field).all() and not bool(maps.sea.all())
    values, known = maps.on(grid_around(field, 0.25))
    np.testing.assert_array_equal(known, maps.sea)
    np.testing.assert_allclose(values[known], field.values[known], atol=1e-12)
    whole = KnownMaps.of(waves(4))
    assert whole.field is not None and bool(whole.sea.all())
    np.testing.assert_array_equal(whole.field, waves(4))


def test_nothing_is_learned_on_land() -> None:
    data, there = observed(), sea(waves(DAYS))
    np.testing.assert_array_equal(data.known, there)
    known = data.truth[there.values]
    assert data.normalisation.mean == known.mean() and data.normalisation.deviation == known.std()
    whole = data.segments[0].series(data.truth, data.normalisation, known=data.known)
    np.testing.assert_array_equal(whole.known[: DAYS + 1].numpy(), there)
    assert bool(whole.truth.isfinite().all())
    windows = data.validation_windows(5)
    assert bool((windows.weight[:, 2, :, 0] == 0).all())
    maps = data.validation_maps()[1]
    assert np.isnan(maps[0][~there.values[DAYS + 1 - 32]]).all()


def test_altimeters_on_other_days_fly_over_the_sea_alone_and_keep_its_coasts() -> None:
    maps = KnownMaps.of(coastal()["training"]["ssh"])
    given = coastal()["first"]
    flown = reflown(given, maps.field, days=0.0, degrees=0.0, sea=maps.sea)
    assert flown.sizes["time"] == given.sizes["time"]
    np.testing.assert_allclose(np.sort(flown["ssh"]), np.sort(given["ssh"]), atol=1e-12)
    moved = reflown(given, maps.field, days=3.0, degrees=1.5, sea=maps.sea)
    assert known_at(maps.sea, moved).all()
    everywhere = reflown(given, maps.field, days=3.0, degrees=1.5)
    over_land = ~known_at(maps.sea, everywhere)
    assert 0 < over_land.sum() == everywhere.sizes["time"] - moved.sizes["time"]
    found = fitted_error([given, coastal()["second"]], maps.field, maps.sea)
    assert found.white == pytest.approx(0.02, rel=0.25)


@pytest.mark.parametrize("supervised", [True, False])
def test_it_trains_and_maps(supervised: bool) -> None:
    for configuration in (QUICK, replace(SMALL, first_guess="mean", steps=4)):
        weights = train(coastal(), replace(configuration, supervised=supervised))
        found = estimate_members(coastal(), target(), weights, name="mine")
        assert np.isfinite(found).all()


def test_a_first_guess_may_have_coasts() -> None:
    guess = coastal()["training"].assign_attrs(role="auxiliary", layout="grid")
    given = coastal() | {"background": guess}
    weights = train(given, replace(QUICK, first_guess="background"))
    found = estimate_members(given, target(), weights, name="mine")[0]
    there = sea(waves(DAYS)).sel(target().coords)
    error = found - waves(DAYS).sel(target().coords)
    assert float(np.abs(error.where(there)).max()) < 0.05
    empty = guess.copy(deep=True)
    empty["ssh"][3] = np.nan
    said = "first_guess=background: the map of 2013-01-05T00:00 has no value at all"
    with pytest.raises(OceanbenchError, match=said):
        train(given | {"background": empty}, replace(QUICK, first_guess="background"))


def across_zero(data: xr.Dataset) -> xr.Dataset:
    """The same two degrees to either side of 0, with longitudes from 0 to 360."""
    moved = (data["longitude"] - WEST - 2.0) % 360.0
    moved = data.assign_coords(longitude=moved)
    return moved.sortby("longitude") if "longitude" in data.dims else moved


def test_a_sea_across_zero_is_like_any_other() -> None:
    given = {name: across_zero(data) for name, data in coastal().items()}
    assert float(np.ptp(given["training"]["longitude"].values)) > 350.0
    data = training_data(given, QUICK, name="mine")
    assert isinstance(data, TrainingSet)
    np.testing.assert_array_equal(data.known, observed().known)
    np.testing.assert_allclose(data.truth, observed().truth, atol=1e-9)
    assert data.grid.longitude[[0, -1]].tolist() == [358.0, 362.0]
    alone = training_data(given, replace(QUICK, supervised=False), name="mine")
    assert max(alone.series[0].truth.shape[1:]) < 20  # type: ignore[union-attr]


def test_only_where_altimeters_fly_are_maps_learned_from() -> None:
    wide = coastal()["training"].pad(longitude=(0, 80), constant_values=np.nan)
    east = WEST + 0.25 * np.arange(97)
    given = coastal() | {"training": wide.assign_coords(longitude=east)}
    data = training_data(given, QUICK, name="mine")
    assert isinstance(data, TrainingSet)
    assert data.maps.sizes["longitude"] == 20  # a degree more than the tracks
    away = coastal()["training"].assign_coords(longitude=np.arange(17) + 100.0)
    with pytest.raises(OceanbenchError, match=r"mine: the training maps have 17 rows and 0 col"):
        training_data(coastal() | {"training": away}, QUICK, name="mine")


def test_inputs_are_looked_at_before_a_first_guess_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a first guess was made")

    monkeypatch.setattr(simulated_missions, "first_guess_maps", never)
    few = {n: d.isel(time=slice(40)) for n, d in coastal().items() if n != "training"}
    cases = {
        "second=sst: no input of that name has maps": (QUICK, {}, {"second": "sst"}),
        "first_guess=duac: expected bfn, duacs": (QUICK, {}, {"first_guess": "duac"}),
        "80 samples lie in the days and the box": (QUICK, few, {}),
    }
    for said, (configuration, changed, options) in cases.items():
        with pytest.raises(OceanbenchError, match=said):
            training_data(coastal() | changed, replace(configuration, **options), name="mine")
