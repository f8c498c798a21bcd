"""Sums of forecasts by start, lead and mask, and those that one score reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

import numpy as np

from oceanbench.arrays import FloatArray, IntArray, TimeArray
from oceanbench.kinds.forecasts.forecast_rows import ForecastRow
from oceanbench.metrics import METRICS, Sums
from oceanbench.metrics.cases import total
from oceanbench.metrics.sums import ratio

COLUMNS = ("count", "weight", "error", "squared_error", "truth", "squared_truth")

Reference = str | None
TermKey = tuple[str, str, Reference]


class Against(NamedTuple):
    """Observations of a dataset, in one of its depth bins where it has some."""

    dataset: str
    depth_bin: tuple[float, float] | None = None


Level = tuple[str, float | Against | None]  # variable, and depth or observations
CaseKey = tuple[Level, TermKey, int, int, int]  # the numbers of the mask, the start and the lead


@dataclass
class Accumulated:
    """Sums by start, lead and mask, of every variable, depth and reference that is scored."""

    starts: TimeArray
    leads: tuple[int, ...]
    masks: tuple[str, ...]
    members: dict[str, int] = field(default_factory=dict)
    tables: dict[tuple[Level, Reference], FloatArray] = field(default_factory=dict)
    terms: dict[tuple[Level, TermKey], FloatArray] = field(default_factory=dict)
    cases: dict[CaseKey, FloatArray] = field(default_factory=dict)
    points: dict[Level, IntArray] = field(default_factory=dict)
    holes: dict[Level, IntArray] = field(default_factory=dict)

    def statistic(self, row: ForecastRow) -> Sums | FloatArray | None:
        """Sums that the value of one score is a function of; None where there are none."""
        return self.sums(row) if METRICS[row.metric].summed == "points" else self.table(row)

    def sums(self, row: ForecastRow) -> Sums | None:
        """Sums of one score by start, with its term; None where nothing was submitted for it."""
        levels = levels_of(row)
        if any((level, row.relative_to) not in self.tables for level in levels):
            return None
        if row.lead is not None and row.lead not in self.leads:
            return None
        leads = self._pooled(row) if row.lead is None else self.leads.index(row.lead)
        chosen = (slice(None), leads, self.masks.index(str(row.mask)))
        whole = sum(self.tables[level, row.relative_to] for level in levels)
        assert not isinstance(whole, int)  # a row has a level
        columns = [column[chosen] for column in whole]
        metric, key = METRICS[row.metric], term_key(row)
        if metric.summed == "points" and metric.statistic is not None:
            columns.append(sum(self.terms[level, key][chosen] for level in levels))
        if row.lead is None:
            columns = [column.sum(axis=-1) for column in columns]
        scored = columns[0] > 0
        case = self.starts.astype("datetime64[ns]")
        return Sums(case[scored], *(column[scored] for column in columns))

    def _pooled(self, row: ForecastRow) -> list[int]:
        """Places of the leads that a score pools, of those that were submitted."""
        wanted = self.leads if row.pooled is None else row.pooled
        return [place for place, lead in enumerate(self.leads) if lead in wanted]

    def mean_square(self, level: Level, mask: int, reference: Reference = None) -> FloatArray:
        """Mean squared error by lead, pooled over starts: of the estimate, or of a reference."""
        columns = dict(zip(COLUMNS, self.tables[level, reference][..., mask], strict=True))
        squares = columns["squared_error" if reference is None else "squared_truth"]
        return ratio(squares.sum(axis=0), columns["weight"].sum(axis=0))

    def table(self, row: ForecastRow) -> FloatArray | None:
        """Total over starts of the tables that one score reads; None where there are none."""
        mask, key = self.masks.index(str(row.mask)), term_key(row)
        leads = self._pooled(row) if row.lead is None else [self.leads.index(row.lead)]
        found: dict[str, list[FloatArray]] = {name: [] for name in row.of_variables}
        for level in levels_of(row):
            for start, lead in product(range(self.starts.size), leads):
                case = (level, key, mask, start, lead)
                found[level[0]] += [self.cases[case]] if case in self.cases else []
        summed = [total(tables) for tables in found.values()]
        there = [table for table in summed if table is not None]
        return total(there) if len(there) == len(summed) else None


def joined(parts: Sequence[Accumulated]) -> Accumulated:
    """Sums of all starts, from those of some starts each, in their order."""
    first = parts[0]
    whole = Accumulated(
        np.concatenate([part.starts for part in parts]), first.leads, first.masks, first.members
    )
    for key in first.tables:
        whole.tables[key] = np.concatenate([part.tables[key] for part in parts], axis=1)
    for term in first.terms:
        whole.terms[term] = np.concatenate([part.terms[term] for part in parts])
    for level in first.points:
        whole.points[level] = np.sum([part.points[level] for part in parts], axis=0)
        whole.holes[level] = np.sum([part.holes[level] for part in parts], axis=0)
    before = 0
    for part in parts:
        for (level, shared, mask, start, lead), table in part.cases.items():
            whole.cases[level, shared, mask, before + start, lead] = table
        before += part.starts.size
    return whole


def levels_of(row: ForecastRow) -> list[Level]:
    """Where a score's sums stand: of two variables or several datasets together, at several."""
    names = [row.against] if isinstance(row.against, str) else row.against or []
    observed = [Against(name, row.depth_bin) for name in names]
    places: Sequence[float | Against | None] = observed or [row.depth]
    return [(variable, place) for variable in row.of_variables for place in places]


def term_key(row: ForecastRow) -> TermKey:
    """Scores of one key share the sums of their term, or the table of their cases."""
    return *METRICS[row.metric].key(row.options), row.relative_to


def dataset_of(level: Level) -> str | None:
    """Name of the observations that a level is of; None of one on the grid."""
    return level[1].dataset if isinstance(level[1], Against) else None


def named(level: Level) -> str:
    """Variable and depth in words."""
    variable, where = level
    if where is None:
        return f"'{variable}'"
    if not isinstance(where, Against):
        return f"'{variable}' at {where:g} m"
    bounds = where.depth_bin and f" at {where.depth_bin[0]:g}-{where.depth_bin[1]:g} m"
    return f"'{variable}' at '{where.dataset}'{bounds or ''}"
