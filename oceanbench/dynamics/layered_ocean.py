r"""Two-layer quasi-geostrophic ocean in a closed basin, with advected temperature and salinity.

.. math::
    q_1 &= \nabla^2 \psi_1 - F_1 (\psi_1 - \psi_2), \qquad
    q_2 = \nabla^2 \psi_2 + F_2 (\psi_1 - \psi_2) \\
    \partial_t q_i &= - \nabla \cdot \mathbf{u}_i (q_i + \beta y)
        \pm F_i \bigl( \overline{\psi_1 - \psi_2} - D \bigr) / \tau
        + \delta_{i1} \frac{\nabla \times \tau_w}{\rho H_1} - \delta_{i2} \, r \nabla^2 \psi_2 \\
    \partial_t T_a &= - \nabla \cdot \mathbf{u}_1 T_a + \frac{\gamma}{h} (T^* - T_a)
        + \frac{w}{h} (T_b - T_a), \qquad
    \partial_t T_b = - \nabla \cdot \mathbf{u}_1 T_b + \frac{w}{H_1 - h} (T_a - T_b)
        + \frac{T_b^* - T_b}{\tau_b}

Index a is the mixed layer, of depth h, b the rest of the upper layer; salinity has the same
equations. The overline is the zonal mean over the sea, D(y) the shear of an unstable current,
whose eddies fill the basin. Wind, T* and the mixing w follow the seasons. T and S are *passive*:
the density that moves water is the interface's. Potential vorticity, T and S live in cells, in flux
form (:mod:`oceanbench.dynamics.transport`), the streamfunction on their corners
(:mod:`oceanbench.dynamics.basin`), so that the flow has no divergence and crosses no coast.

Without forcing, the integrals of q, T and S over the basin and the volumes of both layers are
conserved to rounding. Energy is not: the transport takes it from the grid scale. The rigid lid
leaves the level of the sea arbitrary: its mean over the sea is zero.

A state is one tensor (..., 6, rows, columns): q1, q2 (1/s), Ta (degrees C), Sa (1e-3), Tb, Sb, zero
on land, with any leading dimensions (ensembles). Time is in seconds since a 1 January.

References
----------
Vallis (2017), Atmospheric and Oceanic Fluid Dynamics, ch. 5 and 9, doi:10.1017/9781107588417
McWilliams (1977), A note on a consistent quasigeostrophic model in a multiply connected domain,
doi:10.1016/0377-0265(77)90002-1
Shu and Osher (1988), Efficient implementation of essentially non-oscillatory shock-capturing
schemes, doi:10.1016/0021-9991(88)90177-5
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from oceanbench.dynamics import rotation, transport
from oceanbench.dynamics.basin import Basin, Inversion, inversion
from oceanbench.dynamics.ocean_climate import climate, season
from oceanbench.dynamics.quasigeostrophic import DAY, TwoLayers

DENSITY = 1025.0  # kg/m³
LAYERS = 2  # rows of the state before the tracers


@dataclass(frozen=True)
class Parameters(TwoLayers):
    """What the ocean is made of, in SI units but for pistons and mixing, in metres a day.

    Times may be None (no such forcing), speeds and the wind 0. ``shear_speed`` and ``shear_width``:
    D is the shear of a current with that speed in its middle and a sech² profile of that width.
    ``wind_season``: relative amplitude of the seasonal cycle of the wind.
    """

    upper_depth: float = 900.0
    lower_depth: float = 3500.0
    deformation_radius: float = 34e3
    shear_speed: float = 0.11
    shear_width: float = 250e3
    shear_time: float | None = 30.0 * DAY
    drag_time: float | None = 10.0 * DAY
    wind_stress: float = 0.03
    wind_season: float = 0.25
    mixed_layer: float = 60.0
    heat_piston: float = 0.8
    salt_piston: float = 0.25
    winter_mixing: float = 2.0
    interior_time: float | None = 1500.0 * DAY
    gravity: float = 9.81


@dataclass(frozen=True)
class Operators:
    """The parameters in one basin, as `operators` computes them once.

    ``wet`` (rows, columns): 1 or 0; ``faces``: from :func:`transport.open_faces`; ``inversion`` of
    the barotropic and the baroclinic mode; ``uniform`` (rows + 1, columns + 1): the baroclinic mode
    without vorticity that is 1 on the coast; ``weights``: the share of each corner in a mean over
    the sea; ``planetary`` and ``curl`` (rows, 1): βy and the curl of the wind / ρ H1; ``shear``
    (rows, 1): D, m²/s; ``north`` (rows, 1): 0 to 1 from the southern to the northern edge.
    """

    parameters: Parameters
    basin: Basin
    coriolis: float
    wet: Tensor
    faces: tuple[Tensor, Tensor]
    inversion: Inversion
    uniform: Tensor
    weights: Tensor
    planetary: Tensor
    curl: Tensor
    shear: Tensor
    north: Tensor


def operators(
    parameters: Parameters,
    basin: Basin,
    *,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> Operators:
    """Build the operators of a basin."""
    p, (dy, _) = parameters, basin.spacing
    wet = torch.from_numpy(basin.wet).to(device, dtype)
    solve = inversion(basin, torch.tensor([0.0, p.deformation_radius**-2]).double(), dtype, device)
    ones = wet.new_ones(2, *(n + 1 for n in wet.shape))
    weights = 4 * to_cells(pad(wet, (1, 1, 1, 1)))
    rows = basin.latitude.size
    north = ((torch.arange(rows, dtype=torch.float64) + 0.5) / rows)[:, None]
    y = (north - 0.5) * rows * dy
    wave = 2 * math.pi / (rows * dy)
    curl = -p.wind_stress * wave * torch.sin(2 * math.pi * north) / (DENSITY * p.upper_depth)
    return Operators(
        parameters=p,
        basin=basin,
        coriolis=rotation.coriolis(basin.middle),
        wet=wet,
        faces=transport.open_faces(wet),
        inversion=solve,
        uniform=1 + solve(ones)[1] / p.deformation_radius**2,
        weights=weights / weights.sum(),
        planetary=(rotation.planetary_gradient(basin.middle) * y).to(wet),
        curl=curl.to(wet),
        shear=(-p.shear_speed * p.shear_width * torch.tanh(y / p.shear_width)).to(wet),
        north=north.to(wet),
    )


def to_cells(corners: Tensor) -> Tensor:
    """Mean of the four corners of each cell."""
    pairs = corners[..., 1:, :] + corners[..., :-1, :]
    return (pairs[..., 1:] + pairs[..., :-1]) / 4


def _to_corners(of_cells: Tensor) -> Tensor:
    """Mean of the four cells around each corner, 0 on the rim of the grid."""
    return pad(to_cells(of_cells), (1, 1, 1, 1))


def streamfunction(state: Tensor, model: Operators) -> Tensor:
    """Invert potential vorticity: ψ1 and ψ2, m²/s, at corners, (..., 2, rows + 1, columns + 1)."""
    p = model.parameters
    total = p.upper_depth + p.lower_depth
    q1, q2 = _to_corners(state[..., :LAYERS, :, :]).unbind(-3)
    modes = model.inversion(
        torch.stack([(p.upper_depth * q1 + p.lower_depth * q2) / total, q1 - q2], dim=-3)
    )
    barotropic, shear = modes.unbind(-3)
    excess = (shear * model.weights).sum((-2, -1), keepdim=True)
    shear = shear - excess / (model.uniform * model.weights).sum() * model.uniform
    return torch.stack(
        [barotropic + p.lower_depth / total * shear, barotropic - p.upper_depth / total * shear],
        dim=-3,
    )


def potential_vorticity(psi: Tensor, model: Operators) -> Tensor:
    """q1 and q2 in cells, (..., 2, rows, columns), of a streamfunction at corners.

    The mean of what the corners have, to be added to a state: what lies within a cell of the coast
    and scales of two cells come back weaker from :func:`streamfunction`.
    """
    upper, lower = model.parameters.stretching
    shear = psi[..., 0, :, :] - psi[..., 1, :, :]
    stretching = torch.stack([-upper * shear, lower * shear], dim=-3)
    inside = pad(model.inversion.interior, (1, 1, 1, 1))
    return to_cells(model.inversion.laplacian(psi) + stretching * inside) * model.wet


def face_velocity(psi: Tensor, model: Operators) -> tuple[Tensor, Tensor]:
    """Flow through the western and southern faces of cells, m/s, without divergence."""
    dy, dx = model.inversion.spacing
    return -psi.diff(dim=-2) / dy, psi.diff(dim=-1) / dx


def sea_surface_height(psi: Tensor, model: Operators, *, land: bool = False) -> Tensor:
    """Height f0 ψ1 / g in cells, m, (..., rows, columns), of mean zero over the sea.

    Land is 0; or, for those who interpolate, continues the height of the coast.
    """
    upper = psi[..., 0, :, :]
    mean = (upper * model.weights).sum((-2, -1), keepdim=True)
    height = to_cells(upper - mean) * (model.coriolis / model.parameters.gravity)
    return height if land else height * model.wet


def tendency(state: Tensor, time: float, model: Operators) -> Tensor:
    """Time derivative of the state, per second, zero on land."""
    psi = streamfunction(state, model)
    u, v = face_velocity(psi, model)
    upper = u[..., :1, :, :], v[..., :1, :, :]
    spacing = model.inversion.spacing
    vorticity = state[..., :LAYERS, :, :] + model.planetary
    rate = torch.cat(
        [
            transport.divergence(vorticity, (u, v), model.faces, spacing, "smooth"),
            transport.divergence(state[..., LAYERS:, :, :], upper, model.faces, spacing, "limited"),
        ],
        dim=-3,
    ).neg_()
    rate[..., :LAYERS, :, :] += _vorticity_forcing(psi, time, model)
    rate[..., LAYERS:, :, :] += _tracer_forcing(state[..., LAYERS:, :, :], time, model)
    return rate * model.wet


def _vorticity_forcing(psi: Tensor, time: float, model: Operators) -> Tensor:
    p, (upper, lower) = model.parameters, model.parameters.stretching
    rate = torch.zeros_like(psi[..., 1:, 1:])
    rate[..., 0, :, :] += model.curl * (1 + p.wind_season * season(time))
    if p.drag_time is not None:
        curl = to_cells(model.inversion.laplacian(psi[..., 1, :, :]))
        rate[..., 1, :, :] -= curl / p.drag_time
    if p.shear_time is not None:
        shear = to_cells(psi[..., 0, :, :] - psi[..., 1, :, :]) * model.wet
        width = model.wet.sum(-1, keepdim=True)
        excess = shear.sum(-1, keepdim=True) / width.clamp_min(1.0) - model.shear
        excess = excess - (excess * width).sum((-2, -1), keepdim=True) / width.sum()
        rate += torch.stack([upper * excess, -lower * excess], dim=-3) / p.shear_time
    return rate


def _tracer_forcing(tracers: Tensor, time: float, model: Operators) -> Tensor:
    p = model.parameters
    mixed, below = tracers[..., :2, :, :], tracers[..., 2:, :, :]
    surface, interior = climate(model.north, time)
    pistons = tracers.new_tensor([p.heat_piston, p.salt_piston])[:, None, None] / DAY
    exchange = p.winter_mixing / DAY * (1 + season(time)) / 2 * (below - mixed)
    heating = pistons * (surface - mixed)
    rate_below = -exchange / (p.upper_depth - p.mixed_layer)
    if p.interior_time is not None:
        rate_below = rate_below + (interior - below) / p.interior_time
    return torch.cat([(heating + exchange) / p.mixed_layer, rate_below], dim=-3)


def advance(state: Tensor, time: float, model: Operators, *, time_step: float) -> Tensor:
    """State one step of ``time_step`` seconds after ``time``.

    Strong-stability-preserving Runge-Kutta of third order: three forward steps and their means, so
    that tracers get no new extremes. Stable while the flow crosses less than a cell in a step.
    """
    first = state + time_step * tendency(state, time, model)
    second = first + time_step * tendency(first, time + time_step, model)
    second = 0.75 * state + 0.25 * second
    third = second + time_step * tendency(second, time + time_step / 2, model)
    return state / 3 + 2 / 3 * third


def integrate(
    state: Tensor, time: float, model: Operators, *, time_step: float, steps: int, every: int = 1
) -> Iterator[Tensor]:
    """Yield the state after each ``every`` of ``steps`` steps of ``time_step`` seconds.

    Raises
    ------
    FloatingPointError
        When the flow is no longer finite: the time step was too long.
    """
    for step in range(1, steps + 1):
        state = advance(state, time + (step - 1) * time_step, model, time_step=time_step)
        if step % every == 0:
            if not bool(torch.isfinite(state).all()):
                cure = f"shorten time_step ({time_step:g} s)"
                raise FloatingPointError(f"the flow blew up at or before step {step}; {cure}")
            yield state


def initial_state(model: Operators, *, seed: int, amplitude: float = 1e-6) -> Tensor:
    """Water at rest, in the climate of 1 January, but for noise of ``amplitude`` 1/s in q."""
    noise = torch.randn(
        LAYERS, *model.wet.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    tracers = torch.cat(climate(model.north, 0.0)).expand(-1, *model.wet.shape)
    return torch.cat([(amplitude * noise).to(tracers), tracers]) * model.wet
