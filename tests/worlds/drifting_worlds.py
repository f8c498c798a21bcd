"""A sea whose fields drift one cell to the east a day: what an emulator must find is known."""

from __future__ import annotations

import numpy as np
import xarray as xr

ROWS, COLUMNS, DAYS = 10, 18, 240
FIRST = np.datetime64("2001-01-01", "D")
VARIABLES = ("zos", "thetao")
LATITUDE, LONGITUDE = 30.0 + 0.5 * np.arange(ROWS), -60.0 + 0.5 * np.arange(COLUMNS)


def sea() -> np.ndarray:
    """Land in the north, with a cape, and an island."""
    wet = np.ones((ROWS, COLUMNS), bool)
    wet[-2:], wet[-3, 4:6], wet[3, 12] = False, False, False
    return wet


def usual(days: np.ndarray) -> np.ndarray:
    """Mean and season of the two variables, (days, variables, rows, columns)."""
    angle = 2 * np.pi * (days - days.astype("M8[Y]").astype("M8[D]")).astype(float) / 365.25
    level = 0.4 - 0.02 * np.arange(ROWS)[:, None] + np.zeros((len(days), ROWS, COLUMNS))
    return np.stack([level, 15.0 + 10.0 * level + np.cos(angle)[:, None, None]], 1)


def drifting(first: np.datetime64, count: int, seed: int = 0) -> xr.Dataset:
    """Days of the sea: departures are one endless pattern, which enters from the west."""
    random = np.random.default_rng(seed)
    pattern = random.normal(size=(ROWS, count + COLUMNS))
    for axis, times in ((0, 2), (1, 4)):
        for _ in range(times):
            pattern = (np.roll(pattern, 1, axis) + pattern + np.roll(pattern, -1, axis)) / 3
    pattern *= 0.1 / pattern.std()
    moved = np.stack([pattern[:, count - d : count - d + COLUMNS] for d in range(count)])
    days = first + np.arange(count)
    fields = usual(days) + moved[:, None] * np.array([1.0, -4.0])[:, None, None]
    return dataset(np.where(sea(), fields, np.nan), days)


def dataset(fields: np.ndarray, days: np.ndarray, dim: str = "time") -> xr.Dataset:
    """Fields (days, variables, rows, columns) by name."""
    coords = {dim: days.astype("M8[ns]"), "latitude": LATITUDE, "longitude": LONGITUDE}
    dims = (dim, "latitude", "longitude")
    return xr.Dataset({v: (dims, fields[:, n]) for n, v in enumerate(VARIABLES)}, coords)


def climatology() -> xr.Dataset:
    """What is usual, by day of the year."""
    days = np.arange("2004-01-01", "2005-01-01", dtype="M8[D]")
    maps = dataset(np.where(sea(), usual(days), np.nan), days).drop_vars("time")
    return maps.rename(time="dayofyear").assign_coords(dayofyear=np.arange(1, days.size + 1))


def inputs() -> dict[str, xr.Dataset]:
    """What a method is given: to learn from, to choose by, to start from."""
    initial = drifting(FIRST + 900, 40, seed=2).isel(time=[0, 7, 14]).rename(time="start")
    datasets = {
        "training": drifting(FIRST, DAYS),
        "validation": drifting(FIRST + 600, 60, seed=1),
        "climatology": climatology(),
        "initial": initial,
    }
    return {n: d.assign_attrs(role=n, name=n) for n, d in datasets.items()}


def target(leads: tuple[int, ...] = (1, 2, 3, 5)) -> xr.Dataset:
    """Empty forecasts from the starts."""
    starts = inputs()["initial"]["start"].values
    coords = {"start": starts, "lead": list(leads), "latitude": LATITUDE, "longitude": LONGITUDE}
    empty = np.full([len(values) for values in coords.values()], np.nan, np.float32)
    return xr.Dataset({v: (tuple(coords), empty, {"units": "1"}) for v in VARIABLES}, coords)


def truth() -> xr.Dataset:
    """What came of the starts, on the coordinates of the target."""
    asked = target()
    days = asked["start"] + asked["lead"] * np.timedelta64(86_400_000_000_000, "ns")
    return drifting(FIRST + 900, 40, seed=2).sel(time=days).drop_vars("time")
