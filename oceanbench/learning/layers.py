"""Layers of networks for maps: convolutions, a convolutional memory and a U-Net."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

Memory = tuple[Tensor, Tensor] | None


class Convolution(torch.nn.Module):
    """Convolution that keeps the shape of maps: zeros lie beyond them, or columns on a circle.

    Parameters
    ----------
    entering, leaving : channels
    kernel : rows and columns, both odd
    cyclic : whether the columns lie on a circle
    zero_centre : keep the centre of the kernel at zero
    dilation : rows and columns from one point of the kernel to the next
    """

    def __init__(
        self,
        entering: int,
        leaving: int,
        kernel: tuple[int, int],
        *,
        cyclic: bool = False,
        zero_centre: bool = False,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        rows, columns = (dilation * (size // 2) for size in kernel)
        self.around = columns if cyclic else 0
        self.padding = (rows, 0 if cyclic else columns)
        self.weight = torch.nn.Parameter(torch.empty(leaving, entering, *kernel))
        self.bias = torch.nn.Parameter(torch.zeros(leaving))
        torch.nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        self.zero_centre, self.dilation = zero_centre, dilation

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (batch, entering, rows, columns) -> (batch, leaving, rows, columns)."""
        weight: Tensor = self.weight
        if self.zero_centre:
            kept = torch.ones_like(weight)
            kept[..., kept.shape[-2] // 2, kept.shape[-1] // 2] = 0.0
            weight = weight * kept
        if self.around:
            maps = torch.cat([maps[..., -self.around :], maps, maps[..., : self.around]], -1)
        return functional.conv2d(
            maps, weight, self.bias, padding=self.padding, dilation=self.dilation
        )


class ConvLstm(torch.nn.Module):
    """A convolutional long short-term memory, and a linear map from it to the change.

    Parameters
    ----------
    entering, leaving : channels of the inputs and of the change
    hidden : channels of the memory
    kernel : rows and columns
    cyclic : whether the columns lie on a circle
    coarsen : rows and columns that are averaged into one; the change is interpolated between them.
        It makes an update cheaper by their product, and lets it reach as much farther

    References
    ----------
    Shi et al. (2015), Convolutional LSTM network, doi:10.48550/arXiv.1506.04214
    """

    def __init__(
        self,
        entering: int,
        leaving: int,
        *,
        hidden: int = 16,
        kernel: tuple[int, int] = (3, 3),
        cyclic: bool = False,
        coarsen: tuple[int, int] = (1, 1),
    ) -> None:
        super().__init__()
        self.hidden, self.coarsen = hidden, coarsen
        self.gates = Convolution(entering + hidden, 4 * hidden, kernel, cyclic=cyclic)
        self.leave = torch.nn.Conv2d(hidden, leaving, 1, bias=False)

    def forward(self, inputs: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Change (batch, leaving, rows, columns), and the memory (output, cell)."""
        coarse = averaged(inputs, self.coarsen)
        if memory is None:
            empty = coarse.new_zeros(coarse.shape[0], self.hidden, *coarse.shape[2:])
            memory = (empty, empty)
        output, cell = memory
        gates = self.gates(torch.cat([coarse, output], 1))
        allowed, candidate = gates.tensor_split([3 * self.hidden], 1)
        enter, keep, leave = torch.sigmoid(allowed).chunk(3, 1)
        cell = keep * cell + enter * torch.tanh(candidate)
        output = leave * torch.tanh(cell)
        return interpolated(self.leave(output), self.coarsen, inputs), (output, cell)


class UNet(torch.nn.Module):
    """Convolutions at three resolutions, from fine to coarse and back.

    It has no memory but the number of the iteration, from which it knows how far it has come.

    Parameters
    ----------
    entering, leaving : channels of the inputs and of the change
    hidden : channels at the finest resolution; the coarser ones, of two and four points, have
        twice as many
    iterations : that are told from each other; all that follow are as the last
    coarsen : rows and columns that are averaged into one before all this

    References
    ----------
    Ronneberger et al. (2015), U-Net, doi:10.48550/arXiv.1505.04597
    """

    def __init__(
        self,
        entering: int,
        leaving: int,
        *,
        hidden: int = 48,
        iterations: int = 1,
        coarsen: tuple[int, int] = (1, 1),
    ) -> None:
        super().__init__()

        def two(first: int, then: int) -> torch.nn.Sequential:
            return torch.nn.Sequential(
                torch.nn.Conv2d(first, then, 3, padding=1),
                torch.nn.SiLU(),
                torch.nn.Conv2d(then, then, 3, padding=1),
                torch.nn.SiLU(),
            )

        self.coarsen, wide = coarsen, 2 * hidden
        self.enter = torch.nn.Conv2d(entering, hidden, 3, padding=1)
        self.number = torch.nn.Parameter(torch.zeros(iterations, hidden, 1, 1))
        self.fine = torch.nn.Conv2d(hidden, hidden, 3, padding=1)
        self.coarse, self.coarser = two(hidden, wide), two(wide, wide)
        self.back = torch.nn.Conv2d(2 * wide, wide, 3, padding=1)
        self.finer = torch.nn.Conv2d(wide + hidden, hidden, 3, padding=1)
        self.leave = torch.nn.Conv2d(hidden, leaving, 3, padding=1)
        with torch.no_grad():  # the first changes are small
            for parameter in self.leave.parameters():
                parameter.mul_(0.1)

    def forward(self, inputs: Tensor, memory: int | None) -> tuple[Tensor, int]:
        """Change (batch, leaving, rows, columns), and the number of the next iteration."""
        number, silu = memory or 0, functional.silu
        known = self.number[min(number, len(self.number) - 1)]
        fine = silu(self.fine(silu(self.enter(averaged(inputs, self.coarsen)) + known)))
        coarse = self.coarse(averaged(fine, (2, 2)))
        coarser = self.coarser(averaged(coarse, (2, 2)))
        coarse = silu(self.back(torch.cat([coarse, interpolated(coarser, (2, 2), coarse)], 1)))
        fine = silu(self.finer(torch.cat([fine, interpolated(coarse, (2, 2), fine)], 1)))
        return interpolated(self.leave(fine), self.coarsen, inputs), number + 1


def averaged(maps: Tensor, steps: tuple[int, int]) -> Tensor:
    """Averages over rows and columns; those at the end are repeated to make the last one whole."""
    if steps == (1, 1):
        return maps
    missing = [-size % step for size, step in zip(maps.shape[-2:], steps, strict=True)]
    for axis, count in zip((-2, -1), missing, strict=True):
        if count:  # as padding by replication, whose derivative torch 2.13 does not compile rightly
            last = maps.narrow(axis, maps.shape[axis] - 1, 1)
            maps = torch.cat([maps, *[last] * count], axis)
    return functional.avg_pool2d(maps, steps)


def interpolated(maps: Tensor, steps: tuple[int, int], like: Tensor) -> Tensor:
    """Bilinear interpolation between averages, of the rows and columns of other maps."""
    if steps == (1, 1):
        return maps
    rows, columns = like.shape[-2:]
    scale = [float(step) for step in steps]
    fine: Tensor = functional.interpolate(maps, scale_factor=scale, mode="bilinear")
    return fine[..., :rows, :columns]
