"""The operational system of the page on first guesses: an interpolation, and a model from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from scipy.linalg import cho_factor, cho_solve

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.gaussian.covariance import ZERO_CROSSING
from oceanbench.assimilation.nudging.back_and_forth import sponge
from oceanbench.assimilation.observations.superobservations import (
    Samples,
    kilometres,
    mean_field,
    samples,
)
from oceanbench.data.files import write_netcdf
from oceanbench.dynamics import reduced_gravity
from oceanbench.dynamics.quasigeostrophic import DAY

SYSTEM = ("topex-poseidon_interleaved", "jason1", "geosat2")  # altimeters; methods have envisat too
BOX, STEP = (294.0, 306.0, 32.0, 44.0), 0.2  # degrees
DAYS = (np.datetime64("2012-11-08", "ns"), 14)  # scored: the first, and how many
AROUND = 8  # days before and after them that first guesses have too
AGES = (0, 3, 7, 14)
CLIMATOLOGY = "climatology"
LENGTH, MEMORY, BEFORE = 180.0, 7.0, 15  # km to the first zero crossing; days; days
WHITE, SHARED, AVERAGED = 0.03, 0.02, 5  # m, of the altimeters; samples of a super-observation
WAVE_SPEED, HOURS, SPONGE_KM = 5.0, 4.0, 50.0
ONE_DAY = np.timedelta64(1, "D")
Datasets = Mapping[str, xr.Dataset]


def level(age: int) -> str:
    """Name of the first guess of an age."""
    return f"age {age} d"


LEVELS = [*map(level, AGES), CLIMATOLOGY]


def nodes() -> tuple[FloatArray, FloatArray]:
    """Longitudes and latitudes of the system's maps."""
    west, east, south, north = BOX
    count = round((east - west) / STEP) + 1
    return np.linspace(west, east, count), np.linspace(south, north, count)


def valid() -> FloatArray:
    """Days that first guesses have."""
    return DAYS[0] + np.arange(-AROUND, DAYS[1] + AROUND) * ONE_DAY


def nowcast(observed: Samples, start: float) -> FloatArray:
    """Anomaly (latitude, longitude) at a time, from what was seen before it alone."""
    longitude, latitude = nodes()
    place = (float(longitude.mean()), float(latitude.mean()))
    known = observed.take((observed.time <= start) & (observed.time > start - BEFORE))
    known = known.within(BOX[:2], BOX[2:])
    x, y = kilometres(known.longitude, known.latitude, place)
    variance = max(float(np.mean(known.value**2)) - WHITE**2 / AVERAGED - SHARED**2, 1e-6)
    apart = np.hypot(x[:, None] - x, y[:, None] - y)
    own = correlation(apart, known.time[:, None] - known.time)
    own += (SHARED**2 / variance) * (known.track[:, None] == known.track)
    own[np.diag_indices_from(own)] += WHITE**2 / AVERAGED / variance
    weights = cho_solve(cho_factor(own, lower=True), known.value)
    east, north = kilometres(longitude, latitude, place)
    found = np.empty((latitude.size, longitude.size))
    for row, at in enumerate(north):
        near = np.hypot(east[:, None] - x, at - y)
        found[row] = correlation(near, start - known.time) @ weights
    return found


def correlation(apart: FloatArray, later: FloatArray) -> FloatArray:
    """Correlation of sea level so many km and days apart."""
    a, t = ZERO_CROSSING * apart / LENGTH, np.abs(later) / MEMORY
    in_space = (1.0 + a + a**2 / 6.0 - a**3 / 6.0) * np.exp(-a)
    found: FloatArray = in_space * (1.0 + t) * np.exp(-t)
    return found


def carried(height: FloatArray, days: int) -> Iterator[FloatArray]:
    """Heights of the next days by a 1.5-layer model, whose edges keep theirs."""
    longitude, latitude = nodes()
    x, y = kilometres(longitude, latitude, (float(longitude.mean()), float(latitude.mean())))
    parameters = reduced_gravity.Parameters(float(latitude.mean()), WAVE_SPEED, None, DAY)
    spacing = (1e3 * float(y[1] - y[0]), 1e3 * float(x[1] - x[0]))
    model = reduced_gravity.operators(parameters, y.size, x.size, spacing)
    first = torch.as_tensor(height)
    begun = reduced_gravity.potential_vorticity(first, model)
    held, state = sponge(x, y, SPONGE_KM), begun
    for _ in range(days):
        for _ in range(round(24 / HOURS)):
            state = reduced_gravity.advance(state, (first, first), model, time_step=3600 * HOURS)
            state = state + held * (begun - state)
        yield reduced_gravity.sea_surface_height(state, first, model).numpy()


def forecast(inputs: Datasets, start: np.datetime64, folder: Path) -> xr.DataArray:
    """Heights (lead, latitude, longitude) of a start, kept in the folder."""
    path = folder / "forecasts" / f"{start.astype('M8[D]')}.nc"
    if not path.is_file():
        longitude, latitude = nodes()
        centre = float(longitude.mean())
        mean = mean_field(inputs, "ssh", centre, of_training=True)
        given = {name: inputs[name] for name in SYSTEM}
        observed = samples(given, "ssh", start, centre, coarsen=AVERAGED, mean=mean)
        assert mean is not None
        steady = mean.interp(latitude=latitude, longitude=longitude).values
        height = nowcast(observed, 0.0) + steady
        maps = np.stack([height, *carried(height, max(AGES))]).astype(np.float32)
        axes = {"lead": np.arange(len(maps)), "latitude": latitude, "longitude": longitude}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_netcdf(xr.DataArray(maps, axes, tuple(axes), "ssh").to_dataset(), path)
    return xr.load_dataset(path)["ssh"].astype(np.float64)


def first_guess(inputs: Datasets, name: str, folder: Path) -> xr.Dataset:
    """Maps of all valid days, of one age."""
    longitude, latitude = nodes()
    axes = {"time": valid(), "latitude": latitude, "longitude": longitude}
    if name == CLIMATOLOGY:
        mean = mean_field(inputs, "ssh", float(longitude.mean()), of_training=True)
        assert mean is not None
        steady = mean.interp(latitude=latitude, longitude=longitude).values
        values = np.broadcast_to(steady, [axis.size for axis in axes.values()])
    else:
        age = AGES[LEVELS.index(name)]
        starts = [day - age * ONE_DAY for day in valid()]
        values = np.stack(
            [forecast(inputs, start, folder).sel(lead=age).values for start in starts]
        )
    maps = xr.DataArray(values, axes, tuple(axes), "ssh", {"units": "m"}).to_dataset()
    return maps.assign_attrs(role="first_guess", layout="grid")
