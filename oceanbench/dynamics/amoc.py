r"""A loop model of the Atlantic meridional overturning circulation, with collapses.

.. math::
    \dot\omega &= - \lambda (\omega + s_{NS}) \\
    \dot s_{BT} &= (\Omega_0 + \omega) s_{NS} - K s_{BT} + F \\
    \dot s_{NS} &= - (\Omega_0 + \omega) s_{BT} - K s_{NS}

:math:`\omega` is the anomaly of the overturning (its rate of rotation, yr⁻¹), :math:`S_{BT}` and
:math:`S_{NS}` the differences of salinity between bottom and top and between north and south. All
three are given in yr⁻¹, the salinities as :math:`s = \epsilon \beta S / \lambda` with
:math:`\epsilon \beta / \lambda = 0.0245` yr⁻¹ psu⁻¹, the rotation that they would drive at rest.
Time is in years.

For some 1500 years the circulation :math:`\Omega_0 + \omega` is strong and steady, with an
oscillation of 144 years that grows (ON); then it reverses for some 370 years (OFF). Errors grow by
e in about 680 years.

>>> tendency(torch.zeros(3, dtype=torch.float64)).tolist()
[-0.0, 0.0008575, 0.0]

References
----------
Sévellec and Fedorov (2014), Millennial variability in an idealized ocean model: predicting the AMOC
regime shifts, doi:10.1175/JCLI-D-13-00450.1;
Bauchot et al. (2025), doi:10.1029/2024MS004462
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.times import episodes

COMPONENTS = ("omega", "bottom_top", "north_south")
FRICTION = 0.01  # lambda, per year
ROTATION = -2.5e-2  # Omega_0, per year: of the thermal and wind-driven circulation
DIFFUSION = 1e-4  # K, per year
SCALE = 0.35 * 7e-4 / FRICTION  # epsilon beta / lambda, per year and psu
FORCING = 35.0 / 1000.0 * SCALE  # F = P_e S_0 / h with P_e / h = 1e-3 per year, S_0 = 35 psu
MERGED_YEARS = 400.0  # reversals that follow each other faster belong to one collapse


def tendency(state: Tensor) -> Tensor:
    """Rate of change, per year, of states (..., 3)."""
    omega, bottom_top, north_south = state.unbind(-1)
    rotation = ROTATION + omega
    return torch.stack(
        [
            -FRICTION * (omega + north_south),
            rotation * north_south - DIFFUSION * bottom_top + FORCING,
            -rotation * bottom_top - DIFFUSION * north_south,
        ],
        -1,
    )


def tangent(state: Tensor, perturbations: Tensor) -> Tensor:
    """Derivative of the tendency at states (..., 3), times perturbations (..., 3, columns)."""
    omega, bottom_top, north_south = (value[..., None] for value in state.unbind(-1))
    d_omega, d_bottom_top, d_north_south = perturbations.unbind(-2)
    rotation = ROTATION + omega
    return torch.stack(
        [
            -FRICTION * (d_omega + d_north_south),
            d_omega * north_south + rotation * d_north_south - DIFFUSION * d_bottom_top,
            -d_omega * bottom_top - rotation * d_bottom_top - DIFFUSION * d_north_south,
        ],
        -2,
    )


def collapsed(omega: FloatArray, years_per_step: float) -> BoolArray:
    r"""Years in which the circulation is OFF.

    OFF is the time from the first to the last reversal, :math:`\Omega_0 + \omega > 0`, where
    reversals less than 400 years apart belong to one collapse; ON is the rest.

    Parameters
    ----------
    omega : (..., times), per year
    years_per_step : between two times

    Returns
    -------
    bool (..., times)
    """
    reversed_ = np.asarray(omega) + ROTATION > 0
    rows = reversed_.reshape(-1, reversed_.shape[-1])
    result = np.zeros_like(rows)
    for row, marked in zip(rows, result, strict=True):
        for first, last in episodes(row, MERGED_YEARS / years_per_step):
            marked[first : last + 1] = True
    return result.reshape(reversed_.shape)
