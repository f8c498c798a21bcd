"""The tables of docs/posteriors.md and of the cards say what the result files say."""

from __future__ import annotations

import re
from pathlib import Path

from places import ROOT
from rows import every

from oceanbench.result import Result

NAMES = [
    "gaussian_field_posterior",
    "lorenz63_posterior",
    "lorenz63_posterior_wrong_model",
    "lorenz96_posterior",
]
OF_RANKS = "ssh_osse_jet_calibration"


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


@every("name", [*NAMES, OF_RANKS])
def test_numbers_are_those_of_the_result_files(name: str) -> None:
    cells = tables(part_of_page(name)) + tables(card(name))
    assert len(cells) > 20
    for row, label, text in cells:
        result = Result.load(ROOT / "leaderboards" / name / f"{row}.json")
        value = result.score(label).value
        digits = len(text.partition(".")[2])
        assert text == ("–" if value is None else f"{value:.{digits}f}"), (row, label)


def excess(board: str, row: str, label: str) -> float | None:
    """Score of a row on a board; None where it has none, or stands on none."""
    file = ROOT / "leaderboards" / board / f"{row}.json"
    return Result.load(file).score(label).value if file.is_file() else None


def seconds(row: str) -> tuple[str, str]:
    """CPU seconds as written: of the longest training of a row, and of a window of its estimate."""
    folder = next(ROOT / "leaderboards" / n for n in NAMES[1::-1] if
                  (ROOT / "leaderboards" / n / f"{row}.json").is_file())  # fmt: skip
    results = [Result.load(folder / f"{row}.json"), *map(Result.load, folder.glob(f"{row}_seed*"))]
    trained = [r.provenance["options"].get("weights", {}).get("cpu_seconds", 0) for r in results]
    count = 48 if folder.name == NAMES[1] else 16
    spent = results[0].provenance["cpu_seconds"] / count
    return f"{max(trained):.0f}" if max(trained) else "–", f"{spent:.2g}"


def test_the_summary_is_of_the_boards() -> None:
    """Excesses over those of 20 draws of the posterior, and costs."""
    page = (ROOT / "docs" / "posteriors.md").read_text(encoding="utf-8")
    (part,) = re.findall(r"^## Which methods know.*?(?=^## )", page, re.MULTILINE | re.DOTALL)
    places = {
        "Gaussian field": (NAMES[0], "CRPS excess"),
        "sparse": (NAMES[1], "CRPS excess sparse"),
        "x alone": (NAMES[1], "CRPS excess x"),
        "z alone": (NAMES[1], "CRPS excess z"),
        "L96 alternate": (NAMES[3], "CRPS excess alternate"),
        "L96 sparse": (NAMES[3], "CRPS excess sparse"),
        "L96 arc": (NAMES[3], "CRPS excess arc"),
    }
    cells = tables(part)
    assert len(cells) > 60
    for row, label, text in cells:
        if label in places:
            board, score = places[label]
            found, floor = excess(board, row, score), excess(board, "posterior_20", score)
            assert floor is not None
            assert text == ("–" if found is None else f"{found / floor:.1f}"), (row, label)
        elif "CPU" in label:
            assert text == seconds(row)["window" in label], (row, label)
