"""Sums of one field of forecasts after the other, for every score that is of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from oceanbench.arrays import AnyFloatArray, BoolArray, FloatArray
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


class Field(NamedTuple):
    """One field at cells, of a grid or observed: members (member, cell), the others (cell)."""

    cells: Cells
    members: FloatArray
    truth: FloatArray
    wet: BoolArray
    references: Mapping[str, FloatArray]


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

    def add(self, level: Level, place: tuple[int, int], field: Field) -> None:
        """Add the sums of one field."""
        known = field.wet & np.isfinite(field.truth)
        there = np.isfinite(field.members).all(axis=0)
        self._count(level, place, field.cells, known, known & ~there)
        valid = known & there
        mean = field.members.mean(axis=0)
        for reference, rows in self.rows.get(level, {}).items():
            from_what = field.references[reference] if reference is not None else None
            scored = valid if from_what is None else valid & np.isfinite(from_what)
            base = 0.0 if from_what is None else from_what
            error = np.where(scored, mean - field.truth, 0.0)
            truth = np.where(scored, field.truth - base, 0.0)
            columns = np.stack([scored, error, error * error, truth, truth * truth])
            table = self.result.tables[level, reference]
            table[1:, *place] = columns @ field.cells.weights
            table[0, *place] = (field.cells.inside & scored).sum(axis=1)
            self._add_rows(level, place, rows, scored, field, base)

    def _add_rows(
        self,
        level: Level,
        place: tuple[int, int],
        rows: Rows,
        scored: BoolArray,
        field: Field,
        base: FloatArray | float,
    ) -> None:
        """Add what scores of distributions, of anomalies and of spectra sum beside the columns."""
        count = len(field.members)
        form = form_of_members(count)
        taking = {k: row for k, row in rows.items() if not METRICS[row.metric].flagged(form, count)}
        if not taking:
            return
        anomalies = _Anomalies(
            field.cells,
            np.where(scored, field.members - base, 0.0),
            np.where(scored, field.truth - base, 0.0),
            scored,
        )
        for (key, mask), row in taking.items():
            if mask is None:
                self.result.terms[level, key][place] = anomalies.term(row)
            else:
                self.result.cases[level, key, mask, *place] = anomalies.table(row, mask)

    def _count(
        self,
        level: Level,
        place: tuple[int, int],
        cells: Cells,
        known: BoolArray,
        holes: BoolArray,
    ) -> None:
        """Count what is to be scored and what of it is missing, through each mask."""
        self.result.points[level] += (cells.inside & known).sum(axis=1)
        if not holes.any():
            return
        self.result.holes[level] += (cells.inside & holes).sum(axis=1)
        if level[0] in keys(self.declaration).derived:  # the holes of its inputs are what is judged
            return
        if self.declaration.submission.missing == "refuse":
            start, lead = self.result.starts[place[0]], self.result.leads[place[1]]
            what = "observations" if isinstance(level[1], Against) else "cells"
            raise OceanbenchError(
                f"{self.declaration.name}: {int(holes.sum())} of {int(known.sum())} {what} of "
                f"{named(level)} have no value in the forecast of start {start}, lead {lead}; "
                "fill them: a score cannot skip them"
            )


class _Anomalies(NamedTuple):
    """One field of which a score is: anomalies at the cells, zero where they are not scored."""

    cells: Cells
    members: FloatArray
    truth: FloatArray
    scored: BoolArray

    def term(self, row: ForecastRow) -> FloatArray:
        """Sum of the term of a score through each mask."""
        metric = METRICS[row.metric]
        if metric.pointwise:  # then the other cells change nothing
            return self._term(row, self.scored.astype(np.float64)) @ self.cells.weights
        through = [self._weights(mask) for mask in range(len(self.cells.masks))]
        return np.array([self._term(row, w) @ w for w in through])

    def table(self, row: ForecastRow, mask: int) -> FloatArray:
        """Table of a score through one mask."""
        table: FloatArray = self._statistic(row, self._weights(mask))
        return table

    def _weights(self, mask: int) -> FloatArray:
        weights: FloatArray = self.cells.weights[:, mask] * self.scored
        return weights

    def _term(self, row: ForecastRow, weights: FloatArray) -> FloatArray:
        values = self._statistic(row, weights).transpose("time", ...).values
        on_grid = METRICS[row.metric].needs == "grid"
        found: FloatArray = (self.cells.of(values) if on_grid else values)[0]
        return np.where(weights > 0, found, 0.0)

    def _statistic(self, row: ForecastRow, weights: FloatArray) -> Any:
        return METRICS[row.metric].statistic_of(*self._arrays(row, weights), row.options)

    def _arrays(
        self, row: ForecastRow, weights: FloatArray
    ) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
        """Estimate, truth and weights of one time, as maps for scores of maps or at the cells."""
        metric, members = METRICS[row.metric], self.members
        if not metric.probabilistic:
            members = members.mean(axis=0, keepdims=True)
        on = self.cells.maps if metric.needs == "grid" else self.cells.points
        estimate, truth, share = on(members[:, None]), on(self.truth[None]), on(weights[None])
        return (estimate if len(members) > 1 else estimate.isel(member=0)), truth, share
