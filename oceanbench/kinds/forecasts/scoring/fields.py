"""Fields of some leads at cells, a grid's or observed ones, and the terms of scores of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from oceanbench.arrays import AnyFloatArray, BoolArray, FloatArray, IndexArray
from oceanbench.kinds.forecasts.forecast_rows import ForecastRow
from oceanbench.kinds.forecasts.scoring.cells import Cells
from oceanbench.metrics import METRICS

AT_ONCE = 2**20  # values of an estimate that are summed together: bounds the memory
CELLS_AT_ONCE = 2**16  # whose arrays stay near the processor while they are summed
WHOLE = slice(None)


class Fields(NamedTuple):
    """Fields of some leads at cells, of a grid or observed.

    Attributes
    ----------
    cells : of a grid, those of all leads; else as many a lead, some of which have no weight
    members : (member, lead, place)
    truth : (lead, place)
    wet : (lead, cell), or (cell,) of all leads
    references : what scores depart from, (lead, place) each
    places : of the cells in the arrays; None where these are of the cells alone
    """

    cells: Cells
    members: AnyFloatArray
    truth: AnyFloatArray
    wet: BoolArray
    references: Mapping[str, AnyFloatArray]
    places: IndexArray | None = None

    def parts(self, *, whole: bool = False) -> Iterator[tuple[slice, slice]]:
        """Leads and cells that are summed together; all cells where each needs the others."""
        count, leads, cells = len(self.members), len(self.truth), self.cells.places.size
        some = cells if whole else max(1, CELLS_AT_ONCE // count)
        few = max(1, AT_ONCE // max(count * cells, 1))
        for i in range(0, leads, few):
            for j in range(0, max(cells, 1), max(some, 1)):
                yield slice(i, i + few), slice(j, j + some)

    def at(self, leads: slice, cells: slice = WHOLE) -> Fields:
        """Fields of some leads at some cells, in double precision."""
        chosen = cells if self.places is None else self.places[cells]

        def values(array: AnyFloatArray) -> FloatArray:
            return array[..., leads, :][..., chosen].astype(np.float64, copy=False)

        return Fields(
            self.cells.some(leads, cells),
            values(self.members),
            values(self.truth),
            self.wet[cells] if self.wet.ndim == 1 else self.wet[leads, cells],
            {name: values(array) for name, array in self.references.items()},
        )

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


class AnomalyFields(NamedTuple):
    """Fields of which a score is: anomalies at the cells, zero where they are not scored."""

    cells: Cells
    members: FloatArray
    truth: FloatArray
    scored: BoolArray

    @classmethod
    def of(
        cls, fields: Fields, reference: str | None, valid: BoolArray, *, members: bool = True
    ) -> AnomalyFields:
        """Anomalies from a reference, None for nothing; those of members only where asked for.

        Parameters
        ----------
        fields : of some cells, in double precision
        reference : one of theirs
        valid : where estimate and truth are there
        members : whether those of the members are wanted
        """
        base = None if reference is None else fields.references[reference]
        truth: Any = fields.truth if base is None else fields.truth - base
        scored = valid if base is None else valid & np.isfinite(truth)
        estimates: Any = fields.members if members else fields.members[:0]
        if base is not None:
            estimates = estimates - base
        if not scored.all():
            truth, estimates = np.where(scored, truth, 0.0), np.where(scored, estimates, 0.0)
        return cls(fields.cells, estimates, truth, scored)

    def of_lead(self, number: int) -> AnomalyFields:
        """One of them."""
        one = slice(number, number + 1)
        cells = self.cells.some(one)
        return AnomalyFields(cells, self.members[:, one], self.truth[one], self.scored[one])

    def term(self, row: ForecastRow) -> FloatArray:
        """Sum of the term of a score through each mask, (lead, mask)."""
        metric = METRICS[row.metric]
        if metric.of_arrays is not None:
            return self.cells.sums(metric.of_arrays(self.members.mean(axis=0), self.truth))
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
