r"""4DVarNet with the model told as its prior: Gauss-Newton steps of a learned 4DVar.

The cost weighs the observations against the equations,

.. math:: J(x) = \alpha_o^2 \| y - x \|^2_{observed} + \alpha_p^2 \sum_t \| x_t - M(x_{t-1}) \|^2

and a fixed number of Gauss-Newton steps with exact solves descends it from optimal interpolation,
each with a weight of the equations of its own, and from the mean of a Kalman smoother too: the
lower cost decides
(:mod:`oceanbench.assimilation.fourdvarnet.gauss_newton`). The weights are learned through all
steps, the parameters of the model from known states. Where the training states are known, the
error of the estimate is what is made small; where only observations are, the misfit to some that
are held out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
import xarray as xr

from oceanbench.assimilation.fourdvarnet.bilevel import derivative_of
from oceanbench.assimilation.fourdvarnet.windows.configuration import WindowConfiguration
from oceanbench.assimilation.fourdvarnet.windows.inference import estimate_members, formal_error
from oceanbench.assimilation.fourdvarnet.windows.training import train_members
from oceanbench.assimilation.window_batches import as_dataset, model_of
from oceanbench.errors import OceanbenchError

KINDS = ("windows",)
PHYSICS = "told"
REFERENCE = "Fablet et al. (2021) doi:10.1029/2021MS002572"
NAME = "fourdvarnet_ode"
CONFIGURATIONS = {  # by whether the components lie on a circle, all alike
    True: WindowConfiguration(
        dynamical=True,
        length=60,
        batch=2,
        iterations=15,
        steps=8,
        rate=1e-2,
        validations=2,
        checked=4,
    ),
    False: WindowConfiguration(
        dynamical=True,
        substeps=2,
        length=250,
        batch=20,
        iterations=10,
        steps=12,
        rate=3e-2,
        validations=2,
        checked=20,
    ),
}


def train(
    inputs: Mapping[str, xr.Dataset],
    *,
    device: str,
    seed: int,
    steps: int = 0,
    derivative: str = "unrolled",
    checkpoint: str = "",
    init: Mapping[str, torch.Tensor] | None = None,
) -> dict[str, torch.Tensor]:
    """Learn the weights of the cost, its schedule and the parameters of the model.

    Parameters
    ----------
    inputs : states, or else observations only, of the roles training and validation
    device : of torch
    seed : of the windows that are drawn
    steps : of the training; 0 as many as the configuration for the model has
    derivative : ``unrolled`` through the steps, or ``implicit`` at the minimum alone, which leaves
        all of the schedule but its end as it was; the model is fitted to states before, and held
    checkpoint : folder that keeps the training: one that was interrupted resumes there
    init : weights of the same network, from which to go on
    """
    configuration = CONFIGURATIONS[model_of(inputs).cyclic]
    if derivative == "alternate":
        raise OceanbenchError(
            f"{NAME}: derivative=alternate: its model is fitted to states first, and held; take "
            "unrolled or implicit"
        )
    configuration = replace(
        configuration,
        steps=steps or configuration.steps,
        **derivative_of(derivative, method=NAME),
    )
    return train_members(
        inputs,
        configuration,
        name=NAME,
        members=1,
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
    smoother: int = 100,
) -> xr.Dataset:
    """Estimate the states of the windows, and their standard deviation by Laplace's approximation.

    Parameters
    ----------
    inputs : observations, and the training data that the first guess has its covariance from
    target : one variable ([sampling,] window, time, component) to fill
    device : of torch
    seed : not used: the estimate is deterministic
    weights : that ``train`` found
    smoother : members of a Kalman smoother whose mean is a second first guess; 0 for none
    """
    found = estimate_members(inputs, weights, name=NAME, member=0, smoother=smoother, device=device)
    error = formal_error(inputs, weights, found, name=NAME, device=device)
    result, errors = as_dataset(found, target), as_dataset(error, target)
    return result.assign({f"{name}_std": errors[name] for name in target.data_vars})
