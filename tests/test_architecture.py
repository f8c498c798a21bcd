"""Imports point downward only: every module stands on a floor, and imports from floors below."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from places import ROOT

PACKAGE = ROOT / "oceanbench"

FLOORS = [  # from the top
    {"cli"},
    {"boards", "figures", "methods"},
    {"evaluate"},
    {"challenge", "declaration", "kinds", "scoring", "submission"},  # still to be drawn apart
    {"result"},
    {"forecasting"},
    {"assimilation"},
    {"learning"},
    {"data", "dynamics", "metrics", "observing"},
    {"grid", "progress", "times"},
    {"errors"},
]
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
METHODS_MAY_IMPORT = {
    "assimilation",
    "forecasting",
    "learning",
    "dynamics",
    "observing",
    "grid",
    "progress",
    "errors",
}

MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")
BASELINES = sorted((ROOT / "baselines").glob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Dotted names that a file imports, at any depth of its code and for type checks too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}, line {node.lineno}: write imports in full"
            if node.module == "oceanbench":
                yield from (f"oceanbench.{alias.name}" for alias in node.names)
            else:
                yield str(node.module)


def ours(path: Path) -> set[str]:
    """First part, below the package, of the modules of ours that a file imports."""
    names = {n for n in imports(path) if n.split(".")[0] == "oceanbench"}
    assert "oceanbench" not in names, f"{path}: import the module, not the face of the package"
    return {n.split(".")[1] for n in names}


def others(path: Path) -> set[str]:
    """Top-level names of the packages of others that a file imports."""
    return {n.split(".")[0] for n in imports(path)} - {"oceanbench"}


def part(path: Path) -> str:
    """Name of the module or subpackage, directly below the package, that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def named(path: Path) -> str:
    """Readable name of a parametrised test."""
    return path.relative_to(ROOT).as_posix()


def below(name: str) -> set[str]:
    """Everything of ours that importing a module brings along."""
    found, waiting = set(), {name}
    while waiting:
        found |= waiting
        waiting = {n for p in MODULES if part(p) in waiting for n in ours(p)} - found
    return found


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_imports_point_downward(path: Path) -> None:
    assert part(path) in FLOOR, f"{named(path)}: give '{part(path)}' a floor in this test"
    for name in ours(path) - {part(path)}:
        assert name in FLOOR, f"{named(path)} imports '{name}', which has no floor"
        together = {name, part(path)} <= FLOORS[3]
        assert together or FLOOR[name] > FLOOR[part(path)], (
            f"{named(path)} imports '{name}', which is not below"
        )


@pytest.mark.parametrize("path", sorted((PACKAGE / "metrics").rglob("*.py")), ids=named)
def test_metrics_know_nothing_of_challenges(path: Path) -> None:
    assert ours(path) <= {"metrics", "grid", "times", "errors"}


def test_evaluation_needs_neither_torch_nor_figures() -> None:
    brought = below("evaluate")
    assert not brought & {"cli", "boards", "figures", "methods"}
    for path in MODULES:
        if part(path) in brought:
            assert not others(path) & {"torch", "matplotlib"}, named(path)


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_only_figures_imports_matplotlib(path: Path) -> None:
    assert part(path) == "figures" or "matplotlib" not in others(path)


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_package_never_imports_baselines(path: Path) -> None:
    assert "baselines" not in others(path)


@pytest.mark.parametrize("path", BASELINES, ids=named)
def test_baselines_cannot_reach_the_truth(path: Path) -> None:
    assert ours(path) <= METHODS_MAY_IMPORT
    assert "baselines" not in others(path)


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_no_module_is_a_drawer(path: Path) -> None:
    assert not {"utils", "util", "helpers", "common", "misc"} & {path.stem, path.parent.name}


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_no_setting_comes_from_the_environment(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    names |= {a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
    assert not names & {"environ", "environb", "getenv"}
