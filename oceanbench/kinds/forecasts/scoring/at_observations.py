"""Sums of forecasts against observations: read at their places, on the day they belong to.

Which observations are scored is the challenge's to say: those inside a mask, on a valid day, whose
surrounding cells are wet and have a truth. They are the same for every submission; where one has no
value at them, the challenge's rule for holes decides, as it does on the grid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


class _Observing:
    """Adds forecasts at the places of observations to the sums."""

    def __init__(
        self, sums: FieldSums, forecasts: Forecasts, references: References, grid: Grid
    ) -> None:
        self.sums, self.forecasts, self.grid = sums, forecasts, grid
        self.references, self.declaration = references, sums.declaration
        self.kept: dict[tuple[Level, np.datetime64], tuple[Points, Cells, Stencil]] = {}

    def add(self, variable: str, sites: Sequence[Site], number: int, start: np.datetime64) -> None:
        """Add all leads of one variable and start, read a few at a time."""
        leads = self.forecasts.leads
        depths = tuple(sorted({d for s in sites for d in s.depths}, key=lambda d: d or 0.0))
        few = max(1, fields_at_once(self.forecasts, variable, start) // len(depths))
        wet = self._wet(start, depths)
        known = self._persistence(variable, start, depths)
        for first in range(0, len(leads), few):
            some = leads[first : first + few]
            block = self.forecasts.read(variable, start, some, depths)
            found: dict[Level, list[tuple[int, Fields]]] = {site.level: [] for site in sites}
            for lead, members in zip(some, block, strict=True):
                day = start + lead
                truth = np.where(wet, self.references.truth.read(variable, day, depths), np.nan)
                maps = known | self._climatology(variable, day, depths)
                for site in sites:
                    levels = [depths.index(d) for d in site.depths]
                    field = self._field(
                        site,
                        day,
                        members[levels],
                        truth[levels],
                        {name: of_it[levels] for name, of_it in maps.items()},
                    )
                    if field is not None:
                        found[site.level].append((first + some.index(lead), field))
            for level, fields in found.items():
                if fields:
                    leads_there = [lead for lead, _ in fields]
                    whole = Fields.padded([field for _, field in fields])
                    self.sums.add(level, number, leads_there, whole)

    def _field(
        self,
        site: Site,
        day: np.datetime64,
        members: AnyFloatArray,
        truth: AnyFloatArray,
        known: Mapping[str, AnyFloatArray],
    ) -> Fields | None:
        """Forecast, observations and references at the places of a day; None if there are none."""
        points, cells, stencil = self._places(site, day)
        if not points.value.size:
            return None
        level = (0.0 if site.mean is None else stencil.of(site.mean)) - site.datum

        def at(maps: AnyFloatArray) -> FloatArray:
            values = stencil.of(maps)
            depths = [d for d in site.depths if d is not None]
            if points.depth is None or not depths:
                return np.asarray(values[0] - level)
            return in_column(values, depths, points.depth) - level

        population = np.isfinite(at(truth))
        references = {name: at(maps)[None] for name, maps in known.items()}
        value = points.value[None]
        return Fields(cells, at(members)[:, None], value, population, references)

    def _places(self, site: Site, day: np.datetime64) -> tuple[Points, Cells, Stencil]:
        """Observations of a day, inside which masks they are, and between which nodes.

        Those of the days that the next start has leads of, too, are kept.
        """
        key = (site.level, day)
        if key not in self.kept:
            points, cells = self._inside(site.points(day))
            stencil = Stencil.around(self.grid, points.latitude, points.longitude)
            self.kept[key] = points, cells, stencil
            oldest = day - max(self.forecasts.leads)
            self.kept = {k: v for k, v in self.kept.items() if k[1] >= oldest}
        return self.kept[key]

    def _inside(self, points: Points) -> tuple[Points, Cells]:
        """Points inside any mask, each of which counts once, and inside which."""
        boxes = [
            np.logical_and(
                *inside_box(points.longitude, points.latitude, mask, self.declaration.scored)
            )
            for mask in masks_of(self.declaration).values()
        ]
        inside = np.stack(boxes)
        seen = np.asarray(inside.any(axis=0))
        inside = inside[:, seen]
        masks, numbers = tuple(self.declaration.masks), np.flatnonzero(seen)
        return points.where(seen), Cells(numbers, inside.T.astype(np.float64), inside, masks, None)

    def _wet(self, start: np.datetime64, depths: Depths) -> BoolArray:
        if self.references.wet is None:
            return np.ones((len(depths), *self.grid.shape), dtype=bool)
        return np.asarray(self.references.wet.read("mask", start, depths) > 0)

    def _persistence(
        self, variable: str, start: np.datetime64, depths: Depths
    ) -> dict[str, AnyFloatArray]:
        maps = self.references.persistence
        if maps is None or "persistence" not in self.sums.references(variable):
            return {}
        return {"persistence": maps.read(variable, start, depths)}

    def _climatology(
        self, variable: str, day: np.datetime64, depths: Depths
    ) -> dict[str, AnyFloatArray]:
        maps = self.references.climatology
        if maps is None or "climatology" not in self.sums.references(variable):
            return {}
        return {"climatology": maps.read(variable, day, depths)}
