"""Updates of a learned descent: networks that turn gradients into a change of the state."""

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
    """

    def __init__(
        self,
        entering: int,
        leaving: int,
        kernel: tuple[int, int],
        *,
        cyclic: bool = False,
        zero_centre: bool = False,
    ) -> None:
        super().__init__()
        rows, columns = kernel[0] // 2, kernel[1] // 2
        self.around = columns if cyclic else 0
        self.padding = (rows, 0 if cyclic else columns)
        self.weight = torch.nn.Parameter(torch.empty(leaving, entering, *kernel))
        self.bias = torch.nn.Parameter(torch.zeros(leaving))
        torch.nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        self.zero_centre = zero_centre

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (batch, entering, rows, columns) -> (batch, leaving, rows, columns)."""
        weight: Tensor = self.weight
        if self.zero_centre:
            kept = torch.ones_like(weight)
            kept[..., kept.shape[-2] // 2, kept.shape[-1] // 2] = 0.0
            weight = weight * kept
        if self.around:
            maps = torch.cat([maps[..., -self.around :], maps, maps[..., : self.around]], -1)
        return functional.conv2d(maps, weight, self.bias, padding=self.padding)


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


def averaged(maps: Tensor, steps: tuple[int, int]) -> Tensor:
    """Averages over rows and columns; those at the end are repeated to make the last one whole."""
    if steps == (1, 1):
        return maps
    missing = [-size % step for size, step in zip(maps.shape[-2:], steps, strict=True)]
    if any(missing):
        maps = functional.pad(maps, (0, missing[1], 0, missing[0]), mode="replicate")
    return functional.avg_pool2d(maps, steps)


def interpolated(maps: Tensor, steps: tuple[int, int], like: Tensor) -> Tensor:
    """Bilinear interpolation between averages, of the rows and columns of other maps."""
    if steps == (1, 1):
        return maps
    rows, columns = like.shape[-2:]
    scale = [float(step) for step in steps]
    fine: Tensor = functional.interpolate(maps, scale_factor=scale, mode="bilinear")
    return fine[..., :rows, :columns]
