"""Two submissions, score by score: by file, by row, on the command line, as a figure."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from command import Command
from places import ROOT
from rows import every

from oceanbench import compare
from oceanbench.boards.differences import compared
from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.figures.differences import differences, draw_differences
from oceanbench.result import Result

BOARDS = ROOT / "leaderboards"
JET = "ssh_ose_jet"


def row(name: str, challenge: str = JET) -> Result:
    return Result.load(BOARDS / challenge / f"{name}.json")


def test_what_is_far_better_is_said_to_be_and_turned_round_to_be_worse() -> None:
    found = {d.label: d for d in compare("bfn", "oi", JET).differences}
    back = {d.label: d for d in compare("oi", "bfn", JET).differences}
    for label in ("µ(RMSE)", "RMSE"):
        assert (found[label].verdict, back[label].verdict) == ("better", "worse")
        assert found[label].difference == pytest.approx(-back[label].difference)
    rmse = found["RMSE"]
    assert rmse.ratio == pytest.approx(rmse.first / rmse.second)
    assert rmse.of_ratio.low < rmse.ratio < rmse.of_ratio.high < 1.0
    assert rmse.interval.low < rmse.difference < rmse.interval.high < 0.0
    assert found["µ(RMSE)"].ratio is None
    alone = {d.label: d for d in compare("bfn", "oi", JET, independent=True).differences}["RMSE"]
    assert (alone.ratio, alone.interval != rmse.interval) == (rmse.ratio, True)
    assert {d.verdict for d in compare(row("duacs"), row("duacs")).differences} == {"equal"}


def test_only_the_score_whose_cases_are_kept_has_an_interval() -> None:
    """Of forecasts the file keeps those of the score that ranks; other leads have other errors."""
    found = compare("emulator", "persistence", "reanalysis_emulation").differences
    having = [d.label for d in found if d.interval is not None]
    assert having == [Challenge.load("reanalysis_emulation").ranking.label]


def test_probabilities_and_shares_are_compared_by_their_difference() -> None:
    found = compare("learned_correction_ensemble", "oi", "ssh_osse_jet_calibration").differences
    of = {d.label: d for d in found}
    for label in ("p uniform", "cover 90 %", "spread–error correlation"):
        assert of[label].ratio is None and of[label].of_ratio is None, label
        assert of[label].difference == pytest.approx(of[label].first - of[label].second)
    assert of["CRPS"].ratio == pytest.approx(of["CRPS"].first / of["CRPS"].second)


def test_other_cases_and_lost_scores_are_said() -> None:
    challenge, whole = Challenge.load(JET), row("duacs")
    days = [
        {k: v[1:] if isinstance(v, list) else v for k, v in s.items()} if "daily" in s else s
        for s in whole.series
    ]
    fewer = replace(row("oi"), series=days)
    verdicts = {d.label: d.verdict for d in compared(challenge, whole, fewer).differences}
    assert verdicts["RMSE"] == "no interval"
    some = replace(whole, scores=whole.scores[1:])
    (first, *_) = compared(challenge, some, whole).differences
    assert (first.first, first.verdict) == (None, "no score to compare")
    assert first.second == whole.scores[0].value


@every(
    "words, challenge, expected",
    [
        (("duacs", "oi"), None, "duacs, oi: are rows of .*, .*; name it with --challenge"),
        (("duacs", "emulator"), None, "are rows of no one challenge"),
        (("duasc", "oi"), JET, "duasc: neither a file nor a row of ssh_ose_jet, shipped or of"),
        (("duacs.json", "oi"), JET, "duacs.json: cannot be read as a result"),
        ((row("duacs"), row("fourdvar", "lorenz96")), None, "expected those of one challenge"),
        ((row("duacs"), row("fourdvar", "lorenz96")), JET, "is a result of lorenz96, expected"),
        ((replace(row("oi"), challenge=row("oi").challenge | {"version": 0}), "duacs"), None,
         "version 0, expected ssh_ose_jet, version"),
        (("duacs", replace(row("oi"), challenge=row("oi").challenge | {"sha256": "0" * 64})), None,
         "oi: was scored on another challenge.yaml of version"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(words, challenge, expected) -> None:
    with pytest.raises(OceanbenchError, match=expected):
        compare(*words, challenge)


def test_the_command_prints_tables_and_json_and_draws(oceanbench: Command, tmp_path: Path) -> None:
    path = tmp_path / "bfn.json"
    row("bfn").save(tmp_path / "mine")
    shipped = tmp_path / "mine" / JET / "bfn.json"
    code, text, _ = oceanbench("compare", shipped, "oi", "duacs", "--figure", "apart.png")
    assert code == 0
    assert text.count("| score ") == 2 and "bfn is" in text and "better" in text
    assert (tmp_path / "apart.png").stat().st_size > 1000
    code, text, _ = oceanbench("compare", shipped, "oi", "--json")
    (found,) = json.loads(text)
    assert found["second"] == "oi" and found["differences"][0]["verdict"] == "better"
    assert oceanbench("compare", shipped, "oi", "--figure", "apart.txt")[0] == 2
    assert not path.exists()


def test_check_takes_the_name_of_a_row_and_names_what_lacks(
    oceanbench: Command, tmp_path: Path
) -> None:
    good = row("bfn")
    replace(good, scores=good.scores[:-1]).save(tmp_path)
    code, text, said = oceanbench("check", JET, tmp_path / JET / "bfn.json", "--reference", "oi")
    assert code == 1 and "lost" in text
    assert said.startswith("bfn lacks 1 of the scores of the other: ")
    replace(good, submission={**good.submission, "name": "mine"}).save(Path("results"))
    (found,) = json.loads(oceanbench("compare", "mine", "bfn", "--json")[1])
    assert found["first"] == "mine" and {d["verdict"] for d in found["differences"]} == {"equal"}


def test_a_figure_shows_what_is_sure_loud_and_the_rest_faint() -> None:
    found = compare("bfn", "oi", JET)
    (axes,) = differences([found]).axes
    shown = [d for d in found.differences if d.difference is not None]
    points = [line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert len(points) == len(shown)
    for point, known in zip(points, shown, strict=True):
        assert point.get_xdata()[0] == pytest.approx(100.0 * known.difference / known.second)
        assert (point.get_alpha() == 1.0) == (known.verdict in ("better", "worse"))
    with pytest.raises(OceanbenchError, match="expected a name that ends in"):
        draw_differences([found], Path("apart.jpg"))
    table = found.to_dataframe().set_index("label")
    assert table["ratio_high"]["RMSE"] < 1.0
    assert "bfn against oi" in found._repr_html_()
