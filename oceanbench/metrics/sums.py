r"""Weighted sums over the points of each case, and the scores that are functions of them.

A score of resampled sums is a bootstrap replicate of the score: this is where confidence intervals
come from. A case of maps is one time, the sums go over space; of tracks, a UTC day; of windows, one
window, in all its samplings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from oceanbench.metrics.aligned import FloatArray, align

ROUNDING = 1e-13  # a variance this small against the mean square is the rounding of a constant


@dataclass(frozen=True)
class Sums:
    r"""Weighted sums over the points of each case, the last axis being that of the cases.

    ``case`` holds times, or the numbers of windows.

    ``count`` is the number of points with positive weight; with weights :math:`w`, error
    :math:`e = \hat x - x` and truth :math:`x`: ``weight`` :math:`\sum w`, ``error``
    :math:`\sum w e`, ``squared_error`` :math:`\sum w e^2`, ``truth`` :math:`\sum w x`,
    ``squared_truth`` :math:`\sum w x^2`. The scores of distributions add a ``term``
    :math:`\sum w c`, of a quantity :math:`c` that each of them knows at every point.
    """

    case: NDArray[np.datetime64] | NDArray[np.int64]
    count: FloatArray
    weight: FloatArray
    error: FloatArray
    squared_error: FloatArray
    truth: FloatArray
    squared_truth: FloatArray
    term: FloatArray | None = None

    def take(self, index: NDArray[np.intp]) -> Sums:
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
    """Weighted sums per window, per map time, or per UTC day for a track or on request.

    Parameters
    ----------
    estimate, truth : DataArray with a dimension ``window`` or ``time``, on the same points
    weights : DataArray broadcastable to truth, >= 0
    daily : group the times by UTC day; always so where the points lie along time only
    term : the quantity at each point that the sums ``term`` go over
    """
    along = "window" if "window" in truth.dims else "time"
    order = (along, *(str(d) for d in truth.dims if d != along))
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
        quantity = term.transpose(*order).values.reshape(w.shape)
        columns["term"] = np.einsum("ij,ij->i", w, quantity)
    if daily or truth.ndim == 1:
        case, group = np.unique(case.astype("datetime64[D]"), return_inverse=True)
        columns = {k: np.bincount(group, v, minlength=case.size) for k, v in columns.items()}
    scored = columns["count"] > 0
    return Sums(case[scored], **{k: v[scored] for k, v in columns.items()})


# Scores as functions of sums; the last axis is the cases', so they take a batch of replicates too.


def rmse_of(s: Sums) -> FloatArray:
    """Root mean squared error of sums, pooled over time."""
    result: FloatArray = np.sqrt(ratio(s.squared_error.sum(-1), s.weight.sum(-1)))
    return result


def mse_of(s: Sums) -> FloatArray:
    """Mean squared error of sums, pooled over the cases."""
    return ratio(s.squared_error.sum(-1), s.weight.sum(-1))


def mean_rmse_of(s: Sums) -> FloatArray:
    """Mean over the cases of their root mean squared errors."""
    if s.case.size == 0:
        return np.full(s.weight.shape[:-1], np.nan)
    result: FloatArray = np.sqrt(ratio(s.squared_error, s.weight)).mean(axis=-1)
    return result


def skill_of(s: Sums) -> FloatArray:
    """One minus the ratio of mean squared error and mean squared truth, both pooled."""
    return 1.0 - ratio(s.squared_error.sum(-1), s.squared_truth.sum(-1))


def anomaly_correlation_of(s: Sums) -> FloatArray:
    """Mean over the cases of their correlations; ``term`` sums estimate times truth."""
    if s.case.size == 0:
        return np.full(s.weight.shape[:-1], np.nan)
    size = np.sqrt(_squared_estimate(s)) * np.sqrt(s.squared_truth)
    result: FloatArray = ratio(term_of(s), size).mean(axis=-1)
    return result


def activity_of(s: Sums) -> FloatArray:
    """Ratio of the standard deviations of estimate and truth; ``term`` as for the correlation."""
    weight = s.weight.sum(-1)
    found = _variance(_squared_estimate(s), s.truth + s.error, weight)
    return np.sqrt(ratio(found, _variance(s.squared_truth, s.truth, weight)))


def _squared_estimate(s: Sums) -> FloatArray:
    """Sums of the square of the estimate, from those of error, truth and their product."""
    squares = s.squared_error + 2.0 * term_of(s) - s.squared_truth
    return np.where(squares > ROUNDING * s.squared_truth, squares, 0.0)


def median_mse_of(s: Sums) -> FloatArray:
    """Median over the cases of their mean squared errors."""
    if s.case.size == 0:
        return np.full(s.weight.shape[:-1], np.nan)
    result: FloatArray = np.median(s.squared_error / s.weight, axis=-1)
    return result


def bias_of(s: Sums) -> FloatArray:
    """Mean error of sums."""
    return ratio(s.error.sum(-1), s.weight.sum(-1))


def rmse_score_of(s: Sums) -> FloatArray:
    """One minus the ratio of RMS error and RMS truth, pooled over time."""
    return 1.0 - np.sqrt(ratio(s.squared_error.sum(-1), s.squared_truth.sum(-1)))


def scores_in_time(s: Sums) -> FloatArray:
    """RMSE score of each time, shape (..., time)."""
    return 1.0 - np.sqrt(ratio(s.squared_error, s.squared_truth))


def rmse_score_mean_of(s: Sums) -> FloatArray:
    """Mean over time of the RMSE score of each time."""
    return _over_full_days(np.mean, s, 0)


def rmse_score_std_of(s: Sums) -> FloatArray:
    """Standard deviation over time (ddof 0) of the RMSE score of each time."""
    return _over_full_days(np.std, s, 0)


def nmse_of(s: Sums) -> FloatArray:
    """Mean squared error over the variance of the truth, both pooled."""
    weight = s.weight.sum(-1)
    return ratio(s.squared_error.sum(-1), _variance(s.squared_truth, s.truth, weight) * weight)


def explained_variance_of(s: Sums) -> FloatArray:
    """One minus the ratio of the variances of error and truth."""
    weight = s.weight.sum(-1)
    return 1.0 - ratio(
        _variance(s.squared_error, s.error, weight), _variance(s.squared_truth, s.truth, weight)
    )


def _variance(squares: FloatArray, values: FloatArray, weight: FloatArray) -> FloatArray:
    mean = ratio(values.sum(-1), weight)
    square = ratio(squares.sum(-1), weight)
    variance = square - mean**2
    result: FloatArray = np.where(variance > ROUNDING * square, variance, 0.0)
    return result


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Quotient, NaN where the denominator is zero."""
    numerator, denominator = np.asarray(numerator), np.asarray(denominator)
    quotient: FloatArray = np.divide(
        numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator > 0
    )
    return quotient


def daily_rmse_score_of(s: Sums, *, minimum_points: int = 10) -> FloatArray:
    """Mean of the RMSE scores of the days with enough points."""
    return _over_full_days(np.mean, s, minimum_points)


def daily_rmse_score_std_of(s: Sums, *, minimum_points: int = 10) -> FloatArray:
    """Standard deviation (ddof 0) of the RMSE scores of the days with enough points."""
    return _over_full_days(np.std, s, minimum_points)


def mean_term_of(s: Sums) -> FloatArray:
    """Mean over all points of the quantity that the sums ``term`` go over."""
    return ratio(term_of(s).sum(-1), s.weight.sum(-1))


def root_mean_term_of(s: Sums) -> FloatArray:
    """Root of the mean over all points of the quantity that the sums ``term`` go over."""
    result: FloatArray = np.sqrt(mean_term_of(s))
    return result


def spread_skill_of(s: Sums) -> FloatArray:
    """Root of the predicted over the found squared error; ``term`` sums the predicted one."""
    result: FloatArray = np.sqrt(ratio(term_of(s).sum(-1), s.squared_error.sum(-1)))
    return result


def term_of(s: Sums) -> FloatArray:
    """Sums of the quantity that a score of distributions knows at every point."""
    assert s.term is not None  # the scores that read it come with it
    return s.term


def _over_full_days(reduce: Callable[..., FloatArray], s: Sums, minimum_points: int) -> FloatArray:
    full: NDArray[np.bool_] = np.asarray(s.count >= minimum_points)
    some: NDArray[np.bool_] = np.asarray(full.any(axis=-1))
    if s.case.size == 0 or not some.any():
        return np.full(some.shape, np.nan)
    values = reduce(scores_in_time(s), axis=-1, where=full | ~some[..., None])
    return np.where(some, values, np.nan)
