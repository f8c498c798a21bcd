"""The sea of `ssh_osse_fronts`: surface quasi-geostrophic flow under a mixed layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
import xarray as xr

from oceanbench.dynamics import mixed_layer
from oceanbench.dynamics import surface_quasigeostrophic as sqg
from oceanbench.dynamics.quasigeostrophic import DAY
from oceanbench.observing.boxes import EARTH_RADIUS_KM

PARAMETERS = sqg.Parameters(
    latitude=40.0,
    stratification=5e-3,
    depth=1200.0,
    jet_speed=0.35,
    jet_width=100e3,
    relaxation_time=30 * DAY,
    mean_flow=(0.0, -0.06),  # so that all currents of the surface are in its height
    drag_time=8 * DAY,
)
LAYER = mixed_layer.Parameters(
    gradient=-8e-6, relaxation_time=15 * DAY, weather_time=3 * DAY, weather_spread=0.3
)
MEAN_TEMPERATURE = 18.0  # degrees C, of the air at the centre
SEED = 0


class Stage(NamedTuple):
    """One grid on the way to the kept days; its own days are spin-up and are thrown away."""

    points: int
    time_step: float  # seconds; it must divide six hours
    days: int


STAGES = (Stage(64, 3600.0, 300), Stage(96, 2160.0, 30), Stage(192, 900.0, 12))
START, DAYS = np.datetime64("2012-10-01", "ns"), 273
SAVED_EVERY_HOURS = 6

CENTRE = (330.0, 40.0)
KM_PER_DEGREE = (
    np.deg2rad(EARTH_RADIUS_KM) * np.cos(np.deg2rad(CENTRE[1])),  # of longitude, at the centre
    np.deg2rad(EARTH_RADIUS_KM),  # of latitude
)
WIDE_BOX = (324.0, 336.0, 34.0, 46.0)  # observed, and known in the training period


def simulate(
    stages: tuple[Stage, ...] = STAGES,
    days: int = DAYS,
    seed: int = SEED,
    report: Callable[[str], object] = str,
) -> xr.Dataset:
    """Run the sea through the stages, then keep ``days`` days from START on.

    SSH every six hours (``time``), temperature and buoyancy of the surface every day (``day``).
    The plane is laid on the sphere by longitude = 330 + x / (111.195 cos 40°) and latitude =
    40 + y / 111.195, x and y in km from its centre.
    """
    sea = None
    for points, time_step, spin_up in stages:
        model = sqg.operators(PARAMETERS, points, dtype=torch.float32)
        if sea is None:
            sea = mixed_layer.at_rest(sqg.initial_state(model, seed=seed, amplitude=2e-3))
        else:
            sea = mixed_layer.refine(sea, points)
        for later in _run(sea, model, time_step, spin_up, seed):
            sea = later
        spread = float(sqg.sea_surface_height(sea.state, model).std())
        report(f"spun up {spin_up} days at {points} x {points}: ssh std {spread:.3f} m")
    daily = 24 // SAVED_EVERY_HOURS
    heights = np.empty((days * daily + 1, points, points), dtype=np.float32)
    warmth = np.empty((2, days + 1, points, points), dtype=np.float32)
    for number, kept in enumerate(chain((sea,), _run(sea, model, time_step, days, seed))):
        heights[number] = sqg.sea_surface_height(kept.state, model)
        if number % daily == 0:
            warmth[0, number // daily] = mixed_layer.temperature(kept)
            warmth[1, number // daily] = torch.fft.irfft2(kept.state[0])
            if number % (30 * daily) == 0:
                report(f"day {number // daily}: ssh std {heights[number].std():.3f} m")
    position = (np.arange(points) / points - 0.5) * PARAMETERS.domain_length / 1e3
    air = MEAN_TEMPERATURE + LAYER.gradient * 1e3 * position[:, None]
    days_of = START + np.arange(days + 1) * np.timedelta64(1, "D")
    return xr.Dataset(
        {
            "ssh": (("time", "latitude", "longitude"), heights),
            "sst": (("day", "latitude", "longitude"), (warmth[0] + air).astype(np.float32)),
            "buoyancy": (("day", "latitude", "longitude"), warmth[1]),
        },
        coords={
            "time": START + np.arange(len(heights)) * np.timedelta64(SAVED_EVERY_HOURS, "h"),
            "day": days_of,
            "latitude": CENTRE[1] + position / KM_PER_DEGREE[1],
            "longitude": CENTRE[0] + position / KM_PER_DEGREE[0],
        },
    ).sel(longitude=slice(WIDE_BOX[0] - 1.0, WIDE_BOX[1] + 1.0))


def _run(
    sea: mixed_layer.MixedLayerState, model: sqg.Operators, time_step: float, days: int, seed: int
) -> Iterator[mixed_layer.MixedLayerState]:
    """Yield the sea every six hours."""
    flow = mixed_layer.Flow(
        partial(sqg.streamfunction, model=model), partial(sqg.tendency, model=model), model
    )
    yield from mixed_layer.integrate(
        sea,
        flow,
        mixed_layer.operators(LAYER, model),
        seed=seed,
        time_step=time_step,
        steps=round(SAVED_EVERY_HOURS * 3600 / time_step),
        intervals=days * 24 // SAVED_EVERY_HOURS,
    )
