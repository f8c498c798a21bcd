"""What can be drawn from result files alone: errors case by case, scores by lead, influences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from oceanbench.boards.influences import influence_on
from oceanbench.challenge import Challenge
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.result import Result, Score
from oceanbench.scoring.series import is_of_sums, sums_of

DIGITS = 5  # of numbers that are drawn
SECONDS = "datetime64[s]"


@dataclass(frozen=True)
class Chart:
    """Lines over common places.

    Attributes
    ----------
    title, unit : of the values
    along : what the places are: ``time`` (seconds since 1970), ``window``, ``lead`` or ``case``
    places : in order
    lines : values of each submission by its name, None where it has none
    """

    title: str
    unit: str
    along: str
    places: Sequence[float]
    lines: Mapping[str, Sequence[float | None]]


def charts(challenge: Challenge, results: Sequence[Result]) -> list[Chart]:
    """Errors case by case and scores by lead, one line a result.

    Parameters
    ----------
    challenge : of all
    results : to be drawn together
    """
    found: dict[tuple[str, str, str], dict[str, dict[float, float]]] = {}
    for result in results:
        for title, unit, along, values in (*_errors(challenge, result), *_by_lead(result)):
            lines = found.setdefault((title, unit, along), {})
            lines.setdefault(result.name, values)
    drawn = []
    for (title, unit, along), lines in found.items():
        places = sorted({place for values in lines.values() for place in values})
        rows = {name: [_short(v.get(place)) for place in places] for name, v in lines.items()}
        drawn.append(Chart(title, unit, along, places, rows))
    return drawn


def influences(challenge: Challenge, result: Result) -> list[Chart]:
    """What each case does to the scores that the board shows.

    Parameters
    ----------
    challenge, result : of one another
    """
    scores = {score.label: score for score in result.scores}
    drawn = []
    for row in challenge.scores:
        score = scores.get(row.label)
        if score is None or not row.shown:
            continue
        known, _ = influence_on(challenge, result, score, row)
        if known is not None:
            of_case = known.unscaled().of_case.tolist()
            title, line = f"Influence of each case on {row.label}", [_short(v) for v in of_case]
            places = [float(n) for n in range(1, len(line) + 1)]
            drawn.append(Chart(title, score.units, "case", places, {result.name: line}))
    return drawn


Values = tuple[str, str, str, dict[float, float]]


def _errors(challenge: Challenge, result: Result) -> Iterator[Values]:
    """Root-mean-square error of every case, from its sums."""
    for series in result.series:
        if not is_of_sums(series):
            continue
        table = sums_of(series, "")
        dated = table.case.dtype.kind == "M"
        cases = table.case.astype(SECONDS).astype(np.int64) if dated else table.case
        there = table.weight > 0
        with np.errstate(invalid="ignore", divide="ignore"):
            errors = np.sqrt(table.squared_error / table.weight)
        variable = challenge.submission.variables.get(series["variable"])
        title = f"RMSE of {series['variable']}, mask {series['mask']}"
        along = "time" if dated else CHALLENGE_KINDS[challenge.kind].cases.name
        places = zip(cases[there].tolist(), errors[there].tolist(), strict=True)
        yield title, variable.units if variable else "", along, dict(places)


def _by_lead(result: Result) -> Iterator[Values]:
    """Scores of the same name at all leads."""
    found: dict[str, list[Score]] = {}
    for score in result.scores:
        if score.lead is not None and score.value is not None:
            found.setdefault(score.label.replace(f" day {score.lead}", ""), []).append(score)
    for title, scores in found.items():
        values = {float(s.lead or 0): float(s.value or 0.0) for s in scores}
        if len(values) > 1:
            yield f"{title} by lead", scores[0].units, "lead", values


def _short(value: float | None) -> float | None:
    """Number as it is drawn; None of none."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{DIGITS}g}")


def record(chart: Chart) -> dict[str, Any]:
    """Chart as its page keeps it."""
    return {
        "title": chart.title,
        "unit": "" if chart.unit == "1" else chart.unit,
        "along": chart.along,
        "places": [int(p) if float(p).is_integer() else p for p in chart.places],
        "lines": dict(chart.lines),
    }
