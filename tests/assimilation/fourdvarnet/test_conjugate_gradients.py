"""Conjugate gradients: the closed form, in as many steps as there are unknowns, each alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.conjugate_gradients import (
    Iterate,
    Parts,
    conjugate_gradients,
)

UNKNOWN = 5


@dataclass(frozen=True)
class Matrices:
    """Two parts, each a matrix."""

    parts: Parts

    def forward(self, controls: Tensor) -> Parts:
        return [controls @ matrix.T for matrix in self.parts]

    def transpose(self, parts: Parts) -> Tensor:
        pulled = [part @ matrix for part, matrix in zip(parts, self.parts, strict=True)]
        return torch.stack(pulled).sum(0)


def problem(batch: int = 3) -> tuple[Matrices, Parts, Tensor]:
    """A well-posed problem: seven residuals and three for five unknowns."""
    random = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    linear = Matrices([normal(7, UNKNOWN), normal(3, UNKNOWN)])
    return linear, [normal(batch, 7), normal(batch, 3)], normal(batch, UNKNOWN)


def descent(iterations: int) -> list[Iterate]:
    return list(conjugate_gradients(*problem(), iterations))


def test_as_many_steps_as_unknowns_find_the_least_squares() -> None:
    linear, target, _ = problem()
    found = descent(UNKNOWN)[-1].controls
    whole, wanted = torch.cat(list(linear.parts)), torch.cat(list(target), 1)
    exact = torch.linalg.lstsq(whole, wanted.T).solution.T
    torch.testing.assert_close(found, exact, rtol=1e-8, atol=1e-10)


def test_the_cost_of_every_sample_falls_with_every_step() -> None:
    costs = torch.stack([iterate.cost for iterate in descent(UNKNOWN)])
    assert (costs.diff(dim=0) < 0).all()


def test_residuals_and_gradients_are_those_of_the_iterate() -> None:
    linear, target, _ = problem()
    for iterate in descent(4):
        at = iterate.controls.clone().requires_grad_()
        apart = [image - goal for image, goal in zip(linear.forward(at), target, strict=True)]
        total = 0.5 * sum(part.square().sum() for part in apart)
        torch.testing.assert_close(iterate.cost.sum(), total.detach())
        torch.testing.assert_close(iterate.gradient, torch.autograd.grad(total, at)[0])


def test_a_sample_does_not_depend_on_its_batch() -> None:
    linear, target, start = problem()
    alone = conjugate_gradients(linear, [part[1:2] for part in target], start[1:2], 3)
    torch.testing.assert_close(list(alone)[-1].controls, descent(3)[-1].controls[1:2])


def test_a_descent_that_has_arrived_stays() -> None:
    linear, target, _ = problem()
    arrived = descent(UNKNOWN)[-1].controls
    further = list(conjugate_gradients(linear, target, arrived, 4))[-1].controls
    torch.testing.assert_close(further, arrived, rtol=1e-7, atol=1e-9)


def test_nothing_to_find_moves_nothing() -> None:
    linear, target, start = problem()
    still = list(
        conjugate_gradients(linear, [0.0 * part for part in target], torch.zeros_like(start), 2)
    )
    assert all(iterate.controls.eq(0.0).all() for iterate in still)
