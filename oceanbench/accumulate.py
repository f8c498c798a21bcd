"""Sums of forecasts, read a few leads at a time: memory does not grow with their number.

A cell is scored where it is wet in the mask and has a truth; where the estimate is missing there,
the challenge's rule for holes decides. Everything else that a score reads is a weighted sum over
the cells of one start, lead, variable and depth: of values, and of departures from a reference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from oceanbench.accumulated import (
    COLUMNS,
    Accumulated,
    Against,
    FloatArray,
    Level,
    Reference,
    levels_of,
    named,
    term_key,
)
from oceanbench.cells import Cells, cells_of
from oceanbench.challenge import Challenge
from oceanbench.declaration import MetricRow
from oceanbench.errors import OceanbenchError
from oceanbench.forecasts.fields import Forecasts
from oceanbench.forecasts.nodes import Grid
from oceanbench.metrics import METRICS
from oceanbench.progress import progress
from oceanbench.references import References
from oceanbench.submission import ABSURD, check_range

VALUES_AT_ONCE = 2**24  # of a submission: bounds the memory, not the result


def accumulate(
    challenge: Challenge, forecasts: Forecasts, references: References, grid: Grid
) -> Accumulated:
    """Sums of a submission of forecasts, for every score of the challenge.

    Parameters
    ----------
    challenge : rules, masks and scores
    forecasts : from :meth:`oceanbench.submission.Submission.open_forecasts`
    references, grid : from :meth:`References.open`

    Raises
    ------
    OceanbenchError
        when a value is outside the valid range, or missing where the challenge refuses holes
    """
    cells = cells_of(challenge, grid)
    starts = np.array(list(forecasts.places))
    result = Accumulated(starts, forecasts.leads, cells.masks)
    adding = Adding(challenge, result, references.known)
    for variable, depths in forecasts.depths.items():
        for depth in depths:
            adding.prepare((variable, depth))
    for number, start in enumerate(progress(list(starts), "scoring starts")):
        for variable, depths in forecasts.depths.items():
            _add_variable(adding, cells, forecasts, references, variable, depths, number, start)
    return result


def _add_variable(
    adding: Adding,
    cells: Cells,
    forecasts: Forecasts,
    references: References,
    variable: str,
    depths: Sequence[float | None],
    number: int,
    start: np.datetime64,
) -> None:
    """Add all leads and depths of one variable and start."""
    needed = adding.references(variable)
    first = None
    for few_leads, few_depths in _blocks(forecasts, variable, start, depths):
        block = forecasts.read(variable, start, few_leads, few_depths)
        if not forecasts.is_derived(variable):  # of which the inputs are checked
            adding.check_values(variable, block)
        adding.result.members[variable] = block.shape[2]
        wet = [
            np.ones(cells.places.size, dtype=bool)
            if references.wet is None
            else cells.of(references.wet.read("mask", start, [depth])[0]) > 0
            for depth in few_depths
        ]
        if "persistence" in needed and references.persistence is not None:
            first = cells.of(references.persistence.read(variable, start, few_depths))
        for lead, members in zip(few_leads, block, strict=True):
            day = start + lead
            truth = cells.of(references.truth.read(variable, day, few_depths))
            known: dict[str, FloatArray] = {}
            if first is not None:
                known["persistence"] = first
            if "climatology" in needed and references.climatology is not None:
                known["climatology"] = cells.of(
                    references.climatology.read(variable, day, few_depths)
                )
            for level, depth in enumerate(few_depths):
                field = Field(
                    cells.of(members[level]),
                    truth[level],
                    wet[level],
                    {name: maps[level] for name, maps in known.items()},
                    cells.weights,
                    cells.inside,
                )
                adding.add((variable, depth), (number, forecasts.leads.index(lead)), field)


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


class Field(NamedTuple):
    """One field at the cells of the grid, or at the places of observations.

    Members are (member, cell); truth, wet cells and references (cell); the weights that masks give
    (cell, mask), and whether these are positive (mask, cell).
    """

    members: FloatArray
    truth: FloatArray
    wet: NDArray[np.bool_]
    references: Mapping[str, FloatArray]
    weights: FloatArray
    inside: NDArray[np.bool_]


class Adding:
    """Adds fields to the sums of a result."""

    def __init__(
        self, challenge: Challenge, result: Accumulated, known: Collection[Reference]
    ) -> None:
        """Scores that depart from references that are not known are left out."""
        self.challenge, self.result = challenge, result
        self.rows: dict[Level, list[MetricRow]] = {}
        for row in challenge.scores:
            if row.relative_to in known:
                for level in levels_of(row):
                    self.rows.setdefault(level, []).append(row)

    def references(self, variable: str) -> set[Reference]:
        """What the scores of a variable depart from."""
        return {
            r.relative_to for key, rows in self.rows.items() if key[0] == variable for r in rows
        }

    def prepare(self, level: Level) -> None:
        """Make room for the sums of a variable and depth."""
        shape = (self.result.starts.size, len(self.result.leads), len(self.result.masks))
        for row in self.rows.get(level, ()):
            for key in {None, row.relative_to}:
                self.result.tables.setdefault((level, key), np.zeros((len(COLUMNS), *shape)))
            if METRICS[row.metric].term is not None:
                self.result.terms.setdefault((level, term_key(row)), np.zeros(shape))
        self.result.points[level] = np.zeros(len(self.result.masks), dtype=np.int64)
        self.result.holes[level] = np.zeros(len(self.result.masks), dtype=np.int64)

    def check_values(self, variable: str, block: NDArray[np.floating]) -> None:
        """Refuse values outside the valid range."""
        rules = self.challenge.submission.variables[variable]
        low, high = rules.valid_range or (-ABSURD, ABSURD)
        check_range(block, variable, low, high, rules.units, self.challenge.name)

    def add(self, level: Level, place: tuple[int, int], field: Field) -> None:
        """Add the sums of one field."""
        known = field.wet & np.isfinite(field.truth)
        there = np.isfinite(field.members).all(axis=0)
        self._count(level, place, field, known, known & ~there)
        valid = known & there
        mean = field.members.mean(axis=0)
        for (other, reference), table in self.result.tables.items():
            if other != level:
                continue
            from_what = field.references[reference] if reference is not None else None
            scored = valid if from_what is None else valid & np.isfinite(from_what)
            base = 0.0 if from_what is None else from_what
            error = np.where(scored, mean - field.truth, 0.0)
            truth = np.where(scored, field.truth - base, 0.0)
            columns = np.stack([scored, error, error * error, truth, truth * truth])
            table[1:, *place] = columns @ field.weights
            table[0, *place] = (field.inside & scored).sum(axis=1)
            self._add_terms(level, place, reference, scored, field, base)

    def _add_terms(
        self,
        level: Level,
        place: tuple[int, int],
        reference: Reference,
        scored: NDArray[np.bool_],
        field: Field,
        base: FloatArray | float,
    ) -> None:
        """Add what scores of distributions and of anomalies sum beside the columns."""
        done = set()
        for row in self.rows[level]:
            metric, key = METRICS[row.metric], term_key(row)
            if row.relative_to != reference or metric.term is None or key in done:
                continue
            done.add(key)
            single = field.members.shape[0] == 1
            if metric.probabilistic and single and not metric.of_single:
                continue
            members = np.where(scored, field.members - base, 0.0)[:, None]
            truth = xr.DataArray(
                np.where(scored, field.truth - base, 0.0)[None], dims=("time", "cell")
            )
            estimate = xr.DataArray(members, dims=("member", *truth.dims))
            if not metric.probabilistic or single:
                estimate = estimate.mean("member")
            weights = truth.copy(data=scored[None].astype(np.float64))
            term = metric.term(estimate, truth, weights, **row.options).values[0]
            self.result.terms[level, key][place] = term @ field.weights

    def _count(
        self,
        level: Level,
        place: tuple[int, int],
        field: Field,
        known: NDArray[np.bool_],
        holes: NDArray[np.bool_],
    ) -> None:
        self.result.points[level] += (field.inside & known).sum(axis=1)
        if not holes.any():
            return
        self.result.holes[level] += (field.inside & holes).sum(axis=1)
        derived = level[0] in self.challenge.derived  # coasts may differ where seas do not
        if self.challenge.submission.missing == "refuse" and not derived:
            start, lead = self.result.starts[place[0]], self.result.leads[place[1]]
            what = "observations" if isinstance(level[1], Against) else "cells"
            raise OceanbenchError(
                f"{self.challenge.name}: {int(holes.sum())} of {int(known.sum())} {what} of "
                f"{named(level)} have no value in the forecast of start {start}, lead {lead}; "
                "fill them: a score cannot skip them"
            )


def check_coverage(challenge: Challenge, result: Accumulated) -> None:
    """Refuse a submission that lacks too much, and a challenge with nothing to score."""
    least = challenge.submission.min_coverage
    for level, points in result.points.items():
        for mask, count, holes in zip(result.masks, points, result.holes[level], strict=True):
            if count == 0 and not isinstance(level[1], Against):
                raise OceanbenchError(
                    f"{challenge.name}: no wet cell of {named(level)} inside mask '{mask}' has a "
                    "truth; check the mask, the truth and the depths of challenge.yaml"
                )
            if count - holes < least * count:
                raise OceanbenchError(
                    f"{challenge.name}: only {count - holes} of {count} values of {named(level)} "
                    f"inside mask '{mask}' are in the submission, expected at least {least:.0%}; "
                    "forecast the rest: leaving out what is hard would raise the score"
                )
