"""Bundles for Codabench: what its unpacker asks for, and a scoring program that scores."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import builders
import pytest
import yaml
from command import Command
from places import ROOT

from oceanbench.boards.exports import scoring_program
from oceanbench.boards.exports.competition_pages import pages
from oceanbench.challenge import Challenge
from oceanbench.result import Result

SORTINGS = {"asc", "desc"}
RULES = {"Add", "Add_And_Delete", "Add_And_Delete_Multiple", "Force_Last", "Force_Best"}
OBSERVED = {
    "role": "observations",
    "layout": "track",
    "path": "seen/track.nc",
    "variables": {"ssh": "sla + mdt"},
    "units": "m",
}


@pytest.fixture
def bundle(oceanbench: Command, tmp_path: Path) -> Path:
    """Folder with a bundle of a toy challenge, extracted."""
    toy = builders.maps_challenge(tmp_path / "toy", datasets__track=OBSERVED)
    (tmp_path / "toy" / "seen").mkdir()
    builders.write(builders.track(), tmp_path / "toy" / "seen" / "track.nc")
    builders.write(builders.maps(noise=0.05), tmp_path / "mine.nc")
    words = [
        "export",
        "codabench",
        toy.path,
        "toy.zip",
        "--sample",
        "mine.nc",
        "--end",
        "2099-01-01",
    ]
    code, out, err = oceanbench(*words)
    assert (code, err) == (0, "") and "ranks by RMSE" in out
    with zipfile.ZipFile("toy.zip") as archive:
        archive.extractall("bundle")
    return tmp_path / "bundle"


def asked_for(folder: Path) -> dict[str, Any]:
    """Content of competition.yaml, with all that an unpacker of version 2 asks for."""
    content: dict[str, Any] = yaml.safe_load((folder / "competition.yaml").read_text("utf-8"))
    assert content["version"] == 2 and content["title"]
    for file in (content["terms"], content["image"], *(p["file"] for p in content["pages"])):
        assert (folder / file).stat().st_size > 0, file
    tasks = {task["index"]: task for task in content["tasks"]}
    assert len(tasks) == len(content["tasks"])
    for task in tasks.values():
        assert (folder / task["scoring_program"] / "metadata.yaml").is_file()
        assert any((folder / task["reference_data"]).iterdir())
    for solution in content["solutions"]:
        assert any((folder / solution["path"]).iterdir()) and set(solution["tasks"]) <= set(tasks)
    for phase in content["phases"]:
        assert set(phase["tasks"]) <= set(tasks) and phase["start"] < phase["end"]
        assert any((folder / phase["public_data"]).iterdir())
        assert any((folder / phase["starting_kit"]).iterdir())
    for board in content["leaderboards"]:
        columns = board["columns"]
        assert board["submission_rule"] in RULES
        assert len({column["key"] for column in columns}) == len(columns)
        assert [column["index"] for column in columns] == list(range(len(columns)))
        assert {column["sorting"] for column in columns} <= SORTINGS
    return content


def test_a_bundle_is_what_the_platform_unpacks(bundle: Path) -> None:
    content = asked_for(bundle)
    (board,) = content["leaderboards"]
    titles = [(column["title"], column["sorting"]) for column in board["columns"]]
    assert titles == [("RMSE [m]", "asc"), ("µ", "desc"), ("λx [°]", "asc")]
    public = {
        p.relative_to(bundle / "public_data").as_posix() for p in bundle.rglob("public*/**/*")
    }
    assert public == {"challenge.yaml", "seen", "seen/track.nc"}, "the truth stays hidden"
    assert (bundle / "reference_data" / "truth.nc").is_file()


def test_pages_promise_what_participants_can_do(bundle: Path, oceanbench: Command) -> None:
    enter = (bundle / "pages" / "enter.md").read_text("utf-8")
    assert "`truth` is not public" in enter and "oceanbench evaluate" not in enter
    public = bundle / "public_data" / "challenge.yaml"
    assert ".open('track')" in enter and Challenge.load(public).open("track").sizes["time"] > 10
    assert oceanbench("show", public)[0] == 0
    rules = (bundle / "pages" / "rules.md").read_text("utf-8")
    maps = builders.maps()
    for name in ("time", "latitude", "longitude"):
        assert f"| {name} | {maps.sizes[name]} | " in rules
    assert "| 1 d |" in rules
    assert f"| latitude | {maps.sizes['latitude']} | {maps['latitude'].values[0]:g} |" in rules


def test_pages_of_tracks_ask_for_any_grid_where_none_is_declared(tmp_path: Path) -> None:
    toy = builders.tracks_challenge(tmp_path / "toy")
    assert "| latitude | 7 | 33 | 36 | 0.5 |" in dict(pages(toy))["pages/rules.md"].decode()
    free = builders.tracks_challenge(tmp_path / "free", submission__grid=None)
    rules = dict(pages(free))["pages/rules.md"].decode()
    assert "Maps on any grid that covers the domain and the scored days." in rules


def test_participants_of_a_competition_with_a_target_can_validate(
    oceanbench: Command, tmp_path: Path
) -> None:
    target = {"role": "target", "path": "target.nc", "variables": {"ssh": "ssh"}}
    toy = builders.maps_challenge(tmp_path / "toy", datasets__target=target)
    assert oceanbench("export", "target", toy.path, "toy/target.nc")[0] == 0
    builders.write(builders.maps(noise=0.05), tmp_path / "mine.nc")
    words = ["export", "codabench", toy.path, "toy.zip", "--sample", "mine.nc"]
    assert oceanbench(*words)[0] == 0
    with zipfile.ZipFile("toy.zip") as archive:
        names = set(archive.namelist())
        archive.extractall("bundle")
    assert {n for n in names if "target" in n} == {
        "public_data/target.nc",
        "reference_data/target.nc",
    }
    public = tmp_path / "bundle" / "public_data" / "challenge.yaml"
    assert not public.with_name("truth.nc").exists()
    assert oceanbench("validate", public, "mine.nc")[0] == 0
    page = (tmp_path / "bundle" / "pages" / "enter.md").read_text("utf-8")
    assert "oceanbench validate challenge.yaml my_estimates.nc" in page
    assert "run my_method.py challenge.yaml" in page


def platform(folder: Path, bundle: Path, **sent: Path) -> subprocess.CompletedProcess[str]:
    """Run the scoring program as the platform does, on links to what was sent."""
    (folder / "input" / "res").mkdir(parents=True)
    (folder / "input" / "ref").symlink_to(bundle / "reference_data")
    for name, path in sent.items():
        (folder / "input" / "res" / f"{name}.nc").write_bytes(path.read_bytes())
    command = yaml.safe_load((bundle / "scoring_program" / "metadata.yaml").read_text("utf-8"))
    words = command["command"].replace("/app/program", str(bundle / "scoring_program"))
    words = words.replace("/app", str(folder)).replace("python3", sys.executable).split()
    there = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(words, env=there, check=False, capture_output=True, text=True)


@pytest.mark.slow
def test_its_scoring_program_scores(bundle: Path, oceanbench: Command, tmp_path: Path) -> None:
    done = platform(tmp_path / "app", bundle, mine=tmp_path / "mine.nc")
    assert done.returncode == 0, done.stderr
    output = tmp_path / "app" / "output"
    scores = json.loads((output / "scores.json").read_text("utf-8"))
    columns = asked_for(bundle)["leaderboards"][0]["columns"]
    assert set(scores) <= {column["key"] for column in columns}
    oceanbench("evaluate", tmp_path / "toy" / "challenge.yaml", "mine.nc")
    mine = Result.load(tmp_path / "results" / "toy_maps" / "mine.json")
    assert scores[columns[0]["key"]] == mine["RMSE"].value
    assert Result.load(output / "result.json").scores == mine.scores
    assert "<td>RMSE</td>" in (output / "detailed_results.html").read_text("utf-8")


@pytest.mark.slow
def test_what_cannot_be_scored_is_said(bundle: Path, tmp_path: Path) -> None:
    done = platform(tmp_path / "app", bundle)
    assert done.returncode == 1 and "found 0 NetCDF files and 0 Zarr stores" in done.stderr
    assert not (tmp_path / "app" / "output").exists()


def test_a_file_of_the_truth_is_never_public(oceanbench: Command, tmp_path: Path) -> None:
    both = {"role": "training", "path": "truth.nc", "variables": {"ssh": "ssh"}}
    periods = {"training": ["2010-01-01", "2010-02-01"]}
    toy = builders.maps_challenge(tmp_path / "toy", datasets__old=both, periods=periods)
    words = ["export", "codabench", toy.path, "a.zip", "--sample", tmp_path / "toy" / "truth.nc"]
    code, _, err = oceanbench(*words)
    assert code == 2 and "datasets.old" in err and "truth" in err
    shutil.copy(tmp_path / "toy" / "truth.nc", tmp_path / "toy" / "past.nc")
    for role in ("training", "auxiliary"):
        copy = {**both, "role": role, "layout": "grid", "path": "past.nc"}
        toy = builders.maps_challenge(tmp_path / "toy", datasets__old=copy, periods=periods)
        code, _, err = oceanbench(*words)
        assert code == 2 and "datasets.old has maps of the truth" in err, role
    toy = builders.maps_challenge(tmp_path / "toy")
    code, _, err = oceanbench(*words)
    assert code == 2 and "is the truth; give a submission" in err
    assert not list(tmp_path.glob("*.zip"))


def test_a_sample_of_another_sea_is_refused(oceanbench: Command, tmp_path: Path) -> None:
    toy = builders.maps_challenge(tmp_path / "toy")
    far = builders.maps()
    builders.write(far.assign_coords(longitude=far["longitude"] + 60), tmp_path / "far.nc")
    code, _, err = oceanbench("export", "codabench", toy.path, "a.zip", "--sample", "far.nc")
    assert code == 2 and "far.nc" in err and len(err.splitlines()) == 1
    assert not (tmp_path / "a.zip").exists()


def test_another_version_is_installed_before_it_scores(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(scoring_program, "HERE", tmp_path)
    monkeypatch.setattr(scoring_program.subprocess, "run", lambda words, check: ran.append(words))
    here = version("oceanbench-challenges")
    scoring_program.installed({"version": here, "requirements": ["x"]})
    assert ran == []
    scoring_program.installed({"version": f"{here}.1", "requirements": ["x==1"]})
    (tmp_path / "a.whl").touch()
    scoring_program.installed({"version": f"{here}.1", "requirements": ["x==1"]})
    assert [words[-1] for words in ran] == ["x==1", str(tmp_path / "a.whl")]


def test_a_bundle_is_refused_in_one_line(oceanbench: Command, tmp_path: Path) -> None:
    toy = builders.maps_challenge(tmp_path / "toy")
    assert "ends in .zip" in oceanbench("export", "codabench", toy.path, "toy.tar")[2]
    assert "give --sample FILE" in oceanbench("export", "codabench", toy.path, "toy.zip")[2]
    words = ["export", "codabench", toy.path, "a.zip", "--sample", tmp_path / "mine.nc"]
    builders.write(builders.maps(noise=0.1), tmp_path / "mine.nc")
    assert "--wheel gone.whl" in oceanbench(*words, "--wheel", "gone.whl")[2]
    assert "--end 2001-01-01" in oceanbench(*words, "--end", "2001-01-01")[2]
    assert not list(tmp_path.glob("*.zip"))
