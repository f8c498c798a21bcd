r"""Optimal interpolation at the target time, from what was delivered by the start.

.. math:: \hat x(t_0 + \tau) = c(\tau)^T (C + R)^{-1} y

Anomalies to the climatology are interpolated in space and time, to the start and beyond it, with
the covariance of Arhan and Colin de Verdière in space and Matérn's of order 3/2 in time
(:mod:`oceanbench.assimilation.observations.causal_mapping`). The further the target, the more of
the anomaly fades: for a field whose memory is exponential this is damped persistence.

References
----------
Bretherton, Davis and Fandry (1976), doi:10.1016/0011-7471(76)90001-2
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

import numpy as np
import xarray as xr

from oceanbench.assimilation.observations.causal_mapping import (
    CausalSettings,
    delivered,
    interpolated,
)

KINDS = ("forecasts",)
REFERENCE = "https://doi.org/10.1016/0011-7471(76)90001-2"


def estimate(  # noqa: PLR0913  (every option is a keyword)
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    length_km: float = 180.0,
    memory_days: float = 7.0,
    before_days: float = 15.0,
    white: float = 0.03,
    shared: float = 0.02,
    coarsen: int = 5,
    deviation: float = 0.0,
    margin: float = 1.0,
    missions: str = "",
    memory: str = "matern",
    members: int = 0,
    precision: str = "double",
) -> xr.Dataset:
    """Forecast the anomaly of one start.

    Parameters
    ----------
    inputs : datasets of role ``observations``, and a climatology that has no year
    target : variables (start: 1, lead, latitude, longitude) to fill
    device : of torch
    seed : of the members
    length_km : to the first zero crossing of the covariance
    memory_days : time scale of the covariance
    before_days : observations so long before the start are used
    white, shared : standard deviations of the error of a sample, and of that which a pass shares, m
    coarsen : consecutive samples of a track averaged into one
    deviation : standard deviation of the signal, m; 0 to take that of what was observed
    margin : degrees around the target in which observations are used
    missions : comma-separated names of the inputs to use; all by default
    memory : ``matern``, or ``gaussian``, which promises too much
    members : samples of the posterior to give in place of its mean
    precision : ``double``, or ``single``
    """
    settings = CausalSettings(
        length_km,
        memory_days,
        before_days,
        margin,
        white,
        shared,
        coarsen,
        deviation,
        cast(Literal["gaussian", "matern"], memory),
        precision,
    )
    (start,) = target["start"].values
    longitude, latitude = target["longitude"].values, target["latitude"].values
    centre = float(longitude[0] + longitude[-1]) / 2
    leads = target["lead"].values.astype(np.float64)
    result = target.copy()
    for variable in map(str, target.data_vars):
        observed, mean = delivered(inputs, variable, start, centre, settings, missions=missions)
        found = interpolated(
            observed,
            leads,
            longitude,
            latitude,
            settings,
            members=members,
            seed=seed + int(start.astype("M8[D]").astype(int)),
            device=device,
        ).anomaly
        values = found + mean.interp(latitude=latitude, longitude=longitude).values
        dims = ("member", "lead", "latitude", "longitude")[-values.ndim :]
        field = xr.DataArray(values.astype(np.float32), dims=dims).expand_dims(start=1)
        order = [*target[variable].dims, *(["member"] if members else [])]
        result[variable] = field.transpose(*order).assign_attrs(target[variable].attrs)
    return result
