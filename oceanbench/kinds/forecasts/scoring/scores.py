"""Scores of a submission of forecasts, and what a partial one says of itself."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from oceanbench.challenge import Challenge
from oceanbench.declaration import MetricRow
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.forecasts import sanity
from oceanbench.kinds.forecasts.grid import Grid
from oceanbench.kinds.forecasts.sanity import Departure, Sample
from oceanbench.kinds.forecasts.scoring.parallel import sums_by_start
from oceanbench.kinds.forecasts.scoring.references import References
from oceanbench.kinds.forecasts.scoring.sums import Accumulated, Against, Level, levels_of, named
from oceanbench.kinds.forecasts.submitted_fields import Forecasts
from oceanbench.metrics import METRICS, Flagged, Sums
from oceanbench.metrics.probabilistic.points import form_of_members
from oceanbench.result import Score
from oceanbench.scoring.statistics import interval
from oceanbench.submission import Submission


@dataclass(frozen=True)
class Scored:
    """What was found out of a submission.

    Attributes
    ----------
    scores, coverage, warnings : for the result
    ranking : sums of the score that ranks; None of a partial submission
    forecasts, table, references, grid : what the scores were made of
    """

    scores: list[Score]
    coverage: list[dict[str, Any]]
    ranking: Sums | None
    warnings: list[str]
    forecasts: Forecasts
    table: Accumulated
    references: References
    grid: Grid


def score_forecasts(
    challenge: Challenge,
    submission: Submission,
    *,
    data_dir: Path | None = None,
    executor: Executor | None = None,
) -> Scored:
    """Score a submission of forecasts on every variable, mask, depth and lead.

    A submission that lacks leads, variables, depths or starts is scored on what it has: scores of
    what it lacks have the flag ``not_submitted``, those over fewer starts or leads ``partial``.

    Raises
    ------
    OceanbenchError
        when the submission or the challenge's data are refused
    """
    references, grid = References.open(challenge, data_dir)
    forecasts = submission.open_forecasts(challenge, grid)
    try:
        warnings = sanity.inspect(_samples(challenge, forecasts, references, grid), challenge.name)
        table = sums_by_start(
            challenge,
            submission,
            forecasts,
            references,
            grid,
            data_dir=data_dir,
            executor=executor,
        )
    except OceanbenchError as problem:
        raise OceanbenchError(f"{submission.path.name}: {problem}") from problem
    warnings += sanity.leads(_errors(forecasts, table), forecasts.leads)
    warnings += sanity.heights(_heights(challenge, table))
    ranked = challenge.ranking
    whole = is_whole(challenge, forecasts, ranked)
    return Scored(
        [_score(challenge, forecasts, table, row) for row in challenge.scores],
        _coverage(forecasts, table),
        table.sums(ranked) if whole else None,
        warnings,
        forecasts,
        table,
        references,
        grid,
    )


def _samples(
    challenge: Challenge, forecasts: Forecasts, references: References, grid: Grid
) -> list[dict[str, Sample]]:
    """Fields of the first and the middle start at the shortest lead, by variable, of each depth."""
    starts, lead = list(forecasts.places), forecasts.leads[0]
    step = float(np.median(np.diff(grid.longitude))) if grid.longitude.size > 1 else 0.0
    globe = grid.longitude[-1] - grid.longitude[0] + 1.5 * step > 360.0
    samples = []
    for start in dict.fromkeys((starts[0], starts[len(starts) // 2])):
        for depth in dict.fromkeys(d for column in forecasts.depths.values() for d in column):
            sample = {}
            for name, column in forecasts.depths.items():
                if depth in column and not forecasts.is_derived(name):
                    fields = forecasts.read(name, start, [lead], [depth])[0, 0]
                    truth = references.truth.read(name, start + lead, [depth])[0]
                    unit = challenge.submission.variables[name].units
                    known = named((name, depth))
                    sample[name] = Sample(fields.mean(axis=0), truth, unit, known, lead, globe)
            samples.append(sample)
    return samples


def _errors(forecasts: Forecasts, table: Accumulated) -> dict[str, list[float]]:
    """RMSE by lead of each variable and depth, through the first mask."""
    errors = {}
    for variable, depths in forecasts.depths.items():
        for depth in depths if not forecasts.is_derived(variable) else ():
            level = (variable, depth)
            if (level, None) in table.tables:
                errors[named(level)] = np.sqrt(table.mean_square(level, 0)).tolist()
    return errors


def _heights(challenge: Challenge, table: Accumulated) -> dict[str, Departure]:
    """How heights differ from observations at the shortest lead, through the first mask."""
    found = {}
    for (level, reference), columns in table.tables.items():
        metres = challenge.unit_of(level[0]) == "m" and level[0] not in challenge.derived
        if metres and reference is None and isinstance(level[1], Against):
            _, weight, error, square, value, squared_value = columns[:, :, 0, 0].sum(axis=1)
            if weight > 0:
                offset, mean = error / weight, value / weight
                variances = square / weight - offset**2, squared_value / weight - mean**2
                found[named(level)] = Departure(offset, *variances)
    return found


def is_whole(challenge: Challenge, forecasts: Forecasts, row: MetricRow) -> bool:
    """Whether a score goes over every start, and every lead that it is to pool."""
    wanted = challenge.schedule
    leads = row.lead is not None or len(forecasts.leads) == len(wanted.leads)
    return leads and len(forecasts.places) == wanted.starts.size


def _is_there(table: Accumulated, row: MetricRow) -> bool:
    """Whether a submission has what a score is of; its reference may still lack."""
    lead = row.lead is None or row.lead in table.leads
    return lead and all(level in table.points for level in levels_of(row))


def _score(challenge: Challenge, forecasts: Forecasts, table: Accumulated, row: MetricRow) -> Score:
    metric, sums = METRICS[row.metric], table.sums(row)
    unit = challenge.unit_of(str(row.variable))
    empty = Score(
        metric=row.metric,
        label=row.label,
        variable=str(row.variable),
        mask=str(row.mask),
        value=None,
        units=metric.unit_of(unit, row.options),
        better=metric.better,
        flag="not_submitted",
        n=0,
        ideal=(metric.ideal_of(row.options) or None) if metric.better is None else None,
        lead=row.lead,
        depth=row.depth,
        against=[w.dataset for _, w in levels_of(row) if isinstance(w, Against)] or None,
        depth_bin=row.depth_bin,
    )
    if sums is None:
        return replace(empty, flag="no_data") if _is_there(table, row) else empty
    empty = replace(empty, n=int(sums.count.sum()))
    if flagged := metric.flagged(form_of_members(table.members[str(row.variable)])):
        return replace(empty, flag=flagged.flag)
    statistic = table.statistic(row)
    if statistic is None:
        return replace(empty, flag="no_data")
    found = metric.score(statistic, row.options)
    if isinstance(found, Flagged):
        value = float(found.value)
        return replace(empty, value=value if np.isfinite(value) else None, flag=found.flag)
    of_sums = metric.of_sums(row.options)
    spread = interval(sums, of_sums) if of_sums is not None else None
    return replace(
        empty,
        value=found,
        interval=spread and spread.within(*metric.limits),
        flag=None if is_whole(challenge, forecasts, row) else "partial",
    )


def _coverage(forecasts: Forecasts, table: Accumulated) -> list[dict[str, Any]]:
    """How many values of each variable were there, by mask, and what the submission lacks."""
    groups: dict[tuple[str, str | None], list[Level]] = {}
    for level in table.points:
        variable, where = level
        against = where.dataset if isinstance(where, Against) else None
        groups.setdefault((variable, against), []).append(level)
    return [
        {
            "variable": variable,
            "mask": mask,
            **({} if against is None else {"against": against}),
            "points": (points := sum(int(table.points[level][number]) for level in levels)),
            "scored": points - sum(int(table.holes[level][number]) for level in levels),
            "filled": 0,
            "members": table.members[variable],
            "missing": list(forecasts.missing),
        }
        for (variable, against), levels in groups.items()
        for number, mask in enumerate(table.masks)
    ]
