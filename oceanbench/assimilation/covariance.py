r"""Stationary space-time covariances, as correlations of scaled coordinates.

A covariance maps a point :math:`(x, y, t)` to scaled coordinates

.. math:: \Bigl( \frac{x - c_x t}{L_x}, \frac{y - c_y t}{L_y}, \frac{t}{T} \Bigr)

in which the correlation of two points is :math:`k(r) \, e^{-\Delta\tau^2}`, with :math:`r` their
distance in the first two and :math:`\Delta\tau` in the third. Propagation is linear in time, so the
covariance stays stationary, and a matrix between observations does not depend on the date of a map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from oceanbench.errors import OceanbenchError

ZERO_CROSSING = 3.336912  # first zero of 1 + a + a²/6 - a³/6
VALUES_AT_ONCE = 30_000  # filled together: they stay in the cache, and are too few to wake threads


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

    def __post_init__(self) -> None:
        """Refuse lengths that are not positive."""
        lengths = (self.length_x, self.length_y, self.length_time)
        if not all(length > 0 for length in lengths):
            raise OceanbenchError(f"covariance: lengths {lengths} must be positive")

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

    def matrix(self, a: torch.Tensor, b: torch.Tensor, *, lower: bool = False) -> torch.Tensor:
        """Correlations between points.

        Parameters
        ----------
        a, b : scaled coordinates, shapes (n, 3) and (m, 3), near the origin
        lower : fill the lower triangle only (a and b the same points); the rest is undefined

        Returns
        -------
        Tensor (n, m)
        """
        result = torch.empty(a.shape[0], b.shape[0], dtype=a.dtype, device=a.device)
        step = max(a.shape[0], 1)
        if a.device.type == "cpu":
            step = max(VALUES_AT_ONCE // max(b.shape[0], 1), 1)
        for start in range(0, a.shape[0], step):
            stop = min(start + step, a.shape[0])
            columns = stop if lower else b.shape[0]
            self._fill(result[start:stop, :columns], a[start:stop], b[:columns])
        return result

    def _fill(self, block: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> None:
        if self.shape == "gaussian":
            _squared_distance(block, a, b)
            block.neg_().exp_()
            return
        _squared_distance(block, a[:, :2], b[:, :2])
        block.sqrt_().mul_(ZERO_CROSSING)
        decay = torch.addcmul(block, a[:, 2:] - b[:, 2], a[:, 2:] - b[:, 2]).neg_().exp_()
        polynomial = (block - 1.0).mul_(block).mul_(-1.0 / 6.0).add_(1.0).mul_(block).add_(1.0)
        torch.mul(polynomial, decay, out=block)


def _squared_distance(block: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> None:
    """Squared distances by one matrix product, |a|² + |b|² - 2 a·b."""
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1)
    torch.addmm(squares, a, b.T, alpha=-2.0, out=block)
    block.clamp_(min=0.0)
