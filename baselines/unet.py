"""U-Net for sea level: one pass from the first guess and the observations' misfits to the map.

The control of the baseline fourdvarnet: the same inputs, first guess, windows, loss and time of
training, and no solver: neither a prior nor iterations. What 4DVarNet does better than this is what
it owes to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import xarray as xr

from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration
from oceanbench.assimilation.fourdvarnet.maps.inference import estimate_members, filled
from oceanbench.assimilation.fourdvarnet.maps.training import train_members, training_data
from oceanbench.learning.distributed import together
from oceanbench.learning.ensembles import preset_of

if TYPE_CHECKING:
    import torch

KINDS = ("maps", "tracks")
REFERENCE = "Ronneberger et al. (2015) doi:10.48550/arXiv.1505.04597"
NAME = "unet"
DIRECT = MapConfiguration(prior_hidden=0, iterations=1, along_track=True)
PRESETS = {
    "cpu": replace(DIRECT, scenes=2, steps=6400),
    "long": replace(DIRECT, scenes=10, steps=38_000),
}


def train(  # noqa: PLR0913  (every option is a keyword)
    inputs: Mapping[str, xr.Dataset],
    *,
    device: str,
    seed: int,
    preset: str = "cpu",
    steps: int = 0,
    missions: str = "",
    second: str = "",
    supervised: bool = True,
    processes: int = 1,
    nodes: int = 1,
    compiled: bool = False,
    checkpoint: str = "",
) -> dict[str, torch.Tensor]:
    """Train the network.

    Parameters
    ----------
    inputs : tracks, and maps of role ``training`` if it is supervised
    device : of torch
    seed : of the first weights, the windows and the tracks on other days
    preset : ``cpu`` or ``long``
    steps : of the training; 0 as many as the preset has
    missions : comma-separated names of the tracks to learn with; by default those not optional
    second : an input that has maps of another variable, such as sea surface temperature, to use too
    supervised : learn from the training maps; else from observations alone, those of one altimeter
        after the other, hidden from the network
    processes, nodes : that train together, processes of each node; they share the windows of a step
    compiled : compile the network with torch.compile
    checkpoint : folder that keeps the training: one that was interrupted resumes there
    """
    configuration = preset_of(NAME, PRESETS, preset, steps=steps)
    configuration = replace(configuration, second=second, supervised=supervised)
    with together(processes, nodes=nodes, device=device) as team:
        data = training_data(
            inputs,
            configuration,
            name=NAME,
            seed=seed,
            missions=missions,
            device=team.device,
            checkpoint=checkpoint,
        )
        return train_members(
            data,
            configuration,
            name=NAME,
            members=1,
            seed=seed,
            device=team.device,
            about=missions,
            checkpoint=checkpoint,
            compile_it=compiled,
            team=team,
        )


def estimate(
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    weights: Mapping[str, torch.Tensor],
    first_guess: str = "",
    missions: str = "",
    compiled: bool = False,
) -> xr.Dataset:
    """Map the observations onto the target.

    Parameters
    ----------
    inputs : the datasets of layout ``track`` and ``swath`` are used, one variable each
    target : variables (time, latitude, longitude) to fill
    device : of torch
    seed : not used: the estimate is deterministic
    weights : that ``train`` found
    first_guess : ``bfn``, ``oi``, ``smooth``, ``mean`` or an input with maps; by default that of
        the training
    missions : comma-separated names of the inputs to use, or ``all``; by default those that are
        not optional
    compiled : compile the network with torch.compile
    """
    members = partial(
        estimate_members,
        inputs,
        weights=weights,
        name=NAME,
        first_guess=first_guess,
        missions=missions,
        device=device,
        compile_it=compiled,
    )
    return filled(target, members).isel(member=0, drop=True)
