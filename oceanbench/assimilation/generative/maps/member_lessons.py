"""What networks of members learn from: pairs of days of scenes whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from oceanbench.assimilation.generative.maps.contexts import (
    REACH,
    ErrorScale,
    contexts,
    mirrored,
    series,
)
from oceanbench.assimilation.generative.maps.member_network import MemberNetwork
from oceanbench.assimilation.generative.scoring_rules import fair_crps, fair_energy_score
from oceanbench.learning.kept_arrays import Arrays

SPIN_UP = 7  # days at either end of a scene, which its mapping knows less of than of others


@dataclass(frozen=True)
class MapLesson:
    """Maps of neighbouring days, two by two.

    Attributes
    ----------
    context : (days of all pairs, channels, rows, columns), first days first
    error : (days of all pairs, rows, columns), truth less estimate, in the usual size of errors
    noise : (members, days of all pairs, days and fields of noise, rows, columns)
    """

    context: Tensor
    error: Tensor
    noise: Tensor

    def to(self, device: str) -> MapLesson:
        """On a device."""
        return MapLesson(*(part.to(device) for part in (self.context, self.error, self.noise)))


@dataclass(frozen=True)
class MapLessons:
    """Series of days whose errors are known.

    Attributes
    ----------
    channels : of every scene, (days, channels, rows, columns)
    errors : of every scene, (days, rows, columns)
    edge : rows and columns of a scene's margin, where estimates are worse than inside
    """

    channels: Sequence[Tensor]
    errors: Sequence[Tensor]
    edge: int

    @classmethod
    def of(cls, scenes: Sequence[Arrays], scale: ErrorScale, edge: int) -> MapLessons:
        """MapLessons of scenes with their ``truth``."""
        made, errors = [], []
        for scene in scenes:
            channels, mean = series(scene, scale)
            made.append(channels)
            errors.append((torch.as_tensor(scene["truth"]) - mean) / scale.size)
        return cls(made, errors, edge)

    def drawn(
        self, network: MemberNetwork, pairs: int, draws: int, crop: int, random: torch.Generator
    ) -> MapLesson:
        """Pairs of days of scenes, at random places, mirrored at random."""
        context, error = zip(*(self._pair(crop, random) for _ in range(pairs)), strict=True)
        noise = pair_noise(network, draws, pairs, error[0].shape[-2:], random)
        return MapLesson(torch.cat(_turned(context)), torch.cat(_turned(error)), noise)

    def every(self, network: MemberNetwork, days: int, draws: int) -> MapLesson:
        """Pairs of days of all scenes, so many days apart, whole; noise is always the same."""
        pairs = [
            self._cut(number, day, (self.edge, self.edge), 0, (False, False))
            for number, one in enumerate(self.errors)
            for day in range(SPIN_UP, len(one) - SPIN_UP - 1, days)
        ]
        context, error = zip(*pairs, strict=True)
        random = torch.Generator().manual_seed(0)
        noise = pair_noise(network, draws, len(pairs), error[0].shape[-2:], random)
        return MapLesson(torch.cat(_turned(context)), torch.cat(_turned(error)), noise)

    def _pair(self, crop: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        def below(limit: int) -> int:
            return int(torch.randint(limit, (), generator=random))

        number = below(len(self.errors))
        days, *sides = self.errors[number].shape
        day = SPIN_UP + below(days - 2 * SPIN_UP - 1)
        free = [max(side - 2 * self.edge - crop, 0) + 1 for side in sides]
        corner = self.edge + below(free[0]), self.edge + below(free[1])
        return self._cut(number, day, corner, crop, (below(2) == 1, below(2) == 1))

    def _cut(
        self, number: int, day: int, corner: tuple[int, int], crop: int, turned: tuple[bool, bool]
    ) -> tuple[Tensor, Tensor]:
        """Contexts (2, channels, …) and errors (2, …) of a day and the next."""
        channels, errors = self.channels[number], self.errors[number]
        inside = errors.shape[1] - 2 * self.edge, errors.shape[2] - 2 * self.edge
        rows, columns = (
            slice(first, first + min(crop or side, side))
            for first, side in zip(corner, inside, strict=True)
        )
        some = channels[day - REACH : day + REACH + 2, :, rows, columns]
        windows = torch.stack([some[:-1], some[1:]])
        error = errors[day : day + 2, rows, columns]
        north, east = turned
        windows = mirrored(windows, north=north, east=east)
        error = -error.flip(-2) if north else error
        if east:  # time runs the other way, too
            windows, error = windows.flip(0), error.flip(0, -1)
        return contexts(windows), error


def _turned(pairs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """First days of all pairs, and second ones."""
    both = torch.stack(list(pairs), 1)
    return both[0], both[1]


def pair_noise(
    network: MemberNetwork,
    draws: int,
    pairs: int,
    nodes: Sequence[int],
    random: torch.Generator,
) -> Tensor:
    """Noise of pairs of days, which share all of it but that of one day each."""
    days = 2 * network.reach + 2
    drawn = torch.randn(draws, pairs, days, network.noise, *nodes, generator=random)
    both = torch.cat([drawn[:, :, :-1], drawn[:, :, 1:]], 1)
    return both.flatten(2, 3)


def loss(network: MemberNetwork, lesson: MapLesson, *, reduced: bool, slopes: float) -> Tensor:
    r"""Score of members: fair CRPS and energy score, of maps, of their slopes and of their change.

    Every part is least on average for draws of the distribution that the truth is drawn of; slopes
    and changes from one day to the next ask for what single points do not tell, which errors go
    together.

    Parameters
    ----------
    network : that draws
    lesson : pairs of days
    reduced : convolutions in bfloat16
    slopes : weight of the scores of slopes and changes
    """
    mean, deviations = predicted(network, lesson, reduced=reduced)
    members, truth = mean + deviations, lesson.error
    total = fair_crps(members, truth).mean() + fair_energy_score(members, truth).mean()
    for axis in (-1, -2):
        total = total + slopes * fair_crps(members.diff(dim=axis), truth.diff(dim=axis)).mean()
    (first, second), (before, after) = members.chunk(2, 1), truth.chunk(2)
    total = total + slopes * fair_crps(second - first, after - before).mean()
    return total


def predicted(network: MemberNetwork, lesson: MapLesson, *, reduced: bool) -> tuple[Tensor, Tensor]:
    """Mean of the errors, and deviations of members from it."""
    context = lesson.context.to(memory_format=torch.channels_last)
    with torch.autocast(context.device.type, torch.bfloat16, enabled=reduced):
        mean, deviations = network(context, lesson.noise)
    return mean.float(), deviations.float()
