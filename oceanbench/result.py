"""Scores and results, and the JSON file (schema 2; 1 is read too) that holds them."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from oceanbench.data.files import write_text
from oceanbench.errors import OceanbenchError

SCHEMA = 2
READ = (1, SCHEMA)
REQUIRED: dict[str, dict[str, type]] = {
    "challenge": {"name": str, "version": int, "sha256": str},
    "submission": {"name": str, "sha256": str},
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


@dataclass(frozen=True)
class Result:
    """Everything that an evaluation found out; serialised as one JSON file.

    Attributes
    ----------
    challenge : ``name``, ``version``, ``sha256`` of challenge.yaml
    submission : ``name``, ``sha256``, ``method``, ``authors``, ``reference``, ``notes``; since
        schema 2 ``members`` (``independent``, or "") and ``observations`` (beside the usual ones)
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
            if score.label == label:
                return score
        raise KeyError(label)

    def to_json(self) -> str:
        """Result as JSON; numbers in full precision, NaN and infinities as null."""
        content = _finite({"schema": SCHEMA, **asdict(self)})
        series = [json.dumps(s, ensure_ascii=False) for s in content["series"]]
        content["series"] = []
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        lines = "[\n  " + ",\n  ".join(series) + "\n ]" if series else "[]"
        return text.replace('\n "series": []', f'\n "series": {lines}') + "\n"

    def save(self, folder: Path) -> Path:
        """Write ``<folder>/<challenge>/<name>.json``; the file appears whole or not at all."""
        path = folder / str(self.challenge["name"]) / f"{self.name}.json"
        write_text(self.to_json(), path)
        return path

    @classmethod
    def load(cls, path: Path) -> Result:
        """Read a result file.

        Raises
        ------
        OceanbenchError
            if it is not a result of schema 1 or 2
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise OceanbenchError(
                f"{path}: cannot be read as a result ({problem}); give a file that "
                "'oceanbench evaluate' wrote"
            ) from problem
        if not isinstance(content, dict) or content.pop("schema", None) not in READ:
            raise OceanbenchError(
                f"{path}: not a result of schema {READ[0]} or {SCHEMA}; evaluate the "
                "submission again"
            )
        try:
            result = TypeAdapter(cls).validate_python(content)
            for part, keys in REQUIRED.items():
                for key, kind in keys.items():
                    if not isinstance(getattr(result, part).get(key), kind):
                        raise ValueError(f"{part}.{key}")
        except ValueError as problem:
            reason = " ".join(str(problem).split())[:200]
            raise OceanbenchError(
                f"{path}: a key of the result is missing, unknown or wrong ({reason}); evaluate "
                "again"
            ) from problem
        return result


def _finite(value: Any) -> Any:
    """Copy of a JSON tree with None for what JSON has no number for."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
