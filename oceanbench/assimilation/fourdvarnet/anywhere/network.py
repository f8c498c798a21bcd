r"""The network that finds increments anywhere: a variational solver, or its control.

The solver is :class:`oceanbench.assimilation.fourdvarnet.solver.FourDVarNet`: about no first guess
at all, it finds the increment in units of the innovations. What their size, the first guess, the
coast and the places of the samples tell of the errors – their mean, their size, which of them go
together, and what every observation weighs – a network reads from a context. The control is a
U-Net that reads the same and gives the increment at once.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from oceanbench.assimilation.fourdvarnet.anywhere.configuration import (
    UPDATES,
    AnywhereConfiguration,
)
from oceanbench.assimilation.fourdvarnet.anywhere.scaling import Scaled, channels
from oceanbench.assimilation.fourdvarnet.bumps import GaussianBumps
from oceanbench.assimilation.fourdvarnet.solver import FourDVarNet
from oceanbench.errors import OceanbenchError

ALIGNED = 8  # rows and columns of the control's coarsest points


class IncrementNetwork(torch.nn.Module):
    """Increments of windows of any sea.

    Parameters
    ----------
    configuration : of the network
    """

    def __init__(self, configuration: AnywhereConfiguration) -> None:
        super().__init__()
        self.configuration = configuration
        made: torch.nn.Module
        if configuration.update == "conjugate":
            made = _variational(configuration)
        elif configuration.update == "unet":
            made = CorrectionNetwork(configuration)
        else:
            raise OceanbenchError(
                f"update={configuration.update}: expected one of {', '.join(UPDATES)}"
            )
        self.register_buffer("spread", torch.ones(()))  # of draws of the error
        self.spread: Tensor
        # the order in which convolutions are fastest
        self.made = made.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, scaled: Scaled, *, iterations: int | None = None) -> Tensor:
        """Increments (batch, answered days, rows, columns), in the unit of the windows.

        Parameters
        ----------
        scaled : windows of as many days as the network sees
        iterations : of a solver; by default as many as an estimate has
        """
        c, found = self.configuration, self.of_all_days(scaled, iterations=iterations)
        first = (found.shape[1] - c.answered) // 2
        return found[:, first : first + c.answered]

    def of_all_days(self, scaled: Scaled, *, iterations: int | None = None) -> Tensor:
        """Increments of all days that the network finds, those at the ends less well.

        Parameters
        ----------
        scaled, iterations : as of a call
        """
        return scaled.unit * self._found(scaled, iterations) * scaled.sea

    def _found(self, scaled: Scaled, iterations: int | None) -> Tensor:
        """Increments in units of the innovations."""
        c = self.configuration
        context = scaled.context.to(memory_format=torch.channels_last)
        if c.update == "unet":
            with torch.autocast(context.device.type, torch.bfloat16, enabled=c.reduced):
                answered: Tensor = self.made(context)
            return answered.to(context.dtype)
        found: Tensor = self.made(
            scaled.innovation,
            scaled.weight,
            torch.zeros_like(scaled.innovation),
            context=context,
            passes=scaled.passes,
            iterations=iterations,
        )
        return found


def _variational(configuration: AnywhereConfiguration) -> FourDVarNet:
    c = configuration
    return FourDVarNet(
        c.days,
        hidden=c.hidden,
        prior_hidden=c.prior_hidden,
        bumps=GaussianBumps(c.reach_days, c.reach_cells, c.coarsen),
        iterations=c.applied,
        context=channels(c.days),
        reduced=c.reduced,
    )


class CorrectionNetwork(torch.nn.Module):
    """U-Net of residual blocks from half the resolution on; at first it corrects nothing.

    Parameters
    ----------
    configuration : its days, and the channels at the finest of three resolutions
    """

    def __init__(self, configuration: AnywhereConfiguration) -> None:
        super().__init__()
        fine = configuration.hidden
        middle, coarse = 3 * fine // 2, 2 * fine
        convolution = torch.nn.Conv2d
        self.stem = torch.nn.Sequential(
            convolution(channels(configuration.days), fine, 4, 2, 1), Residual(fine)
        )
        self.down = torch.nn.Sequential(convolution(fine, middle, 3, 2, 1), Residual(middle))
        self.bottom = torch.nn.Sequential(
            convolution(middle, coarse, 3, 2, 1), Residual(coarse), Residual(coarse)
        )
        self.back = torch.nn.Sequential(
            convolution(coarse + middle, middle, 3, padding=1), Residual(middle)
        )
        self.up = torch.nn.Sequential(
            convolution(middle + fine, fine, 3, padding=1), Residual(fine)
        )
        self.leave = convolution(fine, 4 * configuration.answered, 3, padding=1)
        with torch.no_grad():
            for parameter in self.leave.parameters():
                parameter.zero_()

    def forward(self, context: Tensor) -> Tensor:
        """Context (batch, channels, rows, columns) -> (batch, answered days, rows, columns)."""
        rows, columns = context.shape[-2:]
        whole = functional.pad(context, (0, -columns % ALIGNED, 0, -rows % ALIGNED))
        fine = self.stem(whole)
        middle = self.down(fine)
        middle = self.back(torch.cat([_twice(self.bottom(middle)), middle], 1))
        fine = self.up(torch.cat([_twice(middle), fine], 1))
        found = functional.pixel_shuffle(self.leave(functional.silu(fine)), 2)
        return found[..., :rows, :columns]


class Residual(torch.nn.Module):
    """Two convolutions beside the identity, which they begin as."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(hidden, hidden, 3, padding=1)
        self.second = torch.nn.Conv2d(hidden, hidden, 3, padding=1)
        torch.nn.init.zeros_(self.second.weight)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of the same shape."""
        changed: Tensor = self.second(functional.silu(self.first(functional.silu(maps))))
        return maps + changed


def _twice(maps: Tensor) -> Tensor:
    return functional.interpolate(maps, scale_factor=2.0)
