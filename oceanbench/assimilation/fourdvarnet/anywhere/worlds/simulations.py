"""Worlds: daily sea level, simulated in random regimes or given, kept in a folder one by one."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors import numpy as safetensors
from torch import Tensor

from oceanbench.arrays import BoolArray
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.families import (
    FAMILIES,
    Family,
    Regime,
)
from oceanbench.data.files import write_bytes
from oceanbench.dynamics.quasigeostrophic import DAY
from oceanbench.errors import OceanbenchError

POINTS, DAYS, SPIN_UP = 128, 300, 250  # of a world: along a side; kept; before that
LONGEST_STEP = 10_800.0  # s
CROSSED = 0.22  # of a cell in a step, at the most
CHUNK = 10  # days between two looks at how fast the flow is
SLOWEST = 0.1  # m/s, of the flow that a step is made for


@dataclass(frozen=True)
class World:
    """Daily sea level of a world: simulated and periodic in space, or a known sea's own.

    Attributes
    ----------
    height : (days, rows, columns), in units
    spacing_km : between points
    latitude : of its middle, degrees
    unit : m, of the heights
    land : (rows, columns) of a known sea
    """

    height: NDArray[np.float16]
    spacing_km: float
    latitude: float
    unit: float = 1.0
    land: BoolArray | None = None

    @property
    def digest(self) -> str:
        """Short name that worlds of other heights do not have."""
        return hashlib.sha256(self.height.tobytes()).hexdigest()[:12]


def simulated(
    family: Family,
    random: np.random.Generator,
    *,
    points: int = POINTS,
    days: int = DAYS,
    spin_up: int = SPIN_UP,
) -> World:
    """Simulate a world of a family.

    Parameters
    ----------
    family : a row of :data:`oceanbench.assimilation.fourdvarnet.anywhere.worlds.families.FAMILIES`
    random : of its regime and of the noise that it begins with
    points : along each side
    days : that are kept
    spin_up : days before them
    """
    regime = family.regime(random, points)
    seed = int(random.integers(2**31))
    maps = [m.numpy() for m in _daily(family, regime, points, seed, spin_up, days)]
    height = np.stack(maps)
    unit = float(height.std()) or 1.0
    height = (height - height.mean()) / unit
    latitude: float = regime.parameters.latitude
    return World(height.astype(np.float16), regime.spacing / 1e3, latitude, unit)


def _daily(
    family: Family, regime: Regime, points: int, seed: int, spin_up: int, days: int
) -> Iterator[Tensor]:
    """Height of every day that is kept; steps are as long as the flow allows."""
    flow = family.dynamics
    model = flow.operators(regime.parameters, points, dtype=torch.float32)
    state = flow.initial_state(model, seed=seed, amplitude=family.amplitude)
    for first in range(0, spin_up + days, CHUNK):
        speed = max(float(torch.hypot(*flow.velocity(state, model)).max()), SLOWEST)
        longest = min(LONGEST_STEP, CROSSED * regime.spacing / (speed + abs(regime.mean_speed)))
        steps = math.ceil(DAY / longest)
        chunk = flow.integrate(
            state, model, time_step=DAY / steps, steps=CHUNK * steps, every=steps
        )
        for day, after in enumerate(chunk, start=first):
            state = after
            if spin_up <= day < spin_up + days:
                yield flow.sea_surface_height(state, model)


def world_path(folder: Path, number: int) -> Path:
    """File of a world."""
    return folder / f"world-{number:04d}.safetensors"


def make_world(folder: Path, number: int, seed: int) -> None:
    """Simulate a world and keep it, if it is not there: the same number is the same world.

    Parameters
    ----------
    folder : made if there is none
    number : families take turns
    seed : of all worlds
    """
    path = world_path(folder, number)
    if path.is_file():
        return
    name = list(FAMILIES)[number % len(FAMILIES)]
    keep_world(simulated(FAMILIES[name], np.random.default_rng([seed, number])), path)


def keep_world(world: World, path: Path) -> None:
    """Keep a world in a file, which appears whole or not at all."""
    given = {key: part for key, part in vars(world).items() if part is not None}
    parts = {key: np.array(part, order="C") for key, part in given.items()}
    write_bytes(safetensors.save(parts), path)


def read_world(path: Path) -> World:
    """Read a world that was kept.

    Raises
    ------
    OceanbenchError
        if the file is not a whole one
    """
    try:
        tensors = safetensors.load(path.read_bytes())
        spacing, latitude, unit = (float(tensors[n]) for n in ("spacing_km", "latitude", "unit"))
        return World(tensors["height"], spacing, latitude, unit, tensors.get("land"))
    except (SafetensorError, KeyError) as problem:
        raise OceanbenchError(f"{path}: not a whole world ({problem}); remove it") from problem
