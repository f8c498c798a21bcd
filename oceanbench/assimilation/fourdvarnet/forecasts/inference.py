"""Learned forecasts, applied to what was delivered by one start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench.arrays import AnyFloatArray
from oceanbench.assimilation.fourdvarnet.forecasts.configuration import (
    ForecastConfiguration,
    network,
)
from oceanbench.assimilation.fourdvarnet.forecasts.normalised_scenes import known
from oceanbench.assimilation.fourdvarnet.forecasts.scenes import (
    Delivered,
    Place,
    Scenes,
    misfits_of,
    runs_of,
)
from oceanbench.assimilation.fourdvarnet.maps.map_grid import bicubic
from oceanbench.assimilation.observations.along_track_errors import AlongTrack
from oceanbench.assimilation.observations.superobservations import mean_field
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.grid import centre_longitude, fill_holes
from oceanbench.learning import ensembles
from oceanbench.learning.precision import in_bfloat16

CLIMATOLOGICAL = "climatology"  # first guess that is the mean
NEAR = 1e-6  # degrees within which nodes are the same


def forecast(
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    weights: Mapping[str, Tensor],
    *,
    name: str,
    first_guess: str = "",
    device: str = "cpu",
    precision: str = "auto",
) -> xr.Dataset:
    """Fill a target with the forecast of its start.

    Parameters
    ----------
    inputs : of one start: ``observations`` as delivered, a mean map of role ``climatology``
    target : one variable (start: 1, lead, latitude, longitude)
    weights : from :func:`oceanbench.assimilation.fourdvarnet.forecasts.training.train_forecast`
    name : of the method, for messages
    first_guess : level of an input of role ``first_guess`` that is handed in too, or
        ``climatology``; none if empty
    device : of torch
    precision : of the convolutions, see :func:`oceanbench.learning.precision.in_bfloat16`

    Raises
    ------
    OceanbenchError
        if the weights are of another network, or the target has leads that they do not
    """
    configuration = ensembles.configuration_of(ForecastConfiguration, weights, name)
    reduced = in_bfloat16(precision, device, usual=configuration.reduced)
    configuration = replace(configuration, reduced=reduced)
    leads = target["lead"].values.astype(np.int64)
    if missing := sorted(set(leads.tolist()) - set(configuration.ahead.tolist())):
        raise OceanbenchError(
            f"{name}: the target has leads {', '.join(map(str, missing))} days, expected some of "
            f"{configuration.leads}; train with those"
        )
    (solver,) = ensembles.load_networks(
        lambda: network(configuration), weights, name=name, member=0, device=device
    )
    along_track = AlongTrack.of(weights, name=name)
    combining = weights["combination"].double().cpu().numpy()
    deviation = float(weights["deviation"])
    (variable,) = map(str, target.data_vars)
    place = place_of(inputs, target, variable, configuration)
    (start,) = target["start"].values
    tracks = {n: d for n, d in inputs.items() if d.attrs.get("role") == "observations"}
    seen = Delivered.of(tracks, variable, start, place, configuration.coarsen)
    seen = seen.by(0.0, 0.0, configuration.past_days + 1.0)
    runs = runs_of([seen], place, configuration, device=device)
    past = configuration.past_days + 1
    misfit = misfits_of([seen], runs, combining, place, past=past, along_track=along_track)
    guess, told = guess_of(inputs, variable, start, place, first_guess, deviation)
    truth = np.zeros((1, *runs.shape[2:]), np.float32)
    scene = Scenes(runs, *misfit, guess[None], np.array([told], np.float32), truth)
    given = known(scene, np.array([0]), combining, deviation, configuration).to(device)
    with torch.inference_mode():
        found = solver(given.values, given.observed, given.first_guess, context=given.context)
    chosen = configuration.past_days + np.searchsorted(configuration.ahead, leads)
    anomaly = deviation * found[0, chosen].double().cpu().numpy()
    maps = xr.DataArray(
        anomaly + place.mean,
        {"lead": leads, "latitude": place.latitude, "longitude": place.longitude},
        ("lead", "latitude", "longitude"),
    )
    values = bicubic(maps, target["latitude"].values, target["longitude"].values)
    like = target[variable].transpose("start", "lead", "latitude", "longitude")
    return target.assign({variable: like.copy(data=values[None].astype(np.float32))})


def place_of(
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    variable: str,
    configuration: ForecastConfiguration,
) -> Place:
    """Nodes of the network around a target, and the climatology on them."""
    axes, step = [], configuration.step_degrees
    for name in ("longitude", "latitude"):
        nodes = target[name].values.astype(np.float64)
        west, east = nodes[0] - configuration.margin, nodes[-1] + configuration.margin
        axes.append(np.linspace(west, east, round((east - west) / step) + 1))
    mean = mean_field(inputs, variable, float(axes[0].mean()))
    if mean is None:
        raise OceanbenchError(
            f"no input of layout 'static' has '{variable}', which observations are relative to; "
            "give the challenge a mean map of role 'climatology'"
        )
    return Place.of(mean, *axes)


def guess_of(
    inputs: Mapping[str, xr.Dataset],
    variable: str,
    start: np.datetime64,
    place: Place,
    level: str,
    deviation: float,
) -> tuple[AnyFloatArray, float]:
    """First guess of a level at a start, as an anomaly on the nodes, and its error.

    Parameters
    ----------
    inputs : of one start
    variable, start, place : what, when and where
    level : of an input of role ``first_guess``, ``climatology``, or empty for none
    deviation : of the anomaly: the error of the climatology
    """
    if not level:
        return np.full(place.mean.shape, np.nan, np.float32), 0.0
    if level == CLIMATOLOGICAL:
        return np.zeros(place.mean.shape, np.float32), deviation
    given = {
        str(d.attrs["level"]): d for d in inputs.values() if d.attrs.get("role") == "first_guess"
    }
    if level not in given:
        raise OceanbenchError(
            f"first_guess={level}: the challenge has none of that level; "
            f"{did_you_mean(level, [*given, CLIMATOLOGICAL])}"
        )
    valid = given[level][variable].transpose("time", "latitude", "longitude")
    valid = centre_longitude(valid.sel(time=[start]), place.centre).sortby("latitude")
    east, north = valid["longitude"].values, valid["latitude"].values
    known_at = (place.latitude >= north[0] - NEAR) & (place.latitude <= north[-1] + NEAR)
    inside = (place.longitude >= east[0] - NEAR) & (place.longitude <= east[-1] + NEAR)
    field = bicubic(fill_holes(valid).astype(np.float64), place.latitude, place.longitude)[0]
    there = known_at[:, None] & inside
    anomaly = np.where(there, field - place.mean, np.nan).astype(np.float32)
    return anomaly, float(given[level].attrs["validation_rmse"])
