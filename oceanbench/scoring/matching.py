"""Weigh the points of a mask, and refuse holes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from oceanbench.challenge import Challenge
from oceanbench.declaration import Mask, time_slice
from oceanbench.errors import OceanbenchError
from oceanbench.grid import SAME_NODE, FloatArray, longitude_span, wrap_longitude
from oceanbench.scoring.collocation import Pair


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
class Matched:
    """Estimate, truth and weights on the same points, without holes where weights are positive.

    ``estimate`` is one value at each point; the ``distribution`` has members or moments where the
    submission gives them, and is the estimate where it does not.
    """

    estimate: xr.DataArray
    truth: xr.DataArray
    weights: xr.DataArray
    coverage: Coverage
    distribution: xr.DataArray


def match(
    pairing: Pair, challenge: Challenge, mask_name: str, data_dir: Path | None = None
) -> Matched:
    """Weights of a mask, with holes refused or dropped as the challenge declares.

    Parameters
    ----------
    pairing : from :func:`oceanbench.scoring.collocation.pair`
    challenge : rules and masks
    mask_name : which mask
    data_dir : folder of the challenge's files, which masks of windows look into

    Raises
    ------
    OceanbenchError
        when points inside the mask have no estimate and the challenge does not say ``drop``
    """
    mask = challenge.masks[mask_name]
    truth, estimate = pairing.truth, pairing.estimate
    seen = (
        _inside_windows(truth, mask, challenge, data_dir)
        if challenge.kind == "windows"
        else inside(truth, mask, challenge)
    )
    known = seen.broadcast_like(truth).transpose(*truth.dims) & truth.notnull()
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
    complete = _without_holes(estimate)
    single = pairing.distribution is estimate
    return Matched(
        complete,
        _without_holes(truth),
        weights.transpose(*truth.dims),
        coverage,
        complete if single else pairing.distribution,
    )


def _without_holes(array: xr.DataArray) -> xr.DataArray:
    """Zero where there is no value; the array itself where there is one everywhere."""
    return array.fillna(0.0) if array.isnull().any() else array


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
    others = tuple(axis for axis, dim in enumerate(truth.dims) if dim != "time")
    times = truth["time"].values[gone.any(axis=others)]
    bounds = [
        str(t.astype("datetime64[m]")) if t.dtype.kind == "M" else f"time {t:g}"
        for t in (times[[0, -1]] if times.size else [])
    ]
    return Coverage(points, points - missing, replaced, *(bounds or (None, None)))


def inside(points: xr.DataArray, mask: Mask, challenge: Challenge) -> xr.DataArray:
    """Which points lie inside a mask; bounds are inclusive, as in the published protocols."""
    edge = SAME_NODE if "longitude" in points.dims else 0.0  # only nodes of grids are rounded
    columns, rows = inside_box(
        points["longitude"].values, points["latitude"].values, mask, challenge, edge
    )
    longitude, latitude = points["longitude"], points["latitude"]
    found = longitude.copy(data=columns) & latitude.copy(data=rows)
    if mask.time is not None:
        bounds = time_slice(mask.time)
        found = found & (points["time"] >= bounds.start) & (points["time"] <= bounds.stop)
    elif "time" in points.coords and "time" not in found.dims:
        found = found & points["time"].notnull()
    return found


def inside_box(
    longitude: FloatArray,
    latitude: FloatArray,
    mask: Mask,
    challenge: Challenge,
    edge: float = 0.0,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which longitudes, and which latitudes, lie in the box of a mask, or an edge out of it."""
    domain = challenge.scored
    west, east = domain.west_east
    if mask.longitude is not None:
        west, east = longitude_span(*mask.longitude)
    south, north = mask.latitude or domain.latitude
    inset = mask.inset_degrees - edge
    wrapped = wrap_longitude(longitude, (west + east) / 2)
    columns = (wrapped >= west + inset) & (wrapped <= east - inset)
    return columns, (latitude >= south + inset) & (latitude <= north - inset)


def _inside_windows(
    points: xr.DataArray, mask: Mask, challenge: Challenge, data_dir: Path | None
) -> xr.DataArray:
    """Which points of the windows a mask looks at."""
    inside = xr.ones_like(points, dtype=bool)
    if mask.sampling is not None:
        inside = inside & (points["sampling"] == mask.sampling)
    if mask.elapsed is not None:
        inside = inside & (points["time"] >= mask.elapsed[0]) & (points["time"] <= mask.elapsed[1])
    for name, seen in ((mask.observed_in, True), (mask.unobserved_in, False)):
        if name is not None:
            observed = challenge.open(name, data_dir)[str(points.name)].notnull()
            inside = inside & (observed == seen)
    for name, wanted in ((mask.flagged, True), (mask.unflagged, False)):
        if name is not None:
            inside = inside & (challenge.flag(name, data_dir) == wanted)
    return inside
