"""Optimal interpolation written plainly: explicit inverse and dense product, map by map.

This is how the data challenges' own code computes its baseline; ours must give the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Kernel = Callable[[FloatArray, FloatArray], FloatArray]


def gaussian(length_x: float, length_y: float, length_time: float) -> Kernel:
    """Covariance of rows (x, y, time) of points, as the data challenges define it."""

    def kernel(a: FloatArray, b: FloatArray) -> FloatArray:
        dx, dy, dt = (p[:, None] - q for p, q in zip(a, b, strict=True))
        return np.exp(-((dt / length_time) ** 2) - (dx / length_x) ** 2 - (dy / length_y) ** 2)

    return kernel


def dense_map(
    points: FloatArray,
    value: FloatArray,
    error: FloatArray,
    date: float,
    window: float,
    kernel: Kernel,
    x: FloatArray,
    y: FloatArray,
) -> FloatArray:
    """Map (y, x) at one date.

    Parameters
    ----------
    points : (3, n) x, y and time
    value : (n,) observed there
    error : (n, n) covariance of the observation error
    date, window : observations with \\|time - date\\| < window are used
    kernel : covariance of the field
    x, y : nodes of the grid
    """
    near = np.abs(points[2] - date) < window
    grid_y, grid_x = np.meshgrid(y, x, indexing="ij")
    nodes = np.stack([grid_x.ravel(), grid_y.ravel(), np.full(grid_x.size, date)])
    observed = points[:, near]
    inverse = np.linalg.inv(kernel(observed, observed) + error[np.ix_(near, near)])
    gain = kernel(nodes, observed) @ inverse
    return (gain @ value[near]).reshape(grid_x.shape)
