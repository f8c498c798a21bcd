"""Whatever is done to an input, a command ends in one line: no traceback, no hang, no gigabytes.

Each command runs in a forked child, so that a crash of a library is a finding too. The examples are
the same every time; `tests/benchmarks/test_fuzz_benchmark.py` draws others, and more.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import damage
import processes
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures("unsound_headers")
SEEDS = st.tuples(st.sampled_from(damage.FORMATS), st.integers(0, 2**32 - 1))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    made = processes.child(lambda: damage.make(folder), folder)
    assert made.code == 0, made.errors
    return folder


@settings(max_examples=25)
@given(SEEDS)
def test_a_damaged_input_is_refused_in_one_line(good: Path, seed: tuple[str, int]) -> None:
    assert damage.finding(good, *seed) is None


def test_good_inputs_are_taken(good: Path) -> None:
    for name in set(damage.FORMATS) - {"forecasts.yaml"}:  # whose data lie elsewhere
        words = damage.words(good, name, good / f"mine.{name}")
        words = ["validate", *words[1:]] if words[0] == "evaluate" else words  # as much is read
        ending = processes.command(words, good)
        assert ending.code == 0, (name, ending.errors)


def test_what_is_done_to_an_input_can_be_done_again(good: Path, tmp_path: Path) -> None:
    said = [damage.damaged(good / "mine.json", tmp_path / n, Random(3)) for n in ("a", "b")]
    assert said[0] == said[1]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    shutil.rmtree(tmp_path)
