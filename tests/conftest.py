"""Hypothesis runs the same few examples every time, without deadlines; a command to type."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Command
from hypothesis import Phase, settings

settings.register_profile(
    "oceanbench",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=15,
    phases=(Phase.explicit, Phase.generate),  # the examples are small: shrinking is not worth it
)
settings.load_profile("oceanbench")


@pytest.fixture
def oceanbench(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    """``oceanbench("show", …)`` in the test's own folder."""
    monkeypatch.chdir(tmp_path)
    return Command(monkeypatch, capsys)
