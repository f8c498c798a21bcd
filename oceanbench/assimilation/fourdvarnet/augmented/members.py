r"""Members by four steps: estimate, sample the prior found, observe and estimate again, combine.

The solver finds :math:`\hat x` and :math:`\hat\theta` of a window. Fields :math:`x_s` are drawn of
the equation with :math:`\hat\theta`, observed where the window is, with noise, and estimated by the
solver, parameters and all. Members are :math:`\hat x + x_s - \hat x(H x_s + \varepsilon)`: draws of
the posterior where the parameters are right, and wider by what is not known of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.fourdvarnet.augmented.solver import (
    AugmentedConfiguration,
    AugmentedSolver,
)
from oceanbench.assimilation.fourdvarnet.augmented.training import as_normalised, check_circle
from oceanbench.assimilation.fourdvarnet.windows.training_windows import Scales
from oceanbench.assimilation.uncertainty.error_samples import conditional
from oceanbench.assimilation.uncertainty.spde_circle import PARAMETERS
from oceanbench.assimilation.uncertainty.window_mapping import as_array, mapping_of
from oceanbench.assimilation.window_batches import Windows, observations
from oceanbench.errors import OceanbenchError
from oceanbench.learning import ensembles
from oceanbench.progress import progress


def estimate_members(
    inputs: Mapping[str, xr.Dataset],
    weights: Mapping[str, Tensor],
    *,
    name: str,
    members: int,
    seed: int,
    device: str = "cpu",
) -> Tensor:
    """Members of every window, whose mean is the estimate.

    Parameters
    ----------
    inputs : with observations
    weights : of :func:`oceanbench.assimilation.fourdvarnet.augmented.training.train_solver`
    name : of the method, for messages
    members : of each window, at least two
    seed : of the draws, the same for all windows
    device : of torch

    Returns
    -------
    (members, windows, times, components)
    """
    check_circle(inputs, name)
    windows = observations(inputs)
    solver, scales = load_solver(weights, windows.values.shape[-1], name=name, device=device)
    scaled = as_normalised(windows, scales).to(device)
    found = [
        members_of(solver, scaled.take([number]), members=members, seed=seed)
        for number in progress(range(len(windows)), "windows")
    ]
    return torch.stack(found, 1).cpu() * scales.deviation + scales.mean


def members_of(solver: AugmentedSolver, window: Windows, *, members: int, seed: int) -> Tensor:
    """Members (members, times, nodes) of one normalised window."""
    shape, like = window.observed.shape[1:], window.values
    with torch.no_grad():
        prior = solver.chain(solver(window).parameters)

    def drawn(count: int, random: np.random.Generator) -> FloatArray:
        noise = random.standard_normal((1, *shape, count))
        return as_array(prior.draws(torch.as_tensor(noise).to(like))[0].movedim(-1, 0))

    mapping = mapping_of(window, lambda windows: solver(windows).states)
    found = conditional(mapping, drawn, members=members, seed=seed)
    return torch.as_tensor(found.values).to(like)


def load_solver(
    weights: Mapping[str, Tensor], components: int, *, name: str, device: str = "cpu"
) -> tuple[AugmentedSolver, Scales]:
    """Trained solver of windows of so many components, and how they are normalised."""
    if not {"mean", "deviation"} <= weights.keys():
        raise OceanbenchError(f"{name}: these are not its weights; train it")
    if len(weights["mean"]) != components:
        raise OceanbenchError(
            f"{name}: weights for {len(weights['mean'])} components, and the windows have "
            f"{components}; train on this challenge"
        )
    configuration = ensembles.configuration_of(AugmentedConfiguration, weights, name)
    usual = torch.zeros(len(PARAMETERS), dtype=torch.float64)
    (solver,) = ensembles.load_networks(
        lambda: AugmentedSolver(usual, configuration), weights, name=name, member=0, device=device
    )
    scales = Scales(weights["mean"].cpu(), weights["deviation"].cpu(), cyclic=True)
    return solver, scales
