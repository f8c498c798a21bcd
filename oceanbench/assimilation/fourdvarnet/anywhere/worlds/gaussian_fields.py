r"""Gaussian seas of random spectrum, memory, drift and Rossby propagation.

.. math:: h(x, t) = \mathrm{Re} \sum_k \sqrt{P(k)} \sum_m a_{km}
    \, e^{i (k \cdot x + (\phi_k + \omega_{km}) t)}, \qquad
    P(k) = \Bigl( 1 + \frac{K^2}{K_0^2} \Bigr)^{-p / 2}

with complex normal amplitudes a, K the length of k in stretched coordinates, and

.. math:: \phi_k = c \cdot k - \frac{\beta k_x}{K^2 + R^{-2}}

the phase speed of a drift and of Rossby waves. Frequencies :math:`\omega_{km} T_K` are those of
Student's t with three degrees of freedom, so that the correlation in time of a wave is
:math:`(1 + s) e^{-s}`, :math:`s = \sqrt{3} \, |t| / T_K`; short waves forget faster. The amplitude
may vary from place to place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oceanbench.assimilation.fourdvarnet.anywhere.worlds.random_numbers import (
    log_uniform,
    smooth_field,
)

MODES = 4  # frequencies of every wave
WAVELENGTHS = (150.0, 700.0)  # km, of the bend of the spectrum
SLOPES = (3.5, 8.0)
MEMORIES = (5.0, 42.0)  # days, at the bend
DRIFTS = (0.5, 10.0)  # km/day
BETA = 1.7e-3  # 1/(km day), at the most
RADII = (10.0, 60.0)  # km, of deformation


def gaussian_field(
    random: np.random.Generator, spacing_km: float, days: int, *, points: int = 96
) -> NDArray[np.float32]:
    """Draw daily maps of a sea that has no dynamics but a spectrum, periodic in space.

    Parameters
    ----------
    random : of the draw
    spacing_km : between points
    days : how many
    points : along each side

    Returns
    -------
    ndarray (days, points, points)
    """
    k = 2.0 * np.pi * np.fft.fftfreq(points, spacing_km)
    kx, ky = k[None, :], k[:, None]
    turn, stretch = random.uniform(0.0, np.pi), log_uniform(random, 1.0, 2.0)
    along, across = kx * np.cos(turn) + ky * np.sin(turn), ky * np.cos(turn) - kx * np.sin(turn)
    size = np.sqrt(along**2 * stretch + across**2 / stretch)
    bend = 2.0 * np.pi / log_uniform(random, *WAVELENGTHS)
    power = (1.0 + (size / bend) ** 2) ** (-random.uniform(*SLOPES) / 2.0)
    if random.random() < 0.3:  # little at the largest scales
        power *= size**2 / (size**2 + bend**2)
    power[0, 0] = 0.0
    memory = log_uniform(random, *MEMORIES) * (1.0 + size / bend) ** -random.uniform(0.0, 1.0)
    heading, speed = random.uniform(0.0, 2.0 * np.pi), log_uniform(random, *DRIFTS)
    rossby = random.uniform(0.0, BETA) * kx / (kx**2 + ky**2 + log_uniform(random, *RADII) ** -2)
    phase = speed * (kx * np.cos(heading) + ky * np.sin(heading)) - rossby
    time = np.arange(days)[:, None, None]
    amplitudes = np.zeros((days, points, points), complex)
    for _ in range(MODES):
        frequency = phase + random.standard_t(3, size=size.shape) / memory
        real, imaginary = random.standard_normal((2, *size.shape))
        amplitudes += (real + 1j * imaginary) * np.exp(1j * frequency * time)
    field = np.fft.ifft2(np.sqrt(power) * amplitudes).real
    if random.random() < 0.6:
        patches = smooth_field(random, points, spacing_km, log_uniform(random, 400.0, 1200.0))
        field *= np.exp(random.uniform(0.0, 0.8) * patches)
    return field.astype(np.float32)
