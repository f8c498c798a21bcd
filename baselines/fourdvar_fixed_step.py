r"""Weak-constraint 4DVar by fixed-step gradient descent, as in published comparisons.

.. math::
    J(x) = 0.01 \, \langle (y - x)^2 \rangle_{\text{observed}}
         + 0.99 \, \langle (x_{k+1} - M(x_k))^2 \rangle

with all components divided by the climate's standard deviation, from a linear interpolation of the
observations. Published is a step of 1e4 for means over batches of 16 windows of 200 times and 40
components, which divides the gradient by 16 and by the size of a window. A step here is

.. math::
    x_k \leftarrow x_k - s \left( d_k - A_k^T d_{k+1} + w \, (x_k - y_k) \right), \quad
    d_{k+1} = x_{k+1} - M(x_k), \quad A_k = M'(x_k), \quad
    w = \frac{0.01}{0.99} \, \frac{\text{values}}{\text{observations}}

for each window on its own, which is the published one for :math:`s = 2 \cdot 0.99 \cdot 10^4 / (16
\cdot 200 \cdot 40) = 0.155` and depends on neither batch, length nor units. It is stable where
:math:`s \, (1 + \lVert A \rVert)^2 < 2`: for both models of the challenges. The comparison for
the overturning loop (Bauchot et al., 2025, doi:10.1029/2024MS004462) takes 100 fixed steps, so many
are the default there; elsewhere it is 2000. Neither converges, and the linear interpolation is far
from the minimum: the method is here because others compare with it. What the same cost can do is
the baseline fourdvar.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.window_batches import (
    Climatology,
    Windows,
    as_dataset,
    climatology,
    linear_interpolation,
    model_of,
    observations,
)
from oceanbench.dynamics.models import Model
from oceanbench.errors import OceanbenchError
from oceanbench.progress import progress

KINDS = ("windows",)
PHYSICS = "told"
REFERENCE = "Fablet et al. (2021) doi:10.1029/2021MS002572"
STEPS, STEPS_OF_AMOC = 2000, 100
WEIGHT = 0.01 / 0.99  # of observations, relative to the dynamics
VALUES_AT_ONCE = 2**16  # of windows that descend together: a cache's worth of temporaries


def estimate(
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    iterations: int = 0,
    step: float = 0.155,
) -> xr.Dataset:
    """Where the descent has come to.

    Parameters
    ----------
    inputs : observations, and states or observations of role ``training``
    target : one variable ([sampling,] window, time, component) to fill
    device : of torch
    seed : not used: the method is deterministic
    iterations : steps; 0 for 100 with the overturning loop and 2000 with any other model
    step : length of a step, with components in units of the climate's standard deviation
    """
    if iterations < 0 or not 0 < step < 2:
        raise OceanbenchError(
            f"fourdvar_fixed_step: iterations={iterations}, step={step}; expected no negative "
            "count, and a step above 0 and below 2, from which on no descent is stable"
        )
    model, windows = model_of(inputs), observations(inputs, device=device)
    climate = climatology(inputs, cyclic=model.cyclic, device=device)
    of_amoc = any(dataset.attrs.get("model") == "amoc" for dataset in inputs.values())
    iterations = iterations or (STEPS_OF_AMOC if of_amoc else STEPS)
    parts = windows.split(VALUES_AT_ONCE // windows.values[0].numel())
    found = [
        descend(part, model, climate, iterations=iterations, step=step)
        for part in progress(parts, "windows")
    ]
    states = torch.cat(found)
    if not states.isfinite().all():
        raise OceanbenchError(f"fourdvar_fixed_step: the descent is not stable; lower step, {step}")
    return as_dataset(states, target)


def descend(
    windows: Windows, model: Model, climate: Climatology, *, iterations: int, step: float
) -> Tensor:
    """States (windows, times, components) after some steps from the linear interpolation."""
    states = linear_interpolation(windows, climate.mean)
    seen = windows.observed
    count = seen.sum((1, 2), keepdim=True).clamp_min(1)
    # where few values are observed, a heavier weight would make the step unstable
    weight = (WEIGHT * seen[0].numel() / count).clamp_max(1.0 / step) * seen
    for _ in range(iterations):
        states = states - step * (
            of_dynamics(states, model, climate) + weight * (states - windows.values)
        )
    return states


def of_dynamics(states: Tensor, model: Model, climate: Climatology) -> Tensor:
    r"""Gradient of half the sum of squared misfits of the model, times the climate's variance.

    .. math:: d_k - V A_k^T V^{-1} d_{k+1}
    """
    before = states[:, :-1].detach().requires_grad_()
    forecast = model.advance(before)
    defect = states[:, 1:] - forecast.detach()
    (pulled,) = torch.autograd.grad(forecast, before, defect / climate.variance)
    result = torch.zeros_like(states)
    result[:, 1:] = defect
    result[:, :-1] -= climate.variance * pulled
    return result
