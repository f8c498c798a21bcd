r"""A doubly periodic plane in Fourier space: what its models share.

.. math:: \partial_t q = - \nabla \cdot (\mathbf{u} q) + \ldots, \qquad
    \mathbf{u} = (-\partial_y \psi, \partial_x \psi)

Fields are ``torch.fft.rfft2`` coefficients, complex, (..., rows, n, n // 2 + 1), of values at
``j L / n`` on a square of side L, with any leading dimensions. Derivatives are taken in spectral
space, products in physical space.

References
----------
Canuto, Hussaini, Quarteroni and Zang (2007), Spectral Methods: Evolution to Complex Geometries and
Applications to Fluid Dynamics, doi:10.1007/978-3-540-30728-0
Durran (1991), The third-order Adams-Bashforth method: an attractive alternative to leapfrog time
differencing, doi:10.1175/1520-0493(1991)119<0702:TTOABM>2.0.CO;2
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Tendency = Callable[[Tensor], Tensor]
SmallScaleFilter = Literal["exponential", "two_thirds", "none"]


@dataclass(frozen=True)
class Plane:
    """Spectral multipliers of a grid of ``points`` x ``points``.

    ``ddx`` (1, n // 2 + 1) and ``ddy`` (n, 1), 1/m: derivatives, zero for the Nyquist mode, whose
    derivative is not real; ``wavenumber2`` (n, n // 2 + 1), 1/m²; ``filter`` (n, n // 2 + 1), what
    the state is multiplied by after each step.
    """

    points: int
    ddx: Tensor
    ddy: Tensor
    wavenumber2: Tensor
    filter: Tensor


@dataclass(frozen=True)
class TwoLevels(Plane):
    """The plane of a flow at two levels, which the first two rows of its state determine.

    ``inversion`` (2, 2, n, n // 2 + 1): from the rows of the state to streamfunctions, m²/s.
    """

    inversion: Tensor


def plane(
    points: int,
    length: float,
    small_scale_filter: SmallScaleFilter,
    *,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> Plane:
    """Build the multipliers in float64, rounded to ``dtype``.

    Parameters
    ----------
    points : along each side, even
    length : of each side, m
    small_scale_filter : "exponential" spares wavenumbers below 0.65 of the grid's Nyquist and
        removes the variance beyond; "two_thirds" truncates, which frees the products of aliasing
        and conserves quadratic invariants; "none" does nothing
    dtype : of real multipliers
    device : of torch

    Raises
    ------
    ValueError
        if ``points`` is odd or less than 8
    """
    if points < 8 or points % 2:
        raise ValueError(f"points is {points}; expected an even number of at least 8")
    x_cycles = torch.fft.rfftfreq(points, dtype=torch.float64)[None, :]  # per grid step
    y_cycles = torch.fft.fftfreq(points, dtype=torch.float64)[:, None]
    k, l = (2 * math.pi * points / length * cycles for cycles in (x_cycles, y_cycles))  # noqa: E741
    odd_k, odd_l = (torch.where(c.abs() < 0.5, w, 0.0) for c, w in ((x_cycles, k), (y_cycles, l)))
    return Plane(
        points=points,
        ddx=rounded(1j * odd_k, dtype, device),
        ddy=rounded(1j * odd_l, dtype, device),
        wavenumber2=rounded(k**2 + l**2, dtype, device),
        filter=rounded(_filter(x_cycles, y_cycles, small_scale_filter), dtype, device),
    )


def _filter(x_cycles: Tensor, y_cycles: Tensor, kind: SmallScaleFilter) -> Tensor:
    if kind == "two_thirds":
        return ((x_cycles < 1 / 3) & (y_cycles.abs() < 1 / 3)).to(x_cycles.dtype)
    angle = 2 * math.pi * torch.sqrt(x_cycles**2 + y_cycles**2)
    strength = 23.6 if kind == "exponential" else 0.0  # 23.6 takes Nyquist below 1e-15 in one step
    return torch.exp(-strength * (angle - 0.65 * math.pi).clamp_min(0.0).pow(4))


def rounded(multiplier: Tensor, dtype: torch.dtype, device: torch.device | str) -> Tensor:
    """Bring a multiplier to the precision of a real ``dtype``, complex where it is complex."""
    complex_dtype = torch.complex64 if dtype == torch.float32 else torch.complex128
    return multiplier.to(device, complex_dtype if multiplier.is_complex() else dtype)


def zonal_jet(grid: Plane, length: float, speed: float, width: float) -> Tensor:
    r"""Streamfunction of a zonal jet :math:`U \mathrm{sech}^2((y - L/2) / w)`.

    u = -dψ/dy; the mean of the jet has no periodic ψ and is dropped, as is the Nyquist mode.

    Returns
    -------
    (n,), m²/s: the zonal mean column of its coefficients; ``grid`` must be in float64
    """
    y = torch.arange(grid.points, dtype=torch.float64) * length / grid.points
    profile = speed / torch.cosh((y - length / 2) / width) ** 2
    slope = grid.ddy.imag[:, 0]
    slope = torch.where(slope == 0, math.inf, slope)
    column: Tensor = 1j * grid.points * torch.fft.fft(profile) / slope
    return column


def eddies(grid: Plane, length: float, seed: int, waves: tuple[float, float]) -> Tensor:
    """White noise of unit variance per grid point, kept between numbers of waves per side.

    Returns
    -------
    (2, n, n // 2 + 1), of the precision and on the device of the grid
    """
    shape = (2, grid.points, grid.points)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    number = grid.wavenumber2.sqrt() * length / (2 * math.pi)
    spectrum: Tensor = torch.fft.rfft2(noise).to(grid.ddx)
    return ((number > waves[0]) & (number < waves[1])) * spectrum


def streamfunction(state: Tensor, model: TwoLevels) -> Tensor:
    """Coefficients of ψ at the upper and the lower level, m²/s, (..., 2, n, n // 2 + 1)."""
    return (model.inversion * state[..., :2, :, :].unsqueeze(-4)).sum(-3)


def velocity(state: Tensor, model: TwoLevels) -> tuple[Tensor, Tensor]:
    """Eastward and northward velocity, m/s, each (..., 2, n, n), without the uniform mean flow."""
    psi = streamfunction(state, model)
    return torch.fft.irfft2(-model.ddy * psi), torch.fft.irfft2(model.ddx * psi)


def advection(psi: Tensor, state: Tensor, grid: Plane, mean_flow: tuple[float, ...] = ()) -> Tensor:
    """Advective part of the tendency, in flux form.

    Parameters
    ----------
    psi : (..., levels, n, n // 2 + 1), m²/s, the uppermost level first
    state : (..., rows, n, n // 2 + 1), a row for each level, carried by its flow, then any number
        of tracers, carried by the uppermost
    grid : of both
    mean_flow : eastward, uniform in each level, m/s; none by default

    Returns
    -------
    minus the divergence of the fluxes, shaped as the state
    """
    levels, rows = psi.shape[-3], state.shape[-3]
    carrier = [*range(levels), *[0] * (rows - levels)]
    fields = torch.fft.irfft2(torch.cat([-grid.ddy * psi, grid.ddx * psi, state], dim=-3))
    u, v, q = fields.split([levels, levels, rows], dim=-3)
    if rows > levels:
        u, v = u[..., carrier, :, :], v[..., carrier, :, :]
    flux = torch.fft.rfft2(torch.cat([u * q, v * q], dim=-3))
    rate: Tensor = -(grid.ddx * flux[..., :rows, :, :] + grid.ddy * flux[..., rows:, :, :])
    if any(mean_flow):
        mean = torch.tensor([mean_flow[i] for i in carrier]).to(grid.wavenumber2)
        rate = rate - mean[:, None, None] * grid.ddx * state
    return rate


def integrate(
    state: Tensor,
    tendency: Tendency,
    grid: Plane,
    *,
    time_step: float,
    steps: int,
    every: int = 1,
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
        rate = tendency(state)
        if len(history) < 2:
            increment = _runge_kutta(state, rate, tendency, time_step)
        else:
            increment = (23 * rate - 16 * history[0] + 5 * history[1]) / 12
        state = grid.filter * (state + time_step * increment)
        history = [rate, *history[:1]]
        if step % every == 0:
            if not bool(torch.isfinite(torch.view_as_real(state)).all()):
                cure = f"shorten time_step ({time_step:g} s)"
                raise FloatingPointError(f"the flow blew up at or before step {step}; {cure}")
            yield state


def _runge_kutta(state: Tensor, first: Tensor, tendency: Tendency, time_step: float) -> Tensor:
    second = tendency(state + time_step / 2 * first)
    third = tendency(state + time_step / 2 * second)
    fourth = tendency(state + time_step * third)
    mean: Tensor = (first + 2 * second + 2 * third + fourth) / 6
    return mean


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
