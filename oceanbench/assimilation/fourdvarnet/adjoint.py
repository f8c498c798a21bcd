"""Transposes of derivatives, which neither record nor keep anything where nothing is learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor


def with_transpose(
    function: Callable[[Tensor], Tensor], at: Tensor
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Value of a function, and the transpose of its derivative there.

    Both can be differentiated again; where nothing is recorded, neither are they.
    """
    if not torch.is_grad_enabled():  # under inference_mode too
        value, pullback = torch.func.vjp(function, at)[:2]
        return value, lambda vector: cast(Tensor, pullback(vector)[0])
    at = at if at.requires_grad else at.detach().requires_grad_()
    value = function(at)
    if not value.requires_grad:  # it does not depend on the state
        return value, lambda vector: torch.zeros_like(at)

    def transpose(vector: Tensor) -> Tensor:
        return torch.autograd.grad(value, at, vector, create_graph=True, materialize_grads=True)[0]

    return value, transpose
