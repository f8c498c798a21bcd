"""The examples of sharing work run as they stand, or are at least Python."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from forecast_worlds import CONTENT, declare, persistence
from places import ROOT

from oceanbench.challenge import Challenge
from oceanbench.evaluate import evaluate
from oceanbench.result import Result

SIMPLE = [row for row in CONTENT["metrics"] if row["metric"] == "rmse"]


def example(page: str, word: str) -> str:
    """Python block of a page that has a word."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (block,) = [b for b in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if word in b]
    return str(block)


@pytest.mark.slow
def test_the_example_of_a_dask_cluster_runs(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    path, mine = declare(tmp_path / "toy", metrics=SIMPLE), tmp_path / "mine.nc"
    persistence().to_netcdf(mine, engine="h5netcdf")
    script = tmp_path / "script.py"
    script.write_text(example("forecasts.md", "distributed"), encoding="utf-8")
    known = os.environ | {"PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__DASHBOARD__LINK": ""}
    done = subprocess.run(
        [sys.executable, script, path, mine], cwd=tmp_path, env=known, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = Result.load(tmp_path / done.stdout.strip().splitlines()[-1])
    assert found.scores == evaluate(Challenge.load(path), mine).scores


def test_the_example_of_jobqueue_is_python() -> None:
    assert ast.parse(example("scaling.md", "dask_jobqueue"))


def test_the_job_script_is_bash(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    (tmp_path / "job.sh").write_text(block, encoding="utf-8")
    assert subprocess.run(["bash", "-n", tmp_path / "job.sh"], check=False).returncode == 0
