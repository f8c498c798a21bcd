"""Cells of a board, of its scores and of what its rows cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from oceanbench.boards.ranking import VAGUE, cell_of, digits_of
from oceanbench.boards.site.axes import Axis, Bar
from oceanbench.challenge import Challenge
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.result import Result, Score

TRAINING = "CPU time of the training; ≥ where a folder kept what was computed before, or may have"
LAST = 1e15  # what a cell without a number is sorted as


@dataclass(frozen=True)
class Column:
    """A column of a board.

    Attributes
    ----------
    heading, meaning : what stands above, and what is said of it
    number : whether it is sorted as numbers
    falling : whether the best is the largest
    shown : whether it is to be seen before anyone asks for it
    """

    heading: str
    meaning: str = ""
    number: bool = False
    falling: bool = False
    shown: bool = True


@dataclass(frozen=True)
class Cell:
    """A cell of a board.

    Attributes
    ----------
    text, detail : what it says: a value, and its interval
    sort : what it is sorted by
    bar : value and interval on the axis of the column
    best : whether no row of its league is better
    """

    text: str
    detail: str = ""
    sort: str = ""
    bar: Bar | None = None
    best: bool = False


def width_of(column: Column, cells: Sequence[Cell]) -> float:
    """Pixels that a column is wide, by the number of its letters."""
    widest = [8.5 * len(column.heading) + 40]  # with the arrow that sorts
    widest += [22 + max(8.5 * len(cell.text), 6.6 * len(cell.detail)) for cell in cells]
    return max(widest)


def score_cell(score: Score | None, digits: int | None, axis: Axis | None = None) -> Cell:
    """Cell of a score.

    Parameters
    ----------
    score : None where a result lacks it
    digits : declared in the challenge
    axis : of its column
    """
    if score is None:
        return Cell("–", sort=_sorted_as(None, falling=False))
    falling = score.better == "higher"
    if score.value is None:
        return Cell(cell_of(score, digits), sort=_sorted_as(None, falling))
    alone = cell_of(replace(score, interval=None), digits)
    detail = ""
    if score.interval is not None:
        places = digits_of(score, digits)
        detail = f"[{score.interval.low:.{places}f}, {score.interval.high:.{places}f}]"
        detail += f" {VAGUE}" if score.is_vague else ""
    bar = axis.bar(score) if axis else None
    return Cell(alone, detail, _sorted_as(score.value, falling), bar)


def _sorted_as(value: float | None, falling: bool) -> str:
    if value is None:
        value = -LAST if falling else LAST
    return f"{value:.12f}"


def cost_columns(
    challenge: Challenge, results: Sequence[Result]
) -> Iterator[tuple[Column, list[Cell]]]:
    """What rows cost: CPU time of the run and of the training, and what the kind says."""
    runs = [result.provenance for result in results]
    weights = [(run.get("options") or {}).get("weights") for run in runs]
    for heading, meaning, records, trained in (
        ("CPU [s]", "CPU time of the run", runs, False),
        ("training CPU [s]", TRAINING, weights, True),
    ):
        if any(_seconds(record) is not None for record in records):
            yield (
                Column(heading, meaning, True),
                [_cost_cell(record, trained=trained) for record in records],
            )
    costs = [CHALLENGE_KINDS[challenge.kind].cost(challenge, result) for result in results]
    known = [cost for cost in costs if cost is not None]
    if known:
        texts = [cost[1] if cost else "–" for cost in costs]
        cells = [Cell(t, sort=_sorted_as(_number(t), falling=False)) for t in texts]
        yield Column(known[0][0], "as this kind of challenge counts it", True), cells


def _seconds(record: Any) -> float | None:
    seconds = record.get("cpu_seconds") if isinstance(record, dict) else None
    return float(seconds) if isinstance(seconds, int | float) and seconds < LAST else None


def _cost_cell(record: Any, *, trained: bool) -> Cell:
    """CPU time; at least, of a training that found what one before it had kept, or may have."""
    seconds = _seconds(record)
    sort = _sorted_as(seconds, falling=False)
    if seconds is None:
        return Cell("–", sort=sort)
    options = record.get("options")
    kept = isinstance(options, dict) and bool(options.get("checkpoint"))
    least = "≥ " if trained and record.get("resumed", kept) else ""
    return Cell(f"{least}{seconds:.0f}" if seconds >= 10 else f"{least}{seconds:.2g}", sort=sort)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
