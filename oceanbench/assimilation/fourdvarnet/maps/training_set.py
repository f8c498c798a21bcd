"""Training period with a known truth, observed again and again, and the days that validate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.assimilation.fourdvarnet.batch import Batch
from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration
from oceanbench.assimilation.fourdvarnet.maps.first_guess_maps import check_given_maps
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import GriddedObservations
from oceanbench.assimilation.fourdvarnet.maps.map_grid import (
    MARGIN,
    KnownMaps,
    MapGrid,
    grid_around,
)
from oceanbench.assimilation.fourdvarnet.maps.normalisation import Normalisation
from oceanbench.assimilation.fourdvarnet.maps.patches import ObservedSeries, PatchSampler
from oceanbench.assimilation.fourdvarnet.maps.simulated_missions import (
    Segment,
    flown_missions,
    simulate_missions,
)
from oceanbench.assimilation.observations.along_track_errors import AlongTrack
from oceanbench.assimilation.observations.superobservations import DAY
from oceanbench.errors import OceanbenchError
from oceanbench.grid import centre_longitude, longitude_range
from oceanbench.learning.patches import CHECKED_DAYS, GAP_DAYS

LEAST_NODES = 4  # of the training maps, a side: what a bicubic spline needs


@dataclass(frozen=True)
class TrainingSet:
    """Training period with a known truth.

    Attributes
    ----------
    maps : truth (time, latitude, longitude), as it was given
    grid : days and nodes
    truth : (days, rows, columns) of the grid, continued over land
    known : of the same shape, where it is no land
    segments : the first is all days, as they were observed
    along_track : errors of first guess and altimeters, where the segments know them
    """

    maps: xr.DataArray
    grid: MapGrid
    truth: FloatArray
    known: BoolArray
    segments: tuple[Segment, ...]
    along_track: AlongTrack | None = None

    @property
    def normalisation(self) -> Normalisation:
        """Of the variable."""
        return Normalisation.fitted(self.truth[self.known])

    @property
    def second(self) -> Normalisation | None:
        """Of the second field, if there is one."""
        return self.segments[0].observations.second_normalisation()

    def sampler(self) -> PatchSampler:
        """What is learned from: days before those that validate, and a gap."""
        first, *others = map(self._series, self.segments)
        return PatchSampler((first.days(0, learned_days(len(self.truth))), *others))

    def validation_windows(self, days: int) -> Batch:
        """Windows of the days that validate, as they were observed."""
        whole = self._series(self.segments[0])
        return whole.days(len(self.truth) - CHECKED_DAYS, len(whole.truth)).windows(days)

    def validation_maps(self) -> tuple[GriddedObservations, FloatArray]:
        """Days that validate, as they were observed, and their truth, NaN where it is not known."""
        first = len(self.truth) - CHECKED_DAYS
        seen = self.segments[0].observations.days(slice(first, None))
        unknown = np.full((len(seen.values) - CHECKED_DAYS, *self.truth.shape[1:]), np.nan)
        known = np.where(self.known[first:], self.truth[first:], np.nan)
        return seen, np.concatenate([known, unknown])

    def _series(self, segment: Segment) -> ObservedSeries:
        return segment.series(self.truth, self.normalisation, self.second, known=self.known)


def learned_days(count: int) -> int:
    """How many of the days of a training period are learned from."""
    return count - CHECKED_DAYS - GAP_DAYS


def check_length(count: int, configuration: MapConfiguration, name: str) -> None:
    """Refuse a training period that is too short to learn from and to validate."""
    least = CHECKED_DAYS + GAP_DAYS + configuration.days
    if count < least:
        raise OceanbenchError(
            f"{name}: {count} days of training maps, expected at least {least}; give a longer "
            "training period"
        )


def training_truth(
    inputs: Mapping[str, xr.Dataset], name: str, missions: Sequence[str]
) -> xr.DataArray:
    """Maps of role ``training`` of what the missions observe; refused, for a method, without any.

    They are cut to the box in which the missions fly, and a margin; their longitudes are in one
    piece, across 0 and 180 degrees too.
    """
    maps = [d for d in inputs.values() if d.attrs.get("role") == "training"]
    maps = [d for d in maps if d.attrs.get("layout") == "grid"]
    flown = [str(v) for mission in missions for v in inputs[mission].data_vars]
    found = next((data[v] for v in flown for data in maps if v in data), None)
    if found is None:
        raise OceanbenchError(
            f"{name}: learns from training maps of what {', '.join(missions)} observe, and there "
            "are none; train on a challenge that has some, and name its weights with --weights"
        )
    field = found.transpose("time", "latitude", "longitude").sortby("latitude")
    west, east = longitude_range(
        np.concatenate([inputs[n]["longitude"].values.ravel() for n in missions])
    )
    field = centre_longitude(field, (west + east) / 2.0)
    rows = np.concatenate([inputs[n]["latitude"].values.ravel() for n in missions])
    bounds = {"longitude": (west, east), "latitude": (np.nanmin(rows), np.nanmax(rows))}
    for axis, (low, high) in bounds.items():
        nodes = field[axis].values
        field = field.isel({axis: (nodes >= low - MARGIN) & (nodes <= high + MARGIN)})
    if min(field.sizes["latitude"], field.sizes["longitude"]) < LEAST_NODES:
        raise OceanbenchError(
            f"{name}: the training maps have {field.sizes['latitude']} rows and "
            f"{field.sizes['longitude']} columns where {', '.join(missions)} fly, expected "
            f"{LEAST_NODES} at least; give maps and tracks of one region"
        )
    loaded: xr.DataArray = field.load()
    return loaded


def training_set(
    inputs: Mapping[str, xr.Dataset],
    configuration: MapConfiguration,
    *,
    name: str,
    missions: str = "",
    device: str = "cpu",
    checkpoint: str = "",
) -> TrainingSet:
    """Observe the training period as often as a configuration says.

    Parameters
    ----------
    inputs : tracks, and maps of role ``training``
    configuration : of the networks
    name : of the method, for messages
    missions : as for :func:`oceanbench.assimilation.observations.superobservations.samples`
    device : of torch
    checkpoint : folder that keeps what was observed, or nothing
    """
    maps = training_truth(inputs, name, flown_missions(inputs, missions))
    check_length(maps.sizes["time"], configuration, name)
    grid = grid_around(maps, configuration.step_degrees)
    truth, known = KnownMaps.of(maps).on(grid)
    reach = len(truth) + configuration.days // 2
    beyond = replace(grid, days=grid.days[0] + DAY * np.arange(reach))
    check_given_maps(inputs, str(maps.name), beyond, configuration)
    learned = slice(learned_days(len(truth)))
    segments, along_track = simulate_missions(
        inputs,
        maps,
        grid,
        configuration,
        learned=np.where(known, truth, np.nan)[learned],
        missions=missions,
        device=device,
        checkpoint=checkpoint,
    )
    return TrainingSet(maps, grid, truth, known, segments, along_track)
