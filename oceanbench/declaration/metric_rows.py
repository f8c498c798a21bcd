"""Rows of the metrics of challenge.yaml, with the options of the metric's function."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from oceanbench.declaration.reading import cure, lower
from oceanbench.declaration.section import Flag, Section, Text
from oceanbench.errors import did_you_mean
from oceanbench.metrics import METRICS
from oceanbench.metrics.options import limits_of


class MetricRow(Section):
    """One score of the challenge: a metric with its options, and the label that tables show.

    A score that is not ``shown`` is in the result file, and not on the leaderboard; ``digits`` are
    those after the point that the leaderboard shows. What else a row may say is said by the section
    that a kind has for its rows.
    """

    metric: Text
    label: Text
    variable: Text | None = None
    mask: Text | None = None
    shown: Flag = True
    digits: Annotated[int, Field(strict=True, ge=0)] | None = None
    options: dict[str, Any] = Field(default_factory=dict)

    @property
    def of_a_part(self) -> bool:
        """Whether a score is of a part only of what its variable has in its mask."""
        return False

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if not isinstance(value.get("metric"), str):
            wrong = [k for k in value if k not in cls.model_fields]
            if "metric" not in value and wrong:
                hint = did_you_mean(str(wrong[0]), cls.model_fields)
                raise ValueError(f"unknown key '{wrong[0]}'; {hint}")
            return value
        name = value["metric"]
        if name not in METRICS:
            raise ValueError(f"unknown metric '{name}'; {did_you_mean(name, METRICS)}")
        known = METRICS[name].options
        keys = cls.model_fields.keys() - {"options"}
        own = {k: v for k, v in value.items() if k in keys}
        given = {k: v for k, v in value.items() if k not in cls.model_fields}
        nested = value.get("options", {})
        if not isinstance(nested, dict):
            raise ValueError(f"options: found {nested!r}, expected names and values")
        options = {k: _option(name, k, v, [*known, *keys]) for k, v in {**nested, **given}.items()}
        return {"label": name, **own, "options": options}


def _option(metric: str, key: str, value: Any, known: list[str]) -> Any:
    """Option of a metric, in the type that the metric's function declares."""
    parameters = METRICS[metric].options
    if key not in parameters:
        raise ValueError(f"unknown option '{key}' of metric '{metric}'; {did_you_mean(key, known)}")
    adapter = TypeAdapter(parameters[key].annotation, config=ConfigDict(strict=True))
    try:
        checked = adapter.validate_python(value)
    except ValidationError as problem:
        expected = lower(problem.errors()[0]["msg"]) + cure(value, problem.errors()[0]["type"])
        raise ValueError(
            f"option '{key}' of metric '{metric}': found {value!r}, expected: {expected}"
        ) from problem
    limits = limits_of(parameters[key].annotation)
    if wrong := next((limit for limit in limits if not limit.hold(checked)), None):
        raise ValueError(
            f"option '{key}' of metric '{metric}': found {value!r}, expected: {wrong.words}"
        )
    if isinstance(checked, float) and not math.isfinite(checked):
        raise ValueError(
            f"option '{key}' of metric '{metric}': found {value!r}, expected: a finite number"
        )
    return checked
