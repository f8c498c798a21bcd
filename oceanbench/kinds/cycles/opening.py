"""Datasets of a challenge of cycles, and its own keys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import numpy as np
import xarray as xr
from pydantic import Field

from oceanbench.arrays import FloatArray
from oceanbench.declaration import Declaration, Mask, ModelSpec, Section
from oceanbench.errors import OceanbenchError
from oceanbench.kinds import state_files
from oceanbench.kinds.cycles import models
from oceanbench.kinds.expected import expected
from oceanbench.kinds.submitted import empty

OF_SCORED = ("truth", "observations")  # roles whose worlds are those that are scored
T = TypeVar("T", xr.Dataset, xr.DataArray)
Count = Annotated[int, Field(strict=True, ge=1)]
Index = Annotated[int, Field(strict=True, ge=0)]


class ComponentMask(Mask):
    """Part of the state: its components from one number to another, both included."""

    components: tuple[Index, Index] | None = None

    @property
    def inside(self) -> slice:
        """Which components a score looks at."""
        if self.components is None:
            return slice(None)
        first, last = self.components
        return slice(first, last + 1)


class CycleKeys(Section):
    """Keys that only challenges of cycles have.

    Attributes
    ----------
    model : that members are advanced with, and methods are told of
    bound : absolute value beyond which a member has left what the model can run
    spin_up : cycles of a world that are not scored, but in the time until convergence
    block : cycles that intervals resample together: longer than errors remember
    leads : of the forecasts that are made of the analyses, in cycles
    every : cycles from one of these forecasts to the next
    """

    model: ModelSpec
    bound: Annotated[float, Field(strict=True, gt=0)] = 100.0
    spin_up: Count
    block: Count
    leads: list[Count] = Field(default_factory=list)
    every: Count = 20


class FirstCycles(CycleKeys):
    """Keys of a challenge of which only the first blocks of the first world are looked at."""

    count: int


def defaults(content: dict[str, Any]) -> dict[str, Any]:
    """Content of a challenge.yaml, whose scores are of the state unless they say otherwise."""
    rows, submission = content.get("metrics"), content.get("submission")
    named = submission.get("variables") if isinstance(submission, dict) else None
    if not isinstance(rows, list) or not isinstance(named, dict) or not named:
        return content
    of_state = {"variable": next(iter(named))}
    return {**content, "metrics": [{**of_state, **r} if isinstance(r, dict) else r for r in rows]}


def keys(declaration: Declaration) -> CycleKeys:
    """Keys of a challenge of cycles."""
    return cast(CycleKeys, declaration.own)


def masks_of(declaration: Declaration) -> Mapping[str, ComponentMask]:
    """Masks of a challenge of cycles."""
    return cast(Mapping[str, ComponentMask], declaration.masks)


def shortened(declaration: Declaration, count: int) -> Declaration:
    """The same challenge with the first blocks of its first world."""
    own = FirstCycles.model_construct(**dict(keys(declaration)), count=count)
    return declaration.model_copy(update={"own": own})


def _first(declaration: Declaration, opened: T) -> T:
    """Cycles that are looked at."""
    own = keys(declaration)
    if not isinstance(own, FirstCycles):
        return opened
    return opened.isel(window=slice(1), time=slice(own.spin_up + own.count * own.block))


def open_worlds(
    declaration: Declaration, name: str, data_dir: Path | None, period: slice | None = None
) -> xr.Dataset:
    """Open a dataset of worlds, which says of itself what methods are told."""
    dataset, own = declaration.datasets[name], keys(declaration)
    found = declaration.files(name, data_dir)
    opened = state_files.open_dataset(found, dataset.variables, expected(declaration, dataset))
    time = opened["time"].values
    steps = np.diff(time)
    if np.ptp(steps) > 1e-6 * steps[0]:
        raise OceanbenchError(
            f"{found[0].name}: cycles are {steps.min():g} to {steps.max():g} apart, expected "
            "always the same; give every cycle a time, and NaN where nothing is observed"
        )
    for key, array in opened.data_vars.items():
        if set(array.dims) != set(state_files.DIMENSIONS):
            raise OceanbenchError(
                f"{found[0].name}: '{key}' has dimensions {array.dims}, expected "
                f"{state_files.DIMENSIONS}; select one of each other"
            )
    if dataset.role in OF_SCORED:
        opened = _first(declaration, opened)
    numbers = {f"{models.PREFIX}{k}": v for k, v in own.model.parameters.items()}
    opened = opened.assign_attrs(model=own.model.name, bound=own.bound, **numbers)
    try:
        model_of(opened).advance(np.zeros((1, opened.sizes["component"])))
    except ValueError as problem:
        raise OceanbenchError(
            f"{found[0].name}: model '{own.model.name}' cannot run its states ({problem}); correct "
            "the model of challenge.yaml, or the file"
        ) from problem
    return opened


def variable_of(declaration: Declaration) -> str:
    """The one variable of a submission: the state."""
    return next(iter(declaration.submission.variables))


def target(declaration: Declaration, data_dir: Path | None) -> xr.Dataset:
    """Empty worlds on the truth's coordinates."""
    truth = open_worlds(declaration, declaration.truth_name, data_dir)
    return empty(declaration, {name: truth[name] for name in state_files.DIMENSIONS})


def model_of(dataset: xr.Dataset) -> models.CycleModel:
    """Model that a dataset tells, from one of its cycles to the next."""
    time = dataset["time"].values
    return models.told(dataset.attrs, float(time[1] - time[0]))


def climate_of(dataset: xr.Dataset, variable: str) -> FloatArray:
    """States (states, components) of training runs, one world after the other."""
    array = dataset[variable].transpose(*state_files.DIMENSIONS)
    values = array.values.astype(np.float64)
    found: FloatArray = values.reshape(-1, values.shape[-1])
    return found


def is_of_states(dataset: Any) -> bool:
    """Whether training data are states, and not observations of them."""
    return "noise_variance" not in dataset.coords
