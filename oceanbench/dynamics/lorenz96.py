r"""Lorenz-96: a chaotic wave on a circle of latitude, the field's standard test of assimilation.

.. math:: \dot x_i = (x_{i+1} - x_{i-2}) x_{i-1} - x_i + F, \quad i = 1 \dots n \text{ cyclic}

With :math:`F = 8` and 40 components, errors double in 0.42 units of time; one unit stands for five
days of the atmosphere. The quadratic terms conserve :math:`\sum x_i^2`.

>>> rest = torch.full((40,), 8.0, dtype=torch.float64)
>>> float(tendency(rest).abs().max())
0.0

References
----------
Lorenz (1996), Predictability: a problem partly solved, ECMWF Seminar on Predictability;
Lorenz and Emanuel (1998), doi:10.1175/1520-0469(1998)055<0399:OSFSWO>2.0.CO;2
"""

from __future__ import annotations

import torch
from torch import Tensor


def tendency(state: Tensor, forcing: float = 8.0) -> Tensor:
    """Rate of change of states (..., components)."""
    before, ahead = torch.roll(state, 1, -1), torch.roll(state, -1, -1)
    return (ahead - torch.roll(state, 2, -1)) * before - state + forcing


def tangent(state: Tensor, perturbations: Tensor) -> Tensor:
    """Derivative of the tendency at states (..., components), times (..., components, columns)."""
    before, ahead = torch.roll(state, 1, -1), torch.roll(state, -1, -1)
    slope = (ahead - torch.roll(state, 2, -1))[..., None]
    shift = torch.roll(perturbations, -1, -2) - torch.roll(perturbations, 2, -2)
    carried = torch.roll(perturbations, 1, -2)
    return shift * before[..., None] + slope * carried - perturbations
