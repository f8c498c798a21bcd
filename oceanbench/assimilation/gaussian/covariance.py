r"""Stationary space-time covariances, as correlations of scaled coordinates.

A covariance maps a point :math:`(x, y, t)` to scaled coordinates

.. math:: \Bigl( \frac{x - c_x t}{L_x}, \frac{y - c_y t}{L_y}, \frac{t}{T} \Bigr)

in which the correlation of two points is :math:`k(r) \, m(\Delta\tau)`, with :math:`r` their
distance in the first two and :math:`\Delta\tau` in the third. Propagation is linear in time, so the
covariance stays stationary, and a matrix between observations does not depend on the date of a map.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from oceanbench.errors import OceanbenchError

ZERO_CROSSING = 3.336912  # first zero of 1 + a + a²/6 - a³/6
IN_CACHE = 176  # side of the tiles computed on a CPU: they stay in its cache, and wake no threads
ON_DEVICE = 6144  # side of the tiles computed elsewhere


@dataclass(frozen=True)
class Covariance:
    r"""Correlation of sea level in space and time, 1 at zero separation.

    Attributes
    ----------
    length_x, length_y : in the unit of the coordinates (km, degrees)
    length_time : days
    speed_x, speed_y : propagation, in the unit of the coordinates per day
    shape : ``gaussian``, :math:`k(r) = e^{-r^2}` with e-folding lengths, as the data challenges; or
        ``arhan``, :math:`k(r) = (1 + a + a^2/6 - a^3/6) e^{-a}`, :math:`a = 3.337 r`, with lengths
        that are the radius of the first zero crossing, as DUACS
    memory : ``gaussian``, :math:`m(\tau) = e^{-\tau^2}`, or ``matern``, that of the order 3/2,
        :math:`m(\tau) = (1 + |\tau|) e^{-|\tau|}`: a Gaussian is analytic, and so promises too
        much where nothing is known of the time after the map

    References
    ----------
    Arhan and Colin de Verdière (1985), doi:10.1175/1520-0485(1985)015<0153:DOEMIT>2.0.CO;2
    """

    length_x: float
    length_y: float
    length_time: float
    speed_x: float = 0.0
    speed_y: float = 0.0
    shape: Literal["gaussian", "arhan"] = "gaussian"
    memory: Literal["gaussian", "matern"] = "gaussian"

    def __post_init__(self) -> None:
        """Refuse lengths that are not positive."""
        lengths = (self.length_x, self.length_y, self.length_time)
        if not all(length > 0 for length in lengths):
            raise OceanbenchError(f"covariance: lengths {lengths} must be positive")
        if self.shape not in ("gaussian", "arhan"):
            raise OceanbenchError(f"covariance: shape '{self.shape}' is not 'gaussian' or 'arhan'")
        if self.memory not in ("gaussian", "matern"):
            raise OceanbenchError(
                f"covariance: memory '{self.memory}' is not 'gaussian' or 'matern'"
            )

    def coordinates(self, x: torch.Tensor, y: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        """Scaled coordinates (n, 3) of points; ``x``, ``y`` and ``time`` (days) of shape (n,)."""
        return torch.stack(
            [
                (x - self.speed_x * time) / self.length_x,
                (y - self.speed_y * time) / self.length_y,
                time / self.length_time,
            ],
            dim=1,
        )

    def fading(self, later: torch.Tensor) -> torch.Tensor:
        """Part of time of the correlation; ``later`` are differences of scaled times."""
        if self.memory == "gaussian":
            return torch.exp(-(later**2))
        apart = later.abs()
        return (1.0 + apart) * torch.exp(-apart)

    def matrix(
        self,
        a: torch.Tensor,
        b: torch.Tensor,
        *,
        lower: bool = False,
        dtype: torch.dtype = torch.float64,
    ) -> torch.Tensor:
        """Correlations between points.

        Parameters
        ----------
        a, b : scaled coordinates, shapes (n, 3) and (m, 3), float64, near the origin
        lower : fill the lower triangle only (a and b the same points); the rest is undefined
        dtype : of the result; the correlations are computed in float64 and rounded

        Returns
        -------
        Tensor (n, m)
        """
        result = torch.empty(a.shape[0], b.shape[0], dtype=dtype, device=a.device)
        for rows, columns in _tiles(a, b, lower=lower):
            result[rows, columns] = self._tile(a[rows], b[columns])
        return result

    def times(self, a: torch.Tensor, b: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Product of the correlations between points with weights, without storing the matrix.

        Parameters
        ----------
        a, b : as for :meth:`matrix`; without their last column all are taken at the same time
        weights : (m, k), float64

        Returns
        -------
        Tensor (n, k)
        """
        result = weights.new_zeros(a.shape[0], weights.shape[1])
        for rows, columns in _tiles(a, b):
            result[rows].addmm_(self._tile(a[rows], b[columns]), weights[columns])
        return result

    def own_times(self, a: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """The same for the correlations of points among themselves: half of them are computed."""
        result = torch.zeros_like(weights)
        for rows, columns in _tiles(a, a, lower=True):
            tile = self._tile(a[rows], a[columns])
            result[rows].addmm_(tile, weights[columns])
            if columns != rows:
                result[columns].addmm_(tile.T, weights[rows])
        return result

    def _tile(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        if self.memory == "matern" and a.shape[1] > 2:
            return self._tile(a[:, :2], b[:, :2]).mul_(self.fading(a[:, 2:] - b[:, 2]))
        if self.shape == "gaussian":
            return _squared_distance(a, b).neg_().exp_()
        near, far = (ZERO_CROSSING * points[:, :2] for points in (a, b))
        reach = _squared_distance(near, far).clamp_(min=0.0).sqrt_()
        if a.shape[1] == 2:
            decay = torch.neg(reach).exp_()
        else:
            later = a[:, 2:] - b[:, 2]
            decay = torch.addcmul(reach, later, later).neg_().exp_()
        polynomial = torch.addcmul(reach + 1.0, reach * reach, reach - 1.0, value=-1.0 / 6.0)
        return polynomial.mul_(decay)


def _squared_distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Squared distances by one matrix product, |a|² + |b|² - 2 a·b; rounding may make them < 0."""
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1)
    return squares.addmm_(a, b.T, alpha=-2.0)


def _tiles(
    a: torch.Tensor, b: torch.Tensor, *, lower: bool = False
) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of the tiles in which a matrix between points is computed.

    Parameters
    ----------
    a, b : the points
    lower : only the tiles that touch the lower triangle
    """
    side = IN_CACHE if a.device.type == "cpu" else ON_DEVICE
    for top in range(0, a.shape[0], side):
        rows = slice(top, min(top + side, a.shape[0]))
        for left in range(0, rows.stop if lower else b.shape[0], side):
            yield rows, slice(left, min(left + side, b.shape[0]))
