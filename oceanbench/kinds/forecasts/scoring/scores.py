"""Scores of a submission of forecasts, and what a partial one says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from oceanbench.declaration import Declaration
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.forecasts import sanity
from oceanbench.kinds.forecasts.forecast_rows import ForecastRow, ranking_of, scores_of
from oceanbench.kinds.forecasts.grid import Grid
from oceanbench.kinds.forecasts.sanity import Sample
from oceanbench.kinds.forecasts.schedule import schedule_of, unit_of
from oceanbench.kinds.forecasts.scoring.agreement import check_target
from oceanbench.kinds.forecasts.scoring.by_lead import cases_by_lead, lead_skills
from oceanbench.kinds.forecasts.scoring.on_grid import accumulate, check_coverage
from oceanbench.kinds.forecasts.scoring.parallel import sums_by_start
from oceanbench.kinds.forecasts.scoring.references import References
from oceanbench.kinds.forecasts.scoring.sums import Accumulated, Against, Level, levels_of, named
from oceanbench.kinds.forecasts.scoring.warnings import some_starts, warnings_of
from oceanbench.kinds.forecasts.submission import find_forecasts
from oceanbench.kinds.forecasts.submitted_fields import Forecasts
from oceanbench.kinds.kind import Resources, Submitted
from oceanbench.metrics import METRICS, Flagged
from oceanbench.metrics.aligned import NO_DATA
from oceanbench.metrics.horizons import Horizon
from oceanbench.metrics.probabilistic.points import form_of_members
from oceanbench.result import Interval, Score
from oceanbench.scoring.points import Evaluated, score_of
from oceanbench.scoring.series import series_of
from oceanbench.scoring.statistics import LEVEL, interval

ALONE = Resources()


@dataclass(frozen=True)
class Scored:
    """Scores of a submission, and what they were made of."""

    scores: list[Score]
    forecasts: Forecasts
    table: Accumulated
    references: References
    grid: Grid


def evaluated(
    declaration: Declaration,
    submitted: Submitted,
    *,
    data_dir: Path | None = None,
    resources: Resources = ALONE,
) -> Evaluated:
    """Score a submission of forecasts on every variable, mask, depth and lead.

    A submission that lacks leads, variables, depths or starts is scored on what it has: scores of
    what it lacks have the flag ``not_submitted``, those over fewer starts or leads ``partial``.

    Raises
    ------
    OceanbenchError
        when the submission or the challenge's data are refused
    """
    found = _opened(declaration, submitted, data_dir)
    rows = scores_of(declaration)
    table, warnings = _summed(declaration, submitted, found, rows, data_dir, resources)
    scores = [_score(declaration, found.forecasts, table, row) for row in rows]
    warnings += warnings_of(declaration, found.forecasts, found.references, table, scores)
    series: list[dict[str, Any]] = []
    row = ranking_of(declaration)
    there = row in rows and is_whole(declaration, found.forecasts, row)
    if there and (sums := table.sums(row)) is not None:
        terms = {} if sums.term is None else {row.label: sums.term}
        key = {"variable": row.variable, "mask": row.mask, "daily": False}
        series = [{**key, **series_of(sums, terms)}, *cases_by_lead(table, rows, row)]
    scored = Scored(scores, found.forecasts, table, found.references, found.grid)
    return Evaluated(scores, _coverage(found.forecasts, table), series, warnings, scored)


def validated(
    declaration: Declaration, submitted: Submitted, *, data_dir: Path | None = None
) -> list[dict[str, Any]]:
    """Coverage of a submission, read and refused as for its scores, of which none is computed.

    Where the truth is not here, it is that of submitted variables on the grid, at the places of the
    target.
    """
    against = declaration.scored_at(data_dir)
    if against != declaration.truth_name:
        return _covered(declaration, submitted, data_dir, against)
    found = _opened(declaration, submitted, data_dir)
    table, _ = _summed(declaration, submitted, found, [], data_dir, ALONE)
    return _coverage(found.forecasts, table)


def _covered(
    declaration: Declaration, submitted: Submitted, data_dir: Path | None, against: str
) -> list[dict[str, Any]]:
    """Coverage at the places of a target, which has nothing to derive variables from."""
    references, grid = References.open(declaration, data_dir, against)
    found = find_forecasts(declaration, submitted, grid)
    depths = {name: d for name, d in found.depths.items() if not found.is_derived(name)}
    found = replace(found, depths=depths)
    try:
        table = accumulate(declaration, found, references, grid, [])
        check_coverage(declaration, table)
    except OceanbenchError as problem:
        raise OceanbenchError(f"{submitted.name}: {problem}") from problem
    return _coverage(found, table)


class _Opened(NamedTuple):
    """Forecasts and what they are compared with, opened."""

    forecasts: Forecasts
    references: References
    grid: Grid


def _opened(declaration: Declaration, submitted: Submitted, data_dir: Path | None) -> _Opened:
    references, grid = References.open(declaration, data_dir)
    if references.truth is not None:
        check_target(declaration, references.truth, grid, data_dir)
    return _Opened(find_forecasts(declaration, submitted, grid), references, grid)


def _summed(
    declaration: Declaration,
    submitted: Submitted,
    found: _Opened,
    rows: Sequence[ForecastRow],
    data_dir: Path | None,
    resources: Resources,
) -> tuple[Accumulated, list[str]]:
    """Sums for the scores of some rows, and what looks wrong in some of the fields."""
    try:
        warnings = sanity.inspect(_samples(declaration, *found), declaration.name)
        table = sums_by_start(
            declaration, submitted, *found, rows, data_dir=data_dir, resources=resources
        )
    except OceanbenchError as problem:
        raise OceanbenchError(f"{submitted.name}: {problem}") from problem
    return table, warnings


def _samples(
    declaration: Declaration, forecasts: Forecasts, references: References, grid: Grid
) -> list[dict[str, Sample]]:
    """Fields of the first and the middle start at the shortest lead, by variable, of each depth.

    They stand beside the truth's, or where that is of points beside what is usual.
    """
    lead = forecasts.leads[0]
    step = float(np.median(np.diff(grid.longitude))) if grid.longitude.size > 1 else 0.0
    globe = grid.longitude[-1] - grid.longitude[0] + 1.5 * step > 360.0
    samples = []
    for start in some_starts(forecasts):
        for depth in dict.fromkeys(d for column in forecasts.depths.values() for d in column):
            sample = {}
            for name, column in forecasts.depths.items():
                if depth in column and not forecasts.is_derived(name):
                    fields = forecasts.read(name, start, [lead], [depth])[0, 0]
                    known = references.sea(name, [start + lead], (depth,))
                    if known is None:
                        continue
                    unit = declaration.submission.variables[name].units
                    words = named((name, depth))
                    about = (unit, words, lead, globe)
                    sample[name] = Sample(fields.mean(axis=0), known[0, 0], *about)
            samples.append(sample)
    return samples


def is_whole(declaration: Declaration, forecasts: Forecasts, row: ForecastRow) -> bool:
    """Whether a score goes over every start, and every lead that it is to pool."""
    wanted = schedule_of(declaration)
    pooled = wanted.leads if row.pooled is None else row.pooled
    leads = row.lead is not None or set(pooled) <= set(forecasts.leads)
    return leads and len(forecasts.places) == wanted.starts.size


def _is_there(table: Accumulated, row: ForecastRow) -> bool:
    """Whether a submission has what a score is of; its reference may still lack."""
    lead = row.lead is None or row.lead in table.leads
    return lead and all(level in table.points for level in levels_of(row))


def _score(
    declaration: Declaration, forecasts: Forecasts, table: Accumulated, row: ForecastRow
) -> Score:
    metric, sums = METRICS[row.metric], table.sums(row)

    def written(found: float | Flagged, spread: Interval | None = None) -> Score:
        units = metric.unit_of(unit_of(declaration, str(row.variable)), row.options)
        n = 0 if sums is None else int(sums.count.sum())
        key = (str(row.variable), str(row.mask))
        return replace(
            score_of(row, key, found, units=units, n=n, interval=spread),
            lead=row.lead,
            depth=row.depth,
            against=[w.dataset for _, w in levels_of(row) if isinstance(w, Against)] or None,
            depth_bin=row.depth_bin,
        )

    if sums is None:
        lacking = written(NO_DATA)
        return lacking if _is_there(table, row) else replace(lacking, flag="not_submitted")
    if metric.summed == "leads":
        return _of_leads(declaration, forecasts, table, row, written(NO_DATA))
    members = table.members[str(row.variable)]
    if flagged := metric.flagged(form_of_members(members), members):
        return written(flagged)
    statistic = table.statistic(row)
    if statistic is None:
        return written(NO_DATA)
    found = metric.score(statistic, row.options)
    if isinstance(found, Flagged):
        return written(found)
    of_sums = metric.of_sums(row.options)
    spread = interval(sums, of_sums, metric.limits) if of_sums is not None else None
    whole = is_whole(declaration, forecasts, row)
    return replace(written(found, spread), flag=None if whole else "partial")


def _of_leads(
    declaration: Declaration,
    forecasts: Forecasts,
    table: Accumulated,
    row: ForecastRow,
    empty: Score,
) -> Score:
    """Score of the skill at all leads; one of fewer than the challenge has is partial."""
    metric = METRICS[row.metric]
    skills = lead_skills(table, row)
    if skills is None:
        return empty
    found: Horizon = metric.value_of(skills, row.options)
    if found.days is None or found.low is None or found.high is None:
        return replace(empty, flag=found.flag)
    whole = is_whole(declaration, forecasts, row)
    between = Interval(LEVEL, found.low, found.high)
    flag = found.flag if whole else "partial"
    return replace(empty, value=found.days, interval=between, flag=flag)


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
