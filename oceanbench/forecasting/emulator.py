r"""Emulator: a network that forecasts the next few days, from its own forecast again and again.

In normalised anomalies from what is usual, a pass takes a state to the states of the next days,

.. math:: x_{t+d} = k_d \, x_t + u_\theta(x_t, \text{place}, \text{season}, z)_d,
    \quad d = 1 \dots D,

and to a state of its own, like that of the last day, that the next pass begins from: what is best
to go on from is not what is best as a forecast. The factors :math:`k_d`, one for each variable and
day, are those of damped persistence at first, and learn with the rest: a network whose :math:`u` is
nothing is damped persistence. White noise :math:`z` of several scales makes members, if it is asked
for; an emulator without it forecasts the mean.

References
----------
Lam et al. (2023), doi:10.1126/science.adi2336 (passes); Lang et al. (2024),
doi:10.48550/arXiv.2412.15832 (noise).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from oceanbench.forecasting.configuration import EmulatorConfiguration
from oceanbench.forecasting.normalised_anomalies import YEAR
from oceanbench.learning.layers import UNet


class Emulator(torch.nn.Module):
    """Forecasts of consecutive days from one state.

    Parameters
    ----------
    configuration : sizes
    channels : of a state: variables, at each of their depths
    """

    def __init__(self, configuration: EmulatorConfiguration, channels: int) -> None:
        super().__init__()
        self.days, self.noise, self.reduced = (
            configuration.days,
            configuration.noise,
            configuration.reduced,
        )
        self.around = configuration.around
        entering = channels + (1 + channels) + 2 + configuration.noise
        self.update = UNet(
            entering,
            (configuration.days + 1) * channels,
            hidden=configuration.hidden,
            iterations=configuration.passes,
        )
        # the order in which convolutions are fastest
        self.update.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.kept = torch.nn.Parameter(
            torch.ones(configuration.passes, configuration.days + 1, channels, 1, 1)
        )

    def damp(self, factors: Tensor) -> None:
        """Begin as damped persistence, whose factors (days, channels) are those of all days."""
        kept = factors.reshape(len(self.kept), self.days, -1)
        before = torch.cat([torch.ones_like(kept[:1, -1]), kept[:-1, -1]])
        kept = torch.cat([kept, kept[:, -1:]], 1) / before[:, None]
        with torch.no_grad():
            self.kept.copy_(kept[..., None, None])

    def forward(
        self,
        state: Tensor,
        sea: Tensor,
        place: Tensor,
        season: Tensor,
        *,
        passes: int,
        random: torch.Generator | None = None,
    ) -> Tensor:
        """Anomalies on the next days.

        Parameters
        ----------
        state : normalised anomalies, (batch, channels, rows, columns)
        sea : where each of them is, of the same shape
        place : sea and mean, (batch, 1 + channels, rows, columns)
        season : angle of the year, (batch,)
        passes : each of some days
        random : generator of the noise, where there is any

        Returns
        -------
        (batch, passes · days, channels, rows, columns), zero on land
        """
        shape = state.shape
        state, found = state * sea, []
        for number in range(passes):
            angle = season + 2 * torch.pi * number * self.days / YEAR
            told = torch.stack([angle.cos(), angle.sin()], 1)[..., None, None]
            given = [state, place, told.expand(-1, -1, *shape[2:])]
            if self.noise:
                given.append(self._noise(state, random))
            change = self._change(torch.cat(given, 1), number)
            change = change.reshape(len(state), self.days + 1, *shape[1:])
            kept = self.kept[min(number, len(self.kept) - 1)]
            states = (kept * state[:, None] + change) * sea[:, None]
            found.append(states[:, :-1])
            state = states[:, -1]
        return torch.cat(found, 1)

    def _change(self, given: Tensor, number: int) -> Tensor:
        """Change in some days; in training, convolutions are in bfloat16."""
        width, beyond = given.shape[-1], min(self.around, given.shape[-1])
        if beyond:
            given = torch.cat([given[..., -beyond:], given, given[..., :beyond]], -1)
        given = given.contiguous(memory_format=torch.channels_last)
        reduced = self.reduced and self.training
        with torch.autocast(given.device.type, torch.bfloat16, enabled=reduced):
            change = self.update(given, number)[0]
        return cast(Tensor, change[..., beyond : beyond + width].float())

    def _noise(self, like: Tensor, random: torch.Generator | None) -> Tensor:
        """White noise of scales of 1, 2, 4, … cells, (batch, scales, rows, columns)."""
        (batch, _, rows, columns), found = like.shape, []
        for number in range(self.noise):
            step = 2**number
            coarse = torch.randn(batch, 1, -(-rows // step), -(-columns // step), generator=random)
            fine = functional.interpolate(coarse, scale_factor=float(step), mode="nearest")
            found.append(fine[..., :rows, :columns])
        return torch.cat(found, 1).to(like)
