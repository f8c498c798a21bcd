r"""4DVarNet with a stochastic equation as its prior, whose parameters it estimates too.

The state is augmented by the parameters :math:`\theta` of an equation of advection and diffusion,
driven by noise, that *is* the prior; an unrolled solver estimates both
(:mod:`oceanbench.assimilation.fourdvarnet.augmented.solver`). It is trained by the error of the
state and by the likelihood of the true state given :math:`\hat\theta`. Members come by four steps:
estimate; sample the equation with :math:`\hat\theta`; observe the samples as the window is, with
noise, and estimate them; add their errors to the estimate
(:mod:`oceanbench.assimilation.fourdvarnet.augmented.members`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
import xarray as xr

from oceanbench.assimilation.fourdvarnet.augmented.members import estimate_members
from oceanbench.assimilation.fourdvarnet.augmented.solver import AugmentedConfiguration
from oceanbench.assimilation.fourdvarnet.augmented.training import train_solver
from oceanbench.assimilation.window_batches import as_dataset

KINDS = ("windows",)
PHYSICS = "advection-diffusion"
REFERENCE = "Beauchamp et al. (2023) doi:10.48550/arXiv.2311.01783"
NAME = "fourdvarnet_spde"
CONFIGURATION = AugmentedConfiguration()


def train(
    inputs: Mapping[str, xr.Dataset],
    *,
    device: str,
    seed: int,
    steps: int = 0,
    varying: bool = False,
    smoothness: int = 1,
    checkpoint: str = "",
    init: Mapping[str, torch.Tensor] | None = None,
) -> dict[str, torch.Tensor]:
    """Learn how observations change the parameters of the equation, from known states.

    Parameters
    ----------
    inputs : states and observations of the roles training and validation
    device : of torch
    seed : of the weights, the windows that are drawn, and the noise
    steps : of the training; 0 as many as the configuration has
    varying : let the parameters vary along the circle; else they are constant in a window
    smoothness : of the noise that drives the equation: 0, white in space, or 1
    checkpoint : folder that keeps the training: one that was interrupted resumes there
    init : weights of the same network, from which to go on
    """
    return train_solver(
        inputs,
        replace(
            CONFIGURATION,
            steps=steps or CONFIGURATION.steps,
            varying=varying,
            smoothness=smoothness,
        ),
        name=NAME,
        seed=seed,
        device=device,
        checkpoint=checkpoint,
        init=init,
    )


def estimate(
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    weights: Mapping[str, torch.Tensor],
    members: int = 100,
) -> xr.Dataset:
    """Members of the posterior of every window.

    Parameters
    ----------
    inputs : with observations
    target : one variable ([sampling,] window, time, component) to fill
    device : of torch
    seed : of the draws, the same for all windows
    weights : that ``train`` found
    members : to draw, at least 2
    """
    found = estimate_members(inputs, weights, name=NAME, members=members, seed=seed, device=device)
    return as_dataset(found, target)
