r"""4DVarNet members: errors of a learned map, drawn by a network that is trained by scoring rules.

About the mean of learned mappings, by default that of the baseline fourdvarnet, a member is

.. math:: x_i = \hat x + \mu(c) + \exp(s(c)) \, N(c) \, z_i

of white noise :math:`z_i`, which a network shapes as its context c tells: estimates, misfits of
altimeters and where they passed (:mod:`oceanbench.assimilation.generative.maps.member_network`).
Eight draws of a map are judged together by fair scores, on simulated seas that the mappings have
never seen (:mod:`oceanbench.assimilation.generative.maps.simulated_scenes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import xarray as xr

from oceanbench.assimilation.fourdvarnet.maps.inference import filled
from oceanbench.assimilation.generative.maps.base_estimates import BaseEstimates
from oceanbench.assimilation.generative.maps.configuration import MemberConfiguration
from oceanbench.assimilation.generative.maps.drawn_maps import MemberMaps
from oceanbench.assimilation.generative.maps.member_training import (
    train_members,
    weights_of_mappings,
)
from oceanbench.learning.precision import in_bfloat16

if TYPE_CHECKING:
    import torch

KINDS = ("maps",)
PHYSICS = "quasi-geostrophic"
REFERENCE = (
    "Pacchiardi et al. (2024) doi:10.48550/arXiv.2112.08217; "
    "Beauchamp et al. (2023) doi:10.5194/gmd-16-2119-2023"
)
NAME = "fourdvarnet_members"
CONFIGURATION = MemberConfiguration()


def train(  # noqa: PLR0913  (every option is a keyword)
    inputs: Mapping[str, xr.Dataset],
    *,
    device: str,
    seed: int,
    bases: str,
    steps: int = 0,
    worlds: int = 0,
    missions: str = "",
    checkpoint: str = "",
    precision: str = "auto",
    init: Mapping[str, torch.Tensor] | None = None,
) -> dict[str, torch.Tensor]:
    """Learn the errors of mappings on simulated seas.

    Parameters
    ----------
    inputs : tracks, and maps of role ``training``, which tell altimeters and their errors
    device : of torch
    seed : of the first weights and of what is drawn; the seas are the same
    bases : files of weights of the mappings, comma-separated
    steps : of the training; 0 as many as the configuration has
    worlds : simulated periods, at least two; 0 as many as the configuration has
    missions : comma-separated names of the tracks to learn with; by default those not optional
    checkpoint : folder that keeps scenes and training: one that was interrupted resumes there
    precision : of the convolutions, ``single`` or ``bfloat16``; ``auto`` takes bfloat16 where the
        machine is fast in it
    init : weights of the same network, from which to go on
    """
    mappings = BaseEstimates(weights_of_mappings(bases, NAME), NAME, device)
    configuration = replace(
        CONFIGURATION,
        bases=len(mappings.weights),
        steps=steps or CONFIGURATION.steps,
        worlds=worlds or CONFIGURATION.worlds,
        reduced=in_bfloat16(precision, device),
    )
    return train_members(
        inputs,
        configuration,
        mappings,
        name=NAME,
        seed=seed,
        missions=missions,
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
    members: int = 50,
    missions: str = "",
) -> xr.Dataset:
    """Members of the maps.

    Parameters
    ----------
    inputs : the datasets of layout ``track`` and ``swath`` are used, one variable each
    target : variables (time, latitude, longitude) to fill
    device : of torch
    seed : of the noise
    weights : that ``train`` found
    members : to draw, at least two
    missions : comma-separated names of the inputs to use, or ``all``; by default those that are
        not optional
    """
    maps = MemberMaps.of(weights, name=NAME, device=device)
    drawn = partial(maps.drawn, inputs, members=members, seed=seed, missions=missions)
    return filled(target, drawn)
