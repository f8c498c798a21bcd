r"""Two-layer quasi-geostrophic flow on a beta plane, relaxed to a zonal jet.

.. math::
    q_1 &= \nabla^2 \psi_1 - F_1 (\psi_1 - \psi_2), \qquad
    q_2 = \nabla^2 \psi_2 + F_2 (\psi_1 - \psi_2) \\
    \partial_t q_i &= - J(\psi_i, q_i) - U_i \partial_x q_i - Q_i \partial_x \psi_i
        \pm F_i \, \overline{(\psi_1 - \psi_2 - D)} / \tau - \delta_{i2} \, r \nabla^2 \psi_2

with :math:`Q_{1,2} = \beta \pm F_{1,2} (U_1 - U_2)`; the signs are + in the upper layer, - in the
lower. The overline is the zonal mean, D(y) the shear streamfunction of the jet, :math:`\tau` its
relaxation time, 1/r the bottom drag time. The domain is a doubly periodic square of side L with
points at ``j L / n``; products are taken in physical space, derivatives in spectral space.

The state of every function is the layers' potential vorticity as ``torch.fft.rfft2`` coefficients:
complex, shape (..., 2, n, n // 2 + 1), in 1/s, with any leading dimensions (ensembles). Rows after
the two are tracers, which the upper layer carries.

>>> model = operators(Parameters(), points=32)
>>> *_, state = integrate(initial_state(model, seed=0), model, time_step=7200.0, steps=24, every=12)
>>> sea_surface_height(state, model).shape
torch.Size([32, 32])

References
----------
Vallis (2017), Atmospheric and Oceanic Fluid Dynamics, ch. 5 and 9, doi:10.1017/9781107588417
Phillips (1954), Energy transformations and meridional circulations associated with simple
baroclinic waves in a two-level, quasi-geostrophic model, doi:10.1111/j.2153-3490.1954.tb01123.x
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from oceanbench.dynamics import spectral
from oceanbench.dynamics.rotation import BetaPlane
from oceanbench.dynamics.spectral import SmallScaleFilter, TwoLevels

DAY = 86400.0


class TwoLayers:
    """Two layers of uniform density, their depths at rest in metres."""

    upper_depth: float
    lower_depth: float
    deformation_radius: float

    @property
    def stretching(self) -> tuple[float, float]:
        """F1 and F2, 1/m²: their sum is the inverse square of the deformation radius."""
        total = (self.upper_depth + self.lower_depth) * self.deformation_radius**2
        return self.lower_depth / total, self.upper_depth / total


@dataclass(frozen=True)
class Parameters(BetaPlane, TwoLayers):
    """What the flow is made of, in SI units; the defaults are a Gulf-Stream-like jet.

    ``relaxation_time`` and ``drag_time`` may be None (no forcing, no drag). ``mean_flow``, uniform
    and eastward in each layer, is felt by the flow but absent from the state: sheared, it is
    Phillips' problem. ``beta`` None means the value at ``latitude``. The filter is one of
    :func:`oceanbench.dynamics.spectral.plane`.
    """

    domain_length: float = 1440e3
    latitude: float = 38.0
    beta: float | None = None
    upper_depth: float = 1000.0
    lower_depth: float = 4000.0
    deformation_radius: float = 30e3
    jet_speed: float = 0.55
    jet_width: float = 70e3
    relaxation_time: float | None = 15.0 * DAY
    drag_time: float | None = 40.0 * DAY
    mean_flow: tuple[float, float] = (0.0, 0.0)
    gravity: float = 9.81
    small_scale_filter: SmallScaleFilter = "exponential"

    @property
    def critical_shear(self) -> float:
        """Eastward shear U1 - U2 beyond which a uniform flow is unstable, m/s: β / F2."""
        return self.planetary_gradient / self.stretching[1]


def jet_of(latitude: float, deformation_radius: float, jet_speed: float = 0.55) -> Parameters:
    """Return a jet as wide to its deformation radius as the default, anywhere.

    Parameters
    ----------
    latitude : degrees
    deformation_radius : m; the domain has 48 of them: 96 points resolve it by two cells
    jet_speed : m/s
    """
    return Parameters(
        domain_length=48 * deformation_radius,
        latitude=latitude,
        deformation_radius=deformation_radius,
        jet_speed=jet_speed,
        jet_width=7 / 3 * deformation_radius,
    )


def eddies_of(
    latitude: float, deformation_radius: float, criticality: float = 1.6, drag_days: float = 20.0
) -> Parameters:
    """Return a sea of eddies without a jet, alike everywhere: they live on a uniform shear.

    Parameters
    ----------
    latitude : degrees
    deformation_radius : m; the domain has 48 of them
    criticality : shear over :attr:`Parameters.critical_shear`; it must exceed 1 for eddies to grow
    drag_days : 1/r of the bottom, which ends their growth
    """
    p = Parameters(
        domain_length=48 * deformation_radius,
        latitude=latitude,
        deformation_radius=deformation_radius,
        jet_speed=0.0,
        relaxation_time=None,
        drag_time=drag_days * DAY,
    )
    return replace(p, mean_flow=(criticality * p.critical_shear, 0.0))


streamfunction, velocity = spectral.streamfunction, spectral.velocity


@dataclass(frozen=True)
class Operators(TwoLevels):
    """The parameters on one grid, as the spectral multipliers that `operators` computes once.

    ``inversion`` (m²) is of potential vorticity; ``jet_shear`` (n,), m²/s: rfft2 of D, its zonal
    mean column.
    """

    parameters: Parameters
    jet_shear: Tensor


def operators(
    parameters: Parameters,
    points: int,
    *,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> Operators:
    """Build the operators on ``points`` x ``points`` (even), in float64, rounded to ``dtype``."""
    p, (upper, lower) = parameters, parameters.stretching
    exact = spectral.plane(points, p.domain_length, p.small_scale_filter)
    grid = spectral.plane(points, p.domain_length, p.small_scale_filter, dtype=dtype, device=device)
    k2 = exact.wavenumber2
    determinant = k2 * (k2 + upper + lower)
    determinant[0, 0] = math.inf  # the domain mean of a streamfunction means nothing: keep it zero
    inversion = -torch.stack([k2 + lower, 0 * k2 + upper, 0 * k2 + lower, k2 + upper]) / determinant
    jet = spectral.zonal_jet(exact, p.domain_length, p.jet_speed, p.jet_width)
    return Operators(
        **vars(grid),
        parameters=p,
        inversion=spectral.rounded(inversion.reshape(2, 2, *k2.shape), dtype, device),
        jet_shear=spectral.rounded(jet, dtype, device),
    )


def potential_vorticity(psi: Tensor, model: Operators) -> Tensor:
    """Return the state whose streamfunction has the coefficients ``psi``, shaped as a state."""
    upper, lower = model.parameters.stretching
    shear = psi[..., 0, :, :] - psi[..., 1, :, :]
    return -model.wavenumber2 * psi + torch.stack([-upper * shear, lower * shear], dim=-3)


def sea_surface_height(state: Tensor, model: Operators) -> Tensor:
    """Sea surface height f0 ψ1 / g, metres, shape (..., n, n), rows along y; its mean is zero."""
    psi = streamfunction(state, model)[..., 0, :, :]
    height: Tensor = torch.fft.irfft2(psi)
    return height * (model.parameters.coriolis / model.parameters.gravity)


def tendency(state: Tensor, model: Operators) -> Tensor:
    """Time derivative of the state, 1/s²: advection in flux form, beta, relaxation, bottom drag."""
    p, (upper, lower) = model.parameters, model.parameters.stretching
    psi = streamfunction(state, model)
    rate = spectral.advection(psi, state, model, p.mean_flow)
    shear = p.mean_flow[0] - p.mean_flow[1]
    gradients = (p.planetary_gradient + upper * shear, p.planetary_gradient - lower * shear)
    for i, gradient in enumerate(gradients):
        rate[..., i, :, :] -= gradient * model.ddx * psi[..., i, :, :]
    if p.drag_time is not None:
        rate[..., 1, :, :] += model.wavenumber2 * psi[..., 1, :, :] / p.drag_time
    if p.relaxation_time is not None:
        excess = (psi[..., 0, :, 0] - psi[..., 1, :, 0] - model.jet_shear) / p.relaxation_time
        rate[..., 0, :, 0] += upper * excess
        rate[..., 1, :, 0] -= lower * excess
    return rate


def integrate(
    state: Tensor, model: Operators, *, time_step: float, steps: int, every: int = 1
) -> Iterator[Tensor]:
    """Yield the state after each ``every`` of ``steps`` steps of ``time_step`` seconds.

    The scheme, its limit and what it raises are those of
    :func:`oceanbench.dynamics.spectral.integrate`.
    """

    def rate(at: Tensor) -> Tensor:
        return tendency(at, model)

    return spectral.integrate(state, rate, model, time_step=time_step, steps=steps, every=every)


def initial_state(model: Operators, *, seed: int, amplitude: float = 2e-6) -> Tensor:
    """Return the jet at equilibrium in the upper layer, plus noise where it is unstable.

    The noise is white, of ``amplitude`` 1/s per grid point, kept at 4 to 12 wavelengths per domain.
    """
    noise = spectral.eddies(model, model.parameters.domain_length, seed, (4, 12))
    jet = torch.zeros_like(noise)
    jet[0, :, 0] = model.jet_shear
    return potential_vorticity(jet, model) + amplitude * noise


def energy(state: Tensor, model: Operators) -> Tensor:
    r"""Kinetic plus available potential energy per unit mass, m²/s², shape (...).

    .. math:: \langle H_1 |\nabla\psi_1|^2 + H_2 |\nabla\psi_2|^2 + H_1 F_1 (\psi_1-\psi_2)^2
        \rangle / 2H = - \langle H_1 \psi_1 q_1 + H_2 \psi_2 q_2 \rangle / 2H

    Conserved without forcing, drag, mean flow and aliasing.
    """
    psi = torch.fft.irfft2(streamfunction(state, model))
    return -_column_mean(psi * torch.fft.irfft2(state[..., :2, :, :]), model) / 2


def _column_mean(field: Tensor, model: Operators) -> Tensor:
    upper, lower = model.parameters.upper_depth, model.parameters.lower_depth
    mean = field.mean(dim=(-2, -1))
    return (upper * mean[..., 0] + lower * mean[..., 1]) / (upper + lower)
