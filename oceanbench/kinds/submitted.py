"""The variables of a submission: found, checked, refused."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from oceanbench.data.checks.files import open_untrusted
from oceanbench.data.plausibility import check_numbers, check_plausible, expected_of
from oceanbench.data.units import same_unit
from oceanbench.declaration import Declaration, SubmittedVariable, std_name
from oceanbench.errors import OceanbenchError
from oceanbench.times import SAME_TIME

MEMBERS = ("realization", "ensemble", "number", "ens", "members", "realisation", "sample")


def only_file(files: Sequence[Path], where: str) -> Path:
    """The file of a submission, or of a dataset, that is not joined of several."""
    if len(files) > 1:
        raise OceanbenchError(f"{where}: {len(files)} files, expected all in one; join them")
    return files[0]


def open_variables(
    file: Path,
    declaration: Declaration,
    canonical: Callable[[xr.Dataset, str], xr.Dataset],
    dims: Sequence[str],
    texts: Collection[str] = (),
) -> xr.Dataset:
    """Variables of the challenge in one file, under their canonical names, not yet read.

    Parameters
    ----------
    file : NetCDF file or Zarr store
    declaration : of the challenge
    canonical : dataset and file name -> the dataset with canonical coordinates
    dims : that each variable has, beside ``member``
    texts : the only variables of texts that are read
    """
    opened = open_untrusted(file, texts, declaration.budget)
    chosen: dict[Hashable, str] = {}
    for name, rules in declaration.submission.variables.items():
        chosen[find(opened, name, rules, file.name)] = name
        if (std := find_std(opened, name, rules, file.name)) is not None:
            chosen[std] = std_name(name)
    dataset = canonical(opened, file.name).rename(chosen)[list(chosen.values())]
    for name, rules in declaration.submission.variables.items():
        check_variable(dataset[name], rules, dims, file.name)
        if std_name(name) in dataset:
            check_form(dataset, name, file.name)
            check_variable(dataset[std_name(name)], rules, dims, file.name)
    check_coordinates(dataset, dims, file.name)
    return dataset


def check_coordinates(dataset: xr.Dataset, dims: Sequence[str], where: str) -> None:
    """Refuse a place along a dimension that is missing or given twice, and times out of order."""
    if "time" in dims and dataset["time"].dtype.kind == "M":
        check_times(dataset, where)
    for dim in (dim for dim in dims if dim in dataset.coords):
        values = dataset[dim].values
        if bool(dataset[dim].isnull().any()):
            raise OceanbenchError(f"{where}: a value of {dim} is missing; give every one its place")
        known, counts = np.unique(values, return_counts=True)
        if (counts > 1).any():
            twice = written(known[counts > 1][0])
            raise OceanbenchError(f"{where}: {dim} {twice} occurs twice; keep one of each")


def check_times(dataset: xr.Dataset, where: str) -> None:
    """Refuse dates that are missing, given twice or not increasing."""
    time = dataset["time"].values
    steps = np.diff(time)
    if np.isnat(time).any():
        raise OceanbenchError(f"{where}: a time is missing (NaT); give every map its date")
    ordered = np.sort(time)
    twice = np.diff(ordered) <= SAME_TIME
    if twice.any():
        first = written(ordered[1:][twice][0])
        raise OceanbenchError(f"{where}: time {first} occurs twice; keep one map per time")
    if (steps < np.timedelta64(0)).any():
        i = int(np.argmax(steps < np.timedelta64(0)))
        raise OceanbenchError(
            f"{where}: times are not increasing ({written(time[i + 1])} follows "
            f"{written(time[i])}); sort them with ds.sortby('time')"
        )


def written(value: object) -> str:
    """A coordinate's value in a message: dates to the minute."""
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[m]"))
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)


def check_values(whole: xr.Dataset, declaration: Declaration, where: str) -> None:
    """Refuse values outside the valid range, and standard deviations that can be none."""
    for name, rules in declaration.submission.variables.items():
        expected = expected_of(rules.units, rules.valid_range)
        check_plausible(whole[name].values, name, expected, where)
        if std_name(name) in whole:
            check_std(whole, name, expected.high - expected.low, rules.units, where)


def find_std(
    opened: xr.Dataset, name: str, rules: SubmittedVariable, where: str
) -> Hashable | None:
    """Name of the standard deviation of a variable in a file; None where there is none."""
    found = [n for n in map(std_name, (name, *rules.aliases)) if n in opened.data_vars]
    if len(found) > 1:
        raise OceanbenchError(f"{where}: '{found[0]}' and '{found[1]}' are the same; keep one")
    return found[0] if found else None


def check_form(dataset: xr.Dataset, name: str, where: str) -> None:
    """Refuse a standard deviation beside members, or on other dimensions than its variable."""
    array, std = dataset[name], dataset[std_name(name)]
    if "member" in array.dims:
        raise OceanbenchError(
            f"{where}: '{name}' has members and there is '{std.name}' too, two answers to how sure "
            "it is; keep one of them"
        )
    if set(std.dims) != set(array.dims):
        raise OceanbenchError(
            f"{where}: '{std.name}' has dimensions {tuple(map(str, std.dims))}, expected those of "
            f"'{name}', {tuple(map(str, array.dims))}; give every point its own"
        )


def check_std(dataset: xr.Dataset, name: str, widest: float, units: str, where: str) -> None:
    """Refuse standard deviations that are missing, not positive or more than the widest.

    Only the points where the variable has a value are looked at.
    """
    known = dataset[name].notnull()
    std = dataset[std_name(name)].transpose(*known.dims)
    missing = known & std.isnull()
    if missing.any():
        others = [dim for dim in missing.dims if dim != "time"]
        date = str(dataset["time"].values[missing.any(others)][0])[:16]
        raise OceanbenchError(
            f"{where}: '{std.name}' is missing at {int(missing.sum())} points where '{name}' is "
            f"not, first at {date}; give a standard deviation wherever there is a value"
        )
    values = std.values[known.values]
    wrong = (values <= 0) | (values > widest)
    if wrong.any():
        raise OceanbenchError(
            f"{where}: {int(wrong.sum())} values of '{std.name}' are no standard deviations (for "
            f"example {values[wrong][0]:g}), expected more than 0 and at most {widest:g} {units}; "
            "check the sign and the unit, and that it is no variance"
        )


def find(opened: xr.Dataset, name: str, rules: SubmittedVariable, where: str) -> Hashable:
    """Name of a variable in a file; refused where there is none."""
    for candidate in (name, *rules.aliases):
        if candidate in opened.data_vars:
            return candidate
    if not opened.data_vars:
        raise OceanbenchError(
            f"{where}: no variable in its root group, expected '{name}'; write the variables there "
            "rather than in NetCDF groups"
        )
    found = ", ".join(map(str, opened.data_vars))
    also = f" (or {', '.join(rules.aliases)})" if rules.aliases else ""
    raise OceanbenchError(
        f"{where}: found {found}, expected a variable '{name}'{also}; rename it, for example with "
        f"xarray: ds.rename({{'{_meant(opened, name, rules)}': '{name}'}})"
    )


def _meant(opened: xr.Dataset, name: str, rules: SubmittedVariable) -> str:
    """Variable that is probably meant: the only one of its unit, or of all, or the nearest."""
    numbers = [str(n) for n, array in opened.data_vars.items() if array.dtype.kind == "f"]
    units = {n: opened[n].attrs.get("units") for n in numbers}
    alike = [n for n in numbers if units[n] and same_unit(str(units[n]), rules.units)]
    for candidates in (alike, numbers):
        if len(candidates) == 1:
            return candidates[0]
    return next(iter(get_close_matches(name, numbers, n=1, cutoff=0.5)), "…")


def check_variable(
    array: xr.DataArray, rules: SubmittedVariable, dims: Sequence[str], where: str
) -> None:
    """Refuse a variable on other dimensions, of another type or in another unit."""
    if set(array.dims) - {"member"} != set(dims):
        raise OceanbenchError(
            f"{where}: '{array.name}' has dimensions {tuple(map(str, array.dims))}, expected "
            f"({', '.join(dims)}) and optionally member; {_cure(array, dims)}"
        )
    if array.sizes.get("member") == 0:
        raise OceanbenchError(f"{where}: '{array.name}' has no member; give at least one")
    if array.dtype.kind != "f":
        raise OceanbenchError(
            f"{where}: '{array.name}' has type {array.dtype}, expected floating point numbers; "
            "convert it with .astype('float32')"
        )
    check_numbers(array, str(array.name), where)
    unit = array.attrs.get("units")
    if unit is not None and not same_unit(str(unit), rules.units):
        raise OceanbenchError(
            f"{where}: '{array.name}' is in '{unit}', expected '{rules.units}'; convert "
            f"the values and set the attribute units to '{rules.units}'"
        )


def _cure(array: xr.DataArray, dims: Sequence[str]) -> str:
    """What to do about dimensions that are not those expected."""
    more = [str(dim) for dim in array.dims if dim not in (*dims, "member")]
    less = [dim for dim in dims if dim not in array.dims]
    if not less and len(more) == 1 and more[0] in MEMBERS and "member" not in array.dims:
        return f"rename it: ds.rename({{'{more[0]}': 'member'}})"
    if not more and len(less) == 1 and less[0] in array.coords:
        return f"give it the dimension that it has one value of: ds.expand_dims('{less[0]}')"
    if not less:
        return f"select one of {more[0]}: ds.isel({more[0]}=0), or average"
    return "transpose or select"


def empty(declaration: Declaration, coords: Mapping[str, Any]) -> xr.Dataset:
    """Every variable of a submission on the coordinates, without values: what a method fills."""
    shape = tuple(len(c) for c in coords.values())
    return xr.Dataset(
        {
            name: (tuple(coords), np.full(shape, np.nan), {"units": variable.units})
            for name, variable in declaration.submission.variables.items()
        },
        coords=coords,
    )
