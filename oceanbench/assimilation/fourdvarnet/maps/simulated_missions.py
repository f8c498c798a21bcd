"""A training truth, observed again and again: as it was, and by altimeters on other days."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.fourdvarnet.maps.cache import cached
from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration
from oceanbench.assimilation.fourdvarnet.maps.first_guess_maps import first_guess_maps
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import (
    GriddedObservations,
    grid_observations,
)
from oceanbench.assimilation.fourdvarnet.maps.map_grid import MapGrid
from oceanbench.assimilation.fourdvarnet.maps.normalisation import Normalisation
from oceanbench.assimilation.fourdvarnet.maps.patches import Series, normalised_series
from oceanbench.assimilation.observations.along_track_errors import AlongTrack, fitted
from oceanbench.assimilation.observations.superobservations import DAY, chosen_missions
from oceanbench.errors import OceanbenchError
from oceanbench.grid import KM_PER_DEGREE
from oceanbench.observing.noise import fitted_error
from oceanbench.observing.reflown import reflown
from oceanbench.progress import progress

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
    ) -> Series:
        """Normalised, with the truth of the period (days, rows, columns), as far as it reaches."""
        count = len(self.observations.values)
        there = truth[self.first : self.first + count]
        known = np.arange(count) < len(there)
        whole = np.concatenate([there, np.zeros((count - len(there), *truth.shape[1:]))])
        everywhere = np.broadcast_to(known[:, None, None], whole.shape)
        return normalised_series(self.observations, whole, everywhere, normalisation, second)


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
    truth : (time, latitude, longitude), maps of the period, daily
    grid : days and nodes of the period
    configuration : how often they are observed, and with which first guess
    learned : (days, rows, columns), the truth of the days that altimeters on other days observe
    missions : as for :func:`oceanbench.assimilation.observations.superobservations.samples`
    device : of torch
    checkpoint : folder that keeps what was observed, or nothing
    """
    names, variable = _tracks(inputs, missions), str(truth.name)
    shifts = _shifts(truth, configuration.scenes)
    parts = np.linspace(0, len(learned), max(round(len(learned) / PART_DAYS), 1) + 1).astype(int)
    jobs = [(0, 0, len(grid.days))]
    jobs += [(n, a, b) for n in range(1, len(shifts)) for a, b in itertools.pairwise(parts)]
    options = {
        "first_guess": configuration.first_guess,
        "missions": missions,
        "second": configuration.second,
    }
    segments, errors = [], None
    for number, first, end in progress(jobs, "scenes"):
        flown = {name: inputs[name] for name in names}
        if number:
            days, degrees = shifts[number]
            flown = {n: reflown(t, truth, days=days, degrees=degrees) for n, t in flown.items()}
        over = grid.days[0] + end * DAY
        flown = {n: t.isel(time=t["time"].values < over) for n, t in flown.items()}
        given = {name: inputs[name] for name in inputs} | flown
        reach = np.arange(first, end + configuration.days // 2)
        part = replace(grid, days=grid.days[0] + reach * DAY)
        make = partial(_observe, given, variable, part, device=device, **options)
        seen = cached(make, Path(checkpoint), given, part, options) if checkpoint else make()
        if configuration.knows_errors:
            errors = errors or _errors([inputs[n] for n in names], truth, learned, seen)
            around = (given, variable, part, seen.first_guess)
            better = grid_observations(*around, missions=missions, along_track=errors)
            seen = replace(seen, values=better.values)
        segments.append(Segment(int(first), seen))
    return tuple(segments), errors


def _tracks(inputs: Mapping[str, xr.Dataset], missions: str) -> list[str]:
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


def _observe(
    inputs: Mapping[str, xr.Dataset],
    variable: str,
    grid: MapGrid,
    *,
    first_guess: str,
    missions: str,
    second: str,
    device: str,
) -> GriddedObservations:
    """First guess, and the observations about it: what is cached."""
    guess = first_guess_maps(inputs, variable, grid, first_guess, missions=missions, device=device)
    return grid_observations(inputs, variable, grid, guess, missions=missions, second=second)


def _errors(
    tracks: list[xr.Dataset], truth: xr.DataArray, learned: FloatArray, seen: GriddedObservations
) -> AlongTrack:
    """Errors of tracks, and of the first guess of all days, on the first days of the truth."""
    days = slice(len(learned))
    altimeter = fitted_error(tracks, truth.isel(time=days))
    spacing = KM_PER_DEGREE * float(np.ptp(truth["latitude"].values)) / (learned.shape[1] - 1)
    return fitted(seen.first_guess[days] - learned, seen.observed[days], spacing, altimeter)
