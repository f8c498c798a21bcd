"""Further worlds to learn forecasts from: the jet, simulated from another seed on a coarser grid.

The year of a training is one realisation, in which eddies live for weeks: a network learns it by
heart. The two-layer jet of :mod:`oceanbench.dynamics.quasigeostrophic`, with its parameters as they
are by default, gives as many days as are wanted at a second each five. The flow is chaotic: the
same seed gives other days on another machine.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import xarray as xr

from oceanbench.arrays import AnyFloatArray, TimeArray
from oceanbench.assimilation.observations.superobservations import kilometres
from oceanbench.dynamics import quasigeostrophic as qg
from oceanbench.dynamics.quasigeostrophic import DAY
from oceanbench.dynamics.spectral import refine
from oceanbench.grid import KM_PER_DEGREE
from oceanbench.learning.kept_arrays import kept, named
from oceanbench.progress import progress


class Stage(NamedTuple):
    """Grid on the way to the days that are kept: points of a side, time step in s, days."""

    points: int
    time_step: float
    days: int


SPUN_UP = (Stage(72, 3600.0, 900), Stage(144, 1800.0, 60))


def simulated(
    days: int, seed: int, *, stages: tuple[Stage, ...] = SPUN_UP, checkpoint: str = ""
) -> AnyFloatArray:
    """Sea surface height (days, rows, columns), m, of a doubly periodic jet at every day's end.

    Parameters
    ----------
    days : that are kept, on the grid of the last stage
    seed : of the noise that the flow begins with
    stages : of the spin-up
    checkpoint : folder that keeps what was simulated, or nothing
    """
    made_of = repr((days, seed, stages, qg.Parameters()))
    made = kept(checkpoint, named("world", made_of), lambda: {"height": _run(days, seed, stages)})
    heights: AnyFloatArray = made["height"]
    return heights


def _run(days: int, seed: int, stages: tuple[Stage, ...]) -> AnyFloatArray:
    state = None
    for points, time_step, spin_up in stages:
        model = qg.operators(qg.Parameters(), points, dtype=torch.float32)
        state = qg.initial_state(model, seed=seed) if state is None else refine(state, points)
        steps = round(spin_up * DAY / time_step)
        *_, state = qg.integrate(state, model, time_step=time_step, steps=steps, every=steps)
    assert state is not None
    every = round(DAY / time_step)
    found = np.empty((days, points, points), dtype=np.float32)
    run = qg.integrate(state, model, time_step=time_step, steps=every * days, every=every)
    for day, state in zip(
        progress(range(days), "simulated worlds", lambda: "days"), run, strict=True
    ):
        found[day] = qg.sea_surface_height(state, model)
    return found


def laid(
    heights: AnyFloatArray, days: TimeArray, box: tuple[float, float, float, float], rolled: int
) -> xr.DataArray:
    """Simulated heights as maps about the middle of a box, on days that are given.

    Parameters
    ----------
    heights : (days, rows, columns) of :func:`simulated`
    days : datetime64
    box : longitudes and latitudes that the maps must hold, degrees
    rolled : columns by which the sea is turned: it is periodic
    """
    west, east, south, north = box
    middle = ((west + east) / 2, (south + north) / 2)
    points = heights.shape[-1]
    apart = (np.arange(points) / points - 0.5) * qg.Parameters().domain_length / 1e3
    one_degree, _ = kilometres(np.array([middle[0] + 1.0]), np.array([middle[1]]), middle)
    axes = {
        "time": days,
        "latitude": middle[1] + apart / KM_PER_DEGREE,
        "longitude": middle[0] + apart / one_degree[0],
    }
    return xr.DataArray(np.roll(heights, rolled, axis=-1), axes, tuple(axes))
