"""Sums of forecasts by start, lead and mask, and those that one score reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from oceanbench.declaration import MetricRow
from oceanbench.metrics import METRICS, Sums

COLUMNS = ("count", "weight", "error", "squared_error", "truth", "squared_truth")

FloatArray = NDArray[np.float64]
Reference = str | None
Level = tuple[str, float | None]  # variable and depth
TermKey = tuple[Callable[..., xr.DataArray] | None, str, Reference]


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
        level = (str(row.variable), row.depth)
        if (level, row.relative_to) not in self.tables:
            return None
        if row.lead is not None and row.lead not in self.leads:
            return None
        leads = slice(None) if row.lead is None else self.leads.index(row.lead)
        chosen = (slice(None), leads, self.masks.index(str(row.mask)))
        columns = [column[chosen] for column in self.tables[level, row.relative_to]]
        if METRICS[row.metric].term is not None:
            columns.append(self.terms[level, term_key(row)][chosen])
        if row.lead is None:
            columns = [column.sum(axis=-1) for column in columns]
        scored = columns[0] > 0
        case = self.starts.astype("datetime64[ns]")
        return Sums(case[scored], *(column[scored] for column in columns))


def term_key(row: MetricRow) -> TermKey:
    """Scores of one key share the sums of their term."""
    return METRICS[row.metric].term, str(sorted(row.options.items())), row.relative_to


def named(level: Level) -> str:
    """Variable and depth in words."""
    variable, depth = level
    return f"'{variable}'" if depth is None else f"'{variable}' at {depth:g} m"
