"""The tables of docs/posteriors.md and of the cards say what the result files say."""

from __future__ import annotations

import re
from pathlib import Path

from places import ROOT
from rows import every

from oceanbench.result import Result

NAMES = ["gaussian_field_posterior", "lorenz63_posterior", "lorenz63_posterior_wrong_model"]


def tables(text: str) -> list[tuple[str, str, str]]:
    """(row, label, number as written) of every table whose first column names rows of a board."""
    found: list[tuple[str, str, str]] = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        head, _, *rows = [[c.strip() for c in line.strip("|\n").split("|")] for line in
                          block.splitlines()]  # fmt: skip
        if head[0] == "row":
            found += [
                (cells[0].strip("`"), label, cell)
                for cells in rows
                for label, cell in zip(head[1:], cells[1:], strict=True)
            ]
    return found


def part_of_page(name: str) -> str:
    """Section of the page that is of a challenge."""
    page = (ROOT / "docs" / "posteriors.md").read_text(encoding="utf-8")
    (part,) = re.findall(rf"^### `{name}`\n(.*?)(?=^##)", page, re.MULTILINE | re.DOTALL)
    return str(part)


def card(name: str) -> str:
    path: Path = ROOT / "challenges" / name / "README.md"
    return path.read_text(encoding="utf-8")


@every("name", NAMES)
def test_numbers_are_those_of_the_result_files(name: str) -> None:
    cells = tables(part_of_page(name)) + tables(card(name))
    assert len(cells) > 20
    for row, label, text in cells:
        result = Result.load(ROOT / "leaderboards" / name / f"{row}.json")
        value = result.score(label).value
        digits = len(text.partition(".")[2])
        assert text == ("–" if value is None else f"{value:.{digits}f}"), (row, label)
