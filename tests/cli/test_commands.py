"""The commands, end to end, as a participant, an organiser and a CI job type them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import builders
import intake
import pytest
import yaml
from command import Command
from places import ROOT

from oceanbench.challenge import Challenge
from oceanbench.result import Result

METHOD = '''"""Zero everywhere."""
def estimate(inputs, target, *, device, seed, level=0.0):
    return target.fillna(level)
'''


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """Path of a toy challenge with a submission ``mine.nc`` beside it."""
    challenge = builders.maps_challenge(tmp_path / "toy")
    builders.write(builders.maps(noise=0.05), tmp_path / "mine.nc")
    return challenge.path


def test_list_names_challenges_and_methods(oceanbench: Command) -> None:
    code, out, _ = oceanbench("list")
    assert code == 0
    for name in ("ssh_osse_jet", "ssh_ose_gulfstream_2021a", "oi", "mean_field"):
        assert name in out


@pytest.mark.parametrize("name", ["ssh_osse_jet", "ssh_osse_jet_noisy", "ssh_ose_jet"])
def test_show_and_fetch_find_the_shipped_files(oceanbench: Command, name: str) -> None:
    code, out, _ = oceanbench("show", name)
    assert code == 0
    assert "not here" not in out
    assert "µ(RMSE)" in out
    code, out, _ = oceanbench("fetch", name, "--offline")
    assert code == 0
    assert out.count("present") == len(Challenge.load(name).datasets)


def test_evaluate_writes_a_result_and_marks_the_new_row(
    oceanbench: Command, toy: Path, tmp_path: Path
) -> None:
    words = ("evaluate", toy, "mine.nc", "--name", "best", "--notes", "n=1")
    code, out, err = oceanbench(*words)
    assert (code, err) == (0, "")
    assert "best on toy_maps: rank 1 of 1, group a" in out
    assert "◀" not in out and "the whole board" in out
    assert "best ◀ new" in oceanbench(*words, "--board")[1]
    result = Result.load(tmp_path / "results" / "toy_maps" / "best.json")
    assert result.submission["notes"] == "n=1"
    assert result.provenance["packages"]["xarray"]
    assert result.score("RMSE").interval is not None
    assert oceanbench("evaluate", toy, "mine.nc", "--name", "second")[0] == 0
    out = oceanbench("evaluate", toy, "mine.nc", "--name", "third")[1]
    assert "third on toy_maps: rank 1= of 3, group a" in out
    assert "against best" in out


def test_evaluate_without_a_file_needs_a_reference_method(oceanbench: Command, toy: Path) -> None:
    code, _, err = oceanbench("evaluate", toy)
    assert code == 2
    assert "names no reference method; give a FILE" in err


def test_run_walks_the_same_road_and_draws_figures(
    oceanbench: Command, toy: Path, tmp_path: Path
) -> None:
    (tmp_path / "zero.py").write_text(METHOD)
    words = ("run", "zero.py", toy, "--set", "level=0.1", "--figures", "--board")
    code, out, _ = oceanbench(*words)
    assert code == 0
    assert "zero ◀ new" in out
    assert "level=0.1" in out
    figures = sorted(p.name for p in (tmp_path / "results" / "toy_maps" / "zero").iterdir())
    assert figures == ["ssh_maps.png", "ssh_psd_score.png", "ssh_rmse.png"]
    (tmp_path / "zero.nc").write_bytes((tmp_path / "results/toy_maps/zero.nc").read_bytes())
    oceanbench("evaluate", toy, "zero.nc", "--name", "again")
    folder = tmp_path / "results" / "toy_maps"
    scores = [Result.load(folder / f"{n}.json").scores for n in ("zero", "again")]
    assert scores[0] == scores[1]


def test_validate_says_what_can_be_scored(oceanbench: Command, toy: Path) -> None:
    code, out, _ = oceanbench("validate", toy, "mine.nc")
    assert code == 0
    assert "945 of 945 points can be scored" in out


def test_check_exits_1_with_a_table_of_what_got_worse(
    oceanbench: Command, toy: Path, tmp_path: Path
) -> None:
    builders.write(builders.maps(noise=0.2), tmp_path / "worse.nc")
    oceanbench("evaluate", toy, "mine.nc")
    oceanbench("evaluate", toy, "worse.nc")
    folder = tmp_path / "results" / "toy_maps"
    mine, worse = folder / "mine.json", folder / "worse.json"
    assert oceanbench("check", toy, mine, "--reference", mine)[0] == 0
    assert oceanbench("check", toy, mine, "--reference", worse)[0] == 0
    code, out, _ = oceanbench("check", toy, worse, "--reference", mine)
    assert code == 1
    assert "worse" in out
    assert oceanbench("check", toy, worse, "--reference", mine, "--tolerance", 99)[0] == 0
    code, _, err = oceanbench("check", "ssh_osse_jet", worse, "--reference", mine)
    assert code == 2
    assert "is a result of toy_maps" in err


def test_verify_scores_again_and_catches_a_forged_result(
    oceanbench: Command, toy: Path, tmp_path: Path
) -> None:
    oceanbench("evaluate", toy, "mine.nc")
    path = tmp_path / "results" / "toy_maps" / "mine.json"
    arguments = ("verify", path, "--submission", "mine.nc", "--challenge", toy)
    code, out, _ = oceanbench(*arguments)
    assert code == 0
    assert "3 scores verified" in out
    value = str(Result.load(path).score("RMSE").value)
    path.write_text(path.read_text().replace(value, "0.001"))
    code, out, _ = oceanbench(*arguments)
    assert code == 1
    assert "scores[0].value: 0.001, found" in out
    builders.write(builders.maps(noise=0.01), tmp_path / "mine.nc")
    code, out, _ = oceanbench(*arguments)
    assert code == 1
    assert "sha256 differs" in out


def test_leaderboard_prints_renders_and_checks(
    oceanbench: Command, toy: Path, tmp_path: Path
) -> None:
    oceanbench("evaluate", toy, "mine.nc")
    for form, sign in (("md", "| 1 "), ("csv", "computed"), ("html", "<table>")):
        code, out, _ = oceanbench(
            "leaderboard", toy, "--results", tmp_path / "results", "--format", form
        )
        assert code == 0
        assert sign in out
    shipped, boards = ROOT / "leaderboards", tmp_path / "boards"
    assert oceanbench("leaderboard", "--results", shipped, "--check")[0] == 0
    shutil.copytree(shipped / "ssh_osse_jet", boards / "ssh_osse_jet")
    one = ("leaderboard", "ssh_osse_jet", "--results", boards)
    assert oceanbench(*one, "--write")[0] == 0
    assert (boards / "ssh_osse_jet.md").read_text() == (shipped / "ssh_osse_jet.md").read_text()
    (boards / "ssh_osse_jet.md").write_text("edited by hand")
    code, out, err = oceanbench(*one, "--check")
    assert code == 1
    assert "ssh_osse_jet.md: stale" in out
    assert "--write" in err
    assert oceanbench(*one, "--write")[0] == 0
    assert oceanbench(*one, "--check")[0] == 0


def test_the_catalog_opens_every_dataset_lazily(oceanbench: Command, tmp_path: Path) -> None:
    catalog = Challenge.load("ssh_osse_jet").catalog()
    for name, dataset in Challenge.load("ssh_osse_jet").datasets.items():
        opened = catalog[name].read()
        assert "ssh" in opened
        assert catalog[name].metadata["role"] == dataset.role
        opened.close()
    code, out, _ = oceanbench("export", "catalog", "ssh_osse_jet", "catalog.yaml")
    assert code == 0
    assert "catalog.yaml" in out and "  jason1\n" in out
    again = intake.entry.Catalog.from_yaml_file(str(tmp_path / "catalog.yaml"))
    with again["jason1"].read() as exported:
        assert exported["ssh"].sizes["time"] > 10_000


@pytest.mark.parametrize("words", [(), ("export",)])
def test_without_arguments_there_is_help(oceanbench: Command, words: tuple[str, ...]) -> None:
    code, out, err = oceanbench(*words)
    assert code in (0, 2)  # as click has it
    assert (out + err).startswith("Usage: ") and len((out + err).splitlines()) > 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evaluate", "ssh_osse_jett", "mine.nc"], "did you mean 'ssh_osse_jet'"),
        (["evaluate", "nowhere.yaml", "mine.nc"], "no such file"),
        (["evaluate", ".", "mine.nc"], "no challenge.yaml in ."),
        (["evaluate", "{toy}", "nothing.nc"], "no such file"),
        (["evaluate", "{toy}", "--only", "RMSE"], "--only: scores a FILE"),
        (["doctor", "{toy}", "--method", "nope"], "no baseline is called 'nope'"),
        (["evaluate", "{toy}", "text.nc"], "cannot be read"),
        (["evaluate", "{toy}", "mine.nc", "--name", "../up"], "cannot be a file name"),
        (["run", "nobody", "{toy}"], "no baseline is called 'nobody'"),
        (["run", "oi", "{toy}", "--set", "noise"], "expected OPTION=VALUE"),
        (["run", "oi", "{toy}", "--set", "nois=1"], "did you mean 'noise'"),
        (["run", "oi", "{toy}", "--device", "tpu"], "--device tpu: unknown"),
        (["evaluate", "{toy}", "mine.nc", "--output", "text.nc"], "cannot be written"),
        (["check", "{toy}", "no.json", "--reference", "no.json"], "cannot be read as a result"),
    ],
)
def test_bad_input_is_one_line_exit_2_and_no_file(
    oceanbench: Command, toy: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / "text.nc").write_text("not a NetCDF file")
    code, out, err = oceanbench(*[a.format(toy=toy) for a in arguments])
    assert code == 2
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert words in err
    assert "Traceback" not in err
    assert not (tmp_path / "results").exists()


def test_a_refused_submission_leaves_no_result(
    oceanbench: Command, toy: Path, tmp_path: Path
) -> None:
    holed = builders.maps(noise=0.05)
    holed["ssh"][3, 2:4, :] = float("nan")
    builders.write(holed, tmp_path / "holed.nc")
    code, _, err = oceanbench("evaluate", toy, "holed.nc")
    assert code == 2
    assert "18 of 945 points" in err
    assert "2012-10-25" in err
    assert not (tmp_path / "results").exists()


def test_a_typo_in_a_key_names_file_key_and_cure(
    oceanbench: Command, toy: Path, tmp_path: Path
) -> None:
    content = yaml.safe_load(toy.read_text())
    content["metrics"][0]["metrc"] = content["metrics"][0].pop("metric")
    toy.write_text(yaml.safe_dump(content))
    code, _, err = oceanbench("show", toy)
    assert code == 2
    assert str(toy) in err
    assert "metrics[0]" in err
    assert "did you mean 'metric'" in err


def test_an_organiser_ranks_challenges_and_results_of_his_own(
    oceanbench: Command, toy: Path, tmp_path: Path
) -> None:
    builders.write(builders.maps(noise=0.2, seed=4), tmp_path / "theirs.nc")
    for name, folder in (("mine", "one"), ("theirs", "two"), ("mine", "two")):
        words = ("evaluate", toy, f"{name}.nc", "--name", name, "--output", folder, "--quiet")
        assert oceanbench(*words)[0] == 0
    given = ("leaderboard", "--challenges", tmp_path, "--results", "one", "--results", "two")
    code, text, said = oceanbench(*given, "--json")
    assert code == 0 and "one/toy_maps/mine.json: two/toy_maps/mine.json stands in its" in said
    (board,) = json.loads(text)
    assert (board["challenge"], board["ranked_by"]) == ("toy_maps", "RMSE")
    assert [row["submission"] for row in board["rows"]] == ["mine", "theirs"]
    (other,) = json.loads(oceanbench(*given, "--json", "--rank-by", "µ")[1])
    assert other["ranked_by"] == "µ"
    assert [row["rank"] for row in other["rows"]] == ["1", "2"]
    (beside,) = json.loads(oceanbench("leaderboard", "lorenz96", "--results", "one", "--json")[1])
    assert len(beside["rows"]) > 3, "shipped rows stand beside"
    for wrong, expected in (
        (("--rank-by", "RSME"), "did you mean 'RMSE'"),
        (("--results", "none"), "results none: no such folder"),
        (("--challenges", "one"), "one: no challenge; expected folders with"),
        (("--write",), "give one folder of results"),
    ):
        code, _, said = oceanbench(*given, *wrong)
        assert code == 2 and expected in said, wrong
