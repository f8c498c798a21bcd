"""Scores and results, and the JSON file (schema 2; 1 is read too) that holds them."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from oceanbench.data.files import read_text, write_text
from oceanbench.errors import OceanbenchError, alike, did_you_mean, in_one_line
from oceanbench.metrics import Sums

SCHEMA = 2
READ = (1, SCHEMA)
SUMMED = [f.name for f in fields(Sums) if f.name not in ("case", "term")]  # columns of a series
MOST_TEXT = 2**26  # bytes of a result file
MOST_COUNT = 2**53  # counts are exact below it
REQUIRED: dict[str, dict[str, type]] = {
    "challenge": {"name": str, "version": int, "sha256": str},
    "submission": {"name": str, "sha256": str},
    "coverage": {"variable": str, "mask": str, "points": int, "scored": int, "filled": int},
}
OF_SUMS = {"variable": str, "mask": str, "daily": bool}  # keys of a series of sums
OF_INFLUENCES = {"variable": str, "mask": str, "label": str}  # of those of cases on a score
OPTIONAL: dict[str, dict[str, type]] = {
    "submission": dict.fromkeys(
        (
            *("method", "authors", "reference", "notes"),
            *("members", "observations", "learned_from", "physics", "seed_of"),
        ),
        str,
    ),
    "provenance": {"oceanbench": str, "created": str, "options": dict},
    "coverage": {"missing": list, "against": str, "members": int},
    "series": {"terms": dict},
}


@dataclass(frozen=True)
class Interval:
    """Confidence interval of a score."""

    level: float
    low: float
    high: float

    def within(self, least: float, most: float) -> Interval:
        """Cut at the values that the score can have."""
        low, high = (min(max(bound, least), most) for bound in (self.low, self.high))
        return Interval(self.level, low, high)


@dataclass(frozen=True)
class Score:
    """One number of a result, or the flag that says why there is none.

    Attributes
    ----------
    metric, label, variable, mask : which score of the challenge
    value : full precision; None where there is no number
    units, better : of the metric
    flag : None, ``unresolved``, ``resolved_below_grid``, ``no_data``, ``deterministic``,
        ``marginal`` or ``not_draws``; of forecasts also ``not_submitted``, or ``partial`` beside a
        value
    n : number of points that were scored
    interval : None for the scores that have no confidence interval
    ideal : what a score without better or worse should be near, where that is not zero
    lead, depth : of forecasts, in days and metres; None where all leads are pooled, or there is no
        depth
    against, depth_bin : of forecasts against observations, the datasets of these, and bounds in
        metres
    """

    metric: str
    label: str
    variable: str
    mask: str
    value: float | None
    units: str
    better: str | None
    flag: str | None
    n: int
    interval: Interval | None = None
    ideal: float | None = None
    lead: int | None = None
    depth: float | None = None
    against: list[str] | None = None
    depth_bin: tuple[float, float] | None = None

    @property
    def is_vague(self) -> bool:
        """Whether its interval is wider than it is large: too few cases, or a long memory.

        Of scores without better or worse, which may be about zero, nothing is said.
        """
        if self.interval is None or self.value is None or self.better is None:
            return False
        return self.interval.high - self.interval.low > abs(self.value)


@dataclass(frozen=True)
class Result:
    """Everything that an evaluation found out; serialised as one JSON file.

    Attributes
    ----------
    challenge : ``name``, ``version``, ``sha256`` of challenge.yaml
    submission : ``name``, ``sha256``, ``method``, ``authors``, ``reference``, ``notes``; since
        schema 2 ``members`` (``independent``, or ""), ``observations`` (beside the usual ones),
        ``learned_from``, ``physics`` and ``seed_of`` (the row that tells of it)
    scores : in the order of the challenge
    coverage : per variable and mask, how much of the truth was scored
    series : per variable and mask, the sums per time that the intervals come from; since schema 2
        the influences of passes, latitudes or days on scores that are not of sums
    provenance : versions, time, options
    warnings : what looks wrong in the submission, and what to do about it
    """

    challenge: dict[str, Any]
    submission: dict[str, Any]
    scores: list[Score]
    coverage: list[dict[str, Any]]
    series: list[dict[str, Any]] = field(repr=False)
    provenance: dict[str, Any]
    warnings: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Name of the submission."""
        return str(self.submission["name"])

    def score(self, label: str) -> Score:
        """Score with a label."""
        for score in self.scores:
            if alike(score.label) == alike(label):
                return score
        raise OceanbenchError(
            f"{self.name}: has no score '{label}'; {did_you_mean(label, self.labels)}"
        )

    def __getitem__(self, label: str) -> Score:
        """Score with a label: ``result["RMSE"]``."""
        return self.score(label)

    @property
    def labels(self) -> list[str]:
        """Labels of all scores."""
        return [score.label for score in self.scores]

    def to_dataframe(self) -> pd.DataFrame:
        """Scores as a table, a row a score, by their labels."""
        rows = []
        for score in self.scores:
            row = {f.name: getattr(score, f.name) for f in fields(Score) if f.name != "interval"}
            row["low"] = score.interval.low if score.interval else None
            row["high"] = score.interval.high if score.interval else None
            rows.append(row)
        return pd.DataFrame(rows).set_index("label")

    def _repr_html_(self) -> str:
        columns = ["value", "low", "high", "units", "flag", "metric", "variable", "mask"]
        table = self.to_dataframe()[columns].to_html(na_rep="–", escape=True)
        heading = f"{self.name} on {self.challenge['name']}, version {self.challenge['version']}"
        return f"<p>{escape(heading)}</p>{table}"

    def to_json(self) -> str:
        """Result as JSON; numbers in full precision, NaN and infinities as null."""
        content = _finite({"schema": SCHEMA, **asdict(self)})
        series = [json.dumps(s, ensure_ascii=False) for s in content["series"]]
        content["series"] = []
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        lines = "[\n  " + ",\n  ".join(series) + "\n ]" if series else "[]"
        return text.replace('\n "series": []', f'\n "series": {lines}') + "\n"

    def save(self, folder: Path | str) -> Path:
        """Write ``<folder>/<challenge>/<name>.json``; the file appears whole or not at all."""
        path = Path(folder) / str(self.challenge["name"]) / f"{self.name}.json"
        write_text(self.to_json(), path)
        return path

    @classmethod
    def load(cls, path: Path | str) -> Result:
        """Read a result file.

        Raises
        ------
        OceanbenchError
            if it is not a result of schema 1 or 2
        """
        path = Path(path)
        try:
            text = read_text(path, MOST_TEXT)
            content = from_json(text, allow_inf_nan=False)
        except (OSError, ValueError) as problem:
            reason = in_one_line(problem)
            raise OceanbenchError(
                f"{path}: cannot be read as a result ({reason}); give a file that "
                "'oceanbench evaluate' wrote"
            ) from problem
        if not isinstance(content, dict) or content.pop("schema", None) not in READ:
            raise OceanbenchError(
                f"{path}: not a result of schema {READ[0]} or {SCHEMA}; evaluate the "
                "submission again"
            )
        try:
            result = _validator().validate_json(
                to_json(content, inf_nan_mode="constants"), strict=True
            )
            _check_parts(result)
        except (ValueError, TypeError, OverflowError) as problem:
            reason = in_one_line(problem, 200)
            raise OceanbenchError(
                f"{path}: a key of the result is missing, unknown or wrong ({reason}); evaluate "
                "again"
            ) from problem
        return result


@cache
def _validator() -> TypeAdapter[Result]:
    return TypeAdapter(Result)


def _check_parts(result: Result) -> None:
    """Refuse parts without the keys that boards read, and columns of unlike lengths."""
    for required, table in ((True, REQUIRED), (False, OPTIONAL)):
        for part, keys in table.items():
            found = getattr(result, part)
            for row in found if isinstance(found, list) else [found]:
                for key, kind in keys.items():
                    if (required or row.get(key) is not None) and type(row.get(key)) is not kind:
                        raise ValueError(f"{part}.{key}: {row.get(key)!r}")
    _check_counts(result)
    for score in result.scores:
        bounds = [score.interval.low, score.interval.high] if score.interval else []
        if not all(math.isfinite(n) for n in (*bounds, score.value or 0.0)):
            raise ValueError(f"scores: '{score.label}' is not finite")
    for row in result.series:
        for key, kind in (OF_INFLUENCES if "influence" in row else OF_SUMS).items():
            if type(row.get(key)) is not kind:
                raise ValueError(f"series.{key}: {row.get(key)!r}")
        if "influence" in row:
            _check_columns(row.get("case"), {"influence": row["influence"]})
            continue
        cases = row.get("time", row.get("window"))
        columns = {name: row.get(name) for name in SUMMED}
        _check_columns(cases, {**columns, **row.get("terms", {})})
        np.array(cases, dtype="datetime64[ns]" if "time" in row else np.int64)


def _check_counts(result: Result) -> None:
    """Refuse counts and a time that are none."""
    seconds = result.provenance.get("cpu_seconds")
    counts = [(f"coverage.{key}", n) for part in result.coverage for key, n in part.items()]
    for key, found in (*counts, ("provenance.cpu_seconds", seconds)):
        number = isinstance(found, int | float) and not isinstance(found, bool)
        if number and not 0 <= found < MOST_COUNT:
            raise ValueError(f"{key}: {found:.3g}, expected 0 or more")


def _check_columns(cases: Any, columns: dict[str, Any]) -> None:
    """Refuse columns of a series that are no numbers, or of another length than its cases."""
    if not isinstance(cases, list):
        raise ValueError("series: has no cases")
    for name, column in columns.items():
        if not isinstance(column, list) or len(column) != len(cases):
            raise ValueError(f"series.{name}: expected {len(cases)} numbers")
        np.array(column, dtype=np.float64)


def _finite(value: Any) -> Any:
    """Copy of a JSON tree with None for what JSON has no number for."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
