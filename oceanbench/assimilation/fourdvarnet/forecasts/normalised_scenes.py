"""Scenes as a network takes them: normalised tensors, mirrored where that is asked for."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from oceanbench.arrays import AnyFloatArray, BoolArray, IntArray
from oceanbench.assimilation.fourdvarnet.forecasts.configuration import ForecastConfiguration
from oceanbench.assimilation.fourdvarnet.forecasts.scenes import Scenes
from oceanbench.assimilation.fourdvarnet.forecasts.trajectories import combined


@dataclass(frozen=True)
class Known:
    """What a network is given and is to find, normalised: tensors of scenes."""

    values: Tensor
    observed: Tensor
    first_guess: Tensor
    context: Tensor
    wanted: Tensor

    def to(self, device: str) -> Known:
        """The same, on a device."""
        return Known(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def mirrored(self, some: BoolArray) -> Known:
        """Some of the scenes with north and south turned, and the sign of the anomalies."""
        flip = torch.as_tensor(some)[:, None, None, None]

        def turned(maps: Tensor, sign: float) -> Tensor:
            return torch.where(flip, sign * maps.flip(-2), maps)

        context = turned(self.context, -1.0)
        context[:, -1:] = self.context[:, -1:].where(~flip, self.context[:, -1:].flip(-2))
        return Known(
            turned(self.values, -1.0),
            torch.where(flip, self.observed.flip(-2), self.observed),
            turned(self.first_guess, -1.0),
            context,
            turned(self.wanted, -1.0),
        )


def known(
    scenes: Scenes,
    some: IntArray,
    weights: AnyFloatArray,
    deviation: float,
    configuration: ForecastConfiguration,
    *,
    guided: BoolArray | None = None,
    warm: BoolArray | None = None,
) -> Known:
    """Normalise some of the scenes.

    Parameters
    ----------
    scenes : to choose from
    some : their numbers
    weights : of the runs, from
        :func:`oceanbench.assimilation.fourdvarnet.forecasts.trajectories.combination`
    deviation : of the anomaly, m
    configuration : of the network
    guided : (some,) whether the first guess is handed in, where there is one; by default it is
    warm : (some,) whether temperatures are, where there are any; by default they are
    """
    past, runs = configuration.past_days + 1, scenes.runs[some]
    trajectory = combined(runs, weights)
    ahead = runs[:, :, past - 1 :] - trajectory[:, None, past - 1 :]
    guess, told = scenes.guess[some], scenes.told[some].copy()
    if guided is not None:
        told[~guided] = 0.0
    there = (told > 0)[:, None, None] & np.isfinite(guess)
    rim = round(configuration.margin / configuration.step_degrees)  # where none is handed in
    there &= np.pad(np.ones([n - 2 * rim for n in guess.shape[1:]], dtype=bool), rim)
    added = np.where(there, guess - trajectory[:, past - 1], 0.0)
    error = np.where(there, told[:, None, None], 0.0)
    beside = deviation * scenes.beside[some]
    if warm is not None and configuration.temperatures:
        beside[~warm, : configuration.past_days] = 0.0
    parts = [
        trajectory,
        ahead.reshape(len(some), -1, *runs.shape[-2:]),
        beside,
        added[:, None],
        error[:, None],
    ]
    after = [(0, 0), (0, runs.shape[2] - past), (0, 0), (0, 0)]
    misfit = np.pad(scenes.misfit[some], after)

    def normalised(maps: AnyFloatArray) -> Tensor:
        return torch.as_tensor(maps / deviation, dtype=torch.float32)

    return Known(
        normalised(trajectory + misfit),
        torch.as_tensor(np.pad(scenes.observed[some], after)),
        normalised(trajectory),
        normalised(np.concatenate(parts, axis=1)),
        normalised(scenes.truth[some]),
    )
