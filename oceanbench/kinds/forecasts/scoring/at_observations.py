"""Sums of forecasts against observations: read at their places, on the day they belong to.

Which observations are scored is the challenge's to say: those inside a mask, on a valid day, whose
surrounding cells are wet and have a truth; where the truth itself is of points, a climatology. They
are the same for every submission; where one has no value at them, the challenge's rule for holes
decides, as it does on the grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from oceanbench.arrays import AnyFloatArray, BoolArray, FloatArray
from oceanbench.declaration import Declaration
from oceanbench.kinds.forecasts.forecast_rows import ForecastRow, masks_of
from oceanbench.kinds.forecasts.grid import Grid
from oceanbench.kinds.forecasts.interpolation import Stencil, in_column
from oceanbench.kinds.forecasts.observations.datasets import Points
from oceanbench.kinds.forecasts.scoring.cells import Cells
from oceanbench.kinds.forecasts.scoring.field_sums import FieldSums
from oceanbench.kinds.forecasts.scoring.fields import Fields
from oceanbench.kinds.forecasts.scoring.observation_sites import Depths, Site
from oceanbench.kinds.forecasts.scoring.on_grid import fields_at_once
from oceanbench.kinds.forecasts.scoring.references import References
from oceanbench.kinds.forecasts.scoring.sums import Accumulated, Level
from oceanbench.kinds.forecasts.submitted_fields import Forecasts
from oceanbench.progress import progress
from oceanbench.scoring.masks import inside_box


def observe(
    declaration: Declaration,
    forecasts: Forecasts,
    references: References,
    grid: Grid,
    sites: Sequence[Site],
    result: Accumulated,
    rows: Sequence[ForecastRow],
) -> None:
    """Add the sums of every score against observations to those on the grid.

    Parameters
    ----------
    declaration, forecasts, references, grid : as for
        :func:`oceanbench.kinds.forecasts.scoring.on_grid.accumulate`
    sites : from :func:`oceanbench.kinds.forecasts.scoring.observation_sites.sites_of`
    result : sums so far, which grow
    rows : scores that are wanted

    Raises
    ------
    OceanbenchError
        when a value is missing where the challenge refuses holes
    """
    there = [s for s in sites if set(s.depths) <= set(forecasts.depths.get(s.level[0], ()))]
    if not there:
        return
    sums = FieldSums(declaration, result, references.known, rows)
    for site in there:
        sums.prepare(site.level)
    observing = _Observing(sums, forecasts, references, grid)
    for number, start in enumerate(progress(list(result.starts), "against observations")):
        for variable in forecasts.depths:
            here = [site for site in there if site.level[0] == variable]
            if here:
                observing.add(variable, here, number, start)


class _Placed(NamedTuple):
    """Observations of a day, and what the challenge has at their places."""

    points: Points
    cells: Cells
    stencil: Stencil
    population: BoolArray
    climatology: Mapping[str, AnyFloatArray]


class _Observing:
    """Adds forecasts at the places of observations to the sums."""

    def __init__(
        self, sums: FieldSums, forecasts: Forecasts, references: References, grid: Grid
    ) -> None:
        self.sums, self.forecasts, self.grid = sums, forecasts, grid
        self.references, self.declaration = references, sums.declaration
        self.kept: dict[str, dict[np.datetime64, dict[Level, _Placed]]] = {}

    def add(self, variable: str, sites: Sequence[Site], number: int, start: np.datetime64) -> None:
        """Add all leads of one variable and start, read a few at a time."""
        leads = self.forecasts.leads
        depths = tuple(sorted({d for s in sites for d in s.depths}, key=lambda d: d or 0.0))
        few = max(1, fields_at_once(self.forecasts, variable, start) // len(depths))
        needed = self.sums.references(variable) - {"climatology"}  # which is kept by day
        for first in range(0, len(leads), few):
            some = leads[first : first + few]
            placed = self._placed(variable, sites, [start + lead for lead in some], depths)
            block = self.forecasts.read(variable, start, some, depths)
            known = self.references.of_leads(needed, variable, start, some, depths)
            for site in sites:
                levels = [depths.index(d) for d in site.depths]
                found = [
                    (
                        first + n,
                        _field(
                            site,
                            place,
                            block[n, levels],
                            {name: maps[n] for name, maps in known.items()},
                            levels,
                        ),
                    )
                    for n, place in enumerate(p[site.level] for p in placed)
                    if place.points.value.size
                ]
                if found:
                    whole = Fields.padded([field for _, field in found])
                    self.sums.add(site.level, number, [lead for lead, _ in found], whole)

    def _placed(
        self,
        variable: str,
        sites: Sequence[Site],
        days: Sequence[np.datetime64],
        depths: Depths,
    ) -> list[dict[Level, _Placed]]:
        """Observations of some days at each site, with what the challenge has there.

        Those of the days that the next start has leads of, too, are kept.
        """
        kept = self.kept.setdefault(variable, {})
        oldest = days[0] - max(self.forecasts.leads)
        for day in [day for day in kept if day < oldest]:
            del kept[day]
        new = [day for day in days if day not in kept]
        if new:
            wet = self._wet(new[0], depths)
            known = self.references.sea(variable, new, depths)
            shape = (len(new), *wet.shape)
            sea = np.where(wet, np.zeros(shape) if known is None else known, np.nan)
            maps = self._climatology(variable, new, depths)
            kept.update({day: {} for day in new})
            for site in sites:
                levels = [depths.index(d) for d in site.depths]
                for n, (points, cells, stencil) in enumerate(self._places(site, new)):
                    population = np.isfinite(_at(site, points, stencil, sea[n, levels]))
                    usual = {
                        name: _at(site, points, stencil, of_it[n, levels])
                        for name, of_it in maps.items()
                    }
                    placed = _Placed(points, cells, stencil, population, usual)
                    kept[new[n]][site.level] = placed
        return [kept[day] for day in days]

    def _places(
        self, site: Site, days: Sequence[np.datetime64]
    ) -> Iterator[tuple[Points, Cells, Stencil]]:
        """Points of each day inside any mask, inside which they are, and between which nodes."""
        of_days = site.points(days)
        points = Points.joined(of_days)
        boxes = [
            np.logical_and(
                *inside_box(points.longitude, points.latitude, mask, self.declaration.scored)
            )
            for mask in masks_of(self.declaration).values()
        ]
        inside = np.stack(boxes)
        stencil = Stencil.around(self.grid, points.latitude, points.longitude)
        ends = np.cumsum([p.value.size for p in of_days])
        for end, of_day in zip(ends.tolist(), of_days, strict=True):
            mine = slice(end - of_day.value.size, end)
            seen = np.asarray(inside[:, mine].any(axis=0))
            own, numbers = inside[:, mine][:, seen], np.flatnonzero(seen)
            masks = tuple(self.declaration.masks)
            cells = Cells(numbers, own.T.astype(np.float64), own, masks, None)
            yield of_day.where(seen), cells, stencil.of_points(mine, seen)

    def _wet(self, start: np.datetime64, depths: Depths) -> BoolArray:
        if self.references.wet is None:
            return np.ones((len(depths), *self.grid.shape), dtype=bool)
        return np.asarray(self.references.wet.read("mask", start, depths) > 0)

    def _climatology(
        self, variable: str, days: Sequence[np.datetime64], depths: Depths
    ) -> dict[str, AnyFloatArray]:
        maps = self.references.climatology
        if maps is None or "climatology" not in self.sums.references(variable):
            return {}
        return {"climatology": maps.read_days(variable, days, depths)}


def _field(
    site: Site,
    place: _Placed,
    members: AnyFloatArray,
    known: Mapping[str, AnyFloatArray],
    levels: Sequence[int],
) -> Fields:
    """Forecast, observations and references at the places of a day."""
    points, cells, stencil, population, usual = place
    estimate = _at(site, points, stencil, members)[:, None]
    maps = {n: _at(site, points, stencil, of_it[levels]) for n, of_it in known.items()}
    references = {name: values[None] for name, values in {**maps, **usual}.items()}
    return Fields(cells, estimate, points.value[None], population, references)


def _at(site: Site, points: Points, stencil: Stencil, maps: AnyFloatArray) -> FloatArray:
    """Values (..., point) of maps (depth, ..., latitude, longitude) where observations are."""
    level = (0.0 if site.mean is None else stencil.of(site.mean)) - site.datum
    values = stencil.of(maps)
    depths = [d for d in site.depths if d is not None]
    if points.depth is None or not depths:
        return np.asarray(values[0] - level)
    return in_column(values, depths, points.depth) - level
