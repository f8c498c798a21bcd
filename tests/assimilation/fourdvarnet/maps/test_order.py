"""Modules of learned maps stand in one order, and import only what comes after them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from oceanbench.assimilation.fourdvarnet import maps

ORDER = re.findall(r"^- ``(\w+)``", maps.__doc__ or "", re.MULTILINE)
FOLDER = Path(maps.__file__).parent


def imported(name: str) -> set[str]:
    """Modules of the folder that one of them imports, at any depth of its code."""
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    names = [str(n.module) for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    return {n.rpartition(".")[2] for n in names if n.rpartition(".")[0] == maps.__name__}


def test_the_order_names_every_module() -> None:
    assert sorted(ORDER) == sorted(p.stem for p in FOLDER.glob("*.py") if p.stem != "__init__")


def test_imports_point_down_the_order() -> None:
    for number, name in enumerate(ORDER):
        assert imported(name) <= set(ORDER[number + 1 :]), name
