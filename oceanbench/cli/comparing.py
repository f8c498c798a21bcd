"""Commands that hold results against each other: check, compare."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from oceanbench.cli.options import FILE, FOLDER, RESULTS, Finite, output_mode
from oceanbench.cli.printing import say, tell
from oceanbench.errors import OceanbenchError

if TYPE_CHECKING:
    from oceanbench.result import Result
    from oceanbench.scoring.pairs import Comparison, Difference

EACH = "95 % intervals from the same cases; each verdict errs with a probability of 5 %"
ALIKE = "cases are taken for independent: where neighbours err alike, intervals are too narrow"
UNPAIRED = "no interval: a score of all cases at once, or of cases that differ or are not kept"


@click.command()
@click.argument("challenge")
@click.argument("result", type=FILE)
@click.option(
    "--reference", required=True, metavar="FILE|ROW", help="Result or row to compare with."
)
@click.option("--tolerance", type=Finite(min=0), default=0.0, show_default=True, help="Relative.")
@click.option(
    "--absolute", type=Finite(min=0), default=1e-9, show_default=True, help="Added to it."
)
@output_mode
def check(challenge: str, result: Path, reference: str, tolerance: float, absolute: float) -> None:
    """Exit 1 if a score of RESULT is worse than that of the reference."""
    from dataclasses import asdict

    from tabulate import tabulate

    from oceanbench.boards.escaping import terminal
    from oceanbench.boards.finding import found_results
    from oceanbench.boards.regression import regressions
    from oceanbench.challenge import Challenge

    loaded = Challenge.load(challenge)
    _, (found, known) = found_results([result, reference], loaded, _places(()))
    rows = regressions(found, known, tolerance=tolerance, absolute=absolute)
    table = [
        [terminal(r.label), r.reference, r.found, r.worse_by, r.tolerance, r.verdict] for r in rows
    ]
    heads = ["score", "reference", "found", "worse by", "allowed", "verdict"]
    shown = tabulate(table, heads, tablefmt="github", floatfmt=".6g", missingval="–")
    tell([asdict(row) for row in rows], [shown])
    for line in _lacking(found, known):
        say(line, err=True)
    if any(r.failed for r in rows):
        sys.exit(1)


def _places(results: tuple[Path, ...]) -> list[Path]:
    """Folders of rows: those given, or the one that commands write to, where it is there."""
    from oceanbench.boards.finding import as_folders

    return as_folders(results or ([RESULTS] if RESULTS.is_dir() else []))


def _lacking(found: Result, reference: Result) -> Iterator[str]:
    """Which scores one side lacks, a line a side."""
    for result, other in ((found, reference), (reference, found)):
        mine = {score.label for score in result.scores}
        if lacks := [score.label for score in other.scores if score.label not in mine]:
            say_of = f"{', '.join(lacks[:5])}{' …' if len(lacks) > 5 else ''}"
            yield f"{result.name} lacks {len(lacks)} of the scores of the other: {say_of}"


@click.command()
@click.argument("first", metavar="A")
@click.argument("others", metavar="B …", nargs=-1, required=True)
@click.option("--challenge", help="Of all of them, if the files or rows do not tell.")
@click.option(
    "--results",
    multiple=True,
    type=FOLDER,
    help="Folder of results whose rows come before the shipped ones; results/, if it is there.",
)
@click.option("--all", "every", is_flag=True, help="Scores that the board does not show, too.")
@click.option(
    "--independent", is_flag=True, help="Take days or passes for independent of each other."
)
@click.option("--figure", type=FILE, help="Draw the differences into a file.")
@output_mode
def compare(
    first: str,
    others: tuple[str, ...],
    challenge: str | None,
    results: tuple[Path, ...],
    every: bool,
    independent: bool,
    figure: Path | None,
) -> None:
    """Compare A with each B: results by file, or rows of a board by name."""
    from dataclasses import asdict

    from oceanbench.boards.differences import compared
    from oceanbench.boards.finding import found_results

    loaded, (one, *rest) = found_results([first, *others], challenge, _places(results))
    found = [
        compared(loaded, one, other, shown=not every, independent=independent) for other in rest
    ]
    if figure is not None:
        from oceanbench.figures.differences import draw_differences

        draw_differences(found, figure)
    if not all(comparison.differences for comparison in found):
        raise OceanbenchError(f"{loaded.name}: no score is shown on its board; give --all")
    unpaired = any(d.verdict == "no interval" for c in found for d in c.differences)
    notes = [EACH, *[UNPAIRED] * unpaired, *[ALIKE] * independent]
    tell([asdict(one) for one in found], (*map(_table, found), *notes))


def _table(comparison: Comparison) -> str:
    from tabulate import tabulate

    from oceanbench.boards.escaping import terminal

    rows = [[terminal(cell) for cell in _cells(d)] for d in comparison.differences]
    names = [terminal(comparison.first), terminal(comparison.second)]
    heads = ["score", *names, "difference", "ratio", f"{names[0]} is"]
    return str(tabulate(rows, heads, tablefmt="github", disable_numparse=True))


def _cells(found: Difference) -> list[str]:
    """Score with its unit, two values, difference, ratio, verdict."""
    unit = "" if found.units == "1" else f" [{found.units}]"
    between = _between(found.difference, found.interval), _between(found.ratio, found.of_ratio)
    values = [_number(value) for value in (found.first, found.second)]
    return [f"{found.label}{unit}", *values, *between, found.verdict]


def _between(value: float | None, interval: object) -> str:
    low, high = getattr(interval, "low", None), getattr(interval, "high", None)
    if low is None or high is None:
        return _number(value)
    return f"{_number(value)} [{_number(low)}, {_number(high)}]"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
