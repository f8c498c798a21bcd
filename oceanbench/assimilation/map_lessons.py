"""Windows of maps to learn from: a training truth, observed again and again by reflown tracks."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline
from torch import Tensor

from oceanbench.assimilation.lessons import Lesson
from oceanbench.assimilation.map_recipe import MapRecipe
from oceanbench.assimilation.preparation import DAY, chosen_missions
from oceanbench.assimilation.scenes import Grid, Scene, scene
from oceanbench.errors import OceanbenchError
from oceanbench.observing.reflown import reflown
from oceanbench.progress import progress

FloatArray = NDArray[np.float64]
PART_DAYS = 45  # so that about every sixth window reaches beyond the observations


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation by which a variable is normalised."""

    mean: float
    deviation: float

    def apart(self, values: FloatArray) -> Tensor:
        """Normalised, in single precision."""
        return torch.as_tensor((values - self.mean) / self.deviation, dtype=torch.float32)


@dataclass(frozen=True)
class Strip:
    """Consecutive days, observed once, normalised.

    Attributes
    ----------
    values, observed, first_guess : (days, rows, columns)
    truth : of the same shape, any number on days whose truth is unknown
    known : (days,) bool
    """

    values: Tensor
    observed: Tensor
    first_guess: Tensor
    truth: Tensor
    known: Tensor

    def days(self, first: int, last: int) -> Strip:
        """Days from the first to before the last."""
        return Strip(*(getattr(self, f.name)[first:last] for f in fields(self)))

    def windows(self, days: int) -> Lesson:
        """All windows of some days."""

        def cut(values: Tensor) -> Tensor:
            return values.unfold(0, days, 1).movedim(-1, 1).contiguous()

        truth = cut(self.truth)
        weight = triangle(days) * cut(self.known)
        return Lesson(
            cut(self.values),
            cut(self.observed),
            cut(self.first_guess),
            truth,
            weight[..., None, None].expand_as(truth),
        )


@dataclass(frozen=True)
class Bank:
    """Strips to draw windows from.

    Attributes
    ----------
    strips : on the same nodes
    """

    strips: tuple[Strip, ...]

    def draw(
        self, count: int, days: int, crop: int, random: torch.Generator, *, mirrored: bool
    ) -> Lesson:
        """Draw windows at random: days, a place and, perhaps, mirrors."""
        windows = [self._window(days, crop, random, mirrored=mirrored) for _ in range(count)]
        *parts, known = zip(*windows, strict=True)
        values, observed, guess, truth = (torch.stack(part) for part in parts)
        weight = (triangle(days) * torch.stack(known))[..., None, None]
        return Lesson(values, observed, guess, truth, weight.expand_as(truth))

    def _window(
        self, days: int, crop: int, random: torch.Generator, *, mirrored: bool
    ) -> tuple[Tensor, ...]:
        def below(limit: int) -> int:
            return int(torch.randint(limit, (), generator=random))

        places = np.cumsum([0] + [len(strip.truth) - days + 1 for strip in self.strips])
        place = below(int(places[-1]))
        number = int(np.searchsorted(places, place, side="right")) - 1
        strip, day = self.strips[number], place - int(places[number])
        rows, columns = strip.truth.shape[1:]
        sides = min(crop, rows), min(crop, columns)
        row, column = below(rows - sides[0] + 1), below(columns - sides[1] + 1)
        box = (slice(day, day + days), slice(row, row + sides[0]), slice(column, column + sides[1]))
        window = [a[box] for a in (strip.values, strip.observed, strip.first_guess, strip.truth)]
        known = strip.known[box[0]]
        if mirrored and below(2):
            window = [a.flip(1) if a.dtype == torch.bool else -a.flip(1) for a in window]
        if mirrored and below(2):
            window, known = [a.flip(0, 2) for a in window], known.flip(0)
        return *window, known


def triangle(days: int) -> Tensor:
    """Weights of the days of a window, which fall linearly from its middle and average to one."""
    middle = days // 2
    weight = 1.0 - (torch.arange(days) - middle).abs() / (middle + 1.0)
    return weight / weight.mean()


@dataclass(frozen=True)
class Stretch:
    """Scene of some days of a period, the first of which has that number in it."""

    first: int
    scene: Scene

    def strip(self, truth: FloatArray, scale: Scale) -> Strip:
        """Normalised, with the truth of the period (days, rows, columns), as far as it reaches."""
        count = len(self.scene.values)
        there = truth[self.first : self.first + count]
        known = torch.arange(count) < len(there)
        whole = np.concatenate([there, np.zeros((count - len(there), *truth.shape[1:]))])
        return Strip(
            scale.apart(self.scene.values),
            torch.as_tensor(self.scene.observed),
            scale.apart(self.scene.first_guess),
            scale.apart(whole),
            known,
        )


def bank(
    inputs: Mapping[str, xr.Dataset],
    truth: xr.DataArray,
    grid: Grid,
    recipe: MapRecipe,
    *,
    seed: int,
    learned: int,
    missions: str = "",
    device: str = "cpu",
) -> tuple[Stretch, ...]:
    """Scenes of a period, as it was observed and as altimeters on other days would have.

    Observations end half a window before every scene does, as they do where the present is mapped.
    Altimeters on other days fly over parts of :data:`PART_DAYS` or so.

    Parameters
    ----------
    inputs : of a training
    truth : (time, latitude, longitude), maps of the period, daily
    grid : days and nodes of the period
    recipe : how often they are observed, and with which first guess
    seed : of the shifts
    learned : of the days, so many are observed by altimeters on other days
    missions : as for :func:`oceanbench.assimilation.preparation.samples`
    device : of torch
    """
    random, ahead = np.random.default_rng(seed), recipe.days // 2
    names = chosen_missions(inputs, missions)
    for name in names:
        if inputs[name].attrs["layout"] != "track":
            raise OceanbenchError(f"{name}: only tracks can be flown on other days, not a swath")
    period = float((truth["time"].values[-1] - truth["time"].values[0]) / DAY)
    width = float(np.ptp(truth["longitude"].values))
    everything = {name: inputs[name] for name in inputs}
    parts = np.linspace(0, learned, max(round(learned / PART_DAYS), 1) + 1).astype(int)
    jobs = [(0, 0, len(grid.days))]
    jobs += [(n, a, b) for n in range(1, recipe.scenes) for a, b in itertools.pairwise(parts)]
    shifts = random.uniform(0.0, (period, width), (recipe.scenes, 2))
    found: list[Stretch] = []
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
        seen = scene(
            given,
            str(truth.name),
            replace(grid, days=days),
            first_guess=recipe.first_guess,
            missions=missions,
            device=device,
        )
        found.append(Stretch(int(first), seen))
    return tuple(found)


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
