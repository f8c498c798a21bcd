"""Configurations from files: a preset, and the fields that depart from it."""

from __future__ import annotations

import os
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
    with pytest.raises(OceanbenchError, match="mine: steps=-1: expected 0"):
        preset_of("mine", PRESETS, "gpu", steps=-1)


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
        ("preset: recipe.yaml", "found a file, expected a preset"),
        ("rate: .nan", "rate: found nan, expected float"),
        ("rate: .inf", "rate: found inf, expected float"),
        ("scales: [1, x]", "scales: found 'x', expected int, as 1 in the preset"),
        ("scales: [[1]]", r"scales: found \[1\], expected int"),
        ("steps: 1\nsteps: 2", "key 'steps' is given twice"),
        ("steps: &a [1]\nrate: *a", "an alias"),
        ("steps: !!python/object/apply:os.system [x]", "a tag"),
        (f"steps: {'[' * 100}", "nested more than 16 deep"),
        (f"update: {'x' * 70_000}", "it has more than 64 KiB"),
    ],
)
def test_what_is_wrong_is_refused_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(OceanbenchError, match=words) as refusal:
        read(tmp_path, text)
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OceanbenchError, match=r"none\.yaml: cannot be read as YAML"):
        preset_of("mine", PRESETS, str(tmp_path / "none.yaml"))


def test_a_file_is_a_regular_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "recipe.yaml")
    with pytest.raises(OceanbenchError, match="no regular file"):
        preset_of("mine", PRESETS, str(tmp_path / "recipe.yaml"))
