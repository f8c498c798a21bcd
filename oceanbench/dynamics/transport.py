r"""Transport of tracers between the wet cells of a basin, in flux form.

.. math:: \partial_t c = - \partial_x F - \partial_y G, \qquad F = u^+ c_L + u^- c_R

What leaves a cell enters its neighbour, and nothing crosses a coast: the integral of c is conserved
to rounding. Where the flow has no divergence on the grid a uniform tracer stays uniform. The values
:math:`c_L, c_R` at a face, seen from either side, come from differences between neighbouring cells,
those across a coast being zero:

- ``smooth``: upwind-biased, of fifth order: its error damps the grid scale and spares eddies;
- ``limited``: upwind-biased, of third order, with Koren's limiter: no new extremes.

References
----------
Koren (1993), A robust upwind discretization method for advection, diffusion and source terms, in
Numerical methods for advection-diffusion problems, Vieweg, pp. 117-138
Durran (2010), Numerical methods for fluid dynamics, ch. 5, doi:10.1007/978-1-4419-6412-0
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import pad

Scheme = Literal["smooth", "limited"]


def open_faces(wet: Tensor) -> tuple[Tensor, Tensor]:
    """1 at faces between two wet cells, else 0.

    Parameters
    ----------
    wet : (rows, columns), 1 in wet cells, else 0

    Returns
    -------
    (rows, columns + 1) and (rows + 1, columns), faces to the west and to the south of the cells
    """
    return pad(wet[:, 1:] * wet[:, :-1], (1, 1)), pad(wet[1:] * wet[:-1], (0, 0, 1, 1))


def divergence(
    tracer: Tensor,
    flow: tuple[Tensor, Tensor],
    faces: tuple[Tensor, Tensor],
    spacing: tuple[float, float],
    scheme: Scheme,
) -> Tensor:
    """Divergence of the flux of a tracer, per second, zero in dry cells.

    Parameters
    ----------
    tracer : (..., rows, columns)
    flow : eastward (..., rows, columns + 1) and northward (..., rows + 1, columns), m/s
    faces : from :func:`open_faces`
    spacing : (dy, dx), m
    scheme : ``smooth`` or ``limited``
    """
    (u, v), (open_u, open_v), (dy, dx) = flow, faces, spacing
    along_x = u * open_u * _upwind(tracer, u, open_u, scheme)
    turned = _upwind(tracer.mT, v.mT, open_v.mT, scheme)
    along_y = v * open_v * turned.mT
    return along_x.diff(dim=-1) / dx + along_y.diff(dim=-2) / dy


def _upwind(c: Tensor, flow: Tensor, faces: Tensor, scheme: Scheme) -> Tensor:
    """Values at the faces along the last dimension, taken from where the flow comes."""
    steps = pad(c.diff(dim=-1), (3, 3)) * pad(faces, (2, 2))
    far_left, left, here, right, far_right = (steps[..., k : k + faces.shape[-1]] for k in range(5))
    correction = _fifth_order if scheme == "smooth" else _koren
    from_left = pad(c, (1, 0)) + correction(far_left, left, here, right)
    from_right = pad(c, (0, 1)) - correction(far_right, right, here, left)
    return torch.where(flow > 0, from_left, from_right)


def _fifth_order(before: Tensor, behind: Tensor, here: Tensor, ahead: Tensor) -> Tensor:
    """From the cell upwind of a face to the face, by the steps between five cells in a row."""
    return (-2 * before + 11 * behind + 24 * here - 3 * ahead) / 60


def _koren(before: Tensor, behind: Tensor, here: Tensor, ahead: Tensor) -> Tensor:
    """Third-order correction, at most either neighbouring step and never against them."""
    third = (behind + 2 * here) / 6
    most = torch.minimum(behind, here).clamp_min(0.0)
    least = torch.maximum(behind, here).clamp_max(0.0)
    return third.clamp(least, most)
