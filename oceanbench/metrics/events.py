r"""Scores of events: whether and when an estimate enters the episodes that the truth goes through.

An episode is the time during which one component exceeds a threshold; exceedances that follow each
other within ``merge`` are one. An estimated and a true episode of one window match where they
overlap. Both are sought in each series of a window, at the points of positive weight.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.metrics.aligned import NO_DATA, Flagged, align
from oceanbench.metrics.options import NonNegative
from oceanbench.times import episodes


def onset_error(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    component: str | None = None,
    above: NonNegative = 0.0,
    merge: NonNegative = 0.0,
) -> float | Flagged:
    r"""Mean absolute error of the time at which events begin, over those that were found.

    .. math:: \langle | \hat t_k - t_k | \rangle_k

    over the matching pairs of estimated and true episodes; of several that overlap one true
    episode, the first counts. Episodes that the truth is in when the window begins have no known
    onset, and are left out.

    Parameters
    ----------
    estimate, truth : DataArray (window, time, component), in the variable's unit
    weights : DataArray broadcastable to truth, >= 0, zero outside the mask
    component : label of the component that tells; the first by default
    above : threshold that it exceeds during an event
    merge : exceedances no further apart than this are one event, in the unit of time

    Returns
    -------
    float, in the unit of time of the windows; flag ``no_data`` if no event was found
    """
    errors = [
        abs(time[found[0][0]] - time[event[0]])
        for case in _cases(estimate, truth, weights, component, above, merge)
        for time, first in [(case.time, case.first)]
        for event in case.true
        if event[0] > first and (found := _overlapping(event, case.estimated))
    ]
    return float(np.mean(errors)) if errors else NO_DATA


def missed_events(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    component: str | None = None,
    above: NonNegative = 0.0,
    merge: NonNegative = 0.0,
) -> float | Flagged:
    """Fraction of the events of the truth that no event of the estimate overlaps.

    Parameters
    ----------
    estimate, truth, weights, component, above, merge : as for :func:`onset_error`

    Returns
    -------
    float between 0 and 1; flag ``no_data`` if the truth has no event
    """
    missed = [
        not _overlapping(event, case.estimated)
        for case in _cases(estimate, truth, weights, component, above, merge)
        for event in case.true
    ]
    return float(np.mean(missed)) if missed else NO_DATA


def false_events(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    component: str | None = None,
    above: NonNegative = 0.0,
    merge: NonNegative = 0.0,
) -> float | Flagged:
    """False events of the estimate, relative to the number of events of the truth.

    Parameters
    ----------
    estimate, truth, weights, component, above, merge : as for :func:`onset_error`

    Returns
    -------
    float, 0 if every event of the estimate overlaps one of the truth; flag ``no_data`` if the truth
    has no event
    """
    false = true = 0
    for case in _cases(estimate, truth, weights, component, above, merge):
        false += sum(not _overlapping(event, case.true) for event in case.estimated)
        true += len(case.true)
    return false / true if true else NO_DATA


class Case(NamedTuple):
    """Episodes of one series: (first, last) index each, and the first index that is scored."""

    time: np.ndarray
    first: int
    estimated: list[tuple[int, int]]
    true: list[tuple[int, int]]


def _cases(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    component: str | None,
    above: float,
    merge: float,
) -> Iterator[Case]:
    labels = [str(label) for label in truth["component"].values]
    if component is not None and component not in labels:
        raise OceanbenchError(f"no component '{component}'; the truth has {', '.join(labels)}")
    number = 0 if component is None else labels.index(component)
    others = [str(d) for d in truth.dims if d not in ("time", "component")]
    parts = align(estimate, truth, weights, *others, "component", "time")
    e, t, w = (a[..., number, :].reshape(-1, a.shape[-1]) for a in parts)
    time = truth["time"].values
    gap = merge / float(np.diff(time).min()) if time.size > 1 else 0.0
    for one, known, scored in zip(e, t, w > 0, strict=True):
        if scored.any():
            estimated, true = (episodes((s > above) & scored, gap) for s in (one, known))
            yield Case(time, int(np.argmax(scored)), estimated, true)


def _overlapping(event: tuple[int, int], others: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [o for o in others if o[0] <= event[1] and event[0] <= o[1]]
