"""Forecasts from observations in the year of training of ``ssh_osse_jet_noisy``: a trial.

    python docs/figures/forecasting_trial.py ten     # ten starts: what persists, what is carried
    python docs/figures/forecasting_trial.py five    # five of them: which memory in time

Mean and scale come from days 1 to 136 of the year, starts are ten, 11 days apart, from day 146 on;
four noisy altimeters are seen until the start, without latency. Prints the root mean square error
of the anomaly (cm) by lead in the box of 10° at 0.2°, for the tables of docs/forecasting.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import torch
import xarray as xr

from oceanbench import Challenge
from oceanbench.arrays import FloatArray
from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.gaussian.optimal_interpolation import solve
from oceanbench.assimilation.gaussian.posterior_fields import maps
from oceanbench.assimilation.nudging.free_run import RunSettings as Model
from oceanbench.assimilation.nudging.free_run import carried
from oceanbench.assimilation.observations.causal_mapping import CausalSettings, interpolated
from oceanbench.assimilation.observations.superobservations import Samples, kilometres, samples

FIRST, LEARNED = np.datetime64("2013-01-02", "ns"), 136
STARTS = 145 + 11 * np.arange(10)  # days after the first
LEADS = np.array([0, 1, 2, 3, 5, 7, 10, 14])
NADIRS = ("topex-poseidon_interleaved", "jason1", "geosat2", "envisat")
CENTRED = 11.0  # days on either side
ONE_DAY = np.timedelta64(1, "D")


@cache
def sea() -> tuple[xr.DataArray, xr.DataArray]:
    """Anomalies of the year at 0.2° in the box of 12°, and the mean of its first days."""
    truth = Challenge.load("ssh_osse_jet_noisy").open("training_truth")["ssh"]
    truth = truth.isel(latitude=slice(None, None, 2), longitude=slice(None, None, 2)).load()
    truth = truth.astype(np.float64)
    mean = truth.isel(time=slice(0, LEARNED)).mean("time")
    return truth - mean, mean


@cache
def deviation() -> float:
    """Standard deviation of the anomaly in the days that the mean is of."""
    return float(sea()[0].isel(time=slice(0, LEARNED)).std())


@cache
def tracks() -> Mapping[str, xr.Dataset]:
    """Altimeters of the challenge."""
    challenge = Challenge.load("ssh_osse_jet_noisy")
    return {name: challenge.open(name).load() for name in NADIRS}


def seen(start: int, missions: tuple[str, ...] = NADIRS) -> Samples:
    """Anomalies that were observed, in days since a start."""
    day, centre = FIRST + start * ONE_DAY, float(sea()[1]["longitude"].mean())
    near = {
        name: d.sel(time=slice(day - 30 * ONE_DAY, day + 30 * ONE_DAY)).assign_attrs(d.attrs)
        for name, d in tracks().items()
        if name in missions
    }
    return samples(near, "ssh", day, centre, mean=sea()[1])


def nodes() -> tuple[FloatArray, FloatArray]:
    """Longitudes and latitudes of the box of 12°."""
    return sea()[1]["longitude"].values, sea()[1]["latitude"].values


def oi(start: int, settings: CausalSettings) -> FloatArray:
    """Anomalies (lead, latitude, longitude) from the past alone."""
    return interpolated(seen(start), LEADS.astype(float), *nodes(), settings).anomaly


def formal(start: int, settings: CausalSettings) -> FloatArray:
    """Mean of the formal error variance by lead, of every fifth node of the inner box."""
    some = [axis[5:-5:5] for axis in nodes()]
    wide = replace(settings, margin=1.0)
    found = interpolated(seen(start), LEADS.astype(float), *some, wide, formal_error=True)
    assert found.deviation is not None
    square: FloatArray = found.deviation**2
    return square.mean(axis=(1, 2))


def centred(start: int) -> FloatArray:
    """Anomaly of the start from both sides of it."""
    longitude, latitude = nodes()
    place = (float(longitude.mean()), float(latitude.mean()))
    known = seen(start)
    known = known.take(np.abs(known.time) <= CENTRED)
    known = known.within((longitude[0], longitude[-1]), (latitude[0], latitude[-1]))
    variance = float(np.mean(known.value**2)) - 0.03**2 / 5 - 0.02**2
    given = known.observations(
        place, np.full(len(known.missions), 0.03**2 / 5 / variance), correlated=0.02**2 / variance
    )
    covariance = Covariance(180.0, 180.0, 10.0, shape="arhan")
    (posterior,) = solve(given, np.zeros(1), covariance, window=60.0)
    found: FloatArray = maps(posterior, *kilometres(longitude, latitude, place))[0, 0].numpy()
    return found


def forecast(start: int, anomaly: FloatArray, wave_speed: float) -> FloatArray:
    """Anomalies by lead of the model from the anomaly of a start."""
    mean = sea()[1].values
    height = carried(anomaly + mean, *nodes(), LEADS.tolist(), Model(wave_speed))
    return height - mean


def truth(start: int) -> FloatArray:
    """Anomalies by lead."""
    found: FloatArray = sea()[0].values[start + LEADS]
    return found


def error(found: FloatArray, start: int) -> FloatArray:
    """Mean square error by lead in the box of 10°."""
    square: FloatArray = (found - truth(start))[:, 5:-5, 5:-5] ** 2
    return square.mean(axis=(1, 2))


def row(name: str, squares: list[FloatArray]) -> str:
    """Root mean square by lead, cm."""
    cells = 100 * np.sqrt(np.mean(squares, axis=0))
    return f"| {name} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |"


def still(anomaly: FloatArray) -> FloatArray:
    """The same at all leads."""
    return np.broadcast_to(anomaly, (LEADS.size, *anomaly.shape))


def ten() -> Iterator[str]:
    """Ten starts."""
    rows: dict[str, list[FloatArray]] = {}
    pairs: list[tuple[FloatArray, FloatArray]] = []
    for start in STARTS:
        settings = CausalSettings(memory_days=10.0, memory="gaussian", deviation=deviation())
        gaussian = oi(start, settings)
        found = {
            "climatology": np.zeros_like(gaussian),
            "truth itself persisted": still(truth(start)[0]),
            "nowcast persisted": still(gaussian[0]),
            "the same, at the target time": gaussian,
            "carried, c₁ 2.7 m/s": forecast(start, gaussian[0], 2.7),
            "carried, c₁ 5.0 m/s": forecast(start, gaussian[0], 5.0),
            "cheat: centred map persisted": still(centred(start)),
        }
        for name, maps_of_leads in found.items():
            rows.setdefault(name, []).append(error(maps_of_leads, start))
        rows.setdefault("its formal error", []).append(formal(start, settings))
        inner = gaussian[0, 5:-5, 5:-5]
        pairs.append((inner, truth(start)[:, 5:-5, 5:-5]))
        print(f"start {start + 1}", flush=True)
    left = sum((a * t).sum((1, 2)) for a, t in pairs) / sum((a**2).sum() for a, _ in pairs)
    damped = [((left[:, None, None] * a - t) ** 2).mean((1, 2)) for a, t in pairs]
    for name, squares in rows.items():
        yield row(name, squares)
    yield row("damped", damped)
    yield "factors: " + ", ".join(f"{factor:.2f}" for factor in left)


def five() -> Iterator[str]:
    """Five of the starts, with 13 days of data."""
    kinds = {
        "Gaussian 10 d": CausalSettings(
            before_days=13.0, memory_days=10.0, deviation=deviation(), memory="gaussian"
        ),
        "Matérn 3/2, 7 d": CausalSettings(before_days=13.0, deviation=deviation()),
    }
    rows: dict[str, list[FloatArray]] = {}
    for start in STARTS[::2]:
        for name, settings in kinds.items():
            found = oi(start, settings)
            rows.setdefault(name, []).append(error(found, start))
            own = f"{name}, its formal error"
            rows.setdefault(own, []).append(formal(start, settings))
        rows.setdefault("– persisted", []).append(error(still(found[0]), start))
        rows.setdefault("– carried, c₁ 5.0 m/s", []).append(
            error(forecast(start, found[0], 5.0), start)
        )
        print(f"start {start + 1}", flush=True)
    for name, squares in rows.items():
        yield row(name, squares)


def main() -> None:
    """Do what the argument says."""
    parser = argparse.ArgumentParser(description="A trial of forecasts from observations.")
    parser.add_argument("which", choices=("ten", "five"))
    torch.set_num_threads(1)
    which = parser.parse_args().which
    lines = list(ten() if which == "ten" else five())
    print("| RMSE, cm, at lead | " + " | ".join(map(str, LEADS)) + " |")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
