"""Where a truth has values: what a dataset of role ``target`` tells those without the truth."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NoReturn

import numpy as np
import xarray as xr

from oceanbench.declaration import Declaration
from oceanbench.errors import OceanbenchError
from oceanbench.grid import SAME_NODE
from oceanbench.times import SAME_TIME

Open = Callable[[Declaration, str, Path | None, None], xr.Dataset]
Prepared = Callable[[xr.DataArray], xr.DataArray]


def places_of(truth: xr.Dataset) -> xr.Dataset:
    """One where a truth has a value and nothing elsewhere, on its coordinates: a target."""
    attributes = {"_FillValue": np.int8(0), "long_name": "1 where the truth has a value"}
    flags = {
        name: array.notnull().astype(np.int8).drop_attrs(deep=False).assign_attrs(attributes)
        for name, array in truth.data_vars.items()
    }
    return xr.Dataset(flags)


def agreeing(
    declaration: Declaration,
    data_dir: Path | None,
    against: str,
    open_dataset: Open,
    prepared: Prepared,
) -> Prepared:
    """How a truth is prepared, which is refused where it is not at the places of the target.

    Parameters
    ----------
    declaration, data_dir : of the challenge
    against : name of the dataset that is prepared, the truth or the target itself
    open_dataset : of the kind
    prepared : the truth of a variable, as it is scored
    """
    name = declaration.target_name
    if name is None:
        return prepared
    if name == against:

        def of_ones(target: xr.DataArray) -> xr.DataArray:
            check_ones(target.values, str(target.name), declaration)
            return prepared(target)

        return of_ones

    @cache
    def target() -> xr.Dataset:
        return open_dataset(declaration, name, data_dir, None)

    def checked(truth: xr.DataArray) -> xr.DataArray:
        check_places(truth, target()[str(truth.name)], declaration)
        return prepared(truth)

    return checked


def check_places(truth: xr.DataArray, target: xr.DataArray, declaration: Declaration) -> None:
    """Refuse a target that is not where the truth has values, or that has values itself.

    Raises
    ------
    OceanbenchError
        what differs first: an axis, places without a value, values
    """
    for name in truth.dims:
        found = target[name].values if name in target.dims else np.zeros(0)
        wanted = truth[name].values
        if found.size != wanted.size:
            disagree(declaration, f"{name} has {found.size} values, and the truth's {wanted.size}")
    for name in truth.coords.keys() & target.coords.keys():
        if truth[name].dims and not _same(target[name].values, truth[name].values):
            disagree(declaration, f"{name} has other values than the truth's")
    given = target.transpose(*truth.dims).values
    apart = int((np.isfinite(given) != truth.notnull().values).sum())
    if apart:
        disagree(declaration, f"'{truth.name}' is, or is not, at {apart} of {truth.size} points")
    check_ones(given, str(truth.name), declaration)


def check_ones(values: np.ndarray, name: str, declaration: Declaration) -> None:
    """Refuse a target that tells more than where there is a value."""
    if not np.isin(values[np.isfinite(values)], 1).all():
        disagree(declaration, f"'{name}' has values, and should be 1 where the truth has some")


def disagree(declaration: Declaration, what: str) -> NoReturn:
    """Refuse a target, and say how it is written."""
    raise OceanbenchError(
        f"{declaration.name}: dataset '{declaration.target_name}' does not tell where the truth "
        f"is: {what}; write it again with 'oceanbench export target', and give it to participants"
    )


def _same(found: np.ndarray, wanted: np.ndarray) -> bool:
    if wanted.dtype.kind == "M" and found.dtype.kind == "M":
        return bool((np.abs(found - wanted) <= SAME_TIME).all())
    if wanted.dtype.kind in "fiu" and found.dtype.kind in "fiu":
        return bool(np.allclose(found, wanted, rtol=1e-6, atol=SAME_NODE))
    return np.array_equal(found, wanted)
