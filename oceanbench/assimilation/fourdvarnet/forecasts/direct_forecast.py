"""A U-Net in place of a variational solver: the same inputs, one pass."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import cast

import torch
from torch import Tensor

from oceanbench.learning.layers import UNet


class DirectForecast(torch.nn.Module):
    """Increment of a trajectory from misfits and a context, in one pass.

    Parameters
    ----------
    slots : days of the state, those before the start first
    context : channels of the context
    hidden : channels of the network at the finest resolution
    past : of the slots, those that may be observed
    correction : size of the first guess's errors, relative to the state's deviation
    reduced : convolutions in bfloat16
    """

    def __init__(
        self,
        slots: int,
        context: int,
        *,
        hidden: int,
        past: int,
        correction: float = 1.0,
        reduced: bool = False,
    ) -> None:
        super().__init__()
        self.past, self.correction, self.reduced = past, correction, reduced
        self.update = UNet(context + 2 * past, slots, hidden=hidden)

    def forward(
        self,
        values: Tensor,
        observed: Tensor,
        first_guess: Tensor,
        *,
        context: Tensor,
        iterations: int | None = None,
    ) -> Tensor:
        """Estimate of the state.

        Parameters
        ----------
        values, observed, first_guess, context : as of
            :meth:`oceanbench.assimilation.fourdvarnet.solver.FourDVarNet.forward`
        iterations : not used
        """
        del iterations
        mask = observed[:, : self.past].to(first_guess.dtype)
        misfit = mask * (values - first_guess)[:, : self.past] / self.correction
        with self._computing(first_guess), torch.set_grad_enabled(self.training):
            change, _ = self.update(torch.cat([misfit, mask, context], 1), None)
        return first_guess + self.correction * cast(Tensor, change).to(first_guess.dtype)

    def _computing(self, like: Tensor) -> AbstractContextManager[None]:
        return torch.autocast(like.device.type, torch.bfloat16, enabled=self.reduced)
