"""A small ocean of drifting waves with a coast, and challenges and submissions of its forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import xarray as xr
import yaml

from oceanbench.challenge import Challenge
from oceanbench.methods.inputs import Inputs

FIRST = np.datetime64("2020-01-05", "D")
STARTS = FIRST + 7 * np.arange(10)
LEADS = [1, 2, 3, 5]
DEPTHS = [0.494025, 92.32607]
UNITS = {"zos": "m", "thetao": "degrees_C", "so": "1e-3", "uo": "m s-1", "vo": "m s-1"}
LATITUDE = np.linspace(20.0, 30.0, 21)
LONGITUDE = np.linspace(-70.0, -55.25, 60)


def land() -> np.ndarray:
    """Cells of land: a coast in the west with a cape, and an island."""
    y, x = np.meshgrid(LATITUDE, LONGITUDE, indexing="ij")
    return (x < -68.5 + 1.2 * np.sin(y)) | ((x + 60) ** 2 + (y - 25) ** 2 < 0.8)


def ocean(days: np.ndarray, *, seed: int = 0) -> xr.Dataset:
    """Daily fields that drift westward and change, with NaN on land, in the schema of GLORYS."""
    random = np.random.default_rng(seed)
    t = (np.asarray(days, "M8[D]") - FIRST).astype(float)[:, None, None]
    y, x = LATITUDE[:, None], LONGITUDE
    zos = 0.4 - 0.05 * (y - 25) + np.zeros((t.size, 1, x.size))
    for _ in range(12):
        k, m = random.uniform(0.4, 2.5, 2)
        speed, phase = random.uniform(0.02, 0.08), random.uniform(0, 6)
        zos = zos + 0.06 / (1 + k) * np.cos(k * (x + 60 + speed * t) + m * y + phase)
    slope = np.gradient(zos, axis=1), np.gradient(zos, axis=2)
    level = np.array([1.0, 0.6])[None, :, None, None]
    deep = {
        "thetao": 18 + 4 * level + 0.3 * (25 - y) + 8 * level * (zos - 0.4)[:, None],
        "so": 36 + 0.2 * level - 0.5 * (zos - 0.4)[:, None] * level,
        "uo": -8 * slope[0][:, None] * level + 0.05,
        "vo": 8 * slope[1][:, None] * level - 0.02 * np.cos(y),
    }
    dims = ("time", "depth", "latitude", "longitude")
    sea = xr.DataArray(~land(), {"latitude": LATITUDE, "longitude": LONGITUDE}, dims[2:])
    coords = {"time": np.asarray(days, "M8[ns]"), "depth": DEPTHS}
    fields: dict[str, Any] = {"zos": (("time", *dims[2:]), zos)}
    fields |= {name: (dims, values) for name, values in deep.items()}
    dataset = xr.Dataset(fields, coords | {d: sea[d] for d in dims[2:]}).where(sea)
    for name, unit in UNITS.items():
        dataset[name] = dataset[name].transpose(*[d for d in dims if d in dataset[name].dims])
        dataset[name].attrs["units"] = unit
    return dataset.astype("float32")


CALENDAR = np.arange(FIRST - 400, STARTS[-1] + 6)
OCEAN = ocean(CALENDAR)
CLIMATE = OCEAN.isel(time=slice(0, 360)).mean("time", keep_attrs=True)

FORECASTS: dict[str, Any] = {
    "kind": "forecasts",
    "domain": {
        "longitude": [-70, -55],
        "latitude": [20, 30],
        "time": [str(FIRST + 1), str(STARTS[-1] + 5)],
    },
    "starts": {"first": str(FIRST), "last": str(STARTS[-1]), "step_days": 7},
}
CONTENT: dict[str, Any] = {
    "name": "toy_forecasts",
    "version": 1,
    "title": "Toy forecasts",
    **FORECASTS,
    "leads": LEADS,
    "depths": DEPTHS,
    "periods": {"training": [str(CALENDAR[0]), str(FIRST - 1)]},
    "datasets": {
        name: {"role": role, "path": f"{name}.nc", "variables": {n: n for n in UNITS}}
        for name, role in (
            ("truth", "truth"),
            ("initial", "initial"),
            ("climatology", "climatology"),
            ("training", "training"),
        )
    }
    | {"sea": {"role": "mask", "path": "sea.nc", "variables": {"mask": "mask"}}},
    "submission": {
        "variables": {
            "zos": {"units": "m", "aliases": ["ssh"], "valid_range": [-5, 5], "surface": True},
            **{name: {"units": unit} for name, unit in UNITS.items() if name != "zos"},
        }
    },
    "masks": {"ocean": {}, "south": {"latitude": [20, 25]}},
    "metrics": [
        {"metric": "rmse", "label": "RMSE", "masks": ["ocean", "south"],
         "shown": {"variables": ["zos"], "masks": ["ocean"], "leads": [1, 5]}},
        {"metric": "rmse", "label": "zos", "variable": "zos", "leads": "pooled"},
        {"metric": "mean_rmse", "label": "mean RMSE", "shown": False},
        {"metric": "bias", "label": "bias", "shown": False},
        {"metric": "anomaly_correlation", "label": "ACC", "relative_to": "climatology",
         "shown": False},
        {"metric": "activity", "label": "activity", "relative_to": "climatology", "shown": False},
        {"metric": "crps", "label": "CRPS", "variable": "zos", "shown": False},
        {"metric": "spread_skill", "label": "spread/error", "variable": "zos", "shown": False},
    ],
    "rank_by": "zos",
}  # fmt: skip


@cache
def _files() -> dict[str, bytes]:
    """Content of every file of the challenge, made once."""
    days = OCEAN["time"].values.astype("M8[D]")
    made = {
        "truth": OCEAN.sel(time=days >= FIRST),
        "initial": OCEAN.sel(time=np.isin(days, STARTS)),
        "climatology": CLIMATE,
        "training": OCEAN.sel(time=days < FIRST),
        "sea": xr.Dataset({"mask": OCEAN["zos"].isel(time=0, drop=True).notnull().astype("int8")}),
    }
    return {name: bytes(dataset.to_netcdf(engine="h5netcdf")) for name, dataset in made.items()}


def declare(folder: Path, **changes: Any) -> Path:
    """Write the toy challenge with its data; a change to None removes a key at the top."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in _files().items():
        (folder / f"{name}.nc").write_bytes(content)
    return write({k: v for k, v in (CONTENT | changes).items() if v is not None}, folder)


def write(content: dict[str, Any], folder: Path) -> Path:
    """Write a challenge.yaml."""
    path = folder / "challenge.yaml"
    path.write_text(yaml.dump(content, sort_keys=False, Dumper=_Plain), encoding="utf-8")
    return path


class _Plain(yaml.SafeDumper):
    """YAML without aliases, which challenge.yaml refuses."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def perfect() -> xr.Dataset:
    """Submission that is the truth itself."""
    return at_valid_days(lambda start, lead: start + lead)


def persistence() -> xr.Dataset:
    """Submission in which every lead is the initial condition."""
    return at_valid_days(lambda start, lead: start)


def at_valid_days(day_of: Any) -> xr.Dataset:
    """Submission whose field of a start and a lead is the ocean of some day."""
    starts = xr.DataArray(STARTS.astype("M8[ns]"), dims="start")
    days = [[day_of(start, lead) for lead in LEADS] for start in STARTS]
    chosen = xr.DataArray(np.array(days, "M8[ns]"), dims=("start", "lead"))
    fields = OCEAN.sel(time=chosen).drop_vars("time")
    return fields.assign_coords(start=starts, lead=("lead", LEADS, {"units": "days"}))


@cache
def learned(method: ModuleType, challenge: Path) -> Mapping[str, Any]:
    """Weights of a method that has hardly begun to learn."""
    inputs = Inputs(Challenge.load(challenge), for_training=True)
    weights: Mapping[str, Any] = method.train(inputs, device="cpu", seed=3, steps=1)
    return weights


def forecast(
    method: ModuleType, inputs: Mapping[str, xr.Dataset], challenge: Challenge, **options: Any
) -> xr.Dataset:
    target = challenge.target().copy(deep=True)
    if hasattr(method, "train"):
        options["weights"] = learned(method, challenge.path)
    result: xr.Dataset = method.estimate(inputs, target, device="cpu", seed=3, **options)
    return result


def first_that_changes(
    method: ModuleType, inputs: Mapping[str, xr.Dataset], challenge: Challenge, **options: Any
) -> int | None:
    """First start whose forecast knows the initial conditions of later starts; None if none does.

    The maps of the last half of the starts are those of other days.
    """
    other = inputs["initial"].copy(deep=True)
    half = other.sizes["start"] // 2
    for name in other.data_vars:
        other[name].values[half:] = other[name].values[half:][::-1] * 1.1
    one = forecast(method, inputs, challenge, **options)
    two = forecast(method, {**inputs, "initial": other}, challenge, **options)
    for start in range(half):
        if not one.isel(start=start).identical(two.isel(start=start)):
            return start
    return None
