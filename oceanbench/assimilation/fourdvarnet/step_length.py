"""How far to go along a step, so that the cost of no window rises."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

SHORTER = 3.0  # by which a step that raises the cost is divided
LENGTHS = 4  # tried, the whole step included; then the window stays where it is


def not_rising(cost: Callable[[Tensor], Tensor], states: Tensor, change: Tensor) -> Tensor:
    """Part of a step with which the cost does not rise, (windows, 1, …).

    Parameters
    ----------
    cost : (windows, …) -> (windows,)
    states, change : (windows, …)
    """
    before = cost(states)
    length = torch.ones_like(before).view(-1, *[1] * (states.ndim - 1))
    for number in range(LENGTHS):
        rises = ~(cost(states + length * change) <= before)
        if not rises.any():
            break
        shorter = length / SHORTER if number + 1 < LENGTHS else torch.zeros_like(length)
        length = torch.where(rises.view_as(length), shorter, length)
    return length
