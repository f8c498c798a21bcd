"""Learned forecasts beside a coast: the simulated basin, temperatures, and what land is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from delivered_worlds import LATITUDE, LONGITUDE, ONE_DAY, maps
from learned_forecasts import PERIODS, SMALL, inputs

from oceanbench.assimilation.fourdvarnet.forecasts import basin_worlds
from oceanbench.assimilation.fourdvarnet.forecasts.basin_worlds import BasinStage, simulated_basin
from oceanbench.assimilation.fourdvarnet.forecasts.inference import TrainedForecast
from oceanbench.assimilation.fourdvarnet.forecasts.learning_worlds import LearningWorlds
from oceanbench.assimilation.fourdvarnet.forecasts.periods import Period
from oceanbench.assimilation.fourdvarnet.forecasts.scenes import Place
from oceanbench.assimilation.fourdvarnet.forecasts.surroundings import Surroundings
from oceanbench.assimilation.fourdvarnet.forecasts.training import train_forecast
from oceanbench.assimilation.fourdvarnet.forecasts.world_parts import parts_of_basin
from oceanbench.dynamics.basin import north_atlantic_like, refined
from oceanbench.errors import OceanbenchError

WITH_COAST = replace(SMALL, coast=True, mirrored=False, temperatures=0.7, guided=0.0, steps=20)
LAND = LONGITUDE < 297.8  # two columns
START = (PERIODS["validation"][0] + 9).astype("M8[ns]")


def warm(days: np.ndarray) -> xr.Dataset:
    """Temperatures that follow the height, with a seasonal cycle."""
    sea = maps(days)["ssh"]
    year = np.cos(2 * np.pi * (days - np.datetime64("2000-01-01")).astype(float) / 365.25)
    found = 18.0 + 10.0 * sea + xr.DataArray(3.0 * year, dims="time")
    return found.where(~LAND[None, None]).rename("sst").transpose("time", ...).to_dataset()


def seen_beside_a_coast() -> dict[str, xr.Dataset]:
    """Inputs of a training whose sea has a coast, and temperatures."""
    found: dict[str, xr.Dataset] = {}
    for name, data in inputs().items():
        if data.attrs["layout"] == "track":
            found[name] = data.isel(time=(data["longitude"] >= 297.8).values)
        elif data.attrs["role"] != "first_guess":
            found[name] = data.where(~xr.DataArray(LAND, dims="longitude")).transpose(*data.dims)
    for role, days in PERIODS.items():
        found[f"{role}_sst"] = warm(days).assign_attrs(role=role, layout="grid", name=f"{role}_sst")
    return found


def place() -> Place:
    mean = maps(PERIODS["training"]).mean("time")["ssh"]
    return Place.of(mean, LONGITUDE, LATITUDE)


def test_temperatures_are_told_as_they_depart_from_the_year_and_not_those_of_later():
    sea = np.broadcast_to(~LAND, (LATITUDE.size, LONGITUDE.size))
    days = np.arange("2018-01-01", "2020-01-01", dtype="M8[D]")
    around = Surroundings.fitted(place(), sea, 0.1, [warm(days)["sst"]])
    assert np.ptp(around.usual[1][sea]) < 1.5
    assert np.hypot(*around.usual[1:, sea]).mean() == pytest.approx(3.0, abs=0.5)
    images = warm(START.astype("M8[D]") + np.arange(-3, 3))["sst"]
    told = around.beside(START, images, place(), 4, coast=True)
    assert told.shape == (6, LATITUDE.size, LONGITUDE.size)
    assert not told[0].any()  # four days before the start there is none
    assert not told[:4, :, LAND].any()
    narrower = around.beside(START, images[:, :-1, :-1], place(), 4, coast=True)
    np.testing.assert_array_equal(narrower[:4, :-1, :-1], told[:4, :-1, :-1])
    assert np.isfinite(narrower).all()
    later = images.copy(data=np.where(images["time"].values[:, None, None] >= START, 9.0, images))
    np.testing.assert_array_equal(told, around.beside(START, later, place(), 4, coast=True))
    again = Surroundings.of(around.tensors())
    assert again is not None
    kept = again.beside(START, images, place(), 4, coast=True)
    np.testing.assert_allclose(kept, told, atol=1e-4)
    elsewhere = Place.of(place().climatology, LONGITUDE + 0.5, LATITUDE)
    with pytest.raises(OceanbenchError, match="expected the same place"):
        around.beside(START, images, elsewhere, 4, coast=True)


def test_a_network_learns_beside_a_coast_and_reads_temperatures_or_does_not():
    given = seen_beside_a_coast()
    worlds = LearningWorlds.of(given, WITH_COAST, name="mine")
    learned, _, weights, _ = worlds.scenes()
    assert np.isfinite(learned.truth).all()
    assert not learned.observed[..., LAND].any()
    assert np.isfinite(weights).all()
    made = train_forecast(worlds, WITH_COAST, name="mine", seed=0, device="cpu")
    trained = TrainedForecast.of(made, name="mine")
    known = {}
    for name in ("first", "second"):
        track = given[f"validation_{name}"]
        known[name] = track.isel(time=(track["time"] + ONE_DAY <= START).values)
    known["sst"] = given["validation_sst"].sel(time=slice(None, START - ONE_DAY))
    known = {n: d.assign_attrs(role="observations") for n, d in known.items()}
    known["climatology"] = given["climatology"]
    axes: dict[str, Any] = {"start": [START], "lead": [0, 3]}
    axes |= {"latitude": LATITUDE[1:-1], "longitude": LONGITUDE[1:-1]}
    shape = tuple(len(axis) for axis in axes.values())
    target = xr.DataArray(np.full(shape, np.nan), axes, tuple(axes), "ssh").to_dataset()
    (with_them,) = trained.forecast(known, target)
    (without,) = trained.forecast(known, target, temperature=False)
    del known["sst"]
    (lacking,) = trained.forecast(known, target)
    assert np.isfinite(with_them["ssh"]).all()
    assert not np.array_equal(with_them["ssh"], without["ssh"])
    xr.testing.assert_identical(without, lacking)


def test_a_simulated_basin_is_kept_with_its_coast_and_laid_on_days(tmp_path, monkeypatch):
    stages = (BasinStage(0.6, 21600.0, 1), BasinStage(0.3, 14400.0, 1))
    found = simulated_basin(3, 1, stages=stages, checkpoint=str(tmp_path))
    xr.testing.assert_identical(
        found, simulated_basin(3, 1, stages=stages, checkpoint=str(tmp_path))
    )
    assert found["ssh"].shape == found["sst"].shape == (3, 40, 40)
    assert 0.6 < float(found["sea"].mean()) < 0.9
    assert float(found["sst"].where(found["sea"]).min()) > 0.0
    wide, narrow = (torch.from_numpy(north_atlantic_like(n).wet) for n in (0.6, 0.3))
    even = refined(torch.stack([7.0 * wide] * 2), narrow.float(), without_rows=1)
    np.testing.assert_allclose(even[1], 7.0 * narrow, rtol=1e-6)

    height = np.zeros((800, 40, 40), np.float32) + np.arange(800)[:, None, None]
    monkeypatch.setattr(basin_worlds, "_run", lambda *_: {"ssh": height, "sst": height / 100})
    days = np.arange("2010-01-11", "2010-02-10", dtype="M8[D]").astype("M8[ns]")
    fine = north_atlantic_like(0.2)
    axes = {"time": days, "latitude": fine.latitude[15:75], "longitude": fine.longitude[:60] + 360}
    truth = xr.DataArray(np.zeros((30, 60, 60)), axes, tuple(axes), "ssh")
    wet = truth[0].copy(data=fine.wet[15:75, :60]).drop_vars("time")
    period = Period(truth, {}, wet, truth[:, ::2, ::2].rename("sst"))
    box = (282.1, 293.9, 30.1, 41.9)
    parts = list(parts_of_basin(800, period, box, np.random.default_rng(0), checkpoint=""))
    assert len(parts) == 2
    (first, images), (second, _) = parts
    assert float(first[0, 40, 40]) == pytest.approx(10.0)
    assert float(second[0, 40, 40]) == pytest.approx(375.0)
    np.testing.assert_allclose(first[4], 14.0, rtol=1e-5)
    assert images is not None
    assert images.shape == (30, 30, 30)
    assert bool(images[:, 10, 0].isnull().all())
    with pytest.raises(OceanbenchError, match="expected a year at most inside"):
        list(parts_of_basin(800, period, (270.0, *box[1:]), None, checkpoint=""))
