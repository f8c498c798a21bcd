"""All pairs of a board, as its page of comparisons keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oceanbench.boards.differences import compared_pairs
from oceanbench.boards.ranking import digits_of, heading_of
from oceanbench.boards.site.charts import charts, record
from oceanbench.challenge import Challenge
from oceanbench.result import Interval, Result
from oceanbench.scoring.pairs import Difference

DIGITS = 5  # of numbers that are compared
MOST_PAIRS = 1200  # of 49 rows: a page of a few megabytes


def comparisons(challenge: Challenge, results: Sequence[Result]) -> dict[str, Any]:
    """Every two of a board's rows, score by score: values, differences, intervals and verdicts.

    Parameters
    ----------
    challenge : whose board
    results : in the order of the board; of very long boards the first are compared

    Returns
    -------
    ``names``; ``scores``, each with its heading, digits and the values of the names; ``pairs``, a
    list [first, second, differences] each, with a list [number of the score, difference, low, high,
    ratio, low, high, verdict] for every score that both have; ``charts``
    """
    kept = list(results)
    while len(kept) * (len(kept) - 1) // 2 > MOST_PAIRS:
        kept.pop()
    shown = [row for row in challenge.scores if row.shown]
    by_label = [{score.label: score for score in result.scores} for result in kept]
    there = [row for row in shown if any(row.label in scores for scores in by_label)]
    number = {row.label: i for i, row in enumerate(there)}
    scores = []
    for row in there:
        found = [of_label.get(row.label) for of_label in by_label]
        one = next(score for score in found if score is not None)
        scores.append(
            {
                "heading": heading_of(one),
                "digits": digits_of(one, row.digits),
                "values": [_short(score.value) if score else None for score in found],
            }
        )
    place = {result.name: i for i, result in enumerate(kept)}
    pairs = [
        [
            place[pair.first],
            place[pair.second],
            [[number[d.label], *_numbers(d)] for d in pair.differences],
        ]
        for pair in compared_pairs(challenge, kept, shown=True)
    ]
    return {
        "names": [result.name for result in kept],
        "scores": scores,
        "pairs": pairs,
        "charts": [record(chart) for chart in charts(challenge, kept)],
    }


def _numbers(found: Difference) -> list[float | str | None]:
    ends = [
        end
        for value, interval in (
            (found.difference, found.interval),
            (found.ratio, found.of_ratio),
        )
        for end in (value, *_ends(interval))
    ]
    return [*map(_short, ends), found.verdict]


def _ends(interval: Interval | None) -> tuple[float | None, float | None]:
    return (interval.low, interval.high) if interval else (None, None)


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")
