"""Linear interpolation in time between the observations of each component."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from oceanbench.assimilation import window_batches
from oceanbench.assimilation.window_batches import (
    as_dataset,
    climatology,
    observations,
)

KINDS = ("windows",)


def estimate(
    inputs: Mapping[str, xr.Dataset], target: xr.Dataset, *, device: str, seed: int
) -> xr.Dataset:
    """Noisy observations joined by straight lines, constant before the first and after the last.

    A component that is never observed in a window gets the mean of the training data.

    Parameters
    ----------
    inputs : observations, and states or observations of role ``training``
    target : one variable ([sampling,] window, time, component) to fill
    device : of torch
    seed : not used: the method is deterministic
    """
    climate = climatology(inputs, cyclic=window_batches.is_cyclic(inputs), device=device)
    joined = window_batches.linear_interpolation(observations(inputs, device=device), climate.mean)
    return as_dataset(joined, target)
