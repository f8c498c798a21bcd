"""Derivatives of functions as linear maps, and their transposes."""

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


def with_tangent(
    function: Callable[[Tensor], Tensor], at: Tensor
) -> tuple[Tensor, Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """Value of a function, its derivative there and the transpose of that.

    The function is evaluated once. All three can be differentiated again where something is
    recorded; elsewhere a graph of one evaluation is kept as long as they are.
    """
    recorded = torch.is_grad_enabled()
    with torch.inference_mode(False), torch.enable_grad():
        if not (recorded and at.requires_grad):
            at = at.detach().clone().requires_grad_()
        value = function(at)
        dual = torch.zeros_like(value, requires_grad=True)
        pulled = _pulled(value, at, dual, record=True)

    def tangent(vector: Tensor) -> Tensor:  # the transpose of the transpose, which is linear
        return _pulled(pulled, dual, vector, record=recorded)

    def transpose(vector: Tensor) -> Tensor:
        return _pulled(value, at, vector, record=recorded)

    return (value if recorded else value.detach()), tangent, transpose


def _pulled(value: Tensor, at: Tensor, vector: Tensor, *, record: bool) -> Tensor:
    return torch.autograd.grad(
        value, at, vector, create_graph=record, retain_graph=True, materialize_grads=True
    )[0]
