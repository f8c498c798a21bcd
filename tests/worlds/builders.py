"""Small truths, submissions and challenges that the tests take apart."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import yaml

from oceanbench.challenge import Challenge
from oceanbench.submission import Submission

FIRST = np.datetime64("2012-10-22", "ns")
DAY = np.timedelta64(1, "D")

MAPS: dict[str, Any] = {
    "name": "toy_maps",
    "version": 1,
    "title": "Toy maps",
    "kind": "maps",
    "domain": {"longitude": [-65, -61], "latitude": [33, 36], "time": ["2012-10-22", "2012-11-05"]},
    "datasets": {
        "truth": {"role": "truth", "path": "truth.nc", "variables": {"ssh": "ssh"}, "units": "m"}
    },
    "submission": {
        "variables": {"ssh": {"units": "m", "aliases": ["gssh"], "valid_range": [-5, 5]}}
    },
    "masks": {"domain": {}},
    "metrics": [
        {"metric": "rmse", "label": "RMSE"},
        {"metric": "rmse_score", "label": "µ"},
        {"metric": "resolved_wavelength", "label": "λx"},
    ],
    "rank_by": "RMSE",
}

TRACKS: dict[str, Any] = {
    **MAPS,
    "name": "toy_tracks",
    "title": "Toy tracks",
    "kind": "tracks",
    "datasets": {
        "altimeter": {
            "role": "truth",
            "layout": "track",
            "path": "track.nc",
            "variables": {"ssh": "sla + mdt"},
            "units": "m",
        }
    },
    "submission": {
        "variables": {"ssh": {"units": "m", "valid_range": [-5, 5]}},
        "grid": {"step_degrees": 0.5},
    },
    "metrics": [
        {"metric": "rmse", "label": "RMSE"},
        {"metric": "daily_rmse_score", "label": "µ", "minimum_points": 2},
    ],
}


def changed(content: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Copy of a challenge with values at dotted keys replaced (or removed, where None)."""
    content = copy.deepcopy(content)
    for dotted, value in changes.items():
        *path, last = dotted.split(".")
        section: Any = content
        for key in path:
            section = section[int(key) if isinstance(section, list) else key]
        if value is None:
            del section[last]
        elif isinstance(section, list):
            section[int(last)] = value
        else:
            section[last] = value
    return content


def write_challenge(folder: Path, content: dict[str, Any], changes: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "challenge.yaml"
    plain = json.loads(json.dumps(changed(content, changes)))  # no aliases for shared parts
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
    path.write_text(text, encoding="utf-8")
    return path


def load_challenge(folder: Path, content: dict[str, Any], **changes: Any) -> Challenge:
    """Challenge in a folder; ``domain__time=[...]`` replaces ``domain.time``."""
    dotted = {k.replace("__", "."): v for k, v in changes.items()}
    return Challenge.load(write_challenge(folder, content, dotted))


def days(count: int, first: np.datetime64 = FIRST) -> np.ndarray:
    return first + np.arange(count) * DAY


def smooth(time: Any, latitude: Any, longitude: Any) -> Any:
    """Field in metres that no metric finds degenerate; arguments broadcast."""
    t = (time - FIRST) / DAY
    return (
        0.3 * np.sin(1.7 * longitude + 0.4 * t)
        + 0.2 * np.cos(2.9 * latitude - 0.3 * t)
        + 0.1 * np.sin(5.1 * longitude - 1.3 * latitude + 1.1 * t)
        + 0.05
    )


def maps(
    *,
    west: float = -65.0,
    east: float = -61.0,
    south: float = 33.0,
    north: float = 36.0,
    step: float = 0.5,
    count: int = 15,
    first: np.datetime64 = FIRST,
    noise: float = 0.0,
    seed: int = 0,
) -> xr.Dataset:
    """Daily maps of the smooth field on a regular grid, with white noise."""
    axes = {
        "time": days(count, first),
        "latitude": np.linspace(south, north, round((north - south) / step) + 1),
        "longitude": np.linspace(west, east, round((east - west) / step) + 1),
    }
    values = smooth(axes["time"][:, None, None], axes["latitude"][None, :, None], axes["longitude"])
    values = values + noise * np.random.default_rng(seed).standard_normal(values.shape)
    return xr.Dataset({"ssh": (tuple(axes), values, {"units": "m"})}, coords=axes)


def track(*, passes: int = 14, samples: int = 20, seed: int = 0) -> xr.Dataset:
    """One pass a day across the domain; sla + mdt is the smooth field."""
    random = np.random.default_rng(seed)
    time, latitude, longitude = [], [], []
    for number in range(passes):
        start = FIRST + number * DAY + np.timedelta64(int(random.integers(3600, 80000)), "s")
        time.append(start + np.arange(samples) * np.timedelta64(1_018_000_000, "ns"))
        latitude.append(np.linspace(33.2, 35.8, samples))
        longitude.append(np.linspace(-64.5, -62.0, samples) + random.uniform(-0.3, 0.3))
    axes = {
        "time": np.concatenate(time),
        "latitude": ("time", np.concatenate(latitude)),
        "longitude": ("time", np.concatenate(longitude)),
    }
    ssh = smooth(axes["time"], axes["latitude"][1], axes["longitude"][1])
    return xr.Dataset(
        {
            "sla": ("time", ssh - 0.4, {"units": "m"}),
            "mdt": ("time", np.full(ssh.size, 0.4), {"units": "m"}),
        },
        coords=axes,
    )


def maps_challenge(folder: Path, truth: xr.Dataset | None = None, **changes: Any) -> Challenge:
    folder.mkdir(parents=True, exist_ok=True)
    write(truth if truth is not None else maps(), folder / "truth.nc")
    return load_challenge(folder, MAPS, **changes)


def tracks_challenge(folder: Path, truth: xr.Dataset | None = None, **changes: Any) -> Challenge:
    folder.mkdir(parents=True, exist_ok=True)
    write(truth if truth is not None else track(), folder / "track.nc")
    return load_challenge(folder, TRACKS, **changes)


def write(dataset: xr.Dataset, path: Path) -> Path:
    """Write a NetCDF file with exact times, whatever their unit."""
    encoding = {}
    if "time" in dataset.variables and dataset["time"].dtype.kind == "M":
        encoding["time"] = {"units": "nanoseconds since 2000-01-01", "dtype": "int64"}
        if dataset["time"].isnull().any():
            encoding["time"] = {}
    dataset.to_netcdf(path, engine="h5netcdf", encoding=encoding)
    return path


def submission(dataset: xr.Dataset, path: Path) -> Submission:
    return Submission("mine", write(dataset, path))
