"""The pictures of the architecture are what the imports say."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import pytest
from places import ROOT

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
