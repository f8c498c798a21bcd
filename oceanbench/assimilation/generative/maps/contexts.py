"""What a network of members is given: estimates, what they disagree about, and who passed when.

Of every day and its neighbours: the mean of the estimates; the departures of each from it, and of
it from each first guess; what altimeters measured beside it, and where they did. Of the day, too,
what errors are large by: how large increments, changes, slopes and misfits are around. Lengths are
in units of the errors' usual size, but of the mean estimate itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter, uniform_filter1d
from torch import Tensor

from oceanbench.arrays import FloatArray
from oceanbench.learning.kept_arrays import Arrays

REACH = 4  # days on either side of a map
NEAR = (-2, -1, 0, 1, 2)  # of the mean estimate
NEXT = (-1, 0, 1)  # of departures from it
EVERY = tuple(range(-REACH, REACH + 1))  # of observations
SIZES = 7  # of what is around, which have no sign
AROUND_DAYS, AROUND_CELLS = 5, 2.0  # days in a mean, and deviation of a Gaussian in space
LEAST = 0.1  # of a size whose logarithm is taken, in the usual size of errors


@dataclass(frozen=True)
class ErrorScale:
    """Units of the network.

    Attributes
    ----------
    mean, deviation : of the variable
    size : root mean square of the errors of the mean estimate
    """

    mean: float
    deviation: float
    size: float


def channels(bases: int) -> int:
    """Channels of a context about so many estimates."""
    return len(NEAR) + bases * (len(NEXT) + 1) + 2 * len(EVERY) + SIZES


def series(scene: Arrays, scale: ErrorScale) -> tuple[Tensor, Tensor]:
    """Channels of every day, (days, channels, rows, columns), and the mean estimate.

    Parameters
    ----------
    scene : as :class:`oceanbench.assimilation.generative.maps.base_estimates.BaseEstimates` has it
    scale : units
    """
    estimates = scene["estimates"].astype(np.float64)
    mean, observed = estimates.mean(axis=0), scene["observed"].astype(np.float64)
    beside = observed * (scene["guesses"][0] + scene["misfit"] - mean)
    parts = [
        ((mean - scale.mean) / scale.deviation)[None],
        (estimates - mean) / scale.size,
        (mean - scene["guesses"]) / scale.size,
        beside[None] / scale.size,
        observed[None],
        sizes(mean / scale.size, scene["guesses"][0] / scale.size, beside / scale.size, observed),
    ]
    found = np.concatenate(parts).swapaxes(0, 1).astype(np.float32)
    return torch.as_tensor(found), torch.as_tensor(mean.astype(np.float32))


def sizes(
    mean: FloatArray, guess: FloatArray, beside: FloatArray, observed: FloatArray
) -> FloatArray:
    """Logarithms of sizes around every point, (:data:`SIZES`, days, rows, columns).

    Of the increment, of the change from day to day and of its change, of slopes and curvature, of
    misfits; and how much is observed.

    Parameters
    ----------
    mean, guess : estimate and first guess, in the usual size of errors
    beside : misfits to the estimate, zero where nothing is observed
    observed : 1 where something is, or 0
    """

    def around(values: FloatArray) -> FloatArray:
        days = uniform_filter1d(values, AROUND_DAYS, axis=0, mode="nearest")
        found = gaussian_filter(days, (0.0, AROUND_CELLS, AROUND_CELLS))
        return np.maximum(found, 0.0)  # running sums round

    change, north, east = np.gradient(mean)
    curvature = np.gradient(north, axis=1) + np.gradient(east, axis=2)
    signed = np.stack([mean - guess, change, np.gradient(change, axis=0), north, east, curvature])
    squares = [around(one) for one in signed**2]
    seen = around(observed)
    squares[3:5] = [squares[3] + squares[4]]  # of slopes to the north and to the east
    squares.append(around(beside**2) / (seen + 1e-3))
    return np.log(LEAST + np.stack([*(np.sqrt(square) for square in squares), seen]))


def chosen(bases: int) -> tuple[list[int], list[int]]:
    """Days of a window, from 0 to twice :data:`REACH`, and channels that a context is made of."""
    pairs = [(offset, 0) for offset in NEAR]
    pairs += [(offset, 1 + base) for offset in NEXT for base in range(bases)]
    pairs += [(0, 1 + bases + base) for base in range(bases)]
    pairs += [(offset, 1 + 2 * bases + seen) for seen in range(2) for offset in EVERY]
    pairs += [(0, 3 + 2 * bases + number) for number in range(SIZES)]
    days, numbers = zip(*pairs, strict=True)
    return [REACH + day for day in days], list(numbers)


def contexts(windows: Tensor) -> Tensor:
    """Contexts (cases, channels, rows, columns) of windows of a series.

    Parameters
    ----------
    windows : (cases, days, channels, rows, columns), of :data:`REACH` days on either side
    """
    days, numbers = chosen((windows.shape[2] - 3 - SIZES) // 2)
    return windows[:, days, numbers]


def mirrored(windows: Tensor, *, north: bool, east: bool) -> Tensor:
    """Windows as quasi-geostrophic flow allows: north and south with the sign, east with time."""
    if north:
        signs = windows.new_full((windows.shape[2], 1, 1), -1.0)
        signs[-1 - SIZES :] = 1.0  # where altimeters passed, and sizes
        windows = signs * windows.flip(-2)
    return windows.flip(1, -1) if east else windows
