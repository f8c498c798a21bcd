"""Ensemble of emulators: networks from several seeds, each of which draws members from noise.

Each member starts from the analysis and noise of its own, which the networks have learned to turn
into likely errors of the start and of every block of days that follows: they are trained by the
fair CRPS of two members, which is lowest for members that are draws of what may come. No spread is
tuned afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import xarray as xr

from oceanbench.forecasting.configuration import EmulatorConfiguration
from oceanbench.forecasting.inference import forecast
from oceanbench.forecasting.training import train_members
from oceanbench.learning.recipes import preset_of

if TYPE_CHECKING:
    import torch

KINDS = ("forecasts",)
REFERENCE = "Lang et al. (2024) doi:10.48550/arXiv.2412.15832"
NAME = "emulator_ensemble"
PRESETS = {
    "cpu": EmulatorConfiguration(noise=4, hidden=30, batch=8, steps=700),
    "gpu": EmulatorConfiguration(
        noise=6, passes=1, hidden=96, around=64, batch=1, steps=60_000, average=0.999
    ),
}


def train(
    inputs: Mapping[str, xr.Dataset],
    *,
    device: str,
    seed: int,
    preset: str = "cpu",
    steps: int = 0,
    members: int = 2,
    checkpoint: str = "",
    precision: str = "auto",
    init: Mapping[str, torch.Tensor] | None = None,
) -> dict[str, torch.Tensor]:
    """Train the networks, from consecutive seeds.

    Parameters
    ----------
    inputs : of the roles ``training``, ``validation`` and ``climatology``
    device : of torch
    seed : of the first network: its first weights, the starts, their errors and the noise
    preset : ``cpu`` (of the shipped weights), or ``gpu`` (global maps of 0.25°, ten days)
    steps : of each training; 0 as many as the preset has
    members : networks
    checkpoint : folder that keeps every training: one that was interrupted resumes there
    precision : of the convolutions, ``single`` or ``bfloat16``; ``auto`` takes bfloat16 where the
        machine is fast in it
    init : weights of the same network, from which to go on
    """
    configuration = preset_of(NAME, PRESETS, preset, steps=steps)
    return train_members(
        inputs,
        configuration,
        name=NAME,
        members=members,
        seed=seed,
        device=device,
        checkpoint=checkpoint,
        precision=precision,
        init=init,
    )


def estimate(
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    weights: Mapping[str, torch.Tensor],
    draws: int = 8,
) -> xr.Dataset:
    """Members of the forecasts from every start, of which each sees its own analysis only.

    Parameters
    ----------
    inputs : of the roles ``initial`` and ``climatology``
    target : variables (start, lead, [depth,] latitude, longitude) to fill
    device : of torch
    seed : of the noise
    weights : that ``train`` found
    draws : members that each network draws
    """
    return forecast(inputs, target, weights, name=NAME, seed=seed, draws=draws, device=device)
