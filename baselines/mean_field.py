r"""A constant map: the mean of the training truth or, without one, of all observations nearby.

This is the least that a method should beat. The mean of observations at a point is weighted with
:math:`\exp(-(\Delta\lambda/L)^2 - (\Delta\phi/L)^2)`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.grid import interpolate, wrap_longitude

KINDS = ("maps", "tracks")


def estimate(
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    length: float = 0.5,
) -> xr.Dataset:
    """Fill every time of the target with one mean map.

    Parameters
    ----------
    inputs : a dataset of role ``training`` if there is one, else the tracks
    target : variables (time, latitude, longitude) to fill
    device, seed : not used
    length : radius of the weights of observations, degrees
    """
    result = target.copy(deep=True)
    training = [d for d in inputs.values() if d.attrs.get("role") == "training"]
    tracks = [d for d in inputs.values() if d.attrs.get("layout") == "track"]
    if not training and not tracks:
        raise OceanbenchError("mean_field: the challenge gives neither training data nor tracks")
    for variable in target.data_vars:
        known = [d[variable] for d in training if variable in d]
        if known:
            mean = _training_mean(known[0], target)
        else:
            mean = _observed_mean(tracks, str(variable), target, length)
        result[variable].values[:] = mean
    return result


def _training_mean(field: xr.DataArray, target: xr.Dataset) -> np.ndarray:
    mean = field.mean("time").expand_dims(time=target["time"].values[:1])
    like = target[str(field.name)].isel(time=[0])
    return interpolate(mean, like).values[0]


def _observed_mean(
    tracks: list[xr.Dataset], variable: str, target: xr.Dataset, length: float
) -> np.ndarray:
    latitude, longitude = target["latitude"].values, target["longitude"].values
    centre = (longitude[0] + longitude[-1]) / 2
    total = np.zeros((latitude.size, longitude.size))
    weight = np.zeros_like(total)
    for track in tracks:
        values = track[variable].values.astype(np.float64)
        known = np.isfinite(values)
        lat = track["latitude"].values[known]
        lon = wrap_longitude(track["longitude"].values[known], centre)
        near_latitude = np.exp(-(((latitude[:, None] - lat) / length) ** 2))
        near_longitude = np.exp(-(((longitude[:, None] - lon) / length) ** 2))
        total += (near_latitude * values[known]) @ near_longitude.T
        weight += near_latitude @ near_longitude.T
    return total / np.maximum(weight, 1e-300)
