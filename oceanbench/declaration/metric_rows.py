"""Rows of the metrics of challenge.yaml, with the options of the metric's function."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from oceanbench.declaration.reading import cure, lower
from oceanbench.declaration.section import Day, Flag, Interval, Number, Section, Text
from oceanbench.errors import did_you_mean
from oceanbench.metrics import METRICS
from oceanbench.metrics.options import limits_of


class Shown(Section):
    """Which of the scores that a row of forecasts expands to are on the leaderboard."""

    variables: list[Text] | None = None
    masks: list[Text] | None = None
    leads: list[Day] | None = None
    depths: list[Number] | None = None


class MetricRow(Section):
    """One score of the challenge: a metric with its options, and the label that tables show.

    A score that is not ``shown`` is in the result file, and not on the leaderboard; ``digits`` are
    those after the point that the leaderboard shows.

    A row of forecasts is a score for each variable, mask, depth and lead: for those that are
    listed, or of masks for the first and of the others for all; ``leads: pooled`` is one score of
    all leads together. ``plus`` adds the energy of another variable to that of ``variable``: both
    components of a current have one kinetic energy. ``relative_to`` gives the metric anomalies
    from the climatology, or from persistence, in place of values.

    A row ``against`` observations is a score for each dataset that it lists, or one of all of them
    ``together``, and for each of their depth bins, or for one ``depth_bin``.
    """

    metric: Text
    label: Text
    variable: Text | None = None
    plus: Text | None = None
    mask: Text | None = None
    lead: Day | None = None
    depth: Number | None = None
    variables: list[Text] | None = None
    masks: list[Text] | None = None
    leads: list[Day] | Literal["pooled"] | None = None
    depths: list[Number] | None = None
    relative_to: Literal["climatology", "persistence"] | None = None
    against: Text | list[Text] | None = None
    depth_bin: Interval | None = None
    together: Flag = False
    shown: Flag | Shown = True
    digits: Annotated[int, Field(strict=True, ge=0)] | None = None
    options: dict[str, Any] = Field(default_factory=dict)

    @property
    def of_variables(self) -> list[str]:
        """Variables that a score, of one variable or of two together, looks at."""
        return [str(self.variable), *([self.plus] if self.plus is not None else [])]

    @property
    def of_some_kinds(self) -> list[str]:
        """Keys that are given and not every kind has."""
        common = {"metric", "label", "variable", "mask", "shown", "digits", "options"}
        given = [key for key in type(self).model_fields if key in self.model_fields_set - common]
        return [*given, "shown"] if isinstance(self.shown, Shown) else given

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
        own = {k: v for k, v in value.items() if k in cls.model_fields and k != "options"}
        given = {k: v for k, v in value.items() if k not in cls.model_fields}
        nested = value.get("options", {})
        if not isinstance(nested, dict):
            raise ValueError(f"options: found {nested!r}, expected names and values")
        options = {k: _option(name, k, v, [*known, *own]) for k, v in {**nested, **given}.items()}
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
