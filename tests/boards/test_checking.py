"""A board believes nothing that it could check."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import builders
from command import Command
from places import ROOT
from rows import every

from oceanbench.boards.checking import is_truth
from oceanbench.boards.ranking import board, load_results
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


TAMPERED: dict[str, tuple[Callable[[Content], None], str]] = {
    "an edited challenge": (edited, "was scored on another challenge.yaml of version"),
    "another's name": (renamed, "calls itself 'duacs'"),
    "beyond the limits": (beyond, "expected rmse_score_mean|expected rmse_score"),
    "outside its interval": (beside, "outside its own interval"),
    "other than its sums": (within, "its own sums give"),
    "another metric": (relabelled, "as rmse, expected"),
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
