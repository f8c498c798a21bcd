"""Files and times of a dataset put in order: each time once, each day whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from oceanbench.arrays import BoolArray, IndexArray
from oceanbench.errors import OceanbenchError
from oceanbench.grid import SAME_NODE, same_nodes
from oceanbench.times import SAME_TIME

DAY = np.timedelta64(1, "D")


def in_time(parts: Sequence[xr.Dataset], where: str, layout: str) -> xr.Dataset:
    """Join the parts of a dataset in the order of time; their grids must be the same."""
    if len(parts) == 1:
        return parts[0]
    if layout == "grid":
        for name in ("latitude", "longitude"):
            for part in parts[1:]:
                if not same_nodes(part[name].values, parts[0][name].values):
                    raise OceanbenchError(
                        f"{where}: it and the files beside it have different nodes of {name}; "
                        "write all maps on one grid"
                    )
    members = parts[0].get("member", xr.DataArray(parts[0].sizes.get("member", 0)))
    for part in parts[1:]:
        others = part.get("member", xr.DataArray(part.sizes.get("member", 0)))
        if not np.array_equal(others.values, members.values):
            raise OceanbenchError(f"{where}: it and the files beside it have different members")
    _check_depths(parts, where)
    ordered = sorted((p for p in parts if p.sizes["time"]), key=lambda p: p["time"].values.min())
    joined = xr.concat(ordered, dim="time", data_vars="all", join="override")
    return joined if layout == "grid" else joined.sortby("time")


def _check_depths(parts: Sequence[xr.Dataset], where: str) -> None:
    """Refuse files of which one is of another depth: they would be joined as if they were one."""
    known = [np.atleast_1d(p["depth"].values) for p in parts if _has_level(p)]
    if any(k.shape != known[0].shape or not np.allclose(k, known[0], rtol=1e-3) for k in known):
        raise OceanbenchError(
            f"{where}: it and the files beside it are of different depths; write all at one"
        )


def _has_level(part: xr.Dataset) -> bool:
    return "depth" in part.coords and "time" not in part["depth"].dims


def each_time_once(dataset: xr.Dataset, where: str, layout: str) -> xr.Dataset:
    """A dataset in the order of time, without what is given twice.

    Files that overlap give the same values again: they count once. Maps of one time, or
    observations of one time and place, that differ are refused.

    Parameters
    ----------
    dataset : canonical, with times
    where : file name, for messages
    layout : ``grid``, ``track`` or ``swath``
    """
    time = dataset["time"].values
    if layout == "grid" and np.isnat(time).any():
        raise OceanbenchError(f"{where}: a time is missing (NaT); give every map its date")
    if (np.diff(time) < np.timedelta64(0)).any():
        dataset = dataset.isel(time=np.argsort(time, kind="stable"))
        time = dataset["time"].values
    if layout == "grid":
        again = np.flatnonzero(np.diff(time) <= SAME_TIME) + 1
    else:
        dataset, again = _at_one_place(dataset)
        time = dataset["time"].values
    if not again.size:
        return dataset
    left_out = again.copy()
    for name, array in dataset.data_vars.items():
        pairs = [array.isel(time=i).transpose("time", ...).values for i in (again - 1, again)]
        earlier, unequal = compared(*pairs)
        if unequal.any():
            raise OceanbenchError(
                f"{where}: time {str(time[again[unequal][0]])[:16]} is given twice, with different "
                f"values of '{name}'; keep one file, or one map or observation, of each time"
            )
        left_out[earlier] = again[earlier] - 1
    return dataset.isel(time=np.setdiff1d(np.arange(time.size), left_out))


def compared(first: NDArray[Any], second: NDArray[Any]) -> tuple[BoolArray, BoolArray]:
    """Which rows of the first lack what the second has, and which are not of the same values.

    >>> compared(np.array([1.0, np.nan, 1.0]), np.array([1.0, 2.0, 2.0]))
    (array([False,  True, False]), array([False, False,  True]))
    """
    axes = tuple(range(1, first.ndim))
    lacks_first, lacks_second = (a != a for a in (first, second))  # noqa: PLR0124  (NaN, any type)
    other = (first != second) & ~lacks_first & ~lacks_second
    earlier = (lacks_first & ~lacks_second).any(axis=axes)
    later = (lacks_second & ~lacks_first).any(axis=axes)
    return earlier, other.any(axis=axes) | (earlier & later)


def _at_one_place(dataset: xr.Dataset) -> tuple[xr.Dataset, IndexArray]:
    """Observations with those of one time by place, and which are where the one before them is."""
    time = dataset["time"].values
    if not (np.diff(time) == np.timedelta64(0)).any():
        return dataset, np.zeros(0, np.intp)
    places = [
        dataset[name].values.reshape(time.size, -1)[:, 0] for name in ("latitude", "longitude")
    ]
    dataset = dataset.isel(time=np.lexsort((*places[::-1], time)))
    again = np.diff(dataset["time"].values) == np.timedelta64(0)
    for name in ("latitude", "longitude"):
        values = dataset[name].values.reshape(time.size, -1)
        again &= (np.abs(np.diff(values, axis=0)) <= SAME_NODE).all(axis=1)
    return dataset, np.flatnonzero(again) + 1


def daily_means(dataset: xr.Dataset, where: str, *, whole: bool) -> xr.Dataset:
    """Means of UTC days, labelled at 00:00, of days and cells with all their samples.

    Parameters
    ----------
    dataset : maps in the order of time, each time once
    where : file name, for messages
    whole : refuse a day that lacks samples; else it is left out
    """
    days = dataset["time"].values.astype("datetime64[D]")
    found, counts = np.unique(days, return_counts=True)
    steps = np.diff(dataset["time"].values)
    usual = int(max(1, np.round(DAY / np.median(steps)))) if steps.size else 1
    short = counts < usual
    if whole and short.any():
        raise OceanbenchError(
            f"{where}: {found[short][0]} has {counts[short][0]} of {usual} samples "
            f"({int(short.sum())} days in all), and its mean needs every one; a file is missing or "
            "incomplete"
        )
    complete = dataset.isel(time=np.flatnonzero(~np.isin(days, found[short])))
    means = complete.resample(time="1D").mean(skipna=False, keep_attrs=True)
    return means.isel(time=np.flatnonzero(np.isin(means["time"].values, found[~short])))
