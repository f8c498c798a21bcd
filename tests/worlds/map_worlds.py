"""A small sea of drifting waves and the altimeters above it, for methods that learn maps."""

from __future__ import annotations

import numpy as np
import xarray as xr

from oceanbench.assimilation.fourdvarnet.maps.first_guess_maps import first_guess_maps
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import (
    GriddedObservations,
    grid_observations,
)
from oceanbench.assimilation.fourdvarnet.maps.map_grid import MapGrid
from oceanbench.assimilation.uncertainty.spde import Lattice, Spde
from oceanbench.assimilation.uncertainty.spde_fit import prior
from oceanbench.observing.sampling import sample

FIRST = np.datetime64("2013-01-02", "ns")
DAY = np.timedelta64(86_400_000_000_000, "ns")
WEST, SOUTH, SIDE, STEP = 296.0, 36.0, 4.0, 0.25


def waves(days: int) -> xr.DataArray:
    """Daily maps of three waves that drift, about a slope; (days + 1) of them."""
    latitude = SOUTH + np.arange(0.0, SIDE + STEP / 2, STEP)
    longitude = WEST + np.arange(0.0, SIDE + STEP / 2, STEP)
    t, y, x = np.meshgrid(np.arange(days + 1), latitude - SOUTH, longitude - WEST, indexing="ij")
    height = 0.2 * np.sin(2.0 * x + 0.12 * t) * np.cos(1.7 * y) + 0.1 * np.sin(
        3.1 * y - 1.3 * x + 0.2 * t
    )
    axes = {"time": FIRST + DAY * np.arange(days + 1), "latitude": latitude, "longitude": longitude}
    return xr.DataArray(height + 0.1 * (2.0 - y), axes, tuple(axes), "ssh", {"units": "m"})


def drawn(days: int, *, seed: int = 0) -> xr.DataArray:
    """Daily maps of a stochastic equation, about the slope of the waves; (days + 1) of them."""
    like = waves(days)
    lattice = Lattice(*like.shape[1:], spacing_y=28.0, spacing_x=22.0, step=1.0)
    world = prior(Spde(length=50.0, std=0.15, time=15.0, smoothness=3), lattice, times=days + 1)
    anomalies = world(1, np.random.default_rng(seed))[0]
    return like.copy(data=anomalies + 0.1 * (2.0 + SOUTH - like["latitude"].values[:, None]))


def track(
    seed: int, *, days: int, error: float = 0.0, maps: xr.DataArray | None = None
) -> xr.Dataset:
    """Two passes a day, askew, of 40 samples each, above the waves or other maps."""
    random = np.random.default_rng(seed)
    columns: list[np.ndarray] = []
    for number in range(2 * days):
        start, slope = random.uniform(0.0, SIDE), random.choice([-0.4, 0.4])
        along = np.linspace(0.01, SIDE - 0.01, 40)
        seconds = 43_200.0 * number + random.uniform(0.0, 40_000.0) + np.arange(40)
        east = start + slope * along
        inside = (east > 0.0) & (east < SIDE)
        columns.append(np.stack([np.full(40, number), seconds, east, along])[:, inside])
    number_of, seconds, east, north = np.concatenate(columns, axis=1)
    points = xr.Dataset(
        {"track": ("time", number_of.astype(int))},
        {
            "time": FIRST + np.round(seconds * 1e9).astype("timedelta64[ns]"),
            "longitude": ("time", WEST + east),
            "latitude": ("time", SOUTH + north),
        },
    )
    field = waves(days) if maps is None else maps
    values = sample(field, points).values + error * random.standard_normal(points.sizes["time"])
    found = points.assign(ssh=("time", values, {"units": "m"}))
    return found.assign_attrs(role="observations", layout="track")


def inputs(
    days: int = 12, *, error: float = 0.0, maps: xr.DataArray | None = None
) -> dict[str, xr.Dataset]:
    """What a method gets to learn from: two altimeters and the maps of those days."""
    field = waves(days) if maps is None else maps
    training = field.to_dataset().assign_attrs(role="training", layout="grid")
    tracks = {
        name: track(seed, days=days, error=error, maps=field)
        for seed, name in enumerate(("first", "second"))
    }
    return tracks | {"training": training}


def observed(
    given: dict[str, xr.Dataset], grid: MapGrid, guess: str, *, missions: str = "", second: str = ""
) -> GriddedObservations:
    """Gridded about a first guess of the same missions."""
    maps = first_guess_maps(given, "ssh", grid, guess, missions=missions)
    return grid_observations(given, "ssh", grid, maps, missions=missions, second=second)
