r"""Wavelets of the mesoscale: plane waves under windows compact in time and space.

.. math:: w_k(t; \tau) \, w_i(x; D) \, w_j(y; D)
    {\cos \atop \sin} \frac{2\pi}{\lambda} (x \cos\theta + y \sin\theta),
    \quad D = 1.75 \lambda,

in bands of wavelengths :math:`\lambda` with 9 directions :math:`\theta`. Windows are cosine bells
of half-width :math:`\tau` or D that overlap, four in time and two along x and y, scaled so that
their squares sum to one,

.. math:: w_i(x; D) = \frac{c_i(x)}{\sqrt{\sum_j c_j^2(x)}}, \quad
    c_i(x) = \cos^2 \Bigl(\frac{\pi}{2} \frac{x - x_i}{D}\Bigr), \; |x - x_i| < D.

So the field has the same prior variance at every point. Its correlation depends on the place a
little; more overlap makes it more stationary, and costs more.

References
----------
Ubelmann et al. (2021), doi:10.1029/2020JC016560; Ubelmann et al. (2022),
doi:10.5194/os-18-469-2022
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.gaussian.reduced_order import Columns
from oceanbench.errors import OceanbenchError

Range = tuple[float, float]
RATIO = 1.0 + 1.5 / 3.5  # of the wavelengths of neighbouring bands
HALF_WIDTH = 1.75  # of a window in space, in wavelengths
DIRECTIONS = 9  # of the waves of a band, over half a turn
OVERLAP = (4, 2, 2)  # windows over any point, along time, x and y


@dataclass(frozen=True)
class Band:
    """Wavelets of one wavelength.

    Attributes
    ----------
    wavelength : km
    duration : half-width of the windows in time, days
    variance : of the part of the field in this band, in the square of its unit
    """

    wavelength: float
    duration: float
    variance: float


def spectrum(
    deviation: float,
    *,
    shortest: float,
    longest: float,
    peak: float,
    slope: float,
    duration: float,
    growth: float,
) -> tuple[Band, ...]:
    r"""Bands that share a variance as a one-dimensional spectrum does, flat and then a power law.

    .. math:: E(k) \propto \frac{1}{1 + (k / k_0)^s}, \quad
        \sigma_b^2 = \sigma^2 \frac{k_b E(k_b)}{\sum_{b'} k_{b'} E(k_{b'})}, \quad
        \tau_b = \tau \Bigl(\frac{\lambda_b}{\lambda_0}\Bigr)^{p},

    since bands of constant ratio are as wide as their wavenumber.

    Parameters
    ----------
    deviation : standard deviation of the field, :math:`\sigma`
    shortest, longest : bounds of the wavelengths, km; the shortest is the first band
    peak : wavelength :math:`\lambda_0 = 1 / k_0` from which the spectrum falls, km
    slope : s, positive for a spectrum that falls
    duration : :math:`\tau`, half-width of the windows in time at the peak, days
    growth : p, 0 for one duration at all wavelengths

    Raises
    ------
    OceanbenchError
        for what is no spectrum

    >>> [round(b.wavelength) for b in spectrum(0.2, shortest=80, longest=250, peak=200, slope=4,
    ...                                        duration=10, growth=0.5)]
    [80, 114, 163, 233]
    """
    positive = {
        "deviation": deviation,
        "shortest": shortest,
        "longest": longest,
        "peak": peak,
        "slope": slope,
        "duration": duration,
    }
    for name, value in positive.items():
        if not (value > 0 and np.isfinite(value)):
            raise OceanbenchError(f"wavelets: {name} {value} must be positive; correct it")
    if not (longest >= shortest and growth >= 0):
        raise OceanbenchError(
            f"wavelets: longest {longest} must be at least shortest {shortest}, and growth "
            f"{growth} not negative; correct them"
        )
    count = int(np.log(longest / shortest) / np.log(RATIO) + 1e-9) + 1
    wavelength = shortest * RATIO ** np.arange(count)
    wavenumber = peak / wavelength
    share = wavenumber / (1.0 + wavenumber**slope)
    variance = deviation**2 * share / share.sum()
    durations = duration / wavenumber**growth
    return tuple(
        Band(*map(float, row)) for row in zip(wavelength, durations, variance, strict=True)
    )


def wavelets(
    band: Band,
    extent: tuple[Range, Range, Range],
    time: FloatArray,
    x: FloatArray,
    y: FloatArray,
) -> Columns:
    """Wavelets of a band at points.

    Parameters
    ----------
    band : from :func:`spectrum`
    extent : low and high bound of the points in time, x and y; the windows are counted from them
    time, x, y : (n,) days and km
    """
    points = time.size
    window, weight = np.zeros((points, 1), dtype=np.int64), np.ones((points, 1))
    shape, size = 1, 1  # of all windows, and of those over one point
    half_widths = (band.duration, *2 * (HALF_WIDTH * band.wavelength,))
    for values, (low, high), half, overlap in zip(
        (time, x, y), extent, half_widths, OVERLAP, strict=True
    ):
        if points and (values.min() < low or values.max() > high):
            raise OceanbenchError(f"wavelets: points outside {low} to {high}; widen the extent")
        spacing = 2.0 * half / overlap
        place = (values - low)[:, None] / spacing
        near = np.ceil(place - overlap / 2).astype(np.int64) + np.arange(overlap)
        bell = np.cos(np.pi * (place - near) / overlap) ** 2
        bell /= np.sqrt(np.vecdot(bell, bell))[:, None]
        count = int((high - low) / spacing) + overlap + 1
        shape, size = shape * count, size * overlap
        window = window[:, :, None] * count + near[:, None] + overlap // 2
        window = window.reshape(points, size)
        weight = (weight[:, :, None] * bell[:, None]).reshape(points, size)
    ends = np.arange(points + 1) * size
    angle = np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    phase = np.outer(x, np.cos(angle)) + np.outer(y, np.sin(angle))
    phase *= 2.0 * np.pi / band.wavelength
    waves = np.concatenate([np.cos(phase), np.sin(phase)], axis=1)
    waves *= np.sqrt(band.variance / DIRECTIONS)
    windows = sparse.csr_array((weight.ravel(), window.ravel(), ends), shape=(points, shape))
    return Columns(windows, waves)
