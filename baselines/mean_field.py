r"""A constant map: the mean of the training truth or, without one, of all observations nearby.

This is the least that a method should beat. The mean of observations at a point is weighted with
:math:`\exp(-(\Delta\lambda/L)^2 - (\Delta\phi/L)^2)`. With ``members`` it is what
is known before anything is observed: maps of some days of the training truth, the same for all
times.
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
    members: int = 0,
) -> xr.Dataset:
    """Fill every time of the target with one mean map, or with the same members.

    Parameters
    ----------
    inputs : a dataset of role ``training`` if there is one, else the tracks
    target : variables (time, latitude, longitude) to fill
    device, seed : not used
    length : radius of the weights of observations, degrees
    members : days of the training truth, evenly spread, to give in place of their mean
    """
    result = target.copy(deep=True)
    training = [d for d in inputs.values() if d.attrs.get("role") == "training"]
    tracks = [d for d in inputs.values() if d.attrs.get("layout") == "track"]
    if not training and not tracks:
        raise OceanbenchError("mean_field: the challenge gives neither training data nor tracks")
    for variable in target.data_vars:
        known = [d[variable] for d in training if variable in d]
        if members:
            result[variable] = _training_days(known, target[variable], members)
        elif known:
            result[variable].values[:] = _training_mean(known[0], target)
        else:
            result[variable].values[:] = _observed_mean(tracks, str(variable), target, length)
    return result


def _training_mean(field: xr.DataArray, target: xr.Dataset) -> np.ndarray:
    mean = field.mean("time").expand_dims(time=target["time"].values[:1])
    like = target[str(field.name)].isel(time=[0])
    return interpolate(mean, like).values[0]


def _training_days(known: list[xr.DataArray], target: xr.DataArray, members: int) -> xr.DataArray:
    days = known[0].sizes["time"] if known else 0
    if not 2 <= members <= days:
        raise OceanbenchError(
            f"mean_field: members={members}: expected from 2 to the {days} days of training maps"
        )
    places = np.linspace(0, days - 1, members).round().astype(int)
    first = target.isel(time=[0])
    maps = [
        interpolate(known[0].isel(time=[place]).assign_coords(time=first["time"]), first)
        for place in places
    ]
    every = xr.concat(maps, "member").transpose("member", *target.dims)
    times = np.zeros(target.sizes["time"], dtype=int)
    return every.isel(time=times).assign_coords(time=target["time"]).assign_attrs(target.attrs)


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
