r"""Optimal interpolation with a Gaussian covariance, as the data challenges' baseline.

The estimate at time :math:`t` is

.. math:: \hat x(t) = B H^T (H B H^T + R)^{-1} y

with background 0, :math:`B = \exp(-(\Delta t/L_t)^2 - (\Delta\lambda/L_x)^2
- (\Delta\phi/L_y)^2)`, :math:`R = \mathrm{noise}^2 I`, and the observations :math:`y` strictly
within :math:`2 L_t` of :math:`t`. Where the challenge gives a mean field (an input of layout
``static``, such as a mean dynamic topography), the observations are taken relative to it and it is
added to the maps, as in challenge 2021a. Each map is solved exactly; consecutive maps share a
factorisation (:mod:`oceanbench.assimilation.gaussian`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from oceanbench.assimilation.covariance import Covariance
from oceanbench.assimilation.gaussian import Observations, level, solve
from oceanbench.assimilation.preparation import Samples, mean_field, samples
from oceanbench.errors import OceanbenchError
from oceanbench.grid import interpolate
from oceanbench.progress import progress

REFERENCE = "https://github.com/ocean-data-challenges/2020a_SSH_mapping_NATL60"


def estimate(  # noqa: PLR0913  (every option is a keyword)
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    length_longitude: float = 1.0,
    length_latitude: float = 1.0,
    length_time: float = 7.0,
    noise: float = 0.05,
    coarsen: int = 5,
    across_gaps: bool = False,
    swath_km: float = 30.0,
    missions: str = "",
) -> xr.Dataset:
    """Map the observations onto the target.

    Parameters
    ----------
    inputs : the datasets of layout ``track`` and ``swath`` are used, one variable each
    target : variables (time, latitude, longitude) to fill
    device : of torch
    seed : not used: the method is deterministic
    length_longitude, length_latitude : e-folding lengths of the covariance, degrees
    length_time : e-folding time of the covariance, days
    noise : standard deviation of the observation error, relative to that of the signal
    coarsen : consecutive samples of a track averaged into one
    across_gaps : average also the end of one pass with the start of the next, as the data
        challenges' code does; such points lie far from both, and harm the maps
    swath_km : side of the cells in which the pixels of a swath are averaged
    missions : comma-separated names of the inputs to use, or ``all``; by default those that are
        not optional
    """
    lengths = (length_longitude, length_latitude, length_time)
    if min(lengths) <= 0 or noise <= 0:
        raise OceanbenchError(f"oi: lengths {lengths} and noise {noise} must be positive")
    longitude, latitude = target["longitude"].values, target["latitude"].values
    centre = float(longitude[0] + longitude[-1]) / 2
    result = target.copy(deep=True)
    for variable in map(str, target.data_vars):
        mean = mean_field(inputs, variable, centre)
        observed = samples(
            inputs,
            variable,
            target["time"].values[0],
            centre,
            missions=missions,
            coarsen=coarsen,
            across_gaps=across_gaps,
            swath_km=swath_km,
            mean=mean,
        ).within(
            (longitude[0] - length_longitude, longitude[-1] + length_longitude),
            (latitude[0] - length_latitude, latitude[-1] + length_latitude),
        )
        result[variable].values[:] = _maps(observed, target, Covariance(*lengths), noise, device)
        if mean is not None:
            result[variable] += interpolate(mean, target[variable])
    return result


def _maps(
    observed: Samples, target: xr.Dataset, covariance: Covariance, noise: float, device: str
) -> np.ndarray:
    """Exact maps (time, latitude, longitude); zero where no observation is near."""
    o = observed
    observations = Observations(
        o.time, o.longitude, o.latitude, o.value, np.full(o.time.size, noise**2)
    )
    days = (target["time"].values - target["time"].values[0]) / np.timedelta64(1, "D")
    grid = (target["longitude"].values, target["latitude"].values)
    solved = solve(
        observations, days, covariance, window=2.0 * covariance.length_time, device=device
    )
    maps = np.zeros((days.size, grid[1].size, grid[0].size))
    for i in progress(range(days.size), "optimal interpolation"):
        maps[i] = level(next(solved), days[i], observations, covariance, *grid)
    return maps
