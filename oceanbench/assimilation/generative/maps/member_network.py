r"""Network that makes members of a map's error: their mean, and noise that the context shapes.

.. math:: e_i = \mu(c) + \exp(s(c)) \, N(c) \, z_i

The context c (:mod:`oceanbench.assimilation.generative.maps.contexts`) tells the mean
:math:`\mu` of the error, the logarithm s of its size, and gates by which the channels of N are
multiplied: a U-Net without bias or activation, linear in the white noise :math:`z_i`. So deviations
are Gaussian given the context, of a covariance :math:`e^{s} N N^T e^{s}` that depends on flow and
observations, and their mean is :math:`\mu` for any weights. Noise belongs to places and days: maps
of neighbouring days share most of it, and change as errors do.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from oceanbench.learning.layers import UNet, averaged, interpolated

LARGEST = 4.0  # logarithm of the size of errors, relative to the usual one, either way


class MemberNetwork(torch.nn.Module):
    """Members of a map's error.

    Parameters
    ----------
    channels : of the context
    hidden : channels of the U-Net that reads it
    features : that it tells the noise's network, as many as this has channels
    noise : fields of white noise of a day
    reach : days on either side whose noise a map is made of
    """

    def __init__(
        self, channels: int, *, hidden: int, features: int, noise: int, reach: int
    ) -> None:
        super().__init__()
        self.noise, self.reach = noise, reach

        def linear(entering: int) -> torch.nn.Conv2d:
            return torch.nn.Conv2d(entering, features, 3, padding=1, bias=False)

        self.context = UNet(channels, 2 + features, hidden=hidden)
        self.gates = torch.nn.Conv2d(features, 4 * features, 1)
        self.enter = linear(noise * (2 * reach + 1))
        self.coarse, self.coarser = linear(features), linear(features)
        self.back, self.finer = linear(2 * features), linear(2 * features)
        self.leave = torch.nn.Conv2d(features, 1, 3, padding=1, bias=False)
        with torch.no_grad():  # about one in size, of white noise of size one
            for layer in (self.enter, self.coarse, self.coarser, self.back, self.finer, self.leave):
                fan = layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1]
                torch.nn.init.normal_(layer.weight, std=fan**-0.5)
            self.gates.weight.mul_(0.1)
            torch.nn.init.zeros_(cast(Tensor, self.gates.bias))

    def forward(self, context: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Mean (cases, rows, columns) of the errors, and deviations (members, cases, …) from it.

        Parameters
        ----------
        context : (cases, channels, rows, columns)
        noise : (members, cases, days and fields, rows, columns)
        """
        told = self.context(context, None)[0]
        size = told[:, 1].clamp(-LARGEST, LARGEST).exp()
        return told[:, 0], size * self._shaped(told[:, 2:], noise)

    def mean(self, context: Tensor) -> Tensor:
        """Mean (cases, rows, columns) of the errors alone."""
        return cast(Tensor, self.context(context, None)[0][:, 0])

    def _shaped(self, features: Tensor, noise: Tensor) -> Tensor:
        """Noise (members, cases, rows, columns) with the covariance that the context tells."""
        members = len(noise)

        def gates_of(coarsened: int) -> tuple[Tensor, Tensor]:
            found = self.gates(averaged(features, (coarsened, coarsened)))
            first, second = (1.0 + found).chunk(4, 1)[2 * (coarsened > 1) :][:2]
            return first.repeat(members, 1, 1, 1), second.repeat(members, 1, 1, 1)

        enter, leave = gates_of(1)
        down, up = gates_of(2)
        fine = enter * self.enter(noise.flatten(0, 1))
        coarse = down * self.coarse(2.0 * averaged(fine, (2, 2)))
        coarser = self.coarser(2.0 * averaged(coarse, (2, 2)))
        coarse = up * self.back(torch.cat([coarse, interpolated(coarser, (2, 2), coarse)], 1))
        fine = leave * self.finer(torch.cat([fine, interpolated(coarse, (2, 2), fine)], 1))
        return cast(Tensor, self.leave(fine)[:, 0].unflatten(0, noise.shape[:2]))
