"""Learned analysis: one state, drawn to the observations by a network trained through the cycle.

No ensemble is run: which errors of the background grow, the network tells from the background
itself. It costs one step of the model a cycle, and a training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.cycling import CycleObservations, Problem
from oceanbench.assimilation.learned_analysis import (
    AnalysisConfiguration,
    AnalysisNetwork,
    train_analysis,
)

KINDS = ("cycles",)
PHYSICS = "told"
LEARNS_FROM = "simulation"  # worlds that the model told runs
REFERENCE = "Bocquet et al. (2024) doi:10.48550/arXiv.2408.04739"
CONFIGURATION = AnalysisConfiguration()


def train(
    inputs: Mapping[str, xr.Dataset], *, device: str, seed: int, steps: int = 0
) -> dict[str, torch.Tensor]:
    """Learn the analysis in worlds that the model told runs from states of the training worlds.

    Parameters
    ----------
    inputs : states and observations of role ``training``
    device : of torch
    seed : of the weights, the states and the noise
    steps : of the training; 0 as many as the configuration has
    """
    usual = CONFIGURATION
    configuration = replace(usual, steps=steps or usual.steps)
    return train_analysis(inputs, configuration, seed=seed, device=device)


def start(
    problem: Problem, *, device: str, seed: int, weights: Mapping[str, torch.Tensor]
) -> AnalysisNetwork:
    """Network of the weights.

    Parameters
    ----------
    problem, device, seed : not used: a state is too small for a device
    weights : that ``train`` found
    """
    return AnalysisNetwork.of_weights({name: value.cpu() for name, value in weights.items()})


def analyse(
    background: FloatArray, observations: CycleObservations, memory: AnalysisNetwork
) -> tuple[FloatArray, AnalysisNetwork]:
    """The forecast, drawn to the observations by the network."""
    state = background.mean(0)
    innovation, seen = np.zeros(state.size), np.zeros(state.size, dtype=bool)
    seen[observations.components] = True
    innovation[seen] = observations.values - state[seen]
    arguments = (state.astype(np.float32), innovation.astype(np.float32), seen)
    with torch.inference_mode():
        found = memory(*(torch.as_tensor(array)[None] for array in arguments))
    return found.numpy().astype(np.float64), memory
