"""How the frozen data of `amoc` were made: independent runs of a loop model, and who observes them.

    python challenges/amoc/build.py --statistics      # what the frozen files contain
    python challenges/amoc/build.py --output DIR      # make them again

The model is chaotic: another machine gives other runs of the same system. The files are the
reference, this file is their recipe; tests/challenges/test_window_builds.py holds both to the same
statistics.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from oceanbench.dynamics.amoc import COMPONENTS, collapsed
from oceanbench.dynamics.models import model
from oceanbench.observing import patterns

FOLDER = Path(__file__).parent / "data"
INTERVAL = 10.0  # years, of ten Runge-Kutta steps
WINDOW = 250  # intervals: 2500 years
RUNS = {"training": (64, 1500), "validation": (24, WINDOW), "truth": (100, WINDOW)}
SPIN_UP_YEARS = 5000  # seven times that in which errors grow by e: the runs are independent
CONTEXT = 100  # intervals before and after a window that tell when a collapse began and ended
VARIANCE = (3.155e-6, 6.513e-5, 5.488e-5)  # of the noise, per year squared
SEED = 2025
PERIODS = (20, 50, 100, 150, 200, 300)  # years

GLOBAL_ATTRIBUTES = {
    "institution": "OceanBench",
    "comment": "synthetic: loop model of the overturning, Runge-Kutta of fourth order, step 1 year",
}


def simulate(random: np.random.Generator) -> dict[str, xr.Dataset]:
    """Independent runs; those of the test know when the circulation is OFF."""
    yearly = model("amoc", 1.0)
    counts = {name: count for name, (count, _) in RUNS.items()}
    start = 0.03 * random.standard_normal((sum(counts.values()), 3))
    state = torch.as_tensor(start)
    for _ in range(SPIN_UP_YEARS):
        state = yearly.advance(state)
    longest = max(length for _, length in RUNS.values()) + 2 * CONTEXT
    years = []
    for _ in range(longest * int(INTERVAL)):
        years.append(state.numpy())
        state = yearly.advance(state)
    yearly_states = np.stack(years, 1)
    off = collapsed(yearly_states[..., 0], 1.0)[:, :: int(INTERVAL)]
    states = yearly_states[:, :: int(INTERVAL)]
    result, first = {}, 0
    for name, (count, length) in RUNS.items():
        part = slice(first, first + count), slice(CONTEXT, CONTEXT + length)
        result[name] = _windows(states[part], off[part] if name == "truth" else None)
        first += count
    return result


def _windows(states: np.ndarray, off: np.ndarray | None) -> xr.Dataset:
    coords = {
        "window": np.arange(states.shape[0]),
        "time": ("time", INTERVAL * np.arange(states.shape[1]), {"units": "years"}),
        "component": list(COMPONENTS),
    }
    dims = ("window", "time", "component")
    attributes = {"units": "yr-1", "long_name": "rotation, and scaled differences of salinity"}
    variables = {"state": (dims, states, attributes)}
    if off is not None:
        long_name = "whether the circulation is OFF (oceanbench.dynamics.amoc.collapsed)"
        variables["collapsed"] = (dims[:2], off.astype(np.int8), {"long_name": long_name})
    return xr.Dataset(variables, coords, GLOBAL_ATTRIBUTES)


def masks(shape: tuple[int, int, int], random: np.random.Generator) -> dict[str, np.ndarray]:
    """What each sampling observes, by its name."""
    steps = 100 // int(INTERVAL)
    found = {f"every_{p}": patterns.every(shape, p // int(INTERVAL)) for p in PERIODS}
    return found | {
        "random_100": patterns.random_times(shape, steps, random),
        "clusters_100": patterns.every(shape, steps, size=3),
        "omega_100": patterns.every(shape, steps, components=[0]),
        "salinities_100": patterns.every(shape, steps, components=[1, 2]),
    }


def observe(states: xr.DataArray, random: np.random.Generator) -> xr.DataArray:
    """Noisy observations in every sampling, each with noise of its own."""
    found = {
        name: patterns.observe(states, mask, VARIANCE, random)
        for name, mask in masks(states.shape, random).items()
    }
    labels = xr.DataArray(list(found), dims="sampling", name="sampling")
    return xr.concat(list(found.values()), labels)


def write(dataset: xr.Dataset, path: Path) -> None:
    """Write states or observations, compressed, in single precision."""
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = {"zlib": True, "complevel": 9, "shuffle": True}
    encoding = {str(name): dict(packed) for name in dataset.data_vars}
    encoding["state"]["dtype"] = "float32"
    dataset.to_netcdf(path, engine="h5netcdf", encoding=encoding)


def statistics(folder: Path) -> None:
    """Print what the frozen files contain."""
    for path in sorted(folder.glob("*.nc")):
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            state = opened["state"]
            known = float(state.notnull().mean())
            variance = state.var([d for d in state.dims if d != "component"]).values
            off = f", OFF {float(opened['collapsed'].mean()):.1%}" if "collapsed" in opened else ""
            print(
                f"{path.name}: {dict(state.sizes)}, {known:.1%} known, variances "
                f"{', '.join(f'{v:.3g}' for v in variance)}{off}"
            )


def main() -> None:
    """Make the files, or say what they contain."""
    parser = argparse.ArgumentParser(description="Frozen data of the challenge amoc.")
    parser.add_argument("--output", type=Path, default=None)
    parser.add_argument("--statistics", action="store_true")
    options = parser.parse_args()
    if options.output is not None:
        random = np.random.default_rng(SEED)
        for part, states in simulate(random).items():
            write(states, options.output / f"{part}.nc")
            found = observe(states["state"], random).to_dataset(name="state")
            file = "observations" if part == "truth" else f"{part}_observations"
            write(found.assign_attrs(GLOBAL_ATTRIBUTES), options.output / f"{file}.nc")
    if options.statistics or options.output is None:
        statistics(options.output or FOLDER)


if __name__ == "__main__":
    main()
