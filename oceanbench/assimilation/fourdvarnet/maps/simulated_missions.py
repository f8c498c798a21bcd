"""Windows of maps to learn from: a training truth, observed again and again by reflown tracks."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import xarray as xr
from scipy.interpolate import RectBivariateSpline

from oceanbench.assimilation.fourdvarnet.batch import Batch
from oceanbench.assimilation.fourdvarnet.maps.cache import kept
from oceanbench.assimilation.fourdvarnet.maps.configuration import MapRecipe
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import (
    Grid,
    Scene,
    gridded,
    scene,
)
from oceanbench.assimilation.fourdvarnet.maps.patches import Bank, FloatArray, Scale, Strip, strip
from oceanbench.assimilation.observations.along_track_errors import AlongTrack, fitted
from oceanbench.assimilation.observations.superobservations import DAY, chosen_missions
from oceanbench.errors import OceanbenchError
from oceanbench.grid import KM_PER_DEGREE
from oceanbench.observing.noise import fitted_error
from oceanbench.observing.reflown import reflown
from oceanbench.progress import progress

PART_DAYS = 45  # so that about every sixth window reaches beyond the observations


class Lessons(Protocol):
    """What members learn from, and what they are judged by."""

    @property
    def scale(self) -> Scale:
        """By which the variable is normalised."""
        ...

    @property
    def second(self) -> Scale | None:
        """By which the second field is, if there is one."""
        ...

    @property
    def along_track(self) -> AlongTrack | None:
        """Errors of first guess and altimeters, where they are known."""
        ...

    def learned(self) -> Bank:
        """What is learned from."""
        ...

    def checks(self, days: int) -> Batch:
        """Windows that validate."""
        ...


@dataclass(frozen=True)
class Stretch:
    """Scene of some days of a period, the first of which has that number in it."""

    first: int
    scene: Scene

    def strip(self, truth: FloatArray, scale: Scale, second: Scale | None = None) -> Strip:
        """Normalised, with the truth of the period (days, rows, columns), as far as it reaches."""
        count = len(self.scene.values)
        there = truth[self.first : self.first + count]
        known = np.arange(count) < len(there)
        whole = np.concatenate([there, np.zeros((count - len(there), *truth.shape[1:]))])
        return strip(
            self.scene,
            whole,
            np.broadcast_to(known[:, None, None], whole.shape),
            scale,
            second,
        )


def bank(
    inputs: Mapping[str, xr.Dataset],
    truth: xr.DataArray,
    grid: Grid,
    recipe: MapRecipe,
    *,
    seed: int,
    learned: FloatArray,
    missions: str = "",
    device: str = "cpu",
    checkpoint: str = "",
) -> tuple[tuple[Stretch, ...], AlongTrack | None]:
    """Scenes of a period, as it was observed and as altimeters on other days would have.

    Observations end half a window before every scene does, as they do where the present is mapped.
    Altimeters on other days fly over parts of :data:`PART_DAYS` or so. Errors of the first guess
    and of the altimeters are those of the days that are learned from, as they were observed.

    Parameters
    ----------
    inputs : of a training
    truth : (time, latitude, longitude), maps of the period, daily
    grid : days and nodes of the period
    recipe : how often they are observed, and with which first guess
    seed : of the shifts
    learned : (days, rows, columns), the truth of the days that altimeters on other days observe
    missions : as for :func:`oceanbench.assimilation.observations.superobservations.samples`
    device : of torch
    checkpoint : folder that keeps the scenes, or nothing
    """
    random, ahead = np.random.default_rng(seed), recipe.days // 2
    names = chosen_missions(inputs, missions)
    for name in names:
        if inputs[name].attrs["layout"] != "track":
            raise OceanbenchError(f"{name}: only tracks can be flown on other days, not a swath")
    period = float((truth["time"].values[-1] - truth["time"].values[0]) / DAY)
    width = float(np.ptp(truth["longitude"].values))
    everything = {name: inputs[name] for name in inputs}
    parts = np.linspace(0, len(learned), max(round(len(learned) / PART_DAYS), 1) + 1).astype(int)
    jobs = [(0, 0, len(grid.days))]
    jobs += [(n, a, b) for n in range(1, recipe.scenes) for a, b in itertools.pairwise(parts)]
    shifts = random.uniform(0.0, (period, width), (recipe.scenes, 2))
    options: dict[str, Any] = {
        "first_guess": recipe.first_guess,
        "missions": missions,
        "second": recipe.second,
    }
    found: list[Stretch] = []
    errors: AlongTrack | None = None
    for number, first, end in progress(jobs, "scenes"):
        given = dict(everything)
        for name in names:
            track = inputs[name]
            if number:
                days, degrees = shifts[number]
                track = reflown(track, truth, days=days, degrees=degrees)
            over = grid.days[0] + end * DAY
            given[name] = track.isel(time=track["time"].values < over)
        days = grid.days[0] + np.arange(first, end + ahead) * DAY
        part = replace(grid, days=days)
        make = partial(scene, given, str(truth.name), part, device=device, **options)
        seen = kept(make, Path(checkpoint), given, part, options) if checkpoint else make()
        if recipe.knows_errors:
            errors = errors or _errors([inputs[n] for n in names], truth, learned, seen)
            around = (given, str(truth.name), part, seen.first_guess)
            values, _ = gridded(*around, missions=missions, along_track=errors)
            seen = replace(seen, values=values)
        found.append(Stretch(int(first), seen))
    return tuple(found), errors


def _errors(
    tracks: list[xr.Dataset], truth: xr.DataArray, learned: FloatArray, seen: Scene
) -> AlongTrack:
    """Errors of tracks, and of the first guess of a scene, on the first days of the truth."""
    days = slice(len(learned))
    altimeter = fitted_error(tracks, truth.isel(time=days))
    spacing = KM_PER_DEGREE * float(np.ptp(truth["latitude"].values)) / (learned.shape[1] - 1)
    return fitted(seen.first_guess[days] - learned, seen.observed[days], spacing, altimeter)


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


def on_grid(truth: xr.DataArray, grid: Grid) -> FloatArray:
    """Daily maps on the nodes of a grid, by bicubic splines."""
    return np.stack(
        [
            RectBivariateSpline(truth["latitude"].values, truth["longitude"].values, daily)(
                grid.latitude, grid.longitude
            )
            for daily in truth.values
        ]
    )
