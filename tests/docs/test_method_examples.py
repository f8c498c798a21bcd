"""Methods that the pages show run as they stand there, on small challenges of their kinds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import builders
import cycle_worlds
import delivered_worlds
import forecast_worlds
import numpy as np
import pytest
from places import ROOT
from rows import every

import oceanbench

pytestmark = pytest.mark.slow
PAGES = ("README.md", "docs/methods.md", "docs/forecasting.md", "docs/cycling.md")
LEFT_OUT = "    ..."  # of a block that is no whole method


def examples() -> Iterator[tuple[str, str]]:
    """Page and text of every block that is a whole method file."""
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
            is_method = re.search(r"^def (estimate|analyse)\(", block, re.MULTILINE)
            if is_method and LEFT_OUT not in block:
                yield page, block


def on_maps(folder: Path) -> Path:
    """Challenge with a track to map, and a period to learn from."""
    before = builders.maps(first=np.datetime64("2013-02-01", "ns"))
    builders.write(before, folder / "before.nc")
    builders.write(builders.track(), folder / "seen.nc")
    seen = {"role": "observations", "layout": "track", "path": "seen.nc"}
    datasets = builders.MAPS["datasets"] | {
        "seen": {**seen, "variables": {"ssh": "sla + mdt"}},
        "before": {"role": "training", "path": "before.nc", "variables": {"ssh": "ssh"}},
    }
    periods = {"training": ["2013-02-01", "2013-02-15"]}
    return builders.maps_challenge(folder, datasets=datasets, periods=periods).path


def challenge_of(page: str, block: str, folder: Path) -> Path | str:
    """Small challenge of the kind that a method is for."""
    folder.mkdir()
    if page == "docs/forecasting.md":
        return delivered_worlds.declare(folder)
    if '"cycles"' in block:
        return cycle_worlds.challenge(folder).path
    if '"windows"' in block:
        return "lorenz96"
    return forecast_worlds.declare(folder) if '"forecasts"' in block else on_maps(folder)


def test_there_are_examples_of_every_page() -> None:
    assert {page for page, _ in examples()} == set(PAGES)


@every("page, block", examples())
def test_a_method_that_a_page_shows_runs_and_is_scored(
    page: str, block: str, tmp_path: Path
) -> None:
    file = tmp_path / "shown.py"
    file.write_text(block, encoding="utf-8")
    declared = challenge_of(page, block, tmp_path / "toy")
    if "def train(" in block:
        oceanbench.train(file, declared, output=tmp_path)
    result = oceanbench.run(file, declared, output=tmp_path)
    assert any(score.value is not None for score in result.scores)
