"""The seasons of the synthetic ocean, and the water that it is drawn to."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from oceanbench.dynamics.quasigeostrophic import DAY

YEAR = 365.25 * DAY
COLDEST = 46.0 * DAY  # mid February


def season(time: float) -> float:
    """Cosine of the year: 1 in mid February, -1 in mid August."""
    return math.cos(2 * math.pi * (time - COLDEST) / YEAR)


def climate(north: Tensor, time: float) -> tuple[Tensor, Tensor]:
    """What the surface and the water below the mixed layer are drawn to, (2, rows, 1) each: T, S.

    Warm and salty in the south, a front in the middle; the seasonal cycle grows northward.
    ``north`` (rows, 1) is 0 at the southern and 1 at the northern edge.
    """
    front = (1 + torch.tanh((north - 0.5) / 0.14)) / 2
    surface = 25 - 4 * north - 14 * front - (2.3 + 1.7 * north) * season(time)
    return (
        torch.stack([surface, 36.6 - 0.4 * north - 2.2 * front]),
        torch.stack([14 - 8 * front, 35.6 - 0.8 * front]),
    )
