"""The table of a board: columns, and rows in the order and the leagues of their ranks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from oceanbench.boards.leagues import (
    breaks_a_rule,
    gathered,
    is_twin,
    league,
    league_heading,
    learned_from,
)
from oceanbench.boards.placing import NO_RANK, placed_results
from oceanbench.boards.ranking import heading_of, notes_of
from oceanbench.boards.site.axes import Axis
from oceanbench.boards.site.cells import Cell, Column, cost_columns, score_cell, width_of
from oceanbench.challenge import Challenge
from oceanbench.metrics import METRICS
from oceanbench.result import Result, Score

SCORES_SHOWN = 6  # columns of scores beyond these are hidden until they are asked for
ROOM = 1230  # pixels of a table in a window of 1280: scores that find none are hidden, too
NAMES, LETTER = 410, 16  # of it, of what stands before the scores, and of each letter of groups


@dataclass(frozen=True)
class BoardRow:
    """A row of a board.

    Attributes
    ----------
    result, seeds : of the row, and of the other seeds that it tells of
    rank, group : as boards have them
    badges : what sets it apart, in two or three words each
    cells : of the columns
    """

    result: Result
    seeds: Sequence[Result]
    rank: str
    group: str
    badges: Sequence[str]
    cells: Sequence[Cell]

    @property
    def name(self) -> str:
        """Name of the submission."""
        return self.result.name

    @property
    def is_ranked(self) -> bool:
        """Whether it has a rank."""
        return self.rank != NO_RANK


@dataclass(frozen=True)
class League:
    """Rows that are ranked together.

    Attributes
    ----------
    heading : what sets them apart; "" of those of the usual observations and rules
    rows : in their order
    letters : of their groups
    """

    heading: str
    rows: Sequence[BoardRow]
    letters: str


@dataclass(frozen=True)
class Table:
    """A board.

    Attributes
    ----------
    labels : of the scores, which the first columns show
    columns, leagues : of the board
    """

    labels: Sequence[str]
    columns: Sequence[Column]
    leagues: Sequence[League]

    @property
    def rows(self) -> list[BoardRow]:
        """All rows, in the order of the board."""
        return [row for one in self.leagues for row in one.rows]

    @property
    def leader(self) -> BoardRow | None:
        """Row on top of those of the usual observations and rules; None where none is ranked."""
        return next((r for one in self.leagues for r in one.rows if r.is_ranked), None)


def board_table(challenge: Challenge, results: Sequence[Result]) -> Table:
    """Table of a board.

    Parameters
    ----------
    challenge : whose board
    results : of its present version
    """
    seeds = gathered(results)
    ordered, placed = placed_results(challenge, [alike[0] for alike in seeds.values()])
    labels = shown_scores(challenge, ordered)
    columns, cells_of = _columns(challenge, ordered, labels)
    rows = [
        BoardRow(
            result, seeds[result.name][1:], rank, group, tuple(_badges(challenge, result)), cells
        )
        for result, (rank, group), cells in zip(ordered, placed, cells_of, strict=True)
    ]
    leagues = []
    for _, found in groupby(rows, lambda row: league(challenge, row.result)):
        together = list(found)
        heading = league_heading(challenge, together[0].result)
        letters = "".join(sorted({letter for row in together for letter in row.group}))
        leagues.append(League(heading, _with_best(together, labels), letters))
    most = max((len(one.letters) for one in leagues), default=0)
    room = ROOM - NAMES - LETTER * most
    return Table(labels, _fitted(columns, cells_of, len(labels), room), leagues)


def _fitted(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], scores: int, room: float
) -> list[Column]:
    """Columns of which as many are shown as find room: what ranks, its cost, then the others.

    Parameters
    ----------
    columns, rows : of the board
    scores : count of the columns of scores, which come first
    room : pixels
    """
    cost = [n for n in range(scores, len(columns)) if columns[n].number][:1]
    order = dict.fromkeys((*range(min(scores, 1)), *cost, *range(len(columns))))
    shown: set[int] = set()
    for n in (n for n in order if columns[n].shown):
        room -= width_of(columns[n], [row[n] for row in rows])
        if room < 0 and n > 0:
            break
        shown.add(n)
    return [replace(column, shown=n in shown) for n, column in enumerate(columns)]


def _badges(challenge: Challenge, result: Result) -> Iterator[str]:
    if is_twin(challenge, result):
        yield "knows the truth’s equations"
    if breaks_a_rule(challenge, result):
        yield "learned from this truth"


def shown_scores(challenge: Challenge, results: Sequence[Result]) -> list[str]:
    """Labels of the scores of a board that a result has, the one that ranks first."""
    there = {label for result in results for label in result.labels}
    labels = [row.label for row in challenge.scores if row.shown and row.label in there]
    first = challenge.ranking.label
    return sorted(labels, key=lambda label: label != first)


def _columns(
    challenge: Challenge, results: Sequence[Result], labels: Sequence[str]
) -> tuple[list[Column], list[list[Cell]]]:
    """Columns, and the cells of every result."""
    declared = {row.label: row for row in challenge.scores}
    by_label = [{score.label: score for score in result.scores} for result in results]
    columns: list[Column] = []
    cells: list[list[Cell]] = [[] for _ in results]
    for number, label in enumerate(labels):
        scores = [found.get(label) for found in by_label]
        one = next(score for score in scores if score is not None)
        axis = Axis.of([score for score in scores if score is not None])
        claim = METRICS[declared[label].metric].claim
        falling = one.better == "higher"
        columns.append(Column(heading_of(one), claim, True, falling, number < SCORES_SHOWN))
        for mine, score in zip(cells, scores, strict=True):
            mine.append(score_cell(score, declared[label].digits, axis))
    for column, texts in cost_columns(challenge, results):
        columns.append(column)
        for mine, text in zip(cells, texts, strict=True):
            mine.append(text)
    said = [
        (Column("learned from"), learned_from),
        (Column("method", shown=False), lambda r: str(r.submission.get("method", ""))),
        (Column("notes", "options, coverage, warnings", shown=False), notes_of),
    ]
    for column, text_of in said:
        columns.append(column)
        for mine, result in zip(cells, results, strict=True):
            mine.append(Cell(text_of(result), sort=text_of(result)))
    return columns, cells


def _with_best(rows: Sequence[BoardRow], labels: Sequence[str]) -> list[BoardRow]:
    """Rows of a league, with the best values of every score marked, if there are two or more."""
    cells = [list(row.cells) for row in rows]
    by_label = [{score.label: score for score in row.result.scores} for row in rows]
    for column, label in enumerate(labels if len(rows) > 1 else ()):
        scores = [found.get(label) for found in by_label]
        losses = [_loss(score) for score in scores]
        best = min(losses)
        for mine, loss in zip(cells, losses, strict=True):
            if loss == best < math.inf:
                mine[column] = replace(mine[column], best=True)
    return [replace(row, cells=mine) for row, mine in zip(rows, cells, strict=True)]


def _loss(score: Score | None) -> float:
    """What is smallest for the best of several scores; infinite for what cannot be the best."""
    if score is None or score.value is None or score.flag == "partial":
        return math.inf
    if score.better is None:
        return abs(score.value - (score.ideal or 0.0))
    return -score.value if score.better == "higher" else score.value
