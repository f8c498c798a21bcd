"""A small challenge of cycles: Lorenz-96 of eight components, two worlds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import builders
import numpy as np
import xarray as xr

from oceanbench.challenge import Challenge
from oceanbench.kinds.cycles.models import model

SIZE, INTERVAL, NOISE = 8, 0.05, 0.5
SPIN_UP, BLOCK, BLOCKS = 20, 20, 6
MODEL = {"name": "lorenz96", "parameters": {"forcing": 8.0}}


def run(worlds: int, cycles: int, seed: int) -> np.ndarray:
    """States (worlds, cycles, components) on the attractor."""
    dynamics = model("lorenz96", INTERVAL, {})
    states = 3.0 + np.random.default_rng(seed).standard_normal((worlds, SIZE))
    found = []
    for cycle in range(-200, cycles):
        if cycle >= 0:
            found.append(states)
        states = dynamics.advance(states)
    return np.stack(found, 1)


def as_file(values: np.ndarray, path: Path, *, noise: float | None = None) -> None:
    """Write states; observations of a noise variance have it as a coordinate."""
    coords: dict[str, Any] = {
        "window": np.arange(values.shape[0]),
        "time": ("time", INTERVAL * np.arange(values.shape[1]), {"units": "1"}),
        "component": np.arange(values.shape[2]),
    }
    if noise is not None:
        coords["noise_variance"] = ("component", np.full(values.shape[2], noise))
    array = (("window", "time", "component"), values, {"units": "1"})
    builders.write(xr.Dataset({"state": array}, coords), path)


def challenge(folder: Path, *, observed: float = 1.0, **changes: Any) -> Challenge:
    """Write the challenge; a share of the components is observed."""
    random = np.random.default_rng(5)
    truth = run(2, SPIN_UP + BLOCKS * BLOCK, seed=1)
    training = run(2, 150, seed=2)
    for name, states in (("", truth), ("training_", training)):
        seen = states + np.sqrt(NOISE) * random.standard_normal(states.shape)
        seen[random.random(seen.shape) >= observed] = np.nan
        as_file(states, folder / f"{name}truth.nc")
        as_file(seen, folder / f"{name}observations.nc", noise=NOISE)
    same = {"variables": {"state": "state"}, "units": "1"}
    roles = {"truth": "truth", "observations": "observations"}
    roles |= {f"training_{name}": "training" for name in roles}
    noise = {"noise_variance": NOISE}
    content = {
        "name": "toy_cycles",
        "version": 1,
        "title": "Toy cycles",
        "kind": "cycles",
        "model": MODEL,
        "spin_up": SPIN_UP,
        "block": BLOCK,
        "leads": [4, 10],
        "every": 5,
        "datasets": {
            name: {"role": role, "path": f"{name}.nc", **same} for name, role in roles.items()
        },
        "submission": {"variables": {"state": {"units": "1", "valid_range": [-60, 60]}}},
        "masks": {"all": {}},
        "metrics": [
            {"metric": "state_rmse", "label": "RMSEa"},
            {"metric": "rmse", "label": "pooled"},
            {"metric": "state_rmse", "label": "RMSEb", "variable": "state_background"},
            {"metric": "state_rmse", "label": "4", "variable": "state_lead_4"},
            {"metric": "state_rmse", "label": "10", "variable": "state_lead_10"},
            {"metric": "spread_skill", "label": "spread/error"},
            {"metric": "crps", "label": "CRPS"},
            {"metric": "reliability_index", "label": "ranks"},
            {"metric": "bias", "label": "bias", "variable": "state_innovation"},
            {"metric": "innovation_chi_square", "label": "chi2",
             "variable": "state_innovation", **noise},
            {"metric": "innovation_autocorrelation", "label": "memory",
             "variable": "state_innovation"},
            {"metric": "background_variance_ratio", "label": "B-ratio",
             "variable": "state_increment", **noise},
            {"metric": "lost_times", "label": "lost", "threshold": 2.0},
            {"metric": "divergences", "label": "divergences", "threshold": 2.0},
            {"metric": "convergence_time", "label": "convergence", "variable": "state_start"},
        ],
        "rank_by": "RMSEa",
    }  # fmt: skip
    path = folder / "challenge.yaml"
    path.write_text(json.dumps({**content, **changes}), encoding="utf-8")  # which is YAML
    return Challenge.load(path)
