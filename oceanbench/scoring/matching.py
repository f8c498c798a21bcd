"""Weigh the points of a mask, and refuse holes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray
from oceanbench.declaration import BoxMask, Declaration, FieldMask
from oceanbench.errors import OceanbenchError
from oceanbench.scoring.collocation import Collocated


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
    submission gives them, and is the estimate where it does not. ``posterior`` has members of what
    could be known of the truth, where a challenge knows that.
    """

    estimate: xr.DataArray
    truth: xr.DataArray
    weights: xr.DataArray
    coverage: Coverage
    distribution: xr.DataArray
    posterior: xr.DataArray | None = None


Inside = Callable[[xr.DataArray, Any], xr.DataArray]  # of points, and a mask of the kind's own


def mask_and_weight(
    collocated: Collocated, declaration: Declaration, mask_name: str, inside: Inside
) -> Matched:
    """Weights of a mask, with holes refused or dropped as the challenge declares.

    Parameters
    ----------
    collocated : from :func:`oceanbench.scoring.collocation.collocate`
    declaration : rules and masks
    mask_name : which mask
    inside : which of the truth's points a mask looks at

    Raises
    ------
    OceanbenchError
        when points inside the mask have no estimate and the challenge does not say ``drop``
    """
    mask = declaration.masks[mask_name]
    truth, estimate = collocated.truth, collocated.estimate
    seen = inside(truth, mask)
    known = seen.broadcast_like(truth).transpose(*truth.dims) & truth.notnull()
    holes = (known & estimate.isnull()).values
    coverage = _coverage(truth, known.values, holes, collocated.filled)
    if holes.any() and declaration.submission.missing != "drop":
        raise OceanbenchError(
            f"{declaration.name}: {int(holes.sum())} of {coverage.points} points inside mask "
            f"'{mask_name}' have no value in the submission, from {coverage.missing_from} to "
            f"{coverage.missing_to}; fill them: a score cannot skip them"
        )
    asked = mask.min_coverage if isinstance(mask, FieldMask) else None
    least = declaration.submission.min_coverage if asked is None else asked
    if 0 < coverage.scored < least * coverage.points:
        raise OceanbenchError(
            f"{declaration.name}: only {coverage.scored} of {coverage.points} points inside mask "
            f"'{mask_name}' have a value in the submission, expected at least {least:.0%}; map the "
            "rest: leaving out what is hard would raise the score"
        )
    if coverage.scored == 0 and asked != 0:
        raise OceanbenchError(
            f"{declaration.name}: no point inside mask '{mask_name}' has both truth and estimate; "
            "check the dates, the box and the missing values of the submission"
        )
    weights = (known & ~holes).astype(np.float64)
    if isinstance(mask, BoxMask) and mask.weights == "cos_latitude":
        weights = weights * np.cos(np.deg2rad(truth["latitude"]))
    complete = _without_holes(estimate)
    single = collocated.distribution is estimate
    return Matched(
        complete,
        _without_holes(truth),
        weights.transpose(*truth.dims),
        coverage,
        complete if single else collocated.distribution,
    )


def _without_holes(array: xr.DataArray) -> xr.DataArray:
    """Zero where there is no value; the array itself where there is one everywhere."""
    return array.fillna(0.0) if array.isnull().any() else array


def _coverage(
    truth: xr.DataArray,
    known: BoolArray,
    holes: BoolArray,
    filled: BoolArray | None,
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
