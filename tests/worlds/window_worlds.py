"""Small worlds of windows, as a challenge would hand them to a method."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
import xarray as xr

from oceanbench.dynamics.models import model
from oceanbench.observing import patterns

INTERVALS = {"lorenz96": 0.05, "lorenz63": 0.08, "amoc": 10.0}
SIZES = {"lorenz96": 40, "lorenz63": 3, "amoc": 3}
NOISE = {
    "lorenz96": [2.0] * 40,
    "lorenz63": [2.0] * 3,
    "amoc": [1.8e-3**2, 8.1e-3**2, 7.4e-3**2],
}


@dataclass(frozen=True, eq=False)
class World:
    """What a method gets, and the truth that it does not."""

    inputs: dict[str, xr.Dataset]
    target: xr.Dataset
    truth: xr.DataArray


def runs(name: str, count: int, times: int, *, seed: int = 0) -> np.ndarray:
    """States (count, times, components) on the attractor, from independent starts."""
    return _runs(name, count, times, seed).copy()


@cache
def _runs(name: str, count: int, times: int, seed: int) -> np.ndarray:
    random = torch.Generator().manual_seed(seed)
    dynamics = model(name, INTERVALS[name])
    state = torch.randn(count, SIZES[name], generator=random, dtype=torch.float64)
    state = 0.02 * state if name == "amoc" else state + {"lorenz96": 3.0, "lorenz63": 10.0}[name]
    for _ in range(300):
        state = dynamics.advance(state)
    found = []
    for _ in range(times):
        found.append(state)
        state = dynamics.advance(state)
    return torch.stack(found, 1).numpy()


def world(
    name: str = "lorenz96",
    *,
    windows: int = 3,
    times: int = 60,
    steps: int = 4,
    training_runs: int = 2,
    training_times: int = 400,
    seed: int = 0,
    told: dict[str, float] | None = None,
    with_states: bool = True,
) -> World:
    """A world observed every ``steps`` times: of Lorenz-96 a random half, else all components.

    The validation windows are like those to be estimated. ``told`` are the parameters of the model
    as methods hear them; ``with_states`` says whether the training data hold the truth.
    """
    random = np.random.default_rng(seed)
    interval = INTERVALS[name]
    attributes = {"layout": "windows", "model": name}
    attributes |= {f"model_{k}": v for k, v in (told or {}).items()}

    def array(values: np.ndarray) -> xr.DataArray:
        coords = {
            "window": np.arange(values.shape[0]),
            "time": interval * np.arange(values.shape[1]),
            "component": np.arange(values.shape[2]),
        }
        return xr.DataArray(values, coords, tuple(coords), "state", {"units": "1"})

    def dataset(values: xr.DataArray, role: str) -> xr.Dataset:
        return values.to_dataset(name="state").assign_attrs(attributes, role=role)

    def observed(values: xr.DataArray) -> xr.DataArray:
        shape = values.shape
        if name == "lorenz96":
            mask = patterns.random_components(shape, steps, shape[2] // 2, random)
        else:
            mask = patterns.every(shape, steps)
        return patterns.observe(values, mask, NOISE[name], random)

    truth = array(runs(name, windows, times, seed=seed))
    inputs = {"observations": dataset(observed(truth), "observations")}
    parts = (("training", training_runs, training_times), ("validation", windows, times))
    for number, (role, count, length) in enumerate(parts, 1):
        known = array(runs(name, count, length, seed=1000 * number + seed))
        if with_states:
            inputs[f"{role}_truth"] = dataset(known, role)
        inputs[f"{role}_observations"] = dataset(observed(known), role)
    target = xr.full_like(truth, np.nan).to_dataset(name="state").assign_attrs(attributes)
    return World(inputs, target, truth)
