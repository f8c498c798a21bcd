"""Numbers of the methods of `ssh_forecast_basin`, found in its world of training alone.

    python challenges/ssh_forecast_basin/tune.py scales     # of the interpolation
    python challenges/ssh_forecast_basin/tune.py model      # wave speed and damping of the model
    python challenges/ssh_forecast_basin/tune.py numbers    # what challenge.yaml and its card say

Scales and model are chosen by the error pooled over leads 1 to 7 on starts of the period of
training, and numbers are of starts of both periods.
"""

# ruff: noqa: T201 (it reports)

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import torch
import xarray as xr
from build import DATA, EDGE, efolding_days
from reference import NADIRS, ONE_DAY, SETTINGS, analysed

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.nudging.free_run import RunSettings as Model
from oceanbench.assimilation.nudging.free_run import carried
from oceanbench.forecasting.errors_by_lead import factors, in_words, rmse
from oceanbench.grid import fill_holes

LEADS = np.array([0, 1, 2, 3, 5, 7, 10, 14])
RANKED = slice(1, 6)  # leads 1 to 7
LEARNED = np.datetime64("2010-02-01", "ns") + 30 * ONE_DAY * np.arange(11)
CHECKED = np.datetime64("2011-02-10", "ns") + 12 * ONE_DAY * np.arange(6)
INNER = slice(EDGE, -EDGE)  # of the nodes, in the scored box
CENTRED_DAYS = 14.0


@cache
def sea() -> tuple[xr.DataArray, xr.DataArray]:
    """Anomalies of the world of training, none on land, and the climatology."""
    truth = xr.load_dataset(DATA / "training_truth.nc")["ssh"].astype(np.float64)
    mean = xr.load_dataset(DATA / "climatology.nc")["ssh"]
    return truth - mean, mean


@cache
def tracks() -> dict[str, xr.Dataset]:
    """Altimeters of the world of training."""
    return {name: xr.load_dataset(DATA / f"training_{name}.nc") for name in NADIRS}


def truth(start: np.datetime64) -> FloatArray:
    """Anomalies by lead in the scored box, NaN on land."""
    found: FloatArray = sea()[0].sel(time=start + LEADS * ONE_DAY).values[:, INNER, INNER]
    return found


def shown(name: str, found: Sequence[FloatArray], starts: Sequence[np.datetime64]) -> str:
    """Errors in the scored box, by lead and pooled over the leads that rank."""
    inner = [anomaly[..., INNER, INNER] for anomaly in found]
    return in_words(name, rmse(inner, [truth(start) for start in starts]), RANKED)


def scales() -> Iterator[str]:
    """Errors with one scale changed at a time."""
    trials = [
        {},
        {"memory_days": 5.0},
        {"memory_days": 9.0},
        {"length_km": 150.0},
        {"length_km": 210.0},
    ]
    for changes in trials:
        settings = replace(SETTINGS, **changes)
        options = {"leads": LEADS.astype(float), "settings": settings}
        found = [analysed(tracks(), start, sea()[1], **options) for start in LEARNED]
        yield shown(str(changes), found, LEARNED)


def model() -> Iterator[str]:
    """Errors of the model by its wave speed, and with its anomaly damped."""
    mean = fill_holes(sea()[1]).values
    axes = sea()[1]["longitude"].values, sea()[1]["latitude"].values
    first = [analysed(tracks(), start, sea()[1]) for start in LEARNED]
    left = damping(first, LEARNED)
    yield shown("persisted", [np.repeat(a[None], 8, 0) for a in first], LEARNED)
    yield shown("damped", [left[:, None, None] * a for a in first], LEARNED)
    for speed in (2.9, 5.0, 10.0):
        runs = carried(np.stack(first) + mean, *axes, LEADS.tolist(), Model(wave_speed=speed))
        each = list((runs - mean).swapaxes(0, 1))
        yield shown(f"c₁ {speed} m/s", each, LEARNED)
        for power in (0.7,):
            damped = [left[:, None, None] ** power * run for run in each]
            yield shown(f"c₁ {speed} m/s, damping {power}", damped, LEARNED)


def damping(first: Sequence[FloatArray], starts: Sequence[np.datetime64]) -> FloatArray:
    """Part of the nowcast's anomaly that is left at each lead."""
    inner = [anomaly[INNER, INNER] for anomaly in first]
    return factors(inner, [truth(start) for start in starts])


def numbers() -> Iterator[str]:
    """What the declaration and the card say."""
    both = [*LEARNED, *CHECKED]
    anomaly = sea()[0][:, INNER, INNER]
    yield f"deviation: {float(anomaly.std()):.4f}"
    yield f"decorrelation_days: {efolding_days(anomaly):.1f}"
    first = [analysed(tracks(), start, sea()[1]) for start in both]
    yield "damping: [" + ", ".join(f"{factor:.3f}" for factor in damping(first, both)) + "]"
    settings = replace(SETTINGS, before_days=2 * CENTRED_DAYS)
    later = [start + round(CENTRED_DAYS) * ONE_DAY for start in LEARNED[:6]]
    options = {"leads": np.array([-CENTRED_DAYS]), "settings": settings, "latency": 0.0}
    found = [analysed(tracks(), start, sea()[1], **options) for start in later]
    square = [
        (f[0][INNER, INNER] - truth(s)[0]) ** 2 for f, s in zip(found, LEARNED[:6], strict=True)
    ]
    yield f"centred_rmse: {np.sqrt(np.nanmean(square)):.4f}"
    options = {"leads": LEADS.astype(float)}
    found = [analysed(tracks(), start, sea()[1], **options) for start in CHECKED]
    yield shown("interpolation, starts of validation", found, CHECKED)
    nothing = [np.zeros((LEADS.size, *sea()[1].shape))] * len(CHECKED)
    yield shown("climatology, starts of validation", nothing, CHECKED)
    stays = [np.repeat(sea()[0].sel(time=s).values[None], LEADS.size, 0) for s in both]
    yield shown("truth persisted", stays, both)


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
