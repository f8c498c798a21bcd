"""A small patch of ocean in files named, packed and gridded as those of GLORYS12 are."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import xarray as xr
import yaml
from places import ROOT

from oceanbench.challenge import Challenge

DEPTHS = [0.494025, 1.541375, 47.37369, 92.32607, 222.4752, 318.1274, 380.213, 541.0889]
PACKING = {
    "zos": (0.0003051851, 0.0),
    "thetao": (0.0007324442, 21.0),
    "so": (0.001525925, -0.001525925),
    "uo": (0.0006103702, 0.0),
    "vo": (0.0006103702, 0.0),
}
UNITS = {"zos": "m", "thetao": "degrees_C", "so": "1e-3", "uo": "m s-1", "vo": "m s-1"}
FIRST = np.datetime64("2023-12-31", "D")
DOMAIN = {
    "longitude": [-66.0, -60.0],
    "latitude": [33.0, 37.0],
    "time": ["2024-01-01", "2025-01-01"],
}
STARTS = {"first": "2023-12-31", "last": "2024-01-07", "step_days": 7}


def fields(days: np.ndarray, latitude: np.ndarray, longitude: np.ndarray) -> xr.Dataset:
    """Geostrophic waves over water that is warmer and fresher above, with a coast and a slope."""
    t = (np.asarray(days, "M8[D]") - FIRST).astype(float)[:, None, None]
    y, x = latitude[:, None], longitude
    one, two = 2.1 * x + 1.4 * y + 0.15 * t, 2.7 * x - 3.3 * y + 0.1 * t
    zos = 0.3 * np.sin(one) + 0.2 * np.sin(two)
    slope_x = 0.63 * np.cos(one) + 0.54 * np.cos(two)
    slope_y = 0.42 * np.cos(one) - 0.66 * np.cos(two)
    depth = np.array(DEPTHS)[:, None, None]
    away = np.exp(-depth / 400.0)
    mixed = (1.0 + 0.5 * zos)[:, None] * 80.0
    deep = {
        "thetao": 12 + 6 * zos[:, None] * away + 5 * (1 - np.tanh((depth - mixed) / 60.0)),
        "so": 36.4 - 0.3 * away + 0.2 * zos[:, None] * away,
        "uo": -slope_y[:, None] * away,
        "vo": 1.2 * slope_x[:, None] * away,
    }
    sea = (longitude > -65.3 + 0.3 * np.sin(3 * y)) & (depth < 2000 * (longitude + 65.6))
    dims = ("time", "depth", "latitude", "longitude")
    coords = {"time": np.asarray(days, "M8[ns]") + np.timedelta64(12, "h"), "depth": DEPTHS}
    variables: dict[str, Any] = {
        "zos": (("time", *dims[2:]), np.where(sea[0], zos, np.nan), {"units": "m"})
    }
    for name, values in deep.items():
        variables[name] = (dims, np.where(sea, values, np.nan), {"units": UNITS[name]})
    coords |= {"latitude": latitude, "longitude": longitude}
    return xr.Dataset(variables, coords).astype("float32")


def twelfth() -> tuple[np.ndarray, np.ndarray]:
    """Nodes of the grid of GLORYS12 in and around the patch, in its single precision."""
    rows = np.arange(-80 * 12, 90 * 12 + 1) / 12
    columns = np.arange(-180 * 12, 180 * 12) / 12
    rows = rows[(rows > 32.4) & (rows < 37.6)]
    columns = columns[(columns > -66.6) & (columns < -59.4)]
    return rows.astype("f4").astype(float), columns.astype("f4").astype(float)


def quarter() -> tuple[np.ndarray, np.ndarray]:
    """Nodes of the challenges in the patch."""
    return np.arange(33.0, 37.01, 0.25), np.arange(-66.0, -59.9, 0.25)


def write_day(folder: Path, day: np.datetime64, name: str | None = None) -> None:
    """One day as the Copernicus Marine Service distributes it, or cuts it out under a name."""
    dataset = fields(np.array([day]), *twelfth())
    for variable, (scale, offset) in PACKING.items():
        dataset[variable].encoding = {
            "dtype": "int16", "scale_factor": scale, "add_offset": offset, "_FillValue": -32767
        }  # fmt: skip
    dataset["time"].encoding = {"units": "hours since 1950-01-01"}
    date = str(day).replace("-", "")
    name = name or f"mercatorglorys12v1_gl12_mean_{date}_R{date}.nc"
    folder.mkdir(parents=True, exist_ok=True)
    dataset.to_netcdf(folder / name, engine="h5netcdf")


def official(name: str, folder: Path, **changes: Any) -> Challenge:
    """An official challenge on the patch, with its first two starts; all else is as shipped."""
    source = ROOT / "challenges" / name / "challenge.yaml"
    shutil.copy(source.with_name("published.csv"), folder)
    content = yaml.safe_load(source.read_text(encoding="utf-8"))
    content |= {"domain": DOMAIN, "starts": STARTS, **changes}
    content["masks"] = {"global": {}} | {
        mask: {"latitude": [33, 35]} for mask in content["masks"] if mask != "global"
    }
    path = folder / "challenge.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return Challenge.load(path)


def world(folder: Path) -> Path:
    """The user's files: reference, analyses and climatology."""
    for day in FIRST + np.arange(18):
        write_day(folder / "glorys12", day)
    for day in FIRST + np.array([0, 7]):
        write_day(folder / "glo12", day)
    return folder


def forecasts(*, noise: float = 0.0, members: int = 0, depths: bool = True) -> xr.Dataset:
    """Forecasts by start and index of lead on the challenges' nodes: the reference with noise."""
    starts = FIRST + np.array([0, 7])
    random = np.random.default_rng(4)
    parts = []
    for start in starts:
        part = fields(start + 1 + np.arange(10), *quarter())
        parts.append(part.rename(time="lead_day_index").drop_vars("lead_day_index"))
    first = starts.astype("M8[ns]") + np.timedelta64(1, "D")
    name = "first_day_datetime"
    whole = xr.concat(parts, xr.DataArray(first, dims=name, name=name))
    if not depths:
        whole = whole.isel(depth=0, drop=True)
    if members:
        whole = whole.expand_dims(member=members, axis=2)
    if noise:
        whole = whole.map(lambda f: f + (noise * random.standard_normal(f.shape)).astype("f4"))
    return whole


def climatology_script() -> ModuleType:
    """The script that makes climatologies, as a module."""
    path = ROOT / "challenges" / "glorys12_emulation" / "climatology.py"
    found = importlib.util.spec_from_file_location("climatology", path)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module
