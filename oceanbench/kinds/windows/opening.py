"""Datasets of a challenge of windows, and its own keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import xarray as xr
from pydantic import Field

from oceanbench.declaration import Declaration, ModelSpec, Section, Text
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.expected import expected
from oceanbench.kinds.submitted import empty
from oceanbench.kinds.windows import files

POINTS = ("window", "time", "component")
LEAST_MEMBERS = 50  # of a posterior that distributions are compared with
T = TypeVar("T", xr.Dataset, xr.DataArray)


class WindowKeys(Section):
    """Keys that only challenges of windows have: what methods are told, how windows are sampled."""

    model: ModelSpec | None = None
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
    """Open a dataset of windows, which says of itself which model methods are told of."""
    dataset, own = declaration.datasets[name], keys(declaration)
    found = declaration.files(name, data_dir)
    opened = files.open_dataset(found, dataset.variables, expected(declaration, dataset))
    if dataset.role in ("truth", "posterior", "observations"):
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
    return opened


def posterior_of(
    truth: xr.DataArray, declaration: Declaration, data_dir: Path | None
) -> xr.DataArray | None:
    """Members of the posterior on the points of a truth; None where a challenge has none."""
    names = declaration.of_role("posterior")
    if not names:
        return None
    members = open_windows(declaration, names[0], data_dir)[str(truth.name)]
    least = members.sizes.get("member", 1)
    if least < LEAST_MEMBERS:
        raise OceanbenchError(
            f"{declaration.files(names[0], data_dir)[0].name}: has {least} members of the "
            f"posterior, expected at least {LEAST_MEMBERS}; give more"
        )
    whole = truth.expand_dims(member=members["member"])
    return files.same_windows(members, whole, f"{declaration.name}: posterior")


def open_flagged(declaration: Declaration, name: str, data_dir: Path | None) -> xr.DataArray:
    """Flag in the file of the truth, that masks look through."""
    file = declaration.files(declaration.truth_name, data_dir)[0]
    return _first(declaration, files.open_flag(file, name))


def target(declaration: Declaration, data_dir: Path | None) -> xr.Dataset:
    """Empty windows on the truth's coordinates, in every sampling."""
    truth = open_windows(declaration, declaration.truth_name, data_dir)
    samplings = keys(declaration).samplings
    coords = {"sampling": np.array(samplings)} if samplings else {}
    return empty(declaration, coords | {name: truth[name] for name in POINTS})
