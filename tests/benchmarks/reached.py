"""Which test reaches which statement: modules are marked, and a plugin of pytest listens."""

from __future__ import annotations

import ast
import builtins
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def is_marked(statement: ast.stmt) -> bool:
    """Texts and imports from the future stay where they are."""
    text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return not text and not (
        isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
    )


def statements(source: bytes) -> set[int]:
    """Lines in which a statement begins that can be marked."""
    every = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt))
    return {node.lineno for node in every if is_marked(node)}


def marked(source: bytes, name: str) -> str:
    """Source that calls ``__reached__``, if there is one in builtins, before every statement.

    A trace of Python's would slow down all libraries, not only what is marked.
    """
    module = ast.parse(source)
    for node in ast.walk(module):
        for block in ("body", "orelse", "finalbody"):
            if isinstance(found := getattr(node, block, None), list):
                pairs = (
                    (_call(name, each.lineno) if is_marked(each) else [], each) for each in found
                )
                setattr(node, block, [each for calls, each in pairs for each in (*calls, each)])
    first = next((n for n, each in enumerate(module.body) if is_marked(each)), 1)
    define = '__reached__ = getattr(__import__("builtins"), "__reached__", id)'
    module.body[first:first] = ast.parse(define).body
    return ast.unparse(module)


def _call(name: str, line: int) -> list[ast.stmt]:
    return ast.parse(f"__reached__(({name!r}, {line}))").body


class Touched:
    """Plugin of pytest: seconds and lines of every test that passes."""

    def __init__(self) -> None:
        """Reached is what modules call that are marked; first those of imports."""
        self.reached: set[tuple[str, int]] = set()
        self.told: dict[str, Any] = {"seconds": {}, "lines": {}}
        builtins.__reached__ = self.reached.add  # type: ignore[attr-defined]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Each test begins with nothing reached."""
        self.told.setdefault("imports", self.lines())
        began = sum(os.times()[:4])
        try:
            return (yield)
        finally:
            self.told["seconds"][item.nodeid] = round(sum(os.times()[:4]) - began, 3)
            self.told["lines"][item.nodeid] = self.lines()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test that fails without a fault says nothing about one."""
        if report.failed:
            self.told.setdefault("failed", []).append(report.nodeid)

    def lines(self) -> dict[str, list[int]]:
        """What was reached, by file."""
        found: dict[str, list[int]] = {}
        for name, line in sorted(self.reached):
            found.setdefault(name, []).append(line)
        self.reached.clear()
        return found


def coverage(tree: Path, files: list[str], told: dict[str, Any]) -> Iterator[str]:
    """Share of the statements of every file, and of all, that are reached."""
    tests = [told["imports"], *told["lines"].values()]
    reached, possible = Counter[str](), Counter[str]()
    for file in files:
        found = {line for test in tests for line in test.get(file, [])}
        for name in (file, "all"):
            possible[name] += len(statements((tree / file).read_bytes()))
            reached[name] += len(found)
    for name, count in possible.items():
        yield f"{name}: {reached[name]} of {count} statements, {reached[name] / max(count, 1):.1%}"
