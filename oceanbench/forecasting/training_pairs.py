r"""Training pairs of an emulator: perturbed states of a reanalysis, and what came of them.

Methods are given an analysis of the start, which is wrong in its own way; a network that has only
seen the reanalysis takes its errors for eddies. So states to start from get an error that looks
like one: the difference of two states a few days apart, of another time. Such differences have the
right places, scales and relations between variables, since what an analysis gets wrong is where
eddies are; they are the errors of the "NMC method".

How large they are follows from how an analysis is made, and from the training maps alone. It has
seen the observations of the days before it only, :math:`1 \dots L` days old, a reanalysis those of
both sides: what an observation that is a days old tells is behind by the change of the sea in a
days. So the two states are a days apart, and all ages are as likely,

.. math:: e = \pm (x_{s+a} - x_s), \quad a \in \{1, \dots, L\}, \quad
    \langle e^2 \rangle = \frac{1}{L} \sum_{a=1}^{L} \langle (x_{s+a} - x_s)^2 \rangle

with L the days that the analysis looks back, which who makes it tells.

References
----------
Parrish and Derber (1992), doi:10.1175/1520-0493(1992)120<1747:TNMCSS>2.0.CO;2
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench.errors import OceanbenchError
from oceanbench.forecasting.anomalies import Days, days_of
from oceanbench.forecasting.normalised_anomalies import (
    IN_MEMORY,
    WHOLE,
    NormalisedAnomalies,
    Window,
    season,
)


class TrainingPairs(NamedTuple):
    """States to start from, what is known of place and season, and the states that followed.

    ``first`` and ``sea`` (batch, channels, rows, columns), ``place`` (batch, 1 + channels, …),
    ``season`` (batch,), ``wanted`` (batch, days, channels, …), ``weight`` (batch, 1, channels, …):
    areas, zero on land, of mean one.
    """

    first: Tensor
    sea: Tensor
    place: Tensor
    season: Tensor
    wanted: Tensor
    weight: Tensor

    def to(self, device: str) -> TrainingPairs:
        """The same, on a device."""
        return TrainingPairs(*(part.to(device) for part in self))


@dataclass(frozen=True)
class Archive:
    """Consecutive days of a reanalysis.

    Attributes
    ----------
    fields : by day
    known : what they are anomalies from
    """

    fields: xr.Dataset
    known: NormalisedAnomalies

    def __post_init__(self) -> None:
        """Refuse days that are not consecutive."""
        if (np.diff(self.days) != np.timedelta64(1, "D")).any():
            raise OceanbenchError(
                f"dataset '{self.fields.attrs.get('name', '')}': a day is missing between "
                f"{self.days[0]} and {self.days[-1]}; an emulator learns from every day"
            )

    @property
    def days(self) -> Days:
        """Days of the fields."""
        return days_of(self.fields)

    @property
    def _small(self) -> bool:
        return self.fields.nbytes < IN_MEMORY

    @cached_property
    def _whole(self) -> Tensor:
        return self.known.normalised(self.fields, self.days)

    def states(self, first: int, count: int, window: Window) -> Tensor:
        """Normalised anomalies of consecutive days."""
        when = slice(first, first + count)
        if self._small:
            return self._whole[when, :, window["latitude"], window["longitude"]]
        fields = self.fields.isel({"time": when, **window})
        return self.known.normalised(fields, self.days[when], window)

    def perturbed(self, state: Tensor, window: Window, lag: int, random: torch.Generator) -> Tensor:
        """State with an error like that of an analysis."""
        apart = _whole_number(1, lag, random)
        other = _whole_number(0, len(self.days) - 1 - apart, random)
        sign = 2 * _whole_number(0, 1, random) - 1
        before, after = (self.states(day, 1, window)[0] for day in (other, other + apart))
        return state + sign * (after - before)

    def pairs(
        self, starts: list[int], days: int, *, lag: int, crop: int, random: torch.Generator
    ) -> TrainingPairs:
        """Pairs of starts, by the number of their day, and so many days after each."""
        parts = []
        for start in starts:
            window = self._window(crop, random)
            states = self.states(start, days + 1, window)
            first = self.perturbed(states[0], window, lag, random) if lag else states[0]
            cut = (slice(None), window["latitude"], window["longitude"])
            known = (self.known.seas()[cut], self.known.place()[cut])
            when = season(self.days[start : start + 1])[0]
            parts.append((first, *known, when, states[1:], self._weight()[cut][None]))
        return TrainingPairs(*(torch.stack(part) for part in zip(*parts, strict=True)))

    def draw(
        self, batch: int, days: int, *, lag: int, crop: int, random: torch.Generator
    ) -> TrainingPairs:
        """Pairs of random starts."""
        last = len(self.days) - 1 - days
        starts = [_whole_number(0, last, random) for _ in range(batch)]
        return self.pairs(starts, days, lag=lag, crop=crop, random=random)

    def _window(self, crop: int, random: torch.Generator) -> Window:
        window = {}
        for dim, size in zip(WHOLE, self.known.sea.shape[1:], strict=True):
            wide = min(crop or size, size)
            first = _whole_number(0, size - wide, random)
            window[dim] = slice(first, first + wide)
        return window

    def _weight(self) -> Tensor:
        latitude = np.deg2rad(self.fields["latitude"].values)
        area = np.cos(latitude)[:, None] * self.known.sea
        area /= area.mean((1, 2), keepdims=True)
        return torch.as_tensor(area, dtype=torch.float32)


def _whole_number(least: int, most: int, random: torch.Generator) -> int:
    return int(torch.randint(least, most + 1, (), generator=random))
