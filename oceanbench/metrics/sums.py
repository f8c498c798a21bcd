r"""Weighted sums over the points of each case, of which scores are functions.

A score of resampled sums is a bootstrap replicate of the score: this is where confidence intervals
come from. A case of maps is one time, the sums go over space; of tracks, a UTC day or, where the
points say which they are of, a pass; of windows, one window, in all its samplings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray, IndexArray, IntArray, TimeArray
from oceanbench.metrics.aligned import align

PASS = "pass_begin"  # coordinate of the points of a track: when the pass of each begins
ROUNDING = 1e-13  # a variance this small against the mean square is the rounding of a constant


@dataclass(frozen=True)
class Sums:
    r"""Weighted sums over the points of each case, the last axis being that of the cases.

    ``case`` holds times, or the numbers of windows.

    ``count`` is the number of points with positive weight; with weights :math:`w`, error
    :math:`e = \hat x - x` and truth :math:`x`: ``weight`` :math:`\sum w`, ``error``
    :math:`\sum w e`, ``squared_error`` :math:`\sum w e^2`, ``truth`` :math:`\sum w x`,
    ``squared_truth`` :math:`\sum w x^2`. A metric with a quantity :math:`c` of its own at every
    point adds a ``term`` :math:`\sum w c`.
    """

    case: TimeArray | IntArray
    count: FloatArray
    weight: FloatArray
    error: FloatArray
    squared_error: FloatArray
    truth: FloatArray
    squared_truth: FloatArray
    term: FloatArray | None = None

    def take(self, index: IndexArray) -> Sums:
        """Sums of the given cases; an index of shape (replicates, cases) gives a batch."""
        columns = {f.name: getattr(self, f.name) for f in fields(self)}
        return Sums(**{name: c[index] for name, c in columns.items() if c is not None})


def sums(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    daily: bool = False,
    term: xr.DataArray | None = None,
) -> Sums:
    """Weighted sums per window, per map time, per pass, or per UTC day.

    Parameters
    ----------
    estimate, truth : DataArray with a dimension ``window`` or ``time``, on the same points
    weights : DataArray broadcastable to truth, >= 0
    daily : group the times by UTC day; always so where the points lie along time only and do not
        say of which pass they are
    term : the quantity at each point that the sums ``term`` go over
    """
    order = case_first(truth)
    along = order[0]
    e, t, w = align(estimate, truth, weights, *order)
    e, t, w = (a.reshape(a.shape[0], -1) for a in (e, t, w))
    error = e - t
    case = truth[along].values
    columns = {
        "count": (w > 0).sum(axis=1).astype(np.float64),
        "weight": w.sum(axis=1),
        "error": np.einsum("ij,ij->i", w, error),
        "squared_error": np.einsum("ij,ij,ij->i", w, error, error),
        "truth": np.einsum("ij,ij->i", w, t),
        "squared_truth": np.einsum("ij,ij,ij->i", w, t, t),
    }
    if term is not None:
        quantity = np.where(w > 0, term.transpose(*order).values.reshape(w.shape), 0.0)
        columns["term"] = np.einsum("ij,ij->i", w, quantity)
    daily = daily or is_daily(truth)
    if daily or truth.ndim == 1:
        of = case.astype("datetime64[D]") if daily else truth[PASS].values
        case, group = np.unique(of, return_inverse=True)
        columns = {k: np.bincount(group, v, minlength=case.size) for k, v in columns.items()}
    scored = columns["count"] > 0
    return Sums(case[scored], **{k: v[scored] for k, v in columns.items()})


def is_daily(truth: xr.DataArray) -> bool:
    """Whether points lie along time only, and do not say of which pass they are."""
    return truth.ndim == 1 and PASS not in truth.coords


def case_first(truth: xr.DataArray) -> tuple[str, ...]:
    """Dimensions of a truth, that of its cases first."""
    along = "window" if "window" in truth.dims else "time"
    return (along, *sorted(str(d) for d in truth.dims if d != along))


def cases_of(truth: xr.DataArray) -> list[slice | IndexArray]:
    """Places of one case after the other along the first dimension of :func:`case_first`."""
    if truth.ndim > 1:
        return [slice(place, place + 1) for place in range(truth.sizes[case_first(truth)[0]])]
    of = truth["time"].values.astype("M8[D]") if is_daily(truth) else truth[PASS].values
    order = np.argsort(of, kind="stable")
    return list(np.split(order, np.flatnonzero(np.diff(of[order])) + 1))


# What scores of sums are made of; the last axis is the cases', so it takes a batch of them too.


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Quotient, NaN where the denominator is zero."""
    numerator, denominator = np.asarray(numerator), np.asarray(denominator)
    quotient: FloatArray = np.divide(
        numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator > 0
    )
    return quotient


def variance(squares: FloatArray, values: FloatArray, weight: FloatArray) -> FloatArray:
    """Variance about the pooled mean, of sums by case; ``weight`` is their total."""
    mean = ratio(values.sum(-1), weight)
    square = ratio(squares.sum(-1), weight)
    found = square - mean**2
    result: FloatArray = np.where(found > ROUNDING * square, found, 0.0)
    return result


def over_cases(reduce: Callable[..., FloatArray], values: FloatArray) -> FloatArray:
    """Mean, median or the like of one value per case; NaN where there is no case."""
    if values.shape[-1] == 0:
        return np.full(values.shape[:-1], np.nan)
    return reduce(values, axis=-1)


def mean_term(s: Sums) -> FloatArray:
    """Mean over all points of the quantity that the sums ``term`` go over."""
    return ratio(term_of(s).sum(-1), s.weight.sum(-1))


def term_of(s: Sums) -> FloatArray:
    """Sums of the quantity that a metric has of its own."""
    assert s.term is not None  # the metrics that read it come with it
    return s.term
