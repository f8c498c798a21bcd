"""Optimal interpolation of windows with the space-time covariance of the training run."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from oceanbench.assimilation import window_batches
from oceanbench.assimilation.gaussian.window_interpolation import deviation, interpolate, learned
from oceanbench.assimilation.window_batches import as_dataset, observations

KINDS = ("windows",)


def estimate(
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    formal_error: bool = True,
) -> xr.Dataset:
    """Posterior mean of a Gaussian process that is stationary in time, and its deviation.

    Of what is told only the symmetry is used: whether all components are alike. The covariance is
    that of the training states or, where there are none, of the training observations.

    Parameters
    ----------
    inputs : observations, and states or observations of role ``training``
    target : one variable ([sampling,] window, time, component) to fill
    device : of torch
    seed : not used: the method is deterministic
    formal_error : give the posterior's standard deviation too
    """
    windows, cyclic = observations(inputs, device=device), window_batches.is_cyclic(inputs)
    climate, covariance = learned(inputs, target.sizes["time"], cyclic=cyclic, device=device)
    result = as_dataset(interpolate(windows, climate, covariance), target)
    if formal_error:
        error = as_dataset(deviation(windows, covariance), target)
        result = result.assign({f"{name}_std": error[name] for name in target.data_vars})
    return result
