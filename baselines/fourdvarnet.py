r"""4DVarNet for sea level: a dynamical map, corrected by a few learned steps of a descent.

From the map of a model that was nudged to the observations
(:mod:`oceanbench.assimilation.nudging.bfn_qg`), the solver

.. math:: x \leftarrow x - u_\theta\!\left( y - x, \; x - \Phi(x), \; x \right)

(:mod:`oceanbench.assimilation.fourdvarnet.solver`) takes a few steps. Each sees where the
observations disagree, and what a learned prior :math:`\Phi` finds unlikely: the two terms of a
variational cost. It learns from the maps of the training period, observed as they were and by the
same altimeters on other days (:mod:`oceanbench.observing.reflown`), with the errors that those had.
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
REFERENCE = "Beauchamp et al. (2023) doi:10.5194/gmd-16-2119-2023"
NAME = "fourdvarnet"
PRESETS = {
    "cpu": MapConfiguration(scenes=2, steps=2000, along_track=True),
    "long": MapConfiguration(scenes=10, steps=12_000, along_track=True),
    "gpu": MapConfiguration(
        first_guess="mean",
        step_degrees=0.05,
        update="lstm",
        hidden=96,
        prior_hidden=64,
        coarsen=2,
        iterations=15,
        scenes=6,
        crop=240,
        batch=4,
        steps=92_000,
        rate=1e-3,
        along_track=True,
        mirrored=False,
        correction=1.0,
    ),
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
    """Train the prior and the update, end to end.

    Parameters
    ----------
    inputs : tracks, and maps of role ``training`` if it is supervised
    device : of torch
    seed : of the first weights, the windows and the tracks on other days
    preset : ``cpu``, ``long`` (longer, on more scenes) or ``gpu`` (as large as the published one)
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
