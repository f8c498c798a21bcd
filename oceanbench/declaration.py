"""The sections of challenge.yaml, frozen and strict, and their refusals in one line."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from oceanbench import data
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.grid import longitude_span
from oceanbench.metrics import METRICS

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Text = Annotated[str, Field(strict=True, min_length=1)]
Flag = Annotated[bool, Field(strict=True)]
Interval = tuple[Number, Number]
Dates = tuple[datetime.date, datetime.date]


class Section(BaseModel):
    """A section of challenge.yaml: frozen, and unknown keys are errors with a suggestion."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: Any) -> Any:
        if isinstance(value, dict) and cls.model_config.get("extra") == "forbid":
            for key in value:
                if key not in cls.model_fields:
                    hint = did_you_mean(str(key), cls.model_fields)
                    raise ValueError(f"unknown key '{key}'; {hint}")
        return value


class Domain(Section):
    """Box and days that are scored; longitudes may cross 0 or 180 degrees."""

    longitude: Interval
    latitude: Interval
    time: Dates

    @model_validator(mode="after")
    def _ordered(self) -> Domain:
        if not -90 <= min(self.latitude) <= max(self.latitude) <= 90:
            raise ValueError(f"latitude: {list(self.latitude)} lies beyond the poles; check it")
        if self.latitude[0] >= self.latitude[1]:
            raise ValueError(f"latitude: {list(self.latitude)} is empty; write [south, north]")
        if self.time[0] > self.time[1]:
            raise ValueError(f"time: {list(map(str, self.time))} is empty; write [first, last]")
        return self

    @property
    def west_east(self) -> tuple[float, float]:
        """Bounds of longitude with west < east."""
        return longitude_span(*self.longitude)

    @property
    def box(self) -> data.Box:
        """The domain as bounds to select by, the whole last day included."""
        return data.Box(time_slice(self.time), self.latitude, self.west_east)


class Source(Section):
    """Where the files of a dataset come from."""

    archive: Text | None = None
    url: Text | None = None
    sha256: Text | None = None
    instructions: Text | None = None


class Dataset(Section):
    """One dataset: its role, its files and which variables are read from them.

    Observations that forecasts are scored against (role ``observed_truth``) belong to a day between
    its ``hours``, not including the last. Heights above the mean sea level are compared with
    forecast - ``mdt`` + ``datum``; depths are scored in ``depth_bins``, each without its deeper
    bound, and ``depth`` is that of observations whose files say none.
    """

    role: Literal[
        "truth",
        "observations",
        "training",
        "validation",
        "auxiliary",
        "initial",
        "climatology",
        "mask",
        "observed_truth",
    ]
    path: Text
    variables: Annotated[dict[str, Text], Field(min_length=1)]
    layout: Literal["grid", "track", "swath", "static", "windows", "points"] = "grid"
    units: Text | None = None
    daily_mean: Flag = False
    optional: Flag = False
    source: Source | None = None
    sha256: dict[str, Text] | Text | None = None
    mdt: Text | None = None
    datum: Number | None = None
    depth_bins: list[Interval] = []
    depth: Annotated[Number, Field(ge=0)] | None = None
    hours: Interval = (0.0, 24.0)

    @property
    def of_observed_truth(self) -> list[str]:
        """Keys that are given and only observations to score against have."""
        keys = ("mdt", "datum", "depth_bins", "depth", "hours")
        return [key for key in keys if key in self.model_fields_set]

    @field_validator("variables")
    @classmethod
    def _sums(cls, value: dict[str, str]) -> dict[str, str]:
        for expression in value.values():
            data.parse_sum(expression)
        return value


class Starts(Section):
    """Days that forecasts begin from: their initial conditions are of these days."""

    first: datetime.date
    last: datetime.date
    step_days: Annotated[int, Field(strict=True, ge=1)]

    @model_validator(mode="after")
    def _ordered(self) -> Starts:
        span = (self.last - self.first).days
        if span < 0 or span % self.step_days:
            raise ValueError(
                f"{self.first}..{self.last} is no whole number of steps of {self.step_days} days; "
                "write the first and the last start"
            )
        return self

    @property
    def days(self) -> NDArray[np.datetime64]:
        """Every start, as a day."""
        first, last = (np.datetime64(day, "D") for day in (self.first, self.last))
        return np.arange(first, last + 1, self.step_days)


class SubmittedVariable(Section):
    """One variable of a submission; of forecasts, on the surface only or on every depth."""

    units: Text
    aliases: list[Text] = []
    valid_range: Interval | None = None
    surface: Flag = False

    @field_validator("valid_range")
    @classmethod
    def _low_high(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and value[0] >= value[1]:
            raise ValueError(f"{list(value)} is empty; write [low, high]")
        return value


def std_name(variable: str) -> str:
    """Name, in a submission, of the standard deviation of a variable's estimate."""
    return f"{variable}_std"


class TargetGrid(Section):
    """Grid that a method fills where the truth has none of its own, or a finer one."""

    step_degrees: Annotated[Number, Field(gt=0)]
    days_after: Annotated[int, Field(strict=True, ge=0)] = 0


class SubmissionRules(Section):
    """What a submission must look like, and what is done with its grid and its holes."""

    variables: Annotated[dict[str, SubmittedVariable], Field(min_length=1)]
    regrid: Literal["refuse", "linear"] = "refuse"
    missing: Literal["refuse", "drop", "fill"] = "refuse"
    crop_to_domain: Flag = False
    max_step_days: Annotated[Number, Field(gt=0)] | None = None
    min_coverage: Annotated[Number, Field(ge=0, le=1)] = 0.5
    grid: TargetGrid | None = None

    @field_validator("variables")
    @classmethod
    def _no_standard_deviation(
        cls, value: dict[str, SubmittedVariable]
    ) -> dict[str, SubmittedVariable]:
        names = {n for name, rules in value.items() for n in (name, *rules.aliases)}
        for name in names:
            if std_name(name) in names:
                raise ValueError(
                    f"'{std_name(name)}' names the standard deviation of '{name}' in a submission; "
                    "choose another name"
                )
        return value


class Mask(Section):
    """Part of the domain, or of the windows, that a score looks at; ``{}`` is all of it.

    Of windows, it is the part of one sampling, of some times since the start, where a dataset of
    observations has values or has none, or where a flag in the file of the truth is set or is not.
    """

    inset_degrees: Annotated[float, Field(strict=True, ge=0)] = 0.0
    longitude: Interval | None = None
    latitude: Interval | None = None
    time: Dates | None = None
    weights: Literal["uniform", "cos_latitude"] = "uniform"
    sampling: Text | None = None
    elapsed: Interval | None = None
    observed_in: Text | None = None
    unobserved_in: Text | None = None
    flagged: Text | None = None
    unflagged: Text | None = None

    @property
    def of_windows(self) -> list[str]:
        """Keys that are given and only windows have."""
        keys = ("sampling", "elapsed", "observed_in", "unobserved_in", "flagged", "unflagged")
        return [key for key in keys if getattr(self, key) is not None]

    @property
    def of_places(self) -> list[str]:
        """Keys that are given and windows do not have."""
        keys = ("inset_degrees", "longitude", "latitude", "time", "weights")
        return [key for key in keys if key in self.model_fields_set]


class Told(Section):
    """The model that methods are told of: a row of ``dynamics.models.MODELS`` with its numbers."""

    name: Text
    parameters: dict[str, Number] = {}


Day = Annotated[int, Field(strict=True, ge=1)]


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
    components of a current have one kinetic energy. ``relative_to`` gives the metric departures
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
    options: dict[str, Any] = {}

    @property
    def of_variables(self) -> list[str]:
        """Variables that a score, of one variable or of two together, looks at."""
        return [str(self.variable), *([self.plus] if self.plus is not None else [])]

    @property
    def of_forecasts(self) -> list[str]:
        """Keys that are given and only forecasts have."""
        keys = ("lead", "depth", "variables", "masks", "leads", "depths", "relative_to", "plus",
                "against", "depth_bin")  # fmt: skip
        given = [key for key in keys if getattr(self, key) is not None]
        given += ["together"] if self.together else []
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
        expected = _lower(problem.errors()[0]["msg"]) + _cure(value, problem.errors()[0]["type"])
        raise ValueError(
            f"option '{key}' of metric '{metric}': found {value!r}, expected: {expected}"
        ) from problem
    if isinstance(checked, float) and not (math.isfinite(checked) and checked >= 0):
        raise ValueError(
            f"option '{key}' of metric '{metric}': found {value!r}, expected: a number >= 0"
        )
    if key == "level" and not 0 < checked < 1:
        raise ValueError(
            f"option '{key}' of metric '{metric}': found {value!r}, expected: between 0 and 1"
        )
    if key == "bins" and checked < 2:
        raise ValueError(
            f"option '{key}' of metric '{metric}': found {value!r}, expected: 2 or more"
        )
    if key in ("segment_km", "sample_km", "step") and checked == 0:
        raise ValueError(f"option '{key}' of metric '{metric}': found 0, expected: more than 0")
    return checked


class Published(Section):
    """Scores that others published; shown on the leaderboard apart from computed ones."""

    path: Text
    source: Text


def time_slice(dates: Dates) -> slice:
    """Instants from the start of the first to the end of the last day, in nanoseconds."""
    first, last = (np.datetime64(d, "D").astype("datetime64[ns]") for d in dates)
    return slice(first, last + np.timedelta64(1, "D") - np.timedelta64(1, "ns"))


def read_yaml(path: Path) -> dict[str, Any]:
    """Content of a challenge.yaml: a mapping without aliases or repeated keys."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_OneOfEachKey)
    except (yaml.YAMLError, ValueError) as problem:
        reason = " ".join(str(problem).split())
        raise OceanbenchError(f"{path}: not valid YAML: {reason}; correct it") from problem
    if not isinstance(content, dict):
        raise OceanbenchError(f"{path}: expected keys such as name, kind, domain; found none")
    return content


class _OneOfEachKey(yaml.SafeLoader):
    """YAML without aliases and without a key given twice, which would hide the first."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias (*name) is used; write the values out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise yaml.YAMLError(f"line {line}: key '{key.value}' is given twice")
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def one_line(problem: ValidationError) -> str:
    """First error of a validation as 'key: what was found, what was expected'."""
    error = problem.errors()[0]
    where = ""
    for part in error["loc"]:
        if isinstance(part, int):
            where += f"[{part}]"
        elif part not in ("str", "dict", "constrained-str") and "[" not in str(part):
            where += f".{part}" if where else str(part)
    found = error.get("input")
    message = error["msg"].removeprefix("Value error, ")
    prefix = f"{where}: " if where else ""
    if error["type"] == "missing":
        return f"{prefix}is missing; add it"
    if error["type"] in ("value_error", "assertion_error"):
        return f"{prefix}{message}"
    return f"{prefix}found {found!r}, expected: {_lower(message)}{_cure(found, error['type'])}"


def _cure(found: Any, kind: str) -> str:
    """What to write instead, for the traps of YAML 1.1."""
    if isinstance(found, str) and kind in ("float_type", "int_type"):
        return " (YAML reads 1e-3 as text: write 1.0e-3)"
    if isinstance(found, bool):
        return " (YAML reads yes, no, on, off as true or false: put the text in quotes)"
    return ""


def _lower(message: str) -> str:
    message = message.removeprefix("Input should be ")
    return message[0].lower() + message[1:]
