"""What the models of cycles share: a Runge-Kutta step, and where their components lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from oceanbench.arrays import FloatArray

Stepped = TypeVar("Stepped", bound=np.ndarray[Any, Any])


class ComponentPlaces(NamedTuple):
    """Where the components of a state lie.

    Attributes
    ----------
    places : (components, axes), in the unit of length of the model
    periods : length of each axis, after which it begins again
    """

    places: FloatArray
    periods: tuple[float, ...]


def step(states: Stepped, tendency: Callable[[Stepped], Stepped], length: float) -> Stepped:
    """States, real or complex, one Runge-Kutta step of fourth order later."""
    at: Any = states
    first: Any = tendency(at)
    second: Any = tendency(at + (0.5 * length) * first)
    third: Any = tendency(at + (0.5 * length) * second)
    fourth: Any = tendency(at + length * third)
    second += third
    second *= 2.0
    second += first
    second += fourth
    second *= length / 6.0
    second += at
    found: Stepped = second
    return found
