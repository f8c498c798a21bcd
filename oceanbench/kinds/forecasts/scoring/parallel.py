"""Sums of all starts of a submission: one after the other, or by the workers of an executor."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from oceanbench.declaration import Declaration
from oceanbench.kinds.forecasts.forecast_rows import ForecastRow
from oceanbench.kinds.forecasts.grid import Grid
from oceanbench.kinds.forecasts.schedule import schedule_of
from oceanbench.kinds.forecasts.scoring.at_observations import observe
from oceanbench.kinds.forecasts.scoring.kept_sums import KeptSums, of_references_alone
from oceanbench.kinds.forecasts.scoring.observation_sites import Site, sites_of
from oceanbench.kinds.forecasts.scoring.on_grid import accumulate, check_coverage
from oceanbench.kinds.forecasts.scoring.references import References
from oceanbench.kinds.forecasts.scoring.sums import Accumulated, joined
from oceanbench.kinds.forecasts.submission import find_forecasts
from oceanbench.kinds.forecasts.submitted_fields import Forecasts
from oceanbench.kinds.kind import Resources, Submitted
from oceanbench.scoring.sharing import SharedWork

STARTS_AT_ONCE = 2  # of a task at least: opening the files costs less than they
TASKS = 8  # at least, of many starts: no worker waits long for another
LARGE = 2**25  # values of a task: then it has no more starts


def sums_by_start(
    declaration: Declaration,
    submitted: Submitted,
    forecasts: Forecasts,
    references: References,
    grid: Grid,
    rows: Sequence[ForecastRow],
    *,
    data_dir: Path | None = None,
    resources: Resources,
) -> Accumulated:
    """Sums of a submission on the grid and against observations.

    Starts have sums of their own, so that they may be computed anywhere; how, does not change them.
    Sums of a reference that were kept are taken in place of new ones where the submission has every
    value, and one start that is drawn has the same sums again.

    Parameters
    ----------
    declaration, submitted, data_dir : as a kind scores them
    forecasts, references, grid : opened from them
    rows : scores that are wanted
    resources : workers, and the folder of what is kept

    Raises
    ------
    OceanbenchError
        when a value is outside the valid range, or missing where the challenge refuses holes
    """

    @cache
    def sites() -> list[Site]:
        return sites_of(declaration, grid, data_dir)

    def summed(rows: Sequence[ForecastRow], starts: Sequence[np.datetime64] = ()) -> Accumulated:
        if starts:
            part = replace(forecasts, places={start: forecasts.places[start] for start in starts})
            return _sums(declaration, part, references, grid, sites(), rows)
        if resources.executor is None:
            return _sums(declaration, forecasts, references, grid, sites(), rows)
        every = list(forecasts.places)
        few = _at_once(forecasts)
        groups = [every[i : i + few] for i in range(0, len(every), few)]
        work = partial(_sums_of, declaration, submitted, rows, data_dir)
        return joined(list(SharedWork(work, groups, resources.executor, "scoring starts")))

    table = None
    alone = of_references_alone(rows, references.known)
    kept = KeptSums.of(declaration, data_dir, resources.kept) if resources.kept and alone else None
    if kept is not None and kept.tables:
        labels = {row.label for row in alone}
        table = summed([row for row in rows if row.label not in labels])
        drawn = summed(alone, [secrets.choice(list(forecasts.places))])
        if not (kept.agree_with(drawn) and kept.complete(table, alone)):
            table = None
    if table is None:
        table = summed(rows)
        if kept is not None:
            kept.keep(table, schedule_of(declaration))
    check_coverage(declaration, table)
    return table


def _at_once(forecasts: Forecasts) -> int:
    """How many starts a task has."""
    start = next(iter(forecasts.places))
    sizes = [forecasts.size(name, start) * len(d) for name, d in forecasts.depths.items()]
    wanted = LARGE // max(1, len(forecasts.leads) * sum(sizes))
    return max(STARTS_AT_ONCE, min(wanted, len(forecasts.places) // TASKS))


def _sums(
    declaration: Declaration,
    forecasts: Forecasts,
    references: References,
    grid: Grid,
    sites: Sequence[Site],
    rows: Sequence[ForecastRow],
) -> Accumulated:
    table = accumulate(declaration, forecasts, references, grid, rows)
    observe(declaration, forecasts, references, grid, sites, table, rows)
    return table


def _sums_of(
    declaration: Declaration,
    submitted: Submitted,
    rows: Sequence[ForecastRow],
    data_dir: Path | None,
    starts: Sequence[np.datetime64],
) -> Accumulated:
    """Sums of some starts, from files: what a worker does."""
    references, grid = References.open(declaration, data_dir)
    forecasts = find_forecasts(declaration, submitted, grid, at_once=False)
    places = {start: forecasts.places[start] for start in starts}
    sites = sites_of(declaration, grid, data_dir)
    return _sums(declaration, replace(forecasts, places=places), references, grid, sites, rows)
