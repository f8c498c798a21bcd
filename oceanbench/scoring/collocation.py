"""Bring estimate and truth of a variable to the same points: a grid, tracks, or windows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from oceanbench.challenge import Challenge
from oceanbench.data.opening import loaded
from oceanbench.declaration import std_name
from oceanbench.errors import OceanbenchError
from oceanbench.grid import SAME_NODE, fill_holes, interpolate
from oceanbench.kinds.windows import files
from oceanbench.metrics.probabilistic.points import MOMENTS


@dataclass(frozen=True)
class Pair:
    """Estimate and truth of one variable on the truth's points, before any mask.

    ``estimate`` is the mean of the ``distribution``, which has a dimension ``member`` or ``moment``
    more, or is the estimate itself where the submission gives one value at each point.
    """

    estimate: xr.DataArray
    truth: xr.DataArray
    distribution: xr.DataArray
    filled: NDArray[np.bool_] | None = None


def pair(challenge: Challenge, estimates: xr.Dataset, truth: xr.Dataset, variable: str) -> Pair:
    r"""Estimate and truth on the points of the truth.

    Maps must be on the truth's coordinates unless the challenge says ``regrid: linear``, windows
    always; tracks are reached by trilinear interpolation. Nothing is extrapolated, except by
    ``missing: fill``.

    Members and standard deviations go the way of the mean. Between nodes a standard deviation is
    interpolated as it stands: that is the deviation of an interpolated estimate whose errors at the
    neighbouring nodes are the same, and too large where they differ (were they independent, half
    way between two nodes by a factor of :math:`\sqrt 2`); what interpolation itself gets wrong is
    not added.

    Parameters
    ----------
    challenge : rules
    estimates : from :meth:`oceanbench.submission.Submission.open`
    truth : from :meth:`oceanbench.challenge.Challenge.open`
    variable : canonical name

    Raises
    ------
    OceanbenchError
        when the coordinates of maps disagree
    """
    reference = loaded(truth[[variable]], f"{challenge.name}: the truth")[variable]
    reference = reference.astype(np.float64)
    if challenge.kind == "maps":
        reference = reference.transpose("time", "latitude", "longitude")
        _check_truth(reference, challenge)
    if challenge.kind == "windows":
        reference = files.in_samplings(reference, challenge.samplings)
    whole = estimates[variable]
    estimate = _at_truth(_mean(whole), reference, challenge)
    holes = estimate.isnull()
    fill = challenge.submission.missing == "fill" and bool(holes.any())

    def carried(field: xr.DataArray) -> xr.DataArray:
        brought = _at_truth(field.astype(np.float64), reference, challenge)
        return fill_holes(brought.where(~holes)) if fill else brought

    if fill:
        estimate = fill_holes(estimate)
    if "member" in whole.dims:
        count = whole.sizes["member"]
        members = (carried(whole.isel(member=i, drop=True)) for i in range(count))
        distribution = _stacked(members, "member", count, reference, whole.dtype)
    elif std_name(variable) in estimates:
        moments = [estimate, carried(estimates[std_name(variable)])]
        distribution = _stacked(moments, "moment", len(MOMENTS), reference, estimate.dtype)
        distribution = distribution.assign_coords(moment=MOMENTS)
    else:
        distribution = estimate
    return Pair(estimate, reference, distribution, holes.values if fill else None)


def _mean(field: xr.DataArray) -> xr.DataArray:
    """Mean of the members in double precision, one time after the other: they may be many."""
    if "member" not in field.dims:
        return field.astype(np.float64)
    times = range(field.sizes["time"])
    maps = [field.isel(time=[t]).astype(np.float64).mean("member", skipna=False) for t in times]
    return xr.concat(maps, "time")


def _stacked(
    fields: Iterable[xr.DataArray], dim: str, count: int, like: xr.DataArray, dtype: np.dtype[Any]
) -> xr.DataArray:
    """Fields on the truth's points along a new dimension, each put in its place at once."""
    values = np.empty((count, *like.shape), dtype)
    for place, field in zip(values, fields, strict=True):
        place[...] = field.values
    return xr.DataArray(values, dims=(dim, *like.dims), coords=like.coords)


def _at_truth(field: xr.DataArray, truth: xr.DataArray, challenge: Challenge) -> xr.DataArray:
    """Field on the truth's points, NaN where it has no value."""
    if challenge.kind == "windows":
        return files.same_windows(field, truth, challenge.name)
    if challenge.kind == "tracks" or challenge.submission.regrid == "linear":
        return interpolate(field, truth)
    return _same_nodes(field, truth, challenge.name)


def _check_truth(truth: xr.DataArray, challenge: Challenge) -> None:
    """Refuse a truth that does not fill the domain: part of it would be scored as the whole."""
    box = challenge.scored.box
    assert box.time and box.latitude and box.longitude  # a domain has all its bounds
    day = np.timedelta64(1, "D")
    bounds = {
        "time": (0.0, (box.time.stop - box.time.start) / day),
        "latitude": box.latitude,
        "longitude": box.longitude,
    }
    for dim, (low, high) in bounds.items():
        nodes = truth[dim].values
        nodes = (nodes - box.time.start) / day if dim == "time" else nodes
        steps = np.diff(nodes)
        usual = float(np.median(steps)) if steps.size else np.inf
        slack = max(1.0, usual) if dim == "time" else 0.0  # maps may lie at the start of a day
        reach = 2.0 * usual
        short = nodes[0] - low > reach or high - nodes[-1] > reach + slack
        if short or (steps > 1.5 * usual).any():
            raise OceanbenchError(
                f"{challenge.name}: dataset '{challenge.truth_name}' does not fill the domain in "
                f"{dim}: it goes from {truth[dim].values[0]} to {truth[dim].values[-1]}; steps go "
                f"up to {steps.max(initial=0):g}; a file is missing, or domain is too large"
            )
    empty = truth.isnull().all(["latitude", "longitude"]).values
    if empty.any():
        raise OceanbenchError(
            f"{challenge.name}: dataset '{challenge.truth_name}' has no value on "
            f"{str(truth['time'].values[empty][0])[:10]} ({int(empty.sum())} times in all); a file "
            "is missing"
        )


def _same_nodes(estimate: xr.DataArray, truth: xr.DataArray, name: str) -> xr.DataArray:
    """Take the maps at the truth's coordinates; refuse them, saying what differs."""
    for dim in ("time", "latitude", "longitude"):
        found, wanted = estimate[dim].values, truth[dim].values
        nearest = np.clip(np.searchsorted(found, wanted), 0, found.size - 1)
        before = np.clip(nearest - 1, 0, None)
        nearest = np.where(
            abs(found[before] - wanted) < abs(found[nearest] - wanted), before, nearest
        )
        tolerance = np.timedelta64(0, "ns") if dim == "time" else SAME_NODE
        wrong = np.abs(found[nearest] - wanted) > tolerance
        if wrong.any():
            raise OceanbenchError(_disagreement(dim, found, wanted, wrong, name))
        estimate = estimate.isel({dim: nearest})
    estimate = estimate.transpose("time", "latitude", "longitude")
    return estimate.assign_coords({d: truth[d] for d in ("time", "latitude", "longitude")})


def _disagreement(
    dim: str,
    found: NDArray[Any],
    wanted: NDArray[Any],
    wrong: NDArray[np.bool_],
    name: str,
) -> str:
    if dim == "time":
        lost = ", ".join(str(t.astype("datetime64[m]")) for t in wanted[wrong][:3])
        more = f" and {int(wrong.sum()) - 3} more" if wrong.sum() > 3 else ""
        return (
            f"{name}: no map at {lost}{more} (the submission inside the domain has {found.size} "
            f"times, {str(found[0])[:16]}..{str(found[-1])[:16]}); submit a map for each of the "
            f"{wanted.size} times"
        )
    return (
        f"{name}: {int(wrong.sum())} of {wanted.size} nodes of {dim} are not in the submission "
        f"(its first are {', '.join(f'{v:g}' for v in found[:3])}, expected "
        f"{', '.join(f'{v:g}' for v in wanted[:3])}); interpolate the maps to the challenge's grid"
    )
