"""Sums per case, as they stand in a result file: what intervals and comparisons come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from oceanbench.arrays import FloatArray
from oceanbench.metrics import Sums
from oceanbench.result import SUMMED
from oceanbench.scoring.statistics import Influence, Scale


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


def influence_series(label: str, case: np.ndarray, found: Influence) -> dict[str, Any]:
    """Write the influences of passes, latitudes, days or starts on a score without its sums."""
    dated = case.dtype.kind == "M"
    cases = case.astype(str).tolist() if dated else case.tolist()
    return {"label": label, "case": cases, "influence": found.of_case.tolist()}


def influence_of(series: Mapping[str, Any], score: float, bounds: tuple[float, float]) -> Influence:
    """Influences that :func:`influence_series` wrote, of a score between bounds."""
    scale = Scale(*bounds)
    of_case = np.array(series["influence"], dtype=np.float64)
    return Influence(float(scale.to(score)), of_case, scale, dated=True)


def is_of_sums(series: Mapping[str, Any]) -> bool:
    """Whether a series holds sums, or the influences of one score."""
    return "influence" not in series
