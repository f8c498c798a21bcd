"""Learned forecasts, applied to what was delivered by one start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench.arrays import AnyFloatArray, BoolArray, FloatArray
from oceanbench.assimilation.fourdvarnet.forecasts.configuration import (
    ForecastConfiguration,
    network,
)
from oceanbench.assimilation.fourdvarnet.forecasts.direct_forecast import DirectForecast
from oceanbench.assimilation.fourdvarnet.forecasts.forecast_errors import (
    ForecastErrors,
    unsureness,
)
from oceanbench.assimilation.fourdvarnet.forecasts.normalised_scenes import known
from oceanbench.assimilation.fourdvarnet.forecasts.periods import image_of
from oceanbench.assimilation.fourdvarnet.forecasts.scenes import (
    Delivered,
    Place,
    Scenes,
    misfits_of,
    runs_of,
)
from oceanbench.assimilation.fourdvarnet.forecasts.surroundings import Surroundings
from oceanbench.assimilation.fourdvarnet.maps.map_grid import bicubic
from oceanbench.assimilation.fourdvarnet.solver import FourDVarNet
from oceanbench.assimilation.observations.along_track_errors import AlongTrack
from oceanbench.assimilation.observations.superobservations import kilometres, mean_field
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.grid import centre_longitude, fill_holes
from oceanbench.learning import ensembles
from oceanbench.learning.precision import in_bfloat16

CLIMATOLOGICAL = "climatology"  # first guess that is the mean
NEAR = 1e-6  # degrees within which nodes are the same


@dataclass(frozen=True)
class TrainedForecast:
    """Network of a training, and what it is applied with.

    Attributes
    ----------
    name : of the method, for messages
    configuration : that it was trained with
    solver : the network
    weights : of the runs
    deviation : of the anomaly, m
    along_track : errors of the runs and of altimeters
    device : of torch
    errors : of forecasts, if they are known
    around : what it reads beside heights, if anything
    """

    name: str
    configuration: ForecastConfiguration
    solver: FourDVarNet | DirectForecast
    weights: FloatArray
    deviation: float
    along_track: AlongTrack
    device: str
    errors: ForecastErrors | None = None
    around: Surroundings | None = None

    @classmethod
    def of(
        cls,
        weights: Mapping[str, Tensor],
        *,
        name: str,
        device: str = "cpu",
        precision: str = "auto",
    ) -> TrainedForecast:
        """Network of weights.

        Parameters
        ----------
        weights : from :func:`oceanbench.assimilation.fourdvarnet.forecasts.training.train_forecast`
        name : of the method, for messages
        device : of torch
        precision : of the convolutions, see :func:`oceanbench.learning.precision.in_bfloat16`
        """
        configuration = ensembles.configuration_of(ForecastConfiguration, weights, name)
        reduced = in_bfloat16(precision, device, usual=configuration.reduced)
        configuration = replace(configuration, reduced=reduced)
        (solver,) = ensembles.load_networks(
            lambda: network(configuration), weights, name=name, member=0, device=device
        )
        return cls(
            name,
            configuration,
            solver,
            weights["combination"].double().cpu().numpy(),
            float(weights["deviation"]),
            AlongTrack.of(weights, name=name),
            device,
            ForecastErrors.of(weights),
            Surroundings.of(weights),
        )

    def scene(
        self,
        inputs: Mapping[str, xr.Dataset],
        variable: str,
        start: np.datetime64,
        place: Place,
        *,
        temperature: bool = True,
    ) -> Scenes:
        """What is known at a start, without a first guess: one scene, of no truth."""
        c = self.configuration
        given = {n: d for n, d in inputs.items() if d.attrs.get("role") == "observations"}
        tracks = {n: d for n, d in given.items() if d.attrs.get("layout") != "grid"}
        seen = Delivered.of(tracks, variable, start, place, c.coarsen)
        seen = seen.by(0.0, 0.0, c.past_days + 1.0)
        runs = runs_of([seen], place, c, device=self.device)
        about = ([seen], runs, self.weights, place)
        misfit = misfits_of(*about, past=c.past_days + 1, along_track=self.along_track)
        nothing = np.full((1, *place.mean.shape), np.nan, np.float32)
        truth = np.zeros((1, *runs.shape[2:]), np.float32)
        beside = np.zeros((0, *place.mean.shape), np.float32)
        if self.around is not None:
            images = temperatures_in(inputs, variable, place) if temperature else None
            beside = self.around.beside(start, images, place, c.past_days, coast=c.coast)
        return Scenes(runs, *misfit, nothing, np.zeros(1, np.float32), truth, beside[None])

    def anomalies(
        self, scenes: Scenes, number: int = 0, *, guided: BoolArray | None = None
    ) -> FloatArray:
        """Forecast (leads, rows, columns) of one scene, m, on the nodes of the network.

        Parameters
        ----------
        scenes : of which it is one
        number : of the scene
        guided : (1,) whether its first guess is handed in; by default it is
        """
        c, some = self.configuration, np.array([number])
        about = (scenes, some, self.weights, self.deviation, c)
        given = known(*about, guided=guided).to(self.device)
        with torch.inference_mode():
            state = self.solver(
                given.values, given.observed, given.first_guess, context=given.context
            )
        found: FloatArray = self.deviation * state[0, c.past_days :].double().cpu().numpy()
        return found

    def forecast(
        self,
        inputs: Mapping[str, xr.Dataset],
        target: xr.Dataset,
        levels: Sequence[str] = ("",),
        *,
        members: int = 0,
        seed: int = 0,
        temperature: bool = True,
    ) -> Iterator[xr.Dataset]:
        """Target, filled with the forecast of its start, for every first guess that is handed in.

        Parameters
        ----------
        inputs : of one start: ``observations`` as delivered, a mean map of role ``climatology``
        target : one variable (start: 1, lead, latitude, longitude)
        levels : of an input of role ``first_guess``, ``climatology``, or empty for none
        members : to draw about the forecast, with errors as validation told them; 0 for none
        seed : of the members
        temperature : whether it reads temperatures, where the inputs and the network have them

        Raises
        ------
        OceanbenchError
            if the target has leads that the network does not
        """
        leads = target["lead"].values.astype(np.int64)
        if missing := sorted(set(leads.tolist()) - set(self.configuration.ahead.tolist())):
            raise OceanbenchError(
                f"{self.name}: the target has leads {', '.join(map(str, missing))} days, expected "
                f"some of {self.configuration.leads}; train with those"
            )
        (variable,) = map(str, target.data_vars)
        (start,) = target["start"].values
        place = place_of(inputs, target, variable, self.configuration)
        scene = self.scene(inputs, variable, start, place, temperature=temperature)
        chosen = np.searchsorted(self.configuration.ahead, leads)
        attributes = target[variable].attrs
        axes = {"lead": leads, "latitude": place.latitude, "longitude": place.longitude}
        for level in levels:
            guess, told = guess_of(inputs, variable, start, place, level, self.deviation)
            guided = replace(scene, guess=guess[None], told=np.array([told], np.float32))
            maps = xr.DataArray(self.anomalies(guided)[chosen] + place.mean, axes, tuple(axes))
            dims, found = ("start", *axes), [maps]
            if members:
                dims = (*dims, "member")
                found = [maps + e[chosen] for e in self._drawn(scene, place, members, seed, start)]
            nodes = target["latitude"].values, target["longitude"].values
            values = np.stack([bicubic(some, *nodes) for some in found], axis=-1)[None]
            values = values if members else values[..., 0]
            yield target.assign({variable: (dims, values.astype(np.float32), attributes)})

    def _drawn(
        self, scene: Scenes, place: Place, members: int, seed: int, start: np.datetime64
    ) -> FloatArray:
        """Errors (members, leads, rows, columns) of a start."""
        if self.errors is None:
            raise OceanbenchError(
                f"{self.name}: weights without errors of forecasts, from which members are drawn; "
                "train it again, or leave members out"
            )
        middle = float(place.longitude.mean()), float(place.latitude.mean())
        x, y = kilometres(place.longitude, place.latitude, middle)
        spacing = float(y[1] - y[0]), float(x[1] - x[0])
        unsure = unsureness(scene.runs[0, :, self.configuration.past_days :])
        return self.errors.drawn(
            members, unsure, spacing, seed + int(start.astype("M8[D]").astype(int))
        )


def temperatures_in(
    inputs: Mapping[str, xr.Dataset], variable: str, place: Place
) -> xr.DataArray | None:
    """Images that were delivered, of another variable than the forecast's, if there are any."""
    for dataset in inputs.values():
        gridded = dataset.attrs.get("layout") == "grid"
        if dataset.attrs.get("role") == "observations" and gridded and variable not in dataset:
            return image_of(dataset, place.centre) if dataset.sizes["time"] else None
    return None


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
