"""How the frozen data of the challenges of cycles of Lorenz-96 were made.

    python challenges/lorenz96_cycles/build.py --statistics      # what the frozen files contain
    python challenges/lorenz96_cycles/build.py --output DIR      # make them again

Every world is a run of its own, from a start of its own. The runs are chaotic: another machine
gives other runs of the same systems. The files are the reference, this file is their recipe;
tests/challenges/test_cycle_builds.py holds both to the same statistics.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from oceanbench.kinds.cycles.models import model

FOLDER = Path(__file__).parent.parent
BEFORE = 100.0  # units of time until a run is on the attractor
STEP = 1e-3  # of packed values: a thousandth of the noise, and less


class Recipe(NamedTuple):
    """What one challenge is made of.

    Attributes
    ----------
    nature : name and parameters of the model that makes the truth
    components, kept : of nature, and the first ones of it, which are the state
    interval : of a cycle
    worlds, cycles : that are scored
    training : worlds and cycles to learn from
    noise : variance of the observations
    share : of the components that is observed, drawn anew at each cycle
    """

    nature: tuple[str, dict[str, float]]
    components: int
    kept: int
    interval: float
    worlds: int
    cycles: int
    training: tuple[int, int]
    noise: float
    share: float
    seed: int


RECIPES = {
    "lorenz96_cycles": Recipe(
        ("lorenz96", {"forcing": 8.0}), 40, 40, 0.05, 4, 2800, (2, 1000), 1.0, 1.0, 961
    ),
    "lorenz96_cycles_half": Recipe(
        ("lorenz96", {"forcing": 8.0}), 40, 40, 0.2, 4, 1350, (2, 500), 2.0, 0.5, 962
    ),
    "lorenz96_cycles_wrong_model": Recipe(
        ("lorenz96_two_scale", {"forcing": 20.0}),
        8 * 33,
        8,
        0.05,
        4,
        1350,
        (2, 1000),
        1.0,
        1.0,
        963,
    ),
}
ATTRIBUTES = {"institution": "OceanBench", "comment": "synthetic: Lorenz-96, Runge-Kutta"}


def simulate(recipe: Recipe, worlds: int, cycles: int, random: np.random.Generator) -> np.ndarray:
    """States (worlds, cycles, components) of runs that start apart."""
    name, parameters = recipe.nature
    dynamics = model(name, recipe.interval, parameters)
    states = 0.1 * random.standard_normal((worlds, recipe.components))
    states[:, : recipe.kept] += 3.0 + random.standard_normal((worlds, recipe.kept))
    found = []
    for cycle in range(-round(BEFORE / recipe.interval), cycles):
        if cycle >= 0:
            found.append(states[:, : recipe.kept])
        states = dynamics.advance(states)
    return np.stack(found, 1)


def observe(states: np.ndarray, recipe: Recipe, random: np.random.Generator) -> np.ndarray:
    """States with noise, at random components."""
    seen = states + np.sqrt(recipe.noise) * random.standard_normal(states.shape)
    count = round(recipe.share * recipe.kept)
    order = np.argsort(random.random(states.shape), -1).argsort(-1)
    return np.where(order < count, seen, np.nan)


def as_dataset(values: np.ndarray, recipe: Recipe, *, noise: bool = False) -> xr.Dataset:
    """States as a file has them; observations tell the variance of their noise."""
    coords = {
        "window": np.arange(values.shape[0]),
        "time": ("time", recipe.interval * np.arange(values.shape[1]), {"units": "1"}),
        "component": np.arange(values.shape[2]),
    }
    if noise:
        coords["noise_variance"] = ("component", np.full(values.shape[2], recipe.noise))
    attributes = {"units": "1", "long_name": "state of Lorenz-96"}
    variables = {"state": (("window", "time", "component"), values, attributes)}
    return xr.Dataset(variables, coords, ATTRIBUTES)


def write(dataset: xr.Dataset, path: Path) -> None:
    """Write a file whose states are packed in two bytes each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = {"dtype": "int16", "scale_factor": STEP, "_FillValue": np.int16(-32767)}
    packed |= {"zlib": True, "complevel": 9, "shuffle": True}
    dataset.to_netcdf(path, engine="h5netcdf", encoding={"state": packed})


def make(folder: Path) -> None:
    """Write the files of all challenges below a folder."""
    for name, recipe in RECIPES.items():
        random = np.random.default_rng(recipe.seed)
        for part, size in (("", (recipe.worlds, recipe.cycles)), ("training_", recipe.training)):
            states = simulate(recipe, *size, random)
            data = folder / name / "data"
            write(as_dataset(states, recipe), data / f"{part}truth.nc")
            seen = as_dataset(observe(states, recipe, random), recipe, noise=True)
            write(seen, data / f"{part}observations.nc")


def statistics(folder: Path) -> None:
    """Print what the frozen files of a folder contain."""
    for path in sorted(folder.glob("lorenz96_cycles*/data/*.nc")):
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            state = opened["state"]
            print(
                f"{path.parent.parent.name}/{path.name}: {dict(state.sizes)}, "
                f"{float(state.notnull().mean()):.1%} known, mean {float(state.mean()):.3f}, "
                f"deviation {float(state.std()):.3f}, {path.stat().st_size / 2**20:.2f} MiB"
            )


def main() -> None:
    """Make the files, or say what they contain."""
    parser = argparse.ArgumentParser(description="Frozen data of the challenges of cycles.")
    parser.add_argument("--output", type=Path, default=None)
    parser.add_argument("--statistics", action="store_true")
    options = parser.parse_args()
    if options.output is not None:
        make(options.output)
    if options.statistics or options.output is None:
        statistics(options.output or FOLDER)


if __name__ == "__main__":
    main()
