"""Networks for maps small enough to be trained in seconds, and the sea they learn from."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import xarray as xr
from map_worlds import inputs, waves
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration
from oceanbench.assimilation.fourdvarnet.maps.training import train_members, training_data

DAYS = 60
SMALL = MapConfiguration(
    first_guess="oi",
    step_degrees=0.25,
    days=5,
    hidden=8,
    prior_hidden=4,
    iterations=2,
    scenes=2,
    crop=12,
    batch=4,
    steps=150,
    rate=5e-3,
    average=0.9,
    along_track=True,
)
SOLVER = replace(SMALL, update="conjugate", coarsen=2, prior_loss=0.0, varied=True, steps=60)


@cache
def seen() -> dict[str, xr.Dataset]:
    return inputs(DAYS, error=0.02)


def train(
    given: dict[str, xr.Dataset],
    configuration: MapConfiguration,
    *,
    members: int = 1,
    seed: int = 0,
    checkpoint: str = "",
) -> dict[str, Tensor]:
    data = training_data(given, configuration, name="mine", checkpoint=checkpoint)
    return train_members(
        data,
        configuration,
        name="mine",
        members=members,
        seed=seed,
        device="cpu",
        checkpoint=checkpoint,
    )


@cache
def trained(seed: int = 0, configuration: MapConfiguration = SMALL) -> dict[str, Tensor]:
    return train(seen(), configuration, seed=seed)


def target() -> xr.DataArray:
    """Days amid the training, on a finer grid and a degree inside."""
    latitude, longitude = 37.0 + 0.1 * np.arange(21), 297.0 + 0.1 * np.arange(21)
    axes = {
        "time": waves(DAYS)["time"].values[20:30],
        "latitude": latitude,
        "longitude": longitude,
    }
    return xr.DataArray(np.full((10, 21, 21), np.nan), axes, tuple(axes), "ssh")


def exact() -> np.ndarray:
    return waves(DAYS).interp(target().coords, method="cubic").transpose(*target().dims).values
