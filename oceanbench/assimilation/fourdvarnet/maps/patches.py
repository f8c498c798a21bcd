"""Series of days, observed once, and patches of them: what networks for maps learn from."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.assimilation.fourdvarnet.batch import Batch
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import GriddedObservations
from oceanbench.assimilation.fourdvarnet.maps.normalisation import Normalisation
from oceanbench.assimilation.fourdvarnet.maps.window_estimates import day_weights, every_window
from oceanbench.learning.patches import cut


@dataclass(frozen=True)
class ObservedSeries:
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

    def days(self, first: int, last: int) -> ObservedSeries:
        """Days from the first to before the last."""
        some: list[Any] = [v if v is None else v[first:last] for v in self.parts()]
        return ObservedSeries(*some)

    def parts(self) -> list[Any]:
        """Values, observed, first guess, truth, known and the second field."""
        return [getattr(self, f.name) for f in fields(self)]

    def windows(self, days: int) -> Batch:
        """All windows of some days."""
        parts = self.parts()
        return _batch([v if v is None else every_window(v, days).contiguous() for v in parts])


@dataclass(frozen=True)
class PatchSampler:
    """Draws patches of series: windows of some days of a part of the map.

    Attributes
    ----------
    series : on the same nodes
    """

    series: tuple[ObservedSeries, ...]

    @property
    def known(self) -> float:
        """Share of the points that are known."""
        count = sum(one.known.numel() for one in self.series)
        return float(sum(one.known.sum() for one in self.series)) / count

    @property
    def error_size(self) -> float:
        """Root mean square of the first guess's errors, where the truth is known."""
        errors = [one.known * (one.first_guess - one.truth).square() for one in self.series]
        count = sum(float(one.known.sum()) for one in self.series)
        return math.sqrt(sum(float(error.double().sum()) for error in errors) / count)

    def draw(
        self, count: int, days: int, crop: int, random: torch.Generator, *, mirrored: bool
    ) -> Batch:
        """Draw patches at random: days, a place and, perhaps, mirrors."""
        patches = [self._patch(days, crop, random, mirrored=mirrored) for _ in range(count)]
        parts = zip(*patches, strict=True)
        return _batch([None if part[0] is None else torch.stack(part) for part in parts])

    def _patch(self, days: int, crop: int, random: torch.Generator, *, mirrored: bool) -> list[Any]:
        def below(limit: int) -> int:
            return int(torch.randint(limit, (), generator=random))

        places = np.cumsum([0] + [len(one.truth) - days + 1 for one in self.series])
        place = below(int(places[-1]))
        number = int(np.searchsorted(places, place, side="right")) - 1
        one, day = self.series[number], place - int(places[number])
        rows, columns = one.truth.shape[1:]
        sides = min(crop, rows), min(crop, columns)
        row, column = below(rows - sides[0] + 1), below(columns - sides[1] + 1)
        turned = [mirrored and below(2) == 1 for _ in range(2)]
        there = [part for part in one.parts() if part is not None]
        found = cut(there, (day, row, column), (days, *sides))
        return [*(_mirrored(part, *turned) for part in found), *[None] * (one.second is None)]


def _mirrored(maps: Tensor, north: bool, east: bool) -> Tensor:
    """Maps (days, rows, columns) as quasi-geostrophic flow allows, and tracers with it.

    North and south with the sign, and east and west with time.
    """
    if north:
        maps = maps.flip(1) if maps.dtype == torch.bool else -maps.flip(1)
    return maps.flip(0, 2) if east else maps


def _batch(parts: list[Any]) -> Batch:
    """Windows of the parts of a series."""
    values, observed, guess, truth, known, second = parts
    weight = day_weights(known.shape[1])[:, None, None] * known
    return Batch(values, observed, guess, truth, weight, second)


def normalised_series(
    observations: GriddedObservations,
    truth: FloatArray,
    known: BoolArray,
    normalisation: Normalisation,
    second: Normalisation | None,
) -> ObservedSeries:
    """Observations, and what is known of their truth, normalised.

    Parameters
    ----------
    observations : with a second field or without
    truth, known : (days, rows, columns)
    normalisation, second : of the variable and of the second field
    """
    field = observations.second
    return ObservedSeries(
        normalisation.normalised(observations.values),
        torch.as_tensor(observations.observed),
        normalisation.normalised(observations.first_guess),
        normalisation.normalised(truth),
        torch.tensor(known),
        None if second is None or field is None else second.normalised(field),
    )
