"""Generative network of one step, trained by scoring rules: fair CRPS and fair energy score.

A member is the estimate by optimal interpolation and an error that a network makes, in one step, of
a draw of the error that the interpolation itself makes
(:mod:`oceanbench.assimilation.generative.estimate_errors`). Several draws of a window are judged
together (:mod:`oceanbench.assimilation.generative.scoring_rules`), so that what is made small is
least for the posterior, and neither a density nor an adversary is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
import xarray as xr

from oceanbench.assimilation.generative.configuration import GenerativeConfiguration
from oceanbench.assimilation.generative.members import estimate_members, physics_of
from oceanbench.assimilation.generative.training import train_network
from oceanbench.assimilation.window_batches import as_dataset, is_cyclic

KINDS = ("windows",)
REFERENCE = "Pacchiardi et al. (2024) doi:10.48550/arXiv.2112.08217"
NAME = "scoring_rule_generator"
CONFIGURATIONS = {  # by whether the components lie on a circle, all alike
    True: GenerativeConfiguration(
        learns="scores", length=16, batch=4, steps=600, rate=1e-3, hidden=16, blocks=4, kernel=3
    ),
    False: GenerativeConfiguration(learns="scores", length=25, batch=16, steps=2500, rate=1e-3),
}


def train(
    inputs: Mapping[str, xr.Dataset],
    *,
    device: str,
    seed: int,
    steps: int = 0,
    draws: int = 8,
    simulated: int = 0,
    checkpoint: str = "",
    init: Mapping[str, torch.Tensor] | None = None,
) -> dict[str, torch.Tensor]:
    """Learn the generator from known states, observed anew in every step.

    Parameters
    ----------
    inputs : states and observations of the roles training and validation
    device : of torch
    seed : of the weights, the windows that are drawn, and the noise
    steps : of the training; 0 as many as the configuration has
    draws : of a window that are judged together, at least 2
    simulated : windows of the model told, driven by the noise that is told, to learn from in place
        of the known states; 0 for those
    checkpoint : folder that keeps the training: one that was interrupted resumes there
    init : weights of the same network, from which to go on
    """
    usual = CONFIGURATIONS[is_cyclic(inputs)]
    return train_network(
        inputs,
        replace(usual, steps=steps or usual.steps, draws=draws, simulated=simulated),
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
    inputs : observations, and the training data that the interpolation has its covariance from
    target : one variable ([sampling,] window, time, component) to fill
    device : of torch
    seed : of the noise that members are made of, the same for all windows
    weights : that ``train`` found
    members : to draw
    """
    found = estimate_members(inputs, weights, name=NAME, members=members, seed=seed, device=device)
    return as_dataset(found, target)


def PHYSICS(  # noqa: N802  (the name that a method file gives it)
    *, weights: Mapping[str, torch.Tensor], **_: object
) -> str:
    """Equations that the generator was learned from."""
    return physics_of(weights, NAME)
