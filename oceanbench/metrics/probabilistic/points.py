"""The scored points of an estimate of any form, a part of the times after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.errors import OceanbenchError
from oceanbench.metrics.aligned import aligned_weights, check_complete
from oceanbench.metrics.probabilistic.distribution import Distribution, Ensemble, Gaussian, Single

Form = Literal["deterministic", "ensemble", "gaussian"]

MOMENTS = ["mean", "std"]
VALUES_AT_ONCE = 2**21  # of all members together: bounds the memory, not the result
SEED = 20121022  # of the errors that members get, fixed: a score is reproducible


class Block(NamedTuple):
    """Scored points of some times: where they lie, and what is known there."""

    times: slice
    scored: BoolArray
    estimate: Distribution
    truth: FloatArray
    weights: FloatArray


def form_of(estimate: xr.DataArray) -> Form:
    """Which form an estimate has; an ensemble of one member is a single value.

    Raises
    ------
    OceanbenchError
        if it has no member, or a dimension ``moment`` with other labels or beside ``member``
    """
    if "moment" in estimate.dims:
        labels = [str(label) for label in estimate["moment"].values]
        if sorted(labels) != MOMENTS or "member" in estimate.dims:
            raise OceanbenchError(
                f"the estimate has dimensions {tuple(estimate.dims)} with moments {labels}; "
                f"expected a dimension member, or a dimension moment labelled {MOMENTS}"
            )
        return "gaussian"
    members = estimate.sizes.get("member", 1)
    if members == 0:
        raise OceanbenchError("the estimate has no member; give at least one")
    return form_of_members(members)


def form_of_members(count: int) -> Form:
    """Form of an estimate of so many members."""
    return "ensemble" if count > 1 else "deterministic"


def described(estimate: xr.DataArray) -> str:
    """Form of an estimate in words."""
    return in_words(form_of(estimate), estimate.sizes.get("member", 1))


def in_words(form: Form, members: int) -> str:
    """Form in words, of so many members where it has some."""
    return {
        "deterministic": "one value at each point",
        "ensemble": f"{members} members",
        "gaussian": "mean and standard deviation",
    }[form]


def blocks(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray, *, truth_error: float = 0.0
) -> Iterator[Block]:
    """Points of positive weight, in double precision, some times after the others.

    Parameters
    ----------
    estimate : DataArray like the truth, with a dimension ``member``, ``moment`` or neither
    truth : DataArray, any dimensions
    weights : DataArray broadcastable to truth, >= 0
    truth_error : standard deviation of the truth's own error, which then belongs to the estimate
        too: its variance is added to a Gaussian's, an error is drawn for each member, and a single
        value becomes a Gaussian

    Raises
    ------
    OceanbenchError
        as :func:`oceanbench.metrics.aligned.align` does, or if a standard deviation is not positive
    """
    form, order = form_of(estimate), order_of(truth)
    extra = "moment" if form == "gaussian" else "member"
    if extra not in estimate.dims:
        estimate = estimate.expand_dims(extra)
    w = aligned_weights(estimate.isel({extra: 0}, drop=True), truth, weights, order)
    e = estimate.variable.transpose(extra, *order).values
    t = truth.variable.transpose(*order).values
    if form == "gaussian" and str(estimate["moment"].values[0]) != MOMENTS[0]:
        e = e[::-1]
    random = np.random.default_rng(SEED)
    step = max(1, VALUES_AT_ONCE * t.shape[0] // max(e.size, 1))
    for start in range(0, t.shape[0], step):
        times = slice(start, start + step)
        scored = w[times] > 0
        values = e[:, times][:, scored].astype(np.float64, copy=False)
        known = t[times][scored].astype(np.float64, copy=False)
        check_complete(values, known)
        distribution = _distribution(form, values, truth_error, random)
        yield Block(times, scored, distribution, known, w[times][scored])


def order_of(truth: xr.DataArray) -> tuple[str, ...]:
    """Dimensions with time first, the others by name: transposing the truth does not change it."""
    return tuple(sorted((str(d) for d in truth.dims), key=lambda d: (d != "time", d)))


def _distribution(
    form: Form, values: FloatArray, error: float, random: np.random.Generator
) -> Distribution:
    if form == "ensemble":
        if error == 0.0:
            return Ensemble(values, values, 0.0)
        draws = random.standard_normal(values.shape[::-1]).T
        return Ensemble(values, np.sort(values, axis=0) + error * draws, error)
    if form == "gaussian":
        centre, std = values
        if not (std > 0).all():
            raise OceanbenchError(
                f"{int((std <= 0).sum())} standard deviations are not positive where the weight "
                "is; give positive ones"
            )
        return Gaussian(centre, np.hypot(std, error))
    return Gaussian(values[0], np.full(values[0].shape, error)) if error > 0 else Single(values[0])


def at_points(
    quantity: Callable[..., FloatArray],
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    truth_error: float = 0.0,
) -> xr.DataArray:
    """Quantity of (distribution, truth) at every point, zero where the weight is zero.

    Parameters
    ----------
    quantity : function of a distribution and the truth at some points
    estimate, truth, weights, truth_error : as for :func:`blocks`

    Returns
    -------
    DataArray on the truth's points
    """
    like = truth.transpose(*order_of(truth))
    result = np.zeros(like.shape)
    for block in blocks(estimate, truth, weights, truth_error=truth_error):
        result[block.times][block.scored] = quantity(block.estimate, block.truth)
    return like.copy(data=result)


def mean_of(estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray) -> xr.DataArray:
    """Mean of an estimate of any form on the truth's points, zero where the weight is zero."""
    return at_points(lambda distribution, _: distribution.mean(), estimate, truth, weights)
