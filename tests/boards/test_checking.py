"""A board believes nothing that it could check."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import builders
import faulty_files
from command import Command
from places import ROOT
from rows import every

from oceanbench.boards.checking import is_truth
from oceanbench.boards.finding import load_results
from oceanbench.boards.ranking import board
from oceanbench.challenge import Challenge
from oceanbench.evaluate import evaluate
from oceanbench.submission import Submission

NAME = "ssh_osse_jet"
Content = dict[str, Any]


def score(content: Content, label: str) -> Content:
    return next(s for s in content["scores"] if s["label"] == label)


def edited(content: Content) -> None:
    content["challenge"]["sha256"] = "0" * 64


def renamed(content: Content) -> None:
    content["submission"]["name"] = "duacs"


def beyond(content: Content) -> None:
    score(content, "µ(RMSE)").update(value=1.2, interval=None)


def beside(content: Content) -> None:
    score(content, "µ(RMSE)")["value"] = 0.99


def within(content: Content) -> None:
    interval = score(content, "µ(RMSE)")["interval"]
    score(content, "µ(RMSE)")["value"] = interval["high"]


def relabelled(content: Content) -> None:
    score(content, "µ(RMSE)")["metric"] = "rmse"


def alone(content: Content) -> None:
    content["series"] = []
    score(content, "µ(RMSE)").update(value=0.99, interval=None)


def elsewhere(content: Content) -> None:
    content["series"][0]["mask"] = "other"


def said(label: str, **words: Any) -> Callable[[Content], None]:
    return lambda content: score(content, label).update(words)


def twice(content: Content) -> None:
    content["scores"].append(score(content, "µ(RMSE)") | {"value": 0.99})


def lost(content: Content) -> None:
    content["scores"].pop()


def surer(content: Content) -> None:
    found = score(content, "µ(RMSE)")
    found["interval"].update(low=found["value"] - 1e-4, high=found["value"] + 1e-4)


def surer_of_scales(content: Content) -> None:
    found = score(content, "λx")
    found["interval"].update(low=found["value"] * 0.999, high=found["value"] * 1.001)


def of_other_days(content: Content) -> None:
    days = content["series"][0]["time"]
    content["series"][0]["time"] = [day.replace("2012", "1912") for day in days]


def of_one_day(content: Content) -> None:
    days = content["series"][0]["time"]
    days[1] = days[0]


def of_less(content: Content) -> None:
    content["coverage"][0]["scored"] -= 1


def of_more_than_all(content: Content) -> None:
    content["coverage"][0]["scored"] *= 2


def uncovered(content: Content) -> None:
    content["coverage"] = []


def negative(content: Content) -> None:
    column = content["series"][0]["squared_error"]
    content["series"][0]["squared_error"] = [-value for value in column]


def of_magic(content: Content) -> None:
    content["submission"]["learned_from"] = "magic"


def dearer(content: Content) -> None:
    content["coverage"][0]["filled"] = 10**400


def cheaper(content: Content) -> None:
    content["provenance"]["cpu_seconds"] = -1.0


TAMPERED: dict[str, tuple[Callable[[Content], None], str]] = {
    "an edited challenge": (edited, "was scored on another challenge.yaml of version"),
    "another's name": (renamed, "calls itself 'duacs'"),
    "beyond the limits": (beyond, "expected rmse_score_mean|expected rmse_score"),
    "outside its interval": (beside, "outside its own interval"),
    "other than its sums": (within, "its own sums give"),
    "another metric": (relabelled, "has metric rmse, expected"),
    "no sums": (alone, "without the sums of its cases"),
    "sums of something else": (elsewhere, "without the sums of its cases"),
    "another unit": (said("λx", units="km"), "has units km, expected degrees_east"),
    "turned round": (said("µ(RMSE)", better="lower"), "has better lower, expected higher"),
    "another variable": (said("µ(RMSE)", variable="sst"), "has variable sst, expected ssh"),
    "a lead": (said("µ(RMSE)", lead=1), "has lead 1, expected None"),
    "a flag beside a value": (said("µ(RMSE)", flag="no_data"), "has a value, and flag no_data"),
    "an interval of nothing": (said("µ(RMSE)", value=None), "has no value, and flag None or an"),
    "of more points": (said("µ(RMSE)", n=10**9), "of 1000000000 points"),
    "a score twice": (twice, "has 'µ(RMSE)' 2 times, expected 1"),
    "a score less": (lost, "has no score '"),
    "a narrow interval": (surer, "and its own cases give"),
    "a narrow interval of scales": (surer_of_scales, "and its own cases give"),
    "no interval": (said("µ(RMSE)", interval=None), "has the interval none"),
    "days that are not scored": (of_other_days, "has sums of days that are not scored"),
    "a day twice": (of_one_day, "has a case twice"),
    "a part of the truth": (of_less, "points, and"),
    "more than the truth": (of_more_than_all, "scored"),
    "no coverage": (uncovered, "does not say how much of the truth"),
    "sums that are none": (negative, "has negative sums"),
    "counts that are none": (dearer, "a key of the result is missing, unknown or wrong"),
    "less than no time": (cheaper, "cpu_seconds: -1, expected 0 or more"),
    "what nobody learns from": (of_magic, "learned from 'magic'"),
}


@every("change, words", TAMPERED.values(), ids=TAMPERED)
def test_a_tampered_row_is_not_ranked(
    change: Callable[[Content], None], words: str, tmp_path: Path
) -> None:
    folder = tmp_path / NAME
    folder.mkdir()
    for name in ("oi", "mean_field"):
        shutil.copy(ROOT / "leaderboards" / NAME / f"{name}.json", folder)
    content = json.loads((folder / "oi.json").read_text(encoding="utf-8"))
    change(content)
    (folder / "oi.json").write_text(json.dumps(content), encoding="utf-8")
    skipped: list[str] = []
    kept = load_results(Challenge.load(NAME), [tmp_path], skipped)
    assert [result.name for result in kept] == ["mean_field"]
    assert len(skipped) == 1
    assert any(word in skipped[0] for word in words.split("|")), skipped


@every("name", ["ｏi", "оi", "oі"])
def test_a_name_that_looks_like_another_is_not_ranked(name: str, tmp_path: Path) -> None:
    folder = tmp_path / NAME
    folder.mkdir()
    content = json.loads((ROOT / "leaderboards" / NAME / "oi.json").read_text(encoding="utf-8"))
    for one in ("oi", name):
        content["submission"]["name"] = one
        (folder / f"{one}.json").write_text(json.dumps(content), encoding="utf-8")
    skipped: list[str] = []
    assert [r.name for r in load_results(Challenge.load(NAME), [tmp_path], skipped)] == ["oi"]
    assert "cannot be told from 'oi' by eye" in skipped[0]


def test_scores_against_observations_are_not_those_of_the_sums_of_fields(tmp_path: Path) -> None:
    """Of forecasts a result keeps the sums of the score that ranks, whatever else is pooled."""
    found = faulty_files.score(
        tmp_path, "forecasts", "altimeter", change=lambda track: track + 0.05
    )
    assert found["points"] != found["RMSE"]
    challenge = Challenge.load(tmp_path / "challenge.yaml")
    mine = Submission("mine", faulty_files.faultless("forecasts")["mine"])
    evaluate(challenge, mine).save(tmp_path)
    assert [r.name for r in load_results(challenge, [tmp_path])] == ["mine"]


def test_the_truth_as_a_submission_has_no_rank(tmp_path: Path) -> None:
    challenge = builders.maps_challenge(tmp_path)
    truth = challenge.files("truth")[0]
    again = tmp_path / "again.nc"
    builders.write(builders.maps(), again)
    noisy = builders.maps()
    noisy["ssh"] = noisy["ssh"] + 0.01
    builders.write(noisy, tmp_path / "near.nc")
    builders.write(builders.maps(noise=1e-5), tmp_path / "rounded.nc")
    paths = {"truth": truth, "copy": again, "near": tmp_path / "near.nc"}
    paths["rounded"] = tmp_path / "rounded.nc"
    results = [evaluate(challenge, Submission(name, path)) for name, path in paths.items()]
    assert [is_truth(challenge, result) for result in results] == [True, True, False, True]
    assert "is the truth, up to a factor" in results[2].warnings[0]
    shown = board(challenge, results).computed.set_index("submission")
    assert shown["rank"].to_dict() == {
        "near": "1", "copy": "–", "rounded": "–", "truth": "–",
    }  # fmt: skip
    assert "is the truth itself: not ranked" in shown.loc["copy", "notes"]


def test_all_rows_of_a_board_are_scored_again(oceanbench: Command, tmp_path: Path) -> None:
    challenge = builders.maps_challenge(tmp_path / "toy")
    for name, offset in (("one", 0.01), ("two", 0.02)):
        maps = builders.maps()
        maps["ssh"] = maps["ssh"] + offset
        builders.write(maps, tmp_path / f"{name}.nc")
        assert oceanbench("evaluate", challenge.path, f"{name}.nc", "--output", "rows")[0] == 0
    folder = ("leaderboard", challenge.path, "--results", "rows", "--verify")
    code, out, err = oceanbench(*folder, ".")
    assert (code, err) == (0, "")
    assert out.count("verified") == 2 and "2 of 2 submissions" in out
    (tmp_path / "two.nc").write_bytes((tmp_path / "one.nc").read_bytes())
    code, out, _ = oceanbench(*folder, ".")
    assert code == 1
    assert "its sha256 differs" in out
