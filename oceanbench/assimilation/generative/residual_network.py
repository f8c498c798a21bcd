"""Network of windows that is given a field beside what is known of it, and a time."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from oceanbench.learning.layers import Convolution

GIVEN = ("field", "innovation", "observed", "estimate")  # a map of each, for every channel
GROUPS = 4  # of channels that are normalised together
WAVES = 16  # that tell the time, of a quarter of a turn and more
MOST_TURNS = 30.0


class ResidualNetwork(torch.nn.Module):
    r"""Residual convolutions of windows, one after the other.

    A window is (channels, times, columns): components on a circle are columns of one channel,
    others are channels of one column. Every block adds to its maps

    .. math:: W_2 \, \mathrm{silu}(W_1 * \mathrm{norm}(h) + a(\tau))

    with a convolution :math:`W_1` whose points lie 1, 2 or 4 apart by turns, so that few blocks
    see a whole window. The last layer begins with zeros: so does what is found.

    Parameters
    ----------
    channels : of a window
    hidden : channels between, a multiple of four
    blocks : how many
    kernel : points in time that a convolution sees at once; on a circle as many columns
    cyclic : whether the columns lie on a circle

    References
    ----------
    van den Oord et al. (2016), WaveNet, doi:10.48550/arXiv.1609.03499
    """

    def __init__(
        self, channels: int, *, hidden: int, blocks: int, kernel: int, cyclic: bool
    ) -> None:
        super().__init__()
        self.cyclic = cyclic
        size = (kernel, kernel) if cyclic else (1, kernel)  # one column: times are columns, quicker
        self.enter = torch.nn.Conv2d(len(GIVEN) * channels, hidden, 1)
        self.norms = torch.nn.ModuleList(torch.nn.GroupNorm(GROUPS, hidden) for _ in range(blocks))
        self.reach = torch.nn.ModuleList(
            Convolution(hidden, hidden, size, cyclic=cyclic, dilation=2 ** (number % 3))
            for number in range(blocks)
        )
        self.mix = torch.nn.ModuleList(torch.nn.Conv2d(hidden, hidden, 1) for _ in range(blocks))
        self.clock = torch.nn.Linear(2 * WAVES, blocks * hidden)
        self.leave = torch.nn.Conv2d(hidden, channels, 1)
        for parameter in self.leave.parameters():
            torch.nn.init.zeros_(parameter)

    def forward(self, given: Tensor, time: Tensor) -> Tensor:
        """Find a field of what is given.

        Parameters
        ----------
        given : maps (batch, 4 channels, times, columns) in the order of :data:`GIVEN`
        time : (batch,), from 0 to 1

        Returns
        -------
        (batch, channels, times, columns)
        """
        turns = torch.logspace(0.0, math.log10(MOST_TURNS), WAVES, device=given.device)
        angle = time[:, None] * turns.to(given)
        told = self.clock(torch.cat([angle.sin(), angle.cos()], 1))
        told = told.unflatten(1, (len(self.reach), -1))[..., None, None]
        maps = self.enter(given if self.cyclic else given.mT)
        for number, (norm, reach, mix) in enumerate(
            zip(self.norms, self.reach, self.mix, strict=True)
        ):
            maps = maps + mix(functional.silu(reach(norm(maps)) + told[:, number]))
        found: Tensor = self.leave(functional.silu(maps))
        return found if self.cyclic else found.mT
