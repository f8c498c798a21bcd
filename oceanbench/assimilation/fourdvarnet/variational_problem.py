"""The problem of a 4DVarNet: least squares, linear in the control variables of an increment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from oceanbench.assimilation.fourdvarnet.bilevel import at_minimum
from oceanbench.assimilation.fourdvarnet.bumps import Bumps
from oceanbench.assimilation.fourdvarnet.conjugate_gradients import (
    Iterate,
    Parts,
    conjugate_gradients,
    cost,
)
from oceanbench.assimilation.fourdvarnet.gated_prior import GatedPrior, Gates
from oceanbench.assimilation.fourdvarnet.priors import Agreement
from oceanbench.assimilation.fourdvarnet.shared_errors import SharedErrors


class Covariances(Protocol):
    """What a solver has learned, and how it computes.

    Attributes
    ----------
    prior : of control variables
    second : operators of a second field, or none
    log_prior_weight, log_second_weight : logarithms of the weights of both in the cost
    correction : unit of increments
    implicit : whether it is learned at the minimum
    """

    prior: GatedPrior
    second: Agreement | None
    log_prior_weight: torch.nn.Parameter
    log_second_weight: torch.nn.Parameter
    correction: float
    implicit: bool

    def computing(self, like: Tensor) -> AbstractContextManager[None]:
        """Precision of convolutions."""
        ...


@dataclass(frozen=True)
class VariationalProblem:
    r"""A variational problem, its background and observations given.

    Attributes
    ----------
    solver : whose covariances are learned
    bumps : control variables
    size, mean : of the first guess's errors, in units of the solver's correction
    observing : what the sum of the bumps is multiplied with to be compared with observations
    gates : of the prior
    target : of the residuals' parts: weighted misfits, distances from the prior and, with a second
        field, from that
    start : control variables of the first guess, corrected by the mean of its errors
    shared : errors of passes, or none
    """

    solver: Covariances
    bumps: Bumps
    size: Tensor
    mean: Tensor
    observing: Tensor
    gates: Gates
    target: Parts
    start: Tensor
    shared: SharedErrors | None = None

    def descent(self, iterations: int) -> Iterator[Iterate]:
        """Iterates of the conjugate gradients, the first and the last included."""
        return conjugate_gradients(self, self.target, self.start, iterations)

    def solved(self, iterations: int) -> Tensor:
        """Control variables after so many conjugate gradients."""
        controls, implicit = self.start, self.solver.implicit and torch.is_grad_enabled()
        with torch.set_grad_enabled(torch.is_grad_enabled() and not implicit):
            for iterate in self.descent(iterations):
                controls = iterate.controls
        return at_minimum(controls, self.gradient, iterations=iterations) if implicit else controls

    def gradient(self, controls: Tensor) -> Tensor:
        """Gradient of the cost, of the shape of the control variables."""
        return self.transpose(self._residuals(controls))

    def increment(self, controls: Tensor) -> Tensor:
        """Map (batch, days, rows, columns) that control variables add to the first guess."""
        return self.solver.correction * (self.mean + self.size * self.bumps.forward(controls))

    def cost(self, controls: Tensor) -> Tensor:
        """Variational cost J of every sample, (batch,)."""
        return cost(self._residuals(controls))

    def _residuals(self, controls: Tensor) -> Parts:
        """Parts of F v - b."""
        images = self.forward(controls)
        return [image - goal for image, goal in zip(images, self.target, strict=True)]

    def forward(self, controls: Tensor) -> Parts:
        """Parts of the residuals, without their target."""
        solver, sums = self.solver, self.bumps.forward(controls)
        with solver.computing(controls):
            likely = solver.prior(controls, self.gates).to(controls.dtype)
        parts = [
            _without(self.shared, self.observing * sums),
            solver.log_prior_weight.exp() * (controls - likely),
        ]
        if solver.second is not None:
            parts.append(solver.log_second_weight.exp() * solver.second.state(self.size * sums))
        return parts

    def transpose(self, parts: Parts) -> Tensor:
        """Transpose of :meth:`forward`."""
        solver = self.solver
        sums = self.observing * _without(self.shared, parts[0])
        if solver.second is not None:
            kernel = solver.second.state.weight
            apart = functional.conv_transpose2d(parts[2], kernel, padding=1)
            sums = sums + solver.log_second_weight.exp() * self.size * apart
        unlikely = solver.log_prior_weight.exp() * parts[1]
        with solver.computing(unlikely):
            pulled = solver.prior.transpose(unlikely, self.gates).to(unlikely.dtype)
        return self.bumps.transpose(sums) + unlikely - pulled


def _without(shared: SharedErrors | None, misfits: Tensor) -> Tensor:
    return misfits if shared is None else shared.applied(misfits)
