"""Scenes of learned forecasts: what was known at a start, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import xarray as xr

from oceanbench.arrays import AnyFloatArray, BoolArray, FloatArray, IntArray
from oceanbench.assimilation.fourdvarnet.forecasts.configuration import ForecastConfiguration
from oceanbench.assimilation.fourdvarnet.forecasts.trajectories import (
    combined,
    innovations,
    model_runs,
    past_maps,
)
from oceanbench.assimilation.fourdvarnet.maps.map_grid import bicubic
from oceanbench.assimilation.observations.along_track_errors import AlongTrack
from oceanbench.assimilation.observations.superobservations import Samples, samples
from oceanbench.grid import KM_PER_DEGREE
from oceanbench.progress import progress

TOGETHER = 16  # starts whose runs are integrated as one batch


@dataclass(frozen=True)
class Place:
    """Where forecasts are made.

    Attributes
    ----------
    longitude, latitude : nodes
    mean : (latitude, longitude) that anomalies are from, on them
    climatology : the same with its coordinates, where it was given
    """

    longitude: FloatArray
    latitude: FloatArray
    mean: FloatArray
    climatology: xr.DataArray

    @classmethod
    def of(cls, climatology: xr.DataArray, longitude: FloatArray, latitude: FloatArray) -> Place:
        """Nodes, and a climatology (latitude, longitude) without holes."""
        at = {"longitude": longitude, "latitude": latitude}
        field = climatology.interp(at, kwargs={"fill_value": None})
        return cls(
            longitude, latitude, field.transpose("latitude", "longitude").values, climatology
        )

    @property
    def centre(self) -> float:
        """Longitude of the middle."""
        return float(self.longitude[0] + self.longitude[-1]) / 2

    @property
    def spacing_km(self) -> float:
        """Distance of rows."""
        return KM_PER_DEGREE * float(self.latitude[1] - self.latitude[0])

    def inner(self, margin: float) -> tuple[slice, slice]:
        """Rows and columns that are so many degrees inside of the edge, at least."""
        found = []
        for axis in (self.latitude, self.longitude):
            count = round(margin / float(axis[1] - axis[0]))
            found.append(slice(count, axis.size - count))
        return found[0], found[1]


class Delivered(NamedTuple):
    """Anomalies that altimeters found, averaged and one by one, in days since a date."""

    averaged: Samples
    single: Samples

    @classmethod
    def of(
        cls,
        tracks: Mapping[str, xr.Dataset],
        variable: str,
        origin: np.datetime64,
        place: Place,
        coarsen: int,
    ) -> Delivered:
        """What tracks found, in days since an origin."""
        given = {name: track.assign_attrs(layout="track") for name, track in tracks.items()}
        found = [
            samples(given, variable, origin, place.centre, coarsen=some, mean=place.climatology)
            for some in (coarsen, 1)
        ]
        return cls(*found)

    def by(self, start: float, latency: float, before: float) -> Delivered:
        """What was delivered by a start, and is not older than so many days, in days since it."""

        def some(seen: Samples) -> Samples:
            chosen = (seen.time <= start - latency) & (seen.time > start - before)
            part = seen.take(chosen)
            return replace(part, time=part.time - start)

        return Delivered(some(self.averaged), some(self.single))

    def of_missions(self, names: Sequence[str]) -> Delivered:
        """What some of the missions found."""

        def some(seen: Samples) -> Samples:
            chosen = [seen.missions.index(name) for name in names]
            return seen.take(np.isin(seen.mission, chosen))

        return Delivered(some(self.averaged), some(self.single))


@dataclass(frozen=True)
class Scenes:
    """Anomalies of starts, in metres.

    Attributes
    ----------
    runs : (starts, lags, slots, rows, columns) of the model
    misfit, observed : (starts, past days, rows, columns) of the observations to the trajectory
    guess : (starts, rows, columns) first guess of the start, NaN where there is none
    told : (starts,) its error, 0 where there is none
    truth : (starts, slots, rows, columns), NaN where it is not known
    beside : (starts, maps, rows, columns) of other things than heights, normalised
    """

    runs: AnyFloatArray
    misfit: AnyFloatArray
    observed: BoolArray
    guess: AnyFloatArray
    told: AnyFloatArray
    truth: AnyFloatArray
    beside: AnyFloatArray

    def __len__(self) -> int:
        """How many starts."""
        return len(self.runs)


def runs_of(
    seen: Sequence[Delivered],
    place: Place,
    configuration: ForecastConfiguration,
    *,
    device: str = "cpu",
) -> AnyFloatArray:
    """Model runs (starts, lags, slots, rows, columns) from what was delivered by each start."""
    axes, found = (place.longitude, place.latitude), []
    parts = [seen[i : i + TOGETHER] for i in range(0, len(seen), TOGETHER)]
    for part in progress(parts, "first guesses", lambda: "made"):
        past = [past_maps(one.averaged, *axes, configuration, device=device) for one in part]
        runs = model_runs(np.stack(past), place.mean, *axes, configuration, device=device)
        found.append(runs)
    return np.concatenate(found)


def misfits_of(
    seen: Sequence[Delivered],
    runs: AnyFloatArray,
    weights: AnyFloatArray,
    place: Place,
    *,
    past: int,
    along_track: AlongTrack | None = None,
) -> tuple[AnyFloatArray, BoolArray]:
    """Misfits (starts, past days, rows, columns) to the combined runs, and where there are any."""
    misfit, observed = [], []
    for one, run in zip(seen, runs, strict=True):
        trajectory = combined(run[None, :, :past], weights[:, :past])[0].astype(np.float64)
        found = innovations(
            one.single, trajectory, place.longitude, place.latitude, along_track=along_track
        )
        misfit.append(found[0].astype(np.float32))
        observed.append(found[1])
    return np.stack(misfit), np.stack(observed)


def truth_at(truth: xr.DataArray, starts: IntArray, place: Place, slots: IntArray) -> AnyFloatArray:
    """Anomalies (starts, slots, rows, columns) of a truth on consecutive days, by their number."""
    daily = bicubic(truth, place.latitude, place.longitude) - place.mean
    found: AnyFloatArray = daily[starts[:, None] + slots].astype(np.float32)
    return found
