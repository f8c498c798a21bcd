"""Radiometers that see the temperature of the sea: in the infrared under clouds, and microwaves.

Fields are daily, (time, latitude, longitude), degrees C, on regular axes.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.fft import fftfreq, irfft2, next_fast_len, rfft2, rfftfreq
from scipy.ndimage import gaussian_filter
from scipy.stats import norm

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.observing.boxes import EARTH_RADIUS_KM


def red_fields(
    shape: tuple[int, ...],
    cells: tuple[float, float],
    days: float,
    random: np.random.Generator,
) -> FloatArray:
    r"""Gaussian fields of unit variance, smooth in space and red from day to day.

    Their covariance is :math:`e^{-r^2 / 2 \ell^2 - t / \tau}`.

    Parameters
    ----------
    shape : days, rows, columns
    cells : :math:`\ell` in rows and in columns
    days : :math:`\tau`; 0 for independent days
    random : drawn from
    """
    padded = [next_fast_len(n + int(4 * c)) for n, c in zip(shape[1:], cells, strict=True)]
    y = 2 * np.pi * cells[0] * fftfreq(padded[0])
    x = 2 * np.pi * cells[1] * rfftfreq(padded[1])
    transfer = np.exp(-(y[:, np.newaxis] ** 2 + x**2) / 4)
    memory = np.exp(-1 / days) if days else 0.0
    fields = np.empty(shape)
    for day in range(shape[0]):
        smooth = irfft2(transfer * rfft2(random.standard_normal(padded)), padded)
        fresh = smooth[: shape[1], : shape[2]]
        fields[day] = memory * fields[day - 1] + np.sqrt(1 - memory**2) * fresh if day else fresh
    unit: FloatArray = fields / irfft2(transfer**2, padded)[0, 0] ** 0.5
    return unit


def cells_of(grid: xr.Dataset | xr.DataArray, length_km: float) -> tuple[float, float]:
    """A length in rows and in columns of a grid, at its middle latitude."""
    latitude, longitude = grid["latitude"].values, grid["longitude"].values
    per_degree = length_km / np.deg2rad(EARTH_RADIUS_KM)
    rows = per_degree / abs(np.diff(latitude).mean())
    narrow = np.cos(np.deg2rad(latitude.mean()))
    return float(rows), float(per_degree / narrow / abs(np.diff(longitude).mean()))


def clouds(
    field: xr.DataArray,
    *,
    seed: int,
    cover: float = 0.6,
    length_km: float = 120.0,
    days: float = 1.5,
) -> BoolArray:
    """Where clouds hide the sea: a share ``cover`` of it, in patches that last.

    Parameters
    ----------
    field : (time, latitude, longitude), daily
    seed : of the patches
    cover : share that is hidden, on average
    length_km, days : scales of the Gaussian field whose highest values are clouds
    """
    random = np.random.default_rng(seed)
    hidden = red_fields(field.shape, cells_of(field, length_km), days, random)
    found: BoolArray = hidden > norm.ppf(1 - cover)
    return found


def infrared(
    truth: xr.DataArray,
    *,
    seed: int,
    cover: float = 0.6,
    white: float = 0.3,
    correlated: float = 0.2,
    length_km: float = 150.0,
) -> xr.DataArray:
    """Observe the pixels that are free of clouds, with noise and what the air above leaves.

    Parameters
    ----------
    truth : (time, latitude, longitude), daily, at the pixels
    seed : of clouds and errors
    cover : of :func:`clouds`
    white : standard deviation of the error of a pixel, degrees C
    correlated, length_km : standard deviation and scale of an error that neighbours share,
        independent from day to day

    Returns
    -------
    like the truth, NaN under clouds
    """
    hidden = clouds(truth, seed=seed, cover=cover)
    random = np.random.default_rng((seed, 1))
    shared = red_fields(truth.shape, cells_of(truth, length_km), 0.0, random)
    seen = truth + correlated * shared + white * random.standard_normal(truth.shape)
    return seen.where(~hidden)


def microwave(
    truth: xr.DataArray,
    *,
    seed: int,
    footprint_km: float = 50.0,
    white: float = 0.4,
    correlated: float = 0.2,
    length_km: float = 300.0,
) -> xr.DataArray:
    """Observe through clouds, blurred by the antenna: the errors are those of ``infrared``.

    Parameters
    ----------
    truth : (time, latitude, longitude), daily, finer than the footprint; edges are mirrored
    footprint_km : full width at half maximum of a Gaussian antenna pattern
    seed, white, correlated, length_km : as in :func:`infrared`

    Returns
    -------
    like the truth, at its nodes: take every so many
    """
    width = [n / (2 * np.sqrt(2 * np.log(2))) for n in cells_of(truth, footprint_km)]
    random = np.random.default_rng((seed, 2))
    blurred = gaussian_filter(truth.values, (0.0, *width), mode="nearest")
    shared = red_fields(truth.shape, cells_of(truth, length_km), 0.0, random)
    noise = correlated * shared + white * random.standard_normal(truth.shape)
    return truth.copy(data=blurred + noise)
