"""Worlds in which analyses learn: states of the climate that the model told runs and observes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation import window_batches
from oceanbench.dynamics.models import Model
from oceanbench.errors import OceanbenchError


class CycledBatch(NamedTuple):
    """All chance of the cycles that a batch runs through.

    Attributes
    ----------
    noise, seen : (cycles, worlds, components), of the observations
    begun : (worlds,), whether a world begins again
    states : (worlds, components), of the climate, that it begins from
    """

    noise: Tensor
    seen: Tensor
    begun: Tensor
    states: Tensor


@dataclass(frozen=True)
class KnownWorlds:
    """Known worlds of role ``training``, in single precision, and the model that they tell.

    Attributes
    ----------
    model : whose components lie on a circle
    states : (worlds, cycles, components)
    watched : the observations of them
    """

    model: Model
    states: Tensor
    watched: window_batches.Windows

    @classmethod
    def of(cls, inputs: Mapping[str, xr.Dataset], *, device: str) -> KnownWorlds:
        """Worlds of the inputs.

        Raises
        ------
        OceanbenchError
            if the model's components lie on no circle, or there are no known states
        """
        model = window_batches.model_of(inputs)
        if not model.cyclic:
            raise OceanbenchError(
                "the components of this model lie on no circle, and the network convolves along "
                "one; use a filter"
            )
        known = window_batches.states(inputs, device=device)
        if known is None:
            raise OceanbenchError("there are no known states of role 'training' to learn from")
        watched = window_batches.observations(inputs, role="training", device=device)
        return cls(model, known.to(torch.float32), watched.to(torch.float32))

    @property
    def climate(self) -> Tensor:
        """All states, (states, components)."""
        return self.states.flatten(0, 1)

    @property
    def noise(self) -> Tensor:
        """Standard deviation of the observations."""
        return self.watched.variance.mean().sqrt()

    def draw(self, random: torch.Generator, worlds: int, cycles: int, begun: float) -> CycledBatch:
        """Noise, places that are observed, and worlds that begin again, a share of all."""
        device, shape = self.states.device, (cycles, worlds, self.states.shape[-1])
        patterns = self.watched.observed.flatten(0, 1)
        chosen = torch.randint(len(patterns), shape[:2], generator=random).to(device)
        return CycledBatch(
            torch.randn(shape, generator=random).to(device),
            patterns[chosen],
            (torch.rand(worlds, generator=random) < begun).to(device),
            self.drawn(random, worlds),
        )

    def drawn(self, random: torch.Generator, worlds: int) -> Tensor:
        """States of the climate, drawn at random, one a world."""
        climate = self.climate
        chosen = torch.randint(len(climate), (worlds,), generator=random)
        return climate[chosen.to(climate.device)]
