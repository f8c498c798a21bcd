"""What a result says that no evaluation of its challenge says: declared words, numbers, cases."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from oceanbench.boards.influences import influence_on
from oceanbench.challenge import Challenge
from oceanbench.declaration import MetricRow
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.metrics import METRICS, Sums
from oceanbench.result import Interval, Result, Score
from oceanbench.scoring.series import is_of_sums, sums_of
from oceanbench.scoring.statistics import LEVEL, Influence, Scale, of_sums

ROUNDING = 1e-6  # relative, of a score that is computed again from sums
BESIDE = 0.02  # of a score, by which an interval may miss it
OF_WIDTH = 1e-3  # of an interval, by which one that is computed again may differ
BESIDE_A_VALUE = (None, "resolved_below_grid", "beyond_last_lead", "partial")
INSTEAD = (
    "unresolved",
    "none",
    "no_data",
    "deterministic",
    "marginal",
    "not_draws",
    "not_submitted",
    None,
)
POSITIVE = ("count", "weight", "squared_error", "squared_truth")


def contradictions(challenge: Challenge, result: Result) -> Iterator[str]:
    """What contradicts the challenge, the limits of a metric, or the sums of the result itself.

    Parameters
    ----------
    challenge, result : of one another, of the same version
    """
    rows = {row.label: row for row in challenge.scores}
    labels = result.labels
    for label in dict.fromkeys(labels):
        if label not in rows or labels.count(label) > 1:
            yield f"has '{label}' {labels.count(label)} times, expected {int(label in rows)}"
            return
    yield from _tables(challenge, result)
    all_kept, ranking = CHALLENGE_KINDS[challenge.kind].cases.all_kept, challenge.ranking.label
    scored = {(part["variable"], part["mask"]): part["scored"] for part in result.coverage}
    held = {series["label"] for series in result.series if not is_of_sums(series)}
    for score in result.scores:
        row = rows[score.label]
        yield from _words(challenge, row, score)
        yield from _numbers(row, score)
        points = scored.get((score.variable, score.mask))
        if points is None:
            yield f"does not say how much of the truth {score.label} was scored on"
        elif all_kept and score.n != points:
            yield f"{score.label} is of {score.n} points, and {points} were scored"
        if score.value is None or score.flag is not None:
            continue
        summed = METRICS[row.metric].summed
        if summed == "leads":
            continue  # of skill at all leads: found again by verify
        if summed != "points" or all_kept or row.label == ranking:
            yield from _cases(challenge, result, score, row)
        elif row.label in held:
            influence, _ = influence_on(challenge, result, score, row)
            yield from _interval(score, influence, METRICS[row.metric].limits)


def _tables(challenge: Challenge, result: Result) -> Iterator[str]:
    """What no coverage and no sums of cases are."""
    domain, kind = challenge.domain, CHALLENGE_KINDS[challenge.kind]
    scored = domain and [np.datetime64(day, "D") for day in domain.time]
    for part in result.coverage:
        if not (0 <= part["scored"] <= part["points"] and 0 <= part["filled"] <= part["points"]):
            yield f"scored {part['scored']} of {part['points']} points ({part['mask']})"
    known = set()
    for series in result.series:
        cases = series.get("time", series.get("window", series.get("case", [])))
        if len({str(case) for case in cases}) < len(cases):
            yield "has a case twice in its sums"
        if not is_of_sums(series):
            continue
        days = np.array(series.get("time", []), dtype="datetime64[D]")
        outside = scored and not np.all((days >= scored[0]) & (days <= scored[1]))
        if outside and kind.cases.all_kept:  # starts of forecasts come before their days
            yield "has sums of days that are not scored"
        of = (series["variable"], series["mask"], series["daily"])
        if of in known:
            yield f"has sums of {of[0]} ({of[1]}) twice"
        known.add(of)
        if not all(np.all(np.array(series[name], dtype=np.float64) >= 0) for name in POSITIVE):
            yield f"has negative sums of {of[0]} ({of[1]})"


def _words(challenge: Challenge, row: MetricRow, score: Score) -> Iterator[str]:
    """What a score is called otherwise than its row declares."""
    metric, name = METRICS[row.metric], challenge.variable_of(row)
    bounds = getattr(row, "depth_bin", None)
    declared = {
        "metric": row.metric,
        "variable": name,
        "mask": challenge.mask_of(row),
        "better": metric.better,
        "ideal": (metric.ideal_of(row.options) or None) if metric.better is None else None,
        "lead": getattr(row, "lead", None),
        "depth": getattr(row, "depth", None),
        "depth_bin": bounds and tuple(bounds),
    }
    variable = challenge.submission.variables.get(name)
    if variable is not None and metric.units != "time":  # else those of its files
        declared["units"] = metric.unit_of(variable.units, row.options)
    for key, expected in declared.items():
        if (found := getattr(score, key)) != expected:
            yield f"{score.label} has {key} {found}, expected {expected}"


def _numbers(row: MetricRow, score: Score) -> Iterator[str]:
    """What a score, its flag and its interval cannot be."""
    metric, value = METRICS[row.metric], score.value
    if value is None:
        if score.flag not in INSTEAD or score.interval is not None:
            yield f"{score.label} has no value, and flag {score.flag} or an interval"
        return
    flags = [None, "partial"] if metric.summed == "points" else BESIDE_A_VALUE
    if score.flag not in flags:
        yield f"{score.label} has a value, and flag {score.flag}"
    low, high = metric.limits
    slack = ROUNDING * max(1.0, abs(value))
    if not low - slack <= value <= high + slack:
        yield f"{score.label} is {value:g}, expected {row.metric} between {low:g} and {high:g}"
    if (found := score.interval) is not None:
        slack = BESIDE * abs(value) + 1e-12
        if not found.low - slack <= value <= found.high + slack:
            yield (
                f"{score.label} is {value:g}, outside its own interval "
                f"[{found.low:g}, {found.high:g}]"
            )
        if found.level != LEVEL:
            yield f"{score.label} has an interval of {found.level:.0%}, expected {LEVEL:.0%}"


def _cases(challenge: Challenge, result: Result, score: Score, row: MetricRow) -> Iterator[str]:
    """What its cases say otherwise than a score, its points and its interval."""
    metric, value = METRICS[row.metric], float(score.value or 0.0)  # which those with cases have
    if metric.summed != "points":
        influence, _ = influence_on(challenge, result, score, row)
        yield from _interval(score, influence, metric.limits)
        return
    table = _sums(challenge, result, row)
    if table is None:
        yield f"{score.label} is {value:g}, without the sums of its cases"
        return
    again = float(metric.value_of(table, row.options))
    if not np.isclose(again, value, rtol=ROUNDING, atol=1e-12):
        yield f"{score.label} is {value:g}, and its own sums give {again:g}"
        return
    if table.count.sum() != score.n:
        yield f"{score.label} is of {score.n} points, and its own sums of {table.count.sum():g}"
    resampled = metric.of_sums(row.options)
    found = None if resampled is None else of_sums(table, resampled, metric.limits)
    yield from _interval(score, found, metric.limits)


def _interval(
    score: Score, influence: Influence | None, limits: tuple[float, float]
) -> Iterator[str]:
    """An interval of another width than the influences of its cases give."""
    found, given = None if influence is None else influence.interval(), score.interval
    expected = None if found is None else found.within(*limits)
    if expected is None or given is None or given == expected:  # which may lie on a bound
        alike = expected == given
    else:
        scale = Scale(*limits)
        wide, wanted = (float(scale.to(i.high) - scale.to(i.low)) for i in (given, expected))
        alike = math.isclose(wide, wanted, rel_tol=OF_WIDTH, abs_tol=1e-9) or wide == wanted
    if not alike:
        yield (
            f"{score.label} has the interval {_written(given)}, and its own cases give "
            f"{_written(expected)}"
        )


def _sums(challenge: Challenge, result: Result, row: MetricRow) -> Sums | None:
    """Sums that a score of points is a function of; None where the result has none."""
    metric = METRICS[row.metric]
    where = (challenge.variable_of(row), challenge.mask_of(row))
    for series in sorted(result.series, key=lambda s: bool(s.get("daily")) != metric.daily):
        same = (series["variable"], series["mask"]) == where
        if not same or not is_of_sums(series) or series["daily"] < metric.daily:
            continue
        table = sums_of(series, row.label)
        if metric.statistic is None or table.term is not None:
            return table
    return None


def _written(interval: Interval | None) -> str:
    return "none" if interval is None else f"[{interval.low:g}, {interval.high:g}]"
