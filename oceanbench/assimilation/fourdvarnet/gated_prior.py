r"""Prior of increments that depends on the background: linear, with gates.

.. math:: \Phi(v; x_b) = C_3 \left[ g_2 \cdot \left( C_2 + U D_3 \, g_4 \cdot D_2 \, g_3 \cdot D_1
   U^T / 4 \right) g_1 \cdot C_1 v \right]

with convolutions C and D, averages :math:`U^T / 4` of two by two nodes and their repetition U, so
that it acts at two scales. What is multiplied with the channels, the gates g, comes from the
background :math:`x_b`: which increments are likely depends on the flow that they are added to.
Since it is linear in v, a cost that it enters by :math:`\| v - \Phi(v; x_b) \|^2` is quadratic, and
stands for a Gaussian whose inverse covariance :math:`(1 - \Phi)^T (1 - \Phi)` is learned.

At first the last convolution is zero, and so is the prior: increments are white then.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

Gates = tuple[Tensor, Tensor, Tensor, Tensor]


class GatedPrior(torch.nn.Module):
    """Linear map of coefficients to likely ones near them, gated by features of a background.

    Parameters
    ----------
    channels : of the coefficients
    hidden : channels between
    features : channels of the background's features
    """

    def __init__(self, channels: int, hidden: int, features: int) -> None:
        super().__init__()
        self.enter = _kernel(channels, hidden)
        self.between = _kernel(hidden, hidden)
        self.leave = torch.nn.Parameter(torch.zeros(channels, hidden, 3, 3))
        self.coarse = torch.nn.ParameterList([_kernel(hidden, hidden) for _ in range(3)])
        self.gates = torch.nn.Conv2d(features, 4 * hidden, 1)
        torch.nn.init.ones_(cast(Tensor, self.gates.bias))

    def gates_of(self, features: Tensor) -> Gates:
        """Gates of features (batch, features, rows, columns), rows and columns even."""
        first, second, third, fourth = self.gates(features).chunk(4, 1)
        return first, second, _averaged(third), _averaged(fourth)

    def forward(self, coefficients: Tensor, gates: Gates) -> Tensor:
        """Likely coefficients (batch, channels, rows, columns)."""
        first, second, third, fourth = gates
        down, across, up = self.coarse
        fine = first * _convolved(coefficients, self.enter)
        coarse = fourth * _convolved(third * _convolved(_averaged(fine), down), across)
        fine = second * (_convolved(fine, self.between) + _repeated(_convolved(coarse, up)))
        return _convolved(fine, self.leave)

    def transpose(self, coefficients: Tensor, gates: Gates) -> Tensor:
        """Transpose of :meth:`forward` of the same gates."""
        first, second, third, fourth = gates
        down, across, up = self.coarse
        fine = second * _transposed(coefficients, self.leave)
        coarse = fourth * _transposed(4.0 * _averaged(fine), up)
        coarse = _transposed(third * _transposed(coarse, across), down)
        fine = first * (_transposed(fine, self.between) + 0.25 * _repeated(coarse))
        return _transposed(fine, self.enter)


def _kernel(entering: int, leaving: int) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.randn(leaving, entering, 3, 3) / (3.0 * entering**0.5))


def _convolved(maps: Tensor, kernel: Tensor) -> Tensor:
    return functional.conv2d(maps, kernel, padding=1)


def _transposed(maps: Tensor, kernel: Tensor) -> Tensor:
    return functional.conv_transpose2d(maps, kernel, padding=1)


def _averaged(maps: Tensor) -> Tensor:
    return functional.avg_pool2d(maps, 2)


def _repeated(maps: Tensor) -> Tensor:
    return maps.repeat_interleave(2, -1).repeat_interleave(2, -2)
