"""Recipes of the frozen data of challenges, and the datasets that they made."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import xarray as xr
from places import ROOT

from oceanbench.challenge import Challenge


def recipe(name: str) -> ModuleType:
    """The build.py of a challenge."""
    path = ROOT / "challenges" / name / "build.py"
    spec = importlib.util.spec_from_file_location(f"build_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def opened(name: str, dataset: str) -> xr.Dataset:
    """A dataset of a challenge."""
    return Challenge.load(name).open(dataset)
