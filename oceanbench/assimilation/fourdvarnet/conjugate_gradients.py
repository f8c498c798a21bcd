r"""Conjugate gradients on a sum of squares, every sample on its own and differentiable throughout.

Of residuals that are linear in the unknown, :math:`r(v) = F v - b` in several parts, the cost is
:math:`J(v) = \tfrac12 \| r(v) \|^2` and its gradient :math:`F^T r(v)`. A step goes as far along
a direction as makes the cost least there, so that the cost of every sample falls with every step.

References
----------
Hestenes and Stiefel (1952), doi:10.6028/jres.049.044; Polak and Ribière (1969),
doi:10.1051/m2an/196903R100351 (the form that forgives a transpose that is rounded)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

SMALLEST = 1e-20  # of a square that is divided by
Parts = Sequence[Tensor]


class LinearMap(Protocol):
    """Linear map of (batch, …) to several parts, each (batch, …), and its transpose."""

    def forward(self, controls: Tensor) -> Parts:
        """Parts of the image."""
        ...

    def transpose(self, parts: Parts) -> Tensor:
        """What an image of several parts is pulled back to."""
        ...


@dataclass(frozen=True)
class Iterate:
    """Where the descent stands, and where it goes from here.

    Attributes
    ----------
    controls : (batch, …)
    residuals : parts of F v - b
    gradient : of the cost, (batch, …)
    step : to the next iterate, (batch, …)
    """

    controls: Tensor
    residuals: Parts
    gradient: Tensor
    step: Tensor

    @property
    def cost(self) -> Tensor:
        """Half the sum of the squares, (batch,)."""
        return cost(self.residuals)


def cost(residuals: Parts) -> Tensor:
    """Half the sum of the squares of residuals, (batch,)."""
    return 0.5 * torch.stack([part.square().flatten(1).sum(1) for part in residuals]).sum(0)


def conjugate_gradients(
    linear: LinearMap, target: Parts, start: Tensor, iterations: int
) -> Iterator[Iterate]:
    """Iterates from the start on, and the last one, whose step is zero: one more than iterations.

    Parameters
    ----------
    linear : F
    target : b, in the same parts
    start : (batch, …)
    iterations : how many steps
    """
    controls = start
    residuals = [image - goal for image, goal in zip(linear.forward(start), target, strict=True)]
    gradient, direction = linear.transpose(residuals), torch.zeros_like(start)
    before = None
    for _ in range(iterations):
        turned = 0.0 if before is None else _ratio(_dot(gradient, gradient - before), before)
        direction = turned * direction - gradient
        images = linear.forward(direction)
        squares = torch.stack([_dot(image, image) for image in images]).sum(0)
        length = -_dot(gradient, direction) / squares.clamp_min(SMALLEST)
        step = length * direction
        yield Iterate(controls, residuals, gradient, step)
        controls = controls + step
        residuals = [r + length * image for r, image in zip(residuals, images, strict=True)]
        before, gradient = gradient, linear.transpose(residuals)
    yield Iterate(controls, residuals, gradient, torch.zeros_like(start))


def solution(
    operator: Callable[[Tensor], Tensor],
    right: Tensor,
    iterations: int,
    precondition: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Solution x of A x = b by conjugate gradients, nothing of which is recorded.

    A sample along whose direction A is not positive stays where it is.

    Parameters
    ----------
    operator : A, symmetric and positive, of (batch, …)
    right : b, (batch, …)
    iterations : how many steps
    precondition : near the inverse of A; the identity by default
    """
    scale = _dot(right, right).sqrt()
    left = right / scale.clamp_min(torch.finfo(right.dtype).tiny)
    found, direction, last = torch.zeros_like(right), torch.zeros_like(right), left
    before: Tensor | None = None
    for _ in range(iterations):
        toward = left if precondition is None else precondition(left)
        turned = 0.0 if before is None else _dot(toward, left - last) / before
        direction = toward + turned * direction
        image = operator(direction)
        square = _dot(direction, image)
        moves = square > SMALLEST
        length = torch.where(moves, _dot(toward, left) / torch.where(moves, square, 1.0), 0.0)
        found = found + length * direction
        last, before = left, _dot(toward, left).clamp_min(SMALLEST)
        left = left - length * image
    return scale * found


def _dot(one: Tensor, other: Tensor) -> Tensor:
    """Scalar product of every sample, (batch, 1, …)."""
    return (one * other).sum(tuple(range(1, one.ndim)), keepdim=True)


def _ratio(product: Tensor, before: Tensor) -> Tensor:
    """Polak and Ribière's, no less than zero: then the descent begins anew."""
    return (product / _dot(before, before).clamp_min(SMALLEST)).clamp_min(0.0)
