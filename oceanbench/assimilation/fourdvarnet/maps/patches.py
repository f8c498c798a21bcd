"""Strips of days, observed once, and windows of them: what networks for maps learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.batch import Batch
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import Scene
from oceanbench.errors import OceanbenchError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation by which a variable is normalised."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, weights: Mapping[str, Tensor], prefix: str = "", *, name: str) -> Scale:
        """Take up what :meth:`tensors` kept, of the method of a name."""
        try:
            return cls(*(float(weights[f"{prefix}{f.name}"]) for f in fields(cls)))
        except (KeyError, ValueError, RuntimeError) as problem:  # missing, or not one number
            raise OceanbenchError(f"{name}: these are not its weights; train it") from problem

    def tensors(self, prefix: str = "") -> dict[str, Tensor]:
        """To be kept with the weights."""
        return {f"{prefix}{f.name}": torch.tensor(getattr(self, f.name)) for f in fields(self)}

    def apart(self, values: FloatArray) -> Tensor:
        """Normalised, in single precision."""
        return torch.as_tensor((values - self.mean) / self.deviation, dtype=torch.float32)


@dataclass(frozen=True)
class Strip:
    """Consecutive days, observed once, normalised.

    Attributes
    ----------
    values, observed, first_guess : (days, rows, columns)
    truth : of the same shape, any number where the truth is unknown
    known : of the same shape, bool
    second : maps of another variable, of the same shape, or none
    """

    values: Tensor
    observed: Tensor
    first_guess: Tensor
    truth: Tensor
    known: Tensor
    second: Tensor | None = None

    def days(self, first: int, last: int) -> Strip:
        """Days from the first to before the last."""
        some: list[Any] = [v if v is None else v[first:last] for v in self.parts()]
        return Strip(*some)

    def parts(self) -> list[Any]:
        """Values, observed, first guess, truth, known and the second field."""
        return [getattr(self, f.name) for f in fields(self)]

    def windows(self, days: int) -> Batch:
        """All windows of some days."""

        def cut(values: Tensor) -> Tensor:
            return values.unfold(0, days, 1).movedim(-1, 1).contiguous()

        return _lesson([v if v is None else cut(v) for v in self.parts()])


@dataclass(frozen=True)
class Bank:
    """Strips to draw windows from.

    Attributes
    ----------
    strips : on the same nodes
    """

    strips: tuple[Strip, ...]

    @property
    def known(self) -> float:
        """Share of the points that are known."""
        count = sum(strip.known.numel() for strip in self.strips)
        return float(sum(strip.known.sum() for strip in self.strips)) / count

    def draw(
        self, count: int, days: int, crop: int, random: torch.Generator, *, mirrored: bool
    ) -> Batch:
        """Draw windows at random: days, a place and, perhaps, mirrors."""
        windows = [self._window(days, crop, random, mirrored=mirrored) for _ in range(count)]
        parts = zip(*windows, strict=True)
        return _lesson([None if part[0] is None else torch.stack(part) for part in parts])

    def _window(
        self, days: int, crop: int, random: torch.Generator, *, mirrored: bool
    ) -> list[Any]:
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
        turned = [mirrored and below(2) == 1 for _ in range(2)]
        return [a if a is None else _mirrored(a[box], *turned) for a in strip.parts()]


def _mirrored(maps: Tensor, north: bool, east: bool) -> Tensor:
    """Maps (days, rows, columns) as quasi-geostrophic flow allows, and tracers with it.

    North and south with the sign, and east and west with time.
    """
    if north:
        maps = maps.flip(1) if maps.dtype == torch.bool else -maps.flip(1)
    return maps.flip(0, 2) if east else maps


def _lesson(parts: list[Any]) -> Batch:
    """Windows of the parts of a strip."""
    values, observed, guess, truth, known, second = parts
    weight = triangle(known.shape[1])[:, None, None] * known
    return Batch(values, observed, guess, truth, weight, second)


def triangle(days: int) -> Tensor:
    """Weights of the days of a window, which fall linearly from its middle and average to one."""
    middle = days // 2
    weight = 1.0 - (torch.arange(days) - middle).abs() / (middle + 1.0)
    return weight / weight.mean()


def strip(
    seen: Scene, truth: FloatArray, known: NDArray[np.bool_], scale: Scale, second: Scale | None
) -> Strip:
    """Scene, and what is known of its truth, normalised.

    Parameters
    ----------
    seen : with a second field or without
    truth, known : (days, rows, columns)
    scale, second : of the variable and of the second field
    """
    return Strip(
        scale.apart(seen.values),
        torch.as_tensor(seen.observed),
        scale.apart(seen.first_guess),
        scale.apart(truth),
        torch.tensor(known),
        None if second is None or seen.second is None else second.apart(seen.second),
    )


def second_scale(seen: Scene) -> Scale | None:
    """Scale of the second field of a scene, if it has one."""
    values = seen.second
    return None if values is None else Scale(float(values.mean()), float(values.std()) or 1.0)
