"""How the frozen data of the Lorenz-96 challenges were made: one run, and who observes it.

    python challenges/lorenz96/build.py --statistics      # what the frozen files contain
    python challenges/lorenz96/build.py --output DIR      # make them again

`lorenz96_sparse` is the same run, observed half as often; the other variants use these files. The
run is chaotic: another machine gives another run of the same system. The files are the reference,
this file is their recipe; tests/challenges/test_window_builds.py holds both to the same statistics.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from oceanbench.dynamics.models import model
from oceanbench.observing import patterns

FOLDER = Path(__file__).parent.parent
COMPONENTS, FORCING, STEP = 40, 8.0, 0.05
WINDOW = 200  # steps: 10 units of time, some fifteen times that in which errors grow by e
SPIN_UP, GAP = 2000, 500
TRAINING, VALIDATION, TEST = (1, 7000), (16, WINDOW), (64, WINDOW)  # runs or windows, steps
NOISE = 2.0  # variance
OBSERVED_EVERY = {"lorenz96": 4, "lorenz96_sparse": 8}  # steps
SEEDS = {"lorenz96": 96, "lorenz96_sparse": 968}

GLOBAL_ATTRIBUTES = {
    "institution": "OceanBench",
    "comment": "synthetic: Lorenz-96, 40 components, F = 8, Runge-Kutta of fourth order, step 0.05",
}


def simulate() -> dict[str, xr.DataArray]:
    """One run, cut into a training run, validation and test windows with gaps between them."""
    dynamics = model("lorenz96", STEP, forcing=FORCING)
    state = torch.full((COMPONENTS,), FORCING, dtype=torch.float64)
    state[COMPONENTS // 2] += 0.01
    for _ in range(SPIN_UP):
        state = dynamics.advance(state)
    parts = {"training": TRAINING, "validation": VALIDATION, "truth": TEST}
    result = {}
    for name, (count, length) in parts.items():
        found = []
        for _ in range(count * length):
            found.append(state.numpy())
            state = dynamics.advance(state)
        for _ in range(GAP):
            state = dynamics.advance(state)
        result[name] = _windows(np.reshape(found, (count, length, COMPONENTS)))
    return result


def _windows(values: np.ndarray) -> xr.DataArray:
    coords = {
        "window": np.arange(values.shape[0]),
        "time": ("time", STEP * np.arange(values.shape[1]), {"units": "1"}),
        "component": np.arange(values.shape[2]),
    }
    attributes = {"units": "1", "long_name": "state of Lorenz-96"}
    return xr.DataArray(values, coords, ("window", "time", "component"), "state", attributes)


def observe(states: dict[str, xr.DataArray], name: str) -> dict[str, xr.DataArray]:
    """Random halves of the components, drawn anew for every window and observed time."""
    random = np.random.default_rng(SEEDS[name])
    found = {}
    for part, truth in states.items():
        mask = patterns.random_components(
            truth.shape, OBSERVED_EVERY[name], COMPONENTS // 2, random
        )
        found[part] = patterns.observe(truth, mask, [NOISE] * COMPONENTS, random)
    return found


def write(array: xr.DataArray, path: Path) -> None:
    """Write one variable, compressed, in single precision."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset = array.to_dataset(name="state").assign_attrs(GLOBAL_ATTRIBUTES)
    encoding = {"state": {"dtype": "float32", "zlib": True, "complevel": 9, "shuffle": True}}
    dataset.to_netcdf(path, engine="h5netcdf", encoding=encoding)


def statistics(folder: Path) -> None:
    """Print what the frozen files of a folder contain."""
    for path in sorted(folder.glob("lorenz96*/data/*.nc")):
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            state = opened["state"]
            known = float(state.notnull().mean())
            print(
                f"{path.parent.parent.name}/{path.name}: {dict(state.sizes)}, {known:.1%} known, "
                f"mean {float(state.mean()):.3f}, variance {float(state.var()):.3f}"
            )


def main() -> None:
    """Make the files, or say what they contain."""
    parser = argparse.ArgumentParser(description="Frozen data of the Lorenz-96 challenges.")
    parser.add_argument("--output", type=Path, default=None)
    parser.add_argument("--statistics", action="store_true")
    options = parser.parse_args()
    if options.output is not None:
        states = simulate()
        for part, truth in states.items():
            write(truth, options.output / "lorenz96" / "data" / f"{part}.nc")
        for name in OBSERVED_EVERY:
            for part, found in observe(states, name).items():
                file = "observations" if part == "truth" else f"{part}_observations"
                write(found, options.output / name / "data" / f"{file}.nc")
    if options.statistics or options.output is None:
        statistics(options.output or FOLDER)


if __name__ == "__main__":
    main()
