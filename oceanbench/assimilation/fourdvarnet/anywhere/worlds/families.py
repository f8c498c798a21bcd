"""Families of worlds that are simulated: physics and its random regimes, a row each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.anywhere.worlds.random_numbers import log_uniform
from oceanbench.dynamics import quasigeostrophic, surface_quasigeostrophic
from oceanbench.dynamics.quasigeostrophic import DAY
from oceanbench.dynamics.rotation import coriolis

RADII = (9e3, 42e3)  # m, of deformation
FRONT_RADII = (15e3, 50e3)  # m, N H / f of flow at the surface
LATITUDES = (22.0, 58.0)  # degrees north
CELLS = (1.8, 2.6)  # of the grid in a radius of deformation
SPACINGS = (5.5e3, 15e3)  # m
FASTEST_SHEAR = 0.25  # m/s


class Dynamics(Protocol):
    """Module of :mod:`oceanbench.dynamics` with a sea level in a doubly periodic square."""

    def operators(self, parameters: Any, points: int, *, dtype: torch.dtype) -> Any:
        """Multipliers on a grid."""
        ...

    def initial_state(self, model: Any, *, seed: int, amplitude: float) -> Tensor:
        """State to begin with, noise of an amplitude in it."""
        ...

    def integrate(
        self, state: Tensor, model: Any, *, time_step: float, steps: int, every: int
    ) -> Iterator[Tensor]:
        """States after every so many steps."""
        ...

    def velocity(self, state: Tensor, model: Any) -> tuple[Tensor, Tensor]:
        """Currents, m/s."""
        ...

    def sea_surface_height(self, state: Tensor, model: Any) -> Tensor:
        """Height, m."""
        ...


@dataclass(frozen=True)
class Regime:
    """One world to simulate.

    Attributes
    ----------
    parameters : of the dynamics
    spacing : of the grid, m
    mean_speed : of a flow that the state does not have, m/s
    """

    parameters: Any
    spacing: float
    mean_speed: float = 0.0


@dataclass(frozen=True)
class Family:
    """Physics, and how its regimes are drawn.

    Attributes
    ----------
    dynamics : module that is integrated
    regime : (random, points of a side) -> a regime
    amplitude : of the noise that the flow begins with, in the unit of its state
    """

    dynamics: Dynamics
    regime: Callable[[np.random.Generator, int], Regime]
    amplitude: float


def jet(random: np.random.Generator, points: int) -> Regime:
    """Two layers relaxed to a zonal jet of 0.15 to 0.7 m/s, slower where eddies are small."""
    common, spacing = _layers(random, points)
    radius = common["deformation_radius"]
    parameters = quasigeostrophic.Parameters(
        **common,
        jet_speed=random.uniform(0.15, 0.7) * (radius / 30e3) ** 0.5,
        jet_width=radius * random.uniform(1.6, 3.0),
        relaxation_time=random.uniform(8.0, 40.0) * DAY,
        drag_time=random.uniform(15.0, 60.0) * DAY,
    )
    return Regime(parameters, spacing)


def shear(random: np.random.Generator, points: int) -> Regime:
    """Two layers of a uniform shear 1.3 to 2.2 times the critical one, eastward or westward."""
    common, spacing = _layers(random, points)
    rest = quasigeostrophic.Parameters(**common)
    upper, lower = rest.stretching
    east = random.random() < 0.6
    critical = rest.planetary_gradient / (lower if east else upper)
    speed = min(max(critical * random.uniform(1.3, 2.2), 0.03), FASTEST_SHEAR)
    speed = speed if east else -speed
    parameters = quasigeostrophic.Parameters(
        **common,
        jet_speed=0.0,
        relaxation_time=None,
        drag_time=random.uniform(8.0, 30.0) * DAY,
        mean_flow=(speed, 0.0),
    )
    return Regime(parameters, spacing, speed)


def fronts(random: np.random.Generator, points: int) -> Regime:
    """Surface quasi-geostrophic flow relaxed to a zonal jet: fronts, and a shallow spectrum."""
    latitude, depth = random.uniform(*LATITUDES), random.uniform(500.0, 1500.0)
    radius = log_uniform(random, *FRONT_RADII)
    spacing = float(np.clip(radius / random.uniform(3.5, 5.5), *SPACINGS))
    parameters = surface_quasigeostrophic.Parameters(
        domain_length=points * spacing,
        latitude=latitude,
        stratification=radius * coriolis(latitude) / depth,
        depth=depth,
        jet_speed=random.uniform(0.15, 0.6),
        jet_width=radius * random.uniform(1.5, 3.0),
        relaxation_time=random.uniform(10.0, 40.0) * DAY,
        drag_time=random.uniform(8.0, 30.0) * DAY,
    )
    return Regime(parameters, spacing)


def _layers(random: np.random.Generator, points: int) -> tuple[dict[str, Any], float]:
    """Parameters that jets and shears share, and the spacing of the grid."""
    radius = log_uniform(random, *RADII)
    spacing = float(np.clip(radius / random.uniform(*CELLS), *SPACINGS))
    common = {
        "domain_length": points * spacing,
        "latitude": random.uniform(*LATITUDES),
        "upper_depth": random.uniform(400.0, 1200.0),
        "lower_depth": random.uniform(2000.0, 4500.0),
        "deformation_radius": radius,
    }
    return common, spacing


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "jet": Family(quasigeostrophic, jet, 4e-6),
        "shear": Family(quasigeostrophic, shear, 4e-6),
        "fronts": Family(surface_quasigeostrophic, fronts, 1e-4),
    }
)
"""Families by name; worlds are of each in turn."""
