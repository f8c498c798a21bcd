r"""Priors of a variational cost: modules :math:`\Phi` that map a state to a likely one near it."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import torch
from torch import Tensor

from oceanbench.learning.layers import Convolution, averaged, interpolated


def to_maps(states: Tensor, *, cyclic: bool) -> Tensor:
    """States (windows, times, components) as maps, times along the rows.

    Components on a circle are columns, (windows, 1, times, components); others are channels,
    (windows, components, times, 1).
    """
    return states[:, None] if cyclic else states.mT[..., None]


def to_states(maps: Tensor, *, cyclic: bool) -> Tensor:
    """Inverse of :func:`to_maps`."""
    return maps[:, 0] if cyclic else maps[..., 0].mT


def parameters_of(tendency: Callable[..., Tensor]) -> dict[str, float]:
    """Parameters of a tendency and their values: its arguments with a number as default.

    >>> parameters_of(lambda state, forcing=8.0: forcing - state)
    {'forcing': 8.0}
    """
    arguments = inspect.signature(tendency).parameters.values()
    return {a.name: a.default for a in arguments if isinstance(a.default, float)}


class Agreement(torch.nn.Module):
    r"""What a state and a second field have in common, :math:`g(x) - h(s)`, both operators linear.

    Parameters
    ----------
    channels : of the maps of either
    hidden : channels in which they are compared

    References
    ----------
    Fablet et al. (2023), Multimodal 4DVarNets, doi:10.1109/TGRS.2023.3268006
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.state = torch.nn.Conv2d(channels, hidden, 3, padding=1, bias=False)
        self.field = torch.nn.Conv2d(channels, hidden, 3, padding=1, bias=False)

    def forward(self, state: Tensor, field: Tensor) -> Tensor:
        """Maps (batch, channels, rows, columns) -> (batch, hidden, rows, columns)."""
        difference: Tensor = self.state(state) - self.field(field)
        return difference


class BilinearPrior(torch.nn.Module):
    r"""Convolutional autoencoder with a bilinear layer, which can learn quadratic dynamics.

    .. math::
        z = C_2 \, \mathrm{relu}(C_1 \, D x), \quad
        \Phi(x) = U \, C_4 \, [ A z, \; (B z) \cdot (C z) ]

    with convolutions :math:`C_i, A, B, C` and, for coarser priors, averages D and their bilinear
    interpolation U.

    Parameters
    ----------
    channels : of the maps
    hidden : channels between
    kernel : rows and columns of the first convolution; the others have one point
    cyclic : whether the columns lie on a circle
    coarsen : rows and columns that are averaged into one
    zero_centre : leave each point out of its own prediction, so that the identity cannot be learned

    References
    ----------
    Fablet et al. (2021), doi:10.1029/2021MS002572
    """

    def __init__(
        self,
        channels: int,
        *,
        hidden: int = 16,
        kernel: tuple[int, int] = (5, 5),
        cyclic: bool = False,
        coarsen: tuple[int, int] = (1, 1),
        zero_centre: bool = False,
    ) -> None:
        super().__init__()
        self.coarsen = coarsen
        self.enter = Convolution(channels, hidden, kernel, cyclic=cyclic, zero_centre=zero_centre)
        self.between = torch.nn.Conv2d(hidden, hidden, 1)
        self.factors = torch.nn.Conv2d(hidden, 3 * hidden, 1)
        self.leave = torch.nn.Conv2d(2 * hidden, channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (batch, channels, rows, columns) of any size."""
        entered = torch.relu(self.enter(averaged(maps, self.coarsen)))
        linear, first, second = self.factors(self.between(entered)).chunk(3, 1)
        found = self.leave(torch.cat([linear, first * second], 1))
        return interpolated(found, self.coarsen, maps)
