"""Damaged inputs by the thousand: `pytest tests/benchmarks/test_fuzz_benchmark.py`, an hour.

A finding names format and seed; `damage.finding(good, format, seed)` shows it again.
"""

from __future__ import annotations

import random
from pathlib import Path

import damage
import processes
import pytest

pytestmark = pytest.mark.usefixtures("unsound_headers")
EACH = 500  # inputs of each format


@pytest.mark.parametrize("name", damage.FORMATS)
def test_thousands_of_damaged_inputs(name: str, tmp_path: Path) -> None:
    made = processes.child(lambda: damage.make(tmp_path), tmp_path)
    assert made.code == 0, made.errors
    first = random.SystemRandom().randrange(2**31)
    found = [damage.finding(tmp_path, name, first + n) for n in range(EACH)]
    assert [line for line in found if line] == []
