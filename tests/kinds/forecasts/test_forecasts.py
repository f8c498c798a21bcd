"""A challenge of forecasts, from its declaration to its board, and what is refused on the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from command import Command
from forecast_worlds import (
    CLIMATE,
    CONTENT,
    DEPTHS,
    LATITUDE,
    LEADS,
    OCEAN,
    STARTS,
    declare,
    perfect,
    persistence,
)
from places import SHARED
from rows import every

from oceanbench.boards.ranking import board
from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.evaluate import evaluate
from oceanbench.kinds.forecasts.scoring import on_grid
from oceanbench.methods.inputs import Inputs
from oceanbench.metrics import METRICS, Flagged
from oceanbench.result import Result
from oceanbench.submission import Submission

SIMPLE = [row for row in CONTENT["metrics"] if row["metric"] == "rmse"]


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Challenge:
    return Challenge.load(declare(tmp_path_factory.mktemp("toy")))


@pytest.fixture(scope="module")
def simple(tmp_path_factory: pytest.TempPathFactory) -> Challenge:
    """The challenge with no score that takes time."""
    return Challenge.load(declare(tmp_path_factory.mktemp("simple"), metrics=SIMPLE))


def submit(folder: Path, dataset: xr.Dataset, name: str = "mine") -> Submission:
    path = folder / f"{name}.nc"
    dataset.to_netcdf(path, engine="h5netcdf")
    return Submission(name, path)


def noisy(seed: int = 0, size: float = 0.02) -> xr.Dataset:
    random = np.random.default_rng(seed)
    truth = perfect()
    return truth.map(lambda f: f + (size * random.standard_normal(f.shape)).astype("f4"))


def values(result: Result) -> dict[str, float]:
    return {s.label: np.nan if s.value is None else s.value for s in result.scores}


def same(result: Result, other: Result) -> bool:
    return values(result) == pytest.approx(values(other), rel=1e-9, nan_ok=True)


# --- the two conventions, and files in every shape --------------------------------------------


def as_index(dataset: xr.Dataset) -> xr.Dataset:
    """Leads by index from the first day, as GLONET and its like are distributed."""
    first = (dataset["start"] + np.timedelta64(1, "D")).values
    renamed = dataset.rename(start="first_day_datetime", lead="lead_day_index")
    return renamed.assign_coords(first_day_datetime=first, lead_day_index=np.array(LEADS) - 1)


def one_start(dataset: xr.Dataset, number: int) -> xr.Dataset:
    """Valid days of one start, at noon, on lat and lon."""
    part = dataset.isel(start=number, drop=True)
    valid = STARTS[number] + np.array(LEADS) + np.timedelta64(12, "h")
    part = part.rename(lead="time", latitude="lat", longitude="lon")
    return part.assign_coords(time=valid.astype("M8[ns]"))


def turned(dataset: xr.Dataset) -> xr.Dataset:
    """Southward rows, longitudes from 0 to 360 in another order, and unneeded nodes and depths."""
    wide = dataset.reindex(longitude=np.append(dataset["longitude"].values, [-55.0, -54.75]))
    wide = wide.assign_coords(longitude=wide["longitude"] % 360).roll(longitude=7, roll_coords=True)
    deeper = xr.concat([wide.isel(depth=[0]).assign_coords(depth=[50.0]), wide], "depth",
                       data_vars="minimal", coords="minimal", compat="override")  # fmt: skip
    return deeper.isel(latitude=slice(None, None, -1))


SHAPES = {
    "start and lead": lambda d: d,
    "index and first day": as_index,
    "hours": lambda d: d.assign_coords(lead=("lead", np.array(LEADS) * 24, {"units": "hours"})),
    "renamed": lambda d: d.rename(start="forecast_reference_time", lead="lead_time", zos="ssh"),
    "turned": turned,
    "transposed": lambda d: d.transpose("longitude", "lead", "latitude", "depth", "start"),
}


@pytest.fixture(scope="module")
def expected(challenge: Challenge, tmp_path_factory: pytest.TempPathFactory) -> Result:
    return evaluate(challenge, submit(tmp_path_factory.mktemp("noisy"), noisy()))


@pytest.fixture(scope="module")
def usual(simple: Challenge, tmp_path_factory: pytest.TempPathFactory) -> Result:
    return evaluate(simple, submit(tmp_path_factory.mktemp("usual"), noisy()))


@pytest.mark.slow
@every("shape", list(SHAPES)[1:])
def test_every_shape_of_a_file_has_the_same_scores(shape, simple, usual, tmp_path):
    result = evaluate(simple, submit(tmp_path, SHAPES[shape](noisy())))
    assert same(result, usual)
    assert result.coverage == usual.coverage


@pytest.mark.slow
@pytest.mark.parametrize("zarr", [False, True], ids=["netcdf", "zarr"])
def test_one_file_for_each_start(zarr, simple, usual, tmp_path):
    for number in range(STARTS.size):
        part, name = one_start(noisy(), number), f"start{STARTS[number]}"
        if zarr:
            part.to_zarr(tmp_path / f"{name}.zarr", zarr_format=2, consolidated=False)
        else:
            part.to_netcdf(tmp_path / f"{name}.nc", engine="h5netcdf")
    result = evaluate(simple, Submission("mine", tmp_path / "start*"))
    assert same(result, usual)


def test_one_store(simple, usual, tmp_path):
    noisy().to_zarr(tmp_path / "mine.zarr", consolidated=False)
    result = evaluate(simple, Submission("mine", tmp_path / "mine.zarr"))
    assert same(result, usual)


# --- the scores are those of the pure functions -----------------------------------------------


def oracle(row, dataset: xr.Dataset, exact: xr.Dataset, still: xr.Dataset) -> float | Flagged:
    """Score of forecasts from the whole fields, by the function of the metric."""

    def fields(source: xr.Dataset) -> xr.DataArray:
        field = source[row.variable].astype(float).rename(start="time")
        field = field.sel(depth=row.depth) if row.depth is not None else field
        return field if row.lead is None else field.sel(lead=row.lead)

    estimate, truth = fields(dataset), fields(exact)
    if row.relative_to == "persistence":
        reference = fields(still)
    elif row.relative_to == "climatology":
        reference = CLIMATE[row.variable].astype(float)
        reference = reference.sel(depth=row.depth) if row.depth is not None else reference
    else:
        reference = 0.0
    inside = truth["latitude"] <= (25 if row.mask == "south" else 90)
    weights = np.cos(np.deg2rad(truth["latitude"])) * inside
    weights = weights.broadcast_like(truth).where(truth.notnull(), 0.0)
    arrays = (a - reference for a in (estimate, truth))
    return METRICS[row.metric].function(*arrays, weights.transpose(*truth.dims), **row.options)


@pytest.mark.slow
def test_scores_are_those_of_the_whole_fields(challenge, expected):
    found = {score.label: score for score in expected.scores}
    assert len(found) == len(challenge.scores) > 100
    made = noisy(), perfect(), persistence()
    for row in challenge.scores:
        wanted, score = oracle(row, *made), found[row.label]
        if isinstance(wanted, Flagged):
            assert (score.value, score.flag) == (None, wanted.flag), row.label
        else:
            assert score.value == pytest.approx(wanted, rel=1e-9, abs=1e-12), row.label


def test_blocks_do_not_change_the_scores(simple, tmp_path, monkeypatch):
    part = submit(tmp_path, noisy().isel(start=[0, 4]))
    whole = evaluate(simple, part)
    monkeypatch.setattr(on_grid, "VALUES_AT_ONCE", LATITUDE.size * 60)
    assert values(evaluate(simple, part)) == pytest.approx(values(whole), rel=1e-12, nan_ok=True)


def test_the_reference_against_itself_is_perfect_and_nothing_is_missing(challenge, tmp_path):
    result = evaluate(challenge, submit(tmp_path, perfect()))
    for score in result.scores:
        ideal = METRICS[score.metric].ideal_of({})
        if score.metric == "spread_skill":
            assert score.flag == "deterministic"
        else:
            assert score.value == pytest.approx(ideal, abs=1e-6), score.label
    assert all(c["scored"] == c["points"] and not c["missing"] for c in result.coverage)
    cells = int(OCEAN["zos"].isel(time=0).notnull().sum())
    (zos,) = [c for c in result.coverage if (c["variable"], c["mask"]) == ("zos", "ocean")]
    assert zos["points"] == cells * STARTS.size * len(LEADS)


@pytest.mark.slow
def test_persistence_and_climatology_have_no_skill_against_themselves(challenge, simple, tmp_path):
    still = evaluate(simple, submit(tmp_path, persistence()))
    whole = perfect()
    mean = whole.map(lambda f: CLIMATE[f.name].broadcast_like(f).transpose(*f.dims))
    flat = evaluate(simple, submit(tmp_path, mean, "mean"))
    skills = [row for row in simple.scores if row.metric == "skill"]
    assert len(skills) == len([row for row in challenge.scores if row.metric == "skill"]) > 50
    for row in skills:
        result = still if row.relative_to == "persistence" else flat
        assert result.score(row.label).value == pytest.approx(0, abs=1e-9)
    rmse = [still.score(f"RMSE zos day {lead} (ocean)").value for lead in LEADS]
    assert sorted(rmse) == rmse and rmse[0] > 0


def test_ensembles_that_are_climatology_or_copies(challenge, tmp_path):
    """A climatological ensemble has spread over error 1, copies of persistence 0."""
    labels = [f"spread/error day {lead}" for lead in LEADS]
    days = OCEAN["time"].values.astype("M8[D]")
    random = np.random.default_rng(1)
    drawn = random.choice(np.flatnonzero(days < STARTS[-1]), (STARTS.size, len(LEADS), 30))
    chosen = xr.DataArray(drawn, dims=("start", "lead", "member"))
    climate = OCEAN[["zos"]].isel(time=chosen).drop_vars("time")
    climate = climate.assign_coords(start=perfect()["start"], lead=perfect()["lead"])
    result = evaluate(challenge, submit(tmp_path, climate))
    assert [result.score(label).value for label in labels] == pytest.approx([1] * 4, abs=0.12)
    copies = persistence()[["zos"]].expand_dims(member=5)
    result = evaluate(challenge, submit(tmp_path, copies))
    assert [result.score(label).value for label in labels] == [0.0] * 4


def test_intervals_come_from_starts(expected):
    score = expected.score("RMSE zos day 1 (ocean)")
    assert score.interval is not None
    assert score.interval.low < score.value < score.interval.high
    series, *by_lead = expected.series
    days = [f"{day}T00:00:00.000000000" for day in STARTS]
    assert series["time"] == days
    assert [one["label"] for one in by_lead] == [f"RMSE zos day {n} (ocean)" for n in (1, 2, 3, 5)]
    assert all(one["case"] == days for one in by_lead)


# --- partial submissions ----------------------------------------------------------------------


PARTIAL = {
    "leads": (lambda d: d.isel(lead=[0, 1]), "no lead 3, 5"),
    "variables": (lambda d: d[["zos", "so"]], "no thetao, uo, vo"),
    "depths": (lambda d: d.isel(depth=[0]), "thetao at 1 of 2 depths"),
    "starts": (lambda d: d.isel(start=slice(0, 9)), "9 of 10 starts"),
}


@pytest.mark.parametrize("lack", PARTIAL)
def test_partial_submissions_are_scored_and_labelled(lack, simple, usual, tmp_path):
    change, words = PARTIAL[lack]
    result = evaluate(simple, submit(tmp_path, change(noisy())))
    assert any(words in note for c in result.coverage for note in c["missing"])
    assert {s.label for s in result.scores} == {s.label for s in usual.scores}
    flags = {s.flag for s in result.scores}
    assert flags & {"not_submitted", "partial"}
    ranked = result.score("zos")
    if lack in ("leads", "starts"):
        assert ranked.flag == "partial" and ranked.value is not None
    else:
        assert ranked.flag is None and ranked.value == usual.score("zos").value
    table = board(simple, [result, Result(**{**vars(usual), "submission": {"name": "all"}})])
    row = table.computed.set_index("submission").loc["mine"]
    assert f"partial: {words}" in row["notes"] or words in row["notes"]
    if ranked.flag == "partial":
        assert row["rank"] == "–" and "(partial)" in row["zos [m]"]
        assert list(table.computed["submission"]) == ["all", "mine"]


def test_more_than_is_asked_for_is_left_aside(simple, usual, tmp_path):
    whole = noisy()
    more = xr.concat([whole.isel(lead=[0]).assign_coords(lead=[0]), whole], "lead")
    result = evaluate(simple, submit(tmp_path, more))
    assert same(result, usual)


# --- what is refused --------------------------------------------------------------------------


def hole(dataset: xr.Dataset) -> xr.Dataset:
    dataset["zos"][{"start": 3, "lead": 1, "latitude": 10, "longitude": 30}] = np.nan
    return dataset


REFUSED = {
    "another name": (lambda d: d[["zos"]].rename(zos="height"), "expected a variable 'zos'"),
    "another start": (
        lambda d: d.assign_coords(start=d["start"] + np.timedelta64(1, "D")),
        "start 2020-01-06 is none of the challenge's 10 (the nearest is 2020-01-05)",
    ),
    "start twice": (lambda d: d.isel(start=[0, 1, 1]), "start 2020-01-12 occurs twice"),
    "lead twice": (lambda d: d.isel(lead=[0, 1, 1]), "lead 2 occurs twice"),
    "leads of hours": (
        lambda d: d.assign_coords(lead=("lead", [6, 12, 18, 24], {"units": "hours"})),
        "0.25 days, expected whole days",
    ),
    "leads from zero": (
        lambda d: d.assign_coords(lead=np.array(LEADS) - 1), "name an index from zero"
    ),
    "no leads in common": (
        lambda d: d.assign_coords(lead=np.array(LEADS) + 30), "expected 1, 2, 3, … 5"
    ),
    "half a cell off": (
        lambda d: d.assign_coords(longitude=d["longitude"] + 0.125), "of longitude are not there"
    ),
    "a hole": (hole, "1 of 1105 cells of 'zos' have no value in the forecast of start 2020-01-26"),
    "land is a number": (
        lambda d: d.assign(zos=d["zos"].fillna(-32767.0).assign_attrs(units="m")),
        "lie outside [-5, 5] m (for example -32767)",
    ),
    "kelvin": (
        lambda d: d.assign(thetao=(d["thetao"] + 273.15).assign_attrs(units="K")), "is in 'K'"
    ),
    "no depth": (lambda d: d.isel(depth=0, drop=True), "has no depth, expected 2 of them"),
    "another depth": (lambda d: d.assign_coords(depth=[10.0, 20.0]), "no depth 0.494025 m"),
    "deep sea surface": (
        lambda d: d.assign(zos=d["zos"].expand_dims(depth=DEPTHS)), "expected the surface"
    ),
    "no time": (lambda d: d.isel(lead=0, drop=True), "expected start and lead"),
    "no start": (lambda d: d.isel(start=0, drop=True), "has leads ('lead') and no start"),
    "deviation": (lambda d: d.assign(zos_std=d["zos"]), "which forecasts do not have"),
}  # fmt: skip


@pytest.mark.slow
@every("case", REFUSED)
def test_wrong_submissions_are_refused_in_one_line(case, challenge, tmp_path):
    change, words = REFUSED[case]
    dataset = change(noisy())
    with pytest.raises(OceanbenchError) as refusal:
        evaluate(challenge, submit(tmp_path, dataset))
    assert words in str(refusal.value), refusal.value
    assert "mine" in str(refusal.value) and "\n" not in str(refusal.value)


def test_holes_are_counted_where_they_may_be(tmp_path):
    rules = CONTENT["submission"] | {"missing": "drop", "min_coverage": 0.9}
    dropping = Challenge.load(declare(tmp_path / "toy", submission=rules, metrics=SIMPLE))
    result = evaluate(dropping, submit(tmp_path, hole(noisy())))
    (zos,) = [c for c in result.coverage if (c["variable"], c["mask"]) == ("zos", "ocean")]
    assert zos["points"] - zos["scored"] == 1
    score = result.score("RMSE zos day 2 (ocean)")
    assert score.n == result.score("RMSE zos day 1 (ocean)").n - 1
    half = noisy()
    half["zos"] = half["zos"].where(half["latitude"] > 24)
    with pytest.raises(OceanbenchError, match="leaving out what is hard"):
        evaluate(dropping, submit(tmp_path, half))


DECLARATIONS = {
    "no leads": ({"leads": None}, "starts and leads are missing"),
    "leads unsorted": ({"leads": [2, 1]}, "do not increase"),
    "uneven starts": (
        {"starts": {"first": "2020-01-05", "last": "2020-01-10", "step_days": 7}},
        "no whole number of steps",
    ),
    "leads beyond the domain": ({"leads": [1, 90]}, "does not hold all valid days"),
    "metric without sums": (
        {"metrics": [{"metric": "resolved_wavelength", "label": "zos"}]}, "metrics[0]"
    ),
    "unknown lead": (
        {"metrics": [{"metric": "rmse", "label": "zos", "leads": [4]}]}, "lead: unknown '4'"
    ),
    "unknown variable": (
        {"metrics": [{"metric": "rmse", "label": "zos", "variables": ["zoss"]}]}, "'zos'"
    ),
    "anomalies of nothing": (
        {"metrics": [{"metric": "activity", "label": "zos"}]}, "add relative_to"
    ),
    "no rank": ({"rank_by": "zoss"}, "did you mean 'zos'"),
    "mask of time": (
        {"masks": {"ocean": {"time": ["2020-01-05", "2020-01-06"]}}}, "masks.ocean.time"
    ),
    "a reference without a variable": (
        {"datasets": CONTENT["datasets"] | {"climatology": CONTENT["datasets"]["climatology"]
                                            | {"variables": {"zos": "zos"}}}},
        "climatology.variables: no 'thetao'",
    ),
    "no persistence": (
        {"datasets": {k: d for k, d in CONTENT["datasets"].items() if k != "initial"},
         "metrics": [{"metric": "skill", "label": "zos", "relative_to": "persistence"}]},
        "needs a dataset with role 'initial'",
    ),
}  # fmt: skip


@every("case", DECLARATIONS)
def test_wrong_declarations_are_refused_in_words(case, tmp_path):
    changes, words = DECLARATIONS[case]
    with pytest.raises(OceanbenchError) as refusal:
        Challenge.load(declare(tmp_path / "toy", **changes))
    assert words in str(refusal.value), refusal.value


def test_a_truth_that_lacks_a_day_is_refused(tmp_path):
    path = declare(tmp_path / "toy")
    truth = xr.load_dataset(path.parent / "truth.nc", engine="h5netcdf")
    truth.isel(time=slice(0, 20)).to_netcdf(path.parent / "truth.nc", engine="h5netcdf")
    with pytest.raises(OceanbenchError, match="has no map of 2020-"):
        evaluate(Challenge.load(path), submit(tmp_path, perfect()))


def test_methods_get_the_years_they_learn_from_and_training_no_initial_conditions(tmp_path):
    first, last = (str(STARTS[0] - days) for days in (60, 1))
    periods = {"training": [str(STARTS[0] - 400), str(STARTS[0] - 61)], "validation": [first, last]}
    chosen = {"role": "validation", "path": "training.nc", "variables": {"zos": "zos"}}
    datasets = CONTENT["datasets"] | {"chosen": chosen}
    toy = Challenge.load(declare(tmp_path, periods=periods, datasets=datasets, metrics=SIMPLE))
    whole, cut = Inputs(toy), Inputs(toy, for_training=True)
    assert set(whole) - set(cut) == {"initial"}
    assert whole["initial"].sizes["start"] == STARTS.size
    for inputs in (whole, cut):
        assert inputs["training"].sizes["time"] == 340
        days = inputs["chosen"]["time"].values.astype("M8[D]")
        assert (str(days[0]), str(days[-1]), days.size) == (first, last, 60)
        assert inputs["chosen"].attrs["role"] == "validation"
        assert inputs["climatology"].attrs["layout"] == inputs["sea"].attrs["layout"] == "static"


def test_the_whole_road(oceanbench: Command, tmp_path):
    path = declare(tmp_path / "toy", metrics=SIMPLE)
    submit(tmp_path, noisy())
    code, out, err = oceanbench("evaluate", path, "mine.nc", "--board")
    assert code == 0
    assert err.startswith("warning: the error of 'thetao'") and "does not grow" in err
    assert "95 % intervals over starts" in out and "RMSE zos day 5 (ocean)" in out
    assert "RMSE zos day 2" not in out and "skill" not in out
    result = Result.load(tmp_path / "results" / "toy_forecasts" / "mine.json")
    assert result.score("skill / persistence thetao 92.3 m day 3").lead == 3
    code, out, _ = oceanbench("show", path)
    assert code == 0 and "1, 2, 3, 5 days" in out and "0.494025, 92.3261 m" in out
    code, out, err = oceanbench("validate", path, "mine.nc")
    assert (code, err) == (0, "") and "values can be scored, one value at each point" in out
    code, out, _ = oceanbench(
        "verify", "results/toy_forecasts/mine.json", "--submission", "mine.nc", "--challenge", path
    )
    assert (code, out[-16:]) == (0, "scores verified\n")
    code, _, err = oceanbench("run", "oi", path)
    assert code == 2 and "is a method for" in err


# --- real data --------------------------------------------------------------------------------

REAL = SHARED / "data" / "duacs_global_zos_20181231_20190103.nc"


@pytest.mark.skipif(
    not REAL.is_file(), reason="../shared/data has the real altimetry, and is not here"
)
def test_persistence_of_real_altimetry_is_as_wrong_as_is_known(tmp_path):
    """0.666, 1.288 and 1.878 cm at one, two and three days, by area."""
    content = {
        "leads": [1, 2, 3],
        "periods": {},
        "depths": None,
        "starts": {"first": "2018-12-31", "last": "2018-12-31", "step_days": 7},
        "domain": {"longitude": [0, 360], "latitude": [-90, 90],
                   "time": ["2018-12-31", "2019-01-03"]},
        "datasets": {
            name: {"role": name, "path": str(REAL), "variables": {"zos": "zos"}}
            for name in ("truth", "initial")
        },
        "submission": {"variables": {"zos": {"units": "m"}}, "missing": "drop"},
        "masks": {"globe": {}},
        "metrics": [{"metric": "rmse", "label": "RMSE"}],
        "rank_by": "RMSE day 1",
    }  # fmt: skip
    duacs = xr.open_dataset(REAL, engine="h5netcdf")
    still = duacs[["zos"]].isel(time=[0, 0, 0])
    still = still.assign_coords(time=duacs["time"][1:]).roll(longitude=720, roll_coords=True)
    result = evaluate(Challenge.load(declare(tmp_path, **content)), submit(tmp_path, still))
    errors = [100 * result.score(f"RMSE day {lead}").value for lead in (1, 2, 3)]
    assert errors == pytest.approx([0.6662, 1.2879, 1.8784], abs=1e-4)
    skill = [result.score(f"skill / persistence day {lead}").value for lead in (1, 2, 3)]
    assert skill == pytest.approx([0.0] * 3, abs=1e-12)
