r"""The two-layer quasi-geostrophic jet of ``oceanbench.dynamics``, in numpy, of pressure heads.

.. math::
    \partial_t q_i = - J(\psi_i, q_i) - \beta \, \partial_x \psi_i
        \pm F_i \, \overline{(\psi_1 - \psi_2 - D)} / \tau - \delta_{i2} \, r \nabla^2 \psi_2,
    \qquad q_{1,2} = \nabla^2 \psi_{1,2} \mp F_{1,2} (\psi_1 - \psi_2)

on a doubly periodic square of ``points`` x ``points``, with the exponential filter of the spectral
models after every step. A state is :math:`f_0 \psi_i / g` in metres, (..., components): the upper
layer's, which is the height of the sea surface, then the lower's, each row by row from the south.
A mean over the square means nothing and is lost with the first step.

The equations are those of ``oceanbench.dynamics.quasigeostrophic``, which a test holds them to;
evaluation needs no torch.

References
----------
Vallis (2017), Atmospheric and Oceanic Fluid Dynamics, ch. 5 and 9, doi:10.1017/9781107588417
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from scipy import fft

from oceanbench.arrays import FloatArray
from oceanbench.kinds.cycles.stepping import ComponentPlaces, step

GRAVITY = 9.81
DAY = 86400.0  # s
STRENGTH, SPARED = 23.6, 0.65  # of the filter, and the share of Nyquist below which it does nothing
AT_ONCE = 2  # members that are advanced together: their fields stay in a cache

Spectrum = np.ndarray[Any, np.dtype[np.complexfloating[Any, Any]]]


@dataclass(frozen=True)
class TwoLayerJet:
    """Numbers of the flow, in SI units.

    Attributes
    ----------
    domain_length : side of the square
    coriolis, beta : f0, and its northward gradient
    deformation_radius : of the first baroclinic mode
    depth_ratio : of the lower layer to the upper
    jet_speed, jet_width : of the jet U sech²((y - L/2) / w) that the shear is drawn to
    relaxation_days, drag_days : of the shear, and of the lower layer's flow
    """

    domain_length: float = 1200e3
    coriolis: float = 9e-5
    beta: float = 1.8e-11
    deformation_radius: float = 40e3
    depth_ratio: float = 4.0
    jet_speed: float = 0.55
    jet_width: float = 93e3
    relaxation_days: float = 15.0
    drag_days: float = 40.0

    @property
    def stretching(self) -> tuple[float, float]:
        """F1 and F2, 1/m²: their sum is the inverse square of the deformation radius."""
        total = (1.0 + self.depth_ratio) * self.deformation_radius**2
        return self.depth_ratio / total, 1.0 / total


@dataclass(frozen=True)
class Multipliers:
    """What the numbers are on one grid, in spectral space.

    Attributes
    ----------
    ddx, ddy : derivatives (1, n // 2 + 1) and (n, 1), none of the Nyquist mode
    square : squared wavenumber (n, n // 2 + 1)
    filter : (n, n // 2 + 1)
    inversion : (2, 2, n, n // 2 + 1), of potential vorticity
    shear : (n,), zonal mean of the streamfunction D of the jet
    """

    ddx: Spectrum
    ddy: Spectrum
    square: FloatArray
    filter: FloatArray
    inversion: FloatArray
    shear: Spectrum


@lru_cache(maxsize=8)
def multipliers(jet: TwoLayerJet, points: int) -> Multipliers:
    """Multipliers of a jet on ``points`` x ``points``, an even number."""
    x_cycles, y_cycles = fft.rfftfreq(points)[None, :], fft.fftfreq(points)[:, None]
    scale = 2.0 * math.pi * points / jet.domain_length
    k, l = (  # noqa: E741
        scale * np.where(np.abs(cycles) < 0.5, cycles, 0.0) for cycles in (x_cycles, y_cycles)
    )
    square = scale**2 * (x_cycles**2 + y_cycles**2)
    angle = 2.0 * math.pi * np.hypot(x_cycles, y_cycles)
    smooth = np.exp(-STRENGTH * np.maximum(angle - SPARED * math.pi, 0.0) ** 4)
    upper, lower = jet.stretching
    determinant = square * (square + upper + lower)
    determinant[0, 0] = math.inf
    rows = [square + lower, 0.0 * square + upper, 0.0 * square + lower, square + upper]
    inversion = (-np.stack(rows) / determinant).reshape(2, 2, *square.shape)
    y = np.arange(points) * jet.domain_length / points
    profile = jet.jet_speed / np.cosh((y - jet.domain_length / 2.0) / jet.jet_width) ** 2
    slope = np.where(l[:, 0] == 0.0, math.inf, l[:, 0])
    shear = 1j * points * fft.fft(profile) / slope
    return Multipliers(1j * k, 1j * l, square, smooth, inversion, shear)


def potential_vorticity(psi: Spectrum, jet: TwoLayerJet, on: Multipliers) -> Spectrum:
    """Potential vorticity of streamfunctions (..., 2, n, n // 2 + 1)."""
    upper, lower = jet.stretching
    apart = psi[..., 0, :, :] - psi[..., 1, :, :]
    found: Spectrum = np.stack([-upper * apart, lower * apart], -3) - on.square * psi
    return found


def streamfunction(vorticity: Spectrum, on: Multipliers) -> Spectrum:
    """Streamfunctions of potential vorticity (..., 2, n, n // 2 + 1)."""
    found: Spectrum = (on.inversion * vorticity[..., None, :, :, :]).sum(-3)
    return found


def tendency(vorticity: Spectrum, jet: TwoLayerJet, on: Multipliers) -> Spectrum:
    """Rate of change of potential vorticity (..., 2, n, n // 2 + 1)."""
    psi = streamfunction(vorticity, on)
    fields = fft.irfft2(np.concatenate([-on.ddy * psi, on.ddx * psi, vorticity], -3))
    u, v, q = fields[..., :2, :, :], fields[..., 2:4, :, :], fields[..., 4:, :, :]
    flux = fft.rfft2(np.concatenate([u * q, v * q], -3))
    rate: Spectrum = -(on.ddx * flux[..., :2, :, :] + on.ddy * flux[..., 2:, :, :])
    rate -= jet.beta * on.ddx * psi
    rate[..., 1, :, :] += on.square * psi[..., 1, :, :] / (jet.drag_days * DAY)
    upper, lower = jet.stretching
    excess = (psi[..., 0, :, 0] - psi[..., 1, :, 0] - on.shear) / (jet.relaxation_days * DAY)
    rate[..., 0, :, 0] += upper * excess
    rate[..., 1, :, 0] -= lower * excess
    return rate


def points_of(components: int) -> int:
    """Points along a side of the square, of so many components.

    Raises
    ------
    ValueError
        if these are no two layers of a square of an even number of points
    """
    points = math.isqrt(components // 2)
    if 2 * points**2 != components or points % 2 or points < 8:
        raise ValueError(
            f"{components} components are no two layers of an even square of at least 8 x 8"
        )
    return points


def advanced(states: FloatArray, length: float, steps: int, **parameters: float) -> FloatArray:
    """States so many fourth-order Runge-Kutta steps later.

    Parameters
    ----------
    states : (..., components), m
    length : of a step, days; stable while max|u| k_max length < 2.8, k_max about 0.75 of Nyquist
    steps : how many
    **parameters : of :class:`TwoLayerJet`
    """
    jet = TwoLayerJet(**parameters)
    points = points_of(states.shape[-1])
    on, head = multipliers(jet, points), jet.coriolis / GRAVITY
    flat = states.reshape(-1, 2, points, points)
    found = np.empty_like(flat)
    for part in (slice(start, start + AT_ONCE) for start in range(0, len(flat), AT_ONCE)):
        vorticity = potential_vorticity(fft.rfft2(flat[part] / head), jet, on)
        for _ in range(steps):
            vorticity = on.filter * step(vorticity, partial(tendency, jet=jet, on=on), length * DAY)
        found[part] = head * fft.irfft2(streamfunction(vorticity, on))
    return found.reshape(states.shape)


def places(components: int, **parameters: float) -> ComponentPlaces:
    """Where components lie: kilometres east and north on the square, both layers alike."""
    points, length = points_of(components), TwoLayerJet(**parameters).domain_length / 1e3
    axis = np.arange(points) * length / points
    north, east = np.meshgrid(axis, axis, indexing="ij")
    layer = np.stack([east.ravel(), north.ravel()], -1)
    return ComponentPlaces(np.concatenate([layer, layer]), (length, length))
