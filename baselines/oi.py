r"""Optimal interpolation with a Gaussian covariance, as the data challenges' baseline.

The estimate at time :math:`t` is

.. math:: \hat x(t) = B H^T (H B H^T + R)^{-1} y

with background 0, :math:`B = \exp(-(\Delta t/L_t)^2 - (\Delta\lambda/L_x)^2
- (\Delta\phi/L_y)^2)`, :math:`R = \mathrm{noise}^2 I`, and the observations :math:`y` strictly
within :math:`2 L_t` of :math:`t`. Where the challenge gives a mean field (an input of layout
``static``, such as a mean dynamic topography), the observations are taken relative to it and it is
added to the maps, as in challenge 2021a. Each map is solved exactly; consecutive maps share a
factorisation (:mod:`oceanbench.assimilation.gaussian.optimal_interpolation`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.gaussian.mapping import MappingProblem, fields_of
from oceanbench.assimilation.gaussian.optimal_interpolation import Observations
from oceanbench.assimilation.observations.superobservations import DAY, mean_field, samples
from oceanbench.errors import OceanbenchError

KINDS = ("maps", "tracks")
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
    formal_error: bool = False,
    members: int = 0,
    precision: str = "double",
) -> xr.Dataset:
    """Map the observations onto the target.

    Parameters
    ----------
    inputs : the datasets of layout ``track`` and ``swath`` are used, one variable each
    target : variables (time, latitude, longitude) to fill
    device : of torch
    seed : of the members
    length_longitude, length_latitude : e-folding lengths of the covariance, degrees
    length_time : e-folding time of the covariance, days
    noise : standard deviation of the observation error, relative to that of the signal
    coarsen : consecutive samples of a track averaged into one
    across_gaps : average also the end of one pass with the start of the next, as the data
        challenges' code does; such points lie far from both, and harm the maps
    swath_km : side of the cells in which the pixels of a swath are averaged
    missions : comma-separated names of the inputs to use, or ``all``; by default those that are
        not optional
    formal_error : give the posterior's standard deviation too; the signal's is estimated from the
        observations used
    members : samples of the posterior to give instead of its mean
    precision : ``double``, or ``single`` for half the time
    """
    lengths = (length_longitude, length_latitude, length_time)
    if min(lengths) <= 0 or noise <= 0:
        raise OceanbenchError(f"oi: lengths {lengths} and noise {noise} must be positive")
    if members and formal_error:
        raise OceanbenchError("oi: give either members or formal_error; members have their spread")
    longitude, latitude = target["longitude"].values, target["latitude"].values
    centre = float(longitude[0] + longitude[-1]) / 2
    days = (target["time"].values - target["time"].values[0]) / DAY
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
        used = observed.take(
            (observed.time > days[0] - 2.0 * length_time)
            & (observed.time < days[-1] + 2.0 * length_time)
        )
        deviation = used.deviation(noise**2)
        problem = MappingProblem(
            Observations(
                used.time,
                used.longitude,
                used.latitude,
                used.value / deviation,
                np.full(used.time.size, noise**2),
            ),
            days,
            Covariance(*lengths),
            longitude,
            latitude,
            window=2.0 * length_time,
            formal_error=formal_error,
            members=members,
            seed=seed,
            device=device,
            precision=precision,
        )
        fields = fields_of(problem.estimate(), target[variable], deviation, mean)
        result = result.assign(fields)
    return result
