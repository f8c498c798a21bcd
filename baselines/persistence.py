"""Persistence: every lead is the initial condition."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from oceanbench.forecasting.anomalies import analyses, maps_of, nodes_of

KINDS = ("forecasts",)


def estimate(
    inputs: Mapping[str, xr.Dataset], target: xr.Dataset, *, device: str, seed: int
) -> xr.Dataset:
    """Give every lead the map of its start.

    Parameters
    ----------
    inputs : initial conditions, role ``initial``
    target : variables (start, lead, [depth,] latitude, longitude) to fill
    device, seed : not used
    """
    first = maps_of(analyses(inputs, target), nodes_of(target))
    still = {
        name: target[name].copy(data=np.repeat(maps[:, None], target.sizes["lead"], axis=1))
        for name, maps in first.items()
    }
    return target.assign(still)
