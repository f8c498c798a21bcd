"""Errors of synthetic altimeters, drawn from a seed: the same seed gives the same errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from oceanbench.arrays import FloatArray, IntArray
from oceanbench.errors import OceanbenchError
from oceanbench.observing.passes import begins
from oceanbench.observing.red_noise import red_noise
from oceanbench.observing.sampling import known_at, sample

LONGEST_LAG = 60  # samples
NEGLIGIBLE = 0.02  # of the variance: products that average to less tell nothing of the red part
_KARIN_DISTANCES = (10.0, 60.0)  # km, where the fit of karin_noise_std was made
_KARIN_WAVES = (0.0, 6.0)  # m


@dataclass(frozen=True)
class AltimeterError:
    """Parameters of :func:`nadir_error`.

    Attributes
    ----------
    white, correlated : standard deviations of the two parts, metres
    decorrelation_seconds : e-folding time of the red part
    """

    white: float
    correlated: float
    decorrelation_seconds: float


def nadir_error(
    track: xr.Dataset,
    *,
    seed: int,
    white: float = 0.03,
    correlated: float = 0.02,
    decorrelation_seconds: float = 150.0,
) -> xr.DataArray:
    """Draw the error of a nadir altimeter: white noise plus one red, stationary process per pass.

    The red part is that of :func:`oceanbench.observing.red_noise.red_noise`.

    The defaults are those of a conventional (low-resolution) altimeter at 1 Hz.

    Parameters
    ----------
    track : Dataset with `time` (datetime64) and `track` (pass number), of one dimension, in any
        order. Two missions may number a pass alike: draw their errors before joining them
    seed : seed of the numpy Generator
    white, correlated : standard deviations of the two parts, metres
    decorrelation_seconds : e-folding time of the red part, seconds

    Returns
    -------
    DataArray like `track.track`, metres

    Raises
    ------
    OceanbenchError
        a standard deviation is negative, or the decorrelation time not positive
    """
    if not (white >= 0.0 and correlated >= 0.0 and decorrelation_seconds > 0.0):
        raise OceanbenchError(
            f"nadir_error: found white={white}, correlated={correlated}, decorrelation_seconds="
            f"{decorrelation_seconds}; expected standard deviations >= 0 and a time > 0"
        )
    generator = np.random.default_rng(seed)
    size = track["track"].size
    error = white * generator.standard_normal(size)
    error += correlated * red_noise(track, generator.standard_normal(size), decorrelation_seconds)
    result = track["track"].copy(data=error).rename("error")
    result.attrs = {"units": "m"}
    return result


def fitted_error(
    tracks: Iterable[xr.Dataset], truth: xr.DataArray, sea: xr.DataArray | None = None
) -> AltimeterError:
    r"""Find the error of altimeters, as :func:`nadir_error` draws it, where the truth is known.

    Products of the errors of two samples of a pass average to :math:`s^2 e^{-|\Delta t| / \tau}`;
    a line is fitted to their logarithm at lags of up to :data:`LONGEST_LAG` samples, as far as they
    are positive. What they leave of the variance is white.

    Parameters
    ----------
    tracks : with the variable of the truth along ``time``, ``longitude``, ``latitude`` and, where
        it is known, ``track``, the number of the pass
    truth : (time, latitude, longitude) without holes; samples outside are left aside
    sea : bool, where it is known and not only filled; by default everywhere

    Returns
    -------
    AltimeterError, without a red part where neighbours' errors have nothing in common

    Raises
    ------
    OceanbenchError
        if fewer than 100 samples lie in the days and the box of the truth
    """
    errors = [_errors(track, truth, sea) for track in tracks]
    count = sum(error.size for error, _, _ in errors)
    if count < 100:
        raise OceanbenchError(
            f"{count} samples lie in the days and the box of the truth; 100 tell their error"
        )
    variance = sum(float(error @ error) for error, _, _ in errors) / count
    lags = range(1, LONGEST_LAG + 1)
    products, seconds = (np.array(v) for v in zip(*(_at_lag(errors, n) for n in lags), strict=True))
    known = int(np.argmin(np.append(products > NEGLIGIBLE * variance, False)))
    if known < 2:
        return AltimeterError(float(np.sqrt(variance)), 0.0, 1.0)
    slope, level = np.polyfit(seconds[:known], np.log(products[:known]), 1)
    red = min(float(np.exp(level)), variance)
    seconds_of_red = -1.0 / slope if slope < 0 else float(seconds[-1]) * LONGEST_LAG
    return AltimeterError(
        float(np.sqrt(variance - red)), float(np.sqrt(red)), float(seconds_of_red)
    )


def _errors(
    track: xr.Dataset, truth: xr.DataArray, sea: xr.DataArray | None
) -> tuple[FloatArray, IntArray, FloatArray]:
    """Errors, numbers of the passes and seconds of the samples inside, in the order of time."""
    track = track.sortby("time")
    number = np.cumsum(begins(track))
    within = np.isfinite(track[str(truth.name)].values)
    for axis in ("time", "longitude", "latitude"):
        values, nodes = track[axis].values, truth[axis].values
        if axis == "longitude":
            values = nodes.min() + (values - nodes.min()) % 360.0
        within &= (values >= nodes.min()) & (values <= nodes.max())
    if sea is not None:
        within[within] = known_at(sea, track.isel(time=within))
    here = track.isel(time=within)
    error = here[str(truth.name)].values - sample(truth, here).values
    seconds = (here["time"].values - truth["time"].values.min()) / np.timedelta64(1, "s")
    return error, number[within], seconds


def _at_lag(errors: list[tuple[FloatArray, IntArray, FloatArray]], lag: int) -> tuple[float, float]:
    """Mean product of the errors of samples of a pass, so many samples apart, and their seconds."""
    products, apart = [], []
    for error, number, seconds in errors:
        same = number[lag:] == number[:-lag]
        products.append((error[lag:] * error[:-lag])[same])
        apart.append((seconds[lag:] - seconds[:-lag])[same])
    found = np.concatenate(products)
    if not found.size:
        return 0.0, float(lag)
    return float(found.mean()), float(np.concatenate(apart).mean())


def karin_noise_std(
    cross_track_km: npt.ArrayLike,
    *,
    significant_wave_height: float = 2.0,
    pixel_km2: float = 4.0,
) -> FloatArray:
    r"""Return the standard deviation of KaRIn's random noise across the swath.

    It is least in the middle of a band and grows with the waves:

    .. math::
        \sigma^2 A = \left(0.01484 + 0.01351\, e^{-(x - 10) / 6.29}
        + 0.03039\, e^{(x - 60) / 8.145}\right)^2
        + \left(0.04232\, (H / 8)^{1.4464} \left(1 + 0.8103\, e^{-(x - 10) / 12}\right)\right)^2 ,

    our fit to the public table of the SWOT simulator (karin_noise_v2), good to 2.4 % rms.

    Parameters
    ----------
    cross_track_km : array_like, :math:`\pm x`, km, 10 to 60 from the nadir
    significant_wave_height : :math:`H`, metres, 0 to 6
    pixel_km2 : area :math:`A` that a pixel averages, km2

    Returns
    -------
    array of the shape of `cross_track_km`, metres

    Raises
    ------
    OceanbenchError
        an argument lies outside the range of the fit

    References
    ----------
    Gaultier et al. (2016), The challenge of using future SWOT data for oceanic field
    reconstruction, doi:10.1175/JTECH-D-15-0160.1: the simulator.
    """
    distance = np.abs(np.asarray(cross_track_km, dtype=np.float64))
    _refuse_outside("cross_track_km", distance, _KARIN_DISTANCES, "km")
    _refuse_outside("significant_wave_height", significant_wave_height, _KARIN_WAVES, "m")
    if not pixel_km2 > 0.0:
        raise OceanbenchError(f"pixel_km2: found {pixel_km2}, expected an area > 0")
    inner = distance - _KARIN_DISTANCES[0]
    instrument = (
        0.01484 + 0.01351 * np.exp(-inner / 6.29) + 0.03039 * np.exp((distance - 60.0) / 8.145)
    )
    waves = 0.04232 * (significant_wave_height / 8.0) ** 1.4464
    waves *= 1.0 + 0.8103 * np.exp(-inner / 12.0)
    result: FloatArray = np.hypot(instrument, waves) / np.sqrt(pixel_km2)
    return result


def karin_error(
    swath: xr.Dataset,
    *,
    seed: int,
    significant_wave_height: float = 2.0,
    pixel_km2: float = 4.0,
) -> xr.DataArray:
    """Draw KaRIn's random noise, independent from pixel to pixel.

    Roll, phase, baseline and timing errors, correlated along the track, are those of
    :func:`oceanbench.observing.karin_errors.systematic_error`.

    Parameters
    ----------
    swath : Dataset (time, cross_track) as `karin_swath` gives it
    seed : seed of the numpy Generator
    significant_wave_height : metres
    pixel_km2 : area of a pixel, km2: the along-track times the cross-track spacing of the swath

    Returns
    -------
    DataArray (time, cross_track), metres; NaN where the swath has no pixel
    """
    spread = karin_noise_std(
        swath["cross_track_distance"].values,
        significant_wave_height=significant_wave_height,
        pixel_km2=pixel_km2,
    )
    longitude = swath["longitude"].transpose(..., "cross_track")
    error = spread * np.random.default_rng(seed).standard_normal(longitude.shape)
    error = np.where(np.isfinite(longitude.values), error, np.nan)
    result = longitude.copy(data=error).rename("error")
    result.attrs = {"units": "m"}
    return result


def _refuse_outside(
    name: str, value: float | FloatArray, bounds: tuple[float, float], units: str
) -> None:
    values = np.atleast_1d(np.asarray(value, dtype=np.float64))
    wrong = values[~((values >= bounds[0]) & (values <= bounds[1]))]
    if wrong.size:
        raise OceanbenchError(
            f"{name}: found {wrong[0]:g} {units}, expected {bounds[0]:g} to {bounds[1]:g} {units},"
            " where the noise of KaRIn is known"
        )
