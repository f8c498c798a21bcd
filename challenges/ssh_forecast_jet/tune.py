"""Numbers of the methods of `ssh_forecast_jet`, found in its world of training alone.

    python challenges/ssh_forecast_jet/tune.py scales     # of the interpolation
    python challenges/ssh_forecast_jet/tune.py model      # wave speed and damping of the model
    python challenges/ssh_forecast_jet/tune.py numbers    # what challenge.yaml and its card say

The world is the year of training of `ssh_osse_jet`, seen by the altimeters of
`ssh_osse_jet_noisy`, with the latency of the challenge. Scales and model are chosen by the error
pooled over leads 1 to 7 on starts of the period of training, the deviation of the signal being that
of the observations of each start; numbers are of starts of both periods, with the deviation of the
world.
"""

# ruff: noqa: T201 (it reports)

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import system
import torch
import xarray as xr
from build import DATA, HERE

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.gaussian.optimal_interpolation import solve
from oceanbench.assimilation.gaussian.posterior_fields import maps
from oceanbench.assimilation.nudging.free_run import RunSettings as Model
from oceanbench.assimilation.nudging.free_run import carried
from oceanbench.assimilation.observations.causal_mapping import CausalSettings, interpolated
from oceanbench.assimilation.observations.superobservations import kilometres, samples
from oceanbench.forecasting.errors_by_lead import factors, in_words, rmse

LEADS = np.array([0, 1, 2, 3, 5, 7, 10, 14])
RANKED = slice(1, 6)  # leads 1 to 7
DAY = np.timedelta64(1, "D")
LEARNED = np.datetime64("2013-01-20", "ns") + 12 * DAY * np.arange(13)  # to 13 June
CHECKED = np.datetime64("2013-07-24", "ns") + 6 * DAY * np.arange(10)  # to 16 September
CENTRED_DAYS = 11.0
INNER = slice(5, -5)  # of the nodes, in the scored box
OBSERVED = replace(system.SETTINGS, deviation=0.0)  # the signal's deviation is that of a start


@cache
def sea() -> tuple[xr.DataArray, xr.DataArray]:
    """Anomalies of the year on the nodes of nowcasts, and the climatology that they are from."""
    folder = HERE.parent / "ssh_osse_jet" / "data"
    parts = [xr.load_dataset(folder / f"training_truth_{number}.nc") for number in (1, 2)]
    every = {"latitude": slice(None, None, 2), "longitude": slice(None, None, 2)}
    truth = xr.concat(parts, "time")["ssh"].isel(every).astype(np.float64)
    mean = xr.load_dataset(DATA / "climatology.nc")["ssh"]
    longitude, latitude = system.nodes()
    truth = truth.assign_coords(longitude=longitude, latitude=latitude)
    return truth - system.on_nodes(mean), mean


@cache
def tracks() -> dict[str, xr.Dataset]:
    """Altimeters of the world of training."""
    folder = HERE.parent / "ssh_osse_jet_noisy" / "data"
    return {name: xr.load_dataset(folder / f"{name}.nc") for name in system.NADIRS}


def truth(start: np.datetime64) -> FloatArray:
    """Anomalies by lead in the scored box."""
    found: FloatArray = sea()[0].sel(time=start + LEADS * DAY).values[:, INNER, INNER]
    return found


def shown(name: str, found: Sequence[FloatArray], starts: Sequence[np.datetime64]) -> str:
    """Errors in the scored box, by lead and pooled over the leads that rank."""
    inner = [anomaly[..., INNER, INNER] for anomaly in found]
    return in_words(name, rmse(inner, [truth(start) for start in starts]), RANKED)


def nowcast(start: np.datetime64, settings: CausalSettings = system.SETTINGS) -> FloatArray:
    """Anomaly of a start by the reference method."""
    return system.analysed(tracks(), start, sea()[1], settings=settings).anomaly


def scales() -> Iterator[str]:
    """Errors with one scale changed at a time."""
    trials = [
        {},
        {"memory": "gaussian", "memory_days": 10.0},
        *({"memory_days": days} for days in (5.5, 9.0)),
        *({"length_km": length} for length in (160.0, 205.0)),
        {"before_days": 21.0},
    ]
    for changes in trials:
        settings = replace(OBSERVED, **changes)
        found = [
            system.analysed(
                tracks(), s, sea()[1], leads=LEADS.astype(float), settings=settings
            ).anomaly
            for s in LEARNED
        ]
        yield shown(str(changes), found, LEARNED)


def model() -> Iterator[str]:
    """Errors of the model by its wave speed, and with its anomaly damped."""
    first = [nowcast(start, OBSERVED) for start in LEARNED]
    mean = system.on_nodes(sea()[1])
    left = damping(LEARNED, OBSERVED)
    for speed in (2.7, 5.0, 6.5, 8.0, 10.0):
        settings = Model(wave_speed=speed)
        runs = [carried(a + mean, *system.nodes(), LEADS.tolist(), settings) - mean for a in first]
        yield shown(f"c₁ {speed} m/s", runs, LEARNED)
        for power in (0.5, 0.7, 0.9):
            damped = [left[:, None, None] ** power * run for run in runs]
            yield shown(f"c₁ {speed} m/s, damping {power}", damped, LEARNED)


def damping(
    starts: Sequence[np.datetime64], settings: CausalSettings = system.SETTINGS
) -> FloatArray:
    """Part of the nowcast's anomaly that is left at each lead."""
    first = [nowcast(start, settings)[INNER, INNER] for start in starts]
    return factors(first, [truth(start) for start in starts])


def centred(start: np.datetime64) -> FloatArray:
    """Anomaly of a start from both sides of it, with the reference's covariance."""
    s, (longitude, latitude) = system.SETTINGS, system.nodes()
    place = (float(longitude.mean()), float(latitude.mean()))
    given = {
        name: t.sel(time=slice(start - 11 * DAY, start + 11 * DAY)).assign_attrs(layout="track")
        for name, t in tracks().items()
    }
    known = samples(given, "ssh", start, place[0], coarsen=s.coarsen, mean=sea()[1])
    white, shared = s.white**2 / s.coarsen, s.shared**2
    variance = float(np.mean(known.value**2)) - white - shared
    seen = known.observations(
        place, np.full(len(known.missions), white / variance), correlated=shared / variance
    )
    covariance = Covariance(s.length_km, s.length_km, s.memory_days, shape="arhan", memory=s.memory)
    (posterior,) = solve(seen, np.zeros(1), covariance, window=60.0)
    found: FloatArray = maps(posterior, *kilometres(longitude, latitude, place))[0, 0].numpy()
    return found


def formal(starts: Sequence[np.datetime64]) -> FloatArray:
    """Formal error of the reference by lead, m, at every fifth node."""
    squares = []
    some = [axis[5:-5:5] for axis in system.nodes()]
    settings = replace(system.SETTINGS, margin=1.0)
    for start in starts:
        given = {
            name: t.sel(time=slice(start - 16 * DAY, start - DAY)).assign_attrs(layout="track")
            for name, t in tracks().items()
        }
        seen = samples(given, "ssh", start, 300.0, coarsen=settings.coarsen, mean=sea()[1])
        found = interpolated(seen, LEADS.astype(float), *some, settings, formal_error=True)
        assert found.deviation is not None
        squares.append((found.deviation**2).mean(axis=(1, 2)))
    result: FloatArray = np.sqrt(np.mean(squares, axis=0))
    return result


def numbers() -> Iterator[str]:
    """What the declaration and the card say."""
    both = [*LEARNED, *CHECKED]
    yield f"deviation: {sea()[0].values[:, INNER, INNER].std():.4f}"
    yield "damping: [" + ", ".join(f"{factor:.3f}" for factor in damping(both)) + "]"
    square = [(centred(s)[INNER, INNER] - truth(s)[0]) ** 2 for s in LEARNED[:6]]
    yield f"centred_rmse: {np.sqrt(np.mean(square)):.4f}"
    ages = np.array([0, 3, 7, 14])
    squares = []
    for start in both:
        analysis = system.analysed(tracks(), start, sea()[1], system.OF_SYSTEM)
        run = system.forecast(analysis.anomaly, sea()[1], ages.tolist())
        run -= system.on_nodes(sea()[1])
        known = sea()[0].sel(time=start + ages * DAY).values
        squares.append(((run - known)[:, INNER, INNER] ** 2).mean(axis=(1, 2)))
    errors = np.sqrt(np.mean(squares, axis=0))
    yield "validation_rmse: " + ", ".join(
        f"age {age} d {error:.4f}" for age, error in zip(ages, errors, strict=True)
    )
    found = [
        system.analysed(tracks(), s, sea()[1], leads=LEADS.astype(float)).anomaly for s in CHECKED
    ]
    yield shown("interpolation, starts of validation", found, CHECKED)
    yield in_words("its formal error", formal(CHECKED), RANKED)


def main() -> None:
    """Print what the argument asks for."""
    parser = argparse.ArgumentParser(description="Numbers found in the world of training.")
    parser.add_argument("what", choices=("scales", "model", "numbers"))
    torch.set_num_threads(1)
    what = {"scales": scales, "model": model, "numbers": numbers}[parser.parse_args().what]
    print(f"{'RMSE, cm':44s} {'1-7':>6s}  " + " ".join(f"{lead:6d}" for lead in LEADS))
    for line in what():
        print(line, flush=True)


if __name__ == "__main__":
    main()
