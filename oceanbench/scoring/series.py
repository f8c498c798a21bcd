"""Sums per case, as they stand in a result file: what intervals and comparisons come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from oceanbench.metrics import Sums
from oceanbench.metrics.aligned import FloatArray
from oceanbench.result import SUMMED


def series_of(table: Sums, terms: Mapping[str, FloatArray]) -> dict[str, Any]:
    """Write sums per case as lists, for the result file; terms by the labels of their scores."""
    columns = {name: getattr(table, name).tolist() for name in SUMMED}
    dated = table.case.dtype.kind == "M"
    cases = {"time": table.case.astype(str).tolist()} if dated else {"window": table.case.tolist()}
    written: dict[str, Any] = {**cases, **columns}
    if terms:
        written["terms"] = {label: column.tolist() for label, column in terms.items()}
    return written


def sums_of(series: Mapping[str, Any], label: str) -> Sums:
    """Sums that :func:`series_of` wrote, with the term of the score of that label if it has one."""
    columns = {name: series[name] for name in SUMMED}
    if label in series.get("terms", {}):
        columns["term"] = series["terms"][label]
    case = (
        np.array(series["time"], dtype="datetime64[ns]")
        if "time" in series
        else np.array(series["window"], dtype=np.int64)
    )
    return Sums(
        case=case,
        **{name: np.array(column, dtype=np.float64) for name, column in columns.items()},
    )
