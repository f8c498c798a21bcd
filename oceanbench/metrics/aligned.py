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
    for name in order:
        a, b = estimate.coords.get(name), truth.coords.get(name)
        same = estimate.sizes[name] == truth.sizes[name]
        if not same or (a is not None and b is not None and not np.array_equal(a, b)):
            raise OceanbenchError(
                f"estimate and truth differ in '{name}' ({estimate.sizes[name]} and "
                f"{truth.sizes[name]} values); bring them to the same points with match() first"
            )
    w = weights.broadcast_like(truth).transpose(*order).values.astype(np.float64, copy=False)
    e = estimate.transpose(*order).values.astype(np.float64, copy=False)
    t = truth.transpose(*order).values.astype(np.float64, copy=False)
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
