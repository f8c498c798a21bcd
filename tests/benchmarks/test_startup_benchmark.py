"""How long ``oceanbench --help`` takes in a fresh process; the target is 0.3 s."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

HELP = [sys.executable, "-c", "from oceanbench.cli.commands import main; main()", "--help"]


def test_help(benchmark: Any) -> None:
    done = benchmark.pedantic(
        subprocess.run, [HELP], {"check": True, "capture_output": True}, rounds=10, warmup_rounds=2
    )
    assert b"evaluate" in done.stdout
