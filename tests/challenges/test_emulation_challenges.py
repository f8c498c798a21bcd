"""DC1 and DC2 run on files named and shaped as distributed (values are synthetic)."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml
from click.testing import CliRunner
from command import Command
from glorys_worlds import FIRST, climatology_script, forecasts, official, world, write_day

from oceanbench.challenge import Challenge
from oceanbench.cli.commands import cli
from oceanbench.errors import OceanbenchError
from oceanbench.evaluate import evaluate
from oceanbench.kinds.forecasts.derived import DERIVED, Axes
from oceanbench.kinds.forecasts.opening import declared_grid, maps_of
from oceanbench.kinds.forecasts.schedule import keys, schedule_of
from oceanbench.result import Result
from oceanbench.submission import Submission

NAMES = ("glorys12_emulation", "global_forecasting")
PACKED = {"zos": 2e-4, "thetao": 5e-4, "so": 1e-3, "uo": 4e-4, "vo": 4e-4}  # rounding of int16
PACKED |= {"ugeo": 1e-3, "vgeo": 1e-3, "mld": 5.0}  # and what it makes of slopes and thresholds
NOISE = 0.02


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world(tmp_path_factory.mktemp("glorys"))


@pytest.fixture(scope="module", params=NAMES)
def challenge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    return official(request.param, tmp_path_factory.mktemp(request.param))


def submit(folder: Path, dataset: xr.Dataset, name: str = "mine") -> Submission:
    dataset.to_zarr(folder / f"{name}.zarr", zarr_format=2, consolidated=False)
    return Submission(name, folder / f"{name}.zarr")


@pytest.fixture(scope="module")
def noisy(place, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Result]:
    """Scores, by the name of a challenge, of the reference with noise: evaluated once."""

    @cache
    def result(name: str) -> Result:
        challenge = official(name, tmp_path_factory.mktemp(name))
        dataset = forecasts(noise=NOISE, depths=not surface(challenge))
        return evaluate(challenge, submit(challenge.path.parent, dataset), data_dir=place)

    return result


def a_file_a_start(folder: Path, dataset: xr.Dataset) -> Submission:
    """Valid days on lat and lon, with the short names of the field."""
    for number, first in enumerate(dataset["first_day_datetime"].values):
        part = dataset.isel(first_day_datetime=number, drop=True)
        part = part.rename(lead_day_index="time", latitude="lat", longitude="lon", zos="ssh",
                           thetao="temperature", so="salinity", uo="u", vo="v")  # fmt: skip
        part = part.assign_coords(time=first + np.arange(10) * np.timedelta64(1, "D"))
        part.to_netcdf(folder / f"{str(first)[:10]}.nc", engine="h5netcdf")
    return Submission("mine", folder / "20*.nc")


def values(result: Result) -> dict[str, float]:
    return {s.label: np.nan if s.value is None else s.value for s in result.scores}


def surface(challenge: Challenge) -> bool:
    return len(keys(challenge).depths) == 1


def test_the_starts_are_those_of_2024_and_leads_are_whole_days():
    for name in NAMES:
        shipped = Challenge.load(name)
        schedule, grid = schedule_of(shipped), declared_grid(shipped)
        assert schedule.starts.size == 52 and schedule.leads == tuple(range(1, 11))
        assert str(schedule.starts[0] + 1) == "2024-01-01"
        assert str(schedule.starts[-1] + 1) == "2024-12-23"
        assert str(schedule.starts[-1] + 10) == "2025-01-01"
        assert grid is not None
        assert grid.shape == (672, 1440)
        assert (grid.latitude[-1], grid.longitude[-1]) == (89.75, 179.75)


@pytest.mark.slow
def test_the_reference_is_perfect_at_the_nodes_of_the_finer_grid(challenge, place, tmp_path):
    result = evaluate(challenge, submit(tmp_path, forecasts()), data_dir=place)
    (warning,) = result.warnings
    assert "does not grow" in warning  # it is the truth
    for score in result.scores:
        if score.metric in ("rmse", "mean_rmse", "crps"):
            assert score.value < PACKED[score.variable], score.label
        if score.metric == "skill" and score.label.startswith("skill / persistence"):
            assert score.value > 0.9  # "so" varies little at depth, and is rounded
        if score.label.startswith(("ACC", "activity", "skill / climatology")):
            assert (score.value, score.flag) == (None, "no_data")  # no climatology is there
    assert all(c["points"] == c["scored"] and not c["missing"] for c in result.coverage)


@pytest.mark.slow
def test_both_conventions_have_the_same_scores(challenge, noisy, place, tmp_path):
    dataset = forecasts(noise=NOISE, depths=not surface(challenge))
    first = noisy(challenge.name)
    second = evaluate(challenge, a_file_a_start(tmp_path, dataset), data_dir=place)
    assert values(second) == pytest.approx(values(first), rel=1e-12, nan_ok=True)
    at_ten = f"RMSE zos day 10{' (global)' if surface(challenge) else ''}"
    assert first.score(at_ten).value == pytest.approx(NOISE, rel=0.1)


@pytest.mark.slow
def test_members_are_scored_as_a_distribution(noisy, place, tmp_path):
    challenge = official("global_forecasting", tmp_path)
    whole = forecasts(noise=NOISE, members=8)[["zos"]]
    result = evaluate(challenge, submit(tmp_path, whole), data_dir=place)
    assert result.score("CRPS zos day 5").value < result.score("RMSE zos day 5").value
    spread = result.score("spread/error zos day 5")
    assert spread.value > 2 and spread.flag is None  # the truth is in the middle of the members
    assert result.score("CRPS so 0.494 m day 5").flag == "not_submitted"
    single = noisy("global_forecasting")
    assert single.score("spread/error zos day 5").flag == "deterministic"
    assert single.score("CRPS zos day 5").value is not None


@pytest.mark.slow
def test_a_climatology_is_made_of_years_of_files(place, tmp_path):
    challenge = official("glorys12_emulation", tmp_path)
    for day in ("01-03", "01-17", *(f"{month:02}-10" for month in range(2, 13))):
        write_day(tmp_path, np.datetime64(f"2023-{day}"))
    script, paths = climatology_script(), sorted(tmp_path.glob("merc*.nc"))
    found = script.climatology(challenge, paths)
    january = xr.open_mfdataset(paths[:2], engine="h5netcdf")["zos"].mean("time")
    january = january.sel(latitude=35.0, longitude=-62.25, method="nearest")
    mine = found["zos"].sel(month=1, latitude=35.0, longitude=-62.25)
    assert float(mine) == pytest.approx(float(january), abs=1e-6)
    with pytest.raises(SystemExit, match="days that are scored"):
        script.climatology(challenge, [*place.glob("glorys12/*20240105_*.nc")])
    with pytest.raises(SystemExit, match="month 4 is in no file"):
        script.climatology(challenge, paths[:4])
    folder = tmp_path / "data"
    folder.mkdir()
    for kind in ("glorys12", "glo12"):
        (folder / kind).symlink_to(place / kind)
    found.to_netcdf(folder / "climatology.nc", engine="h5netcdf")
    result = evaluate(challenge, submit(tmp_path, forecasts()), data_dir=folder)
    for score in result.scores:
        if score.label.startswith(("ACC", "activity")):
            assert score.value == pytest.approx(1.0, abs=0.01), score.label


@pytest.mark.slow
def test_inputs_of_methods_are_on_the_nodes_of_the_challenge(challenge, place):
    target, initial = challenge.target(place), challenge.open("initial", place)
    assert initial.sizes["start"] == 2
    for dim in ("latitude", "longitude", *(["depth"] if "depth" in target.dims else [])):
        np.testing.assert_array_equal(initial[dim], target[dim])


@pytest.mark.parametrize("name", NAMES)
def test_without_the_files_one_line_says_what_to_get(name, oceanbench: Command, tmp_path):
    submit(tmp_path, forecasts())
    code, _, err = oceanbench("evaluate", name, "mine.zarr", "--data-dir", tmp_path)
    (line,) = err.strip().splitlines()
    assert code == 2 and "GLORYS12" in line and str(tmp_path) in line and "--data-dir" in line


@pytest.mark.slow
def test_a_day_that_is_not_there_is_named(challenge, place, tmp_path):
    (tmp_path / "glorys12").mkdir()
    (tmp_path / "glo12").symlink_to(place / "glo12")
    for file in place.glob("glorys12/*.nc"):
        if "20240109_" not in file.name:
            (tmp_path / "glorys12" / file.name).symlink_to(file)
    with pytest.raises(OceanbenchError, match="no map of 2024-01-09"):
        evaluate(challenge, submit(tmp_path, forecasts()), data_dir=tmp_path)


@pytest.mark.slow
def test_the_whole_road(place, oceanbench: Command, tmp_path):
    challenge = official("glorys12_emulation", tmp_path)
    submit(tmp_path, forecasts(noise=0.01))
    code, out, err = oceanbench("evaluate", challenge.path, "mine.zarr", "--data-dir", place)
    assert code == 0, err
    assert err.count("\n") == err.count("does not grow"), err  # the toy's error is constant
    assert "zos RMSE" in out


# --- derived variables ------------------------------------------------------------------------


@pytest.mark.slow
def test_derived_variables_are_scored_as_those_of_the_file_would_be(noisy, place, tmp_path):
    """Their RMSE is that of what the functions make of the forecast and of the truth."""
    challenge = official("global_forecasting", tmp_path)
    estimate, result = forecasts(noise=NOISE), noisy("global_forecasting")
    truth, grid = maps_of(challenge, "truth", data_dir=place)
    axes = Axes(grid.latitude, grid.longitude, np.array(keys(challenge).depths))
    for name, needs in (("ugeo", ["zos"]), ("vgeo", ["zos"]), ("mld", ["thetao", "so"])):
        squares = weights = 0.0
        for start in range(2):
            day = FIRST + 7 * start + 4
            field = estimate.isel(first_day_datetime=start, lead_day_index=3)
            field = field.sel(depth=keys(challenge).depths, method="nearest")
            columns = [None] if needs == ["zos"] else keys(challenge).depths
            shape = (len(columns), *grid.shape)
            mine = {n: field[n].values.reshape(shape) for n in needs}
            known = {n: truth.read(n, day, columns) for n in needs}
            quantity = DERIVED[keys(challenge).derived[name]]
            error = quantity.function(mine, axes) - quantity.function(known, axes)
            area = np.cos(np.deg2rad(grid.latitude))[:, None] * np.isfinite(error)
            squares, weights = squares + np.nansum(area * error**2), weights + area.sum()
        score = result.score(f"RMSE {name} day 4")
        assert score.value == pytest.approx(np.sqrt(squares / weights), rel=1e-9)
        assert score.units == ("m" if name == "mld" else "m s-1")
        assert result.score(f"skill / persistence {name} day 4").value is not None
    (cover,) = [c for c in result.coverage if (c["variable"], c["mask"]) == ("ugeo", "global")]
    (zos,) = [c for c in result.coverage if (c["variable"], c["mask"]) == ("zos", "global")]
    assert 0 < cover["points"] < zos["points"] and cover["scored"] == cover["points"]


def test_what_is_derived_lacks_where_an_input_lacks(place, tmp_path):
    challenge = official("global_forecasting", tmp_path)
    part = forecasts().isel(depth=slice(0, -1)).drop_vars("zos")
    result = evaluate(challenge, submit(tmp_path, part), data_dir=place)
    assert result.score("RMSE ugeo day 1").flag == "not_submitted"  # no height
    assert result.score("RMSE mld day 1").flag == "not_submitted"  # no column to 541 m
    assert result.score("RMSE thetao 92.3 m day 1").value is not None


@pytest.mark.parametrize(
    ("derived", "words"),
    [
        ({"ugeo": "geostrophic"}, "did you mean 'geostrophic_eastward'"),
        ({"zos": "geostrophic_eastward"}, "choose another name"),
        ({"mld": "mixed_layer_depth"}, "needs two depths"),
    ],
)
def test_derived_variables_that_cannot_be_are_refused(derived, words, tmp_path):
    with pytest.raises(OceanbenchError, match=words):
        official("glorys12_emulation", tmp_path, derived=derived)


class MarineService:
    """Stands for the client of the Copernicus Marine Service: days of the patch, an account."""

    CoordinatesOutOfDatasetBounds = KeyError

    def __init__(self) -> None:
        self.asked: list[str] = []

    def login(self, *, check_credentials_valid: bool) -> bool:
        return check_credentials_valid

    def subset(self, **asked: Any) -> None:
        day = asked["start_datetime"][:10]
        self.asked.append(day)
        if "myint" not in asked["dataset_id"] and day >= "2024-01-05":
            raise KeyError(day)
        assert set(asked["variables"]) == set(PACKED) - {"ugeo", "vgeo", "mld"}
        write_day(Path(asked["output_directory"]), np.datetime64(day), asked["output_filename"])


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_three_commands_make_a_board(name, tmp_path, monkeypatch):
    service = MarineService()
    monkeypatch.setitem(sys.modules, "copernicusmarine", service)
    monkeypatch.chdir(tmp_path)
    shipped = yaml.safe_load(Challenge.load(name).path.read_text(encoding="utf-8"))
    datasets = shipped["datasets"]
    for dataset in datasets.values():
        if "copernicusmarine" in dataset.get("source", {}):
            dataset["source"]["copernicusmarine"]["time"][1] = "2024-01-17"
    shutil.copy(Challenge.load(name).path.with_name("published.csv"), tmp_path)
    challenge = official(name, tmp_path, datasets=datasets)
    submit(tmp_path, forecasts(noise=0.05))

    def run(*words: str) -> str:
        done = CliRunner().invoke(cli, [*words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    where = ["--data-dir", "data"]
    said = run("fetch", str(challenge.path), *where)
    assert f"truth: {len(service.asked) - 13} downloaded" in said
    run("evaluate", str(challenge.path), "mine.zarr", "--name", "mine", *where)
    board = run("leaderboard", str(challenge.path), "--results", "results")
    assert "| mine " in board and "| GLONET " in board
    found = Result.load(tmp_path / "results" / name / "mine.json").score("zos RMSE").value
    assert found == pytest.approx(0.05, rel=0.05)
    before = len(service.asked)
    assert "files present" in run("fetch", str(challenge.path), *where)
    assert len(service.asked) == before
