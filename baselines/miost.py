r"""MIOST-like mapping: wavelets of the mesoscale and pass errors, estimated together.

Anomalies to a mean field are a sum of wavelets with independent amplitudes, whose prior variance
follows a spectrum in wavelength, and the observations add white noise and one constant per pass:

.. math:: y = G \eta + P \epsilon + \varepsilon, \quad \eta \sim N(0, Q), \quad
    \epsilon \sim N(0, \sigma_p^2 I), \quad \varepsilon \sim N(0, \sigma_n^2 I).

All maps come from one inversion of the whole period
(:mod:`oceanbench.assimilation.observations.wavelet_mapping`,
:mod:`oceanbench.assimilation.gaussian.wavelets`). The method is MIOST's; the spectrum and the
scales are ours, in closed form, and **not** its tables.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from oceanbench.assimilation.observations.superobservations import DAY, mean_field, samples
from oceanbench.assimilation.observations.wavelet_mapping import WaveletMapping
from oceanbench.errors import OceanbenchError
from oceanbench.grid import interpolate

KINDS = ("maps", "tracks")
REFERENCE = (
    "Ubelmann et al. (2021) doi:10.1029/2020JC016560; "
    "Ubelmann et al. (2022) doi:10.5194/os-18-469-2022"
)
MOST_DEGREES = 30.0  # of latitude on one plane


def estimate(  # noqa: PLR0913  (every option is a keyword)
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    deviation: float = 0.175,
    shortest: float = 80.0,
    longest: float = 1000.0,
    peak: float = 400.0,
    slope: float = 4.0,
    duration: float = 10.0,
    growth: float = 0.65,
    noise: float = 0.025,
    swath_noise: float = 0.01,
    pass_error: float = 0.02,
    coarsen: int = 5,
    swath_km: float = 20.0,
    missions: str = "",
    margin: float = 1.0,
    window: float = 15.0,
    tolerance: float = 1e-5,
) -> xr.Dataset:
    """Map the observations onto the target.

    Parameters
    ----------
    inputs : the datasets of layout ``track`` and ``swath`` are used, one variable each
    target : variables (time, latitude, longitude) to fill
    device : not used: the products are sparse and take seconds on one core
    seed : not used: the method is deterministic
    deviation : standard deviation of the anomaly, in the unit of the variable, as all others
    shortest, longest : bounds of the wavelengths, km
    peak : wavelength from which the spectrum falls towards the short ones, km
    slope : of the spectrum along a track, there
    duration : half-width of the windows in time at the peak, days
    growth : power of the wavelength with which the duration grows
    noise, swath_noise : standard deviation of the independent error of a super-observation of a
        track and of a swath, with what the wavelets do not resolve
    pass_error : standard deviation of the error that a pass shares; 0 for none
    coarsen : consecutive samples of a track averaged into one
    swath_km : side of the cells in which the pixels of a swath are averaged
    missions : comma-separated names of the inputs to use, or ``all``; by default those that are
        not optional
    margin : how far around the target observations are used, degrees
    window : how long before the first and after the last map observations are used, days
    tolerance : of the conjugate gradients, relative to their right-hand side
    """
    longitude, latitude = target["longitude"].values, target["latitude"].values
    if min(noise, swath_noise) <= 0 or min(pass_error, margin, window) < 0:
        raise OceanbenchError(
            f"miost: noise {noise} and swath_noise {swath_noise} must be positive, pass_error "
            f"{pass_error}, margin {margin} and window {window} not negative"
        )
    if abs(latitude[-1] - latitude[0]) > MOST_DEGREES:
        raise OceanbenchError(
            f"miost: latitudes {latitude[0]} to {latitude[-1]} do not fit on one plane; map boxes "
            f"of at most {MOST_DEGREES:.0f} degrees"
        )
    mapping = WaveletMapping(
        deviation,
        shortest=shortest,
        longest=longest,
        peak=peak,
        slope=slope,
        duration=duration,
        growth=growth,
        noise=noise,
        swath_noise=swath_noise,
        pass_error=pass_error,
        swath_km=swath_km,
        margin=margin,
        window=window,
        tolerance=tolerance,
    )
    centre = float(longitude[0] + longitude[-1]) / 2
    days = (target["time"].values - target["time"].values[0]) / DAY
    result = target.copy(deep=True)
    for variable in map(str, target.data_vars):
        mean = mean_field(inputs, variable, centre, of_training=True)
        observed = samples(
            inputs,
            variable,
            target["time"].values[0],
            centre,
            missions=missions,
            coarsen=coarsen,
            swath_km=swath_km,
            mean=mean,
        )
        swath = np.array([inputs[n].attrs["layout"] == "swath" for n in observed.missions])
        grid = target[variable].transpose("time", "latitude", "longitude")
        maps = grid.copy(data=mapping.maps(observed, swath, days, longitude, latitude))
        if mean is not None:
            maps = maps + interpolate(mean, grid)
        result[variable] = maps.transpose(*target[variable].dims)
    return result
