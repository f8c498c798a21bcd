"""Keys that only challenges of forecasts have, and what follows from them."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, cast

from pydantic import Field

from oceanbench.arrays import TimeArray
from oceanbench.declaration import Dataset, Declaration, Lead, Number, Section, Starts, Text
from oceanbench.kinds.forecasts.derived import DERIVED

SURFACE: tuple[None] = (None,)
Column = tuple[float | None, ...]


class ForecastKeys(Section):
    """When forecasts begin and how far they reach, at which depths, and what is derived.

    Methods begin from ``analyses``, or from ``observations`` that were delivered by the start, and
    then make its nowcast too (lead 0). ``damping`` has a factor for each lead, by which the anomaly
    of the reference nowcast is multiplied to be what skill is against; ``decorrelation_days`` is
    the e-folding time of anomalies; ``centred_rmse`` is the error of the reference's maps where
    they know the future as well as the past, below which no forecast can be.
    """

    inputs: Literal["analyses", "observations"] = "analyses"
    starts: Starts | None = None
    leads: list[Lead] = Field(default_factory=list)
    damping: list[Annotated[Number, Field(ge=0, le=1)]] = Field(default_factory=list)
    decorrelation_days: Annotated[Number, Field(gt=0, le=36_525)] | None = None
    centred_rmse: Annotated[Number, Field(gt=0)] | None = None
    depths: list[Number] = Field(default_factory=list)
    derived: dict[str, Text] = Field(default_factory=dict)


class Schedule(NamedTuple):
    """What a complete submission holds: starts, leads, and the depths of each variable."""

    starts: TimeArray
    leads: tuple[int, ...]
    depths: dict[str, Column]


def keys(declaration: Declaration) -> ForecastKeys:
    """Keys of a challenge of forecasts."""
    return cast(ForecastKeys, declaration.own)


def schedule_of(declaration: Declaration) -> Schedule:
    """Starts, leads and depths of a complete submission of forecasts."""
    own = keys(declaration)
    assert own.starts is not None  # rules.check_schedule asks for them
    column: Column = tuple(own.depths) or SURFACE
    depths = {
        name: SURFACE if variable.surface else column
        for name, variable in declaration.submission.variables.items()
    }
    return Schedule(own.starts.days, tuple(own.leads), depths)


def columns_of(declaration: Declaration) -> dict[str, Column]:
    """Depths of every variable of forecasts, submitted or derived."""
    derived = dict.fromkeys(keys(declaration).derived, SURFACE)
    return {**schedule_of(declaration).depths, **derived}


def observed_in(declaration: Declaration) -> dict[str, Dataset]:
    """Observations that forecasts are scored against; no method ever receives them."""
    return {n: d for n, d in declaration.datasets.items() if d.is_observed_truth}


def has_maps(declaration: Declaration) -> bool:
    """Whether the truth is maps; else it is what was observed, and nothing beside it is scored."""
    return not declaration.truth.is_observed_truth


def unit_of(declaration: Declaration, variable: str) -> str:
    """Unit of a variable, submitted or derived."""
    derived = keys(declaration).derived
    if variable in derived:
        return DERIVED[derived[variable]].units
    return declaration.submission.variables[variable].units
