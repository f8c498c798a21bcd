"""Two submissions to one challenge, score by score: which is better, by how much, how surely."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from oceanbench.boards.checking import check_declaration
from oceanbench.boards.finding import as_folders, found_results
from oceanbench.boards.influences import Cases, influence_on
from oceanbench.challenge import Challenge
from oceanbench.declaration import MetricRow
from oceanbench.errors import OceanbenchError, typed
from oceanbench.metrics import METRICS
from oceanbench.result import Result, Score
from oceanbench.scoring.pairs import Comparison, Difference, Paired, paired
from oceanbench.scoring.statistics import Influence

BETTER, WORSE, DIFFERENT, EQUAL, UNSURE = "better", "worse", "different", "equal", "not told apart"
ROUNDING = 1e-12  # relative: less is the order in which sums were added
ALONE, UNPAIRED = "no score to compare", "no interval"


@typed
def compare(
    first: str | Path | Result,
    second: str | Path | Result,
    challenge: str | Challenge | None = None,
    *,
    results: Path | str | Sequence[Path | str] = (),
    independent: bool = False,
) -> Comparison:
    """Compare two submissions, score by score, by the same days, passes, starts or windows.

    Parameters
    ----------
    first, second : results, files of results, or names of rows
    challenge : of both; by default that of the files, or the only one that has both rows
    results : folder or folders of results, looked through before the shipped boards
    independent : take days or passes for independent of each other, whether they are or not: where
        neighbours err alike, intervals are too narrow

    Examples
    --------
    >>> from oceanbench import compare
    >>> {d.label: d.verdict for d in compare("bfn", "oi", "ssh_ose_jet").differences}["µ(RMSE)"]
    'better'
    """
    folders = as_folders(results)
    loaded, (one, other) = found_results([first, second], challenge, folders)
    return compared(loaded, one, other, independent=independent)


def compared(
    challenge: Challenge,
    first: Result,
    second: Result,
    *,
    shown: bool = False,
    independent: bool = False,
) -> Comparison:
    """Compare two results, score by score.

    Parameters
    ----------
    challenge : of both
    first, second : of its present version
    shown : only the scores that boards show
    independent : take days or passes for independent of each other, whether they are or not

    Raises
    ------
    OceanbenchError
        if one of them is of another challenge, version or declaration
    """
    pair = compared_pairs(challenge, [first, second], shown=shown, independent=independent)
    return next(pair)


def compared_pairs(
    challenge: Challenge,
    results: Sequence[Result],
    *,
    shown: bool = False,
    independent: bool = False,
) -> Iterator[Comparison]:
    """Compare every two of several results, the earlier with the later, as :func:`compared` does.

    Parameters
    ----------
    challenge, results, shown, independent : as of :func:`compared`
    """
    sides = [_side(challenge, result, shown, independent=independent) for result in results]
    labels = [row.label for row in challenge.scores]
    for (first, ones), (second, others) in combinations(zip(results, sides, strict=True), 2):
        found = [
            _difference(ones.get(label), others.get(label))
            for label in labels
            if label in ones or label in others
        ]
        yield Comparison(challenge.name, first.name, second.name, found)


@dataclass(frozen=True)
class _Side:
    """A score, and what its cases do to it."""

    score: Score
    row: MetricRow
    influence: Influence | None
    cases: Cases


def _side(
    challenge: Challenge, result: Result, shown: bool, *, independent: bool
) -> dict[str, _Side]:
    """Scores of a result by their labels."""
    found = (result.challenge["name"], result.challenge["version"])
    if found != (challenge.name, challenge.version):
        raise OceanbenchError(
            f"{result.name}: is a result of {found[0]}, version {found[1]}, expected "
            f"{challenge.name}, version {challenge.version}; evaluate it again"
        )
    check_declaration(challenge, result, result.name)
    scores = {score.label: score for score in result.scores}
    rows = [row for row in challenge.scores if row.label in scores and (row.shown or not shown)]
    found_sides = {}
    for row in rows:
        influence, cases = influence_on(challenge, result, scores[row.label], row)
        if influence is not None and independent:
            influence = replace(influence, dated=False)
        found_sides[row.label] = _Side(scores[row.label], row, influence, cases)
    return found_sides


def _difference(one: _Side | None, other: _Side | None) -> Difference:
    """Difference of a score, of which one side may lack."""
    known_side = one or other
    assert known_side is not None  # a row that neither has is left out
    there = known_side.score
    known = _paired(one, other) if one is not None and other is not None else None
    from_zero = METRICS[known_side.row.metric].limits == (0.0, math.inf)  # no share of cases
    values = [None if side is None else side.score.value for side in (one, other)]
    first, second = values
    if first is None or second is None:
        about = (there.label, there.units, there.better, first, second)
        return Difference(*about, None, None, None, None, ALONE)
    ratio = first / second if from_zero and second > 0.0 else None
    return Difference(
        there.label,
        there.units,
        there.better,
        first,
        second,
        first - second,
        known.difference if known else None,
        ratio,
        known.ratio if known else None,
        _verdict(first - second, max(abs(first), abs(second)), known, there.better),
    )


def _paired(one: _Side, other: _Side) -> Paired | None:
    """Difference of two scores of the same cases; None where these differ, or are not there."""
    if one.influence is None or other.influence is None or one.cases != other.cases:
        return None
    return paired(one.influence, other.influence)


def _verdict(difference: float, size: float, known: Paired | None, better: str | None) -> str:
    if abs(difference) <= ROUNDING * size:
        return EQUAL
    if known is None:
        return UNPAIRED
    if not known.sure:
        return UNSURE
    if better is None:
        return DIFFERENT
    return BETTER if (difference > 0.0) == (better == "higher") else WORSE
