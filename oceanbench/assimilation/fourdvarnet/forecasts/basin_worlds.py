"""Further worlds to learn forecasts from: the ocean of a closed basin, off its western coast.

The ocean of :mod:`oceanbench.dynamics.layered_ocean`, with its parameters as they are by default,
in cells of 0.3 degrees unless others are asked for: ten CPU seconds a year, and half a minute in
cells of 0.2. The flow is chaotic: the same seed gives other eddies on another machine.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import xarray as xr

from oceanbench.arrays import AnyFloatArray, TimeArray
from oceanbench.dynamics import layered_ocean as ocean
from oceanbench.dynamics.basin import Basin, north_atlantic_like, refined
from oceanbench.dynamics.quasigeostrophic import DAY
from oceanbench.grid import SAME_NODE, wrap_longitude
from oceanbench.learning.kept_arrays import kept, named
from oceanbench.observing.radiometers import microwave
from oceanbench.progress import progress


class BasinStage(NamedTuple):
    """Grid on the way to the days that are kept: degrees of a cell, time step in s, days."""

    degrees: float
    time_step: float
    days: int


STAGES = (BasinStage(0.6, 21600.0, 730), BasinStage(0.3, 14400.0, 730))
BOX = (282.0, 294.0, 30.0, 42.0)  # that is kept: longitudes and latitudes, degrees


def simulated_basin(
    days: int, seed: int, *, stages: tuple[BasinStage, ...] = STAGES, checkpoint: str = ""
) -> xr.Dataset:
    """Heights, m, and temperatures of the mixed layer, degrees C, of :data:`BOX`, day by day.

    Parameters
    ----------
    days : that are kept, from a 1 January, on the grid of the last stage
    seed : of the noise that the flow begins with
    stages : of the spin-up, each from a 1 January
    checkpoint : folder that keeps what was simulated, or nothing

    Returns
    -------
    ``ssh``, continued over land, ``sst`` (day, latitude, longitude), and ``sea`` (latitude,
    longitude), bool
    """
    made_of = repr((days, seed, stages, ocean.Parameters(), BOX))
    made = kept(checkpoint, named("basin", made_of), lambda: _run(days, seed, stages))
    basin = north_atlantic_like(stages[-1].degrees)
    rows, columns = _inside(basin)
    axes = {"latitude": basin.latitude[rows], "longitude": basin.longitude[columns] + 360.0}
    axes = {name: values.round(6) for name, values in axes.items()}
    maps = {name: (("day", *axes), made[name]) for name in ("ssh", "sst")}
    return xr.Dataset(maps | {"sea": (tuple(axes), basin.wet[rows, columns])}, axes)


def laid_on(maps: xr.DataArray, days: TimeArray) -> xr.DataArray:
    """Some simulated days (day, latitude, longitude) on dates."""
    return maps.rename(day="time").assign_coords(time=days)


def beyond_coast(maps: xr.DataArray, sea: xr.DataArray) -> xr.DataArray:
    """Maps whose land has the values of the nearest sea of its row, or of its column."""
    known = maps.where(sea)
    for dim in ("longitude", "latitude"):
        known = known.ffill(dim).bfill(dim)
    return known


def felt(warm: xr.DataArray, sea: xr.DataArray, *, seed: int) -> xr.DataArray:
    """Temperatures that a microwave radiometer finds every day, none on land and beside it.

    Parameters
    ----------
    warm : (time, latitude, longitude), degrees C; what it says of land is not used
    sea : (latitude, longitude), bool
    seed : of the errors
    """
    near = sea.rolling(latitude=3, longitude=3, center=True, min_periods=1).min() > 0
    return microwave(beyond_coast(warm, sea), seed=seed).where(near)


def _inside(basin: Basin) -> tuple[slice, slice]:
    """Rows and columns of the box."""
    found = []
    middle = (BOX[0] + BOX[1]) / 2
    for nodes, (first, last) in (
        (basin.latitude, BOX[2:]),
        (wrap_longitude(basin.longitude, middle), BOX[:2]),
    ):
        inside = np.flatnonzero((nodes > first - SAME_NODE) & (nodes < last + SAME_NODE))
        found.append(slice(int(inside[0]), int(inside[-1]) + 1))
    return found[0], found[1]


def _run(days: int, seed: int, stages: tuple[BasinStage, ...]) -> dict[str, AnyFloatArray]:
    state = None
    for degrees, time_step, spin_up in stages:
        basin = north_atlantic_like(degrees)
        model = ocean.operators(ocean.Parameters(), basin, dtype=torch.float32)
        state = ocean.initial_state(model, seed=seed) if state is None else state
        state = refined(state, model.wet, without_rows=ocean.LAYERS)
        steps = round(spin_up * DAY / time_step)
        *_, state = ocean.integrate(
            state, 0.0, model, time_step=time_step, steps=steps, every=steps
        )
    assert state is not None
    every, box = round(DAY / time_step), (..., *_inside(basin))
    found: dict[str, list[AnyFloatArray]] = {name: [] for name in ("ssh", "sst")}
    run = ocean.integrate(
        state, 0.0, model, time_step=time_step, steps=every * (days - 1), every=every
    )
    for day in progress(range(days), "simulated basin", lambda: "days"):
        state = next(run) if day else state
        psi = ocean.streamfunction(state, model)
        found["ssh"].append(ocean.sea_surface_height(psi, model, land=True)[box].numpy())
        found["sst"].append(state[ocean.LAYERS][box].numpy())
    return {name: np.stack(maps) for name, maps in found.items()}
