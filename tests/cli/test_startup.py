"""The command line answers before anything numeric is imported."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from rows import every

SLOW = ["numpy", "xarray", "torch", "xrft", "pandas", "scipy", "matplotlib", "pydantic"]
REPORT = f"import json; print(json.dumps([m for m in {SLOW} if m in sys.modules]), file=sys.stderr)"


def slow_modules_after(program: str) -> list[str]:
    """Which of the slow modules a fresh Python holds after running a program."""
    command = [sys.executable, "-c", f"import sys\n{program}\n{REPORT}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stderr.splitlines()[-1])
    return found


@pytest.mark.parametrize("module", ["oceanbench", "oceanbench.cli.commands"])
def test_import_brings_nothing_slow(module: str) -> None:
    assert slow_modules_after(f"import {module}") == []


@every(
    "arguments", [["--help"], ["evaluate", "--help"], ["--version"], ["list"], ["list", "--json"]]
)
def test_help_brings_nothing_slow(arguments: list[str]) -> None:
    program = (
        f"sys.argv = ['oceanbench', *{arguments}]\n"
        "from oceanbench.cli.commands import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as stop:\n"
        "    assert not stop.code\n"
    )
    assert slow_modules_after(program) == []
