"""Ranks: which results are better than which, among those that may be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oceanbench.boards.checking import TRUTH, is_truth
from oceanbench.boards.influences import influence_on
from oceanbench.boards.leagues import gathered, league, observations, why_apart, why_lost
from oceanbench.challenge import Challenge
from oceanbench.result import Result, Score
from oceanbench.scoring.comparison import Standing, letters, ranks, told_apart

NO_RANK = "–"


@dataclass(frozen=True)
class BoardPlace:
    """Where a result stands on its board.

    Attributes
    ----------
    rank, group : as the board has them; a dash and nothing without a rank
    among : how many are ranked with it, itself among them
    leader : the one on top of these, or of those above them if it is ranked apart for what it did;
        None where it is the result itself, or none is ranked
    apart : why it is not ranked with the usual rows; empty where it is
    below : how many are ranked above those that it is ranked apart with for what it did
    """

    rank: str
    group: str
    among: int
    leader: Result | None
    apart: str = ""
    below: int = 0


def placed_results(
    challenge: Challenge, results: Sequence[Result]
) -> tuple[list[Result], list[tuple[str, str]]]:
    """Results in the order of a board, with rank and letters of each.

    Parameters
    ----------
    challenge : its ``rank_by`` score ranks
    results : of this challenge and version, one of every row
    """
    label = challenge.ranking.label
    ordered = sorted(
        results,
        key=lambda r: (
            observations(r) == TRUTH,
            league(challenge, r),
            not is_ranked(challenge, r),
            _order(r.score(label)),
            r.name,
        ),
    )
    return ordered, _placed(challenge, ordered)


def place_of(challenge: Challenge, results: Sequence[Result], name: str) -> BoardPlace:
    """Place of a result among others.

    Parameters
    ----------
    challenge, results : of a board, the result among them
    name : of the result; of one that stands in the row of another, the place is that row's
    """
    rows = gathered(results)
    row = next(head for head, alike in rows.items() if name in {r.name for r in alike})
    ordered, placed = placed_results(challenge, [alike[0] for alike in rows.values()])
    number = [r.name for r in ordered].index(row)
    mine = league(challenge, ordered[number])
    alike = [
        result
        for result, (rank, _) in zip(ordered, placed, strict=True)
        if rank != NO_RANK and league(challenge, result)[:2] == mine[:2]
    ]
    peers = [result for result in alike if league(challenge, result) == mine]
    above = [result for result in alike if mine[2] and not why_lost(challenge, result)]
    first = next(iter([*above, *peers]), None)
    leader = None if first is None or first.name == row else first
    why = why_apart(challenge, ordered[number])
    return BoardPlace(*placed[number], len(peers), leader, why, len(above))


def is_ranked(challenge: Challenge, result: Result) -> bool:
    """Whether a result can have a rank: a value, of an estimate that lacks nothing of it."""
    score = result.score(challenge.ranking.label)
    there = score.value is not None and score.flag != "partial"
    return there and not is_truth(challenge, result)


def _order(score: Score) -> float:
    if score.value is None:
        return float("inf")
    return -score.value if score.better == "higher" else score.value


def _placed(challenge: Challenge, ordered: Sequence[Result]) -> list[tuple[str, str]]:
    """Rank and letters of every result among those of its observations; a dash without a score."""
    placed = [(NO_RANK, "")] * len(ordered)
    leagues = [league(challenge, result) for result in ordered]
    for one in set(leagues):
        ranked = [
            i
            for i, result in enumerate(ordered)
            if leagues[i] == one and one[0] != TRUTH and is_ranked(challenge, result)
        ]
        better = told_apart([_standing(challenge, ordered[i]) for i in ranked])
        numbers = ranks(better)
        for i, number, group in zip(ranked, numbers, letters(better), strict=True):
            shared = numbers.count(number) > 1
            placed[i] = (f"{number}=" if shared else str(number), group)
    return placed


def _standing(challenge: Challenge, result: Result) -> Standing:
    """What a result is compared by: the influences of its cases on the score that ranks."""
    score = result.score(challenge.ranking.label)
    assert score.value is not None  # those without one are not ranked
    influence, cases = influence_on(challenge, result, score, challenge.ranking)
    return Standing(_order(score), influence, cases)
