"""The ocean of `reanalysis_emulation`: nature, and the model that imitates it; grids and dates.

A nature run N has cells of 0.2 degrees. The model that reanalyses it has cells of 0.3 degrees,
hence steps of its own along the coast, and parameters that are wrong by a tenth or so. What is
shipped of either lies in cells of 0.6 degrees.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
import xarray as xr

from oceanbench.dynamics import layered_ocean as ocean
from oceanbench.dynamics import water_columns
from oceanbench.dynamics.basin import coarse_means, north_atlantic_like, refined
from oceanbench.dynamics.quasigeostrophic import DAY

EPOCH = np.datetime64("2000-01-01", "ns")  # time 0 of the models
START, END = "2000-11-01", "2009-01-31"  # of nature and its observations
TRAINING = ("2001-01-01", "2006-12-31")
VALIDATION = ("2007-01-01", "2007-12-31")
TEST = ("2008-01-01", "2009-01-31")
YEARS = range(2001, 2009)
STARTS = np.datetime64("2008-01-02") + np.arange(52) * np.timedelta64(7, "D")
SPIN_UP = ((0.6, 21600.0, 1461), (0.3, 14400.0, 1461), (0.2, 10800.0, 3227))  # degrees, s, days

NATURE = ocean.Parameters()
MODEL = replace(
    NATURE,
    deformation_radius=32e3,
    shear_speed=0.10,
    wind_stress=0.034,
    drag_time=11.5 * DAY,
    heat_piston=0.7,
    upper_depth=850.0,
)
RESOLUTION, STEP = (
    {"nature": 0.2, "model": 0.3, "shipped": 0.6},
    {"nature": 10800.0, "model": 14400.0},
)


def day_number(date: str | np.datetime64) -> int:
    """Days since the time 0 of the models."""
    return int((np.datetime64(date, "D") - EPOCH.astype("datetime64[D]")).astype(int))


def dates(numbers: Iterable[float]) -> np.ndarray:
    """Times, to the second, of days since the time 0 of the models."""
    seconds = np.rint(np.asarray(list(numbers)) * DAY).astype("timedelta64[s]")
    return EPOCH + seconds.astype("timedelta64[ns]")


def operators(role: str, dtype: torch.dtype = torch.float32) -> ocean.Operators:
    """Build the nature run's or the model's ocean."""
    parameters = {"nature": NATURE, "model": MODEL}[role]
    return ocean.operators(parameters, north_atlantic_like(RESOLUTION[role]), dtype=dtype)


def refine(state: torch.Tensor, wet: torch.Tensor) -> torch.Tensor:
    """Interpolate a state to another grid, filling new wet cells with the mean of their row."""
    return refined(state, wet, without_rows=ocean.LAYERS)


def spin_up(stages: tuple[tuple[float, float, int], ...] = SPIN_UP) -> torch.Tensor:
    """Run nature's ocean from rest on finer and finer grids, each from a 1 January, to START."""
    state = None
    for resolution, step, days in stages:
        model = ocean.operators(NATURE, north_atlantic_like(resolution), dtype=torch.float32)
        if state is None:
            state = ocean.initial_state(model, seed=0)
        state = refine(state, model.wet)
        steps = round(days * DAY / step)
        *_, state = ocean.integrate(state, 0.0, model, time_step=step, steps=steps, every=steps)
    return state


def nature_run(state: torch.Tensor, days: int) -> np.ndarray:
    """States of the nature run at 00:00 of each day, float32 (days, 6, rows, columns)."""
    model, step = operators("nature"), STEP["nature"]
    every = round(DAY / step)
    kept = np.empty((days, *state.shape), np.float32)
    kept[0] = state
    start = day_number(START) * DAY
    run = ocean.integrate(
        state, start, model, time_step=step, steps=every * (days - 1), every=every
    )
    for day, following in enumerate(run, start=1):
        kept[day] = following
    return kept


def coarse(values: torch.Tensor, wet: torch.Tensor, role: str) -> np.ndarray:
    """Means of (n, rows, columns) over the wet part of shipped cells, NaN where most is land."""
    factor = round(RESOLUTION["shipped"] / RESOLUTION[role])
    return coarse_means(values, wet, factor).numpy()


def surface(states: Iterable[np.ndarray | torch.Tensor], role: str) -> xr.Dataset:
    """Surface fields in shipped cells of consecutive states; zos has mean zero over the sea."""
    model = operators(role)
    found: dict[str, list[np.ndarray]] = {}
    for state in states:
        for name, field in water_columns.fields(torch.as_tensor(state), model).items():
            found.setdefault(name, []).append(
                coarse(field.view(1, *model.wet.shape), model.wet, role)
            )
    basin = north_atlantic_like(RESOLUTION["shipped"])
    dims = ("time", "latitude", "longitude")
    return xr.Dataset(
        {name: (dims, np.concatenate(fields)) for name, fields in found.items()},
        {"latitude": basin.latitude, "longitude": basin.longitude},
    )
