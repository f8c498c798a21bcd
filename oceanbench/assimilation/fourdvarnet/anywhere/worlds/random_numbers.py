"""Draws that worlds and scenes share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from oceanbench.arrays import FloatArray


def log_uniform(random: np.random.Generator, least: float, most: float) -> float:
    """Draw a positive number whose logarithm is uniform."""
    return float(np.exp(random.uniform(np.log(least), np.log(most))))


def smooth_field(
    random: np.random.Generator, points: int, spacing_km: float, wavelength_km: float
) -> FloatArray:
    r"""Draw a periodic field of unit variance and covariance :math:`e^{-(2\pi r/\lambda)^2/4}`.

    Parameters
    ----------
    random : of the draw
    points : along each side
    spacing_km : between them
    wavelength_km : :math:`\lambda`

    Returns
    -------
    ndarray (points, points)
    """
    k = 2.0 * np.pi * np.fft.fftfreq(points, spacing_km)
    decay = np.exp(-(k[:, None] ** 2 + k**2) * (wavelength_km / (2.0 * np.pi)) ** 2 / 2.0)
    noise = np.fft.fft2(random.standard_normal((points, points)))
    field: FloatArray = np.fft.ifft2(decay * noise).real
    return normalised(field)


def normalised(field: NDArray[Any]) -> NDArray[Any]:
    """Field of unit variance and no mean; one that does not vary is zero."""
    anomaly: NDArray[Any] = field - field.mean()
    deviation = anomaly.std()
    return anomaly / deviation if deviation > 0 else anomaly
