"""Two submissions to one challenge, score by score: which is better, by how much, how surely."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from oceanbench.boards.finding import found_results
from oceanbench.boards.influences import influence_on
from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.metrics import METRICS
from oceanbench.result import Result, Score
from oceanbench.scoring.pairs import Comparison, Difference, Paired, paired

BETTER, WORSE, DIFFERENT, EQUAL, UNSURE = "better", "worse", "different", "equal", "not told apart"
ALONE, UNPAIRED = "no score to compare", "no interval"


def compare(
    first: str | Path | Result,
    second: str | Path | Result,
    challenge: str | Challenge | None = None,
    *,
    results: Sequence[Path] = (),
) -> Comparison:
    """Compare two submissions, score by score, by the same days, passes, starts or windows.

    Parameters
    ----------
    first, second : results, files of results, or names of rows
    challenge : of both; by default that of the files, or the only one that has both rows
    results : folders of results, looked through before the shipped boards

    >>> from oceanbench import compare
    >>> {d.label: d.verdict for d in compare("bfn", "oi", "ssh_ose_jet").differences}["µ(RMSE)"]
    'better'
    """
    loaded, (one, other) = found_results([first, second], challenge, results)
    return compared(loaded, one, other)


def compared(
    challenge: Challenge, first: Result, second: Result, *, shown: bool = False
) -> Comparison:
    """Compare two results, score by score.

    Parameters
    ----------
    challenge : of both
    first, second : of its present version
    shown : only the scores that boards show

    Raises
    ------
    OceanbenchError
        if one of them is of another challenge or version
    """
    for result in (first, second):
        found = (result.challenge["name"], result.challenge["version"])
        if found != (challenge.name, challenge.version):
            raise OceanbenchError(
                f"{result.name}: is a result of {found[0]}, version {found[1]}, expected "
                f"{challenge.name}, version {challenge.version}; evaluate it again"
            )
    rows = [row for row in challenge.scores if row.shown or not shown]
    scores = [{score.label: score for score in result.scores} for result in (first, second)]
    found_of = []
    for row in rows:
        one, other = (found.get(row.label) for found in scores)
        if one is None and other is None:
            continue
        known = None
        if one is not None and other is not None:
            influence, cases = influence_on(challenge, first, one, row)
            others, other_cases = influence_on(challenge, second, other, row)
            if influence is not None and others is not None and cases == other_cases:
                known = paired(influence, others)
        zero = METRICS[row.metric].limits[0] == 0.0
        found_of.append(_difference(one, other, known, from_zero=zero))
    return Comparison(challenge.name, first.name, second.name, found_of)


def _difference(
    one: Score | None, other: Score | None, known: Paired | None, *, from_zero: bool
) -> Difference:
    """Difference of a score, of which one side may lack."""
    there = one or other
    assert there is not None  # a row that neither has is left out
    values = [None if score is None else score.value for score in (one, other)]
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
        _verdict(first - second, known, there.better),
    )


def _verdict(difference: float, known: Paired | None, better: str | None) -> str:
    if difference == 0.0:
        return EQUAL
    if known is None:
        return UNPAIRED
    if not known.sure:
        return UNSURE
    if better is None:
        return DIFFERENT
    return BETTER if (difference > 0.0) == (better == "higher") else WORSE
