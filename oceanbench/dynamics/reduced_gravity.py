r"""Quasi-geostrophic flow of one active layer over a deep one at rest, in a box: "1.5 layers".

.. math::
    q = \frac{g}{f_0} \Bigl( \nabla^2 h - \frac{h}{L_d^2} \Bigr), \qquad
    \partial_t q + J(\psi, q + \beta y) = - \nu \nabla^4 q, \qquad
    \psi = \frac{g}{f_0} h, \quad L_d = \frac{c_1}{f_0}

Sea surface height h determines the flow, and the flow carries its own potential vorticity q: this
is the least model that can move what altimeters saw. The domain is a rectangle of the plane; on its
edge h and q are given, as a limited-area model needs. J is Arakawa's Jacobian, the Laplacian has
five points, and h follows from q exactly, by sine transforms. Dissipation acts in the direction of
integration, so that a backward run is as stable as a forward one; without it the flow reverses.

Fields have shape (..., rows, columns), rows along y, edges included.

>>> model = operators(Parameters(), rows=21, columns=31, spacing=(20e3, 20e3))
>>> arch = torch.sin(torch.linspace(0.0, math.pi, 31, dtype=torch.float64))
>>> bump = arch[5:-5, None] * arch
>>> vorticity = potential_vorticity(bump, model)
>>> next_vorticity = advance(vorticity, (bump, bump), model, time_step=3600.0)
>>> sea_surface_height(next_vorticity, bump, model).shape
torch.Size([21, 31])

References
----------
Vallis (2017), Atmospheric and Oceanic Fluid Dynamics, ch. 5, doi:10.1017/9781107588417
Arakawa (1966), Computational design for long-term numerical integration of the equations of fluid
motion, doi:10.1016/0021-9991(66)90015-5
Ubelmann, Klein and Fu (2015), Dynamic interpolation of sea surface height,
doi:10.1175/JTECH-D-14-00152.1
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from oceanbench.dynamics.quasigeostrophic import DAY
from oceanbench.dynamics.rotation import BetaPlane

STABLE_COURANT = 2.5  # fourth-order Runge-Kutta bears 2.8


@dataclass(frozen=True)
class Parameters(BetaPlane):
    """What the flow is made of, in SI units; the defaults are those of the Gulf Stream.

    ``wave_speed`` is that of the first baroclinic gravity wave, c1. ``beta`` None means the value
    at ``latitude``. ``dissipation_time`` is that in which the shortest wave of the grid, the
    checkerboard, decays by e; None means no dissipation.
    """

    latitude: float = 38.0
    wave_speed: float = 2.7
    beta: float | None = None
    dissipation_time: float | None = 0.25 * DAY
    gravity: float = 9.81

    @property
    def deformation_radius(self) -> float:
        """Radius of deformation c1 / abs(f0), m."""
        return self.wave_speed / abs(self.coriolis)


@dataclass(frozen=True)
class Operators:
    """The parameters on one grid, as `operators` computes them once.

    ``spacing`` (dy, dx), m; ``sine_y`` and ``sine_x``: orthonormal sine transforms of the interior
    rows and columns, each its own inverse; ``inversion``: (rows - 2, columns - 2), m s, from the
    transform of q to that of h; ``planetary`` (rows, 1): β y, 1/s.
    """

    parameters: Parameters
    spacing: tuple[float, float]
    sine_y: Tensor
    sine_x: Tensor
    inversion: Tensor
    planetary: Tensor


def operators(
    parameters: Parameters,
    rows: int,
    columns: int,
    spacing: tuple[float, float],
    *,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> Operators:
    """Build the operators on ``rows`` x ``columns`` points, ``spacing`` (dy, dx) metres apart."""
    if min(rows, columns) < 5 or min(spacing) <= 0 or parameters.wave_speed <= 0:
        raise ValueError(
            f"a grid of {rows} x {columns} points {spacing} m apart with wave speed "
            f"{parameters.wave_speed} m/s; expected at least 5 x 5 points and positive numbers"
        )
    if parameters.latitude == 0 or abs(parameters.latitude) > 90:
        raise ValueError(f"latitude is {parameters.latitude}; geostrophy needs one off the equator")
    (sine_y, minus_y), (sine_x, minus_x) = (
        sine_transform(count - 2, step)
        for count, step in zip((rows, columns), spacing, strict=True)
    )
    laplacian = minus_y[:, None] + minus_x
    helmholtz = laplacian - parameters.deformation_radius**-2
    y = (torch.arange(rows, dtype=torch.float64) - (rows - 1) / 2) * spacing[0]

    def rounded(values: Tensor) -> Tensor:
        return values.to(device, dtype)

    return Operators(
        parameters=parameters,
        spacing=spacing,
        sine_y=rounded(sine_y),
        sine_x=rounded(sine_x),
        inversion=rounded(parameters.coriolis / parameters.gravity / helmholtz),
        planetary=rounded(parameters.planetary_gradient * y[:, None]),
    )


def sine_transform(points: int, step: float) -> tuple[Tensor, Tensor]:
    """Orthonormal sine transform of interior points, and the second difference of each mode.

    As a matrix it costs more operations than a fast transform beyond some hundred points, and less
    time below: it is one product, on any device.
    """
    number = torch.arange(1, points + 1, dtype=torch.float64)
    angle = math.pi * number / (points + 1)
    matrix = math.sqrt(2 / (points + 1)) * torch.sin(number[:, None] * angle)
    return matrix, -((2 / step * torch.sin(angle / 2)) ** 2)


def _laplacian(field: Tensor, spacing: tuple[float, float]) -> Tensor:
    """Five-point Laplacian at the interior points, shape (..., rows - 2, columns - 2)."""
    centre = 2 * field[..., 1:-1, 1:-1]
    along_y = field[..., 2:, 1:-1] - centre + field[..., :-2, 1:-1]
    along_x = field[..., 1:-1, 2:] - centre + field[..., 1:-1, :-2]
    return along_y / spacing[0] ** 2 + along_x / spacing[1] ** 2


def _with_edge(interior: Tensor) -> Tensor:
    """Surround the interior by its linear extrapolation."""
    f = interior
    rows = (2 * f[..., :1, :] - f[..., 1:2, :], f, 2 * f[..., -1:, :] - f[..., -2:-1, :])
    f = torch.cat(rows, dim=-2)
    columns = (2 * f[..., :1] - f[..., 1:2], f, 2 * f[..., -1:] - f[..., -2:-1])
    return torch.cat(columns, dim=-1)


def potential_vorticity(height: Tensor, model: Operators) -> Tensor:
    """Potential vorticity q, 1/s, of a height; extrapolated from the interior to the edge."""
    p = model.parameters
    stretching = height[..., 1:-1, 1:-1] / p.deformation_radius**2
    return _with_edge(p.gravity / p.coriolis * (_laplacian(height, model.spacing) - stretching))


def sea_surface_height(vorticity: Tensor, edge: Tensor, model: Operators) -> Tensor:
    """Height, m, with the given interior potential vorticity and the edge values of ``edge``."""
    p = model.parameters
    rim = edge.clone()
    rim[..., 1:-1, 1:-1] = 0.0
    source = vorticity[..., 1:-1, 1:-1] - p.gravity / p.coriolis * _laplacian(rim, model.spacing)
    modes = model.inversion * (model.sine_y @ source @ model.sine_x)
    return rim + torch.nn.functional.pad(model.sine_y @ modes @ model.sine_x, (1, 1, 1, 1))


def velocity(height: Tensor, model: Operators) -> tuple[Tensor, Tensor]:
    """Eastward and northward geostrophic velocity, m/s, at the interior points."""
    scale = model.parameters.gravity / model.parameters.coriolis / 2
    u = -scale * (height[..., 2:, 1:-1] - height[..., :-2, 1:-1]) / model.spacing[0]
    v = scale * (height[..., 1:-1, 2:] - height[..., 1:-1, :-2]) / model.spacing[1]
    return u, v


def courant_number(height: Tensor, model: Operators, time_step: float) -> float:
    """Largest number of grid steps that the flow crosses in a time step; keep it below 2.5."""
    u, v = velocity(height, model)
    crossed = u.abs() / model.spacing[1] + v.abs() / model.spacing[0]
    return float(crossed.max()) * abs(time_step)


def jacobian(a: Tensor, b: Tensor, model: Operators) -> Tensor:
    """Arakawa's form of a_x b_y - a_y b_x at the interior points; it conserves a² and b²."""
    a_n, a_s, a_e, a_w, a_ne, a_nw, a_se, a_sw = _neighbours(a)
    b_n, b_s, b_e, b_w, b_ne, b_nw, b_se, b_sw = _neighbours(b)
    total = (a_e - a_w) * (b_n - b_s) - (a_n - a_s) * (b_e - b_w)
    total += a_e * (b_ne - b_se) - a_w * (b_nw - b_sw) - a_n * (b_ne - b_nw) + a_s * (b_se - b_sw)
    total += b_n * (a_ne - a_nw) - b_s * (a_se - a_sw) - b_e * (a_ne - a_se) + b_w * (a_nw - a_sw)
    return total / (12 * model.spacing[0] * model.spacing[1])


def _neighbours(field: Tensor) -> list[Tensor]:
    """The field to the north, south, east, west, north-east, -west, south-east, -west."""
    rows = {"n": slice(2, None), "": slice(1, -1), "s": slice(None, -2)}
    columns = {"e": slice(2, None), "": slice(1, -1), "w": slice(None, -2)}
    places = [("n", ""), ("s", ""), ("", "e"), ("", "w")]
    places += [("n", "e"), ("n", "w"), ("s", "e"), ("s", "w")]
    return [field[..., rows[y], columns[x]] for y, x in places]


def tendency(vorticity: Tensor, edge: Tensor, model: Operators, *, direction: int = 1) -> Tensor:
    """Time derivative of q, 1/s², zero on the edge; dissipation has the sign of ``direction``."""
    p = model.parameters
    psi = p.gravity / p.coriolis * sea_surface_height(vorticity, edge, model)
    rate = -jacobian(psi, vorticity + model.planetary, model)
    if p.dissipation_time is not None:
        strongest = 4 / model.spacing[0] ** 2 + 4 / model.spacing[1] ** 2
        curvature = torch.nn.functional.pad(_laplacian(vorticity, model.spacing), (1, 1, 1, 1))
        viscosity = direction / (p.dissipation_time * strongest**2)
        rate -= viscosity * _laplacian(curvature, model.spacing)
    return torch.nn.functional.pad(rate, (1, 1, 1, 1))


def advance(
    vorticity: Tensor, edges: tuple[Tensor, Tensor], model: Operators, *, time_step: float
) -> Tensor:
    """One step of fourth-order Runge-Kutta, backward in time where ``time_step`` is negative.

    Parameters
    ----------
    vorticity : (..., rows, columns), 1/s; its edge is kept
    edges : heights at the start and at the end of the step, of which the edge counts
    model : from :func:`operators`
    time_step : s; stable while :func:`courant_number` is below 2.5
    """
    direction = 1 if time_step > 0 else -1
    start, end = edges
    middle = (start + end) / 2

    def rate(state: Tensor, edge: Tensor) -> Tensor:
        return tendency(state, edge, model, direction=direction)

    first = rate(vorticity, start)
    second = rate(vorticity + time_step / 2 * first, middle)
    third = rate(vorticity + time_step / 2 * second, middle)
    fourth = rate(vorticity + time_step * third, end)
    return vorticity + time_step / 6 * (first + 2 * second + 2 * third + fourth)
