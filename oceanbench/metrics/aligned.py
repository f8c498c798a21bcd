"""What metrics are given, three arrays on the same points, and return in place of a number."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray, IndexArray
from oceanbench.errors import OceanbenchError

Flag = Literal[
    "unresolved", "resolved_below_grid", "no_data", "deterministic", "marginal", "not_draws"
]


class Flagged(NamedTuple):
    """A score that is not an ordinary number, with the reason why.

    ``unresolved`` : no scale is resolved; the value is NaN.
    ``resolved_below_grid`` : the smallest scale that the data hold is still resolved; the value is
    that scale, an upper bound.
    ``no_data`` : nothing to score; the value is NaN.
    ``deterministic`` : the score is one of a distribution, and the estimate is a single value at
    each point; the value is NaN.
    ``marginal`` : the score is one of the joint distribution of all points, and the estimate gives
    that of each point alone; the value is NaN.
    ``not_draws`` : the score is one of members that are independent draws, and the estimate gives
    fewer than eight, or does not say that they are; the value is NaN.
    """

    value: float
    flag: Flag


NO_DATA = Flagged(float("nan"), "no_data")
UNRESOLVED = Flagged(float("nan"), "unresolved")
DETERMINISTIC = Flagged(float("nan"), "deterministic")
MARGINAL = Flagged(float("nan"), "marginal")
NOT_DRAWS = Flagged(float("nan"), "not_draws")


def number(value: FloatArray) -> float | Flagged:
    """Value as a plain number, or the flag ``no_data`` where it is none."""
    return float(value) if np.isfinite(value) else NO_DATA


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
    w = aligned_weights(estimate, truth, weights, order)
    e = estimate.variable.transpose(*order).values.astype(np.float64, copy=False)
    t = truth.variable.transpose(*order).values.astype(np.float64, copy=False)
    scored = w > 0
    if not scored.all():
        e, t = np.where(scored, e, 0.0), np.where(scored, t, 0.0)
    check_complete(e, t)
    return Aligned(e, t, w)


def aligned_weights(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray, order: tuple[str, ...]
) -> FloatArray:
    """Weights in an order of dimensions, once the three arrays are known to be on the same points.

    Raises
    ------
    OceanbenchError
        as :func:`align` does; missing values are looked for by :func:`check_complete`
    """
    if set(order) != set(truth.dims) or set(estimate.dims) != set(truth.dims):
        raise OceanbenchError(
            f"the estimate has dimensions {tuple(estimate.dims)}, the truth {tuple(truth.dims)}; "
            f"this score needs both on {order}"
        )
    _check_points("estimate", estimate, truth)
    _check_points("weights", weights, truth)
    if set(weights.dims) != set(truth.dims):
        weights = weights.broadcast_like(truth)
    w = weights.variable.transpose(*order).values.astype(np.float64, copy=False)
    if not (w >= 0).all():
        raise OceanbenchError("a weight is negative or missing; weights are >= 0, 0 for no point")
    return w


def check_complete(estimate: FloatArray, truth: FloatArray) -> None:
    """Refuse missing values among the points that are scored."""
    if not (np.isfinite(estimate).all() and np.isfinite(truth).all()):
        holes = int((~np.isfinite(estimate) | ~np.isfinite(truth)).sum())
        raise OceanbenchError(
            f"{holes} values are missing where the weight is positive; fill them or set their "
            "weight to zero: a score cannot skip them"
        )


def _check_points(name: str, array: xr.DataArray, truth: xr.DataArray) -> None:
    """Refuse an array on other points than the truth: xarray would intersect them silently."""
    for dim in array.dims:
        if dim not in truth.dims:
            raise OceanbenchError(f"{name} has a dimension '{dim}' that the truth does not have")
        if not np.array_equal(_along(dim, array), _along(dim, truth)):
            raise OceanbenchError(
                f"{name} and truth differ in '{dim}' ({array.sizes[dim]} and {truth.sizes[dim]} "
                "values); interpolate or select, so that both are on the same points"
            )


def _along(dim: Hashable, array: xr.DataArray) -> xr.Variable | IndexArray:
    """Coordinate of a dimension, or its indices where it has none."""
    found = array.coords.variables.get(dim)
    return np.arange(array.sizes[dim]) if found is None else found
