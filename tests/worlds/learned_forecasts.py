"""Small seas of waves that drift, from which forecasts are learned in seconds."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from delivered_worlds import FIRST, MISSIONS, maps, track
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.forecasts.configuration import ForecastConfiguration
from oceanbench.assimilation.fourdvarnet.forecasts.learning_worlds import LearningWorlds
from oceanbench.assimilation.fourdvarnet.forecasts.training import train_forecast

PERIODS = {
    "training": np.arange(FIRST - 200, FIRST - 160),
    "validation": np.arange(FIRST - 150, FIRST - 128),
}
SMALL = ForecastConfiguration(
    update="unet",
    past_days=4,
    leads="0 1 3",
    lags="0 2",
    step_degrees=0.5,
    margin=0.5,
    memory_days=5.0,
    coarsen=4,
    hidden=8,
    prior_hidden=4,
    iterations=2,
    applied=3,
    simulated_days=0,
    again=1,
    guided=0.5,
    batch=4,
    steps=30,
    rate=5e-3,
    average=0.9,
    reduced=False,
)


def inputs() -> dict[str, xr.Dataset]:
    """What a training is given: maps and tracks of two periods, a mean, and what is declared."""
    found: dict[str, xr.Dataset] = {}

    def add(name: str, dataset: xr.Dataset, role: str, layout: str, **attributes: Any) -> None:
        found[name] = dataset.assign_attrs(role=role, layout=layout, name=name, **attributes)

    for role, days in PERIODS.items():
        add(f"{role}_truth", maps(days), role, "grid")
        for number, name in enumerate(MISSIONS):
            add(f"{role}_{name}", track(number, days), role, "track")
    empty = track(0).isel(time=slice(0))
    for name in MISSIONS:
        add(name, empty, "observations", "track", latency_days=1.0)
    guess = maps(PERIODS["training"]).isel(time=slice(0))
    told = {"level": "age_3d", "validation_rmse": 0.05, "uses": MISSIONS[0]}
    add("old", guess, "first_guess", "grid", **told)
    mean = maps(PERIODS["training"]).mean("time", keep_attrs=True)
    add("climatology", mean, "climatology", "static")
    return found


def worlds(configuration: ForecastConfiguration = SMALL, checkpoint: str = "") -> LearningWorlds:
    """Worlds of a training on them."""
    return LearningWorlds.of(inputs(), configuration, name="mine", checkpoint=checkpoint)


@cache
def trained_network(configuration: ForecastConfiguration, folder: str) -> dict[str, Tensor]:
    """Weights of a training on them, whose scenes are kept in a folder."""
    made = worlds(configuration, folder)
    return train_forecast(made, configuration, name="mine", seed=0, device="cpu")
