r"""Analyses with a covariance that is the same at all times, alone or beside that of members.

.. math:: x^a = x^b + K (y - H x^b), \quad K = B H^T (H B H^T + R)^{-1}

With the climate as background this is optimal interpolation, with a forecast 3D-Var. A hybrid has

.. math:: B = \beta B_s + (1 - \beta) P

with the covariance :math:`P` of the members, whose deviations are drawn by half the gain.

References
----------
Hamill and Snyder (2000), doi:10.1175/1520-0493(2000)128<2905:AHEKFV>2.0.CO;2;
Sakov and Oke (2008), doi:10.1111/j.1600-0870.2007.00299.x, for half the gain
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from oceanbench.arrays import FloatArray, IndexArray


def gain(rows: FloatArray, components: IndexArray, variance: FloatArray) -> FloatArray:
    """Gain (components, observations) of observations of some components.

    Parameters
    ----------
    rows : (observations, components), covariances of the background there with all of it
    components : that are observed, (observations,)
    variance : of the noise of each
    """
    among = rows[:, components] + np.diag(variance)
    return np.asarray(np.linalg.solve(among, rows).T, dtype=np.float64)


def analysed(
    states: FloatArray,
    rows: FloatArray,
    values: FloatArray,
    components: IndexArray,
    variance: FloatArray,
) -> FloatArray:
    """States (..., components) drawn to observations by the gain of a covariance."""
    found = gain(rows, components, variance)
    return np.asarray(states + (values - states[..., components]) @ found.T)


class SeenAtATime(NamedTuple):
    """Observations of a time, and what a covariance says of them.

    Attributes
    ----------
    time : in cycles
    departures, variance, components : (observations,), from the mean of the climate
    rows : (observations, components), of the covariance
    """

    time: float
    departures: FloatArray
    variance: FloatArray
    components: IndexArray
    rows: FloatArray


def remembered(seen: Sequence[SeenAtATime], now: float, memory: float) -> FloatArray:
    r"""What observations of several times let expect now, as a departure from the climate.

    The covariance between times is that in space times a Matérn function of their distance,

    .. math:: \rho(t) = (1 + a) e^{-a}, \quad a = \sqrt3 \, |t| / \tau

    Parameters
    ----------
    seen : of each time, not empty altogether
    now : in cycles
    memory : tau, in cycles
    """
    time = np.concatenate([np.full(len(s.components), s.time) for s in seen])
    index = np.concatenate([s.components for s in seen])
    among = np.concatenate([s.rows[:, index] for s in seen])
    among *= matern(time[:, None] - time, memory)
    among[np.diag_indices_from(among)] += np.concatenate([s.variance for s in seen])
    departures = np.concatenate([s.departures for s in seen])
    weights = np.linalg.solve(among, departures) * matern(time - now, memory)
    ends = np.cumsum([len(s.components) for s in seen])[:-1]
    parts = zip(np.split(weights, ends), seen, strict=True)
    return np.asarray(sum(part @ s.rows for part, s in parts), dtype=np.float64)


def matern(apart: FloatArray, memory: float) -> FloatArray:
    """Correlation at times ``apart``, once differentiable."""
    scaled = math.sqrt(3.0) / memory * np.abs(apart)
    return np.asarray((1.0 + scaled) * np.exp(-scaled))


def hybrid(
    members: FloatArray,
    static: FloatArray,
    values: FloatArray,
    components: IndexArray,
    variance: FloatArray,
    *,
    share: float,
    taper: FloatArray | None = None,
) -> FloatArray:
    """Members (members, components) drawn to observations by two covariances together.

    Parameters
    ----------
    members : two at least
    static : rows (observations, components) of the covariance of all times
    values, components, variance : (observations,)
    share : of the static covariance, from 0 (a deterministic filter) to 1 (3D-Var)
    taper : (observations, components), of the covariance of the members; None for none
    """
    mean = members.mean(0)
    deviations = members - mean
    if taper is None:
        own = (deviations.T @ deviations / (len(members) - 1))[components]
    else:
        own = deviations[:, components].T @ deviations / (len(members) - 1) * taper
    found = gain(share * static + (1.0 - share) * own, components, variance)
    centre = mean + found @ (values - mean[components])
    return np.asarray(centre + deviations - 0.5 * deviations[:, components] @ found.T)
