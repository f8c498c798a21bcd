"""Forecasts from observations: what is known at a start, what is refused, and what is scored."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml
from delivered_worlds import CONTENT, LEADS, ONE_DAY, STARTS, declare, files, forecasts
from rows import every

from oceanbench.boards.differences import compare
from oceanbench.boards.regression import differences
from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.evaluate import evaluate
from oceanbench.figures import figures
from oceanbench.kinds.forecasts.starts.delivery import check_dates, known_at
from oceanbench.kinds.forecasts.starts.driving import each_start
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.running import run
from oceanbench.result import Result
from oceanbench.submission import Submission

START = STARTS[4].astype("M8[ns]")
ARGUMENTS = {"device": "cpu", "seed": 3}


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Challenge:
    return Challenge.load(declare(tmp_path_factory.mktemp("delivered")))


def scored(challenge: Challenge, dataset: xr.Dataset, folder: Path) -> Result:
    path = folder / "mine.nc"
    dataset.to_netcdf(path, engine="h5netcdf")
    return evaluate(challenge, Submission("mine", path))


# --- what is known at a start --------------------------------------------------------------------


def test_observations_are_known_when_they_were_delivered(challenge):
    inputs = Inputs(challenge)
    known = known_at(inputs["first"], START)
    assert known["time"].values.max() <= START - ONE_DAY
    assert known["time"].values.max() > START - 2 * ONE_DAY
    late = inputs["first"].assign_coords(
        available=("time", inputs["first"]["time"].values + 5 * ONE_DAY)
    )
    assert known_at(late, START)["time"].values.max() <= START - 5 * ONE_DAY
    never = late.assign_coords(available=("time", np.full(late.sizes["time"], "NaT", "M8[ns]")))
    assert known_at(never, START).sizes["time"] == 0
    with pytest.raises(OceanbenchError, match="its times are no dates"):
        known_at(late.assign_coords(time=np.arange(late.sizes["time"])), START)


def test_observations_may_be_there_at_once_and_truth_is_found_under_any_name(tmp_path):
    """``available: time``; a path of withheld observations that is written in another way."""
    changed = content(first={"available": "time", "latency_days": None})
    changed["datasets"].pop("later")
    changed["metrics"][2]["against"] = ["withheld"]
    inputs = Inputs(Challenge.load(declare(tmp_path / "once", **changed)))
    known = known_at(inputs["first"], START)
    assert known["time"].values.max() <= START < known["time"].values.max() + ONE_DAY
    for path in ("./withheld.nc", "with*.nc"):
        changed["datasets"]["first"] |= {"path": path}
        inputs = Inputs(Challenge.load(declare(tmp_path / "twice", **changed)))
        with pytest.raises(OceanbenchError, match="is a file of 'withheld'; methods would read"):
            inputs["first"]


def test_first_guesses_are_known_when_they_were_issued_and_say_how_good_they_are(challenge):
    inputs = Inputs(challenge)
    assert inputs["old"].attrs["level"] == "age_3d"
    assert inputs["old"].attrs["validation_rmse"] == 0.08
    assert inputs["nowcast"].attrs["damping"] == CONTENT["damping"]
    known = known_at(inputs["old"], START - 3 * ONE_DAY)
    assert known["time"].values[-1] == START  # valid later, and issued
    assert known_at(inputs["old"], START - 4 * ONE_DAY)["time"].values[-1] < START
    assert known_at(inputs["past"], START).identical(inputs["past"])


def fingerprint(inputs: Mapping[str, xr.Dataset], target: xr.Dataset, **_: Any) -> xr.Dataset:
    """Forecast a number that every bit of the inputs changes."""
    digest = hashlib.sha256()
    for name, dataset in inputs.items():
        digest.update(f"{name} {dataset.attrs} {dict(dataset.sizes)}".encode())
        for key, variable in dataset.variables.items():
            digest.update(f"{key} {variable.attrs} {variable.encoding}".encode())
            digest.update(np.ascontiguousarray(variable.values).tobytes())
    return target.fillna(int.from_bytes(digest.digest()[:3]) / 2**24)


def test_what_comes_later_changes_no_bit_of_a_forecast(challenge, tmp_path):
    """A start is asked again with all later data replaced."""
    changed = {}
    for name, dataset in files().items():
        if "time" in dataset.dims and name not in ("truth", "past"):
            later = dataset["time"] + (0 if name in ("nowcast", "old") else ONE_DAY) > START
            changed[name] = dataset.assign(ssh=dataset["ssh"].where(~later, -dataset["ssh"] + 0.01))
    other = Challenge.load(declare(tmp_path / "other", changed))
    target = challenge.target()
    functions = {"estimate": fingerprint}
    first, second = (
        each_start(functions, Inputs(c), target, ARGUMENTS) for c in (challenge, other)
    )
    same = (first["ssh"] == second["ssh"]).all(("lead", "latitude", "longitude")).values
    np.testing.assert_array_equal(same, STARTS[4] >= STARTS)


def test_a_map_centred_on_the_start_finds_nothing_after_it(challenge):
    """The cheat that beats every honest forecast for three days: half of its window is empty."""
    seen = []

    def centred(inputs: Mapping[str, xr.Dataset], target: xr.Dataset, **_: Any) -> xr.Dataset:
        (start,) = target["start"].values
        values = []
        for name in ("first", "second"):
            near = abs(inputs[name]["time"] - start) <= 11 * ONE_DAY
            seen.append(inputs[name]["time"].values[near].max() - start)
            values.append(inputs[name]["ssh"].values[near])
        return target.fillna(float(np.mean(np.concatenate(values))))

    each_start({"estimate": centred}, Inputs(challenge), challenge.target(), ARGUMENTS)
    assert max(seen) <= -ONE_DAY


def test_interpolation_between_nowcasts_is_persistence(challenge):
    def between(inputs: Mapping[str, xr.Dataset], target: xr.Dataset, **_: Any) -> xr.Dataset:
        known = inputs["nowcast"]["ssh"].rename(start="time")
        (start,) = target["start"].values
        valid = start + target["lead"].values.astype("timedelta64[D]").astype("m8[ns]")
        found = known.sel(time=valid, method="nearest")
        return target.assign(ssh=target["ssh"].copy(data=found.values[None]))

    found = each_start({"estimate": between}, Inputs(challenge), challenge.target(), ARGUMENTS)
    assert (found["ssh"] == found["ssh"].isel(lead=0)).all()


METHOD = '''"""Forecast the mean of what is known."""
from pathlib import Path

KINDS = ("forecasts",)
KEPT = []


def estimate(inputs, target, *, device, seed):
    KEPT.append(seed)  # of another call, nothing is left
    values = [float(inputs[name]["ssh"].mean()) for name in ("first", "second")]
    return target.fillna(sum(values) + len(KEPT))
'''


def test_every_start_is_forecast_by_a_process_that_keeps_nothing(challenge, tmp_path):
    (tmp_path / "method.py").write_text(METHOD, encoding="utf-8")
    submission, _ = run(str(tmp_path / "method.py"), challenge, output=tmp_path)
    found = xr.load_dataset(submission.path)["ssh"]
    assert found.sizes["start"] == STARTS.size
    assert ((found > 0.5) & (found < 1.5)).all()


# --- what is refused -----------------------------------------------------------------------------


def test_what_knew_the_future_is_refused(challenge, tmp_path):
    dataset = files()["old"]
    late = dataset.assign_coords(newest=dataset["issued"] + ONE_DAY)
    with pytest.raises(OceanbenchError, match=r"'old'.*issued before its newest observation"):
        check_dates(late, "old")
    other = Challenge.load(declare(tmp_path / "late", {"old": late}))
    with pytest.raises(OceanbenchError, match="knows the future"):
        Inputs(other)["old"]
    early = files()["first"]
    early = early.assign_coords(available=("time", early["time"].values - ONE_DAY))
    with pytest.raises(OceanbenchError, match="available before it was made"):
        check_dates(early, "first")


ALONE = {"role": "truth", "layout": "points"}  # that nothing stands beside
PLACES = {**ALONE, "role": "target", "path": "places.nc", "variables": {"ssh": "ssh"}}
ON_NODES = {**CONTENT["submission"], "grid": {"step_degrees": 0.5}}


def content(**datasets: Any) -> dict[str, Any]:
    changed = copy.deepcopy(CONTENT)
    for name, keys in datasets.items():
        if keys is None:
            del changed["datasets"][name]
            continue
        changed["datasets"][name] = {
            k: v for k, v in {**changed["datasets"].get(name, {}), **keys}.items() if v is not None
        }
    return changed


WRONG = {
    "no latency": (content(second={"latency_days": None}), "says neither latency_days"),
    "both": (content(second={"available": "known"}), "says both latency_days"),
    "no issued": (content(old={"issued": None}), "issued and level are missing"),
    "unknown use": (content(old={"uses": ["frist"]}), "unknown 'frist'"),
    "use of the truth": (content(old={"uses": ["first", "truth"]}), "'truth' is what it is scored"),
    "use of what is withheld": (content(old={"uses": ["withheld"]}), "is what it is scored with"),
    "use of itself": (content(old={"uses": ["old"]}), "'old' is itself"),
    "the truth of the starts": (content(nowcast={"path": "truth.nc"}), "see every start"),
    "latency of a truth": (content(withheld={"latency_days": 1.0}), "has none"),
    "truth that is given": (
        content(first={"latency_days": 0.5}), "may have been delivered by the start"),
    "no decorrelation": ({**CONTENT, "decorrelation_days": None}, "decorrelation_days: is missing"),
    "never decorrelated": ({**CONTENT, "decorrelation_days": 1e300}, "decorrelation_days: found"),
    "too near": ({**CONTENT, "decorrelation_days": 30.0}, "less than 90 days"),
    "factors": ({**CONTENT, "damping": [1.0]}, "1 factors and 4 leads"),
    "analyses": ({**CONTENT, "inputs": "analyses"}, "leads: 0 is the analysis itself"),
    "analyses, leads": (
        {**CONTENT, "inputs": "analyses", "leads": [1, 3, 7], "damping": []},
        "is for 'inputs: observ"),
    "pooled": (
        {**CONTENT, "metrics": [{"metric": "rmse", "label": "RMSE 1–7", "pooled": [1, 2]}]},
        "unknown '2'"),
    "horizon of a lead": (
        {**CONTENT, "metrics": [*CONTENT["metrics"], {"metric": "horizon", "label": "h", "lead": 1,
         "relative_to": "climatology"}]}, "is of all leads"),
    "horizon of nothing": (
        {**CONTENT, "metrics": [*CONTENT["metrics"], {"metric": "horizon", "label": "h"}]},
        "add relative_to"),
    "no nodes": (content(truth=None, withheld=ALONE), "the truth, 'withheld', has no nodes"),
    "λ along tracks": (
        {**content(truth=None, withheld=ALONE), "submission": ON_NODES, "metrics": [
            *CONTENT["metrics"][:2], {"metric": "isotropic_wavelength", "label": "λ"}]},
        "is of maps, and '.*' is of points"),
    "target of points": (
        {**content(truth=None, withheld=ALONE, places=PLACES), "submission": ON_NODES},
        "is for a truth of maps, and 'withheld' is of points"),
    "truth that is an input": (
        {**content(truth=None, withheld=None, later=ALONE, first={"latency_days": 0.5}),
         "submission": ON_NODES}, "delivered by the start are its truth"),
}  # fmt: skip


@every("name", WRONG)
def test_a_declaration_that_cannot_be_is_refused(name, tmp_path):
    changed, words = WRONG[name]
    path = tmp_path / "challenge.yaml"
    path.write_text(yaml.safe_dump(changed), encoding="utf-8")
    with pytest.raises(OceanbenchError, match=words):
        Challenge.load(path)


# --- what is scored ------------------------------------------------------------------------------


def value(result: Result, label: str) -> float:
    found = result.score(label).value
    assert found is not None
    return found


def test_leads_are_pooled_and_the_start_itself_is_scored(challenge, tmp_path):
    result = scored(challenge, forecasts(challenge, 0.01), tmp_path)
    by_lead = [value(result, f"RMSE day {lead}") for lead in LEADS]
    assert by_lead == pytest.approx([0.01] * 4, rel=0.1)
    pooled = np.sqrt(np.mean(np.square(by_lead[1:])))
    assert value(result, "RMSE 1–7") == pytest.approx(pooled)
    assert any("below that of maps which know" in w for w in result.warnings) is False
    horizon = result.score("horizon")
    assert (horizon.value, horizon.flag) == (7.0, "beyond_last_lead")


def test_references_are_made_of_the_nowcast_that_is_shipped(challenge, tmp_path):
    inputs, target = Inputs(challenge), challenge.target()
    usual = inputs["climatology"]["ssh"].values
    anomaly = inputs["nowcast"]["ssh"].values[:, None] - usual
    left = np.array(CONTENT["damping"])[:, None, None]
    damped = target.assign(ssh=target["ssh"].copy(data=usual + left * anomaly))
    result = scored(challenge, damped, tmp_path)
    for lead in LEADS:
        assert value(result, f"skill / damped_persistence day {lead}") == pytest.approx(0, abs=1e-6)
    assert value(result, "skill / persistence day 7") > 0.0
    assert result.score("horizon/damped").flag == "none"
    at = [s for s in result.scores if s.label.startswith("skill / damped_persistence at")]
    assert len(at) == 2 * len(LEADS)
    assert [s.value for s in at] == pytest.approx([0.0] * len(at), abs=1e-6)


def test_a_truth_of_tracks_alone_is_scored_where_the_sea_was_observed(challenge, tmp_path):
    """As observations beside maps are: the same samples, and the same errors."""
    alone = content(truth=None, later=None, withheld=ALONE)["datasets"]
    rows = [row for row in CONTENT["metrics"] if "against" not in row]
    rows[0] = {**rows[0], "against": None}  # as if it said nothing
    known = dict(datasets=alone, submission=ON_NODES, metrics=rows)
    observed = Challenge.load(declare(tmp_path / "alone", **known))
    xr.testing.assert_identical(observed.target(), challenge.target())
    old = copy.deepcopy(known)  # once it is old and delivered, the truth may be seen
    old["datasets"]["first"] |= {"path": "withheld.nc"}
    seen = known_at(Inputs(Challenge.load(declare(tmp_path / "old", **old)))["first"], START)
    assert seen["time"].values.max() <= START - ONE_DAY
    mine = forecasts(challenge, 0.01)
    beside, result = (scored(c, mine, tmp_path) for c in (challenge, observed))
    for lead in LEADS:
        label = f"RMSE day {lead}"
        there = beside.score(f"RMSE at withheld day {lead}")
        assert value(result, label) == pytest.approx(value(beside, there.label), rel=1e-12)
        assert (result.score(label).n, result.score(label).interval) == (there.n, there.interval)
    assert value(result, "RMSE 1–7") > 0.01
    assert result.score("horizon").flag == "beyond_last_lead"
    (part,) = result.coverage
    assert (part["against"], part["points"], part["scored"]) == ("withheld", 680, 680)
    assert {row["variable"] for row in result.series} == {"ssh"}
    drawn = figures(observed, tmp_path / "mine.nc")
    assert "rmse_by_lead" in drawn
    assert "ssh_maps" not in drawn

    submission, _ = run("persistence", observed, output=tmp_path)
    still = evaluate(observed, submission)
    skills = [value(still, f"skill / persistence day {lead}") for lead in LEADS]
    assert skills == pytest.approx([0.0] * len(LEADS), abs=1e-6)
    apart = {d.label: d for d in compare(result, still, observed).differences}
    assert apart["RMSE day 3"].verdict == "better"  # lead by lead, by the same starts
    older = replace(result, series=result.series[:1])  # as files of before have it
    assert differences(older, result) == []
    assert differences(result, older) != []

    usual = files()["climatology"]
    land = (usual["latitude"] < 36.0) & (usual["longitude"] < 298.0)
    known |= {"changed": {"climatology": usual.where(~land)}}
    coastal = Challenge.load(declare(tmp_path / "coast", **known))
    fewer = scored(coastal, mine.where(~land), tmp_path)
    assert 0 < fewer.coverage[0]["points"] < 680
    assert scored(coastal, mine, tmp_path).coverage == fewer.coverage
    with pytest.raises(OceanbenchError, match="observations of 'ssh' at 'withheld' have no value"):
        scored(coastal, mine.where(mine["latitude"] < 38.0), tmp_path)
    with pytest.raises(OceanbenchError, match="outside"):
        scored(observed, mine + 6.0, tmp_path)


def test_better_than_what_was_known_is_warned_of(tmp_path):
    other = Challenge.load(declare(tmp_path / "centred", centred_rmse=0.03))
    result = scored(other, forecasts(other, 0.01), tmp_path)
    assert any("below that of maps which know the future" in w for w in result.warnings)
    falling = forecasts(other, 0.04)
    noise = (falling - forecasts(other, 0.0))["ssh"] * xr.DataArray(
        [1.0, 1.2, 1.1, 1.3], dims="lead"
    )
    result = scored(other, forecasts(other, 0.0) + noise, tmp_path)
    assert any("falls from lead 1 to lead 3" in w for w in result.warnings)


def test_a_sample_between_two_days_is_of_the_nearest_map_of_its_own_start(tmp_path):
    """Published evaluators interpolate a series of one lead in time, and so mix starts."""
    begin = STARTS[0]
    starts = np.arange(begin, begin + 12)
    noon = np.timedelta64(12, "h")
    truth = files()["withheld"]
    day = (truth["time"].values + noon).astype("M8[D]")
    number = (day - begin).astype(float) - 1.0  # of the start whose first lead is that day
    numbered = truth.assign(ssh=("time", number, {"units": "m"}))
    datasets = content(withheld={})["datasets"]
    del datasets["nowcast"], datasets["old"], datasets["later"]
    path = declare(
        tmp_path / "daily",
        {"withheld": numbered},
        starts={"first": str(starts[0]), "last": str(starts[-1]), "step_days": 1},
        leads=[1],
        damping=[],
        datasets=datasets,
        submission={"variables": {"ssh": {"units": "m", "valid_range": [-50, 50]}}},
        metrics=[
            {"metric": "rmse", "label": "RMSE"},
            {"metric": "rmse", "label": "RMSE at", "against": "withheld"},
        ],
        rank_by="RMSE",
    )
    daily = Challenge.load(path)
    target = daily.target()
    each = xr.DataArray(np.arange(12.0), dims="start")
    result = scored(
        daily,
        target.assign(ssh=(target["ssh"].fillna(0.0) + each).transpose(*target["ssh"].dims)),
        tmp_path,
    )
    assert value(result, "RMSE at day 1") < 1e-6
