r"""Mapping with a second field: what it tells linearly is the background of what altimeters add.

Of jointly Gaussian fields, sea level :math:`\eta` and another of which there are maps :math:`\tau`,

.. math:: E[\eta \mid \tau, y] = E[\eta \mid \tau]
          + C H^T (H C H^T + R)^{-1} (y - H \, E[\eta \mid \tau]), \quad C = C_{\eta \mid \tau},

which is the estimate of optimal interpolation with the multivariate covariance of both. The first
part is a filter of the maps (:mod:`oceanbench.assimilation.gaussian.linear_filter`), fitted to the
training maps; C is the covariance of what it leaves, fitted to what it leaves of observations. The
covariance of errors of the maps, and between both fields, is in the filter. All of this is exact if
what the maps tell does not depend on place and date: maps of all weather, without holes that move.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.gaussian.linear_filter import Steps, filtered, fitted
from oceanbench.assimilation.observations.superobservations import (
    DAY,
    Samples,
    kilometres,
    mean_field,
)
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.grid import centre_longitude, fill_holes, interpolate

APART_KM = 50.0  # between nodes that the filter is fitted to: nearer ones tell it nothing new


def fitted_filter(
    inputs: Mapping[str, xr.Dataset], variable: str, second: str, centre: float
) -> FloatArray:
    """Fit the filter that tells a variable of the maps of another.

    Parameters
    ----------
    inputs : of a method, with training maps of both variables
    variable : to tell
    second : name of the input, of layout ``grid`` and with one variable
    centre : longitudes are brought to the 360 degrees around it
    """
    maps, steps = _anomalies(inputs, second, centre)
    training = [
        d for d in inputs.values() if d.attrs.get("role") == "training" and variable in d.data_vars
    ]
    if not training:
        raise OceanbenchError(
            f"second={second}: no training maps of '{variable}', expected some on days of "
            f"'{second}'; leave it out"
        )
    truth = centre_longitude(training[0][variable], centre).sortby("latitude")
    wanted = interpolate(truth - truth.mean("time"), maps).values
    thin = max(round(APART_KM / min(steps[1:])), 1)
    return fitted(maps.values, steps, wanted, thin=thin)


def predicted(
    inputs: Mapping[str, xr.Dataset], second: str, weights: FloatArray, centre: float
) -> xr.DataArray:
    """What the maps of a second field tell of the first, an anomaly, on their nodes and days.

    Parameters
    ----------
    inputs, second, centre : as for :func:`fitted_filter`
    weights : from it
    """
    maps, steps = _anomalies(inputs, second, centre)
    return maps.copy(data=filtered(maps.values, steps, weights))


def beyond(observed: Samples, background: xr.DataArray, origin: np.datetime64) -> Samples:
    """Samples relative to a background that changes in time; those outside its box are left out.

    Parameters
    ----------
    observed : samples, longitudes around the same centre
    background : (time, latitude, longitude); its first and last maps are kept for the day beyond
    origin : of the samples' time
    """
    time = origin + np.round(observed.time * DAY.astype("m8[ns]").astype(float)).astype("m8[ns]")
    first, last = background["time"].values[[0, -1]]
    near = np.clip(time, first, last)
    places = {
        "time": ("point", near),
        "latitude": ("point", observed.latitude),
        "longitude": ("point", observed.longitude),
    }
    points = xr.DataArray(observed.value, coords=places, dims="point")
    left = observed.value - interpolate(background, points).values
    known = np.isfinite(left) & (np.abs(time - near) <= DAY)
    return replace(observed, value=left).take(known)


def added(field: xr.DataArray, background: xr.DataArray, option: str) -> xr.DataArray:
    """Add a background to maps that are relative to it; refused where it does not reach.

    Parameters
    ----------
    field : (time, latitude, longitude)
    background : (time, latitude, longitude), such as :func:`told` gives
    option : of the method that named it, for the message
    """
    found = field + interpolate(background, field)
    holes = int(found.isnull().sum())
    if holes:
        days = background["time"].values.astype("M8[D]")
        raise OceanbenchError(
            f"{option}: {holes} of {found.size} points of the maps are not covered by it "
            f"({days[0]} to {days[-1]}); give maps of all days and the whole box"
        )
    return found


def _anomalies(
    inputs: Mapping[str, xr.Dataset], second: str, centre: float
) -> tuple[xr.DataArray, Steps]:
    """Maps of the second field less their training mean, and their steps (days, km, km)."""
    grids = [n for n, d in inputs.items() if d.attrs.get("layout") == "grid"]
    if second not in grids:
        raise OceanbenchError(
            f"second={second}: no input of that name has maps; {did_you_mean(second, grids)}"
        )
    names = [str(v) for v in inputs[second].data_vars]
    if len(names) != 1:
        raise OceanbenchError(
            f"second={second}: has the variables {', '.join(names)}, expected one; declare the "
            "others as inputs of their own"
        )
    maps = centre_longitude(inputs[second][names[0]], centre).sortby("latitude").sortby("time")
    maps = maps.transpose("time", "latitude", "longitude").astype(np.float64)
    steps = _steps(maps, second)
    if bool(maps.isnull().any()):
        maps = fill_holes(maps)
    anomalies = less_training_mean(inputs, maps, centre)
    if anomalies is None:
        raise OceanbenchError(
            f"second={second}: no training maps of '{names[0]}', whose mean its anomalies are "
            "relative to; leave it out"
        )
    return anomalies, steps


def less_training_mean(
    inputs: Mapping[str, xr.Dataset], maps: xr.DataArray, centre: float
) -> xr.DataArray | None:
    """Maps less the mean of the training maps of their variable; None where there are none.

    Parameters
    ----------
    inputs : of a method
    maps : (time, latitude, longitude), named as their variable, longitudes around ``centre``
    centre : longitudes of the mean are brought to the 360 degrees around it
    """
    mean = mean_field(inputs, str(maps.name), centre, of_training=True)
    if mean is None:
        return None
    nodes = {axis: maps[axis] for axis in ("latitude", "longitude")}
    return maps - mean.interp(nodes, kwargs={"fill_value": None})


def _steps(maps: xr.DataArray, second: str) -> Steps:
    """Steps of equidistant maps: days, and km at their middle latitude."""
    days = (maps["time"].values - maps["time"].values[0]) / DAY
    middle = float(maps["latitude"].mean())
    x, y = kilometres(maps["longitude"].values, maps["latitude"].values, (0.0, middle))
    found = []
    for name, axis in (("times", days), ("latitudes", y), ("longitudes", x)):
        step = np.diff(axis)
        if step.size == 0 or np.ptp(step) > 0.01 * abs(step.mean()):
            raise OceanbenchError(
                f"second={second}: its {name} are not equidistant; interpolate it to a regular grid"
            )
        found.append(float(step.mean()))
    return found[0], found[1], found[2]
