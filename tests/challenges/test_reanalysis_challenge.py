"""The declaration of `reanalysis_emulation`, and known scores on its first starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml
from forecast_worlds import forecast, write

from oceanbench.challenge import Challenge
from oceanbench.evaluate import evaluate
from oceanbench.kinds.forecasts.schedule import keys, schedule_of
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method
from oceanbench.result import Result
from oceanbench.submission import Submission

BOTH = ["reanalysis_emulation", "reanalysis_emulation_probabilistic"]
METRICS = [
    {"metric": "rmse", "label": "zos RMSE", "variable": "zos", "leads": "pooled"},
    {"metric": "rmse", "label": "RMSE"},
]


@pytest.mark.parametrize("name", BOTH)
def test_the_declaration_is_what_the_card_says(name):
    challenge = Challenge.load(name)
    starts = schedule_of(challenge).starts
    assert (str(starts[0]), str(starts[-1]), starts.size) == ("2008-01-02", "2008-12-24", 52)
    assert all(day.astype(object).strftime("%A") == "Wednesday" for day in starts)
    assert keys(challenge).leads == [*range(1, 11), 15, 20, 30]
    assert set(challenge.submission.variables) == {"zos", "thetao", "so", "uo", "vo"}
    assert challenge.ranking.variable == "zos"
    for dataset in challenge.datasets:
        assert challenge.files(dataset)  # their checksums are right


def test_one_ocean_has_two_rankings():
    first, second = (Challenge.load(name) for name in BOTH)
    for part in ("periods", "own", "submission", "domain"):
        assert getattr(first, part) == getattr(second, part)
    for name, dataset in second.datasets.items():  # the first has observations besides
        assert dataset.sha256 == first.datasets[name].sha256
    assert (first.ranking.metric, second.ranking.metric) == ("rmse", "crps")


def test_methods_get_six_years_to_learn_from_and_one_to_choose_by():
    challenge = Challenge.load("reanalysis_emulation")
    run, train = Inputs(challenge), Inputs(challenge, for_training=True)
    assert set(run) - set(train) == {"analysis"}
    for inputs in (run, train):
        assert inputs["reanalysis"].sizes["time"] == 6 * 365 + 1
        assert inputs["reanalysis_of_validation"].sizes["time"] == 365
    assert run["analysis"].sizes["start"] == 52


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Challenge:
    """The challenge with its first two starts and few scores."""
    path = Challenge.load("reanalysis_emulation").path
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    for dataset in content["datasets"].values():
        dataset["path"] = str(path.parent / dataset["path"])
    content["starts"]["last"] = "2008-01-09"
    content = {**content, "metrics": METRICS, "masks": {"basin": {}}}
    folder = tmp_path_factory.mktemp("short")
    days = {
        key: str(value) if hasattr(value, "year") else value
        for key, value in content["starts"].items()
    }
    return Challenge.load(write({**content, "starts": days}, folder))


def scored(challenge: Challenge, dataset: xr.Dataset, folder: Path) -> Result:
    dataset.to_netcdf(folder / "mine.nc", engine="h5netcdf")
    return evaluate(challenge, Submission("mine", folder / "mine.nc"))


def test_the_truth_against_itself_is_perfect_and_too_good_for_one_gate(short, tmp_path):
    truth = xr.load_dataset(short.files("truth")[0], engine="h5netcdf")
    target = short.target()
    valid = target["start"] + target["lead"].astype("timedelta64[D]").astype("timedelta64[ns]")
    fields = truth.sel(time=valid).drop_vars("time").drop_attrs()
    result = scored(short, fields, tmp_path)
    assert {s.value for s in result.scores if s.metric == "rmse"} == {0.0}
    assert {s.flag for s in result.scores} == {None}
    assert all(c["missing"] == [] and c["scored"] == c["points"] for c in result.coverage)
    (warning,) = result.warnings
    assert "does not grow" in warning


def test_persistence_passes_the_gates_and_has_no_skill_against_itself(short, tmp_path):
    still = forecast(load_method("persistence")[1], Inputs(short), short)
    result = scored(short, still, tmp_path)
    assert result.warnings == []
    skill = [s.value for s in result.scores if "persistence" in s.label]
    np.testing.assert_allclose(skill, 0.0, atol=1e-4)
    errors = [result.score(f"RMSE zos day {lead}").value for lead in (1, 3, 10)]
    assert 0.03 < errors[0] < errors[1] < errors[2]
