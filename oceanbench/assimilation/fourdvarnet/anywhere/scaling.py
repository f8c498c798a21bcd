r"""Windows of any sea, in units in which all seas are alike.

A network is told nothing of place or amplitude. With the innovations d, n samples in a cell, the
first guess g, its anomaly to the mean of the middle day and s and :math:`\sigma` their root mean
squares, it is given

.. math:: \frac{d}{s}, \quad \frac{n}{n + 3}, \quad \frac{g - \bar g}{\sigma}, \quad
    \mathrm{sea}, \quad \tfrac12 \log \frac{s}{\sigma}, \quad \log \frac{\Delta x}{18 \text{ km}}

and what it answers is in units of s: twice the sea level has twice the increment, and without an
innovation there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

GUESS_DAYS = (-6, -3, -1, 0, 1, 3, 6)  # from the middle, of the first guess that is read
SAMPLES = 3.0  # in a cell that weigh half of what any number does
USUAL_KM = 18.0  # side of a cell
LEAST = 1e-3  # of either root mean square, in units of the other
DAY_WEIGHTS = (0.6, 0.9, 1.0, 0.9, 0.6)  # of the answered days: the middle is known best


@dataclass(frozen=True)
class InnovationWindows:
    """Windows of some days, in any unit.

    Attributes
    ----------
    first_guess : (batch, days, rows, columns), anomaly to a mean field if there is one
    innovation, count : of the same shape; zero where nothing is observed
    sea : (batch, rows, columns), one or zero
    cell_km : (batch,) side of a cell
    """

    first_guess: Tensor
    innovation: Tensor
    count: Tensor
    sea: Tensor
    cell_km: Tensor

    def each(self, found: Callable[[Tensor], Tensor]) -> InnovationWindows:
        """Windows with every part changed alike."""
        parts: dict[str, Any] = {f.name: found(getattr(self, f.name)) for f in fields(self)}
        return InnovationWindows(**parts)

    def scaled(self) -> Scaled:
        """What a network is given."""
        sea = self.sea[:, None]
        seen = (self.count > 0).to(sea.dtype) * sea
        innovation, middle = self.innovation * seen, self.first_guess.shape[1] // 2
        unit = root_mean_square(innovation, seen)
        today = self.first_guess[:, middle : middle + 1]
        level = (today * sea).sum((1, 2, 3), keepdim=True) / _total(sea)
        chosen = [middle + day for day in GUESS_DAYS]
        anomaly = (self.first_guess[:, chosen] - level) * sea
        size = root_mean_square(anomaly, sea.expand_as(anomaly))
        safe_unit = torch.maximum(unit, LEAST * size)
        safe_unit = torch.where(safe_unit > 0, safe_unit, 1.0)
        safe_size = torch.maximum(size, LEAST * safe_unit)
        ratio = 0.5 * torch.log(safe_unit / safe_size)
        cell = torch.log(self.cell_km / USUAL_KM)[:, None, None, None]
        weight = seen * self.count / (self.count + SAMPLES)
        parts = [innovation / safe_unit, weight, anomaly / safe_size, sea]
        context = torch.cat([*parts, ratio * torch.ones_like(sea), cell * torch.ones_like(sea)], 1)
        return Scaled(parts[0], weight, context, sea, unit)


@dataclass(frozen=True)
class Scaled:
    """Windows as a network gets them.

    Attributes
    ----------
    innovation : (batch, days, rows, columns), in units of their root mean square
    weight : of the same shape, 0 to 1
    context : (batch, channels, rows, columns): both, and all else that is told
    sea : (batch, 1, rows, columns), one or zero
    unit : (batch, 1, 1, 1) of what the network answers
    """

    innovation: Tensor
    weight: Tensor
    context: Tensor
    sea: Tensor
    unit: Tensor


def channels(days: int) -> int:
    """Channels of a context."""
    return 2 * days + len(GUESS_DAYS) + 3


def root_mean_square(values: Tensor, weight: Tensor) -> Tensor:
    """Of every sample, (batch, 1, 1, 1); zero without weight."""
    total = (weight * values.square()).sum((1, 2, 3), keepdim=True)
    return (total / _total(weight)).sqrt()


def _total(weight: Tensor) -> Tensor:
    return weight.sum((1, 2, 3), keepdim=True).clamp_min(1.0)
