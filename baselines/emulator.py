"""Emulator: a U-Net that has learned how a reanalysis changes from one block of days to the next.

It starts from the analysis of the start alone and forecasts the mean: what cannot be foreseen is
smoothed away with the lead (:mod:`oceanbench.forecasting.emulator`). It learns from states with
errors as analyses have them, since it will be given such
(:mod:`oceanbench.forecasting.training_pairs`).
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
REFERENCE = "Lam et al. (2023) doi:10.1126/science.adi2336"
NAME = "emulator"
PRESETS = {
    "cpu": EmulatorConfiguration(),
    "gpu": EmulatorConfiguration(
        passes=1, hidden=96, around=64, batch=2, steps=60_000, average=0.999
    ),
}


def train(
    inputs: Mapping[str, xr.Dataset],
    *,
    device: str,
    seed: int,
    preset: str = "cpu",
    steps: int = 0,
    checkpoint: str = "",
    precision: str = "auto",
    init: Mapping[str, torch.Tensor] | None = None,
) -> dict[str, torch.Tensor]:
    """Train the network.

    Parameters
    ----------
    inputs : of the roles ``training``, ``validation`` and ``climatology``
    device : of torch
    seed : of the first weights, the starts and their errors
    preset : ``cpu`` (of the shipped weights), or ``gpu`` (global maps of 0.25°, ten days)
    steps : of the training; 0 as many as the preset has
    checkpoint : folder that keeps the training: one that was interrupted resumes there
    precision : of the convolutions, ``single`` or ``bfloat16``; ``auto`` takes bfloat16 where the
        machine is fast in it
    init : weights of the same network, from which to go on
    """
    configuration = preset_of(NAME, PRESETS, preset, steps=steps)
    return train_members(
        inputs,
        configuration,
        name=NAME,
        members=1,
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
) -> xr.Dataset:
    """Forecast from every start, of which each sees its own analysis only.

    Parameters
    ----------
    inputs : of the roles ``initial`` and ``climatology``
    target : variables (start, lead, [depth,] latitude, longitude) to fill
    device : of torch
    seed : not used: the forecast is deterministic
    weights : that ``train`` found
    """
    found = forecast(inputs, target, weights, name=NAME, device=device)
    return found.isel(member=0, drop=True)
