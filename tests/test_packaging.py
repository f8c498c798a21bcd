"""Two wheels of this checkout run anywhere: challenges, baselines and boards travel in them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from places import ROOT

CHALLENGE = "ssh_osse_jet"
LARGER = tomllib.loads((ROOT / "challenges" / "wheels.toml").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}

TYPED = """
import contextlib, io, json, sys
from oceanbench.cli.commands import main
said = []
for command in json.loads(sys.argv[1]):
    sys.argv, code, shown = ["oceanbench", *command], 0, io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
    said.append([code, shown.getvalue()])
print(json.dumps(said))
"""


def run(*command: str | Path, folder: Path) -> str:
    """Output of a command that must succeed."""
    done = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def answers(programs: Path, folder: Path, *commands: list[str]) -> list[tuple[int, str]]:
    """Exit code and output of commands, typed one after the other into one process."""
    said = run(programs / "python", "-c", TYPED, json.dumps(commands), folder=folder)
    return [(code, output) for code, output in json.loads(said.splitlines()[-1])]


@dataclass(frozen=True)
class Wheels:
    """The two wheels of this checkout."""

    main: Path
    data: Path


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    """Both wheels, each built from its own pyproject.toml."""
    found = []
    for project in (ROOT, ROOT / "data_wheel"):
        place = tmp_path_factory.mktemp("wheels")
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place]
        run(*build, folder=project)
        found += place.glob("*.whl")
    return Wheels(*found)


def environment(place: Path, *wheels: Path) -> Path:
    """Folder of programs of a new environment that holds wheels; their dependencies are ours."""
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(run(python, "-c", ask, folder=place).strip())
    ours = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    (site / "dependencies.pth").write_text("".join(f"{path}\n" for path in ours))
    quietly = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    pip = [sys.executable, "-m", "pip", "--python", python]
    run(*pip, "install", *quietly, "--ignore-installed", *wheels, folder=place)
    return python.parent


@pytest.fixture(scope="session")
def programs(wheels: Wheels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs where only the first wheel is installed."""
    return environment(tmp_path_factory.mktemp("alone"), wheels.main)


@pytest.fixture(scope="session")
def complete(wheels: Wheels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs where both wheels are installed, side by side."""
    return environment(tmp_path_factory.mktemp("both"), wheels.main, wheels.data)


def test_wheels_leave_room_and_share_no_file(wheels: Wheels) -> None:
    assert wheels.main.stat().st_size < 35e6
    assert wheels.data.stat().st_size < 90e6
    names = [set(zipfile.ZipFile(wheel).namelist()) for wheel in (wheels.main, wheels.data)]
    assert not names[0] & names[1]
    travelled = {
        name.removeprefix("oceanbench/_data/").removeprefix("oceanbench_challenges_data/")
        for name in names[0] | names[1]
    }
    for folder in ("challenges", "baselines"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert path.relative_to(ROOT).as_posix() in travelled


def test_wheels_have_one_version(wheels: Wheels) -> None:
    version = PROJECT["version"]
    assert wheels.main.name == f"oceanbench_challenges-{version}-py3-none-any.whl"
    assert wheels.data.name == f"oceanbench_challenges_data-{version}-py3-none-any.whl"
    extras = PROJECT["optional-dependencies"]
    assert extras["data"] == [f"oceanbench-challenges-data=={version}"]
    assert "data" not in "".join(extras["all"])  # a checkout needs none


@pytest.mark.slow
def test_absent_data_are_named_with_the_command_that_brings_them(
    programs: Path, tmp_path: Path
) -> None:
    """One that lies in the second wheel, and one that borrows its files."""
    cure = f"pip install oceanbench-challenges-data=={PROJECT['version']}"
    name, file = "reanalysis_emulation", str(ROOT / "tests" / "conftest.py")
    commands = [
        ["fetch", name],
        ["evaluate", name],
        ["evaluate", name, file],
        ["validate", name, file],
        ["run", "persistence", name],
        ["run", "persistence", "reanalysis_emulation_probabilistic"],
        ["train", "emulator", name],
        ["catalog", "export", name, "catalog.yaml"],
    ]
    shown, *refusals = answers(programs, tmp_path, ["show", name], *commands)
    assert f"not here: {cure}" in shown[1]
    for command, (code, said) in zip(commands, refusals, strict=True):
        assert code == 2, f"{command}: {said}"
        assert f"is not installed; run '{cure}'" in said, command
        assert len(said.splitlines()) == 1, f"{command}: {said}"


@pytest.mark.slow
def test_wheels_find_each_other(complete: Path, tmp_path: Path) -> None:
    """Every file is there, with its checksum; so are those that a neighbour borrows."""
    names = (*LARGER["in_data_wheel"], "reanalysis_emulation_probabilistic")
    commands = [["fetch", name, "--offline"] for name in names] + [["show", n] for n in names]
    for code, said in answers(complete, tmp_path, *commands):
        assert code == 0, said
        assert "present" in said or "datasets" in said
        assert "not here" not in said


def test_wheel_brings_its_own_package_and_data(programs: Path, tmp_path: Path) -> None:
    ask = "import oceanbench.data.shipped as r; print(r.PACKAGE); print(r.folder('challenges'))"
    package, challenges = run(programs / "python", "-c", ask, folder=tmp_path).splitlines()
    assert Path(package).is_relative_to(programs.parent)
    assert Path(challenges) == Path(package) / "_data" / "challenges"


def test_wheel_lists_what_the_checkout_has(programs: Path, tmp_path: Path) -> None:
    listed = run(programs / "oceanbench", "list", folder=tmp_path)
    names = [p.parent.name for p in (ROOT / "challenges").glob("*/challenge.yaml")]
    names += [p.stem for p in (ROOT / "baselines").glob("*.py")]
    assert CHALLENGE in names
    assert set(names) <= set(listed.split())


def test_weights_travel_in_the_wheel_and_in_the_source(tmp_path: Path) -> None:
    """Nothing that keeps files out of a build keeps weights out."""
    for name in ("pyproject.toml", "hatch_build.py", ".gitignore", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("oceanbench", "challenges", "baselines", "leaderboards"):
        (tmp_path / name).mkdir()
    (tmp_path / "challenges" / "wheels.toml").write_text("in_data_wheel = []", encoding="utf-8")
    (tmp_path / "oceanbench" / "__init__.py").touch()
    weights = Path("baselines", "weights", CHALLENGE, "learns.safetensors")
    (tmp_path / weights).parent.mkdir(parents=True)
    (tmp_path / weights).write_bytes(b"weights")
    run(sys.executable, "-m", "hatchling", "build", folder=tmp_path)
    (wheel,), (source,) = (tmp_path / "dist").glob("*.whl"), (tmp_path / "dist").glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as opened:
        assert f"oceanbench/_data/{weights.as_posix()}" in opened.namelist()
    with tarfile.open(source) as opened_source:
        names = opened_source.getnames()
    assert f"{source.name.removesuffix('.tar.gz')}/{weights.as_posix()}" in names


@pytest.mark.slow
def test_wheel_evaluates_from_an_empty_folder(programs: Path, tmp_path: Path) -> None:
    name = "lorenz96"
    run(programs / "oceanbench", "run", "climatology", name, folder=tmp_path)
    (path,) = (tmp_path / "results" / name).glob("*.json")
    result = json.loads(path.read_text(encoding="utf-8"))
    assert result["challenge"]["name"] == name
    assert result["provenance"]["commit"] is None  # not the checkout's
    assert all(score["value"] is not None for score in result["scores"])
