"""Derivatives as linear maps are those of differences, and their transposes theirs."""

from __future__ import annotations

import torch
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.adjoint import with_tangent

FACTOR = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)


def function(state: Tensor) -> Tensor:
    return FACTOR * state.square() + state.roll(1, -1).sin()


def normal(seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn((2, 5), generator=random, dtype=torch.float64)


def test_the_tangent_is_the_derivative_and_the_transpose_its_own() -> None:
    at, change, other = normal(0), normal(1), normal(2)
    for recorded in (True, False):
        with torch.set_grad_enabled(recorded):
            value, tangent, transpose = with_tangent(function, at)
            along = tangent(change)
        torch.testing.assert_close(value, function(at))
        step = 1e-6
        with torch.no_grad():
            expected = (function(at + step * change) - function(at - step * change)) / (2 * step)
        torch.testing.assert_close(along, expected, rtol=1e-7, atol=1e-8)
        torch.testing.assert_close((along * other).sum(), (transpose(other) * change).sum())
        assert value.requires_grad is along.requires_grad is recorded


def test_under_inference_mode_too() -> None:
    with torch.inference_mode():
        tangent = with_tangent(function, normal(0))[1](normal(1))
    torch.testing.assert_close(tangent, with_tangent(function, normal(0))[1](normal(1)).detach())


def test_both_can_be_differentiated_again() -> None:
    def loss(at: Tensor) -> Tensor:
        value, tangent, transpose = with_tangent(function, at)
        return value.sum() + tangent(normal(1)).square().sum() + transpose(normal(2)).sum()

    assert torch.autograd.gradcheck(loss, normal(0).requires_grad_())
