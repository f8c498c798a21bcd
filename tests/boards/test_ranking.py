"""Boards rank what a test can tell apart, keep published rows apart, and are never stale."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import builders
import numpy as np
import pandas as pd
import pytest
from places import ROOT
from rows import every

from oceanbench.boards import leagues, ranking, rendering
from oceanbench.boards.finding import load_results
from oceanbench.boards.regression import regressions
from oceanbench.boards.site.tables import board_table
from oceanbench.challenge import Challenge, load_all
from oceanbench.errors import OceanbenchError
from oceanbench.evaluate import evaluate
from oceanbench.result import Interval, Result
from oceanbench.submission import Submission


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Challenge:
    return builders.maps_challenge(tmp_path_factory.mktemp("board"))


@pytest.fixture(scope="module")
def results(challenge: Challenge) -> dict[str, Result]:
    """Two equally good submissions, a poor one, and one without any resolved scale."""
    folder = challenge.path.parent
    found = {}
    noises = {"first": (0.05, 1), "second": (0.05, 2), "poor": (0.2, 3)}
    for name, (noise, seed) in noises.items():
        path = builders.write(builders.maps(noise=noise, seed=seed), folder / f"{name}.nc")
        found[name] = evaluate(challenge, Submission(name, path, notes="a | b"))
    path = builders.write(builders.maps() * 0, folder / "zero.nc")
    found["zero"] = evaluate(challenge, Submission("zero", path))
    return found


def test_what_a_paired_test_cannot_tell_apart_shares_a_rank(
    challenge: Challenge, results: dict[str, Result]
) -> None:
    table = ranking.board(challenge, list(results.values())).computed
    ranks = dict(zip(table["submission"], table["rank"], strict=True))
    assert ranks["first"] == ranks["second"] == "1="
    assert ranks["poor"] == "3"
    assert ranks["zero"] == "4"
    letters = dict(zip(table["submission"], table["group"], strict=True))
    assert letters == {"first": "a", "second": "a", "poor": "b", "zero": "c"}


def test_one_file_under_two_names_shares_a_rank_and_its_letters(
    challenge: Challenge, results: dict[str, Result]
) -> None:
    twin = replace(results["poor"], submission={**results["poor"].submission, "name": "twin"})
    table = ranking.board(challenge, [*results.values(), twin]).computed.set_index("submission")
    assert table["rank"]["poor"] == table["rank"]["twin"] == "3="
    assert table["group"]["poor"] == table["group"]["twin"]


def test_rows_of_other_observations_are_ranked_apart_and_the_truth_not(
    challenge: Challenge, results: dict[str, Result]
) -> None:
    def declared(name: str, observations: str) -> Result:
        words = {**results[name].submission, "observations": observations}
        return replace(results[name], submission=words)

    rows = [results["poor"], declared("first", "swath"), declared("second", "truth")]
    table = ranking.board(challenge, rows).computed
    assert list(table["submission"]) == ["poor", "first", "second"]
    assert list(table["rank"]) == ["1", "1", "–"]
    assert list(table["observations"]) == ["usual", "swath", "truth"]


def test_what_breaks_the_rule_of_learning_is_ranked_apart_and_said(
    challenge: Challenge, results: dict[str, Result]
) -> None:
    def learned(name: str, source: str) -> Result:
        words = {**results[name].submission, "learned_from": source}
        return replace(results[name], submission=words)

    rows = [learned("first", "truth"), learned("poor", "simulation"), results["second"]]
    shown = ranking.board(challenge, rows)
    assert not challenge.of_role("training")
    assert list(shown.computed["submission"]) == ["second", "poor", "first"]
    assert list(shown.computed["rank"]) == ["1", "2", "1"]
    told = ["–", "simulation of another world", "truth of the same world"]
    assert list(shown.computed["learned from"]) == told
    assert "ranked apart" in shown.legend
    table = pd.read_csv(io.StringIO(rendering.to_csv(shown)), keep_default_na=False)
    assert list(table["apart"]) == ["", "", leagues.BROKEN]


def test_methods_that_know_the_equations_of_the_truth_are_marked(
    challenge: Challenge, results: dict[str, Result]
) -> None:
    def of(name: str, physics: str) -> Result:
        return replace(results[name], submission={**results[name].submission, "physics": physics})

    rows = [of("first", "eddies, waves"), of("second", "eddies"), of("poor", "")]
    silent = ranking.board(challenge, rows)
    assert "physics" not in silent.computed and leagues.TWINS not in silent.legend
    told = ranking.board(challenge.model_copy(update={"physics": "waves"}), rows)
    assert list(told.computed["physics"]) == [ranking.SAME_PHYSICS, "–", "–"]
    assert leagues.TWINS in told.legend
    for text in (rendering.to_markdown(told), rendering.to_html([told])):
        assert text.count("of the truth") >= 1
    table = pd.read_csv(io.StringIO(rendering.to_csv(told)))
    assert list(table["identical_twin"]) == [True, False, False]


def test_trainings_from_other_seeds_are_told_in_the_row_of_their_method(
    challenge: Challenge, results: dict[str, Result]
) -> None:
    def of(name: str, row: str, **words: str) -> Result:
        words = {**results[name].submission, "seed_of": row, **words}
        return replace(results[name], submission=words)

    label = challenge.ranking.label
    low, high = sorted(results[name].score(label).value or 0.0 for name in ("first", "second"))
    rows = [results["first"], of("second", "first"), results["poor"]]
    shown = ranking.board(challenge, rows, new=["second"])
    assert list(shown.computed["submission"]) == [f"first {ranking.NEW}", "poor"]
    assert list(shown.computed["rank"]) == ["1", "2"]
    assert list(shown.computed["seeds"]) == [f"2: {low:.4f}–{high:.4f}", "–"]
    assert leagues.SEEDS in shown.legend
    for others in (
        [of("second", "absent"), results["poor"]],
        [results["first"], of("second", "first", observations="swath")],
        [results["first"], of("second", "first", authors="a stranger")],
        [results["first"], of("second", "first", method="another")],
        [of("first", "second"), of("second", "first")],
    ):
        apart = ranking.board(challenge, others)
        assert "seeds" not in apart.computed and len(apart.computed) == 2


def test_a_flag_stands_where_there_is_no_number(
    challenge: Challenge, results: dict[str, Result]
) -> None:
    table = ranking.board(challenge, list(results.values())).computed
    assert table.set_index("submission")["λx [°]"]["zero"] == "unresolved"
    assert "nan" not in rendering.to_markdown(ranking.board(challenge, [results["zero"]]))


def test_the_new_row_is_marked_and_bars_are_escaped(
    challenge: Challenge, results: dict[str, Result]
) -> None:
    board = ranking.board(challenge, [results["first"], results["poor"]], new=["poor"])
    text = rendering.to_markdown(board)
    assert f"poor {ranking.NEW}" in text
    assert r"a \| b" in text


def test_csv_reads_back_and_html_escapes_names(
    challenge: Challenge, results: dict[str, Result]
) -> None:
    evil = replace(
        results["first"], submission={**results["first"].submission, "name": "<script>x</script>"}
    )
    board = ranking.board(challenge, [evil, results["poor"]])
    table = pd.read_csv(io.StringIO(rendering.to_csv(board)))
    assert list(table["source"]) == ["computed", "computed"]
    page = rendering.to_html([board])
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_results_of_another_version_are_not_ranked(
    challenge: Challenge, results: dict[str, Result], tmp_path: Path
) -> None:
    old = replace(results["first"], challenge={**results["first"].challenge, "version": 99})
    old.save(tmp_path)
    results["poor"].save(tmp_path)
    loaded = load_results(challenge, [tmp_path])
    assert [r.name for r in loaded] == ["poor"]


def test_a_result_in_the_wrong_folder_is_refused(
    challenge: Challenge, results: dict[str, Result], tmp_path: Path
) -> None:
    wrong = replace(results["first"], challenge={**results["first"].challenge, "name": "other"})
    wrong.save(tmp_path)
    (tmp_path / "other").rename(tmp_path / challenge.name)
    with pytest.raises(OceanbenchError, match="is a result of other, expected toy_maps"):
        load_results(challenge, [tmp_path])


def test_scores_that_are_hardly_known_are_marked_everywhere(
    challenge: Challenge, results: dict[str, Result]
) -> None:
    first = results["first"]
    score = first["RMSE"]
    assert score.value is not None and not score.is_vague
    wide = replace(score, interval=Interval(0.95, 0.1 * score.value, 1.2 * score.value))
    assert wide.is_vague and not replace(wide, better=None).is_vague
    known = [s for s in first.scores if not s.is_vague]
    first = replace(first, scores=known)
    vague = replace(first, scores=[wide if s.label == "RMSE" else s for s in known])
    poor = replace(results["poor"], scores=[s for s in results["poor"].scores if not s.is_vague])
    board = ranking.board(challenge, [vague, poor])
    for text in (rendering.to_markdown(board), rendering.to_html([board])):
        assert text.count("] ~") == 1 and "wider than the score is large" in text
    rows = {row["submission"]: row["scores"]["RMSE"]["vague"] for row in board.rows}
    assert rows == {"first": True, "poor": False}
    table = board_table(challenge, [vague, poor])
    assert [cell.detail[-1] for row in table.rows for cell in row.cells[:1]] == ["~", "]"]
    assert "~" not in rendering.to_markdown(ranking.board(challenge, [first, poor]))


def test_a_stale_board_is_found(
    challenge: Challenge, results: dict[str, Result], tmp_path: Path
) -> None:
    results["first"].save(tmp_path)
    files = rendering.rendered([challenge], tmp_path)
    assert set(rendering.stale(files)) == set(files)
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    assert rendering.stale(rendering.rendered([challenge], tmp_path)) == []
    results["poor"].save(tmp_path)
    stale = {p.name for p in rendering.stale(rendering.rendered([challenge], tmp_path))}
    assert stale == {"toy_maps.md", "toy_maps.csv"}


def test_the_shipped_boards_are_up_to_date() -> None:
    files = rendering.rendered(list(load_all().values()), ROOT / "leaderboards")
    assert rendering.stale(files) == []


def test_published_rows_stand_apart_as_published() -> None:
    board = ranking.board(Challenge.load("ssh_osse_natl60_2020a"), [])
    text = rendering.to_markdown(board)
    assert "## Published" in text
    assert "not computed by OceanBench" in text
    row = board.published.set_index(["method", "observations"]).loc[("4DVarQG", "4 nadirs")]
    assert list(row[["µ(RMSE)", "σ(RMSE)", "λx [°]", "λt [d]"]]) == ["0.95", "0.01", "0.82", "5.84"]
    assert len(board.published) == 17


def test_results_survive_their_file(results: dict[str, Result], tmp_path: Path) -> None:
    for result in results.values():
        path = result.save(tmp_path)
        again = Result.load(path)
        assert again.to_json() == result.to_json()
        assert [p.name for p in path.parent.glob(".*")] == []
    assert results["zero"].score("λx").value is None
    assert results["zero"].score("λx").flag == "unresolved"


@every(
    "text, words",
    [
        ("{", "cannot be read as a result"),
        ('{"schema": 7}', "not a result of schema 1 or 2"),
        ('{"schema": 1, "scores": []}', "missing, unknown or wrong"),
    ],
)
def test_a_file_that_is_no_result_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(text)
    with pytest.raises(OceanbenchError, match=words):
        Result.load(path)


def test_check_says_what_got_worse(results: dict[str, Result]) -> None:
    good, poor = results["first"], results["poor"]
    assert not any(r.failed for r in regressions(good, good))
    assert not any(r.failed for r in regressions(good, poor))
    worse = {r.label: r for r in regressions(poor, good)}
    assert worse["RMSE"].failed
    assert worse["µ"].failed
    excess = poor.score("RMSE").value - good.score("RMSE").value
    assert np.isclose(worse["RMSE"].worse_by, excess)
    assert not any(r.failed for r in regressions(poor, good, tolerance=10.0))
    lost = {r.label: r for r in regressions(results["zero"], good, tolerance=100.0)}
    assert lost["λx"].verdict == "lost"
    assert lost["λx"].failed


def test_check_refuses_results_that_are_not_comparable(results: dict[str, Result]) -> None:
    other = replace(results["first"], challenge={**results["first"].challenge, "version": 2})
    with pytest.raises(OceanbenchError, match="challenge version 1"):
        regressions(results["first"], other)
    other = replace(other, challenge={**results["first"].challenge, "sha256": "0" * 64})
    with pytest.raises(OceanbenchError, match="scored on two declarations of one version"):
        regressions(results["first"], other)


def test_csv_has_numbers_in_full_with_their_bounds(
    challenge: Challenge, results: dict[str, Result]
) -> None:
    board = ranking.board(challenge, list(results.values()))
    table = pd.read_csv(io.StringIO(rendering.to_csv(board))).set_index("submission")
    for name, result in results.items():
        score = result.score("RMSE")
        assert table["RMSE [m]"][name] == score.value
        assert table["RMSE [m] low"][name] == score.interval.low
    assert table["λx [°] flag"]["zero"] == "unresolved"
    assert "RMSE [m] flag" not in table  # none has one


def test_what_is_left_out_is_named(
    challenge: Challenge, results: dict[str, Result], tmp_path: Path
) -> None:
    first, poor = results["first"], results["poor"]
    replace(first, challenge={**first.challenge, "version": 99}).save(tmp_path / "a")
    poor.save(tmp_path / "a")
    poor.save(tmp_path / "b")
    replaced: list[str] = []
    folders = [tmp_path / "a", tmp_path / "b"]
    loaded = load_results(challenge, folders, replaced=replaced)
    assert [r.name for r in loaded] == ["poor"]
    old, twice = replaced
    assert "first.json: scored on version 99, toy_maps is of version 1; evaluate it" in old
    assert "a/toy_maps/poor.json: " in twice and "b/toy_maps/poor.json stands in" in twice
