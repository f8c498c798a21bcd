r"""4DVarNet with a convolutional prior: learned descent without the equations.

The cost weighs the observations against an autoencoder,

.. math:: J(x) = \alpha_o^2 \| y - x \|^2_{observed} + \alpha_p^2 \| x - \Phi(x) \|^2

whose bilinear layer :math:`\Phi` can represent quadratic dynamics
(:class:`oceanbench.assimilation.fourdvarnet.priors.BilinearPrior`). It is learned together with the
update, a convolutional LSTM which gets the two terms of the gradient and the state, and descends
the cost from optimal interpolation (:mod:`oceanbench.assimilation.fourdvarnet.solver`). Of the
model only the symmetry is used: whether all components are alike. Where the training states are
known, the error of the estimate is what is made small; where only observations are, the misfit to
some that are held out.
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
NAME = "fourdvarnet_conv"
CONFIGURATIONS = {  # by whether the components lie on a circle, all alike
    True: WindowConfiguration(
        dynamical=False,
        zero_centre=True,
        prior_hidden=12,
        prior_kernel=5,
        hidden=12,
        kernel=3,
        length=60,
        batch=16,
        iterations=8,
        untracked=8,
        applied=16,
        steps=500,
        rate=5e-3,
    ),
    False: WindowConfiguration(
        dynamical=False,
        zero_centre=True,
        prior_hidden=16,
        prior_kernel=11,
        hidden=24,
        kernel=7,
        coarsen=2,
        length=250,
        batch=32,
        iterations=8,
        untracked=8,
        applied=16,
        steps=1000,
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
