"""Sums of the fields of forecasts, some leads at a time, for every score that is of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from oceanbench.arrays import AnyFloatArray, BoolArray, FloatArray, IndexArray
from oceanbench.data.plausibility import check_plausible, expected_of
from oceanbench.declaration import Declaration
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.forecasts.forecast_rows import ForecastRow
from oceanbench.kinds.forecasts.schedule import keys
from oceanbench.kinds.forecasts.scoring.cells import Cells
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


AT_ONCE = 2**20  # values of an estimate that are summed together: bounds the memory


class Fields(NamedTuple):
    """Fields of some leads at cells, of a grid or observed.

    Attributes
    ----------
    cells : of a grid, those of all leads; else as many a lead, some of which have no weight
    members : (member, lead, cell)
    truth : (lead, cell)
    wet : (lead, cell), or (cell,) of all leads
    references : what scores depart from, (lead, cell) each
    """

    cells: Cells
    members: FloatArray
    truth: FloatArray
    wet: BoolArray
    references: Mapping[str, FloatArray]

    @classmethod
    def padded(cls, fields: Sequence[Fields]) -> Fields:
        """Fields of one lead each as those of all: where one has fewer cells, some weigh nothing.

        Parameters
        ----------
        fields : of the same members, references and masks, of cells that lie on no grid
        """
        most = max(field.truth.shape[-1] for field in fields)

        def whole(arrays: Sequence[Any], axis: int, lead: int) -> Any:
            shape = [most if i == axis else n for i, n in enumerate(arrays[0].shape)]
            shape.insert(lead, len(arrays))
            found = np.zeros(shape, arrays[0].dtype)
            for one, array in zip(np.moveaxis(found, lead, 0), arrays, strict=True):
                one[tuple(map(slice, array.shape))] = array
            return found

        first = fields[0].cells
        cells = first._replace(
            places=np.arange(most),
            weights=whole([f.cells.weights for f in fields], 0, 0),
            inside=whole([f.cells.inside for f in fields], 1, 0),
        )
        names = fields[0].references
        return cls(
            cells,
            whole([f.members[:, 0] for f in fields], 1, 1),
            whole([f.truth[0] for f in fields], 0, 0),
            whole([f.wet for f in fields], 0, 0),
            {name: whole([f.references[name][0] for f in fields], 0, 0) for name in names},
        )


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
        few = max(1, AT_ONCE // max(fields.members[:, 0].size, 1))
        for first in range(0, len(leads), few):
            some = slice(first, first + few)
            self._add(level, start, leads[some], _some(fields, some))

    def _add(self, level: Level, start: int, leads: Sequence[int], fields: Fields) -> None:
        known = fields.wet & np.isfinite(fields.truth)
        there = np.isfinite(fields.members).all(axis=0)
        self._count(level, start, leads, fields.cells, known, known & ~there)
        valid = known & there
        mean = fields.members.mean(axis=0)
        where = (start, np.asarray(leads))
        for reference, rows in self.rows.get(level, {}).items():
            from_what = fields.references[reference] if reference is not None else None
            scored = valid if from_what is None else valid & np.isfinite(from_what)
            base = 0.0 if from_what is None else from_what
            error = np.where(scored, mean - fields.truth, 0.0)
            truth = np.where(scored, fields.truth - base, 0.0)
            columns = np.stack([scored, error, error * error, truth, truth * truth])
            table = self.result.tables[level, reference]
            table[(slice(1, None), *where)] = fields.cells.sums(columns)
            table[(0, *where)] = fields.cells.counted(scored)
            self._add_rows(level, where, rows, scored, fields, base)

    def _add_rows(
        self,
        level: Level,
        where: tuple[int, IndexArray],
        rows: Rows,
        scored: BoolArray,
        fields: Fields,
        base: FloatArray | float,
    ) -> None:
        """Add what scores of distributions, of anomalies and of spectra sum beside the columns."""
        count = len(fields.members)
        form = form_of_members(count)
        taking = {k: row for k, row in rows.items() if not METRICS[row.metric].flagged(form, count)}
        if not taking:
            return
        anomalies = _Anomalies(
            fields.cells,
            np.where(scored, fields.members - base, 0.0),
            np.where(scored, fields.truth - base, 0.0),
            scored,
        )
        start, leads = where
        for (key, mask), row in taking.items():
            if mask is None:
                self.result.terms[level, key][where] = anomalies.term(row)
                continue
            for number, lead in enumerate(leads):
                one = anomalies.of_lead(number)
                self.result.cases[level, key, mask, start, int(lead)] = one.table(row, mask)

    def _count(
        self,
        level: Level,
        start: int,
        leads: Sequence[int],
        cells: Cells,
        known: BoolArray,
        holes: BoolArray,
    ) -> None:
        """Count what is to be scored and what of it is missing, through each mask."""
        self.result.points[level] += cells.counted(known).sum(axis=0)
        if not holes.any():
            return
        self.result.holes[level] += cells.counted(holes).sum(axis=0)
        if level[0] in keys(self.declaration).derived:  # the holes of its inputs are what is judged
            return
        if self.declaration.submission.missing == "refuse":
            (worst, *_) = np.flatnonzero(holes.any(axis=-1))
            day, lead = self.result.starts[start], self.result.leads[leads[int(worst)]]
            what = "observations" if isinstance(level[1], Against) else "cells"
            raise OceanbenchError(
                f"{self.declaration.name}: {int(holes[worst].sum())} of {int(known[worst].sum())} "
                f"{what} of {named(level)} have no value in the forecast of start {day}, lead "
                f"{lead}; "
                "fill them: a score cannot skip them"
            )


def _some(fields: Fields, leads: slice) -> Fields:
    """Fields of some leads."""
    return Fields(
        fields.cells.of_leads(leads),
        fields.members[:, leads],
        fields.truth[leads],
        fields.wet if fields.wet.ndim == 1 else fields.wet[leads],
        {name: values[leads] for name, values in fields.references.items()},
    )


class _Anomalies(NamedTuple):
    """Fields of which a score is: anomalies at the cells, zero where they are not scored."""

    cells: Cells
    members: FloatArray
    truth: FloatArray
    scored: BoolArray

    def of_lead(self, number: int) -> _Anomalies:
        """One of them."""
        one = slice(number, number + 1)
        cells = self.cells.of_leads(one)
        return _Anomalies(cells, self.members[:, one], self.truth[one], self.scored[one])

    def term(self, row: ForecastRow) -> FloatArray:
        """Sum of the term of a score through each mask, (lead, mask)."""
        metric = METRICS[row.metric]
        if metric.pointwise:  # then the other cells change nothing
            return self.cells.sums(self._term(row, self.scored.astype(np.float64)))
        through = [self._weights(mask) for mask in range(len(self.cells.masks))]
        return np.stack([(self._term(row, w) * w).sum(axis=-1) for w in through], axis=-1)

    def table(self, row: ForecastRow, mask: int) -> FloatArray:
        """Table of a score of one lead through one mask."""
        table: FloatArray = self._statistic(row, self._weights(mask))
        return table

    def _weights(self, mask: int) -> FloatArray:
        weights: FloatArray = self.cells.weights[..., mask] * self.scored
        return weights

    def _term(self, row: ForecastRow, weights: FloatArray) -> FloatArray:
        values = self._statistic(row, weights).transpose("time", ...).values
        found = self.cells.of(values) if METRICS[row.metric].needs == "grid" else values
        return np.where(weights > 0, found, 0.0)

    def _statistic(self, row: ForecastRow, weights: FloatArray) -> Any:
        return METRICS[row.metric].statistic_of(*self._arrays(row, weights), row.options)

    def _arrays(
        self, row: ForecastRow, weights: FloatArray
    ) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
        """Estimate, truth and weights of all leads, as maps for scores of maps or at the cells."""
        metric, members = METRICS[row.metric], self.members
        if not metric.probabilistic:
            members = members.mean(axis=0, keepdims=True)
        on = self.cells.maps if metric.needs == "grid" else self.cells.points
        estimate, truth, share = on(members), on(self.truth), on(weights)
        return (estimate if len(members) > 1 else estimate.isel(member=0)), truth, share
