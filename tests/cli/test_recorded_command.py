"""The command that a result records does the same again, from the folder where it was given."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import builders
import pytest
from command import Command
from places import ROOT

from oceanbench.result import Result

SLOW = [pytest.param(given, marks=pytest.mark.slow) for given in ("relative", "from within")]
SHELL = 'oceanbench() { "$PYTHON" -c "from oceanbench.cli import main; main()" "$@"; }\n'
METHOD = '''"""One level."""
def estimate(inputs, target, *, device, seed, level=0.0, words="none"):
    return target.fillna(level + 0.01 * len(words))
'''


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Folder with a challenge, whose files lie elsewhere, and a submission; paths have spaces."""
    challenge = builders.maps_challenge(tmp_path / "my challenges" / "toy maps")
    (tmp_path / "their data").mkdir()
    shutil.move(challenge.path.parent / "truth.nc", tmp_path / "their data" / "truth.nc")
    builders.write(builders.maps(noise=0.05), tmp_path / "my map.nc")
    (tmp_path / "my method.py").write_text(METHOD, encoding="utf-8")
    return tmp_path


def recorded(folder: Path, name: str) -> tuple[Result, str]:
    result = Result.load(folder / "toy_maps" / f"{name}.json")
    return result, str(result.provenance["command"])


@pytest.mark.slow
def test_an_evaluation_through_the_shell(oceanbench: Command, world: Path) -> None:
    words = [
        "evaluate",
        "my challenges/toy maps/challenge.yaml",
        "my map.nc",
        "--name",
        "it's mine",
    ]
    assert oceanbench(*words, "--data-dir", "their data", "--budget", 2)[0] == 0
    first, command = recorded(world / "results", "it's mine")
    assert "--data-dir 'their data' --budget 2" in command
    shutil.rmtree(world / "results")
    there = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    subprocess.run(SHELL + command, shell=True, check=True, cwd=world, env=there)
    again, same = recorded(world / "results", "it's mine")
    assert (again.scores, same) == (first.scores, command)


@pytest.mark.parametrize("given", [*SLOW, "whole", "from beside"])
def test_a_run_from_where_it_was_given(
    oceanbench: Command, world: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    folder = world / "my challenges" / "toy maps"
    here = {"from within": folder, "from beside": world / "their data"}.get(given, world)
    monkeypatch.chdir(here)
    challenge, method, data = (
        folder / "challenge.yaml",
        world / "my method.py",
        world / "their data",
    )
    if given != "whole":
        challenge, method, data = (
            Path(os.path.relpath(path, here)) for path in (challenge, method, data)
        )
    words = ["run", method, challenge, "--set", "level=0.1", "--set", "words=it's"]
    assert oceanbench(*words, "--name", "mine", "--data-dir", data)[0] == 0
    first, command = recorded(here / "results", "mine")
    assert str(world) not in command and "level=0.1" in command
    oceanbench(*shlex.split(command)[1:], "--output", "again")
    again, same = recorded(here / "again", "mine")
    assert same == command
    assert again.scores == first.scores
