r"""A covariance fitted to withheld altimeters by least squares, with intervals.

Every mission is predicted from the others. Scales, errors and drift :math:`\theta` are those of
least squared error e of the predictions, found by Gauss and Newton's method. Errors of one date
belong together, of whichever pass: they are of the same sea, and predicted from the same samples.
So the intervals are of the sandwich of the dates d,

.. math:: \operatorname{cov} \theta = H^{-1} \Bigl(\sum_d g_d g_d^T\Bigr) H^{-1}, \quad
          H = J^T J, \quad g_d = \sum_{i \in d} J_i^T e_i, \quad J = \partial e / \partial \theta.

Squared errors say which weights are right, not how large the error is: the width over which the
signal's variance is smoothed, and a power of the formal error variance, are those of
:mod:`oceanbench.assimilation.observations.formal_error`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.observations.cross_validation import (
    INNER,
    LeftOut,
    Scales,
    boxes_to_fit,
    left_out,
)
from oceanbench.assimilation.observations.formal_error import (
    half_width,
    interval_of,
    most_likely,
    own_error,
)
from oceanbench.assimilation.observations.signal_variance import MeanSquares, signal_deviation
from oceanbench.assimilation.observations.superobservations import Samples
from oceanbench.grid import KM_PER_DEGREE

WIDTH = 150.0  # km, at which the fit begins: about the radius of a zero crossing
WIDTHS = (0.0, 100.0, 150.0, 225.0, 350.0)  # km, over which the signal's variance is smoothed
LOGARITHMIC = ("length_factor", "zonal_factor", "time_factor", "noise", "correlated")
LINEAR = "speed_factor"  # of either sign
FARTHEST = 2.5  # that a logarithm goes from its start; a linear one goes twice as far
STEPS = {LINEAR: 0.4}  # of differences; 0.1 in logarithms


@dataclass(frozen=True)
class Fit:
    """What withheld altimeters say of a covariance.

    Attributes
    ----------
    scales : by their names, ``deviation_km`` and ``sharpness`` included
    intervals : of 95 %, by their names; without ``deviation_km``, of which few are tried
    rmse : (2,) of the predictions, at the start and at the end, m
    sample_error : of a withheld sample itself, m
    likelihoods : mean log-likelihood of a prediction by the width of the smoothing, km
    """

    scales: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    rmse: FloatArray
    sample_error: float
    likelihoods: dict[float, float]

    @property
    def numbers(self) -> dict[str, FloatArray]:
        """All that is kept of it, by the names of scales, ``<scale>_interval`` and the others."""
        kept: dict[str, Any] = {"rmse": self.rmse, "sample_error": self.sample_error}
        kept |= self.scales | {f"{name}_interval": ends for name, ends in self.intervals.items()}
        return {name: np.asarray(value, dtype=np.float32) for name, value in kept.items()}

    def lines(self) -> list[str]:
        """What a person reads of it."""
        said = [f"{name} {value:.3g}" for name, value in self.scales.items()]
        for number, name in enumerate(self.scales):
            if name in self.intervals:
                low, high = self.intervals[name]
                said[number] += f" [{low:.3g}, {high:.3g}]"
        before, after = 100.0 * self.rmse
        return [
            *said,
            f"error at withheld samples {before:.2f} -> {after:.2f} cm, of which their own is "
            f"{100.0 * self.sample_error:.2f} cm",
        ]


Boxes = list[tuple[Samples, tuple[float, float], FloatArray]]
Local = list[tuple[FloatArray, FloatArray]]
"""Of each box, mean squares (missions, n) at its samples and (missions,) of all, without each."""


def fit(
    samples: Samples,
    start: Scales,
    covariance: Callable[[float, Scales], Covariance],
    *,
    dates: int,
    evaluations: int,
    device: str = "cpu",
) -> Fit:
    """Fit a covariance to withheld altimeters.

    Parameters
    ----------
    samples : of two or more missions
    start : scales of ``covariance``, ``noise``, ``correlated`` and ``deviation_km``, with 150 in
        the place of 0; of the names :data:`LOGARITHMIC`, those that are 0 stay so
    covariance : function of the latitude and the scales
    dates : number of dates, at most, in the boxes of
        :func:`oceanbench.assimilation.observations.cross_validation.predicted_boxes`
    evaluations : at most about so many trials of scales
    device : of torch
    """
    boxes = boxes_to_fit(samples, start, covariance, dates=dates)
    latitude = float(np.median(samples.latitude))
    days = covariance(latitude, start).length_time
    logarithmic = [name for name in LOGARITHMIC if start.get(name, 0.0) > 0]
    names = [*logarithmic, LINEAR]
    steps = np.array([STEPS.get(name, 0.1) for name in names])
    first = np.array([*np.log([start[name] for name in logarithmic]), start[LINEAR]])

    def scales_of(free: FloatArray) -> dict[str, float]:
        values = [*np.exp(free[:-1]).tolist(), float(free[-1])]
        return {**start, **dict(zip(names, values, strict=True))}

    def predictions(scales: Scales, local: Local, *, formal_error: bool = False) -> LeftOut:
        shape = covariance(latitude, scales)
        return _predictions(boxes, local, shape, scales, formal_error=formal_error, device=device)

    local = _mean_squares(boxes, samples, start["deviation_km"] or WIDTH, days)

    def errors(free: FloatArray) -> FloatArray:
        return predictions(scales_of(free), local).error

    def slopes(free: FloatArray) -> FloatArray:
        here = errors(free)
        moved = [errors(free + step) for step in np.diag(steps)]
        return np.stack([(there - here) / h for there, h in zip(moved, steps, strict=True)], axis=1)

    reach = FARTHEST * np.where([name == LINEAR for name in names], 2.0, 1.0)
    found = least_squares(
        errors,
        first,
        jac=slopes,
        bounds=(first - reach, first + reach),
        x_scale=steps,
        xtol=0.02,
        ftol=1e-4,
        max_nfev=max(evaluations // (len(names) + 2), 1),
    )
    scales = scales_of(found.x)
    ends = [predictions(s, local) for s in (start, scales)]
    intervals = intervals_over_dates(names, found.x, np.asarray(found.jac), found.fun, ends[1].date)
    by_width = {}
    for km in WIDTHS:
        local = _mean_squares(boxes, samples, km, days)
        by_width[km] = predictions(scales, local, formal_error=True)
    most = own_error(samples, scales)
    likely = {km: most_likely(left, most) for km, left in by_width.items()}
    best = max(likely, key=lambda km: likely[km][2])
    sharpness, own, _ = likely[best]
    return Fit(
        scales | {"deviation_km": best, "sharpness": sharpness},
        intervals | {"sharpness": interval_of(sharpness, by_width[best], own)},
        np.sqrt([np.mean(end.error**2) for end in ends]),
        own,
        {km: found[2] for km, found in likely.items()},
    )


def _mean_squares(boxes: Boxes, samples: Samples, km: float, days: float) -> Local:
    """Mean squares at the samples of each box, as all samples of the others tell them."""
    known = []
    for mission in range(len(samples.missions)):
        others = samples.take(samples.mission != mission)
        known.append(MeanSquares.of(others, km or WIDTH, days))
    overall = np.array([squares.overall for squares in known])
    found = []
    for near, _, _ in boxes:
        rows = [
            one.at(near.longitude, near.latitude) if km else np.full(near.time.size, one.overall)
            for one in known
        ]
        found.append((np.stack(rows), overall))
    return found


def _predictions(
    boxes: Boxes,
    local: Local,
    covariance: Covariance,
    scales: Scales,
    *,
    formal_error: bool,
    device: str,
) -> LeftOut:
    """Predictions of all boxes, in an order that does not depend on the scales."""
    error = {"noise": scales["noise"], "correlated": scales["correlated"]}
    parts: list[LeftOut] = []
    for (near, place, dates), (squares, overall) in zip(boxes, local, strict=True):
        rows = [signal_deviation(m, o, **error) for m, o in zip(squares, overall, strict=True)]
        parts += left_out(
            near,
            place,
            dates,
            covariance,
            deviation=np.stack([deviation for deviation, _ in rows]),
            loading=np.stack([loading for _, loading in rows]),
            within_km=INNER * KM_PER_DEGREE,
            formal_error=formal_error,
            device=device,
            **error,
        )
    return LeftOut(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(LeftOut)))


def intervals_over_dates(
    names: Sequence[str],
    values: FloatArray,
    jacobian: FloatArray,
    error: FloatArray,
    date: FloatArray,
) -> dict[str, tuple[float, float]]:
    """Intervals of 95 % of the free scales, errors of one date belonging together.

    Parameters
    ----------
    names, values : (k,) the free scales, logarithms but for the last one
    jacobian : (m, k) slopes of the errors
    error : (m,) at the minimum
    date : (m,) of the samples
    """
    half = half_width(jacobian.T * error, jacobian.T @ jacobian, date)
    ends = np.stack([values - half, values + half])
    ends[:, :-1] = np.exp(ends[:, :-1])
    return {n: (float(low), float(high)) for n, low, high in zip(names, *ends, strict=True)}
