"""What a challenge scores forecasts against beside maps: its observations, opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oceanbench.arrays import FloatArray
from oceanbench.data.plausibility import expected_of
from oceanbench.declaration import Dataset, Declaration
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.expected import expected
from oceanbench.kinds.forecasts.daily_maps import open_maps
from oceanbench.kinds.forecasts.forecast_rows import scores_of
from oceanbench.kinds.forecasts.grid import Grid
from oceanbench.kinds.forecasts.interpolation import bracketing
from oceanbench.kinds.forecasts.observations.datasets import Observed, Points, open_observed
from oceanbench.kinds.forecasts.schedule import (
    SURFACE,
    columns_of,
    observed_in,
    schedule_of,
    unit_of,
)
from oceanbench.kinds.forecasts.scoring.sums import Against, Level, levels_of

Bin = tuple[float, float]
Depths = tuple[float | None, ...]


@dataclass(frozen=True)
class Site:
    """Observations of a variable in one depth bin, and what forecasts need to be like them.

    Attributes
    ----------
    level : where their sums stand
    observed : by day
    depth_bin : None where all are scored together
    depths : levels of the forecasts that their depths lie between
    mean : map of the mean dynamic topography, taken from the forecast; None for none
    datum : metres, added to it
    """

    level: Level
    observed: Observed
    depth_bin: Bin | None
    depths: Depths
    mean: FloatArray | None
    datum: float

    def points(self, days: Sequence[np.datetime64]) -> list[Points]:
        """Observations that belong to each of some days."""
        return [self._in_bin(found) for found in self.observed.read_days(self.level[0], days)]

    def _in_bin(self, found: Points) -> Points:
        if self.depth_bin is None:
            return found
        assert found.depth is not None  # sites_of refuses bins without depths
        top, bottom = self.depth_bin
        return found.where((found.depth >= top) & (found.depth < bottom))


def sites_of(declaration: Declaration, grid: Grid, data_dir: Path | None = None) -> list[Site]:
    """Observations that some score of a challenge is against, at each place of their sums.

    Raises
    ------
    OceanbenchError
        when their files are refused, or hold no observation of a valid day
    """
    scored = {level for row in scores_of(declaration) for level in levels_of(row)}
    sites = []
    for name, dataset in observed_in(declaration).items():
        levels = [
            (variable, Against(name, depth_bin))
            for variable in dataset.variables
            for depth_bin in dataset.depth_bins or (None,)
        ]
        if not scored & set(levels):
            continue
        observed = _open(declaration, name, dataset, data_dir)
        mean = None if dataset.mdt is None else _mean(declaration, dataset, grid, data_dir)
        for variable, against in levels:
            depths = _levels(declaration, observed, dataset, variable, against.depth_bin)
            level = (variable, against)
            datum = dataset.datum or 0.0
            sites.append(Site(level, observed, against.depth_bin, depths, mean, datum))
    return sites


def _open(declaration: Declaration, name: str, dataset: Dataset, data_dir: Path | None) -> Observed:
    observed = open_observed(
        name,
        declaration.files(name, data_dir),
        dataset.variables,
        {
            variable: known if known.units else expected_of(unit_of(declaration, variable), None)
            for variable, known in expected(declaration, dataset).items()
        },
        hours=dataset.hours,
        depth=dataset.depth,
        above_geoid=dataset.mdt is not None or dataset.datum is not None,
    )
    days = observed.days
    valid = np.add.outer(schedule_of(declaration).starts, schedule_of(declaration).leads)
    if not np.isin(valid.astype(np.int64), days).any():
        found = np.array(days[:1] + days[-1:]).astype("datetime64[D]") if days else "no day"
        raise OceanbenchError(
            f"{declaration.name}: dataset '{name}' has no observation of a valid day: it has "
            f"{found}, and forecasts are of {valid.min()} to {valid.max()}; give the files of "
            "those days"
        )
    return observed


def _mean(
    declaration: Declaration, dataset: Dataset, grid: Grid, data_dir: Path | None
) -> FloatArray:
    """Map of the mean dynamic topography, on the nodes that are scored."""
    name, (variable,) = str(dataset.mdt), dataset.variables
    wanted = {"mdt": expected_of(unit_of(declaration, variable), None)}
    expressions = declaration.datasets[name].variables
    maps, _ = open_maps(name, declaration.files(name, data_dir), expressions, wanted, grid=grid)
    if maps.cycle != "always":
        raise OceanbenchError(f"dataset '{name}': has times, expected one mean map; average it")
    mean = maps.read("mdt", schedule_of(declaration).starts[0], SURFACE)[0]
    return np.asarray(mean, dtype=np.float64)


def _levels(
    declaration: Declaration,
    observed: Observed,
    dataset: Dataset,
    variable: str,
    depth_bin: Bin | None,
) -> Depths:
    """Levels of the forecasts of a variable that observations can lie between."""
    column = columns_of(declaration)[variable]
    where = f"{declaration.name}: dataset '{observed.name}'"
    if observed.has_depths != (depth_bin is not None):
        found = "has depths" if observed.has_depths else "has no depth"
        cure = "add depth_bins, such as [[0, 5]]" if observed.has_depths else "remove depth_bins"
        raise OceanbenchError(f"{where}: {found}; {cure}")
    if column == SURFACE:
        return SURFACE
    levels = [depth for depth in column if depth is not None]
    if depth_bin is not None:
        return bracketing(levels, *depth_bin)
    if dataset.depth is None:
        return (levels[0],)
    if not levels[0] <= dataset.depth <= levels[-1]:
        raise OceanbenchError(
            f"{where}: its depth, {dataset.depth:g} m, is not between those of the forecasts, "
            f"{levels[0]:g} and {levels[-1]:g} m: nothing is extrapolated; remove it"
        )
    return bracketing(levels, dataset.depth, dataset.depth)
