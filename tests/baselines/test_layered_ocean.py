"""The layered ocean as a method: a twin of the model forecast from maps of its surface."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from forecast_worlds import UNITS, first_that_changes, forecast, write
from places import ROOT

from oceanbench.assimilation.nudging.insertion import Surface
from oceanbench.challenge import Challenge
from oceanbench.dynamics import layered_ocean as ocean
from oceanbench.dynamics.basin import north_atlantic_like
from oceanbench.dynamics.quasigeostrophic import DAY
from oceanbench.errors import OceanbenchError
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method

METHOD = load_method("layered_ocean")[1]
FIRST = np.datetime64("2008-01-05", "D")
STARTS = FIRST + np.array([45, 52, 59])
LEADS = [1, 2, 5, 10]
LEVEL = -0.1148  # m, of the sea in the maps
OPTIONS = {"resolution": 0.6, "hours": 6.0, "spin_up": 40}


def twin(count: int) -> xr.Dataset:
    """Daily maps, in cells of 1.2 degrees, of large eddies in the method's own ocean."""
    basin = north_atlantic_like(0.6)
    model = ocean.operators(METHOD.TOLD, basin, dtype=torch.float32)
    surface = Surface(model, 2)
    y, x = (np.linspace(0, 1, n + 1) for n in model.wet.shape)
    upper = 3e4 * np.sin(6 * np.pi * x) * np.sin(5 * np.pi * y[:, None])
    psi = torch.from_numpy(np.stack([upper, 0.4 * np.roll(upper, 4, axis=1)])).float()
    state = ocean.initial_state(model, seed=0, amplitude=0.0)
    state = torch.cat([state[:2] + ocean.potential_vorticity(psi, model), state[2:]])
    run = METHOD.Run(surface, 6 * 3600.0)
    maps = [surface.fields(s) for s in run.days(state, FIRST - 1, count)]
    nodes = {
        "latitude": basin.latitude.reshape(-1, 2).mean(axis=1),
        "longitude": basin.longitude.reshape(-1, 2).mean(axis=1),
    }
    fields = {n: (("time", *nodes), np.stack([m[n] for m in maps]), {"units": u})
              for n, u in UNITS.items()}  # fmt: skip
    days = FIRST + np.arange(count)
    dataset = xr.Dataset(fields, {"time": days.astype("M8[ns]"), **nodes})
    return dataset.assign(zos=dataset["zos"] + LEVEL)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Challenge:
    """Forty days before, three starts with exact maps, and what followed."""
    folder = tmp_path_factory.mktemp("basin")
    whole = twin(70)
    days = whole["time"].values.astype("M8[D]")
    for name, dataset in {
        "truth": whole.sel(time=days > STARTS[0]),
        "initial": whole.sel(time=np.isin(days, STARTS)),
        "validation": whole.sel(time=days < STARTS[0]),
    }.items():
        dataset.to_netcdf(folder / f"{name}.nc", engine="h5netcdf")
    variables = {name: name for name in UNITS}
    box = {"longitude": [-78, -48], "latitude": [27, 45]}
    content: dict[str, Any] = {
        "name": "basin",
        "version": 1,
        "title": "A twin of the layered ocean",
        "kind": "forecasts",
        "domain": box | {"time": [str(STARTS[0] + 1), str(STARTS[-1] + 10)]},
        "periods": {"validation": [str(FIRST), str(STARTS[0] - 1)]},
        "starts": {"first": str(STARTS[0]), "last": str(STARTS[-1]), "step_days": 7},
        "leads": LEADS,
        "datasets": {
            role: {"role": role, "path": f"{role}.nc", "variables": variables}
            for role in ("truth", "initial", "validation")
        },
        "submission": {"variables": {name: {"units": unit} for name, unit in UNITS.items()}},
        "metrics": [{"metric": "rmse", "label": "zos", "variable": "zos", "leads": "pooled"}],
        "rank_by": "zos",
    }
    return Challenge.load(write(content, folder))


@pytest.fixture(scope="module")
def inputs(world: Challenge) -> dict[str, xr.Dataset]:
    return {name: dataset.load() for name, dataset in Inputs(world).items()}


def errors(world: Challenge, found: xr.Dataset) -> dict[str, np.ndarray]:
    """RMSE by lead."""
    truth = xr.load_dataset(world.files("truth")[0], engine="h5netcdf")
    valid = found["start"] + found["lead"].astype("timedelta64[D]").astype("timedelta64[ns]")
    squares = (found - truth.sel(time=valid)) ** 2
    mean = squares.mean(("start", "latitude", "longitude"))
    return {name: np.sqrt(mean[name].values) for name in UNITS}


@pytest.mark.slow
def test_a_twin_is_forecast_from_its_surface(world, inputs):
    """More than twice as well as by persistence, with the level of the maps and their land."""
    found = forecast(METHOD, inputs, world, **OPTIONS)
    own = errors(world, found)
    still = errors(world, forecast(load_method("persistence")[1], inputs, world))
    for name in ("zos", "thetao", "so"):
        assert (own[name][1:] < still[name][1:] / 2).all(), (name, own[name], still[name])
    for name in ("uo", "vo"):
        assert own[name][-1] < still[name][-1] / 2, (name, own[name], still[name])
    sea = inputs["initial"]["zos"].isel(start=0).notnull().values
    assert (np.isfinite(found["so"]) == sea).all()
    assert float(found["zos"].mean()) == pytest.approx(LEVEL, abs=0.01)


@pytest.mark.slow
def test_maps_before_the_first_start_find_the_lower_layer(world, inputs):
    driven, cold = (
        errors(world, forecast(METHOD, inputs, world, **OPTIONS | {"spin_up": days}))["zos"]
        for days in (40, 0)
    )
    assert (driven < 0.7 * cold).all(), (driven, cold)


def test_no_forecast_knows_the_initial_conditions_of_later_starts(world, inputs):
    assert first_that_changes(METHOD, inputs, world, **OPTIONS | {"spin_up": 0}) is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"spin_up": 90}, "shorten spin_up, or set it to 0"),
        ({"resolution": 0.3, "spin_up": 0, "hours": 1000.0}, "hours"),
        ({"resolution": 0.75}, "it is a model of that ocean only"),
    ],
)
def test_what_cannot_be_run_is_refused(options, words, world, inputs):
    with pytest.raises(OceanbenchError, match=words):
        forecast(METHOD, inputs, world, **OPTIONS | options)


def test_the_model_told_is_that_of_the_reanalysis():
    """The card tells these numbers; the recipe has them."""
    card = (ROOT / "challenges/reanalysis_emulation/README.md").read_text()
    told = METHOD.TOLD
    assert f"({told.deformation_radius / 1e3:.0f} for 34 km)" in card
    assert f"({told.shear_speed:.2f} for 0.11 m/s)" in card
    assert f"({told.wind_stress} for 0.030 N/m²)" in card
    assert f"({told.drag_time / DAY} for 10 days)" in card
    assert f"({told.heat_piston} for 0.8 m/day)" in card
    assert f"({told.upper_depth:.0f} for 900 m)" in card
