"""The page on the architecture is true: pictures are what imports say, files are there."""

from __future__ import annotations

import re
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import pytest
from places import ROOT

PAGE = ROOT / "docs" / "architecture.md"
SCRIPT = ROOT / "docs" / "figures" / "architecture.py"


@pytest.fixture(scope="module")
def architecture() -> ModuleType:
    spec = spec_from_file_location("architecture", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pictures_are_not_stale(architecture: ModuleType) -> None:
    for name, folder in architecture.PICTURES.items():
        kept = (architecture.IMAGES / name).read_text(encoding="utf-8")
        assert kept == architecture.picture(folder), (
            f"docs/images/{name} is not what the imports say: python docs/figures/architecture.py"
        )


def test_rooms_stand_above_what_they_import(architecture: ModuleType) -> None:
    graph = {"a": {"b", "c"}, "b": {"c"}, "c": set(), "d": {"c"}}
    assert architecture.floors(graph) == [["a"], ["b", "d"], ["c"]]
    assert architecture.essential(graph) == {"a": {"b"}, "b": {"c"}, "c": set(), "d": {"c"}}


def test_a_circle_is_one_room(architecture: ModuleType) -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}
    assert architecture.without_circles(graph) == {"a": {"b + c"}, "b + c": {"d"}, "d": set()}


def test_roads_lead_through_files_that_are_there() -> None:
    roads = PAGE.read_text(encoding="utf-8").split("## Three roads")[1].split("\n## ")[0]
    for row in re.findall(r"^\| \d+ \| (.*?) \|", roads, re.MULTILINE):
        folder = ROOT / "oceanbench"
        for name in re.findall(r"`([\w/.]+(?:\.py|/))`", row):
            places = [ROOT / name, ROOT / "oceanbench" / name, folder / name]
            (there, *_) = [p for p in places if p.exists()] or [None]
            assert there is not None, f"docs/architecture.md: {name} is not there"
            folder = there.parent  # the next name of the row may leave it out
