"""The workflows of the page on continuous integration run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import builders
import pytest
import yaml
from places import ROOT
from rows import every

from oceanbench.challenge import Challenge
from oceanbench.evaluate import evaluate

PAGE = (ROOT / "docs" / "continuous_integration.md").read_text(encoding="utf-8")
WORKFLOWS = {
    content["name"]: content
    for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    for content in [yaml.safe_load(text)]
}
SHELL = """set -e
oceanbench() { "$PYTHON" -c "from oceanbench.cli import main; main()" "$@"; }
pip() { test "$*" = "install oceanbench-challenges"; }
"""
OBSERVED = {
    "role": "observations",
    "layout": "track",
    "path": "seen.nc",
    "variables": {"ssh": "sla + mdt"},
    "units": "m",
}
METHOD = '''"""Zero."""
def estimate(inputs, target, *, device, seed):
    return target.fillna(0.0)
'''


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, Challenge]:
    """A repository with a challenge, a method, a reference and submissions."""
    mine = tmp_path / "challenges" / "mine"
    changes = {"datasets__seen": OBSERVED, "reference_method": "mean_field"}
    challenge = builders.maps_challenge(mine, **changes)
    builders.write(builders.track(), mine / "seen.nc")
    (tmp_path / "submissions").mkdir()
    for name, noise in (("first", 0.05), ("second one", 0.1)):
        builders.write(builders.maps(noise=noise), tmp_path / "submissions" / f"{name}.nc")
    (tmp_path / "my_method.py").write_text(METHOD, encoding="utf-8")
    zero = builders.maps() * 0.0
    zero["ssh"].attrs["units"] = "m"
    text = evaluate(challenge, zero, name="reference").to_json()
    (tmp_path / "reference.json").write_text(text, encoding="utf-8")
    return tmp_path, challenge


def steps(workflow: dict[str, Any]) -> str:
    """Shell lines of all steps."""
    (job,) = workflow["jobs"].values()
    return "\n".join(step["run"] for step in job["steps"] if "run" in step)


def run(workflow: dict[str, Any], folder: Path, challenge: str) -> subprocess.CompletedProcess[str]:
    there = {
        **os.environ,
        "PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(
        ["bash", "-c", SHELL + steps(workflow)],
        cwd=folder,
        env={**there, **workflow["env"], "CHALLENGE": challenge},
        check=False,
        capture_output=True,
        text=True,
    )


@every("name", ["scores", "boards"])
def test_workflows_have_no_token_and_no_more_rights_than_to_read(name: str) -> None:
    assert WORKFLOWS[name]["permissions"] == {"contents": "read"}


@pytest.mark.slow
def test_a_participants_workflow(repository: tuple[Path, Challenge]) -> None:
    folder, challenge = repository
    done = run(WORKFLOWS["scores"], folder, "challenges/mine/challenge.yaml")
    assert done.returncode == 0, done.stderr
    assert (folder / "results" / challenge.name / "now.json").is_file()
    worse = METHOD.replace("0.0", "0.4")
    (folder / "my_method.py").write_text(worse, encoding="utf-8")
    assert run(WORKFLOWS["scores"], folder, "challenges/mine/challenge.yaml").returncode == 1


@pytest.mark.slow
def test_an_organisers_workflow(repository: tuple[Path, Challenge]) -> None:
    folder, challenge = repository
    workflow = WORKFLOWS["boards"]
    done = run(workflow, folder, workflow["env"]["CHALLENGE"])
    assert done.returncode == 0, done.stderr
    found = sorted(path.name for path in (folder / "results" / challenge.name).glob("*.json"))
    assert found == ["first.json", "secondone.json"]
    assert "secondone" in (folder / "site/challenges/toy_maps/index.html").read_text("utf-8")
