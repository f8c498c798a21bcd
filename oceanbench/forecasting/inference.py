"""Forecasts of trained emulators, start by start."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench.errors import OceanbenchError
from oceanbench.forecasting.anomalies import days_of, of_role
from oceanbench.forecasting.configuration import EmulatorConfiguration
from oceanbench.forecasting.emulator import Emulator
from oceanbench.forecasting.normalised_anomalies import (
    NormalisedAnomalies,
    normalised_anomalies,
    season,
)
from oceanbench.learning import ensembles

STRIDE = 1_000_003  # between the seeds of starts that two seeds have


def forecast(
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    weights: Mapping[str, Tensor],
    *,
    name: str,
    seed: int = 0,
    draws: int = 1,
    device: str = "cpu",
) -> xr.Dataset:
    """Target with the forecasts of all members, (member, start, lead, …).

    Each start is forecast by itself: its noise is drawn from the seed and its day.

    Parameters
    ----------
    inputs : of the roles ``initial`` and ``climatology``
    target : variables (start, lead, [depth,] latitude, longitude) to fill
    weights : from :func:`train_members`
    name : of the method, for messages
    seed : of the noise
    draws : of noise, for each network
    device : of torch
    """
    configuration, known = described(inputs, target, weights, name)
    emulators = ensembles.load_networks(
        lambda: Emulator(configuration, len(known.sea)), weights, name=name, device=device
    )
    initial, leads = of_role(inputs, "initial"), target["lead"].values
    count = len(emulators) * draws
    maps = {v: np.empty((count, *target[v].shape), np.float32) for v in known.parts}
    place = [told[None].to(device) for told in (known.seas(), known.place())]
    for number, start in enumerate(days_of(target)):
        day = np.array([start])
        state = known.normalised(initial.sel(start=day.astype("M8[ns]")), day).to(device)
        given = [state, *place, season(day).to(device)]
        random = torch.Generator().manual_seed(seed * STRIDE + int(start.astype(int)))
        for member, emulator in enumerate(emulators):
            with torch.inference_mode():
                found = emulator(
                    *(part.expand(draws, *part.shape[1:]) for part in given),
                    passes=-(-int(leads.max()) // configuration.days),
                    random=random,
                )[:, leads - 1]
            for draw, anomalies in enumerate(found):
                for v, field in known.whole(anomalies, start + leads).items():
                    maps[v][member * draws + draw, number] = field
    return target.assign(
        {v: (("member", *target[v].dims), values, target[v].attrs) for v, values in maps.items()}
    )


def described(
    inputs: Mapping[str, xr.Dataset], target: xr.Dataset, weights: Mapping[str, Tensor], name: str
) -> tuple[EmulatorConfiguration, NormalisedAnomalies]:
    """Configuration and normalisation that are kept with weights, on the nodes of the target."""
    if not {"centre", "deviation", "variables"} <= weights.keys():
        raise OceanbenchError(f"{name}: these are not its weights; train it")
    variables = bytes(weights["variables"].tolist()).decode().split()
    asked = list(map(str, target.data_vars))
    if set(asked) != set(variables):
        raise OceanbenchError(
            f"{name}: weights for {', '.join(variables)}, and the challenge asks for "
            f"{', '.join(asked)}; train on this challenge"
        )
    known = normalised_anomalies(
        inputs,
        target[variables],
        centre=weights["centre"].double().cpu().numpy(),
        deviation=weights["deviation"].double().cpu().numpy(),
    )
    return ensembles.configuration_of(EmulatorConfiguration, weights, name), known
