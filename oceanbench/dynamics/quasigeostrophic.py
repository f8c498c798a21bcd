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
complex, shape (..., 2, n, n // 2 + 1), in 1/s, with any leading dimensions (ensembles).

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
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from oceanbench.dynamics.rotation import BetaPlane

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
    Phillips' problem. ``beta`` None means the value at ``latitude``. The filter multiplies the
    state after each step: "exponential" spares wavenumbers below 0.65 of the grid's Nyquist and
    removes the enstrophy beyond; "two_thirds" truncates, which frees the products of aliasing and
    conserves energy and enstrophy; "none" does nothing.
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
    small_scale_filter: Literal["exponential", "two_thirds", "none"] = "exponential"


@dataclass(frozen=True)
class Operators:
    """The parameters on one grid, as the spectral multipliers that `operators` computes once.

    ``ddx`` (1, n // 2 + 1) and ``ddy`` (n, 1), 1/m: derivatives; ``wavenumber2`` (n, n // 2 + 1),
    1/m²; ``inversion`` (2, 2, n, n // 2 + 1), m²: from potential vorticity to streamfunction;
    ``filter`` (n, n // 2 + 1); ``jet_shear`` (n,), m²/s: rfft2 of D, its zonal mean column.
    """

    parameters: Parameters
    points: int
    ddx: Tensor
    ddy: Tensor
    wavenumber2: Tensor
    inversion: Tensor
    filter: Tensor
    jet_shear: Tensor


def operators(
    parameters: Parameters,
    points: int,
    *,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> Operators:
    """Build the operators on ``points`` x ``points`` (even), in float64, rounded to ``dtype``."""
    if points < 8 or points % 2:
        raise ValueError(f"points is {points}; expected an even number of at least 8")
    length, (upper, lower) = parameters.domain_length, parameters.stretching
    x_cycles = torch.fft.rfftfreq(points, dtype=torch.float64)[None, :]  # per grid step
    y_cycles = torch.fft.fftfreq(points, dtype=torch.float64)[:, None]
    k, l = (2 * math.pi * points / length * cycles for cycles in (x_cycles, y_cycles))  # noqa: E741
    k2 = k**2 + l**2
    determinant = k2 * (k2 + upper + lower)
    determinant[0, 0] = math.inf  # the domain mean of a streamfunction means nothing: keep it zero
    inversion = -torch.stack([k2 + lower, 0 * k2 + upper, 0 * k2 + lower, k2 + upper]) / determinant
    y = torch.arange(points, dtype=torch.float64) * length / points
    speed = parameters.jet_speed / torch.cosh((y - length / 2) / parameters.jet_width) ** 2
    # u = -dψ/dy; the mean of the jet has no periodic ψ and is dropped, as is the Nyquist mode
    slope = torch.where(l == 0, math.inf, l)[:, 0]
    slope[points // 2] = math.inf
    # the derivative of the Nyquist mode is not real: zero
    odd_k, odd_l = (torch.where(c.abs() < 0.5, w, 0.0) for c, w in ((x_cycles, k), (y_cycles, l)))
    complex_dtype = torch.complex64 if dtype == torch.float32 else torch.complex128

    def rounded(multiplier: Tensor) -> Tensor:
        return multiplier.to(device, complex_dtype if multiplier.is_complex() else dtype)

    return Operators(
        parameters=parameters,
        points=points,
        ddx=rounded(1j * odd_k),
        ddy=rounded(1j * odd_l),
        wavenumber2=rounded(k2),
        inversion=rounded(inversion.unflatten(0, (2, 2))),
        filter=rounded(_filter(x_cycles, y_cycles, parameters.small_scale_filter)),
        jet_shear=rounded(1j * points * torch.fft.fft(speed) / slope),
    )


def _filter(x_cycles: Tensor, y_cycles: Tensor, kind: str) -> Tensor:
    if kind == "two_thirds":
        return ((x_cycles < 1 / 3) & (y_cycles.abs() < 1 / 3)).to(x_cycles.dtype)
    angle = 2 * math.pi * torch.sqrt(x_cycles**2 + y_cycles**2)
    strength = 23.6 if kind == "exponential" else 0.0  # 23.6 takes Nyquist below 1e-15 in one step
    return torch.exp(-strength * (angle - 0.65 * math.pi).clamp_min(0.0).pow(4))


def streamfunction(state: Tensor, model: Operators) -> Tensor:
    """Invert potential vorticity: coefficients of ψ1 and ψ2, m²/s, shaped as the state."""
    return (model.inversion * state.unsqueeze(-4)).sum(-3)


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


def velocity(state: Tensor, model: Operators) -> tuple[Tensor, Tensor]:
    """Eastward and northward velocity, m/s, each (..., 2, n, n), without the uniform mean flow."""
    psi = streamfunction(state, model)
    return torch.fft.irfft2(-model.ddy * psi), torch.fft.irfft2(model.ddx * psi)


def tendency(state: Tensor, model: Operators) -> Tensor:
    """Time derivative of the state, 1/s²: advection in flux form, beta, relaxation, bottom drag."""
    p, (upper, lower) = model.parameters, model.parameters.stretching
    psi = streamfunction(state, model)
    fields = torch.fft.irfft2(torch.cat([-model.ddy * psi, model.ddx * psi, state], dim=-3))
    u, v, q = fields.split(2, dim=-3)
    flux = torch.fft.rfft2(torch.cat([u * q, v * q], dim=-3))
    rate: Tensor = -(model.ddx * flux[..., :2, :, :] + model.ddy * flux[..., 2:, :, :])

    shear = p.mean_flow[0] - p.mean_flow[1]
    gradients = (p.planetary_gradient + upper * shear, p.planetary_gradient - lower * shear)
    for i, (flow, gradient) in enumerate(zip(p.mean_flow, gradients, strict=True)):
        rate[..., i, :, :] -= model.ddx * (
            flow * state[..., i, :, :] + gradient * psi[..., i, :, :]
        )
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

    Third-order Adams-Bashforth, one tendency per step; the first two steps are fourth-order
    Runge-Kutta, so that the integration as a whole is of third order. It is stable while
    max|u| k_max time_step < 0.72 (k_max is about 0.75 of Nyquist under the exponential filter).

    Raises
    ------
    FloatingPointError
        When the flow is no longer finite: the time step was too long.
    """
    history: list[Tensor] = []  # the tendencies of the last two steps, newest first
    for step in range(1, steps + 1):
        rate = tendency(state, model)
        if len(history) < 2:
            increment = _runge_kutta(state, rate, model, time_step)
        else:
            increment = (23 * rate - 16 * history[0] + 5 * history[1]) / 12
        state = model.filter * (state + time_step * increment)
        history = [rate, *history[:1]]
        if step % every == 0:
            if not bool(torch.isfinite(torch.view_as_real(state)).all()):
                cure = f"shorten time_step ({time_step:g} s)"
                raise FloatingPointError(f"the flow blew up at or before step {step}; {cure}")
            yield state


def _runge_kutta(state: Tensor, first: Tensor, model: Operators, time_step: float) -> Tensor:
    second = tendency(state + time_step / 2 * first, model)
    third = tendency(state + time_step / 2 * second, model)
    fourth = tendency(state + time_step * third, model)
    mean: Tensor = (first + 2 * second + 2 * third + fourth) / 6
    return mean


def initial_state(model: Operators, *, seed: int, amplitude: float = 2e-6) -> Tensor:
    """Return the jet at equilibrium in the upper layer, plus noise where it is unstable.

    The noise is white, of ``amplitude`` 1/s per grid point, kept at 4 to 12 wavelengths per domain.
    """
    n = model.points
    noise = torch.randn(2, n, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    spectrum: Tensor = torch.fft.rfft2(amplitude * noise).to(model.jet_shear)
    waves = model.wavenumber2.sqrt() * model.parameters.domain_length / (2 * math.pi)
    jet = torch.zeros_like(spectrum)
    jet[0, :, 0] = model.jet_shear
    return potential_vorticity(jet, model) + ((waves > 4) & (waves < 12)) * spectrum


def refine(state: Tensor, points: int) -> Tensor:
    """Interpolate a state to a finer grid by zero-padding its spectrum: exact at shared points.

    The Nyquist modes of the coarse grid, whose phase is ambiguous, are dropped.
    """
    coarse = state.shape[-2]
    if points < coarse or points % 2:
        raise ValueError(f"points is {points}; expected an even number of at least {coarse}")
    half = coarse // 2
    fine = state.new_zeros(*state.shape[:-2], points, points // 2 + 1)
    fine[..., :half, :half] = state[..., :half, :half]
    fine[..., 1 - half :, :half] = state[..., 1 - half :, :half]
    return fine * (points / coarse) ** 2


def energy(state: Tensor, model: Operators) -> Tensor:
    r"""Kinetic plus available potential energy per unit mass, m²/s², shape (...).

    .. math:: \langle H_1 |\nabla\psi_1|^2 + H_2 |\nabla\psi_2|^2 + H_1 F_1 (\psi_1-\psi_2)^2
        \rangle / 2H = - \langle H_1 \psi_1 q_1 + H_2 \psi_2 q_2 \rangle / 2H

    Conserved without forcing, drag, mean flow and aliasing.
    """
    psi, vorticity = torch.fft.irfft2(streamfunction(state, model)), torch.fft.irfft2(state)
    return -_column_mean(psi * vorticity, model) / 2


def _column_mean(field: Tensor, model: Operators) -> Tensor:
    upper, lower = model.parameters.upper_depth, model.parameters.lower_depth
    mean = field.mean(dim=(-2, -1))
    return (upper * mean[..., 0] + lower * mean[..., 1]) / (upper + lower)
