"""Tests of a whole table at once: one test goes through its rows and names those that fail."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest


def every(
    names: str, rows: Iterable[Any], ids: Iterable[str] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run the test once a row, to the end of the table, and fail with the rows that failed.

    Like ``pytest.mark.parametrize``, but one case: for tables of many small rows. `names` are the
    arguments that a row fills, separated by commas; the others are fixtures, which the rows share,
    but for ``tmp_path`` (a folder a row) and ``monkeypatch`` (undone after each row).
    """
    filled = [name.strip() for name in names.split(",")]
    table = [tuple(row) if len(filled) > 1 else (row,) for row in rows]
    assert table and all(len(row) == len(filled) for row in table), names
    labels = list(ids or [])

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        def through(**fixtures: Any) -> None:
            failures = {}
            for number, row in enumerate(table):
                try:
                    run(number, dict(zip(filled, row, strict=True)), fixtures)
                except (Exception, pytest.fail.Exception) as problem:
                    label = f"row {number}: {labels[number] if labels else called(row)}"
                    problem.add_note(label)
                    failures[label] = problem
                except pytest.skip.Exception as skip:
                    raise AssertionError(f"row {number} may not be skipped: {skip}") from skip
            if failures:
                text = f"{len(failures)} of {len(table)} rows fail: {'; '.join(failures)}"
                raise BaseExceptionGroup(text, list(failures.values()))

        def run(number: int, row: dict[str, Any], fixtures: dict[str, Any]) -> None:
            given = fixtures | row
            if "tmp_path" in given:
                given["tmp_path"] = given["tmp_path"] / f"row{number}"
                given["tmp_path"].mkdir()
            if "monkeypatch" not in given:
                test(**given)
                return
            with given["monkeypatch"].context() as given["monkeypatch"]:
                test(**given)

        signature = inspect.signature(test)
        assert set(filled) <= set(signature.parameters), (filled, signature)
        kept = [p for name, p in signature.parameters.items() if name not in filled]
        through.__signature__ = signature.replace(parameters=kept)
        through.__wrapped__ = test  # where its lines are
        through.__name__, through.__doc__ = test.__name__, test.__doc__
        through.__module__ = test.__module__  # where pytest looks for it
        through.pytestmark = getattr(test, "pytestmark", [])
        return through

    return decorate


def called(row: tuple[Any, ...]) -> str:
    """Name of a row: its values in short."""
    words = (getattr(value, "__name__", None) or repr(value).strip("'") for value in row)
    return "-".join(word if len(word) < 60 else f"{word[:57]}..." for word in words)
