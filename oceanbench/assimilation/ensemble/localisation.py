"""Weights of observations by their distance, on a circle or on a plane that may be periodic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.ensemble.kalman import gaspari_cohn


def distances(
    places: FloatArray, others: FloatArray, periods: Sequence[float | None] = ()
) -> FloatArray:
    """Distances (places, others), the short way round where an axis is periodic.

    Parameters
    ----------
    places, others : (points,) on a line or circle, or (points, axes)
    periods : length of each axis, after which it begins again; None where it does not

    Examples
    --------
    >>> distances(np.array([0.0, 9.0]), np.array([1.0]), [10.0])
    array([[1.],
           [2.]])
    """
    first, second = (np.asarray(p, np.float64).reshape(len(p), -1) for p in (places, others))
    apart = np.abs(first[:, None] - second)
    for axis, period in enumerate(periods):
        if period is not None:
            apart[..., axis] %= period
            apart[..., axis] = np.minimum(apart[..., axis], period - apart[..., axis])
    found: FloatArray = np.sqrt((apart**2).sum(-1))
    return found


def taper(apart: FloatArray, end: float) -> FloatArray:
    """Weights by distance: 1 at none, 0 from ``end`` on, of Gaspari and Cohn's function."""
    return np.asarray(gaspari_cohn(torch.as_tensor(apart / end)).numpy(), dtype=np.float64)
