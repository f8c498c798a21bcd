"""Learned corrections of sea level from several seeds: their mean, and members of its error.

The baseline learned_correction several times, with smaller networks. The spread of networks alone
is too small: training finds the factor that makes it as large as the error of their mean in
validation. Members can also be drawn by conditional simulation, or by perturbation of the estimate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import xarray as xr

from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration
from oceanbench.assimilation.fourdvarnet.maps.inference import filled
from oceanbench.assimilation.fourdvarnet.maps.map_errors import calibrate, draw_members
from oceanbench.assimilation.fourdvarnet.maps.training import check_begin, train_members
from oceanbench.assimilation.fourdvarnet.maps.training_set import training_set
from oceanbench.learning.precision import in_bfloat16
from oceanbench.learning.recipes import preset_of

if TYPE_CHECKING:
    import torch

KINDS = ("maps", "tracks")
PHYSICS = "quasi-geostrophic"
REFERENCE = (
    "Beauchamp et al. (2023) doi:10.5194/gmd-16-2119-2023; "
    "Lakshminarayanan et al. (2017) doi:10.48550/arXiv.1612.01474"
)
NAME = "learned_correction_ensemble"
SMALL = MapConfiguration(hidden=20, prior_hidden=8, along_track=True)
PRESETS = {
    "cpu": replace(SMALL, scenes=2, steps=1500),
    "long": replace(SMALL, scenes=10, steps=6000),
}


def train(  # noqa: PLR0913  (every option is a keyword)
    inputs: Mapping[str, xr.Dataset],
    *,
    device: str,
    seed: int,
    preset: str = "long",
    steps: int = 0,
    members: int = 4,
    missions: str = "",
    checkpoint: str = "",
    precision: str = "auto",
    init: Mapping[str, torch.Tensor] | None = None,
) -> dict[str, torch.Tensor]:
    """Train the members, and learn how wrong they are.

    Parameters
    ----------
    inputs : tracks, and maps of role ``training``
    device : of torch
    seed : of the first member's weights and the windows
    preset : ``cpu`` or ``long`` (longer, on more scenes)
    steps : of the training of each; 0 as many as the preset has
    members : how many, at least two
    missions : comma-separated names of the tracks to learn with; by default those not optional
    checkpoint : folder that keeps the training: one that was interrupted resumes there
    precision : of the convolutions, ``single`` or ``bfloat16``; ``auto`` takes bfloat16 where the
        machine is fast in it
    init : weights of the same networks, from which to go on
    """
    configuration = preset_of(NAME, PRESETS, preset, steps=steps)
    configuration = replace(configuration, reduced=in_bfloat16(precision, device))
    check_begin(configuration, name=NAME, members=members, init=init)
    data = training_set(
        inputs,
        configuration,
        name=NAME,
        missions=missions,
        device=device,
        checkpoint=checkpoint,
    )
    weights = train_members(
        data,
        configuration,
        name=NAME,
        members=members,
        seed=seed,
        device=device,
        about=missions,
        checkpoint=checkpoint,
        init=init,
    )
    errors = calibrate(data, weights, inputs, name=NAME, missions=missions, device=device)
    return weights | errors.tensors()


def estimate(
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    weights: Mapping[str, torch.Tensor],
    way: str = "ensemble",
    members: int = 20,
    missions: str = "",
) -> xr.Dataset:
    """Members of the maps.

    Parameters
    ----------
    inputs : the datasets of layout ``track`` and ``swath`` are used, one variable each
    target : variables (time, latitude, longitude) to fill
    device : of torch
    seed : of the draws
    weights : that ``train`` found
    way : ``ensemble`` (the networks, with the spread that validation found), ``conditional``
        (draws of the truth's statistics, observed and mapped) or ``perturbed`` (the estimate with
        errors as in validation, observed and mapped again)
    members : that are drawn; an ensemble has as many as were trained
    missions : comma-separated names of the inputs to use, or ``all``; by default those that are
        not optional
    """
    maps = partial(
        draw_members,
        inputs,
        weights=weights,
        name=NAME,
        way=way,
        members=members,
        seed=seed,
        missions=missions,
        device=device,
    )
    return filled(target, maps)
