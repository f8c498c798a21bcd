"""How the frozen data of `qg_cycles` were made: a jet of two layers, finer than the model told.

    python challenges/qg_cycles/build.py --statistics      # what the frozen files contain
    python challenges/qg_cycles/build.py --output DIR      # make them again, in some CPU minutes

Nature runs at 15 km; what is kept of it are the scales that a grid of 30 km can hold. The flow is
chaotic: another machine gives another year of the same ocean. The files are the reference, this
file is their recipe; tests/challenges/test_cycle_builds.py holds both to the same statistics.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from oceanbench.challenge import Challenge
from oceanbench.dynamics import quasigeostrophic as qg
from oceanbench.dynamics.spectral import refine
from oceanbench.kinds.cycles import models
from oceanbench.kinds.cycles.opening import model_of
from oceanbench.observing.boxes import EARTH_RADIUS_KM
from oceanbench.observing.orbits import ORBITS, nadir_track

FOLDER = Path(__file__).parent
PARAMETERS = qg.Parameters(domain_length=1200e3, deformation_radius=40e3, jet_width=93e3)
POINTS, FINE = 40, 80  # of the state, and of nature
BEFORE = ((POINTS, 3600.0, 500), (FINE, 1800.0, 60))  # points, time step and days until it is kept
STEP = 1800.0  # s
DAYS, TRAINING, CLIMATE = 425, (2, 150), (10, 30, 15)  # worlds and days; worlds, states, days apart
LOWER_EVERY = 5  # days on which the lower layer of the truth is kept
MISSIONS = ("topex-poseidon_interleaved", "jason1", "geosat2", "envisat")
NOISE = 0.03  # m, of the mean of what a track sees within a cell
START, APART = np.datetime64("2012-10-01", "ns"), np.timedelta64(1000, "D")
CENTRE = (300.0, 38.0)
KM_PER_DEGREE = np.deg2rad(EARTH_RADIUS_KM)
PACKED = 2e-3  # m, of truths; observations are kept to a fifth of it
SEED = 71
ATTRIBUTES = {"institution": "OceanBench", "comment": "synthetic: two-layer quasi-geostrophic jet"}


def heights(state: torch.Tensor, model: qg.Operators) -> torch.Tensor:
    """Pressure heads f0 ψ / g of both layers (..., 2, n, n), m."""
    head = PARAMETERS.coriolis / PARAMETERS.gravity
    return torch.fft.irfft2(qg.streamfunction(state, model)) * head


def coarse(fields: torch.Tensor) -> torch.Tensor:
    """Fields (..., FINE, FINE) at every second node, without what is too short for that grid."""
    spectrum, half = torch.fft.rfft2(fields), POINTS // 2
    kept = torch.zeros_like(spectrum[..., :POINTS, : half + 1])
    kept[..., :half, :half] = spectrum[..., :half, :half]
    kept[..., 1 - half :, :half] = spectrum[..., 1 - half :, :half]
    return torch.fft.irfft2(kept) * (POINTS / FINE) ** 2


def simulate(worlds: int, times: int, days: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """States (worlds, times, components), ``days`` apart, and nature's SSH at their nodes."""
    state = None
    for points, step, spin_up in BEFORE:
        model = qg.operators(PARAMETERS, points)
        if state is None:
            starts = [qg.initial_state(model, seed=seed + world) for world in range(worlds)]
            state = torch.stack(starts)
        else:
            state = refine(state, points)
        steps = round(spin_up * qg.DAY / step)
        *_, state = qg.integrate(state, model, time_step=step, steps=steps, every=steps)
    every = round(days * qg.DAY / STEP)
    later = qg.integrate(state, model, time_step=STEP, steps=every * (times - 1), every=every)
    kept, seen = [], []
    for at in _with(state, later):
        fields = heights(at, model)
        kept.append(coarse(fields).flatten(1).numpy())
        seen.append(fields[:, 0, ::2, ::2].flatten(1).numpy())
    return np.stack(kept, 1), np.stack(seen, 1)


def _with(first: torch.Tensor, later: Iterator[torch.Tensor]) -> Iterator[torch.Tensor]:
    yield first
    yield from later


def visited(start: np.datetime64, days: int) -> np.ndarray:
    """Which nodes (days, nodes) a track comes nearest to, from noon before a day to noon after."""
    length = PARAMETERS.domain_length / 1e3
    scale = (KM_PER_DEGREE * np.cos(np.deg2rad(CENTRE[1])), KM_PER_DEGREE)
    reach = [0.5 * length / s for s in scale]
    box = (CENTRE[0] - reach[0], CENTRE[0] + reach[0], CENTRE[1] - reach[1], CENTRE[1] + reach[1])
    found = np.zeros((days, POINTS, POINTS), dtype=bool)
    noon = start - np.timedelta64(12, "h")
    for mission in MISSIONS:
        track = nadir_track(ORBITS[mission], box, noon, noon + np.timedelta64(days, "D"))
        day = (track["time"].values - noon) // np.timedelta64(1, "D")
        column, row = (
            np.round((track[n].values - c) * s / length * POINTS + POINTS / 2).astype(int) % POINTS
            for n, c, s in zip(("longitude", "latitude"), CENTRE, scale, strict=True)
        )
        found[day.astype(int), row, column] = True
    return found.reshape(days, -1)


def observe(seen: np.ndarray, first: int, random: np.random.Generator) -> np.ndarray:
    """Observations (worlds, days, components) of nature's SSH; NaN where there are none."""
    worlds, days, nodes = seen.shape
    found = np.full((worlds, days, 2 * nodes), np.nan)
    for world in range(worlds):
        here = visited(START + (first + world) * APART, days)
        noisy = seen[world] + NOISE * random.standard_normal(seen[world].shape)
        found[world, :, :nodes] = np.where(here, noisy, np.nan)
    return found


def as_dataset(values: np.ndarray, days: int = 1, *, noise: bool = False) -> xr.Dataset:
    """States as a file has them; observations tell the variance of their noise."""
    coords = {
        "window": np.arange(values.shape[0]),
        "time": ("time", days * np.arange(float(values.shape[1])), {"units": "days"}),
        "component": np.arange(values.shape[2]),
    }
    if noise:
        coords["noise_variance"] = ("component", np.full(values.shape[2], NOISE**2))
    attributes = {"units": "m", "long_name": "f0 psi / g of the upper, then the lower layer"}
    return xr.Dataset({"state": (("window", "time", "component"), values, attributes)}, coords)


def write(dataset: xr.Dataset, path: Path, step: float) -> None:
    """Write a file whose states are packed in two bytes each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = {"dtype": "int16", "scale_factor": step, "_FillValue": np.int16(-32767)}
    packed |= {"zlib": True, "complevel": 9, "shuffle": True}
    packed["chunksizes"] = (1, *dataset["state"].shape[1:])
    written = dataset.assign_attrs(ATTRIBUTES)
    written.to_netcdf(path, engine="h5netcdf", encoding={"state": packed})


def make(data: Path) -> None:
    """Write every file."""
    random = np.random.default_rng(SEED)
    states, seen = simulate(1, DAYS, 1, seed=SEED)
    write(as_dataset(observe(seen, 0, random), noise=True), data / "observations.nc", PACKED / 5)
    states[:, np.arange(DAYS) % LOWER_EVERY > 0, POINTS**2 :] = np.nan
    write(as_dataset(states), data / "truth.nc", PACKED)
    states, seen = simulate(*TRAINING, 1, seed=SEED + 100)
    observed = as_dataset(observe(seen, 1, random), noise=True)
    write(observed, data / "training_observations.nc", PACKED / 5)
    write(as_dataset(states), data / "training_truth.nc", PACKED)
    worlds, times, days = CLIMATE
    states, _ = simulate(worlds, times, days, seed=SEED + 200)
    write(as_dataset(states, days), data / "climate.nc", PACKED)


def statistics(data: Path) -> None:
    """Print what the frozen files contain, and how far the model is from nature."""
    opened = {path.stem: xr.load_dataset(path) for path in sorted(data.glob("*.nc"))}
    for name, dataset in opened.items():
        state, size = dataset["state"], (data / f"{name}.nc").stat().st_size
        layers = [state[..., : POINTS**2], state[..., POINTS**2 :]]
        deviations = ", ".join(f"{float(layer.std()):.4f}" for layer in layers)
        counts = state.notnull().sum("component")
        print(
            f"{name}: {dict(state.sizes)}, deviation of the layers {deviations} m, "
            f"{float(counts.mean()):.1f} values a day, {size / 2**20:.2f} MiB"
        )
    truth = opened["training_truth"]["state"]
    error = opened["training_observations"]["state"] - truth
    print(f"training observations less truth: deviation {float(error.std()):.4f} m")
    told = model_of(Challenge.load(FOLDER / "challenge.yaml").open("observations"))
    rotation = {"coriolis": PARAMETERS.coriolis, "beta": PARAMETERS.planetary_gradient}
    own = models.model(told.name, told.interval, rotation)  # whose other defaults are nature's
    for name, model in {"model told": told, "with nature's numbers": own}.items():
        members = starts = truth.values[:, ::10]
        for lead in range(1, 11):
            members = model.advance(members)
            if lead in (1, 5, 10):
                later = truth.values[:, lead::10]
                count = min(members.shape[1], later.shape[1])
                apart = [(s[:, :count] - later[:, :count]) ** 2 for s in (members, starts)]
                errors, persisted = (
                    np.sqrt(square.reshape(2, count, 2, -1).mean((0, 1, 3))) for square in apart
                )
                print(f"{name}, {lead} d from the truth: {errors} m; persistence {persisted} m")


def main() -> None:
    """Make the files, or say what they contain."""
    parser = argparse.ArgumentParser(description="Frozen data of qg_cycles.")
    parser.add_argument("--output", type=Path, default=None)
    parser.add_argument("--statistics", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.output is not None:
        make(options.output)
    if options.statistics or options.output is None:
        statistics(options.output or FOLDER / "data")


if __name__ == "__main__":
    main()
