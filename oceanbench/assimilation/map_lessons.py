"""Windows of maps to learn from: a training truth, observed again and again by reflown tracks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline
from torch import Tensor

from oceanbench.assimilation.lessons import Lesson
from oceanbench.assimilation.preparation import chosen_missions
from oceanbench.assimilation.scenes import Grid, Scene, scene
from oceanbench.errors import OceanbenchError
from oceanbench.observing.reflown import reflown
from oceanbench.progress import progress

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation by which a variable is normalised."""

    mean: float
    deviation: float

    def apart(self, values: FloatArray) -> Tensor:
        """Normalised, in single precision."""
        return torch.as_tensor((values - self.mean) / self.deviation, dtype=torch.float32)


@dataclass(frozen=True)
class Bank:
    """Scenes of one period whose truth is known, normalised.

    Attributes
    ----------
    truth : (days, rows, columns)
    values, observed, first_guess : (scenes, days, rows, columns)
    """

    truth: Tensor
    values: Tensor
    observed: Tensor
    first_guess: Tensor

    def days(self, first: int, last: int) -> Bank:
        """Days from the first to before the last."""
        some = slice(first, last)
        return Bank(
            self.truth[some],
            self.values[:, some],
            self.observed[:, some],
            self.first_guess[:, some],
        )

    def windows(self, days: int) -> Lesson:
        """All windows of some days of the first scene."""

        def cut(values: Tensor) -> Tensor:
            return values.unfold(0, days, 1).movedim(-1, 1).contiguous()

        truth = cut(self.truth)
        weight = triangle(days)[:, None, None].expand_as(truth)
        values, observed, guess = (
            cut(self.values[0]),
            cut(self.observed[0]),
            cut(self.first_guess[0]),
        )
        return Lesson(values, observed, guess, truth, weight)

    def draw(
        self, count: int, days: int, crop: int, random: torch.Generator, *, mirrored: bool
    ) -> Lesson:
        """Draw windows at random: a scene, days, a place and, perhaps, mirrors."""
        windows = [self._window(days, crop, random, mirrored=mirrored) for _ in range(count)]
        values, observed, guess, truth = (torch.stack(part) for part in zip(*windows, strict=True))
        weight = triangle(days)[:, None, None].expand_as(truth)
        return Lesson(values, observed, guess, truth, weight)

    def _window(
        self, days: int, crop: int, random: torch.Generator, *, mirrored: bool
    ) -> tuple[Tensor, ...]:
        def below(limit: int) -> int:
            return int(torch.randint(limit, (), generator=random))

        total, rows, columns = self.truth.shape
        number, day = below(len(self.values)), below(total - days + 1)
        sides = min(crop, rows), min(crop, columns)
        row, column = below(rows - sides[0] + 1), below(columns - sides[1] + 1)
        box = (slice(day, day + days), slice(row, row + sides[0]), slice(column, column + sides[1]))
        window = [a[number][box] for a in (self.values, self.observed, self.first_guess)]
        window.append(self.truth[box])
        if mirrored and below(2):
            window = [a.flip(1) if a.dtype == torch.bool else -a.flip(1) for a in window]
        if mirrored and below(2):
            window = [a.flip(0, 2) for a in window]
        return tuple(window)


def triangle(days: int) -> Tensor:
    """Weights of the days of a window, which fall linearly from its middle and average to one."""
    middle = days // 2
    weight = 1.0 - (torch.arange(days) - middle).abs() / (middle + 1.0)
    return weight / weight.mean()


def bank(
    inputs: Mapping[str, xr.Dataset],
    truth: xr.DataArray,
    grid: Grid,
    *,
    scenes: int,
    first_guess: str,
    seed: int,
    missions: str = "",
    device: str = "cpu",
) -> tuple[Scene, ...]:
    """Scenes of a period, as it was observed and as altimeters on other days would have.

    Parameters
    ----------
    inputs : of a training
    truth : (time, latitude, longitude), maps of the period, daily
    grid : days and nodes of the scenes
    scenes : how many; the first is as observed
    first_guess : as in :func:`oceanbench.assimilation.scenes.scene`
    seed : of the shifts
    missions : as there
    device : of torch
    """
    random = np.random.default_rng(seed)
    names = chosen_missions(inputs, missions)
    for name in names:
        if inputs[name].attrs["layout"] != "track":
            raise OceanbenchError(f"{name}: only tracks can be flown on other days, not a swath")
    variable = str(truth.name)
    period = float((truth["time"].values[-1] - truth["time"].values[0]) / np.timedelta64(1, "D"))
    width = float(np.ptp(truth["longitude"].values))
    found: list[Scene] = []
    everything = {name: inputs[name] for name in inputs}
    for number in progress(range(scenes), "scenes"):
        days, degrees = random.uniform(0.0, period), random.uniform(0.0, width)
        if number:
            flown = {
                name: reflown(inputs[name], truth, days=days, degrees=degrees) for name in names
            }
            everything |= flown
        found.append(
            scene(
                everything,
                variable,
                grid,
                first_guess=first_guess,
                missions=missions,
                device=device,
            )
        )
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


def normalised(scenes: tuple[Scene, ...], truth: FloatArray, scale: Scale) -> Bank:
    """Scenes and their truth as tensors."""
    return Bank(
        scale.apart(truth),
        torch.stack([scale.apart(s.values) for s in scenes]),
        torch.stack([torch.as_tensor(s.observed) for s in scenes]),
        torch.stack([scale.apart(s.first_guess) for s in scenes]),
    )
