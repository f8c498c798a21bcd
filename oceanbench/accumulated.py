"""Sums of forecasts by start, lead and mask, and those that one score reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from oceanbench.declaration import MetricRow
from oceanbench.metrics import METRICS, Sums

COLUMNS = ("count", "weight", "error", "squared_error", "truth", "squared_truth")

FloatArray = NDArray[np.float64]
Reference = str | None
TermKey = tuple[str | None, str, Reference]


class Against(NamedTuple):
    """Observations of a dataset, in one of its depth bins where it has some."""

    dataset: str
    depth_bin: tuple[float, float] | None = None


Level = tuple[str, float | Against | None]  # variable, and depth or observations


@dataclass
class Accumulated:
    """Sums by start, lead and mask, of every variable, depth and reference that is scored."""

    starts: NDArray[np.datetime64]
    leads: tuple[int, ...]
    masks: tuple[str, ...]
    members: dict[str, int] = field(default_factory=dict)
    tables: dict[tuple[Level, Reference], FloatArray] = field(default_factory=dict)
    terms: dict[tuple[Level, TermKey], FloatArray] = field(default_factory=dict)
    points: dict[Level, NDArray[np.int64]] = field(default_factory=dict)
    holes: dict[Level, NDArray[np.int64]] = field(default_factory=dict)

    def sums(self, row: MetricRow) -> Sums | None:
        """Sums of one score by start, with its term; None where nothing was submitted for it."""
        levels = levels_of(row)
        if any((level, row.relative_to) not in self.tables for level in levels):
            return None
        if row.lead is not None and row.lead not in self.leads:
            return None
        leads = slice(None) if row.lead is None else self.leads.index(row.lead)
        chosen = (slice(None), leads, self.masks.index(str(row.mask)))
        whole = sum(self.tables[level, row.relative_to] for level in levels)
        assert not isinstance(whole, int)  # a row has a level
        columns = [column[chosen] for column in whole]
        if METRICS[row.metric].term is not None:
            key = term_key(row)
            columns.append(sum(self.terms[level, key][chosen] for level in levels))
        if row.lead is None:
            columns = [column.sum(axis=-1) for column in columns]
        scored = columns[0] > 0
        case = self.starts.astype("datetime64[ns]")
        return Sums(case[scored], *(column[scored] for column in columns))


def joined(parts: Sequence[Accumulated]) -> Accumulated:
    """Sums of all starts, from those of some starts each, in their order."""
    first, rest = parts[0], parts[1:]
    tables = {
        key: np.concatenate([table, *(part.tables[key] for part in rest)], axis=1)
        for key, table in first.tables.items()
    }
    terms = {
        key: np.concatenate([term, *(part.terms[key] for part in rest)])
        for key, term in first.terms.items()
    }
    points, holes = (
        {level: np.sum([counts[level] for counts in all_of_them], axis=0) for level in first.points}
        for all_of_them in ([p.points for p in parts], [p.holes for p in parts])
    )
    starts = np.concatenate([part.starts for part in parts])
    return Accumulated(
        starts, first.leads, first.masks, first.members, tables, terms, points, holes
    )


def levels_of(row: MetricRow) -> list[Level]:
    """Where a score's sums stand: of several datasets of observations together, at several."""
    variable = str(row.variable)
    if row.against is None:
        return [(variable, row.depth)]
    names = [row.against] if isinstance(row.against, str) else row.against
    return [(variable, Against(name, row.depth_bin)) for name in names]


def term_key(row: MetricRow) -> TermKey:
    """Scores of one key share the sums of their term: it names the first metric that has it."""
    term = METRICS[row.metric].term
    name = next((name for name, metric in METRICS.items() if metric.term is term), None)
    return name if term is not None else None, str(sorted(row.options.items())), row.relative_to


def named(level: Level) -> str:
    """Variable and depth in words."""
    variable, where = level
    if where is None:
        return f"'{variable}'"
    if not isinstance(where, Against):
        return f"'{variable}' at {where:g} m"
    bounds = where.depth_bin and f" at {where.depth_bin[0]:g}-{where.depth_bin[1]:g} m"
    return f"'{variable}' at '{where.dataset}'{bounds or ''}"
