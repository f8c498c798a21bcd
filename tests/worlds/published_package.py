"""The package that published 4DVarNet, where it is installed."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

import pytest


def theirs() -> ModuleType:
    """Models of the package, which loads alone but for two imports that they do not need here."""
    found = importlib.util.find_spec("ocean4dvarnet")
    if found is None or not found.submodule_search_locations:
        pytest.skip("ocean4dvarnet is not installed: pip install --no-deps ocean4dvarnet==1.0.6")
    names = {"pytorch_lightning": {"LightningModule": object}, "kornia": {}, "kornia.filters": {}}
    known = {name: sys.modules.get(name) for name in names}
    for name, content in names.items():
        module: Any = ModuleType(name)
        module.__dict__.update(content)
        sys.modules[name] = module
    sys.modules["kornia"].filters = sys.modules["kornia.filters"]  # type: ignore[attr-defined]
    path = f"{found.submodule_search_locations[0]}/models.py"
    spec = importlib.util.spec_from_file_location("ocean4dvarnet_models", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, before in known.items():
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
    return module
