"""What an evaluation prints: one's own scores, one's rank, and how far the others are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from oceanbench.boards.escaping import terminal
from oceanbench.boards.ranking import cell_of, coverage_notes, heading_of
from oceanbench.scoring.pairs import Comparison, Difference

if TYPE_CHECKING:
    from oceanbench.boards.placing import BoardPlace
    from oceanbench.challenge import Challenge
    from oceanbench.result import Result, Score

MARKS = {"not told apart": "≈", "equal": "=", "no interval": "?", "different": "≠"}
MANY = 3.0  # times another score, beyond which per cent are hard to read
MEANING = {
    "≈": "not told apart by the paired difference (95 %)",
    "=": "equal",
    "≠": "differs, neither is better",
    "?": "no interval of it: a score of all cases at once, or of cases that differ or are not kept",
}


def comparisons(
    challenge: Challenge, result: Result, others: Sequence[Result], place: BoardPlace
) -> list[Comparison]:
    """Differences of a result to the reference method's and to the leader, as far as there are.

    Parameters
    ----------
    challenge, result : of one another
    others : of the same board
    place : of the result
    """
    from oceanbench.boards.differences import compared

    reference = [r for r in others if r.name == challenge.reference_method]
    leader = [] if place.leader is None else [place.leader]
    chosen = {r.name: r for r in (*reference, *leader) if r.name != result.name}
    few = _hides_some(challenge)
    return [compared(challenge, result, other, shown=few) for other in chosen.values()]


def lines(
    challenge: Challenge,
    result: Result,
    place: BoardPlace,
    found: Sequence[Comparison],
    width: int,
) -> Iterator[str]:
    """Lines for people, as wide as a terminal."""
    yield f"{result.name} on {challenge.name}: {_where(place)}, by {challenge.ranking.label}"
    yield ""
    table, left_out = _table(challenge, result, found, width)
    yield from table
    if found:
        told = {MARKS.get(d.verdict) for comparison in found for d in comparison.differences}
        yield ""
        yield ", ".join(f"{mark} {words}" for mark, words in MEANING.items() if mark in told)
    if left_out:
        names = ", ".join(terminal(one.second) for one in left_out)
        yield f"no room for the column against {names}: widen the terminal, or give --json"
    yield from coverage_notes(result)
    if vague := [score.label for score in _printed(challenge, result) if score.is_vague]:
        yield f"hardly known, with an interval wider than they are large: {', '.join(vague)}"
    if (members := max((part.get("members", 1) for part in result.coverage), default=1)) > 1:
        yield f"scores of single values are of the mean of {members} members"
        yield from _of_few(challenge, result, members)
    if len(_printed(challenge, result)) < len(result.scores):
        yield f"{len(result.scores)} scores in all: see the result"


def _of_few(challenge: Challenge, result: Result, members: int) -> Iterator[str]:
    """What coverages of few members cannot tell: how far too sure they are."""
    from oceanbench.metrics import METRICS
    from oceanbench.metrics.probabilistic.scores import least_coverage

    rows = {row.label: row for row in challenge.scores if row.metric == "coverage"}
    having = [rows[s.label] for s in result.scores if s.label in rows and s.value is not None]
    for level in sorted({float(METRICS["coverage"].option("level", r.options)) for r in having}):
        if (least := least_coverage(members, level)) > level / 2.0:
            yield (
                f"a coverage of {100.0 * level:g} % says little of {members} members: they have "
                f"{least:.2f} where none doubts at all"
            )


def _where(place: BoardPlace) -> str:
    """Rank and group, or with whom it is ranked apart, and why."""
    if place.rank == "–":
        return "not ranked"
    where = f"rank {place.rank} of {place.among}, group {place.group}"
    if not place.apart:
        return where
    below = f", below {place.below} row{'s' if place.below > 1 else ''}" if place.below else ""
    return f"{place.apart}: ranked apart{below}; {where}, of these"


def in_place_of(result: Result) -> Iterator[str]:
    """What is to be known of a row that bears the name of a shipped one."""
    yield f"it stands in place of the shipped row '{result.name}'; another --name shows both"


def _table(
    challenge: Challenge, result: Result, found: Sequence[Comparison], width: int
) -> tuple[list[str], Sequence[Comparison]]:
    """Own scores and differences; without intervals and columns that find no room, told too."""
    from tabulate import tabulate

    scores = _printed(challenge, result)
    digits = {row.label: row.digits for row in challenge.scores}
    names = [heading_of(score) for score in scores]
    whole = [cell_of(score, digits.get(score.label)) for score in scores]
    columns = [names, whole, *([_against(c, s.label) for s in scores] for c in found)]
    heads = ["score", result.name, *(f"against {c.second}" for c in found)]
    short = [columns[0], [text.split(" [")[0] for text in whole], *columns[2:]]
    fitting = [columns, short, *(short[:count] for count in range(len(short) - 1, 1, -1))]
    for one in fitting:
        rows = [[terminal(cell) for cell in row] for row in zip(*one, strict=True)]
        text = tabulate(rows, [terminal(h) for h in heads[: len(one)]], disable_numparse=True)
        if max(map(len, text.splitlines())) <= width:
            break
    return text.splitlines(), found[len(one) - 2 :]


def _hides_some(challenge: Challenge) -> bool:
    """Whether rows of metrics stand for many scores: there may be hundreds."""
    return len(challenge.scores) > len(challenge.metrics)


def _printed(challenge: Challenge, result: Result) -> list[Score]:
    """All scores, or of hundreds those that boards show."""
    shown = {row.label for row in challenge.scores if row.shown or not _hides_some(challenge)}
    return [score for score in result.scores if score.label in shown]


def _against(comparison: Comparison, label: str) -> str:
    """Difference of a score: per cent where it begins at zero, and what is sure of it."""
    found = {d.label: d for d in comparison.differences}.get(label)
    if found is None or found.difference is None:
        return "–"
    return f"{_amount(found)} {MARKS.get(found.verdict, found.verdict)}"


def _amount(found: Difference) -> str:
    if found.ratio is not None and found.ratio >= MANY:
        return f"× {found.ratio:.3g}"
    if found.ratio is not None:
        return f"{100.0 * (found.ratio - 1.0):+.1f} %"
    return f"{found.difference:+.3g}"


def record(result: Result, place: BoardPlace, found: Sequence[Comparison]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "challenge": result.challenge["name"],
        "submission": result.name,
        "rank": place.rank,
        "group": place.group,
        "among": place.among,
        "apart": place.apart,
        "below": place.below,
        "leader": place.leader.name if place.leader else None,
        "scores": [asdict(score) for score in result.scores],
        "comparisons": [asdict(one) for one in found],
        "warnings": result.warnings,
    }
