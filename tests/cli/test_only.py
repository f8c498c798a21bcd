"""Some of the scores: printed, and no row of a board."""

from __future__ import annotations

import json

import pytest
from builders import maps, maps_challenge, submission
from command import Command

from oceanbench.boards.finding import load_results
from oceanbench.errors import OceanbenchError
from oceanbench.evaluate import evaluate


def test_a_score_alone_is_printed_and_not_saved(tmp_path, monkeypatch, capsys):
    challenge = maps_challenge(tmp_path / "toy")
    mine = submission(maps(noise=0.05), tmp_path / "mine.nc")
    whole = evaluate(challenge, mine)
    command = Command(monkeypatch, capsys)
    arguments = ("evaluate", challenge.path, mine.path, "--output", tmp_path / "out", "--only")
    code, out, _ = command(*arguments, "RMSE")
    value = whole.score("RMSE").value
    assert code == 0 and f"RMSE [m]: {value:.4f}" in out and "µ" not in out and "not saved" in out
    code, out, _ = command(*arguments, "RMSE", "--only", "µ", "--json")
    record = json.loads(out)
    assert [score["label"] for score in record["scores"]] == ["RMSE", "µ"]
    assert record["scores"][0]["value"] == value and record["saved"] is False
    assert not (tmp_path / "out").exists()
    code, _, errors = command(*arguments, "RMS")
    assert code == 2 and "did you mean 'RMSE'" in errors and errors.count("µ") == 1
    for option in ("--board", "--figures"):
        code, _, errors = command(*arguments, "RMSE", option)
        assert code == 2 and f"{option}: needs all scores" in errors


def test_a_board_takes_no_result_of_some_scores(tmp_path):
    challenge = maps_challenge(tmp_path / "toy")
    mine = submission(maps(noise=0.05), tmp_path / "mine.nc")
    some = evaluate(challenge, mine, only=["RMSE"])
    assert [score.label for score in some.scores] == ["RMSE"]
    assert some.provenance["only"] == ["RMSE"] and some.provenance["of"] == 3
    some.save(tmp_path / "out")
    with pytest.raises(OceanbenchError, match="has 1 of 3 scores"):
        load_results(challenge, [tmp_path / "out"])
