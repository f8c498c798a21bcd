r"""Spread of 4DVarNets of windows: an ensemble of networks calibrated, or perturbed estimates.

Networks of several seeds differ where training has left them free, and err together where it has
not; an estimate alone has no spread at all. Both learn from the validation windows how large errors
are, each sampling on its own:

- *calibrated*: the members of an ensemble are stretched about their mean by the one factor with
  which their spread is as large as their error;
- *perturbed*: the estimate, plus errors seen in validation windows, is observed and estimated
  again, and the error of that is added; these members are stretched by such a factor too
  (:func:`oceanbench.assimilation.uncertainty.error_samples.perturbed`). For the factor, a
  validation window is perturbed by the errors of the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.fourdvarnet.windows.inference import TrainedWindows
from oceanbench.assimilation.uncertainty.error_samples import Members, perturbed, spread_factor
from oceanbench.assimilation.uncertainty.residual_draws import whole
from oceanbench.assimilation.uncertainty.window_mapping import as_array, mapping_of
from oceanbench.assimilation.window_batches import Windows, observations, states
from oceanbench.errors import OceanbenchError
from oceanbench.progress import progress


@dataclass(frozen=True)
class Sampling:
    """Windows that are observed alike: those to be estimated, and those that validate.

    Attributes
    ----------
    windows : to be estimated
    checks : windows of the validation data
    truths : their states, (windows, times, components)
    """

    windows: Windows
    checks: Windows
    truths: Tensor


def samplings(inputs: Mapping[str, xr.Dataset], name: str) -> list[Sampling]:
    """Windows of every sampling that is to be estimated, each with the validation windows of it.

    Parameters
    ----------
    inputs : observations, and states and observations of role validation
    name : of the method, for messages

    Raises
    ------
    OceanbenchError
        if the validation data are no windows with known states
    """
    truths, found = states(inputs, role="validation"), []
    parts = [d for d in inputs.values() if d.attrs.get("role") in ("observations", "validation")]
    (target,) = (d for d in parts if d.attrs["role"] == "observations")
    labels = target["sampling"].values if "sampling" in target.dims else [None]
    for label in labels:
        own = {
            str(number): part.sel(sampling=[label]) if "sampling" in part.dims else part
            for number, part in enumerate(parts)
        }
        windows, checks = observations(own), observations(own, role="validation")
        if truths is None or truths.shape != checks.values.shape or len(truths) < 2:
            raise OceanbenchError(
                f"{name}: a spread is calibrated on validation windows, of which this challenge "
                "has none with known states; leave calibrated and perturbed out"
            )
        found.append(Sampling(windows, checks, truths))
    return found


def calibrated_members(
    solver: TrainedWindows, inputs: Mapping[str, xr.Dataset], *, name: str
) -> Tensor:
    """Members of an ensemble of networks, stretched, (members, windows, times, components)."""
    found = []
    for sampling in samplings(inputs, name):
        checks = Members(as_array(solver.estimates(sampling.checks)))
        factor = spread_factor([checks], [as_array(sampling.truths)])
        found.append(Members(as_array(solver.estimates(sampling.windows))).scaled(factor).values)
    return torch.as_tensor(np.concatenate(found, 1))


def perturbed_members(
    solver: TrainedWindows,
    inputs: Mapping[str, xr.Dataset],
    *,
    name: str,
    members: int,
    seed: int,
) -> Tensor:
    """Members by random perturbation of an estimate, (members, windows, times, components).

    Parameters
    ----------
    solver : whose networks' mean is the estimate
    inputs : observations, and states and observations of role validation
    name : of the method, for messages
    members : at least two
    seed : of the draws, the same for all windows
    """
    found = []
    for sampling in progress(samplings(inputs, name), "samplings"):
        estimates = solver.estimates(sampling.checks).mean(0)
        residuals = as_array(sampling.truths - estimates)
        checks = [
            _perturbed(
                solver,
                sampling.checks.take([number]),
                np.delete(residuals, number, 0),
                members=members,
                seed=seed,
            )
            for number in range(len(residuals))
        ]
        factor = spread_factor(checks, list(as_array(sampling.truths)))
        windows = [sampling.windows.take([number]) for number in range(len(sampling.windows))]
        found += [
            _perturbed(solver, window, residuals, members=members, seed=seed).scaled(factor).values
            for window in windows
        ]
    return torch.as_tensor(np.stack(found, 1))


def _perturbed(
    solver: TrainedWindows, window: Windows, residuals: FloatArray, *, members: int, seed: int
) -> Members:
    """Members of one window."""
    mapping = mapping_of(window, lambda windows: solver.estimates(windows).mean(0))
    return perturbed(mapping, whole(residuals), members=members, seed=seed)
