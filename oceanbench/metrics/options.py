"""What the options of metrics may be; a challenge.yaml is checked by the annotations.

``level: Fraction = 0.5`` among the keyword parameters of a metric's function is all that it takes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, get_args


@dataclass(frozen=True)
class Limits:
    """Values of an option that make sense, in words and as bounds: one inclusive, two not."""

    words: str
    least: float = -math.inf
    above: float = -math.inf
    below: float = math.inf

    def hold(self, value: Any) -> bool:
        """Whether a value lies between the bounds; what is no number has none."""
        if not isinstance(value, int | float):
            return True
        return self.least <= value and self.above < value < self.below


Fraction = Annotated[float, Limits("between 0 and 1", above=0.0, below=1.0)]
Positive = Annotated[float, Limits("more than 0", above=0.0)]
NonNegative = Annotated[float, Limits("a number >= 0", least=0.0)]
Bins = Annotated[int, Limits("2 or more", least=2)]
Runs = Annotated[int, Limits("1 or more", least=1)]


def limits_of(annotation: Any) -> list[Limits]:
    """Limits that an annotation holds, at any depth: ``Positive | None`` has those of its part."""
    own = [part for part in getattr(annotation, "__metadata__", ()) if isinstance(part, Limits)]
    return own + [found for part in get_args(annotation) for found in limits_of(part)]
