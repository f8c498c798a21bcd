"""What a 4DVarNet is given at a step of its training, and what it is to find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Normalised windows as maps: what the network is given, and what it is to find.

    Attributes
    ----------
    values, observed : observations that the network is given
    first_guess : from those
    wanted : states, or observations that the network is not given
    weight : where they are known, one or zero
    second : maps of another variable, if the network is given any
    """

    values: Tensor
    observed: Tensor
    first_guess: Tensor
    wanted: Tensor
    weight: Tensor
    second: Tensor | None = None

    def to(self, device: str) -> Batch:
        """Return the batch on another device."""

        def moved(name: str) -> Tensor | None:
            values = getattr(self, name)
            return None if values is None else values.to(device)

        return self.each(moved)

    def given(self) -> list[Tensor]:
        """What the network is given."""
        known = [self.values, self.observed, self.first_guess]
        return known if self.second is None else [*known, self.second]

    def part(self, number: int, count: int) -> Batch:
        """Every so many of the windows, from that number on."""

        def some(name: str) -> Tensor | None:
            values = getattr(self, name)
            return None if values is None else values[number::count]

        return self.each(some)

    def each(self, found: Callable[[str], Tensor | None]) -> Batch:
        """Batch of what a function finds by the names of its parts."""
        parts: dict[str, Any] = {f.name: found(f.name) for f in fields(self)}
        return Batch(**parts)
