"""A wheel of this checkout runs anywhere: challenges, baselines and leaderboards travel in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from places import ROOT

CHALLENGE = "ssh_osse_jet"
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}


def run(*command: str | Path, folder: Path) -> str:
    """Output of a command that must succeed."""
    done = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of programs of a new environment that holds the wheel; its dependencies are ours."""
    place = tmp_path_factory.mktemp("packaging")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", place, folder=ROOT)
    (wheel,) = place.glob("*.whl")
    venv.create(place / "new", with_pip=False)
    python = place / "new" / "bin" / "python"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(run(python, "-c", ask, folder=place).strip())
    ours = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    (site / "dependencies.pth").write_text("".join(f"{path}\n" for path in ours))
    quietly = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    pip = [sys.executable, "-m", "pip", "--python", python]
    run(*pip, "install", *quietly, "--ignore-installed", wheel, folder=place)
    return python.parent


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
    run(programs / "oceanbench", "evaluate", CHALLENGE, folder=tmp_path)
    (path,) = (tmp_path / "results" / CHALLENGE).glob("*.json")
    result = json.loads(path.read_text(encoding="utf-8"))
    assert result["challenge"]["name"] == CHALLENGE
    assert result["provenance"]["commit"] is None  # not the checkout's
    assert all(score["value"] is not None for score in result["scores"])
