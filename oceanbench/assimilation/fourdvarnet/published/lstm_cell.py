r"""The cell of a long short-term memory, with its derivative written out.

.. math::
    c = \sigma(g_1) \tanh(g_4) + \sigma(g_2) \, c_{before}, \quad h = \sigma(g_3) \tanh(c)

One sigmoid serves all gates, since :math:`\tanh a = 2 \sigma(2 a) - 1`, and the derivative needs a
third of the passes over memory that it takes operation by operation.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Cell(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gates: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
        opened = gates.sigmoid()
        enter, keep, leave, doubled = opened.chunk(4, 1)
        cell = enter * torch.add(doubled, doubled).sub_(1.0)
        if before is not None:
            cell.addcmul_(keep, before)
        squashed = torch.add(cell, cell).sigmoid_().mul_(2.0).sub_(1.0)
        ctx.save_for_backward(opened, squashed, before)
        return leave * squashed, cell

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None]:
        opened, squashed, before = ctx.saved_tensors
        of_output, of_cell = gradients
        enter, keep, leave, doubled = opened.chunk(4, 1)
        within = torch.sub(1.0, squashed.square()).mul_(leave).mul_(of_output).add_(of_cell)
        parts = torch.empty_like(opened)  # like it, in the layout of the gates, not of a gradient
        for_enter, for_keep, for_leave, for_doubled = parts.chunk(4, 1)
        torch.mul(within, torch.add(doubled, doubled).sub_(1.0), out=for_enter)
        for_keep.copy_(within * before if before is not None else torch.zeros_like(within))
        torch.mul(of_output, squashed, out=for_leave)
        torch.mul(within, enter, out=for_doubled)
        for_doubled.mul_(2.0)
        inward = torch.ops.aten.sigmoid_backward(parts, opened)
        return inward, None if before is None else within * keep


def lstm_cell(gates: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
    """Output and cell of a memory.

    Parameters
    ----------
    gates : (batch, 4 × channels, …), to enter, to keep, to leave, and **twice** the candidate
    before : cell (batch, channels, …) of the last step, none at the first
    """
    output, cell = _Cell.apply(gates, before)  # type: ignore[no-untyped-call]
    return output, cell
