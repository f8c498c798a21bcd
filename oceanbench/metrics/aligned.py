"""What every metric starts from: three arrays on the same points, as plain numbers."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from oceanbench.errors import OceanbenchError

FloatArray = NDArray[np.float64]
Flag = Literal["unresolved", "resolved_below_grid", "no_data"]


class Flagged(NamedTuple):
    """A score that is not an ordinary number, with the reason why.

    ``unresolved`` : no scale is resolved; the value is NaN.
    ``resolved_below_grid`` : the smallest scale that the data hold is still resolved; the value is
    that scale, an upper bound.
    ``no_data`` : nothing to score; the value is NaN.
    """

    value: float
    flag: Flag


NO_DATA = Flagged(float("nan"), "no_data")
UNRESOLVED = Flagged(float("nan"), "unresolved")


class Aligned(NamedTuple):
    """Estimate, truth and weights as float64 arrays, zero where the weight is zero."""

    estimate: FloatArray
    truth: FloatArray
    weights: FloatArray


def align(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray, *dims: str
) -> Aligned:
    """Arrays in one order of dimensions, with the points of zero weight set to zero.

    Parameters
    ----------
    estimate, truth : DataArray on the same points
    weights : DataArray broadcastable to truth, >= 0
    *dims : the wanted order of dimensions; that of ``truth`` by default

    Raises
    ------
    OceanbenchError
        if the arrays are not on the same points, or a value is missing where the weight is positive
    """
    order = dims or tuple(str(d) for d in truth.dims)
    if set(order) != set(truth.dims) or set(estimate.dims) != set(truth.dims):
        raise OceanbenchError(
            f"the estimate has dimensions {tuple(estimate.dims)}, the truth {tuple(truth.dims)}; "
            f"this score needs both on {order}"
        )
    _check_points("estimate", estimate, truth)
    _check_points("weights", weights, truth)
    w = weights.broadcast_like(truth).transpose(*order).values.astype(np.float64, copy=False)
    e = estimate.transpose(*order).values.astype(np.float64, copy=False)
    t = truth.transpose(*order).values.astype(np.float64, copy=False)
    if not (w >= 0).all():
        raise OceanbenchError("a weight is negative or missing; weights are >= 0, 0 for no point")
    scored = w > 0
    if not scored.all():
        e, t = np.where(scored, e, 0.0), np.where(scored, t, 0.0)
    if not (np.isfinite(e).all() and np.isfinite(t).all()):
        holes = int((~np.isfinite(e) | ~np.isfinite(t)).sum())
        raise OceanbenchError(
            f"{holes} values are missing where the weight is positive; fill them or set their "
            "weight to zero: a score cannot skip them"
        )
    return Aligned(e, t, w)


def _check_points(name: str, array: xr.DataArray, truth: xr.DataArray) -> None:
    """Refuse an array on other points than the truth: xarray would intersect them silently."""
    for dim in array.dims:
        if dim not in truth.dims:
            raise OceanbenchError(f"{name} has a dimension '{dim}' that the truth does not have")
        a, b = array.coords.get(dim), truth.coords.get(dim)
        same = array.sizes[dim] == truth.sizes[dim]
        if not same or (a is not None and b is not None and not np.array_equal(a, b)):
            raise OceanbenchError(
                f"{name} and truth differ in '{dim}' ({array.sizes[dim]} and {truth.sizes[dim]} "
                "values); bring them to the same points with match() first"
            )
