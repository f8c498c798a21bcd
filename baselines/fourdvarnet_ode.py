r"""4DVarNet with the model told as its prior: learned descent of a weak-constraint 4DVar.

The cost weighs the observations against the equations,

.. math:: J(x) = \alpha_o^2 \| y - x \|^2_{observed} + \alpha_p^2 \sum_t \| x_t - M(x_{t-1}) \|^2

and a convolutional LSTM, which gets the two terms of its gradient and the state, descends it from
optimal interpolation (:mod:`oceanbench.assimilation.fourdvarnet.solver`). What the model has as
parameters is learned too. Where the training states are known, the error of the estimate is what is
made small; where only observations are, the misfit to some that are held out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import xarray as xr

from oceanbench.assimilation.fourdvarnet.windows.configuration import WindowConfiguration
from oceanbench.assimilation.fourdvarnet.windows.inference import estimate_members
from oceanbench.assimilation.fourdvarnet.windows.training import train_members
from oceanbench.assimilation.window_batches import as_dataset, model_of

if TYPE_CHECKING:
    import torch

KINDS = ("windows",)
REFERENCE = "Fablet et al. (2021) doi:10.1029/2021MS002572"
NAME = "fourdvarnet_ode"
CONFIGURATIONS = {  # by whether the components lie on a circle, all alike
    True: WindowConfiguration(
        dynamical=True,
        hidden=12,
        kernel=3,
        length=60,
        batch=16,
        iterations=10,
        untracked=30,
        applied=50,
        steps=900,
        rate=5e-3,
    ),
    False: WindowConfiguration(
        dynamical=True,
        substeps=2,
        hidden=32,
        kernel=7,
        coarsen=2,
        length=250,
        batch=32,
        iterations=8,
        untracked=8,
        applied=16,
        steps=1300,
        rate=4e-3,
        slope_loss=0.5,
    ),
}


def train(
    inputs: Mapping[str, xr.Dataset],
    *,
    device: str,
    seed: int,
    members: int = 3,
    steps: int = 0,
    checkpoint: str = "",
) -> dict[str, torch.Tensor]:
    """Train members of an ensemble; each takes about ten minutes of one processor core.

    Parameters
    ----------
    inputs : states, or else observations only, of the roles training and validation
    device : of torch
    seed : of the first member; the others have the next ones
    members : how many
    steps : of the training; 0 as many as the configuration for the model has
    checkpoint : folder that keeps every training: one that was interrupted resumes there
    """
    configuration = CONFIGURATIONS[model_of(inputs).cyclic]
    configuration = replace(configuration, steps=steps or configuration.steps)
    return train_members(
        inputs,
        configuration,
        name=NAME,
        members=members,
        seed=seed,
        device=device,
        checkpoint=checkpoint,
    )


def estimate(
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    weights: Mapping[str, torch.Tensor],
    member: int = -1,
) -> xr.Dataset:
    """Estimate the states of the windows.

    Parameters
    ----------
    inputs : observations, and the training data that the first guess has its covariance from
    target : one variable ([sampling,] window, time, component) to fill
    device : of torch
    seed : not used: the estimate is deterministic
    weights : that ``train`` found
    member : the number of one member, or -1 for all as an ensemble
    """
    found = estimate_members(inputs, weights, name=NAME, member=member, device=device)
    return as_dataset(found, target)
