"""Estimates of many windows of days: some at once, weighted by day, blended to one series."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from oceanbench.arrays import FloatArray

WINDOWS_AT_ONCE = 8


def every_window(values: Tensor, days: int) -> Tensor:
    """All windows (windows, days, rows, columns) of a series (days, rows, columns)."""
    return values.unfold(0, days, 1).movedim(-1, 1)


def estimates(solver: torch.nn.Module, *given: Tensor) -> Tensor:
    """Estimates of windows, of which some are in memory at once.

    Parameters
    ----------
    solver : trained
    given : what it is called with, windows first
    """
    parts = zip(*(torch.split(g, WINDOWS_AT_ONCE) for g in given), strict=True)
    with torch.inference_mode():
        return torch.cat([solver(*part) for part in parts])


def day_weights(days: int) -> Tensor:
    """Weights of the days of a window, which fall linearly from its middle and average to one."""
    middle = days // 2
    weight = 1.0 - (torch.arange(days) - middle).abs() / (middle + 1.0)
    return weight / weight.mean()


def blended(windows: Tensor) -> FloatArray:
    """Series (days, rows, columns) of all its windows, averaged with the weights of training."""
    count, length, *nodes = windows.shape
    weight = day_weights(length).double()[:, None, None]
    total, norm = np.zeros((count + length - 1, *nodes)), np.zeros((count + length - 1, 1, 1))
    for first, window in enumerate(windows):
        days = slice(first, first + length)
        total[days] += (weight * window).numpy()
        norm[days] += weight.numpy()
    blend: FloatArray = total / norm
    return blend
