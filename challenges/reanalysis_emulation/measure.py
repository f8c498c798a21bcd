"""What the files of `reanalysis_emulation` contain, and how fast errors grow in its oceans."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from scipy import ndimage
from world import NATURE, START, STEP, TEST, TRAINING, YEARS, day_number, operators, refine

from oceanbench.dynamics import layered_ocean as ocean
from oceanbench.dynamics.quasigeostrophic import DAY

SHORT = {"thetao": "degrees C", "so": "1e-3", "uo": "m/s", "vo": "m/s", "zos": "m"}


def statistics(data: Path) -> Iterator[tuple[str, float, str]]:
    """Measure the frozen files: label, value, units."""
    years = [xr.load_dataset(data / f"reanalysis_{year}.nc") for year in YEARS]
    whole = xr.concat(years, "time", combine_attrs="drop")
    anomaly_u, anomaly_v = (whole[n] - whole[n].mean("time") for n in ("uo", "vo"))
    energy = 1e4 * ((anomaly_u**2 + anomaly_v**2) / 2).mean(("latitude", "longitude"))
    yield "wet cells", int(whole["zos"][0].notnull().sum()), "1"
    yield "eddy kinetic energy", float(energy.mean()), "cm²/s²"
    annual = [float(energy.sel(time=str(year)).mean()) for year in YEARS]
    for year, value in zip(YEARS, annual, strict=True):
        yield f"    in {year}", value, "cm²/s²"
    slope, error = trend(annual)
    yield "    trend", slope, f"cm²/s² per year, standard error {error:.2g}"
    for name, units in (("thetao", "degrees C"), ("so", "1e-3")):
        means = [float(whole[name].sel(time=str(year)).mean()) for year in YEARS]
        slope, error = trend(means)
        yield f"mean {name}", float(np.mean(means)), units
        yield "    trend", slope, f"{units} per year, standard error {error:.2g}"
    speed = np.hypot(whole["uo"], whole["vo"])
    yield "largest speed", float(speed.max()), "m/s"
    training, test = whole.sel(time=slice(*TRAINING)), whole.sel(time=slice(*TEST))
    for name in ("thetao", "so", "uo", "vo", "zos"):
        usual, persistence, anomaly = predictability(training[name], test[name])
        yield f"{name}: error of climatology", usual, SHORT[name]
        for lead in (1, 5, 10, 30):
            yield f"    of persistence, {lead} days", persistence[lead - 1], SHORT[name]
        yield "    persistence reaches climatology after", crossing(persistence, usual), "days"
        yield "    persistence of the anomaly does after", crossing(anomaly, usual), "days"
    for path in (data / "reanalysis_2008.nc", data / "analysis.nc"):
        attributes = xr.load_dataset(path).attrs
        for key, value in attributes.items():
            if key.startswith("rms_"):
                yield f"{path.stem}: {key}", float(value), SHORT[key.split("_")[-1]]
    for path in sorted(data.glob("*.nc")):
        yield f"{path.name}", path.stat().st_size / 1e6, "MB"


def trend(values: list[float]) -> tuple[float, float]:
    """Slope per step of a line through the values, and its standard error."""
    (slope, _), covariance = np.polyfit(np.arange(len(values)), values, 1, cov=True)
    return float(slope), float(np.sqrt(covariance[0, 0]))


def climatology(field: xr.DataArray, time: xr.DataArray) -> np.ndarray:
    """Mean and two harmonics of the year fitted to a field, at other times: (time, cells)."""

    def harmonics(when: xr.DataArray) -> np.ndarray:
        angle = 2 * np.pi * (when.dt.dayofyear.values / 365.25)
        return np.stack(
            [np.ones_like(angle)] + [f(k * angle) for k in (1, 2) for f in (np.cos, np.sin)], 1
        )

    wet = field[0].notnull().values
    coefficients = np.linalg.lstsq(harmonics(field["time"]), field.values[:, wet], rcond=None)[0]
    fitted: np.ndarray = harmonics(time) @ coefficients
    return fitted


def predictability(
    training: xr.DataArray, test: xr.DataArray, longest: int = 60
) -> tuple[float, list[float], list[float]]:
    """Rms errors of climatology, of persistence and of its anomaly at leads of 1, 2, … days."""
    wet = training[0].notnull().values
    values = test.values[:, wet]
    area = np.cos(np.deg2rad(np.broadcast_to(test["latitude"].values[:, None], wet.shape)[wet]))
    usual = climatology(training, test["time"])

    def error(difference: np.ndarray) -> float:
        return float(np.sqrt(np.average((difference**2).mean(0), weights=area)))

    anomaly = values - usual
    changes = [[error(f[k:] - f[:-k]) for k in range(1, longest + 1)] for f in (values, anomaly)]
    return error(anomaly), changes[0], changes[1]


def crossing(errors: list[float], level: float) -> float:
    """Lead in days, between whole days too, at which growing errors reach a level; inf if never."""
    reached = np.flatnonzero(np.array(errors) >= level)
    if not reached.size:
        return math.inf
    before, after = ([0.0, *errors])[reached[0]], errors[reached[0]]
    return float(reached[0] + (level - before) / (after - before))


def twin_growth(role: str, state: torch.Tensor, day: int, seed: int) -> list[float]:
    """Rms difference in height, m, every 10 of 60 days, to a twin that begins 2 mm away.

    The perturbation is an eddy-sized random field in the upper layer alone.
    """
    model, step = operators(role), STEP[role]
    wavelength = 100e3 / model.inversion.spacing[0]
    noise = np.random.default_rng(seed).standard_normal([n + 1 for n in model.wet.shape])
    height = torch.from_numpy(ndimage.gaussian_filter(noise, wavelength)).to(state)
    height = height / height.std() * 0.002 * NATURE.gravity / model.coriolis
    change = ocean.potential_vorticity(torch.stack([height, 0 * height]), model)
    states = torch.stack([state, state.clone()])
    states[1, : ocean.LAYERS] += change
    every = round(10 * DAY / step)
    run = ocean.integrate(states, day * DAY, model, time_step=step, steps=6 * every, every=every)
    return [difference(states, model), *(difference(pair, model) for pair in run)]


def difference(pair: torch.Tensor, model: ocean.Operators) -> float:
    """Rms difference in height between two states, m."""
    first, second = ocean.sea_surface_height(ocean.streamfunction(pair, model), model)
    return float(((first - second)[model.wet > 0] ** 2).mean().sqrt())


def growth(nature: np.ndarray) -> Iterator[tuple[str, float, str]]:
    """Growth of small errors in both models, from three days of nature."""
    for role in ("nature", "model"):
        for number, date in enumerate(("2002-03-01", "2004-07-01", "2007-10-01")):
            day = day_number(date)
            state = torch.from_numpy(nature[day - day_number(START)].copy())
            state = refine(state, operators(role).wet)
            errors = twin_growth(role, state, day, seed=number)
            shown = " ".join(f"{1e3 * e:.1f}" for e in errors)
            yield (
                f"{role}, twin of {date}: factor in 60 days",
                errors[-1] / errors[0],
                f"({shown} mm)",
            )
