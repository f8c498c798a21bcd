"""The Earth's rotation as a flow at some latitude feels it."""

from __future__ import annotations

import math

EARTH_ROTATION = 7.2921159e-5  # rad/s
EARTH_RADIUS = 6.371e6  # m


class BetaPlane:
    """Rotation of a flow about a reference latitude, in degrees.

    ``beta`` None means the gradient at that latitude.
    """

    latitude: float
    beta: float | None

    @property
    def coriolis(self) -> float:
        """Coriolis parameter f0 at the reference latitude, 1/s."""
        return coriolis(self.latitude)

    @property
    def planetary_gradient(self) -> float:
        """Northward gradient of the Coriolis parameter, 1/(m s)."""
        return planetary_gradient(self.latitude) if self.beta is None else self.beta


def coriolis(latitude: float) -> float:
    r"""Coriolis parameter :math:`f = 2 \Omega \sin\phi`, 1/s, at a latitude in degrees."""
    return 2 * EARTH_ROTATION * math.sin(math.radians(latitude))


def planetary_gradient(latitude: float) -> float:
    r"""Northward gradient :math:`\beta = 2 \Omega \cos\phi / R` of f, 1/(m s), at a latitude."""
    return 2 * EARTH_ROTATION * math.cos(math.radians(latitude)) / EARTH_RADIUS
