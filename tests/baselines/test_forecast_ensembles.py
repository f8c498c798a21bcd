"""Ensembles of forecasts with known answers, on rings of Lorenz-96: chaos without a coast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from forecast_worlds import write

from oceanbench.challenge import Challenge
from oceanbench.dynamics.lorenz96 import tendency
from oceanbench.dynamics.runge_kutta import step
from oceanbench.evaluate import evaluate
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method
from oceanbench.result import Result
from oceanbench.submission import Submission

ROWS, COLUMNS = 24, 40
DAY, STEPS = 0.1, 2  # units of time of Lorenz-96 in a day, and steps
METRES = 0.05  # of sea level, for one unit of the state
NOISE = 0.3  # of the initial conditions, in units of the state
LEADS = [1, 2, 4, 8, 16]
YEARS = ("2001-01-01", "2006-12-31")
STARTS = np.datetime64("2010-01-06", "D") + 20 * np.arange(12)
MEMBERS = 12
DIMS = ("latitude", "longitude")
PLACES = {"latitude": 30 + 0.01 * np.arange(ROWS), "longitude": 9.0 * np.arange(COLUMNS)}


def run(state: torch.Tensor, days: int) -> list[torch.Tensor]:
    """States of every day from ``state`` on, that one first."""
    kept = [state]
    for _ in range(days):
        for _ in range(STEPS):
            state = step(state, tendency, DAY / STEPS)
        kept.append(state)
    return kept


def draw(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def maps(states: list[torch.Tensor], days: np.ndarray) -> xr.Dataset:
    values = METRES * torch.stack(states).numpy()
    field = (("time", *DIMS), values, {"units": "m"})
    return xr.Dataset({"zos": field}, {"time": days.astype("M8[ns]"), **PLACES})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Challenge:
    """Six years to learn from, twelve starts seen with noise, and what followed."""
    folder = tmp_path_factory.mktemp("rings")
    *_, spun = run(8.0 + draw((ROWS, COLUMNS), 0), 200)
    known = np.arange(YEARS[0], np.datetime64(YEARS[1]) + 1, dtype="M8[D]")
    training = maps(run(spun, known.size - 1), known)
    days = np.arange(STARTS[0], STARTS[-1] + LEADS[-1] + 1)
    *_, later = run(torch.from_numpy(training["zos"].values[-1] / METRES), 100)
    truth = maps(run(later, days.size - 1), days)
    seen = truth.sel(time=STARTS.astype("M8[ns]"))
    seen = seen + METRES * NOISE * draw((STARTS.size, ROWS, COLUMNS), 1).numpy()
    for name, dataset in {"truth": truth, "initial": seen, "training": training}.items():
        dataset.to_netcdf(folder / f"{name}.nc", engine="h5netcdf")
    box = {"longitude": [0, 351], "latitude": [29, 31], "time": [str(days[0]), str(days[-1])]}
    content: dict[str, Any] = {
        "name": "rings",
        "version": 1,
        "title": "Rings of Lorenz-96",
        "kind": "forecasts",
        "domain": box,
        "periods": {"training": list(YEARS)},
        "starts": {"first": str(STARTS[0]), "last": str(STARTS[-1]), "step_days": 20},
        "leads": LEADS,
        "datasets": {
            role: {"role": role, "path": f"{role}.nc", "variables": {"zos": "zos"}}
            for role in ("truth", "initial", "training")
        },
        "submission": {"variables": {"zos": {"units": "m"}}},
        "metrics": [
            {"metric": metric, "label": metric, "variable": "zos"}
            for metric in ("rmse", "crps", "spread_skill", "coverage", "energy_score")
        ],
        "rank_by": "crps day 1",
    }  # fmt: skip
    return Challenge.load(write(content, folder))


def scores(world: Challenge, dataset: xr.Dataset, folder: Path) -> dict[str, np.ndarray]:
    """Every metric by lead; nothing of the submission may be missing."""
    dataset.astype("float32").to_netcdf(folder / "mine.nc", engine="h5netcdf")
    result: Result = evaluate(world, Submission("mine", folder / "mine.nc"))
    assert all(c["missing"] == [] and c["scored"] == c["points"] for c in result.coverage)
    metrics = {s.metric for s in result.scores} - {"skill"}
    values = {m: [result.score(f"{m} day {lead}").value for lead in LEADS] for m in metrics}
    return {m: np.array(v, dtype=float) for m, v in values.items()}


def ensemble(world: Challenge, noise: float) -> xr.Dataset:
    """Forecasts of the model that made the truth, from initial conditions plus noise."""
    first = torch.from_numpy(world.open("initial")["zos"].values / METRES)
    shape = (MEMBERS, *first.shape)
    states = run(first + noise * draw(shape, 2), LEADS[-1])
    values = METRES * torch.stack([states[lead] for lead in LEADS]).numpy()
    field = (("lead", "member", "start", *DIMS), values, {"units": "m"})
    coords = {"start": STARTS.astype("M8[ns]"), "lead": ("lead", LEADS, {"units": "days"})}
    return xr.Dataset({"zos": field}, {**coords, **PLACES})


@pytest.fixture(scope="module")
def perfect(world: Challenge, tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    return scores(world, ensemble(world, NOISE), tmp_path_factory.mktemp("perfect"))


def test_a_perfect_model_ensemble_is_as_wrong_as_it_says_and_worse_with_every_lead(perfect):
    np.testing.assert_allclose(perfect["spread_skill"], 1.0, atol=0.1)
    np.testing.assert_allclose(perfect["coverage"], 0.9, atol=0.05)
    for metric in ("crps", "energy_score", "rmse"):
        assert (np.diff(perfect[metric]) > 0).all(), metric
    assert perfect["crps"][-1] > 3 * perfect["crps"][0]


def test_half_the_noise_is_seen_as_too_little_spread(world, perfect, tmp_path):
    found = scores(world, ensemble(world, NOISE / 2), tmp_path)
    assert (found["spread_skill"][:3] < 0.7).all()
    assert (found["crps"] > perfect["crps"])[:3].all()


def test_copies_of_persistence_have_no_spread_and_the_crps_of_a_single_forecast(world, tmp_path):
    _, method = load_method("persistence")
    single = method.estimate(Inputs(world), world.target(), device="cpu", seed=0)
    found = scores(world, single.expand_dims(member=4), tmp_path)
    assert (found["spread_skill"] == 0).all()
    error = scores(world, single, tmp_path)
    np.testing.assert_allclose(found["crps"], error["crps"], rtol=1e-6)
    assert (found["crps"][1:] > 0.5 * found["rmse"][1:]).all()


def test_a_climatological_ensemble_is_calibrated_and_knows_nothing_of_the_start(
    world, perfect, tmp_path
):
    _, method = load_method("climatological_ensemble")
    climate = method.estimate(Inputs(world), world.target(), device="cpu", seed=0)
    assert climate.sizes["member"] == 6
    found = scores(world, climate, tmp_path)
    np.testing.assert_allclose(found["spread_skill"], 1.0, atol=0.1)
    np.testing.assert_allclose(found["crps"] / found["crps"].mean(), 1.0, atol=0.15)
    assert (perfect["crps"][:4] < found["crps"][:4]).all()


def test_the_truth_against_itself_is_perfect(world, tmp_path):
    truth = xr.load_dataset(world.files("truth")[0], engine="h5netcdf")
    target = world.target()
    valid = target["start"] + target["lead"].astype("timedelta64[D]").astype("timedelta64[ns]")
    found = scores(world, truth.sel(time=valid).drop_vars("time"), tmp_path)
    for metric in ("rmse", "crps"):
        np.testing.assert_allclose(found[metric], 0.0, atol=1e-7)
