"""Datasets of a challenge of windows, and its own keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import xarray as xr
from pydantic import Field

from oceanbench.declaration import Declaration, ModelSpec, Section, Text
from oceanbench.errors import OceanbenchError
from oceanbench.kinds import state_files
from oceanbench.kinds.expected import expected
from oceanbench.kinds.submitted import empty

POINTS = ("window", "time", "component")
LEAST_MEMBERS = 50  # of a posterior that distributions are compared with
T = TypeVar("T", xr.Dataset, xr.DataArray)


class WindowKeys(Section):
    """Keys that only challenges of windows have: what methods are told, how windows are sampled.

    Attributes
    ----------
    model : equations, and their parameters
    cyclic : where no model is told, whether the components lie on a circle and are all alike
    process_noise : variance, per unit of time, of the white noise that drives every component
    samplings : names of the ways in which the same windows are observed
    """

    model: ModelSpec | None = None
    cyclic: bool = False
    process_noise: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    samplings: list[Text] = Field(default_factory=list)


class FirstWindows(WindowKeys):
    """Keys of a challenge of which only the first windows are looked at."""

    count: int


def shortened(declaration: Declaration, count: int) -> Declaration:
    """The same challenge with its first windows."""
    own = FirstWindows.model_construct(**dict(keys(declaration)), count=count)
    return declaration.model_copy(update={"own": own})


def _first(declaration: Declaration, opened: T) -> T:
    """Windows that are looked at."""
    own = keys(declaration)
    return opened.isel(window=slice(own.count)) if isinstance(own, FirstWindows) else opened


def defaults(content: dict[str, Any]) -> dict[str, Any]:
    """Content of a challenge.yaml, whose truth is of the family of the model that it tells."""
    model = content.get("model")
    name = model.get("name") if isinstance(model, dict) else None
    return {"physics": name, **content} if isinstance(name, str) else content


def keys(declaration: Declaration) -> WindowKeys:
    """Keys of a challenge of windows."""
    return cast(WindowKeys, declaration.own)


def open_windows(
    declaration: Declaration, name: str, data_dir: Path | None, period: slice | None = None
) -> xr.Dataset:
    """Open a dataset of windows, which says of itself what methods are told."""
    dataset, own = declaration.datasets[name], keys(declaration)
    found = declaration.files(name, data_dir)
    opened = state_files.open_dataset(found, dataset.variables, expected(declaration, dataset))
    if dataset.role in ("truth", "target", "posterior", "observations"):
        opened = _first(declaration, opened)
    if "sampling" in opened.dims:
        labels = [str(label) for label in opened["sampling"].values]
        if labels != own.samplings:
            raise OceanbenchError(
                f"{found[0].name}: its samplings are {labels}, expected those of "
                f"{declaration.path}: {own.samplings}"
            )
    if own.model is not None:
        numbers = {f"model_{k}": v for k, v in own.model.parameters.items()}
        opened = opened.assign_attrs(model=own.model.name, **numbers)
    if own.cyclic:
        opened = opened.assign_attrs(cyclic=1)
    if own.process_noise:
        opened = opened.assign_attrs(process_noise=own.process_noise)
    return opened


def posterior_of(
    truth: xr.DataArray, declaration: Declaration, data_dir: Path | None
) -> xr.DataArray | None:
    """Members of the posterior on the points of a truth; None where a challenge has none."""
    names = declaration.of_role("posterior")
    if not names:
        return None
    where = declaration.files(names[0], data_dir)[0].name
    members = open_windows(declaration, names[0], data_dir)[str(truth.name)]
    least = members.sizes.get("member", 1)
    if least < LEAST_MEMBERS:
        raise OceanbenchError(
            f"{where}: has {least} members of the posterior, expected at least {LEAST_MEMBERS}; "
            "give more"
        )
    whole = truth.expand_dims(member=members["member"])
    if set(members.dims) != set(whole.dims):
        raise OceanbenchError(
            f"{where}: the posterior has dimensions {tuple(members.dims)}, expected "
            f"{tuple(whole.dims)}: one for every sampling"
        )
    return state_files.same_windows(
        members, whole, f"{declaration.name}: {where}", whose="the posterior"
    )


def open_flagged(declaration: Declaration, name: str, data_dir: Path | None) -> xr.DataArray:
    """Flag in the file of the truth, that masks look through."""
    file = declaration.files(declaration.truth_name, data_dir)[0]
    return _first(declaration, state_files.open_flag(file, name))


def target(declaration: Declaration, data_dir: Path | None) -> xr.Dataset:
    """Empty windows on the coordinates that are scored, in every sampling."""
    scored = open_windows(declaration, declaration.scored_at(data_dir), data_dir)
    samplings = keys(declaration).samplings
    coords = {"sampling": np.array(samplings)} if samplings else {}
    return empty(declaration, coords | {name: scored[name] for name in POINTS})
