r"""Scores of series of states that a method is driven through, cycle after cycle.

States are (window, time, component): a window is a block of cycles, or a whole world. What is said
of a time is a quantity that all its components share, so that a weighted mean over points is one
over times.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from oceanbench.metrics.aligned import NO_DATA, Flagged, align
from oceanbench.metrics.options import Positive, Runs
from oceanbench.metrics.sums import ratio


def state_rmse(estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray) -> xr.DataArray:
    r"""Mean over the times of the root mean squared error of the state at each.

    .. math:: \Bigl\langle \sqrt{\sum_i w_i (\hat x_i - x_i)^2 / \sum_i w_i} \Bigr\rangle_t

    The usual score of a filter on toy systems. An excursion counts for less than in the pooled
    :func:`oceanbench.metrics.pointwise.rmse`: where both are far apart, there was one.

    Parameters
    ----------
    estimate, truth : DataArray (window, time, component), in the variable's unit
    weights : DataArray broadcastable to truth, >= 0, zero outside the mask

    Returns
    -------
    DataArray on the truth's points: the error of each time, at all its components
    """
    return _of_times(_errors(estimate, truth, weights), truth)


def lost_times(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    threshold: Positive = 1.0,
) -> xr.DataArray:
    """Share of the times at which the state is further from the truth than a threshold.

    Parameters
    ----------
    estimate, truth, weights : as for :func:`state_rmse`
    threshold : root mean squared error beyond which a state is lost, in the variable's unit; that
        of an interpolation which knows nothing of the past tells whether cycling was worth while

    Returns
    -------
    DataArray on the truth's points: 1 at times that are lost
    """
    lost = _errors(estimate, truth, weights) > threshold
    return _of_times(lost.astype(np.float64), truth)


def divergences(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    threshold: Positive = 1.0,
    least: Runs = 10,
) -> float | Flagged:
    """Times that a filter lost the truth: runs of times beyond a threshold, one after the other.

    Parameters
    ----------
    estimate, truth, weights : as for :func:`state_rmse`; where the truth has a coordinate ``world``
        along its windows, those that follow each other in one world are one series; where it has
        ``ended``, a world whose estimate ends early has lost the truth at least once, however few
        times it lacks
    threshold : as for :func:`lost_times`
    least : times on end that make a divergence

    Returns
    -------
    float, a count; flag ``no_data`` without a time of positive weight
    """
    error = _errors(estimate, truth, weights)
    if not np.isfinite(error).any():
        return NO_DATA
    lost = (error > threshold).transpose("window", "time", ...)
    rows = lost.values.reshape(*lost.shape[:2], -1)
    worlds = truth["world"].values if "world" in truth.coords else np.arange(len(rows))
    ends = np.flatnonzero(worlds[1:] != worlds[:-1]) + 1
    ended = truth["ended"].values if "ended" in truth.coords else np.zeros(len(rows), dtype=bool)
    count = 0
    for part, early in zip(np.split(rows, ends), np.split(ended, ends), strict=True):
        for series in part.reshape(-1, part.shape[-1]).T:
            edges = np.diff(np.concatenate([[0], series.astype(np.int8), [0]]))
            lengths = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
            count += max(int((lengths >= least).sum()), int(early.any()))
    return float(count)


def convergence_time(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    factor: Positive = 1.25,
) -> float | Flagged:
    """Mean time until the error is near that of the later half of a window.

    That later error is the mean over the last half of the times of a window, of all windows the
    median: one that is never found again does not lower what is asked for. A window that does not
    get there counts with the time of its end.

    Parameters
    ----------
    estimate, truth, weights : as for :func:`state_rmse`; windows from the first cycle on
    factor : of the later error, that is near enough

    Returns
    -------
    float, in the unit of time of the windows; flag ``no_data`` without a time of positive weight
    """
    error = _errors(estimate, truth, weights)
    others = [dim for dim in error.dims if dim not in ("window", "time")]
    error = error.mean(others) if others else error
    rows = error.transpose("window", "time").values
    rows = rows[np.isfinite(rows).any(1)]
    if not len(rows):
        return NO_DATA
    time = truth["time"].values.astype(np.float64)
    later = np.array([r[np.isfinite(r)][np.isfinite(r).sum() // 2 :].mean() for r in rows])
    wanted = factor * float(np.median(later))
    begun = np.array([time[np.isfinite(r)][0] for r in rows])
    ended = np.array([time[np.isfinite(r)][-1] for r in rows])
    near = rows <= wanted
    first = np.where(near.any(1), time[near.argmax(1)], ended)
    return float(np.mean(first - begun))


def _errors(estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray) -> xr.DataArray:
    """Root mean squared error of each time of each window; NaN where nothing is scored."""
    order = (*(str(dim) for dim in truth.dims if dim != "component"), "component")
    e, t, w = align(estimate, truth, weights, *order)
    error = np.sqrt(ratio((w * (e - t) ** 2).sum(-1), w.sum(-1)))
    like = truth.transpose(*order).isel(component=0, drop=True)
    return like.copy(data=error)


def _of_times(quantity: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """Quantity of each time at all its components; zero where nothing is scored."""
    return quantity.fillna(0.0).broadcast_like(truth).transpose(*truth.dims)
