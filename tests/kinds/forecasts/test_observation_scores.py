"""Forecasts against observations: what is known exactly, one population, and what is refused."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from forecast_worlds import FIRST, STARTS
from observation_worlds import (
    BINS,
    CONTENT,
    DATASETS,
    DATUM,
    DEPTHS,
    LATITUDE,
    LEADS,
    LONGITUDE,
    SEA,
    declare,
    drifters,
    forecast,
    image,
    mean,
    plane,
    profiles,
    track,
)
from rows import every

from oceanbench.boards.ranking import board
from oceanbench.challenge import Challenge
from oceanbench.data import opening
from oceanbench.errors import OceanbenchError
from oceanbench.evaluate import evaluate
from oceanbench.kinds.forecasts.scoring import on_grid
from oceanbench.methods.inputs import Inputs
from oceanbench.metrics import METRICS
from oceanbench.result import Result
from oceanbench.submission import Submission

DROP = CONTENT["submission"] | {"missing": "drop"}
SLA = [row for row in CONTENT["metrics"] if row["label"] == "SLA"]


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Challenge:
    return Challenge.load(declare(tmp_path_factory.mktemp("planes")))


@pytest.fixture(scope="module")
def perfect(challenge: Challenge, tmp_path_factory: pytest.TempPathFactory) -> Result:
    return evaluate(challenge, submit(tmp_path_factory.mktemp("perfect"), forecast()))


def submit(folder: Path, dataset: xr.Dataset, name: str = "mine") -> Submission:
    path = folder / f"{name}.nc"
    dataset.to_netcdf(path, engine="h5netcdf")
    return Submission(name, path)


def against(result: Result) -> dict[str, Any]:
    return {s.label: s for s in result.scores if s.against}


def values(result: Result) -> dict[str, float]:
    found = against(result).items()
    return {k: np.nan if s.value is None else s.value for k, s in found}


def sla_only(folder: Path, **changes: Any) -> Challenge:
    """The challenge with scores against the track alone, which declares something else."""
    datasets = {"profiles": None, "drifters": None, "image": None}
    given = {k: v for k, v in (DATASETS["track"] | changes).items() if v is not None}
    path = declare(folder, datasets | {"track": given}, metrics=SLA, submission=DROP)
    return Challenge.load(path)


def rewritten(challenge: Challenge, name: str, dataset: xr.Dataset) -> None:
    dataset.to_netcdf(challenge.path.parent / f"{name}.nc", engine="h5netcdf")


# --- what is known exactly ---------------------------------------------------------------------


def test_planes_are_matched_exactly_and_heights_through_mdt_and_datum(perfect):
    scores = against(perfect)
    rows = [s for s in scores.values() if s.metric in ("rmse", "bias")]
    assert len(rows) == 2 * len(LEADS) * (1 + 2 * 3 + 2 + 1) + 2
    for score in rows:
        assert score.n > 0 and abs(score.value) < 2e-3, score  # 0.01 m of depth is a level
        if "profiles" not in score.label:
            assert abs(score.value) < 1e-4, score  # and 1e-4 degrees a node
    assert scores["SLA (ocean)"].value < 1e-5
    assert warned(perfect) == []


def test_a_constant_error_is_the_bias_and_the_rmse(challenge, perfect, tmp_path):
    result = evaluate(challenge, submit(tmp_path, forecast(0.1)))
    for label, score in against(result).items():
        if score.metric in ("rmse", "bias"):
            assert score.value == pytest.approx(0.1, abs=1e-3), label
        assert score.n == against(perfect)[label].n
    (warning,) = warned(result)
    assert "another datum; correct the forecast by -0.10 m" in warning


@every("wrong", [0.0, -DATUM])
def test_a_wrong_datum_shows_up_as_bias_and_is_warned_of(wrong, tmp_path):
    metrics = [*SLA, {"metric": "bias", "label": "bias", "against": "track", "lead": 1}]
    datasets = {"profiles": None, "drifters": None, "image": None}
    datasets["track"] = DATASETS["track"] | {"datum": wrong}
    path = declare(tmp_path / "toy", datasets, metrics=metrics)
    result = evaluate(Challenge.load(path), submit(tmp_path, forecast()))
    assert result.score("bias").value == pytest.approx(wrong - DATUM, abs=1e-5)
    (warning,) = warned(result)
    assert "datum in challenge.yaml" in warning


def test_a_missing_mean_topography_is_refused_or_warned_of(tmp_path):
    with pytest.raises(OceanbenchError, match="declare mdt: with the dataset"):
        sla_only(tmp_path / "named", mdt=None, datum=None)
    hidden = track().rename(sla="height")
    by_attribute = declare_height(tmp_path / "attribute", hidden)
    with pytest.raises(OceanbenchError, match=r"track.nc: 'height' is a height above the mean"):
        evaluate(by_attribute, submit(tmp_path, forecast()))
    del hidden["height"].attrs["standard_name"]
    flat = hidden.assign(height=hidden["height"] * 0.2)  # anomalies smaller than the mean
    untold = declare_height(tmp_path / "untold", flat)
    result = evaluate(untold, submit(tmp_path, forecast()))
    assert any("lacks the mean dynamic topography" in w for w in result.warnings)


def declare_height(folder: Path, dataset: xr.Dataset) -> Challenge:
    challenge = sla_only(folder, mdt=None, datum=None, variables={"zos": "height"})
    rewritten(challenge, "track", dataset)
    return challenge


def test_a_file_that_has_the_mean_topography_needs_no_other(tmp_path):
    challenge = sla_only(tmp_path / "toy", mdt=None, variables={"zos": "sla + mdt"})
    whole = track()
    mdt = mean(whole["latitude"], whole["longitude"])
    rewritten(challenge, "track", whole.assign(mdt=mdt.assign_attrs(units="m")))
    result = evaluate(challenge, submit(tmp_path, forecast()))
    assert result.score("SLA (ocean)").value < 1e-5


# --- which observations ------------------------------------------------------------------------


def counted(where: xr.Dataset, lead: int) -> int:
    """Count, one by one, the observations of a track that have four wet nodes around them."""
    total = 0
    for start in STARTS:
        day = where["time"].values.astype("M8[D]") == start + lead
        for y, x in zip(where["latitude"].values[day], where["longitude"].values[day], strict=True):
            inside = 20 <= y <= 30 and -70 <= x <= -55
            if inside:
                i, j = np.searchsorted(LATITUDE, y), np.searchsorted(LONGITUDE, x)
                total += bool(SEA.values[i - 1 : i + 1, j - 1 : j + 1].all())
    return total


def test_the_population_is_that_of_the_mask_the_leads_and_the_reference(perfect):
    for lead in LEADS:
        assert against(perfect)[f"RMSE track day {lead}"].n == counted(track(), lead) > 50
    south = against(perfect)["SLA (south)"].n
    assert 0 < south < against(perfect)["SLA (ocean)"].n


def test_two_submissions_with_other_holes_share_the_population(challenge, tmp_path):
    dropping = sla_only(tmp_path / "toy")
    found = []
    for name, hole in (("north", lambda d: d["latitude"] > 27), ("east", east)):
        dataset = forecast()
        dataset["zos"] = dataset["zos"].where(~hole(dataset))
        result = evaluate(dropping, submit(tmp_path, dataset, name))
        (part,) = [c for c in result.coverage if c.get("against") and c["mask"] == "ocean"]
        found.append(part)
        assert result.score("SLA (ocean)").n == part["scored"] < part["points"]
        assert result.score("SLA (ocean)").value < 1e-5
    assert found[0]["points"] == found[1]["points"]
    assert found[0]["scored"] != found[1]["scored"]
    assert challenge.submission.missing == "refuse"
    only = forecast()
    only["zos"] = only["zos"].where(only["longitude"] < -60)
    with pytest.raises(OceanbenchError, match="have no value in the forecast"):
        evaluate(challenge, submit(tmp_path, only))


def east(dataset: xr.Dataset) -> xr.DataArray:
    return dataset["longitude"] > -58


def test_leaving_out_too_much_is_refused(tmp_path):
    dropping = sla_only(tmp_path / "toy")
    dataset = forecast()
    dataset["zos"] = dataset["zos"].where(dataset["latitude"] > 24.5)
    with pytest.raises(OceanbenchError, match="leaving out what is hard"):
        evaluate(dropping, submit(tmp_path, dataset))


def test_values_on_land_and_in_other_days_are_never_read(challenge, perfect, tmp_path):
    filled = forecast().where(SEA, 7.0)
    for name in filled.data_vars:
        filled[name].attrs = forecast()[name].attrs
    try:
        result = evaluate(challenge, submit(tmp_path, filled))
    except OceanbenchError as problem:
        assert "land" in str(problem)
    else:
        assert values(result) == values(perfect)


FORMS = {
    "other longitudes": lambda d: d.assign_coords(longitude=d["longitude"] % 360),
    "shuffled": lambda d: d.isel(time=np.random.default_rng(0).permutation(d.sizes["time"])),
    "other names": lambda d: d.rename(latitude="lat", longitude="lon", time="date"),
    "a dimension of its own": lambda d: d.reset_index("time").rename_dims(time="obs"),
    "with missing ones": lambda d: xr.concat([d, d * np.nan], "time"),
    "as drifters": lambda d: d.expand_dims(drifter=2).isel(drifter=[0]),
}


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Scores against the track alone of a forecast with an error."""
    folder = tmp_path_factory.mktemp("usual")
    return evaluate(sla_only(folder / "toy"), submit(folder, forecast(0.1)))


@pytest.mark.slow
@every("form", FORMS)
def test_every_form_of_a_file_has_the_same_scores(form, usual, tmp_path):
    challenge = sla_only(tmp_path / "toy")
    mine, expected = submit(tmp_path, forecast(0.1)), values(usual)
    rewritten(challenge, "track", FORMS[form](track()))
    assert values(evaluate(challenge, mine)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.slow
def test_parts_and_small_reads_change_nothing(tmp_path, monkeypatch):
    challenge = sla_only(tmp_path / "toy", path="track*.nc")
    mine = submit(tmp_path, forecast(0.1).isel(start=[3, 4]))  # before and after the cut
    expected, whole = values(evaluate(challenge, mine)), track()
    rewritten(challenge, "track", whole.isel(time=slice(0, 1111)))
    rewritten(challenge, "track2", whole.isel(time=slice(1111, None)))
    monkeypatch.setattr(opening, "READ_WHOLE", 0)
    monkeypatch.setattr(on_grid, "VALUES_AT_ONCE", 1)
    assert values(evaluate(challenge, mine)) == pytest.approx(expected, rel=1e-9)


def test_an_observation_belongs_to_the_day_of_its_hours(tmp_path):
    late = track().isel(time=slice(0, 0))
    day = FIRST + LEADS[1]
    times = day.astype("M8[ns]") + np.array([-13, -11, 1, 13, 23, 25]).astype("m8[h]")
    where = np.full(times.size, 25.0), np.full(times.size, -64.0)
    for hours, first, last in (([0, 24], 2, 5), ([-12, 12], 1, 3), ([6, 18], 3, 4)):
        there = np.arange(times.size)
        there = (there >= first) & (there < last)
        sla = np.where(there, plane("zos", day, *where), 99.0) - mean(*where) + DATUM
        coords = {
            "time": times, "latitude": ("time", where[0]), "longitude": ("time", where[1])
        }  # fmt: skip
        late = xr.Dataset({"sla": ("time", sla, {"units": "m"})}, coords)
        challenge = sla_only(tmp_path / str(hours), hours=hours)
        rewritten(challenge, "track", late)
        dataset = forecast().isel(start=[0], lead=[1])
        result = evaluate(challenge, submit(tmp_path, dataset))
        score = result.score("SLA (ocean)")
        assert (score.n, score.flag) == (last - first, "partial")
        assert score.value < 1e-5


# --- depths ------------------------------------------------------------------------------------


def test_depth_bins_hold_their_upper_bound_and_nothing_is_extrapolated(challenge, perfect):
    found = profiles()
    day = found["time"].values.astype("M8[D]")
    for top, bottom in BINS:
        count = 0
        for start in STARTS:
            part = found.isel(time=np.flatnonzero(day == start + 1))
            inside = [
                20 <= y <= 30 and -70 <= x <= -55 and SEA.values[
                    np.searchsorted(LATITUDE, y) - 1 : np.searchsorted(LATITUDE, y) + 1,
                    np.searchsorted(LONGITUDE, x) - 1 : np.searchsorted(LONGITUDE, x) + 1,
                ].all()
                for y, x in zip(part["latitude"].values, part["longitude"].values, strict=True)
            ]  # fmt: skip
            z = part["depth"].values[np.array(inside, dtype=bool)]
            z = z[(z >= top) & (z < bottom)]
            count += int(((z >= DEPTHS[0] - 0.01) & (z <= DEPTHS[-1] + 0.01)).sum())
        score = against(perfect)[f"RMSE profiles so {top:g}-{bottom:g} m day 1"]
        assert (score.n, score.depth_bin) == (count, (top, bottom))
        assert count > 2


def test_a_submission_without_the_levels_of_a_bin_has_not_submitted_it(challenge, tmp_path):
    surface = forecast().isel(depth=[0, 1])
    result = evaluate(challenge, submit(tmp_path, surface))
    flags = {b: against(result)[f"RMSE profiles so {b} day 1"].flag for b in ("0-5 m", "5-100 m")}
    assert flags == {"0-5 m": None, "5-100 m": "not_submitted"}
    assert against(result)["RMSE image day 1"].value < 1e-4


def test_observations_of_one_depth_are_read_between_two_levels(tmp_path):
    other = {"profiles": None, "track": None, "image": None}
    deep = drifters()
    for name in ("uo", "vo"):
        deep[name] = deep[name] + SLOPE * 15.0
    path = declare(
        tmp_path / "toy",
        other | {"drifters": DATASETS["drifters"] | {"depth": 15.0}},
        metrics=[{"metric": "rmse", "label": "drift", "against": "drifters", "leads": "pooled"}],
        rank_by="drift uo",
    )
    challenge = Challenge.load(path)
    rewritten(challenge, "drifters", deep)
    dataset = forecast()
    for name in ("uo", "vo"):
        dataset[name] = (dataset[name] + SLOPE * dataset["depth"]).assign_attrs(units="m s-1")
    result = evaluate(challenge, submit(tmp_path, dataset))
    assert result.score("drift uo").value < 1e-5


SLOPE = 0.002  # m/s per metre


# --- scores ------------------------------------------------------------------------------------


def test_skill_is_against_what_stands_still_and_the_climatology(challenge, tmp_path):
    still = evaluate(challenge, submit(tmp_path, forecast(still=True)))
    for label, score in against(still).items():
        if label.startswith("skill / persistence"):
            assert score.value == pytest.approx(0.0, abs=1e-6), label
    later = 0.01  # of zos in a day
    score = against(evaluate(challenge, submit(tmp_path, forecast(0.1))))
    skill = score["skill / persistence at track day 5"].value
    assert skill == pytest.approx(1 - 0.1**2 / (5 * later) ** 2, abs=1e-3)
    rows = score["skill / climatology at track day 5"]
    elapsed = np.repeat(
        (STARTS + 5 - FIRST).astype(float),
        [np.sum(_inside(track(), start + 5)) for start in STARTS],
    )
    expected = 1 - 0.1**2 / np.mean((later * elapsed) ** 2)
    assert rows.value == pytest.approx(expected, abs=1e-3)


def _inside(where: xr.Dataset, day: np.datetime64) -> np.ndarray:
    chosen = where.isel(time=where["time"].values.astype("M8[D]") == day)
    wet = SEA.astype(float).where(SEA)
    field = wet.interp(latitude=chosen["latitude"], longitude=chosen["longitude"])
    return np.isfinite(field.values)


MEMBERS = [
    {"metric": "rmse", "label": "SLA", "against": "track", "leads": "pooled", "mask": "ocean"},
    {"metric": "crps", "label": "CRPS", "against": "track", "lead": 1},
    {"metric": "crps", "label": "noisy CRPS", "against": "track", "lead": 1, "truth_error": 0.1},
    {"metric": "spread_skill", "label": "ratio", "against": "track", "lead": 1},
]


def test_members_have_the_scores_of_the_pure_functions(tmp_path):
    others = {"profiles": None, "drifters": None, "image": None}
    path = declare(tmp_path / "toy", others, metrics=MEMBERS, rank_by="SLA")
    challenge = Challenge.load(path)
    shifts = np.array([-0.2, 0.05, 0.1, 0.3])
    members = forecast() + xr.DataArray(shifts, dims="member")
    for name in members.data_vars:
        members[name].attrs = forecast()[name].attrs
    result = evaluate(challenge, submit(tmp_path, members))
    count = result.score("CRPS").n
    truth = xr.DataArray(np.zeros((1, count)), dims=("time", "place"))
    estimate = truth + xr.DataArray(shifts, dims="member")
    ones = xr.ones_like(truth)
    assert result.score("SLA").value == pytest.approx(shifts.mean(), abs=1e-4)
    for label, name in (("CRPS", "crps"), ("ratio", "spread_skill")):
        expected = METRICS[name].function(estimate, truth, ones)
        assert result.score(label).value == pytest.approx(expected, abs=1e-4), label
    assert result.score("noisy CRPS").value != result.score("CRPS").value
    single = evaluate(challenge, submit(tmp_path, forecast(0.1)))
    assert single.score("ratio").flag == "deterministic"
    assert single.score("CRPS").value == pytest.approx(0.1, abs=1e-4)


def test_ranks_and_whole_tracks_are_those_of_all_datasets_together(tmp_path):
    others = {"profiles": None, "drifters": None, "image": None}
    far = {"far": DATASETS["track"] | {"path": "far.nc"}}
    both = {"against": ["track", "far"], "together": True, "leads": "pooled"}
    rows = [
        {"metric": "reliability_index", "label": "ranks", "mask": "south", **both},
        {"metric": "energy_score", "label": "energy", "mask": "south", **both},
    ]
    path = declare(tmp_path / "toy", others | far, metrics=rows, rank_by="energy")
    north = track(200, seed=9)
    north = north.isel(time=np.flatnonzero(north["latitude"] > 26))
    north.to_netcdf(tmp_path / "toy" / "far.nc", engine="h5netcdf")
    shifts = xr.DataArray([0.1, 0.2, 0.3, 0.4], dims="member")
    members = forecast()[["zos"]].map(lambda field: (field + shifts).assign_attrs(field.attrs))
    challenge, mine = Challenge.load(path), submit(tmp_path, members)
    result = evaluate(challenge, mine)
    assert result.score("ranks").value == pytest.approx(1.6)  # the truth is below all: 2 of 10 bins
    apart = np.abs(shifts.values[:, None] - shifts.values).mean()  # of two draws of the members
    energy = shifts.values.mean() - apart / 2
    assert result.score("energy").value == pytest.approx(energy, abs=1e-4)
    with ThreadPoolExecutor(2) as pool:
        assert same(evaluate(challenge, mine, executor=pool), result)


def test_an_rmse_is_pooled_over_observations_and_has_an_interval_over_starts(tmp_path):
    others = {"profiles": None, "drifters": None, "image": None}
    other = {"second": DATASETS["track"] | {"path": "second.nc"}}
    rows = [
        {"metric": "rmse", "label": "both", "against": ["track", "second"], "together": True,
         "leads": "pooled"},
        {"metric": "rmse", "label": "one", "against": ["track", "second"], "leads": "pooled"},
    ]  # fmt: skip
    path = declare(tmp_path / "toy", others | other, metrics=rows, rank_by="both")
    track(500, seed=9).to_netcdf(tmp_path / "toy" / "second.nc", engine="h5netcdf")
    random = np.random.default_rng(5)
    errors = xr.DataArray(random.normal(0, 0.1, STARTS.size), dims="start")
    dataset = forecast()
    dataset["zos"] = (dataset["zos"] + errors).assign_attrs(units="m")
    result = evaluate(Challenge.load(path), submit(tmp_path, dataset))
    both, one, two = (result.score(n) for n in ("both", "one track", "one second"))
    assert both.n == one.n + two.n and both.against == ["track", "second"]
    squares = (one.n * one.value**2 + two.n * two.value**2) / both.n
    assert both.value == pytest.approx(np.sqrt(squares))
    assert both.interval is not None and both.interval.low < both.value < both.interval.high
    path = result.save(tmp_path)
    assert Result.load(path) == result
    assert json.loads(path.read_text())["scores"][0]["against"] == ["track", "second"]


def test_scores_against_observations_stand_on_the_board(challenge, perfect):
    table = board(challenge, [perfect]).computed
    assert "SLA (ocean) [m]" in table.columns
    assert "bias profiles so 0-5 m day 1 [1e-3]" in table.columns
    assert not any("skill" in column for column in table.columns)


def test_no_method_receives_the_observations(challenge):
    assert set(Inputs(challenge)) == {"initial", "climatology", "mdt"}


# --- by workers ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_threads_give_identical_scores(usual, tmp_path):
    """Processes and a cluster: tests/scoring/test_sharing.py."""
    challenge, mine = sla_only(tmp_path / "toy"), submit(tmp_path, forecast(0.1))
    with ThreadPoolExecutor(2) as pool:
        assert same(evaluate(challenge, mine, executor=pool), usual)


def warned(result: Result) -> list[str]:
    """Warnings but that a constant error does not grow, which the toy's have."""
    return [warning for warning in result.warnings if "does not grow" not in warning]


def same(result: Result, other: Result) -> bool:
    kept = ("scores", "coverage", "series", "warnings")
    return all(getattr(result, name) == getattr(other, name) for name in kept)


# --- what is refused ----------------------------------------------------------------------------


def changed(name: str, **keys: Any) -> dict[str, Any]:
    kept = {k: v for k, v in (DATASETS[name] | keys).items() if v is not None}
    return {"datasets": {name: kept}}


def row(**keys: Any) -> dict[str, Any]:
    return {"metrics": [*CONTENT["metrics"], {"metric": "rmse", "label": "x", **keys}]}


DECLARATIONS = {
    "no datum": (changed("track", datum=None), "datum: is missing beside mdt"),
    "no mdt": (changed("track", mdt="mtd"), "'mtd' is no dataset with role: auxiliary"),
    "mdt twice": (changed("track", variables={"zos": "sla + mdt"}), "keep one of the two"),
    "another variable": (changed("track", variables={"ssh": "sla"}), "no forecast of 'ssh'"),
    "two heights": (
        changed("track", variables={"zos": "sla", "so": "sss"}), "mdt and datum are of one"
    ),
    "bins from below": (changed("profiles", depth_bins=[[5, 100], [0, 5]]), "do not increase"),
    "bins of the surface": (
        changed("track", depth_bins=[[0, 5], [5, 9]]), "are of the surface alone"
    ),
    "bins and a depth": (changed("profiles", depth=15.0), "keep one of the two keys"),
    "two days": (changed("image", hours=[-12, 36]), "no part of a day"),
    "keys of others": (changed("truth", datum=0.1), "is for role 'observed_truth'"),
    "an input": (
        {"datasets": {"seen": {"role": "observations", "path": "track.nc",
                               "variables": {"zos": "sla"}}}},
        "methods would read it",
    ),
    "no such dataset": (row(against="trak"), "did you mean 'track'"),
    "no such bin": (row(against="profiles", depth_bin=[0, 9]), "is none of"),
    "no such variable": (row(against="track", variable="so"), "observes zos, not so"),
    "a depth": (row(against="profiles", depth=50.0), "write depth_bin"),
    "a bin of maps": (row(depth_bin=[0, 5]), "against: is missing"),
    "unlike bins": (row(against=["image", "profiles"], together=True), "give them the same"),
    "nothing in common": (row(against=["image", "track"], together=True), "nothing in common"),
}  # fmt: skip


@every("case", DECLARATIONS)
def test_wrong_declarations_are_refused_in_words(case, tmp_path):
    changes, words = DECLARATIONS[case]
    with pytest.raises(OceanbenchError) as refusal:
        Challenge.load(declare(tmp_path, **changes)).scores  # noqa: B018
    assert words in str(refusal.value), refusal.value
    assert "\n" not in str(refusal.value)


FILES = {
    "other days": ("track", lambda d: d.assign_coords(time=d["time"] + np.timedelta64(900, "D")),
                   "has no observation of a valid day"),
    "other units": (
        "track", lambda d: d.assign(sla=d["sla"].assign_attrs(units="cm")), "is in 'cm'"
    ),
    "another name": ("track", lambda d: d.rename(sla="slaa"), "did you mean 'slaa'"),
    "no time": ("track", lambda d: d.drop_vars("time").rename(time="n"), "no variable 'time'"),
    "no depths": ("profiles", lambda d: d.drop_vars("depth"), "remove depth_bins"),
    "depths": ("image", lambda d: d.assign_coords(depth=3.0), "add depth_bins"),
    "without time": ("image", lambda d: d.assign(sst=d["sst"][0]), "an observation has a time"),
}  # fmt: skip


@pytest.mark.slow
@every("case", FILES)
def test_wrong_files_are_refused_in_words(case, tmp_path):
    name, change, words = FILES[case]
    challenge = Challenge.load(declare(tmp_path / "toy"))
    made = {"track": track, "profiles": profiles, "image": image}[name]()
    rewritten(challenge, name, change(made))
    with pytest.raises(OceanbenchError) as refusal:
        evaluate(challenge, submit(tmp_path, forecast()))
    assert words in str(refusal.value), refusal.value
