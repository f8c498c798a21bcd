"""Domain, datasets, starts, masks and submissions of challenge.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from oceanbench.arrays import TimeArray
from oceanbench.data import opening
from oceanbench.data.copernicus import check_pattern
from oceanbench.data.expressions import parse_sum
from oceanbench.declaration.delivery import Delivery
from oceanbench.declaration.section import Date, Dates, Flag, Interval, Number, Section, Text
from oceanbench.grid import longitude_span

DatasetId = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class Domain(Section):
    """Box and days that are scored; longitudes may cross 0 or 180 degrees."""

    longitude: Interval
    latitude: Interval
    time: Dates

    @model_validator(mode="after")
    def _ordered(self) -> Domain:
        if not -90 <= min(self.latitude) <= max(self.latitude) <= 90:
            raise ValueError(f"latitude: {list(self.latitude)} lies beyond the poles; check it")
        if max(map(abs, self.longitude)) > 720:
            raise ValueError(f"longitude: {list(self.longitude)} lies round the globe; check it")
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
    def box(self) -> opening.Bounds:
        """The domain as bounds to select by, the whole last day included."""
        return opening.Bounds(time_slice(self.time), self.latitude, self.west_east)


class MarineService(Section):
    """Days, depths and box of gridded datasets of the Copernicus Marine Service.

    Of ``datasets``, the first that has a day gives it.
    """

    datasets: Annotated[list[DatasetId], Field(min_length=1, max_length=8)]
    time: Dates
    depth: Interval | None = None
    longitude: Interval | None = None
    latitude: Interval | None = None

    @model_validator(mode="after")
    def _ordered(self) -> MarineService:
        if self.time[0] > self.time[1]:
            raise ValueError(f"time: {list(map(str, self.time))} is empty; write [first, last]")
        return self


class Source(Section):
    """Where the files of a dataset come from."""

    archive: Text | None = None
    url: Text | None = None
    sha256: Text | None = None
    copernicusmarine: MarineService | None = None
    instructions: Text | None = None

    @property
    def fetched(self) -> list[str]:
        """Keys that say where ``fetch`` goes; none where files come by hand."""
        keys = ("archive", "url", "copernicusmarine")
        return [key for key in keys if getattr(self, key) is not None]

    @model_validator(mode="after")
    def _one(self) -> Source:
        given = self.fetched
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)}: files come from one of them; keep one")
        return self


class Dataset(Delivery):
    """One dataset: its role, its files and which variables are read from them.

    Observations that forecasts are scored against (role ``observed_truth``) belong to a day between
    its ``hours``, not including the last. Heights above the mean sea level are compared with
    forecast - ``mdt`` + ``datum``; depths are scored in ``depth_bins``, each without its deeper
    bound, and ``depth`` is that of observations whose files say none.
    """

    role: Text
    path: Text
    variables: Annotated[dict[str, Text], Field(min_length=1, max_length=64)]
    layout: Text = "grid"
    units: Text | None = None
    daily_mean: Flag = False
    optional: Flag = False
    source: Source | None = None
    sha256: dict[str, Text] | Text | None = None
    mdt: Text | None = None
    datum: Number | None = None
    depth_bins: list[Interval] = Field(default_factory=list)
    depth: Annotated[Number, Field(ge=0)] | None = None
    hours: Interval = (0.0, 24.0)

    @property
    def is_observed_truth(self) -> bool:
        """Whether it is what was observed, and estimates are scored against it where it was."""
        alone = self.role == "truth" and self.layout == "points"
        return self.role == "observed_truth" or alone

    @property
    def of_observed_truth(self) -> list[str]:
        """Keys that are given and only observations to score against have."""
        keys = ("mdt", "datum", "depth_bins", "depth", "hours")
        return [key for key in keys if key in self.model_fields_set]

    @field_validator("variables")
    @classmethod
    def _sums(cls, value: dict[str, str]) -> dict[str, str]:
        for expression in value.values():
            parse_sum(expression)
        return value

    @property
    def in_files(self) -> list[str]:
        """Names of the variables that are read from the files."""
        return sorted({n for text in self.variables.values() for _, n in parse_sum(text)})

    @model_validator(mode="after")
    def _file_a_day(self) -> Dataset:
        if self.source is not None and self.source.copernicusmarine is not None:
            check_pattern(self.source.copernicusmarine.datasets, self.path)
        return self


class Starts(Section):
    """Days that forecasts begin from: their initial conditions are of these days."""

    first: Date
    last: Date
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
    def days(self) -> TimeArray:
        """Every start, as a day."""
        first, last = (np.datetime64(day, "D") for day in (self.first, self.last))
        return np.arange(first, last + 1, self.step_days)


class SubmittedVariable(Section):
    """One variable of a submission; of forecasts, on the surface only or on every depth."""

    units: Text
    aliases: list[Text] = Field(default_factory=list)
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
    days_after: Annotated[int, Field(strict=True, ge=0, le=366)] = 0


class SubmissionRules(Section):
    """What a submission must look like, and what is done with its grid and its holes."""

    variables: Annotated[dict[str, SubmittedVariable], Field(min_length=1, max_length=64)]
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
    """Part of the truth that a score looks at; ``{}`` is all of it.

    What else it may say is said by the section that a kind has for its masks.
    """


class BoxMask(Mask):
    """Part of the domain: a box and days, weighed alike or by area."""

    inset_degrees: Annotated[float, Field(strict=True, ge=0)] = 0.0
    longitude: Interval | None = None
    latitude: Interval | None = None
    time: Dates | None = None
    weights: Literal["uniform", "cos_latitude"] = "uniform"


class FieldMask(BoxMask):
    """Part of the domain where fields lie above or below bounds, neither included.

    ``above`` and ``below`` have names of static auxiliary datasets of one variable each, as the
    distance to the coast or the variance of sea level; a point where a field has no value is out.
    ``min_coverage`` is that of the submission where none is given; with 0, a submission without a
    value here has no score of this part, and is not refused.
    """

    above: dict[str, Number] = Field(default_factory=dict)
    below: dict[str, Number] = Field(default_factory=dict)
    min_coverage: Annotated[Number, Field(ge=0, le=1)] | None = None


class ModelSpec(Section):
    """The model that methods are told of: a row of ``dynamics.models.MODELS`` with its numbers."""

    name: Text
    parameters: dict[str, Number] = Field(default_factory=dict)


class Published(Section):
    """Scores that others published; shown on the leaderboard apart from computed ones."""

    path: Text
    source: Text


def time_slice(dates: Dates) -> slice:
    """Instants from the start of the first to the end of the last day, in nanoseconds."""
    first, last = (np.datetime64(d, "D").astype("datetime64[ns]") for d in dates)
    return slice(first, last + np.timedelta64(1, "D") - np.timedelta64(1, "ns"))
