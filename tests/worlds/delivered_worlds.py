"""A small sea of waves that drift, seen by altimeters, and challenges to forecast it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import yaml

from oceanbench.challenge import Challenge

FIRST = np.datetime64("2020-03-04", "D")
STARTS = FIRST + 7 * np.arange(10)
LEADS = [0, 1, 3, 7]
DAYS = np.arange(FIRST - 20, STARTS[-1] + 9)
LEARNED = np.arange(FIRST - 200, FIRST - 60)
LATITUDE, LONGITUDE = np.linspace(35.0, 39.0, 9), np.linspace(297.0, 301.0, 9)
DAMPING = [0.95, 0.9, 0.7, 0.4]
ONE_DAY = np.timedelta64(1, "D")
MISSIONS = ("first", "second")


def sea(days: np.ndarray, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Height of waves, m, at times in days; the arguments broadcast."""
    t = (np.asarray(days, "M8[ms]") - FIRST).astype(float) / 86.4e6
    random = np.random.default_rng(7)
    height = np.zeros(np.broadcast_shapes(t.shape, latitude.shape, longitude.shape))
    for _ in range(12):
        k, m = random.uniform(-3.0, 3.0, 2)
        rate = random.uniform(-0.25, 0.25)
        phase = random.uniform(0.0, 6.3)
        height += 0.06 * np.cos(k * (longitude - 299) + m * (latitude - 37) + rate * t + phase)
    return height


def maps(days: np.ndarray) -> xr.Dataset:
    """Daily maps of the sea."""
    values = sea(days[:, None, None], LATITUDE[:, None], LONGITUDE)
    axes = {"time": days.astype("M8[ns]"), "latitude": LATITUDE, "longitude": LONGITUDE}
    return xr.DataArray(values, axes, tuple(axes), "ssh", {"units": "m"}).to_dataset()


def track(number: int, days: np.ndarray = DAYS) -> xr.Dataset:
    """A pass a day along a meridian that moves, at 06:00 or 18:00, with an error of 1 cm."""
    random = np.random.default_rng(number)
    meridian = random.uniform(297.0, 301.0, days.size)
    latitude = np.tile(np.linspace(35.0, 39.0, 17), days.size)
    begin = np.repeat(days.astype("M8[s]") + np.timedelta64(6 + 12 * number, "h"), 17)
    time = begin + np.tile(np.arange(17), days.size)
    longitude, number_of_pass = np.repeat(meridian, 17), np.repeat(np.arange(days.size), 17)
    height = sea(time, latitude, longitude) + 0.01 * random.standard_normal(time.size)
    along = {"longitude": ("time", longitude), "latitude": ("time", latitude)}
    return xr.Dataset(
        {"ssh": ("time", height, {"units": "m"}), "track": ("time", number_of_pass)},
        {"time": time.astype("M8[ns]"), **along},
    )


def nowcasts() -> xr.Dataset:
    """The sea of the starts, with an error of 2 cm."""
    random = np.random.default_rng(3)
    return maps(STARTS).map(lambda h: h + 0.02 * random.standard_normal(h.shape), keep_attrs=True)


def first_guesses(age: int) -> xr.Dataset:
    """The sea of the days before the starts."""
    found = maps(STARTS - age).assign_coords(time=STARTS.astype("M8[ns]"))
    issued = (STARTS - age).astype("M8[ns]")
    return found.assign_coords(issued=("time", issued), newest=("time", issued - ONE_DAY))


CONTENT: dict[str, Any] = {
    "name": "toy_deliveries",
    "version": 1,
    "title": "Toy forecasts from observations",
    "kind": "forecasts",
    "inputs": "observations",
    "domain": {
        "longitude": [297, 301],
        "latitude": [35, 39],
        "time": [str(FIRST), str(STARTS[-1] + 7)],
    },
    "starts": {"first": str(FIRST), "last": str(STARTS[-1]), "step_days": 7},
    "leads": LEADS,
    "damping": DAMPING,
    "decorrelation_days": 5.0,
    "periods": {"training": [str(LEARNED[0]), str(LEARNED[-1])]},
    "datasets": {
        "truth": {"role": "truth", "path": "truth.nc"},
        "first": {"role": "observations", "path": "first.nc", "latency_days": 1.0},
        "second": {"role": "observations", "path": "second.nc", "latency_days": 1.0},
        "nowcast": {"role": "initial", "path": "nowcast.nc"},
        "old": {"role": "first_guess", "path": "old.nc", "issued": "issued", "newest": "newest",
                "level": "age_3d", "validation_rmse": 0.08, "uses": ["first"]},
        "climatology": {"role": "climatology", "path": "climatology.nc"},
        "past": {"role": "training", "path": "past.nc"},
        "withheld": {"role": "observed_truth", "path": "withheld.nc", "hours": [-12, 12]},
        "later": {"role": "observed_truth", "path": "first.nc", "hours": [-12, 12]},
    },
    "submission": {"variables": {"ssh": {"units": "m", "valid_range": [-5, 5]}}},
    "masks": {"domain": {}},
    "metrics": [
        {"metric": "rmse", "label": "RMSE 1–7", "pooled": [1, 3, 7]},
        {"metric": "rmse", "label": "RMSE"},
        {"metric": "rmse", "label": "RMSE at", "against": ["withheld", "later"], "shown": False},
        {"metric": "horizon", "label": "horizon", "relative_to": "climatology"},
        {"metric": "horizon", "label": "horizon/damped", "relative_to": "damped_persistence"},
        {"metric": "horizon_at", "label": "ACC 0.6", "relative_to": "climatology"},
    ],
    "rank_by": "RMSE 1–7",
}  # fmt: skip
for _dataset in CONTENT["datasets"].values():
    _dataset["variables"] = {"ssh": "ssh"}


def files() -> dict[str, xr.Dataset]:
    """Every file of the challenge."""
    past = maps(LEARNED)
    return {
        "truth": maps(DAYS),
        **{name: track(number) for number, name in enumerate(MISSIONS)},
        "withheld": track(2),
        "nowcast": nowcasts(),
        "old": first_guesses(3),
        "climatology": past.mean("time", keep_attrs=True),
        "past": past,
    }


def declare(folder: Path, changed: dict[str, xr.Dataset] | None = None, **content: Any) -> Path:
    """Write the challenge with some files and keys changed; return the path of its declaration."""
    folder.mkdir(exist_ok=True)
    for name, dataset in {**files(), **(changed or {})}.items():
        dataset.to_netcdf(folder / f"{name}.nc", engine="h5netcdf")
    path = folder / "challenge.yaml"
    path.write_text(yaml.safe_dump({**CONTENT, **content}), encoding="utf-8")
    return path


def forecasts(challenge: Challenge, error: float) -> xr.Dataset:
    """The truth with an error that is the same at all leads, in a submission's shape."""
    random = np.random.default_rng(11)
    valid = STARTS[:, None] + np.array(LEADS)
    values = sea(valid[..., None, None], LATITUDE[:, None], LONGITUDE)
    target = challenge.target()
    return target.assign(
        ssh=target["ssh"].copy(data=values + error * random.standard_normal(values.shape))
    )
