"""Ensembles and standard deviations from a file to a board, beside single maps."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import builders
import numpy as np
import pytest
import xarray as xr
from command import Command
from rows import every

from oceanbench import evaluate
from oceanbench.boards import ranking, rendering
from oceanbench.boards.regression import differences, regressions
from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.metrics import METRICS
from oceanbench.result import Result
from oceanbench.submission import Submission

ROWS = [
    {"metric": "rmse", "label": "RMSE"},
    {"metric": "daily_rmse_score", "label": "µ", "minimum_points": 2},
    {"metric": "crps", "label": "CRPS"},
    {"metric": "spread_skill", "label": "spread/error"},
    {"metric": "coverage", "label": "90 %"},
    {"metric": "coverage", "label": "50 %", "level": 0.5},
    {"metric": "interval_score", "label": "interval"},
    {"metric": "reliability_index", "label": "flatness"},
]
PROBABILISTIC = [row["label"] for row in ROWS if METRICS[row["metric"]].probabilistic]
BOOTSTRAPPED = [label for label in PROBABILISTIC if label != "flatness"]


def doubtful(form: str, seed: int = 0, *, factor: float = 1.0, **grid) -> xr.Dataset:
    """Maps with an error whose size varies, and what they say of it: ``factor`` times the truth."""
    random = np.random.default_rng(seed)
    truth = builders.maps(**grid)
    shape = truth["ssh"].shape
    size = random.uniform(0.03, 0.15, shape)
    centre = truth["ssh"] + size * random.standard_normal(shape)
    centre.attrs["units"] = "m"
    if form == "single":
        return centre.to_dataset(name="ssh")
    if form == "std":
        std = (0 * centre + factor * size).assign_attrs(units="m")
        return xr.Dataset({"ssh": centre, "ssh_std": std})
    draws = factor * size * random.standard_normal((12, *shape))
    return (centre + xr.DataArray(draws, dims=("member", *truth["ssh"].dims))).to_dataset(
        name="ssh"
    )


def scored(challenge: Challenge, name: str, dataset: xr.Dataset) -> Result:
    path = builders.write(dataset, challenge.path.parent / f"{name}.nc")
    return evaluate(challenge, Submission(name, path))


@pytest.fixture(scope="module")
def challenge(tmp_path_factory) -> Challenge:
    folder = tmp_path_factory.mktemp("board")
    return builders.maps_challenge(folder, metrics=ROWS, rank_by="CRPS")


@pytest.fixture(scope="module")
def results(challenge: Challenge) -> dict[str, Result]:
    made = {
        "members": doubtful("members", 1),
        "std": doubtful("std", 2),
        "single": doubtful("single", 3),
        "overconfident": doubtful("std", 2, factor=0.1),
    }
    return {name: scored(challenge, name, dataset) for name, dataset in made.items()}


@pytest.mark.parametrize("name", ["members", "std"])
def test_honest_distributions_score_as_honest_ones_should(results, name):
    result = results[name]
    assert result.score("spread/error").value == pytest.approx(1.0, abs=0.05)
    assert result.score("90 %").value == pytest.approx(0.9, abs=0.03)
    assert result.score("50 %").value == pytest.approx(0.5, abs=0.06)
    assert result.score("flatness").value < 0.15
    assert result.score("CRPS").value < results["single"].score("CRPS").value
    assert [result.score(label).units for label in PROBABILISTIC] == ["m", "1", "1", "1", "m", "1"]


@pytest.mark.parametrize("name", ["members", "std", "overconfident"])
def test_scores_of_distributions_have_intervals_about_them_within_their_bounds(results, name):
    for label in BOOTSTRAPPED:
        found = results[name].score(label)
        least, most = METRICS[found.metric].limits
        assert least <= found.interval.low <= found.value <= found.interval.high <= most, label
    assert results[name].score("flatness").interval is None


def test_single_map_has_a_crps_and_no_other_score_of_distributions(challenge, results):
    result = results["single"]
    truth, estimate = builders.maps()["ssh"], doubtful("single", 3)["ssh"]
    error = float(np.abs(estimate - truth).mean())
    assert result.score("CRPS").value == pytest.approx(error, rel=1e-12)
    assert result.score("CRPS").interval is not None
    for label in PROBABILISTIC[1:]:
        assert result.score(label).flag == "deterministic"
        assert result.score(label).value is None


@every("label", PROBABILISTIC)
@every("form", ["members", "std"])
def test_score_of_a_result_is_that_of_its_metric(challenge, results, label, form):
    dataset = doubtful(form, {"members": 1, "std": 2}[form])
    estimate = dataset["ssh"]
    if form == "std":
        labels = xr.DataArray(["mean", "std"], dims="moment", name="moment")
        estimate = xr.concat([dataset["ssh"], dataset["ssh_std"]], labels)
    truth = builders.maps()["ssh"]
    row = next(r for r in challenge.metrics if r.label == label)
    want = METRICS[row.metric].function(estimate, truth, xr.ones_like(truth), **row.options)
    assert results[form].score(label).value == pytest.approx(want, rel=1e-10)


@pytest.mark.parametrize("form", ["members", "std"])
def test_other_scores_are_those_of_the_mean_to_the_last_bit(challenge, results, form):
    written = xr.load_dataset(challenge.path.parent / f"{form}.nc")["ssh"]
    mean = written.mean("member") if form == "members" else written
    alone = scored(challenge, "mean", mean.to_dataset(name="ssh"))
    for label in ("RMSE", "µ"):
        assert results[form].score(label) == alone.score(label)
    for ours, theirs in zip(results[form].series, alone.series, strict=True):
        assert {k: v for k, v in ours.items() if k != "terms"} == {
            k: v for k, v in theirs.items() if k != "terms"
        }


def test_terms_are_kept_with_the_sums_by_the_labels_of_their_scores(results):
    for name, result in results.items():
        tables = {series["daily"]: series for series in result.series}
        wanted = {"CRPS"} if name == "single" else set(BOOTSTRAPPED)
        assert set(tables[False]["terms"]) == wanted
        assert "terms" not in tables[True]  # of the daily score, which is no distribution's
        for label in {"CRPS", "90 %"} & wanted:
            mean = sum(tables[False]["terms"][label]) / sum(tables[False]["weight"])
            assert result.score(label).value == pytest.approx(mean, rel=1e-12)


def test_challenge_without_such_scores_writes_no_terms(tmp_path):
    challenge = builders.maps_challenge(tmp_path)
    result = scored(challenge, "members", doubtful("members"))
    assert not any("terms" in series for series in result.series)


def test_results_survive_their_file_and_verification(results, tmp_path):
    for result in results.values():
        again = Result.load(result.save(tmp_path))
        assert again.to_json() == result.to_json()
        assert differences(again, result) == []


def test_result_of_before_these_scores_still_loads(results, tmp_path):
    path = results["single"].save(tmp_path)
    content = json.loads(path.read_text())
    for score in content["scores"]:
        score.pop("ideal")
    for series in content["series"]:
        series.pop("terms", None)
    path.write_text(json.dumps(content))
    assert Result.load(path).score("RMSE") == results["single"].score("RMSE")


# --- on the board -------------------------------------------------------------------------------


def test_board_ranks_every_form_by_crps_and_tells_apart_what_it_can(challenge, results):
    table = ranking.board(challenge, list(results.values())).computed
    ranks = dict(zip(table["submission"], table["rank"], strict=True))
    assert ranks["members"] == ranks["std"] == "1="
    assert int(ranks["single"].rstrip("=")) > 2
    assert int(ranks["overconfident"].rstrip("=")) >= 2


def test_paired_test_finds_its_sums_after_those_of_days(tmp_path):
    challenge = builders.maps_challenge(tmp_path, metrics=ROWS[1:3], rank_by="CRPS")
    made = [scored(challenge, f, doubtful(f, seed)) for seed, f in enumerate(("members", "std"))]
    assert [series["daily"] for series in made[0].series] == [True, False]
    table = ranking.board(challenge, made).computed
    assert list(table["rank"]) == ["1=", "1="]


def test_result_without_the_sums_of_the_ranking_shares_no_rank(challenge, results):
    stripped = [{k: v for k, v in s.items() if k != "terms"} for s in results["std"].series]
    bare = replace(results["std"], series=stripped)
    table = ranking.board(challenge, [results["members"], bare]).computed
    assert sorted(table["rank"]) == ["1", "2"]


def test_board_shows_a_dash_and_says_why_only_where_a_map_is_single(challenge, results):
    board = ranking.board(challenge, list(results.values()))
    row = board.computed.set_index("submission").loc["single"]
    assert row["spread/error"] == row["90 %"] == row["interval [m]"] == "–"
    for text in (rendering.to_markdown(board), rendering.to_html([board])):
        assert ranking.NO_SCORE["deterministic"] in text
    honest = ranking.board(challenge, [results["members"], results["std"]])
    for text in (rendering.to_markdown(honest), rendering.to_html([honest])):
        assert ranking.NO_SCORE["deterministic"] not in text


def test_check_compares_calibration_by_its_distance_from_ideal(results):
    verdicts = {r.label: r.verdict for r in regressions(results["overconfident"], results["std"])}
    assert verdicts["spread/error"] == verdicts["90 %"] == verdicts["50 %"] == "worse"
    back = {r.label: r.verdict for r in regressions(results["std"], results["overconfident"])}
    assert back["spread/error"] == back["90 %"] == "better"
    lost = {r.label: r.verdict for r in regressions(results["single"], results["std"])}
    assert lost["90 %"] == "lost"


def test_ranking_by_calibration_is_refused(tmp_path):
    with pytest.raises(OceanbenchError, match="no better or worse"):
        builders.maps_challenge(tmp_path, metrics=ROWS, rank_by="90 %")


@every(
    "row, words",
    [
        ({"metric": "coverage", "level": 1.0}, "between 0 and 1"),
        ({"metric": "crps", "estimator": "fair"}, "estimator"),
        ({"metric": "crps", "truth_error": -0.02}, ">= 0"),
        ({"metric": "reliability_index", "bins": 1}, "2 or more"),
    ],
)
def test_options_that_mean_nothing_are_refused(tmp_path, row, words):
    metrics = [{"metric": "rmse", "label": "RMSE"}, row]
    with pytest.raises(OceanbenchError, match=words):
        builders.maps_challenge(tmp_path, metrics=metrics)


@pytest.mark.parametrize(
    "variables",
    [
        {"ssh": {"units": "m"}, "ssh_std": {"units": "m"}},
        {"ssh": {"units": "m"}, "spread": {"units": "m", "aliases": ["ssh_std"]}},
        {"ssh": {"units": "m", "aliases": ["ssh_std"]}},
    ],
)
def test_variable_named_as_a_standard_deviation_is_refused(tmp_path, variables):
    with pytest.raises(OceanbenchError, match="'ssh_std' names the standard deviation of 'ssh'"):
        builders.maps_challenge(tmp_path, submission__variables=variables)


# --- along tracks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["members", "std"])
def test_tracks_score_distributions_against_a_measured_truth(tmp_path, form):
    """Of a truth with an error of 10 cm, as the metric that knows it says."""
    error = 0.1
    truth = builders.track(samples=60)
    noise = error * np.random.default_rng(5).standard_normal(truth.sizes["time"])
    truth["sla"] = truth["sla"] + noise
    truth["sla"].attrs["units"] = "m"
    known = [{**row, "truth_error": error} for row in ROWS if row["label"] in PROBABILISTIC]
    rows = [*ROWS, *({**row, "label": f"{row['label']}, known"} for row in known)]
    challenge = builders.tracks_challenge(tmp_path, truth, metrics=rows, rank_by="CRPS")
    fine = doubtful(form, step=0.1, count=16)
    result = scored(challenge, form, fine)
    assert result.score("RMSE").n == truth.sizes["time"]
    blind, aware = (result.score(f"spread/error{w}") for w in ("", ", known"))
    assert blind.value + 0.2 < aware.value
    assert result.score("90 %").value + 0.05 < result.score("90 %, known").value
    assert aware.interval is not None
    assert all(series["daily"] for series in result.series)


def test_validate_says_which_form_it_found(oceanbench: Command, challenge: Challenge):
    folder = challenge.path.parent
    forms = {"members": "12 members", "std": "mean and standard deviation", "single": "one value"}
    for form, words in forms.items():
        path = builders.write(doubtful(form), folder / f"validated_{form}.nc")
        code, out, _ = oceanbench("validate", challenge.path, path)
        assert code == 0
        assert words in out


def test_evaluate_draws_the_calibration(oceanbench: Command, challenge: Challenge, tmp_path: Path):
    path = builders.write(doubtful("std"), tmp_path / "mine.nc")
    code, out, _ = oceanbench("evaluate", challenge.path, path, "--output", tmp_path, "--figures")
    assert code == 0
    assert (tmp_path / challenge.name / "mine" / "ssh_calibration.png").is_file()
    assert "CRPS [m]" in out


def test_scores_of_whole_maps_need_members_or_one_map(tmp_path: Path) -> None:
    """A mean and a standard deviation get a dash, and a note below the table."""
    rows = [
        {"metric": "crps", "label": "CRPS"},
        {"metric": "energy_score", "label": "energy"},
        {"metric": "small_scale_variance", "label": "roughness"},
    ]
    challenge = builders.maps_challenge(tmp_path, metrics=rows, rank_by="CRPS")
    found = {form: scored(challenge, form, doubtful(form)) for form in ("single", "std", "members")}
    for label in ("energy", "roughness"):
        assert found["std"].score(label).flag == "marginal"
        assert all(found[form].score(label).flag is None for form in ("single", "members"))
    for form in ("single", "members"):
        assert found[form].score("energy").interval is not None
    assert found["members"].score("energy").value < found["single"].score("energy").value
    board = ranking.board(challenge, list(found.values()))
    assert ranking.NO_SCORE["marginal"] in rendering.to_markdown(board)
