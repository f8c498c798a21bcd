"""Configurations from files: a preset, and the fields that depart from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from rows import every

from oceanbench.errors import OceanbenchError
from oceanbench.learning.recipes import preset_of


@dataclass(frozen=True)
class Recipe:
    """A configuration."""

    steps: int = 10
    rate: float = 1e-3
    update: str = "lstm"
    reduced: bool = True
    scales: tuple[int, ...] = (1, 2)


PRESETS = {"cpu": Recipe(), "gpu": Recipe(steps=1000)}


def read(tmp_path: Path, text: str, **options: int) -> Recipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    return preset_of("mine", PRESETS, str(path), **options)


def test_a_file_departs_from_a_preset(tmp_path: Path) -> None:
    text = "preset: gpu\nrate: 1\nupdate: cg\nreduced: false\nscales: [4]\n"
    expected = replace(PRESETS["gpu"], rate=1.0, update="cg", reduced=False, scales=(4,))
    assert read(tmp_path, text) == expected
    assert type(read(tmp_path, text).rate) is float
    assert read(tmp_path, "rate: 0.5", steps=7) == Recipe(steps=7, rate=0.5)
    assert preset_of("mine", PRESETS, "gpu", steps=3) == Recipe(steps=3)


@every(
    "text, words",
    [
        ("steps: many", "steps: found 'many', expected int, as 10 in the preset"),
        ("steps: 1.5", "steps: found 1.5, expected int"),
        ("steps: true", "steps: found True, expected int"),
        ("reduced: 1", "reduced: found 1, expected bool"),
        ("stesp: 3", "stesp: no field of the configuration; did you mean 'steps'"),
        ("preset: cpus", "preset=cpus: unknown; did you mean 'cpu'"),
        ("- steps", "found list, expected 'field: value'"),
        ("a: [", "cannot be read as YAML"),
    ],
)
def test_what_is_wrong_is_refused_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(OceanbenchError, match=words) as refusal:
        read(tmp_path, text)
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OceanbenchError, match=r"none\.yaml: cannot be read as YAML"):
        preset_of("mine", PRESETS, str(tmp_path / "none.yaml"))
