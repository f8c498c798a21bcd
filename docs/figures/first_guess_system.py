"""The operational system of the page on first guesses: an interpolation, and a model from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.nudging.free_run import RunSettings as Model
from oceanbench.assimilation.nudging.free_run import carried
from oceanbench.assimilation.observations.causal_mapping import CausalSettings, interpolated
from oceanbench.assimilation.observations.superobservations import mean_field, samples
from oceanbench.data.files import write_netcdf

SYSTEM = ("topex-poseidon_interleaved", "jason1", "geosat2")  # altimeters; methods have envisat too
BOX, STEP = (294.0, 306.0, 32.0, 44.0), 0.2  # degrees
DAYS = (np.datetime64("2012-11-08", "ns"), 14)  # scored: the first, and how many
AROUND = 8  # days before and after them that first guesses have too
AGES = (0, 3, 7, 14)
CLIMATOLOGY = "climatology"
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


def forecast(inputs: Datasets, start: np.datetime64, folder: Path) -> xr.DataArray:
    """Heights (lead, latitude, longitude) of a start, kept in the folder."""
    path = folder / "forecasts" / f"{start.astype('M8[D]')}.nc"
    if not path.is_file():
        longitude, latitude = nodes()
        centre = float(longitude.mean())
        mean = mean_field(inputs, "ssh", centre, of_training=True)
        given = {name: inputs[name] for name in SYSTEM}
        observed = samples(given, "ssh", start, centre, coarsen=CausalSettings().coarsen, mean=mean)
        assert mean is not None
        steady = mean.interp(latitude=latitude, longitude=longitude).values
        analysis = interpolated(observed, np.zeros(1), longitude, latitude, CausalSettings())
        height, days = analysis.anomaly[0] + steady, range(max(AGES) + 1)
        maps = carried(height, longitude, latitude, days, Model()).astype(np.float32)
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
