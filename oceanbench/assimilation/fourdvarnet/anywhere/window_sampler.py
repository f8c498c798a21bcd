"""Windows drawn from scenes: what a mapper that learns anywhere learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.anywhere.configuration import (
    GUESSES,
    AnywhereConfiguration,
)
from oceanbench.assimilation.fourdvarnet.anywhere.scaling import InnovationWindows
from oceanbench.errors import OceanbenchError

EASY = "wrong scales"  # first guess that is badly fitted
MIXED = 4  # one in so many windows has the mean of two first guesses
LINEAR = (0, 1, 5)  # of a window's parts: maps, innovation and error
LAST_DAYS = (-6, 2)  # around the last observed day, of half of the windows of scenes that end early


@dataclass(frozen=True)
class Drawn:
    """Windows, and what is to be found.

    Attributes
    ----------
    windows : that the network is given
    error : (batch, answered days, rows, columns) of the first guess: the truth less it
    """

    windows: InnovationWindows
    error: Tensor

    def to(self, device: str) -> Drawn:
        """Return them on another device."""
        return Drawn(self.windows.each(lambda part: part.to(device)), self.error.to(device))

    def some(self, chosen: slice) -> Drawn:
        """Some of the windows."""
        return Drawn(self.windows.each(lambda part: part[chosen]), self.error[chosen])


@dataclass(frozen=True)
class WindowSampler:
    """Draws windows of scenes.

    Attributes
    ----------
    files : of the scenes, of which a part is read when it is drawn
    configuration : days of a window
    """

    files: Sequence[Path]
    configuration: AnywhereConfiguration

    def draw(self, count: int, random: torch.Generator, *, easy: bool = False) -> Drawn:
        """Draw windows at random: a scene, a first guess, days, and turns.

        Parameters
        ----------
        count : how many
        random : all chance is in it
        easy : badly fitted first guesses alone
        """
        parts = []
        for _ in range(count):
            file = self.files[_below(len(self.files), random)]
            parts.append(_turned(self._drawn(file, random, easy=easy), random))
        return _stacked(parts)

    def middles(self) -> Drawn:
        """For each scene and first guess, the window about the last observed day or the middle."""
        parts = []
        for number, file in enumerate(self.files):
            with _opened(file) as scene:
                days, last = _days(scene)
                half = self.configuration.half
                middle = min(last if number % 2 else days // 2, days - half - 1)
                for guess in range(len(_kinds(scene))):
                    parts.append(self._window(scene, guess, middle))
        return _stacked(parts)

    def _drawn(self, file: Path, random: torch.Generator, *, easy: bool) -> list[Tensor]:
        with _opened(file) as scene:
            days, last = _days(scene)
            half, kinds = self.configuration.half, _kinds(scene)
            latest = days - half - 1
            middle = half + _below(max(min(latest, last) - half, 0) + 1, random)
            if last <= latest and _below(2, random):
                first, end = LAST_DAYS
                middle = last + first + _below(end - first, random)
            one = kinds.index(EASY) if easy else _below(len(kinds), random)
            middle = min(max(middle, half), latest)
            window = self._window(scene, one, middle)
            if easy or _below(MIXED, random):
                return window
            share = 0.3 + 0.4 * float(torch.rand((), generator=random))
            return _mixed(window, self._window(scene, _below(len(kinds), random), middle), share)

    def _window(self, scene: Any, guess: int, middle: int) -> list[Tensor]:
        c = self.configuration
        first, end = middle - c.half, middle + c.half + 1
        maps = scene.get_slice("guess")[guess : guess + 1, first:end][0].float()
        truth = scene.get_slice("truth")[middle - c.reach : middle + c.reach + 1].float()
        cell, size = scene.get_tensor("cell").long(), maps[0].numel()
        here = (cell >= first * size) & (cell < end * size)
        place = cell[here] - first * size
        innovation, count = torch.zeros(2, maps.numel())
        innovation[place] = scene.get_tensor("innovation")[guess, here].float()
        count[place] = scene.get_tensor("count")[here].float()
        error = truth - maps[c.half - c.reach : c.half + c.reach + 1]
        sea, cell_km = (scene.get_tensor(name).float() for name in ("sea", "cell_km"))
        return [maps, innovation.view_as(maps), count.view_as(maps), sea, cell_km.view(()), error]


def _opened(file: Path) -> Any:
    """Scene whose parts are read when they are asked for."""
    try:
        scene: Any = safe_open(file, framework="pt")
        scene.get_slice("kind")  # the newest of its parts
    except (SafetensorError, OSError) as problem:
        raise OceanbenchError(f"{file}: not a whole scene ({problem}); remove it") from problem
    return scene


def _kinds(scene: Any) -> list[str]:
    """Names of its first guesses."""
    return [GUESSES[number] for number in scene.get_tensor("kind").tolist()]


def _days(scene: Any) -> tuple[int, int]:
    """How many, and the last that is observed."""
    days, rows, columns = scene.get_slice("truth").get_shape()
    return days, int(scene.get_tensor("cell")[-1]) // (rows * columns)


def _mixed(one: list[Tensor], other: list[Tensor], share: float) -> list[Tensor]:
    """Window of the weighted mean of two first guesses: all but counts, sea and cell are linear."""
    both = enumerate(zip(one, other, strict=True))
    return [a.lerp(b, share) if place in LINEAR else a for place, (a, b) in both]


def _turned(parts: list[Tensor], random: torch.Generator) -> list[Tensor]:
    """Window turned over: east and west, rows and columns, time, and its sign."""
    maps, innovation, count, sea, cell_km, error = parts
    fields = [maps, innovation, count, sea, error]
    if _below(2, random):
        fields = [field.flip(-1) for field in fields]
    if _below(2, random):
        fields = [field.transpose(-1, -2) for field in fields]
    if _below(2, random):
        fields = [field.flip(0) if field.ndim == 3 else field for field in fields]
    maps, innovation, count, sea, error = fields
    sign = 1.0 - 2.0 * _below(2, random)
    return [sign * maps, sign * innovation, count, sea, cell_km, sign * error]


def _stacked(parts: Sequence[list[Tensor]]) -> Drawn:
    *given, error = (torch.stack(part) for part in zip(*parts, strict=True))
    return Drawn(InnovationWindows(*given), error)


def _below(limit: int, random: torch.Generator) -> int:
    return int(torch.randint(limit, (), generator=random))
