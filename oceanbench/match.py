"""Bring estimate and truth to the same points, weigh them, and refuse holes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from oceanbench.challenge import Challenge
from oceanbench.data import loaded
from oceanbench.declaration import Mask, time_slice
from oceanbench.errors import OceanbenchError
from oceanbench.grid import (
    SAME_NODE,
    fill_holes,
    interpolate,
    longitude_span,
    wrap_longitude,
)


@dataclass(frozen=True)
class Coverage:
    """How much of the truth inside a mask was scored.

    ``points`` of the truth lie inside the mask, ``scored`` of them entered the scores, ``filled``
    had been filled from their surroundings; ``missing_from`` and ``missing_to`` bound the times of
    the points without an estimate.
    """

    points: int
    scored: int
    filled: int = 0
    missing_from: str | None = None
    missing_to: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary for the result file."""
        return asdict(self)


@dataclass(frozen=True)
class Pair:
    """Estimate and truth of one variable on the truth's points, before any mask."""

    estimate: xr.DataArray
    truth: xr.DataArray
    filled: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Matched:
    """Estimate, truth and weights on the same points, without holes where weights are positive."""

    estimate: xr.DataArray
    truth: xr.DataArray
    weights: xr.DataArray
    coverage: Coverage


def pair(challenge: Challenge, estimates: xr.Dataset, truth: xr.Dataset, variable: str) -> Pair:
    """Estimate and truth on the points of the truth.

    Maps must be on the truth's coordinates unless the challenge says ``regrid: linear``; tracks are
    reached by trilinear interpolation. Nothing is extrapolated, except by ``missing: fill``.

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
    estimate = estimates[variable].astype(np.float64)
    if "member" in estimate.dims:
        estimate = estimate.mean("member", skipna=False)
    if challenge.kind == "tracks":
        return Pair(interpolate(estimate, reference), reference)
    reference = reference.transpose("time", "latitude", "longitude")
    _check_truth(reference, challenge)
    if challenge.submission.regrid == "linear":
        estimate = interpolate(estimate, reference)
    else:
        estimate = _same_nodes(estimate, reference, challenge.name)
    if challenge.submission.missing == "fill" and bool(estimate.isnull().any()):
        holes = estimate.isnull().values
        return Pair(fill_holes(estimate), reference, holes)
    return Pair(estimate, reference)


def _check_truth(truth: xr.DataArray, challenge: Challenge) -> None:
    """Refuse a truth that does not fill the domain: part of it would be scored as the whole."""
    box = challenge.domain.box
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


def match(pairing: Pair, challenge: Challenge, mask_name: str) -> Matched:
    """Weights of a mask, with holes refused or dropped as the challenge declares.

    Parameters
    ----------
    pairing : from :func:`pair`
    challenge : rules and masks
    mask_name : which mask

    Raises
    ------
    OceanbenchError
        when points inside the mask have no estimate and the challenge does not say ``drop``
    """
    mask = challenge.masks[mask_name]
    truth, estimate = pairing.truth, pairing.estimate
    inside = _inside(truth, mask, challenge).broadcast_like(truth).transpose(*truth.dims)
    known = inside & truth.notnull()
    holes = (known & estimate.isnull()).values
    coverage = _coverage(truth, known.values, holes, pairing.filled)
    if holes.any() and challenge.submission.missing != "drop":
        raise OceanbenchError(
            f"{challenge.name}: {int(holes.sum())} of {coverage.points} points inside mask "
            f"'{mask_name}' have no value in the submission, from {coverage.missing_from} to "
            f"{coverage.missing_to}; fill them: a score cannot skip them"
        )
    least = challenge.submission.min_coverage
    if 0 < coverage.scored < least * coverage.points:
        raise OceanbenchError(
            f"{challenge.name}: only {coverage.scored} of {coverage.points} points inside mask "
            f"'{mask_name}' have a value in the submission, expected at least {least:.0%}; map the "
            "rest: leaving out what is hard would raise the score"
        )
    if coverage.scored == 0:
        raise OceanbenchError(
            f"{challenge.name}: no point inside mask '{mask_name}' has both truth and estimate; "
            "check the dates, the box and the missing values of the submission"
        )
    weights = (known & ~holes).astype(np.float64)
    if mask.weights == "cos_latitude":
        weights = weights * np.cos(np.deg2rad(truth["latitude"]))
    return Matched(
        estimate.fillna(0.0), truth.fillna(0.0), weights.transpose(*truth.dims), coverage
    )


def _coverage(
    truth: xr.DataArray,
    known: NDArray[np.bool_],
    holes: NDArray[np.bool_],
    filled: NDArray[np.bool_] | None,
) -> Coverage:
    points = int(known.sum())
    missing = int(holes.sum())
    replaced = int((filled & known).sum()) if filled is not None else 0
    gone = holes if missing else (filled & known if filled is not None else holes)
    times = truth["time"].values[gone.reshape(gone.shape[0], -1).any(axis=1)]
    bounds = [str(t.astype("datetime64[m]")) for t in (times[[0, -1]] if times.size else [])]
    return Coverage(points, points - missing, replaced, *(bounds or (None, None)))


def _inside(points: xr.DataArray, mask: Mask, challenge: Challenge) -> xr.DataArray:
    """Which points lie inside a mask; bounds are inclusive, as in the published protocols."""
    domain = challenge.domain
    west, east = domain.west_east
    if mask.longitude is not None:
        west, east = longitude_span(*mask.longitude)
    south, north = mask.latitude or domain.latitude
    edge = SAME_NODE if "longitude" in points.dims else 0.0  # only nodes of grids are rounded
    inset = mask.inset_degrees - edge
    longitude, latitude = points["longitude"], points["latitude"]
    wrapped = longitude.copy(data=wrap_longitude(longitude.values, (west + east) / 2))
    inside = (
        (wrapped >= west + inset)
        & (wrapped <= east - inset)
        & (latitude >= south + inset)
        & (latitude <= north - inset)
    )
    if mask.time is not None:
        bounds = time_slice(mask.time)
        inside = inside & (points["time"] >= bounds.start) & (points["time"] <= bounds.stop)
    elif "time" not in inside.dims:
        inside = inside & points["time"].notnull()
    return inside
