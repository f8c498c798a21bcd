"""Windows drawn from scenes: what a mapper that learns anywhere learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.anywhere.configuration import (
    GUESSES,
    AnywhereConfiguration,
)
from oceanbench.assimilation.fourdvarnet.anywhere.scaling import (
    FRACTIONS,
    InnovationWindows,
    sweep_of,
)
from oceanbench.errors import OceanbenchError

EASY = "wrong scales"  # first guess that is badly fitted
LIKELY = {"fitted": 0.35, "wrong scales": 0.15, "bfn": 0.5}  # first guess of a window
MIXED = 3  # one in so many windows has the mean of two first guesses
SIGNED = ("first_guess", "innovation", "shared")
LINEAR = ("first_guess", "innovation", "shared", "fraction")  # of a first guess, or nearly so
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

    def _drawn(self, file: Path, random: torch.Generator, *, easy: bool) -> Drawn:
        with _opened(file) as scene:
            days, last = _days(scene)
            half, kinds = self.configuration.half, _kinds(scene)
            latest = days - half - 1
            middle = half + _below(max(min(latest, last) - half, 0) + 1, random)
            if last <= latest and _below(2, random):
                first, end = LAST_DAYS
                middle = last + first + _below(end - first, random)
            one = kinds.index(EASY) if easy else _likely(kinds, random)
            middle = min(max(middle, half), latest)
            window = self._window(scene, one, middle)
            if easy or _below(MIXED, random):
                return window
            share = 0.3 + 0.4 * float(torch.rand((), generator=random))
            return _mixed(window, self._window(scene, _likely(kinds, random), middle), share)

    def _window(self, scene: Any, guess: int, middle: int) -> Drawn:
        c = self.configuration
        first, end = middle - c.half, middle + c.half + 1
        maps = scene.get_slice("guess")[guess : guess + 1, first:end][0].float()
        truth = scene.get_slice("truth")[middle - c.reach : middle + c.reach + 1].float()
        cell, size = scene.get_tensor("cell").long(), maps[0].numel()
        here = (cell >= first * size) & (cell < end * size)

        def on_maps(values: Tensor) -> Tensor:
            found = torch.zeros(maps.numel(), dtype=values.dtype)
            found[cell[here] - first * size] = values[here]
            return found.view_as(maps)

        innovation, shared = (scene.get_tensor(n)[guess].float() for n in ("innovation", "shared"))
        fraction = scene.get_tensor("fraction")[guess].float().clamp(*FRACTIONS)
        sea, cell_km, unit, latitude, smooth_km = (
            scene.get_tensor(n).float() for n in ("sea", "cell_km", "unit", "latitude", "smooth_km")
        )
        windows = InnovationWindows(
            maps + scene.get_tensor("mean").float(),
            on_maps(innovation),
            on_maps(scene.get_tensor("count").float()),
            on_maps(scene.get_tensor("passes").long()),
            sea,
            cell_km.view(()),
            fraction,
            torch.tensor(float(unit) * sweep_of(float(latitude), float(cell_km))),
            on_maps(shared),
            smooth_km.view(()),
        )
        return Drawn(windows, truth - maps[c.half - c.reach : c.half + c.reach + 1])


def _opened(file: Path) -> Any:
    """Scene whose parts are read when they are asked for."""
    try:
        scene: Any = safe_open(file, framework="pt")
        scene.get_slice("smooth_km")  # the newest of its parts
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


def _mixed(one: Drawn, other: Drawn, share: float) -> Drawn:
    """Window of the weighted mean of two first guesses."""
    parts = {
        name: getattr(one.windows, name).lerp(getattr(other.windows, name), share)
        for name in LINEAR
    }
    return Drawn(replace(one.windows, **parts), one.error.lerp(other.error, share))


def _turned(drawn: Drawn, random: torch.Generator) -> Drawn:
    """Window turned over: east and west, rows and columns, time.

    Each makes another hemisphere of it, where currents go round the other way: so its sign turns,
    too.
    """
    for turn in (_mirrored, _transposed, _reversed):
        if _below(2, random):
            windows = drawn.windows.each(turn)
            signed = {name: -getattr(windows, name) for name in SIGNED}
            drawn = Drawn(replace(windows, **signed), -turn(drawn.error))
    return drawn


def _mirrored(field: Tensor) -> Tensor:
    return field.flip(-1) if field.ndim > 1 else field


def _transposed(field: Tensor) -> Tensor:
    return field.transpose(-1, -2) if field.ndim > 1 else field


def _reversed(field: Tensor) -> Tensor:
    return field.flip(0) if field.ndim == 3 else field


def _stacked(parts: Sequence[Drawn]) -> Drawn:
    names = [part.name for part in fields(InnovationWindows)]
    stacked = [torch.stack([getattr(part.windows, name) for part in parts]) for name in names]
    return Drawn(InnovationWindows(*stacked), torch.stack([part.error for part in parts]))


def _likely(kinds: list[str], random: torch.Generator) -> int:
    chances = torch.tensor([LIKELY[kind] for kind in kinds])
    return int(torch.multinomial(chances, 1, generator=random))


def _below(limit: int, random: torch.Generator) -> int:
    return int(torch.randint(limit, (), generator=random))
