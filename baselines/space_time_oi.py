"""Optimal interpolation of windows with the space-time covariance of the training run."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import xarray as xr

from oceanbench.assimilation import window_batches
from oceanbench.assimilation.gaussian.window_interpolation import (
    deviation,
    errors,
    interpolate,
    learned,
)
from oceanbench.assimilation.window_batches import as_dataset, observations
from oceanbench.errors import OceanbenchError

KINDS = ("windows",)


def estimate(
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    formal_error: bool = True,
    members: int = 0,
) -> xr.Dataset:
    """Posterior mean of a Gaussian process that is stationary in time, and its deviation.

    Of what is told only the symmetry is used: whether all components are alike. The covariance is
    that of the training states or, where there are none, of the training observations.

    Parameters
    ----------
    inputs : observations, and states or observations of role ``training``
    target : one variable ([sampling,] window, time, component) to fill
    device : of torch
    seed : of the members
    formal_error : give the posterior's standard deviation too
    members : draws of the posterior to give in place of it, whose mean is the estimate; 0 for none
    """
    if members < 0 or members == 1:
        raise OceanbenchError(
            f"space_time_oi: members={members}: give 0 for the mean, or at least 2 for the spread"
        )
    windows, cyclic = observations(inputs, device=device), window_batches.is_cyclic(inputs)
    climate, covariance = learned(inputs, target.sizes["time"], cyclic=cyclic, device=device)
    mean = interpolate(windows, climate, covariance)
    if members:
        random = torch.Generator().manual_seed(seed)
        return as_dataset(mean + errors(windows, covariance, members, random), target)
    result = as_dataset(mean, target)
    if formal_error:
        error = as_dataset(deviation(windows, covariance), target)
        result = result.assign({f"{name}_std": error[name] for name in target.data_vars})
    return result
