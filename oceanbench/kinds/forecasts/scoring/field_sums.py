"""Sums of the fields of forecasts, some leads at a time, for every score that is of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from oceanbench.arrays import AnyFloatArray, BoolArray, FloatArray, IndexArray, IntArray
from oceanbench.data.plausibility import check_plausible, expected_of
from oceanbench.declaration import Declaration
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.forecasts.forecast_rows import ForecastRow
from oceanbench.kinds.forecasts.schedule import keys
from oceanbench.kinds.forecasts.scoring.cells import Cells
from oceanbench.kinds.forecasts.scoring.fields import AnomalyFields, Fields
from oceanbench.kinds.forecasts.scoring.sums import (
    COLUMNS,
    Accumulated,
    Against,
    Level,
    Reference,
    TermKey,
    levels_of,
    named,
    term_key,
)
from oceanbench.metrics import METRICS
from oceanbench.metrics.probabilistic.points import form_of_members

Rows = dict[tuple[TermKey, int | None], ForecastRow]
Where = tuple[int, IndexArray]  # a start and leads


class Population(NamedTuple):
    """Cells that are scored: how many there are, and their weight, through each mask."""

    chosen: BoolArray
    counts: IntArray
    weight: FloatArray


class FieldSums:
    """Adds fields to the sums of a result, for the scores of each variable, depth and dataset."""

    def __init__(
        self,
        declaration: Declaration,
        result: Accumulated,
        known: Collection[Reference],
        scores: Sequence[ForecastRow],
    ) -> None:
        """Scores that depart from references that are not known are left out."""
        self.declaration, self.result = declaration, result
        self._kept: dict[int, Population] = {}
        self.rows: dict[Level, dict[Reference, Rows]] = {}
        for row in scores:
            if row.relative_to not in known:
                continue
            metric = METRICS[row.metric]
            by_mask = metric.summed == "tables"  # whose masks are not read together
            mask = result.masks.index(str(row.mask)) if by_mask else None
            for level in levels_of(row):
                rows = self.rows.setdefault(level, {None: {}}).setdefault(row.relative_to, {})
                if metric.statistic is not None:
                    rows.setdefault((term_key(row), mask), row)

    def references(self, variable: str) -> set[Reference]:
        """What the scores of a variable depart from."""
        return {name for level, rows in self.rows.items() if level[0] == variable for name in rows}

    def prepare(self, level: Level) -> None:
        """Make room for the sums of a variable, and depth or observations."""
        shape = (self.result.starts.size, len(self.result.leads), len(self.result.masks))
        for reference, rows in self.rows.get(level, {}).items():
            self.result.tables[level, reference] = np.zeros((len(COLUMNS), *shape))
            for key, mask in rows:
                if mask is None:
                    self.result.terms[level, key] = np.zeros(shape)
        self.result.points[level] = np.zeros(len(self.result.masks), dtype=np.int64)
        self.result.holes[level] = np.zeros(len(self.result.masks), dtype=np.int64)

    def check_values(self, variable: str, block: AnyFloatArray) -> None:
        """Refuse values outside the valid range."""
        rules = self.declaration.submission.variables[variable]
        expected = expected_of(rules.units, rules.valid_range)
        check_plausible(block, variable, expected, self.declaration.name)

    def add(self, level: Level, start: int, leads: Sequence[int], fields: Fields) -> None:
        """Add the sums of fields of a start, by the numbers of their leads."""
        for some, cells in fields.parts():
            part = fields.at(some, cells)
            where = (start, np.asarray(leads[some]))
            if self._add(level, where, part, cells.start):
                self._refuse(level, where, fields.at(some))
        count = len(fields.members)
        for reference, rows in self.rows.get(level, {}).items():
            whole = self._taking(rows, count, pointwise=False)
            for some, _ in fields.parts(whole=True) if whole else ():
                part = fields.at(some)
                known = np.isfinite(part.members).all(axis=0) & np.isfinite(part.truth)
                anomalies = AnomalyFields.of(part, reference, part.wet & known)
                self._add_whole(level, (start, np.asarray(leads[some])), whole, anomalies)

    def _add(self, level: Level, where: Where, fields: Fields, first: int) -> bool:
        """Add the sums of every cell for itself; whether a value is missing that may not be.

        Parameters
        ----------
        level, where : of the fields
        fields : some cells of them
        first : number of the first cell
        """
        cells, members = fields.cells, fields.members
        error = (members[0] if len(members) == 1 else members.mean(axis=0)) - fields.truth
        valid = fields.wet & np.isfinite(error)
        of_valid = self._population(cells, valid, first)
        known = fields.wet & np.isfinite(fields.truth)
        of_known = self._population(cells, known, first)
        self.result.points[level] += of_known.counts.sum(axis=0)
        holes = (of_known.counts - of_valid.counts).sum(axis=0)
        self.result.holes[level] += holes
        if not valid.all():
            error[~valid] = 0.0
        of_errors = cells.sums(error), cells.sums(error * error)
        for reference, rows in self.rows.get(level, {}).items():
            taking = self._taking(rows, len(members), pointwise=True)
            anomalies = AnomalyFields.of(fields, reference, valid, members=bool(taking))
            scored, errors, population = anomalies.scored, of_errors, of_valid
            if scored is not valid and not np.array_equal(scored, valid):
                partial = np.where(scored, error, 0.0)
                errors = cells.sums(partial), cells.sums(partial * partial)
                population = self._population(cells, scored, first)
            truth = anomalies.truth
            truths = cells.sums(truth), cells.sums(truth * truth)
            columns = np.stack([population.counts, population.weight, *errors, *truths])
            self.result.tables[level, reference][(slice(None), *where)] += columns
            for (key, _), row in taking.items():
                self.result.terms[level, key][where] += anomalies.term(row)
        return bool(holes.any()) and self._refuses(level)

    def _add_whole(self, level: Level, where: Where, rows: Rows, anomalies: AnomalyFields) -> None:
        """Add what scores of whole maps sum beside the columns."""
        start, leads = where
        for (key, mask), row in rows.items():
            if mask is None:
                self.result.terms[level, key][where] = anomalies.term(row)
                continue
            for number, lead in enumerate(leads):
                one = anomalies.of_lead(number)
                self.result.cases[level, key, mask, start, int(lead)] = one.table(row, mask)

    def _taking(self, rows: Rows, count: int, *, pointwise: bool) -> Rows:
        """Scores that sum something of so many members: point by point, or of whole maps."""
        form = form_of_members(count)
        return {
            key: row
            for key, row in rows.items()
            if METRICS[row.metric].pointwise == pointwise
            and not METRICS[row.metric].flagged(form, count)
        }

    def _population(self, cells: Cells, chosen: BoolArray, first: int) -> Population:
        """Count cells of a grid once: which of them are scored seldom changes between leads."""
        kept = self._kept.get(first)
        if kept is not None and cells.grid is not None and np.array_equal(kept.chosen, chosen):
            return kept
        weight = cells.sums(chosen.astype(np.float64))
        found = Population(chosen, cells.counted(chosen), weight)
        if cells.grid is not None:
            self._kept[first] = found
        return found

    def _refuses(self, level: Level) -> bool:
        """Whether no value may be missing; the holes of derived ones are those of their inputs."""
        derived = keys(self.declaration).derived
        return self.declaration.submission.missing == "refuse" and level[0] not in derived

    def _refuse(self, level: Level, where: Where, fields: Fields) -> None:
        """Refuse missing values, and say how many there are in the first lead that has some."""
        known = fields.wet & np.isfinite(fields.truth)
        holes = known & ~np.isfinite(fields.members).all(axis=0)
        (worst, *_) = np.flatnonzero(holes.any(axis=-1))
        start, leads = where
        day, lead = self.result.starts[start], self.result.leads[int(leads[worst])]
        what = "observations" if isinstance(level[1], Against) else "cells"
        raise OceanbenchError(
            f"{self.declaration.name}: {int(holes[worst].sum())} of {int(known[worst].sum())} "
            f"{what} of {named(level)} have no value in the forecast of start {day}, lead "
            f"{lead}; "
            "fill them: a score cannot skip them"
        )
