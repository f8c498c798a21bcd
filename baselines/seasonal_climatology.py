"""Seasonal climatology: what is usual on the day of the year, whatever the initial condition."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from oceanbench.forecasting.anomalies import Climate

KINDS = ("forecasts",)


def estimate(
    inputs: Mapping[str, xr.Dataset], target: xr.Dataset, *, device: str, seed: int
) -> xr.Dataset:
    """Give every lead the climatology of the day that it is valid on.

    Parameters
    ----------
    inputs : a climatology, role ``climatology``
    target : variables (start, lead, [depth,] latitude, longitude) to fill
    device, seed : not used
    """
    climate = Climate.of(inputs, target)
    nothing = np.zeros((target.sizes["start"], target.sizes["lead"], climate.area.size))
    return climate.forecast(nothing, target)
