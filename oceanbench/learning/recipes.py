"""Configurations of networks: a preset by its name, or a file that changes fields of one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

import yaml

from oceanbench.data.checks.plain_yaml import load_plain
from oceanbench.errors import OceanbenchError, did_you_mean, in_one_line

Kind = TypeVar("Kind")
FILES = (".yaml", ".yml")
MOST_TEXT = 2**16  # bytes of a file
MOST_NUMBER = 2**53  # that a float has exactly
BASE = "cpu"  # preset that a file changes if it names none


def preset_of(method: str, presets: Mapping[str, Kind], name: str, *, steps: int = 0) -> Kind:
    """Configuration of a name or a file, with another number of steps if one is given.

    A file is YAML: ``preset``, from which it departs, and any of the configuration's fields.

    Parameters
    ----------
    method : its name, for the message
    presets : configurations by their names; they have a field ``steps``
    name : of the configuration, or the path of a YAML file
    steps : of the training; 0 as many as the preset has

    Raises
    ------
    OceanbenchError
        if there is no such preset or field, a value is of another type than the preset's, or the
        number of steps is negative
    """
    if name.endswith(FILES):
        found = _read(method, presets, Path(name))
    elif name in presets:
        found = presets[name]
    else:
        raise OceanbenchError(f"{method}: preset={name}: unknown; {did_you_mean(name, presets)}")
    if steps < 0:
        raise OceanbenchError(
            f"{method}: steps={steps}: expected 0, as many as the preset has, or more"
        )
    return replace(found, steps=steps) if steps else found  # type: ignore[type-var]


def _read(method: str, presets: Mapping[str, Kind], path: Path) -> Kind:
    try:
        content = load_plain(path, MOST_TEXT)
    except (OSError, ValueError, yaml.YAMLError) as problem:
        reason = in_one_line(problem)
        raise OceanbenchError(f"{path}: cannot be read as YAML ({reason}); correct it") from problem
    if not isinstance(content, dict):
        raise OceanbenchError(f"{path}: found {type(content).__name__}, expected 'field: value'")
    named = str(content.pop("preset", BASE))
    if named.endswith(FILES):
        hint = did_you_mean(named, presets)
        raise OceanbenchError(f"{path}: preset={named}: found a file, expected a preset; {hint}")
    base = preset_of(method, presets, named)
    known = {field.name: getattr(base, field.name) for field in fields(base)}  # type: ignore[arg-type]
    changed = {}
    for key, value in content.items():
        if key not in known:
            hint = did_you_mean(str(key), ["preset", *known])
            raise OceanbenchError(f"{path}: {key}: no field of the configuration; {hint}")
        changed[key] = _of_type(value, known[key], f"{path}: {key}")
    return replace(base, **changed)  # type: ignore[type-var]


def _of_type(value: Any, like: Any, where: str) -> Any:
    """Value of the type of the preset's; whole numbers may stand for others."""
    if isinstance(like, float) and type(value) is int and abs(value) < MOST_NUMBER:
        return float(value)
    if isinstance(like, tuple) and isinstance(value, list):
        return tuple(_of_type(one, like[0], where) if like else one for one in value)
    if type(value) is type(like) and not (isinstance(value, float) and not math.isfinite(value)):
        return value
    expected = f"expected {type(like).__name__}, as {like!r} in the preset"
    raise OceanbenchError(f"{where}: found {repr(value)[:60]}, {expected}")
