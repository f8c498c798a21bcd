"""Climatology: the mean of the training data at every time, with its variability."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation import window_batches
from oceanbench.assimilation.cycling import CycleObservations, Problem
from oceanbench.assimilation.window_batches import as_dataset

KINDS = ("windows", "cycles")


def estimate(
    inputs: Mapping[str, xr.Dataset], target: xr.Dataset, *, device: str, seed: int
) -> xr.Dataset:
    """Mean and standard deviation of the training data, whatever was observed.

    Parameters
    ----------
    inputs : states or observations of role ``training``
    target : one variable ([sampling,] window, time, component) to fill
    device : of torch
    seed : not used: the method is deterministic
    """
    alike = window_batches.is_cyclic(inputs)
    climate = window_batches.climatology(inputs, cyclic=alike, device=device)
    shape = window_batches.observations(inputs, device=device).values.shape
    mean = as_dataset(climate.mean.expand(shape), target)
    error = as_dataset(torch.sqrt(climate.variance).expand(shape), target)
    return mean.assign({f"{name}_std": error[name] for name in target.data_vars})


def start(problem: Problem, *, device: str, seed: int) -> FloatArray:
    """Mean of the climate, of challenges of cycles.

    Parameters
    ----------
    problem : with its climate
    device, seed : not used
    """
    return np.asarray(problem.climate.mean(0, keepdims=True))


def analyse(
    background: FloatArray, observations: CycleObservations, memory: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Mean of the climate, whatever was observed."""
    return memory, memory
