"""A sea of planes that move from day to day, whose observations are known exactly."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from forecast_worlds import FIRST, FORECASTS, STARTS, UNITS, _Plain
from yaml import dump

LEADS = [1, 2, 5]
LATITUDE = np.linspace(20.0, 30.0, 11)
LONGITUDE = np.linspace(-70.0, -55.0, 21)
DEPTHS = [1.0, 50.0, 90.0, 200.0]
BINS = [[0, 5], [5, 100], [100, 300]]
DATUM = 0.1148
SLOPES = {  # at the origin, and by degree of latitude, of longitude, metre of depth, and day
    "zos": (0.3, 0.02, -0.03, 0.0, 0.01),
    "thetao": (15.0, -0.4, 0.4, -0.05, 0.05),
    "so": (36.0, 0.01, 0.02, 0.003, -0.002),
    "uo": (0.1, 0.01, -0.01, 0.0, 0.001),
    "vo": (-0.1, 0.02, 0.01, 0.0, -0.001),
}
DAYS = np.arange(FIRST, STARTS[-1] + max(LEADS) + 1)
NODES = {"latitude": LATITUDE, "longitude": LONGITUDE}
SEA = xr.DataArray(np.ones((11, 21), dtype=bool), NODES, list(NODES))
SEA = SEA.where(SEA["longitude"] > -68.0, other=False)  # a coast
SEA = SEA.where((SEA["longitude"] + 60) ** 2 + (SEA["latitude"] - 25) ** 2 > 2.0, other=False)


def plane(name: str, day: Any, latitude: Any, longitude: Any, depth: Any = 0.0) -> Any:
    """Value of a variable; days may be fractions."""
    at, north, east, down, later = SLOPES[name]
    elapsed = (np.asarray(day, "M8[ns]") - FIRST) / np.timedelta64(1, "D")
    x = (np.asarray(longitude) + 180) % 360 - 180 + 60
    return at + north * (latitude - 25) + east * x + down * depth + later * elapsed


def mean(latitude: Any, longitude: Any) -> Any:
    """Mean dynamic topography."""
    return 0.2 + 0.05 * (latitude - 25) - 0.02 * (longitude + 60)


def sea(days: np.ndarray = DAYS) -> xr.Dataset:
    """Fields of some days, NaN on land."""
    t, z, y, x = np.meshgrid(np.arange(len(days)), DEPTHS, LATITUDE, LONGITUDE, indexing="ij")
    day = np.asarray(days)[t]
    fields = {}
    for name, unit in UNITS.items():
        flat = name == "zos"
        dims = ("time", *(() if flat else ("depth",)), "latitude", "longitude")
        values = plane(name, day, y, x, z)
        fields[name] = (dims, values[:, 0] if flat else values, {"units": unit})
    return xr.Dataset(fields, {"time": days.astype("M8[ns]"), "depth": DEPTHS, **NODES}).where(SEA)


def places(number: int, seed: int) -> dict[str, np.ndarray]:
    """Random times and places, some on land and some outside the domain."""
    random = np.random.default_rng(seed)
    seconds = np.sort(random.uniform(0, DAYS.size * 86400, number)).astype("m8[s]")
    return {
        "time": DAYS[0].astype("M8[ns]") + seconds,
        "latitude": random.uniform(18, 32, number),
        "longitude": random.uniform(-72, -54, number),
    }


def track(number: int = 3000, seed: int = 1) -> xr.Dataset:
    """Sea level anomalies along a track; each that of its day's map."""
    where = places(number, seed)
    day, y, x = where["time"].astype("M8[D]"), where["latitude"], where["longitude"]
    sla = plane("zos", day, y, x) - mean(y, x) + DATUM
    coords = {name: ("time", values) for name, values in where.items()}
    attrs = {"units": "m", "standard_name": "sea_surface_height_above_sea_level"}
    return xr.Dataset({"sla": ("time", sla, attrs)}, coords)


def profiles(number: int = 1500, seed: int = 2) -> xr.Dataset:
    """Temperature and salinity at depths of their own."""
    where = places(number, seed)
    depth = np.sort(np.random.default_rng(seed).uniform(0, 300, (number, 9)), axis=1)
    column = {name: values[:, None] for name, values in where.items()}
    day = column["time"].astype("M8[D]")
    found = {
        name: (
            ("time", "level"),
            plane(name, day, column["latitude"], column["longitude"], depth),
            {"units": UNITS[name]},
        )
        for name in ("thetao", "so")
    }
    coords = {name: ("time", values) for name, values in where.items()}
    return xr.Dataset({**found, "depth": (("time", "level"), depth)}, coords)


def drifters(seed: int = 3) -> xr.Dataset:
    """Currents at the places of drifters, once a day."""
    random = np.random.default_rng(seed)
    shape = (DAYS.size, 12)
    y, x = random.uniform(21, 29, shape), random.uniform(-66, -56, shape)
    found = {
        name: (("time", "drifter"), plane(name, DAYS[:, None], y, x, DEPTHS[0]))
        for name in ("uo", "vo")
    }
    coords = {"latitude": (("time", "drifter"), y), "longitude": (("time", "drifter"), x)}
    return xr.Dataset(found, {"time": DAYS.astype("M8[ns]"), **coords})


def image(seed: int = 4) -> xr.Dataset:
    """Temperature of the surface on a grid that is not the challenge's, half under clouds."""
    y, x = np.linspace(20.3, 29.9, 13), np.linspace(-66.9, -55.4, 17)
    t, yy, xx = np.meshgrid(np.arange(DAYS.size), y, x, indexing="ij")
    values = plane("thetao", DAYS[t], yy, xx, DEPTHS[0])
    clear = np.random.default_rng(seed).random(values.shape) < 0.5
    values = np.where(clear, values, np.nan)
    coords = {"time": DAYS.astype("M8[ns]"), "latitude": y, "longitude": x}
    return xr.Dataset({"sst": (("time", "latitude", "longitude"), values)}, coords)


OBSERVED = {"track": track, "profiles": profiles, "drifters": drifters, "image": image}
ROLE = {"role": "observed_truth"}
VARIABLES = {n: n for n in UNITS}
DATASETS: dict[str, Any] = {
    "truth": {"role": "truth", "path": "truth.nc", "variables": VARIABLES},
    "initial": {"role": "initial", "path": "truth.nc", "variables": VARIABLES},
    "climatology": {"role": "climatology", "path": "climatology.nc", "variables": VARIABLES},
    "mdt": {
        "role": "auxiliary",
        "layout": "static",
        "path": "mdt.nc",
        "variables": {"mdt": "mdt"},
    },
    "track": {
        **ROLE, "path": "track.nc", "variables": {"zos": "sla"}, "mdt": "mdt", "datum": DATUM
    },
    "profiles": {
        **ROLE, "path": "profiles.nc", "variables": {"thetao": "thetao", "so": "so"},
        "depth_bins": BINS,
    },
    "drifters": {**ROLE, "path": "drifters.nc", "variables": {"uo": "uo", "vo": "vo"}},
    "image": {**ROLE, "path": "image.nc", "variables": {"thetao": "sst"}},
}  # fmt: skip
CONTENT: dict[str, Any] = {
    "name": "planes",
    "version": 1,
    "title": "Planes",
    **FORECASTS,
    "leads": LEADS,
    "depths": DEPTHS,
    "datasets": DATASETS,
    "submission": {
        "variables": {
            name: {"units": unit, **({"surface": True} if name == "zos" else {})}
            for name, unit in UNITS.items()
        }
    },
    "masks": {"ocean": {}, "south": {"latitude": [20, 25]}},
    "metrics": [
        {"metric": "rmse", "label": "zos", "variable": "zos", "leads": "pooled"},
        {"metric": "rmse", "label": "RMSE", "against": list(OBSERVED)},
        {"metric": "bias", "label": "bias", "against": list(OBSERVED)},
        {"metric": "rmse", "label": "SLA", "against": "track", "leads": "pooled",
         "masks": ["ocean", "south"]},
    ],
    "rank_by": "SLA (ocean)",
}  # fmt: skip


@cache
def _files() -> dict[str, bytes]:
    """Content of every file of the challenge, made once."""
    y, x = np.meshgrid(LATITUDE, LONGITUDE, indexing="ij")
    made = {
        "truth": sea(),
        "climatology": sea(DAYS[:1]).isel(time=0, drop=True),
        "mdt": xr.Dataset({"mdt": (("latitude", "longitude"), mean(y, x))}, NODES),
        **{name: one() for name, one in OBSERVED.items()},
    }
    return {name: bytes(dataset.to_netcdf(engine="h5netcdf")) for name, dataset in made.items()}


def declare(folder: Path, datasets: dict[str, Any] | None = None, **changes: Any) -> Path:
    """Write the challenge with its data; a change to None removes a dataset."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in _files().items():
        (folder / f"{name}.nc").write_bytes(content)
    chosen = {k: v for k, v in (DATASETS | (datasets or {})).items() if v is not None}
    declared = {**CONTENT, "datasets": chosen, **changes}
    path = folder / "challenge.yaml"
    path.write_text(dump(declared, sort_keys=False, Dumper=_Plain), encoding="utf-8")
    return path


def forecast(error: float = 0.0, *, still: bool = False) -> xr.Dataset:
    """Submission that is the truth plus an error; or, standing still, the initial conditions."""
    return _forecast(error, still).copy(deep=True)


@cache
def _forecast(error: float, still: bool) -> xr.Dataset:
    starts = xr.DataArray(STARTS.astype("M8[ns]"), dims="start")
    days = [[start + (0 if still else lead) for lead in LEADS] for start in STARTS]
    chosen = xr.DataArray(np.array(days, "M8[ns]"), dims=("start", "lead"))
    fields = sea().sel(time=chosen).drop_vars("time") + error
    for name, unit in UNITS.items():
        fields[name].attrs["units"] = unit
    return fields.assign_coords(start=starts, lead=("lead", LEADS, {"units": "days"}))
