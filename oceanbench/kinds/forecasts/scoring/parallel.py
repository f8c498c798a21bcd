"""Sums of all starts of a submission: one after the other, or by the workers of an executor."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from oceanbench.declaration import Declaration
from oceanbench.kinds.forecasts.forecast_rows import ForecastRow
from oceanbench.kinds.forecasts.grid import Grid
from oceanbench.kinds.forecasts.scoring.at_observations import observe
from oceanbench.kinds.forecasts.scoring.observation_sites import sites_of
from oceanbench.kinds.forecasts.scoring.on_grid import accumulate, check_coverage
from oceanbench.kinds.forecasts.scoring.references import References
from oceanbench.kinds.forecasts.scoring.sums import Accumulated, joined
from oceanbench.kinds.forecasts.submission import find_forecasts
from oceanbench.kinds.forecasts.submitted_fields import Forecasts
from oceanbench.kinds.kind import Submitted
from oceanbench.progress import progress

STARTS_AT_ONCE = 2  # of a task: opening the files costs less than they, and no worker waits long


def sums_by_start(
    declaration: Declaration,
    submitted: Submitted,
    forecasts: Forecasts,
    references: References,
    grid: Grid,
    rows: Sequence[ForecastRow],
    *,
    data_dir: Path | None = None,
    executor: Executor | None = None,
) -> Accumulated:
    """Sums of a submission on the grid and against observations.

    Starts have sums of their own, so that they may be computed anywhere; how, does not change them.

    Parameters
    ----------
    declaration, submitted, data_dir : as a kind scores them
    forecasts, references, grid : opened from them
    rows : scores that are wanted
    executor : whose workers open the files for themselves, at the same paths; None for none

    Raises
    ------
    OceanbenchError
        when a value is outside the valid range, or missing where the challenge refuses holes
    """
    if executor is None:
        table = _sums(declaration, forecasts, references, grid, rows, data_dir)
    else:
        starts = list(forecasts.places)
        groups = [starts[i : i + STARTS_AT_ONCE] for i in range(0, len(starts), STARTS_AT_ONCE)]
        work = partial(_sums_of, declaration, submitted, rows, data_dir)
        parts = executor.map(work, groups)
        bar = progress(groups, "scoring starts")
        table = joined([part for _, part in zip(bar, parts, strict=True)])
    check_coverage(declaration, table)
    return table


def _sums(
    declaration: Declaration,
    forecasts: Forecasts,
    references: References,
    grid: Grid,
    rows: Sequence[ForecastRow],
    data_dir: Path | None,
) -> Accumulated:
    sites = sites_of(declaration, grid, data_dir)
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
    return _sums(declaration, replace(forecasts, places=places), references, grid, rows, data_dir)
