"""What commands print: for people as wide as the terminal, for programs JSON, or nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import builders
import pytest
import xarray as xr
from command import Command
from places import ROOT
from rows import every

from oceanbench.data import shipped

METHOD = '''"""Zero, or as much as is asked for."""

REFERENCE = "nobody"


def estimate(inputs, target, *, device, seed, level=0.5, other="a"):
    """Fill the target.

    Parameters
    ----------
    inputs, target : as usual
    level, other : of the sea,
        in ``metres``

    Returns
    -------
    xarray.Dataset
    """
    return target.fillna(level)
'''
BOARD = ROOT / "leaderboards" / "ssh_ose_jet"


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """Path of a toy challenge with a submission and a method beside it."""
    challenge = builders.maps_challenge(tmp_path / "toy")
    builders.write(builders.maps(noise=0.05), tmp_path / "mine.nc")
    builders.write(builders.maps(noise=0.01, seed=5), tmp_path / "theirs.nc")
    (tmp_path / "level.py").write_text(METHOD)
    return challenge.path


def test_an_evaluation_prints_my_scores_beside_the_leader(
    oceanbench: Command, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert oceanbench("evaluate", toy, "theirs.nc", "--quiet") == (0, "", "")
    _, text, _ = oceanbench("evaluate", toy, "mine.nc")
    assert "mine on toy_maps: rank 2 of 2, group b, by" in text
    (rmse,) = [line for line in text.splitlines() if line.startswith("RMSE ")]
    assert "0.05" in rmse and "× 4" in rmse and rmse.rstrip().endswith("worse")
    assert "against theirs" in text and "mine.json: result of mine" in text
    widths = {}
    for columns in (200, 48, 34):
        monkeypatch.setenv("COLUMNS", str(columns))
        lines = oceanbench("evaluate", toy, "mine.nc")[1].splitlines()
        told = any("no room for the column against theirs" in line for line in lines)
        assert told != any("against theirs" in line for line in lines if "score" in line)
        table = lines[lines.index("") + 1 : lines.index("", 2)]
        widths[columns] = max(map(len, table))
        assert widths[columns] <= columns and any(line.startswith("RMSE") for line in table)
    assert widths[200] > 48
    found = json.loads(oceanbench("evaluate", toy, "mine.nc", "--json")[1])
    assert (found["rank"], found["among"], found["leader"]) == ("2", 2, "theirs")
    assert found["comparisons"][0]["differences"][0]["verdict"] == "worse"
    assert Path(found["result"]).is_file()


def test_a_method_is_shown_with_its_options(oceanbench: Command, toy: Path, tmp_path: Path) -> None:
    code, text, _ = oceanbench("show", "level.py")
    assert code == 0
    for line in (
        "level: Zero, or as much as is asked for",
        "    level=0.5",
        "    other=a",
        "        of the sea, in metres",
        "  from      nobody",
        "  kinds     any",
    ):
        assert line in text.splitlines(), line
    code, text, _ = oceanbench("run", "level.py", "--help")
    assert code == 0 and "Usage:" in text and "    level=0.5" in text
    told = json.loads(oceanbench("show", "duacs", "--json")[1])
    assert told["kinds"] == ["maps", "tracks"] and told["cost"]["ssh_ose_jet"] > 0
    assert "ssh_ose_jet" in told["weights"]
    assert {"noise", "coarsen"} <= {option["name"] for option in told["run"]}
    assert oceanbench("run", "nothing", "--help")[0] == 2
    code, _, said = oceanbench("show", "duasc")
    assert code == 2 and "or the method 'duacs'?" in said


def test_every_option_of_a_shipped_method_says_what_it_means() -> None:
    from oceanbench.cli.describing import described  # noqa: PLC0415

    silent = [
        f"{name} --set {option.name}"
        for name in shipped.names("baselines")
        for method in [described(name)]
        for option in (*method.run, *method.train)
        if not option.meaning
    ]
    assert silent == []


def test_a_list_says_the_kind_and_whose_the_data_are(
    oceanbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, text, _ = oceanbench("list", "--kind", "windows")
    assert code == 0 and max(map(len, text.splitlines())) <= 80
    assert "lorenz96 " in text and "fourdvar " in text
    assert "ssh_osse_jet" not in text and "duacs" not in text
    found = json.loads(oceanbench("list", "--json")[1])
    data = {one["name"]: one["data"] for one in found["challenges"]}
    assert list(data) == shipped.names("challenges")
    assert (data["ssh_osse_jet_noisy"], data["ssh_ose_med2014"]) == ("here", "yours")
    assert data["ssh_ose_swot_2024"] == "fetch"
    code, _, said = oceanbench("list", "--kind", "window")
    assert code == 2 and "did you mean 'windows'" in said
    text = oceanbench("show", "ssh_forecast_med2014")[1]
    assert text.count("(not here: by hand, see below)") == 9 and "fetch" not in text
    assert text.count("build.py --data DATA") == 1
    assert "skill (pooled: 1 and 2 and 3 and 5, relative_to: damped_persistence" in text
    assert "(not here: oceanbench fetch)" in oceanbench("show", "ssh_ose_swot_2024")[1]


@every(
    "words",
    [
        ("list",),
        ("show", "ssh_osse_jet"),
        ("show", "oi"),
        ("fetch", "ssh_osse_jet", "--offline"),
        ("validate", "toy/challenge.yaml", "mine.nc"),
        ("evaluate", "toy/challenge.yaml", "mine.nc"),
        ("run", "level.py", "toy/challenge.yaml"),
        ("leaderboard", "ssh_ose_jet"),
        ("compare", "bfn", "oi", "--challenge", "ssh_ose_jet"),
        ("check", "ssh_ose_jet", BOARD / "bfn.json", "--reference", BOARD / "oi.json"),
        ("verify", "results/toy_maps/mine.json", "--submission", "mine.nc", "--challenge",
         "toy/challenge.yaml"),
        ("catalog", "export", "ssh_osse_jet", "catalog.yaml"),
    ],
)  # fmt: skip
def test_every_command_prints_json_if_asked_to_or_nothing(
    oceanbench: Command, toy: Path, words: tuple
) -> None:
    if words[0] == "verify":
        assert oceanbench("evaluate", toy, "mine.nc")[0] == 0
    code, text, _ = oceanbench(*words, "--json")
    assert code == 0, words
    assert json.loads(text), words
    if words[0] != "leaderboard":
        assert oceanbench(*words, "--quiet")[:2] == (0, "")
    shutil.rmtree("results", ignore_errors=True)


def test_members_that_are_scored_by_their_mean_are_told(
    oceanbench: Command, toy: Path, tmp_path: Path
) -> None:
    several = [builders.maps(noise=0.1, seed=seed) for seed in range(3)]
    builders.write(xr.concat(several, "member"), tmp_path / "several.nc")
    out = oceanbench("evaluate", toy, "several.nc")[1]
    assert "scores of single values are of the mean of 3 members" in out
    assert "mean of" not in oceanbench("evaluate", toy, "mine.nc")[1] and "little" not in out
    rows = [*builders.MAPS["metrics"], {"metric": "coverage", "level": 0.9, "label": "cover"}]
    asked = builders.maps_challenge(tmp_path / "asked", metrics=rows).path
    out = oceanbench("evaluate", asked, "several.nc")[1]
    assert "a coverage of 90 % says little of 3 members: they have 0.80 where none doubts" in out


def test_a_row_that_hides_a_shipped_one_says_so(
    oceanbench: Command, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oceanbench("evaluate", toy, "mine.nc", "--name", "oi", "--output", "published")
    folder = shipped.folder
    places = {"leaderboards": tmp_path / "published"}
    monkeypatch.setattr(shipped, "folder", lambda kind: places.get(kind) or folder(kind))
    said = "stands in place of the shipped row 'oi'; another --name shows both"
    assert said in oceanbench("evaluate", toy, "mine.nc", "--name", "oi")[1]
    assert "stands in place" not in oceanbench("evaluate", toy, "mine.nc")[1]


def test_a_label_that_was_renamed_leaves_rows_out_and_names_them(
    oceanbench: Command, toy: Path, tmp_path: Path
) -> None:
    oceanbench("evaluate", toy, "mine.nc")
    text = toy.read_text(encoding="utf-8")
    toy.write_text(text.replace("label: RMSE", "label: rms error"), encoding="utf-8")
    toy.write_text(toy.read_text("utf-8").replace("rank_by: RMSE", "rank_by: rms error"), "utf-8")
    for words in (["--format", "json"], ["--site", "out"], ["--format", "csv"]):
        code, out, err = oceanbench("leaderboard", toy, "--results", "results", *words)
        assert code == 0 and "mine.json" in err, (words, out)
    code, _, err = oceanbench("compare", "results/toy_maps/mine.json", "results/toy_maps/mine.json")
    assert code == 2 and "KeyError" not in err
