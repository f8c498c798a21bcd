"""A training truth, observed again and again: as it was, and by altimeters on other days."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.assimilation.fourdvarnet.maps.cache import cached
from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration
from oceanbench.assimilation.fourdvarnet.maps.first_guess_maps import first_guess_maps
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import (
    GriddedObservations,
    grid_observations,
)
from oceanbench.assimilation.fourdvarnet.maps.map_grid import KnownMaps, MapGrid
from oceanbench.assimilation.fourdvarnet.maps.normalisation import Normalisation
from oceanbench.assimilation.fourdvarnet.maps.patches import ObservedSeries, normalised_series
from oceanbench.assimilation.observations.along_track_errors import AlongTrack, fitted
from oceanbench.assimilation.observations.missions import chosen_missions
from oceanbench.assimilation.observations.superobservations import DAY
from oceanbench.errors import OceanbenchError
from oceanbench.grid import KM_PER_DEGREE
from oceanbench.observing.noise import AltimeterError, fitted_error
from oceanbench.observing.reflown import reflown
from oceanbench.progress import Stages, progress

SHIFTS_SEED = 0  # of the days and degrees that tracks are moved by, whatever the training's seed is
PART_DAYS = 45  # so that about every sixth window reaches beyond the observations


@dataclass(frozen=True)
class Segment:
    """Consecutive days of a period, observed.

    Attributes
    ----------
    first : number of the first of them in the period
    observations : of all of them
    """

    first: int
    observations: GriddedObservations

    def series(
        self,
        truth: FloatArray,
        normalisation: Normalisation,
        second: Normalisation | None = None,
        *,
        known: BoolArray | None = None,
    ) -> ObservedSeries:
        """Normalised, with the truth of the period, as far as it reaches.

        Parameters
        ----------
        truth : (days, rows, columns)
        normalisation, second : of the variable and of the second field
        known : where the truth is no land; by default everywhere
        """
        known = np.ones(truth.shape, dtype=bool) if known is None else known
        count = len(self.observations.values)
        days = slice(self.first, self.first + count)
        after = [(0, count - len(truth[days])), (0, 0), (0, 0)]
        whole, there = np.pad(truth[days], after), np.pad(known[days], after)
        return normalised_series(self.observations, whole, there, normalisation, second)


def simulate_missions(
    inputs: Mapping[str, xr.Dataset],
    truth: xr.DataArray,
    grid: MapGrid,
    configuration: MapConfiguration,
    *,
    learned: FloatArray,
    missions: str = "",
    device: str = "cpu",
    checkpoint: str = "",
) -> tuple[tuple[Segment, ...], AlongTrack | None]:
    """Observe a period as it was observed, and as altimeters on other days would have.

    Observations end half a window before every segment does, as they do where the present is
    mapped. Altimeters on other days fly over parts of :data:`PART_DAYS` or so. Errors of the first
    guess and of the altimeters are those of the days that are learned from, as they were observed.

    Parameters
    ----------
    inputs : of a training
    truth : (time, latitude, longitude), maps of the period, daily; NaN on land and under ice
    grid : days and nodes of the period
    configuration : how often they are observed, and with which first guess
    learned : (days, rows, columns), the truth of the days that altimeters on other days observe;
        NaN on land
    missions : as for :func:`oceanbench.assimilation.observations.superobservations.samples`
    device : of torch
    checkpoint : folder that keeps what was observed, or nothing
    """
    names, variable, count = flown_missions(inputs, missions), str(truth.name), len(learned)
    maps = KnownMaps.of(truth)
    shifts = _shifts(truth, configuration.scenes)
    parts = np.linspace(0, count, max(round(count / PART_DAYS), 1) + 1).astype(int)
    jobs = [(0, 0, len(grid.days))]
    jobs += [(n, a, b) for n in range(1, len(shifts)) for a, b in itertools.pairwise(parts)]
    options: dict[str, Any] = {
        "first_guess": configuration.first_guess,
        "missions": missions,
        "second": configuration.second,
    }
    flights = [{name: inputs[name] for name in names}]
    for days, degrees in shifts[1:]:
        moved = partial(reflown, days=days, degrees=degrees, sea=maps.sea)
        flights.append({name: moved(inputs[name], maps.field) for name in names})
    segments, errors, altimeter = [], None, None
    if configuration.knows_errors:
        first_days = maps.days(slice(count))
        altimeter = fitted_error(flights[0].values(), first_days.field, first_days.sea)
    bar = progress(jobs, "scenes", lambda: "observed for the training")
    for job, (number, first, end) in enumerate(bar, start=1):
        over = grid.days[0] + end * DAY
        flown = {n: t.isel(time=t["time"].values < over) for n, t in flights[number].items()}
        given = {name: inputs[name] for name in inputs} | flown
        reach = np.arange(first, end + configuration.days // 2)
        part = replace(grid, days=grid.days[0] + reach * DAY)
        make = partial(observe, given, variable, part, device=device, **options)
        label = f"scene {job} of {len(jobs)}, "
        seen = cached(make, checkpoint, given, part, options, label=label)
        if altimeter is not None:
            errors = errors or _errors(altimeter, truth, learned, seen)
            around = (given, variable, part, seen.first_guess)
            better = grid_observations(*around, missions=missions, along_track=errors)
            seen = replace(seen, values=better.values)
        segments.append(Segment(int(first), seen))
    return tuple(segments), errors


def flown_missions(inputs: Mapping[str, xr.Dataset], missions: str) -> list[str]:
    """Names of the missions, refused if they are not all tracks."""
    names = chosen_missions(inputs, missions)
    for name in names:
        if inputs[name].attrs["layout"] != "track":
            raise OceanbenchError(f"{name}: only tracks can be flown on other days, not a swath")
    return names


def _shifts(truth: xr.DataArray, count: int) -> FloatArray:
    """Days and degrees (count, 2) by which tracks are moved; the first are not used.

    Fewer are the first of more, so that trainings share what is kept of them.
    """
    period = float((truth["time"].values[-1] - truth["time"].values[0]) / DAY)
    width = float(np.ptp(truth["longitude"].values))
    return np.random.default_rng(SHIFTS_SEED).uniform(0.0, (period, width), (count, 2))


def observe(
    inputs: Mapping[str, xr.Dataset],
    variable: str,
    grid: MapGrid,
    *,
    first_guess: str,
    missions: str,
    second: str,
    device: str,
    stages: Stages = Stages(),  # noqa: B008  (it never changes)
) -> GriddedObservations:
    """First guess, and the observations about it: what is cached.

    Parameters
    ----------
    inputs : tracks and swaths, and what a mean field is made of
    variable : its name
    grid : days and nodes
    first_guess, missions, device, stages : as for
        :func:`oceanbench.assimilation.fourdvarnet.maps.first_guess_maps.first_guess_maps`
    second : as for
        :func:`oceanbench.assimilation.fourdvarnet.maps.gridded_observations.grid_observations`
    """
    guess = first_guess_maps(
        inputs, variable, grid, first_guess, missions=missions, device=device, stages=stages
    )
    return grid_observations(inputs, variable, grid, guess, missions=missions, second=second)


def _errors(
    altimeter: AltimeterError,
    truth: xr.DataArray,
    learned: FloatArray,
    seen: GriddedObservations,
) -> AlongTrack:
    """Errors of altimeters, and of the first guess of all days, on the first days of the truth."""
    days, known = slice(len(learned)), np.isfinite(learned)
    spacing = KM_PER_DEGREE * float(np.ptp(truth["latitude"].values)) / (learned.shape[1] - 1)
    observed = seen.observed[days] & known
    return fitted(seen.first_guess[days] - learned, observed, spacing, altimeter)
