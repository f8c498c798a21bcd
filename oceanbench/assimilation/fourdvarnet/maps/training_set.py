"""Training period with a known truth, observed again and again, and the days that validate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.fourdvarnet.batch import Batch
from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import GriddedObservations
from oceanbench.assimilation.fourdvarnet.maps.map_grid import MapGrid, bicubic, grid_around
from oceanbench.assimilation.fourdvarnet.maps.normalisation import Normalisation
from oceanbench.assimilation.fourdvarnet.maps.patches import PatchSampler
from oceanbench.assimilation.fourdvarnet.maps.simulated_missions import Segment, simulate_missions
from oceanbench.assimilation.observations.along_track_errors import AlongTrack
from oceanbench.errors import OceanbenchError

CHECKED_DAYS, GAP_DAYS = 32, 14  # at the end of the training period, and between it and the rest


@dataclass(frozen=True)
class TrainingSet:
    """Training period with a known truth.

    Attributes
    ----------
    maps : truth (time, latitude, longitude), as it was given
    grid : days and nodes
    truth : (days, rows, columns) of the grid
    segments : the first is all days, as they were observed
    along_track : errors of first guess and altimeters, where the segments know them
    """

    maps: xr.DataArray
    grid: MapGrid
    truth: FloatArray
    segments: tuple[Segment, ...]
    along_track: AlongTrack | None = None

    @property
    def normalisation(self) -> Normalisation:
        """Of the variable."""
        return Normalisation.fitted(self.truth)

    @property
    def second(self) -> Normalisation | None:
        """Of the second field, if there is one."""
        return self.segments[0].observations.second_normalisation()

    def sampler(self) -> PatchSampler:
        """What is learned from: days before those that validate, and a gap."""
        known = (self.truth, self.normalisation, self.second)
        first, *others = (segment.series(*known) for segment in self.segments)
        return PatchSampler((first.days(0, learned_days(len(self.truth))), *others))

    def validation_windows(self, days: int) -> Batch:
        """Windows of the days that validate, as they were observed."""
        whole = self.segments[0].series(self.truth, self.normalisation, self.second)
        return whole.days(len(self.truth) - CHECKED_DAYS, len(whole.truth)).windows(days)

    def validation_maps(self) -> tuple[GriddedObservations, FloatArray]:
        """Days that validate, as they were observed, and their truth, NaN after its end."""
        first = len(self.truth) - CHECKED_DAYS
        seen = self.segments[0].observations.days(slice(first, None))
        unknown = np.full((len(seen.values) - CHECKED_DAYS, *self.truth.shape[1:]), np.nan)
        return seen, np.concatenate([self.truth[first:], unknown])


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


def training_truth(inputs: Mapping[str, xr.Dataset], name: str) -> xr.DataArray:
    """Maps of role ``training``, in memory; refused, in the name of a method, without any."""
    maps = [d for d in inputs.values() if d.attrs.get("role") == "training"]
    maps = [d for d in maps if d.attrs.get("layout") == "grid"]
    if not maps:
        raise OceanbenchError(
            f"{name}: learns from training maps, and there are none; train on a challenge that "
            "has some, and name its weights with --weights"
        )
    variable = next(str(v) for v in maps[0].data_vars)
    field = maps[0][variable].transpose("time", "latitude", "longitude")
    return field.sortby("latitude").load()


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
    maps = training_truth(inputs, name)
    grid = grid_around(maps, configuration.step_degrees)
    truth = bicubic(maps, grid.latitude, grid.longitude)
    check_length(len(truth), configuration, name)
    segments, along_track = simulate_missions(
        inputs,
        maps,
        grid,
        configuration,
        learned=truth[: learned_days(len(truth))],
        missions=missions,
        device=device,
        checkpoint=checkpoint,
    )
    return TrainingSet(maps, grid, truth, segments, along_track)
