"""The standard deviation that a submission may give beside a variable: found, checked, refused."""

from __future__ import annotations

from collections.abc import Hashable

import xarray as xr

from oceanbench.declaration import SubmittedVariable, std_name
from oceanbench.errors import OceanbenchError


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


def check_values(dataset: xr.Dataset, name: str, widest: float, units: str, where: str) -> None:
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
