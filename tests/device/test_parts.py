"""What a device is asked for runs on the CPU at tiny sizes: no first run fails for a typo."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import parts
import pytest
import workloads
from places import ROOT, TESTS


@pytest.mark.slow
@pytest.mark.parametrize("part", workloads.PARTS)
def test_part(part: str, tmp_path: Path) -> None:
    report = parts.measure(part, ["cpu"], tmp_path, tiny=True)
    assert report.content["errors"] == []
    kept = json.loads((tmp_path / f"{part}.json").read_text(encoding="utf-8"))
    assert kept == report.content and kept["rows"]
    for row in kept["rows"]:
        assert row["device"] == "cpu" and row["seconds"] > 0 and row["what"]
        assert row.get("relative_difference", 0.0) < 0.1


def test_every_part_has_a_limit() -> None:
    assert list(parts.LIMITS) == list(workloads.PARTS)


def test_a_part_that_fails_keeps_its_numbers_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def failing(device: str, tiny: bool) -> Any:
        yield {"what": "first", "device": device, "seconds": 1.0}
        raise RuntimeError("out of memory")

    monkeypatch.setattr(workloads, "PARTS", {"bad": failing})
    report = parts.measure("bad", ["cpu", "meta"], tmp_path, tiny=True)
    assert [row["device"] for row in report.content["rows"]] == ["cpu", "meta"]
    assert [e["device"] for e in report.content["errors"]] == ["cpu", "meta"]
    assert report.content["errors"][0]["reason"].startswith("RuntimeError: out of memory (test_")


def test_a_part_is_not_begun_without_time_and_is_ended_when_it_is_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def reasons() -> list[str]:
        content = json.loads((tmp_path / "oi.json").read_text(encoding="utf-8"))
        return [error["reason"] for error in content["errors"]]

    parts.measure_apart("oi", ["cpu"], tmp_path, tiny=True, until=time.time() + 1.0)
    assert reasons() == ["not begun: no time was left"]
    monkeypatch.setattr(parts, "LEAST_SECONDS", 0.0)
    (tmp_path / "oi.json").unlink()
    parts.measure_apart("oi", ["cpu"], tmp_path, tiny=True, until=time.time() + 0.3)
    assert reasons() == ["ended after 0 s"]


def test_the_page_shows_what_was_measured(tmp_path: Path) -> None:
    spec = spec_from_file_location("gpu_page", ROOT / "docs" / "figures" / "gpu.py")
    assert spec is not None and spec.loader is not None
    page = module_from_spec(spec)
    spec.loader.exec_module(page)
    assert page.table(None).count("not measured") == 2 * len(parts.LIMITS)
    report = parts.Report.begin(tmp_path, "oi", tiny=False)
    report.content["machine"] = {"gpu": "A", "threads": 2, "torch": "1", "python": "3"}
    report.add({"what": "42 maps", "device": "cuda", "seconds": 0.5, "megabytes": 1234.5})
    report.add({"what": "42 maps", "device": "cpu", "seconds": 4.0})
    report.fail("cuda", "out of memory")
    found = page.table(tmp_path)
    expected = "| Optimal interpolation: 42 maps | 500.0 ms | 1,234 MB | 4.00 s | 8.0 |  |"
    assert expected in found and "- Optimal interpolation on cuda: out of memory" in found


@pytest.mark.slow
def test_the_script_runs_tests_and_parts_and_keeps_to_its_time(tmp_path: Path) -> None:
    """On the CPU, with one test and one part; the wheels are not there and not needed."""
    script = TESTS / "device" / "run.sh"
    settings = {
        "OUT": str(tmp_path),
        "DEVICES": "cpu",
        "TINY": "1",
        "PARTS": "oi",
        "FILES": str(TESTS / "dynamics" / "test_lorenz96.py"),
        "CHOSEN": "cpu",
        "WHEELS": str(tmp_path / "none"),
    }
    run = subprocess.run(
        ["bash", str(script)],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    tests = json.loads((tmp_path / "tests.json").read_text(encoding="utf-8"))
    assert tests["code"] == 0 and re.match(r"[1-9]\d* passed", tests["summary"])
    assert json.loads((tmp_path / "oi.json").read_text(encoding="utf-8"))["errors"] == []
