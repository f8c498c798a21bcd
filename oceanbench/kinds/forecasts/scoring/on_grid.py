"""Sums of forecasts, read a few leads at a time: memory does not grow with their number.

A cell is scored where it is wet in the mask and has a truth; where the estimate is missing there,
the challenge's rule for holes decides. Everything else that a score reads is a weighted sum over
the cells of one start, lead, variable and depth: of values, and of anomalies from a reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from oceanbench.arrays import AnyFloatArray
from oceanbench.declaration import Declaration
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.forecasts.daily_maps import Maps
from oceanbench.kinds.forecasts.forecast_rows import ForecastRow
from oceanbench.kinds.forecasts.grid import Grid
from oceanbench.kinds.forecasts.scoring.cells import Cells, cells_of
from oceanbench.kinds.forecasts.scoring.field_sums import FieldSums
from oceanbench.kinds.forecasts.scoring.fields import Fields
from oceanbench.kinds.forecasts.scoring.references import References
from oceanbench.kinds.forecasts.scoring.sums import Accumulated, dataset_of, named
from oceanbench.kinds.forecasts.submitted_fields import Forecasts
from oceanbench.progress import progress

VALUES_AT_ONCE = 2**24  # of a submission: bounds the memory, not the result


def accumulate(
    declaration: Declaration,
    forecasts: Forecasts,
    references: References,
    grid: Grid,
    rows: Sequence[ForecastRow],
) -> Accumulated:
    """Sums of a submission of forecasts; without rows of scores, counts of what can be scored.

    Parameters
    ----------
    declaration : rules, masks and scores
    forecasts : from :func:`oceanbench.kinds.forecasts.submission.find_forecasts`
    references, grid : from :meth:`References.open`
    rows : scores that are wanted

    Raises
    ------
    OceanbenchError
        when a value is outside the valid range, or missing where the challenge refuses holes
    """
    cells = cells_of(declaration, grid)
    starts, on_grid = np.array(list(forecasts.places)), references.truth is not None
    result = Accumulated(starts, forecasts.leads, cells.masks)
    sums = FieldSums(declaration, result, references.known, rows)
    for variable, depths in forecasts.depths.items():
        for depth in depths if on_grid else ():
            sums.prepare((variable, depth))
    for number, start in enumerate(progress(list(starts), "scoring starts")):
        for variable, depths in forecasts.depths.items():
            _add_variable(sums, cells, forecasts, references, variable, depths, number, start)
    return result


def _add_variable(
    sums: FieldSums,
    cells: Cells,
    forecasts: Forecasts,
    references: References,
    variable: str,
    depths: Sequence[float | None],
    number: int,
    start: np.datetime64,
) -> None:
    """Add all leads and depths of one variable and start."""
    needed = sums.references(variable)
    for few_leads, few_depths in _blocks(forecasts, variable, start, depths):
        block = forecasts.read(variable, start, few_leads, few_depths)
        if not forecasts.is_derived(variable):  # of which the inputs are checked
            sums.check_values(variable, block)
        sums.result.members[variable] = block.shape[2]
        if references.truth is None:  # of points, and scored there
            continue
        wet = [
            np.ones(cells.places.size, dtype=bool)
            if references.wet is None
            else cells.of(references.wet.read("mask", start, [depth])[0]) > 0
            for depth in few_depths
        ]
        days = [start + lead for lead in few_leads]
        truth = _of_days(references.truth, variable, days, few_depths)
        few = tuple(few_depths)
        maps_of_leads = references.of_leads(needed, variable, start, few_leads, few)
        known = {name: _flat(maps).swapaxes(0, 1) for name, maps in maps_of_leads.items()}
        places = [forecasts.leads.index(lead) for lead in few_leads]
        nodes = None if cells.places.size == truth.shape[-1] else cells.places
        for level, depth in enumerate(few_depths):
            members = _flat(block[:, level]).swapaxes(0, 1)
            maps = {name: values[level] for name, values in known.items()}
            fields = Fields(cells, members, truth[level], wet[level], maps, nodes)
            sums.add((variable, depth), number, places, fields)


def _of_days(
    maps: Maps,
    variable: str,
    days: Sequence[np.datetime64],
    depths: Sequence[float | None],
) -> AnyFloatArray:
    """Values (depth, day, node) of maps."""
    return _flat(maps.read_days(variable, days, depths)).swapaxes(0, 1)


def _flat(maps: AnyFloatArray) -> AnyFloatArray:
    """Maps (..., latitude, longitude) as (..., node)."""
    return maps.reshape(*maps.shape[:-2], -1)


def _blocks(
    forecasts: Forecasts, variable: str, start: np.datetime64, depths: Sequence[float | None]
) -> Iterator[tuple[Sequence[int], Sequence[float | None]]]:
    """Leads and depths that are read at once: as many as the memory is to hold."""
    many = fields_at_once(forecasts, variable, start)
    deep, long = min(many, len(depths)), max(1, many // len(depths))
    for i in range(0, len(depths), deep):
        for j in range(0, len(forecasts.leads), long):
            yield forecasts.leads[j : j + long], depths[i : i + deep]


def fields_at_once(forecasts: Forecasts, variable: str, start: np.datetime64) -> int:
    """How many fields, with all their members, the memory is to hold."""
    return max(1, VALUES_AT_ONCE // forecasts.size(variable, start))


def check_coverage(declaration: Declaration, result: Accumulated) -> None:
    """Refuse a submission that lacks too much, and a challenge with nothing to score."""
    least = declaration.submission.min_coverage
    for level, points in result.points.items():
        dataset = dataset_of(level)
        for mask, count, holes in zip(result.masks, points, result.holes[level], strict=True):
            if count == 0 and dataset in (None, declaration.truth_name):
                found = "observation of" if dataset else "wet cell of"
                raise OceanbenchError(
                    f"{declaration.name}: no {found} {named(level)} inside mask '{mask}' has a "
                    "truth; check the mask, the truth and the depths of challenge.yaml"
                )
            if count - holes < least * count:
                raise OceanbenchError(
                    f"{declaration.name}: only {count - holes} of {count} values of {named(level)} "
                    f"inside mask '{mask}' are in the submission, expected at least {least:.0%}; "
                    "forecast the rest: leaving out what is hard would raise the score"
                )
