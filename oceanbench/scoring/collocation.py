"""Bring estimate and truth of a variable to the same points."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray
from oceanbench.declaration import std_name
from oceanbench.grid import fill_holes
from oceanbench.metrics.probabilistic.points import MOMENTS


@dataclass(frozen=True)
class Collocated:
    """Estimate and truth of one variable on the truth's points, before any mask.

    ``estimate`` is the mean of the ``distribution``, which has a dimension ``member`` or ``moment``
    more, or is the estimate itself where the submission gives one value at each point.
    """

    estimate: xr.DataArray
    truth: xr.DataArray
    distribution: xr.DataArray
    filled: BoolArray | None = None


AtTruth = Callable[[xr.DataArray, xr.DataArray], xr.DataArray]


def collocate(
    estimates: xr.Dataset, truth: xr.DataArray, at_truth: AtTruth, *, fill: bool = False
) -> Collocated:
    r"""Estimate and truth on the points of the truth.

    How an estimate is brought there is the kind's to say. Nothing is extrapolated, except by
    ``missing: fill``.

    Members and standard deviations go the way of the mean. Between nodes a standard deviation is
    interpolated as it stands: that is the deviation of an interpolated estimate whose errors at the
    neighbouring nodes are the same, and too large where they differ (were they independent, half
    way between two nodes by a factor of :math:`\sqrt 2`); what interpolation itself gets wrong is
    not added.

    Parameters
    ----------
    estimates : canonical variables of a submission
    truth : of one of these variables, in double precision
    at_truth : field and truth -> the field on the truth's points, NaN where it has no value
    fill : fill what is missing there from its surroundings

    Raises
    ------
    OceanbenchError
        when the coordinates disagree
    """
    variable = str(truth.name)
    whole = estimates[variable]
    estimate = at_truth(_mean(whole), truth)
    holes = estimate.isnull()
    fill = fill and bool(holes.any())

    def carried(field: xr.DataArray) -> xr.DataArray:
        brought = at_truth(_wide(field), truth)
        return fill_holes(brought.where(~holes)) if fill else brought

    if fill:
        estimate = fill_holes(estimate)
    if "member" in whole.dims:
        count = whole.sizes["member"]
        members = (carried(whole.isel(member=i, drop=True)) for i in range(count))
        distribution = _stacked(members, "member", count, truth, whole.dtype)
    elif std_name(variable) in estimates:
        moments = [estimate, carried(estimates[std_name(variable)])]
        distribution = _stacked(moments, "moment", len(MOMENTS), truth, estimate.dtype)
        distribution = distribution.assign_coords(moment=MOMENTS)
    else:
        distribution = estimate
    return Collocated(estimate, truth, distribution, holes.values if fill else None)


def _mean(field: xr.DataArray) -> xr.DataArray:
    """Mean of the members in double precision, one time after the other: they may be many."""
    if "member" not in field.dims:
        return _wide(field)
    times = range(field.sizes["time"])
    maps = [_wide(field.isel(time=[t])).mean("member", skipna=False) for t in times]
    return xr.concat(maps, "time")


def _wide(field: xr.DataArray) -> xr.DataArray:
    """Field in double precision; a signalling NaN of a damaged file is missing as any other."""
    with np.errstate(invalid="ignore"):
        return field.astype(np.float64)


def _stacked(
    fields: Iterable[xr.DataArray], dim: str, count: int, like: xr.DataArray, dtype: np.dtype[Any]
) -> xr.DataArray:
    """Fields on the truth's points along a new dimension, each put in its place at once."""
    values = np.empty((count, *like.shape), dtype)
    for place, field in zip(values, fields, strict=True):
        place[...] = field.values
    return xr.DataArray(values, dims=(dim, *like.dims), coords=like.coords)
