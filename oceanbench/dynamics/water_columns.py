r"""Temperature, salinity, currents and sea level of the layered ocean, as an observer sees them.

.. math::
    T(z) = T_b + (T_a - T_b)\, s\bigl(\tfrac{h - z}{10}\bigr)
        + (T_d - T_b)\, s\bigl(\tfrac{z - \eta}{200}\bigr), \qquad s(x) = \tfrac12 (1 + \tanh x)

with z in metres, h the depth of the mixed layer and :math:`\eta = H_1 + f_0 (\psi_1 - \psi_2) / g'`
that of the interface, which lies deeper under warm eddies; below it lies water of one temperature
and salinity. Velocity passes from that of the upper to that of the lower layer in the same way. The
shape of a profile is prescribed: three numbers a column for T, two for a current.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from oceanbench.dynamics.layered_ocean import (
    LAYERS,
    Operators,
    face_velocity,
    sea_surface_height,
    streamfunction,
    to_cells,
)

SURFACE = 0.494025
DEPTHS = (SURFACE, 47.37369, 92.32607, 222.4752, 318.1274, 541.0889)  # metres, levels of GLORYS
ABYSS = (4.5, 35.0)  # degrees C, 1e-3
BASE_OF_MIXED_LAYER, THERMOCLINE = 10.0, 200.0  # half widths, m


def fields(
    state: Tensor, model: Operators, depths: Sequence[float] = (SURFACE,)
) -> dict[str, Tensor]:
    """Fields in cells, NaN on land.

    Parameters
    ----------
    state : (..., 6, rows, columns)
    model : from :func:`oceanbench.dynamics.layered_ocean.operators`
    depths : m, positive down

    Returns
    -------
    ``thetao`` (degrees C), ``so`` (1e-3), ``uo`` and ``vo`` (m/s), (..., depths, rows, columns);
    ``zos`` (m, of mean zero over the sea), (..., rows, columns)
    """
    p = model.parameters
    psi = streamfunction(state, model)
    reduced_gravity = model.coriolis**2 / (p.stretching[0] * p.upper_depth)
    interface = p.upper_depth + model.coriolis / reduced_gravity * to_cells(
        psi[..., 0, :, :] - psi[..., 1, :, :]
    )
    z = state.new_tensor(list(depths))[:, None, None]
    mixed = _step((p.mixed_layer - z) / BASE_OF_MIXED_LAYER)
    deep = _step((z - interface.unsqueeze(-3)) / THERMOCLINE)
    land = torch.where(model.wet > 0, 0.0, torch.nan)
    result = {}
    above, below = state[..., LAYERS : LAYERS + 2, :, :], state[..., LAYERS + 2 :, :, :]
    for number, name in enumerate(("thetao", "so")):
        a, b = above[..., number, None, :, :], below[..., number, None, :, :]
        result[name] = b + (a - b) * mixed + (ABYSS[number] - b) * deep + land
    u, v = face_velocity(psi, model)
    for name, flow in (
        ("uo", (u[..., 1:] + u[..., :-1]) / 2),
        ("vo", (v[..., 1:, :] + v[..., :-1, :]) / 2),
    ):
        upper, lower = flow[..., :1, :, :], flow[..., 1:, :, :]
        result[name] = upper + (lower - upper) * deep + land
    result["zos"] = sea_surface_height(psi, model) + land
    return result


def _step(x: Tensor) -> Tensor:
    return (1 + torch.tanh(x)) / 2
