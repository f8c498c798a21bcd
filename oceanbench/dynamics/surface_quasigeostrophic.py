r"""Surface quasi-geostrophic flow: buoyancy at the surface, and at the bottom, is all that moves.

.. math::
    \partial_t b_i + J(\psi_i, b_i) + U_i \partial_x b_i - \Lambda f_0 \partial_x \psi_i
        = - \frac{\overline{b_i} - B_i}{\tau}
        - \delta_{i2} \frac{N^2 H}{f_0 T} \nabla^2 \psi_2, \qquad \Lambda = \frac{U_1 - U_2}{H}

Between two horizontal boundaries, H apart, stratification N and potential vorticity are uniform;
then the buoyancies :math:`b = f_0 \partial_z \psi` at the surface (1) and at the bottom (2)
determine the flow. With :math:`\mu = N K H / |f_0|`

.. math::
    \hat\psi_1 = \frac{\mathrm{sgn} f_0}{N K}
        \Bigl( \frac{\hat b_1}{\tanh\mu} - \frac{\hat b_2}{\sinh\mu} \Bigr), \qquad
    \hat\psi_2 = \frac{\mathrm{sgn} f_0}{N K}
        \Bigl( \frac{\hat b_1}{\sinh\mu} - \frac{\hat b_2}{\tanh\mu} \Bigr).

At scales that are short against the deformation radius N H / f0 the surface is alone,
:math:`\hat\psi = \hat b / N K`: fronts, filaments, a spectrum of buoyancy and of currents near
:math:`K^{-5/3}`. At large scales the two boundaries see each other: a sheared mean flow is unstable
as Eady found. The overline is the zonal mean, B the buoyancy of a zonal jet that vanishes at the
bottom, T the time in which friction at the bottom stops a tall column. There is no beta.

The state of every function is b1 and b2 as ``torch.fft.rfft2`` coefficients: complex, shape
(..., 2, n, n // 2 + 1), in m/s², with any leading dimensions (ensembles). Rows after the two are
tracers, which the surface carries. The plane is that of :mod:`oceanbench.dynamics.spectral`.

>>> model = operators(Parameters(), points=32)
>>> *_, state = integrate(initial_state(model, seed=0), model, time_step=3600.0, steps=24, every=12)
>>> sea_surface_height(state, model).shape
torch.Size([32, 32])

References
----------
Blumen (1978), Uniform potential vorticity flow. Part I, Theory of wave interactions and
two-dimensional turbulence, doi:10.1175/1520-0469(1978)035<0774:UPVFPI>2.0.CO;2
Held, Pierrehumbert, Garner and Swanson (1995), Surface quasi-geostrophic dynamics,
doi:10.1017/S0022112095000012
Eady (1949), Long waves and cyclone waves, doi:10.1111/j.2153-3490.1949.tb01265.x
Tulloch and Smith (2006), A theory for the atmospheric energy spectrum: depth-limited temperature
anomalies at the tropopause, doi:10.1073/pnas.0605494103
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from oceanbench.dynamics import rotation, spectral
from oceanbench.dynamics.quasigeostrophic import DAY
from oceanbench.dynamics.spectral import SmallScaleFilter, TwoLevels


@dataclass(frozen=True)
class Parameters:
    """What the flow is made of, in SI units; the defaults are a current of the mid-latitudes.

    ``stratification`` is N, 1/s; ``depth`` H, m, may be infinite: then the surface is alone (a
    mean flow that is sheared needs a finite one, and so has the drag). ``mean_flow``, uniform and
    eastward at the surface and at the bottom, is felt by the flow but absent from the state:
    sheared, it is Eady's problem. ``relaxation_time`` and ``drag_time`` may be None (no forcing, no
    drag). The filter is one of :func:`oceanbench.dynamics.spectral.plane`.
    """

    domain_length: float = 1440e3
    latitude: float = 40.0
    stratification: float = 4e-3
    depth: float = 1000.0
    jet_speed: float = 0.5
    jet_width: float = 80e3
    relaxation_time: float | None = 20.0 * DAY
    drag_time: float | None = 20.0 * DAY
    mean_flow: tuple[float, float] = (0.0, 0.0)
    gravity: float = 9.81
    small_scale_filter: SmallScaleFilter = "exponential"

    @property
    def coriolis(self) -> float:
        """Coriolis parameter f0, 1/s."""
        return rotation.coriolis(self.latitude)

    @property
    def deformation_radius(self) -> float:
        """Radius N H / abs(f0), m: π times that of the first mode."""
        return self.stratification * self.depth / abs(self.coriolis)

    @property
    def mean_gradient(self) -> float:
        """Northward gradient of the mean flow's buoyancy, -f0 (U1 - U2) / H, 1/s²."""
        return -self.coriolis * (self.mean_flow[0] - self.mean_flow[1]) / self.depth


streamfunction, velocity = spectral.streamfunction, spectral.velocity


@dataclass(frozen=True)
class Operators(TwoLevels):
    """The parameters on one grid, as the spectral multipliers that `operators` computes once.

    ``inversion`` (m s) is of buoyancy; ``jet`` (2, n), m/s²: B at both boundaries, its zonal mean
    column.
    """

    parameters: Parameters
    jet: Tensor


def operators(
    parameters: Parameters,
    points: int,
    *,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> Operators:
    """Build the operators on ``points`` x ``points`` (even), in float64, rounded to ``dtype``."""
    p = parameters
    if p.latitude == 0 or p.stratification <= 0 or p.depth <= 0:
        raise ValueError(
            f"latitude {p.latitude}, stratification {p.stratification} 1/s, depth {p.depth} m; "
            "expected a latitude off the equator and positive numbers"
        )
    if math.isinf(p.depth) and p.drag_time is not None:
        raise ValueError(
            "an infinitely deep sea has no drag at its bottom; expected drag_time None"
        )
    exact = spectral.plane(points, p.domain_length, p.small_scale_filter)
    grid = spectral.plane(points, p.domain_length, p.small_scale_filter, dtype=dtype, device=device)
    wavenumber = exact.wavenumber2.sqrt()
    wavenumber[0, 0] = math.inf  # the domain mean of a streamfunction means nothing: keep it zero
    mu = p.deformation_radius * wavenumber
    near, far = 1 / torch.tanh(mu), 1 / torch.sinh(mu)
    scale = math.copysign(1.0, p.coriolis) / (p.stratification * wavenumber)
    inversion = scale * torch.stack([near, -far, far, -near])
    jet = spectral.zonal_jet(exact, p.domain_length, p.jet_speed, p.jet_width)
    # ψ2 = 0 where b2 = b1 / cosh μ
    buoyancy = jet * near[:, 0] / scale[:, 0].where(jet != 0, 1.0)
    return Operators(
        **vars(grid),
        parameters=p,
        inversion=spectral.rounded(inversion.reshape(2, 2, *mu.shape), dtype, device),
        jet=spectral.rounded(torch.stack([buoyancy, buoyancy / mu[:, 0].cosh()]), dtype, device),
    )


def sea_surface_height(state: Tensor, model: Operators) -> Tensor:
    """Sea surface height f0 ψ1 / g, metres, shape (..., n, n), rows along y; its mean is zero."""
    psi = streamfunction(state, model)[..., 0, :, :]
    height: Tensor = torch.fft.irfft2(psi)
    return height * (model.parameters.coriolis / model.parameters.gravity)


def tendency(state: Tensor, model: Operators) -> Tensor:
    """Time derivative of the state, shaped as it: advection, mean shear, relaxation, drag."""
    p = model.parameters
    psi = streamfunction(state, model)
    rate = spectral.advection(psi, state, model, p.mean_flow)
    rate[..., :2, :, :] -= p.mean_gradient * model.ddx * psi
    if p.drag_time is not None:
        strength = p.stratification**2 * p.depth / (p.coriolis * p.drag_time)
        rate[..., 1, :, :] += strength * model.wavenumber2 * psi[..., 1, :, :]
    if p.relaxation_time is not None:
        rate[..., :2, :, 0] -= (state[..., :2, :, 0] - model.jet) / p.relaxation_time
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


def initial_state(model: Operators, *, seed: int, amplitude: float = 1e-4) -> Tensor:
    """Return the jet at equilibrium, plus noise at the surface and at the bottom.

    The noise is white, of ``amplitude`` m/s² per grid point, kept at 4 to 12 wavelengths per
    domain.
    """
    noise = spectral.eddies(model, model.parameters.domain_length, seed, (4, 12))
    state = amplitude * noise
    state[..., 0] += model.jet
    return state


def energy(state: Tensor, model: Operators) -> Tensor:
    r"""Kinetic plus available potential energy per unit mass and depth, m³/s², shape (...).

    .. math::
        \Bigl\langle \int |\nabla\psi|^2 + \frac{f_0^2}{N^2} (\partial_z \psi)^2 \, dz \Bigr\rangle
        / 2 = \frac{f_0}{2 N^2} \langle \psi_1 b_1 - \psi_2 b_2 \rangle

    Conserved, as are the means of b1² and b2², without forcing, drag, mean flow and aliasing.
    """
    p = model.parameters
    psi = torch.fft.irfft2(streamfunction(state, model))
    product = (psi * torch.fft.irfft2(state[..., :2, :, :])).mean(dim=(-2, -1))
    difference: Tensor = product[..., 0] - product[..., 1]
    return difference * (p.coriolis / (2 * p.stratification**2))
