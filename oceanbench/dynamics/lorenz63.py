r"""Lorenz-63: three components of convection, the least system that is chaotic.

.. math::
    \dot x = \sigma (y - x), \quad \dot y = x (\rho - z) - y, \quad \dot z = x y - \beta z

with :math:`\sigma = 10, \rho = 28, \beta = 8/3`; states are (..., 3).

>>> wing = (8.0 / 3.0 * 27.0) ** 0.5
>>> bool(tendency(torch.tensor([wing, wing, 27.0], dtype=torch.float64)).abs().max() < 1e-12)
True

References
----------
Lorenz (1963), Deterministic nonperiodic flow,
doi:10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2
"""

from __future__ import annotations

import torch
from torch import Tensor

PRANDTL, RAYLEIGH, ASPECT = 10.0, 28.0, 8.0 / 3.0


def tendency(state: Tensor, rayleigh: float = RAYLEIGH) -> Tensor:
    """Rate of change of states (..., 3)."""
    x, y, z = state.unbind(-1)
    return torch.stack([PRANDTL * (y - x), x * (rayleigh - z) - y, x * y - ASPECT * z], -1)


def tangent(state: Tensor, perturbations: Tensor, rayleigh: float = RAYLEIGH) -> Tensor:
    """Derivative of the tendency at states (..., 3), times perturbations (..., 3, columns)."""
    x, y, z = (value[..., None] for value in state.unbind(-1))
    dx, dy, dz = perturbations.unbind(-2)
    return torch.stack(
        [PRANDTL * (dy - dx), dx * (rayleigh - z) - x * dz - dy, dx * y + x * dy - ASPECT * dz], -2
    )
