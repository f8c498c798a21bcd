"""Where searches of a variational cost may begin: what is known without a search.

One guess is the optimal interpolation, which knows the climate's covariance and not the model; the
other the mean of an ensemble Kalman smoother, which knows the model. They fail in different
windows, and the cost tells which of the two minima is the deeper.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.ensemble.kalman import cyclic_distance, gaspari_cohn, smooth
from oceanbench.assimilation.gaussian.window_interpolation import (
    WindowCovariance,
    interpolate,
    learned,
)
from oceanbench.assimilation.window_batches import (
    Climatology,
    Windows,
    climatological_states,
)
from oceanbench.dynamics.models import Model

INFLATION, LAG, TAPER_END = 1.03, 40, 20.0  # as the baseline enks has them
VALUES_AT_ONCE = 2**22  # of the members of windows that are smoothed together


@dataclass(frozen=True)
class Guesses:
    """What first guesses are made of.

    Attributes
    ----------
    model : that the smoother runs
    climate, covariance : of the optimal interpolation
    members : (members, components), with which the smoother begins; none for no such guess
    """

    model: Model
    climate: Climatology
    covariance: WindowCovariance
    members: Tensor

    def of(self, windows: Windows) -> list[Tensor]:
        """First guesses of windows, each (windows, times, components)."""
        found = [interpolate(windows, self.climate, self.covariance)]
        if len(self.members):
            found.append(self.smoothed(windows))
        return found

    def smoothed(self, windows: Windows) -> Tensor:
        """Mean of the smoother's members, (windows, times, components)."""
        return torch.cat([history.mean(1) for history in self._histories(windows)])

    def members_of(self, windows: Windows, count: int) -> Tensor:
        """Some of the smoother's members, (count, windows, times, components)."""
        histories = (history[:, :count] for history in self._histories(windows))
        return torch.cat(list(histories)).transpose(0, 1)

    def _histories(self, windows: Windows) -> Iterator[Tensor]:
        """Members (windows, members, times, components) of the smoother, some windows at a time."""
        taper = None
        if self.model.cyclic:
            distance = cyclic_distance(self.members.shape[-1]).to(self.members.device)
            taper = gaspari_cohn(distance / TAPER_END)
        most = VALUES_AT_ONCE // (len(self.members) * windows.values[0].numel())
        for some in windows.split(most):
            first = self.members.expand(len(some), -1, -1)
            yield smooth(some, first, self.model.advance, inflation=INFLATION, lag=LAG, taper=taper)


def guesses(
    inputs: Mapping[str, xr.Dataset],
    model: Model,
    times: int,
    *,
    members: int,
    seed: int,
    device: str,
) -> Guesses:
    """Learn from the training data what first guesses are made of.

    Parameters
    ----------
    inputs : with known states or observations of role ``training``
    model : that the smoother runs
    times : length of the longest windows
    members : of the smoother; 0 for the optimal interpolation alone
    seed : of the members
    device : of torch
    """
    climate, covariance = learned(inputs, times, cyclic=model.cyclic, device=device)
    drawn = climate.mean.new_empty(0, len(climate.mean))
    if members:
        drawn = climatological_states(inputs, model, members, seed=seed, device=device)
    return Guesses(model, climate, covariance, drawn)
