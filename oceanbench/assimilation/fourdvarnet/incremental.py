r"""4DVarNet of windows that solves its cost, in outer loops about a prior that is learned.

In normalised variables the cost of a state x given observations y is

.. math::
    J(x) = \tfrac12 \alpha_o^2 \sum_{observed} \frac{(y - x)^2}{\rho}
         + \tfrac12 \alpha_p^2 \sum \left( x - \Phi(x) \right)^2

with the variance :math:`\rho` of the noise relative to the climate's. An outer loop linearises
:math:`\Phi` about the estimate and descends the quadratic cost that this makes by conjugate
gradients; a step that would raise the cost of a window is shortened. Observations enter by their
places and their noise alone, so that a prior serves any sampling.

References
----------
Courtier et al. (1994), incremental 4D-Var, doi:10.1002/qj.49712051912; Fablet et al. (2021),
doi:10.1029/2021MS002572
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.adjoint import with_tangent
from oceanbench.assimilation.fourdvarnet.bilevel import at_minimum
from oceanbench.assimilation.fourdvarnet.conjugate_gradients import Parts, conjugate_gradients
from oceanbench.assimilation.fourdvarnet.step_length import not_rising

PRIOR_WEIGHT = 5.0  # before training: a prior that has learned misses a fifth of the deviation
SOLVES = 20  # conjugate gradients of an implicit derivative


class IncrementalDescent(torch.nn.Module):
    """Solver of a cost with a prior that is learned.

    Parameters
    ----------
    prior : state -> the nearest state that it finds likely, of the same shape
    noise : variance of the observations relative to the climate's, as maps have it
    iterations : outer loops, if the call does not say how many
    inner : conjugate gradients of each
    implicit : learn at the minimum (:mod:`oceanbench.assimilation.fourdvarnet.bilevel`), and not
        through the iterations
    """

    noise: Tensor

    def __init__(
        self,
        prior: torch.nn.Module,
        noise: Tensor,
        *,
        iterations: int,
        inner: int,
        implicit: bool = False,
    ) -> None:
        super().__init__()
        self.prior, self.iterations, self.inner, self.implicit = prior, iterations, inner, implicit
        self.register_buffer("noise", noise.clone(), persistent=False)
        self.log_observation_weight = torch.nn.Parameter(torch.zeros(()))
        self.log_prior_weight = torch.nn.Parameter(torch.tensor(PRIOR_WEIGHT).log())

    def forward(
        self,
        values: Tensor,
        observed: Tensor,
        first_guess: Tensor,
        *,
        iterations: int | None = None,
        untracked: int = 0,
    ) -> Tensor:
        """Estimate of the state; in evaluation mode nothing is recorded.

        Parameters
        ----------
        values, observed, first_guess : normalised maps, as of every 4DVarNet
        iterations : outer loops
        untracked : so many of the first are not differentiated through
        """
        count = self.iterations if iterations is None else iterations
        track = self.training and torch.is_grad_enabled()
        through = 0 if not track or self.implicit else count - untracked
        problem, state = self.problem(values, observed), first_guess
        for number in range(count):
            with torch.set_grad_enabled(number >= count - through):
                state = state + self.step(problem, state)
        if not (track and self.implicit):
            return state
        return at_minimum(state, self._slope(problem), iterations=SOLVES)

    def problem(self, values: Tensor, observed: Tensor) -> WindowCost:
        """Cost of windows that are given as maps."""
        weight = observed * self.log_observation_weight.exp() / self.noise.sqrt()
        return WindowCost(self.prior, values, weight, self.log_prior_weight.exp())

    def step(self, problem: WindowCost, state: Tensor) -> Tensor:
        """Change of the state in an outer loop."""
        target, linear = problem.linearised(state)
        change = torch.zeros_like(state)
        for iterate in conjugate_gradients(linear, target, change, self.inner):
            change = iterate.controls
        with torch.no_grad():
            length = not_rising(problem.cost, state, change)
        return length * change

    def cost_of(self, values: Tensor, observed: Tensor, estimate: Tensor) -> Tensor:
        """Cost of every window, all given as maps, (windows,)."""
        return self.problem(values, observed).cost(estimate)

    def _slope(self, problem: WindowCost) -> Callable[[Tensor], Tensor]:
        def slope(at: Tensor) -> Tensor:
            return torch.autograd.grad(problem.cost(at).sum(), at, create_graph=True)[0]

        return slope


@dataclass(frozen=True)
class WindowCost:
    """Cost of windows.

    Attributes
    ----------
    prior : of their states
    values : observations, any finite number where there is none
    weight : of their misfits, zero where there is none
    prior_weight : of the prior's residuals
    """

    prior: torch.nn.Module
    values: Tensor
    weight: Tensor
    prior_weight: Tensor

    def cost(self, state: Tensor) -> Tensor:
        """Variational cost of every window, (windows,)."""
        residuals = (
            self.weight * (state - self.values),
            self.prior_weight * (state - cast(Tensor, self.prior(state))),
        )
        return 0.5 * torch.stack([r.square().flatten(1).sum(1) for r in residuals]).sum(0)

    def linearised(self, state: Tensor) -> tuple[Parts, TangentResiduals]:
        """Residuals as a target of changes of the state, and what those do to them."""
        likely, along, pulled = with_tangent(self.prior, state)
        target = (self.weight * (self.values - state), self.prior_weight * (likely - state))
        return target, TangentResiduals(self, along, pulled)


@dataclass(frozen=True)
class TangentResiduals:
    """Linear map of changes of a state to those of the residuals.

    Attributes
    ----------
    problem : whose residuals they are
    along, pulled : the prior's derivative at a state, and its transpose
    """

    problem: WindowCost
    along: Callable[[Tensor], Tensor]
    pulled: Callable[[Tensor], Tensor]

    def forward(self, controls: Tensor) -> Parts:
        """Changes of the misfits and of the prior's residuals."""
        unlikely = controls - self.along(controls)
        return self.problem.weight * controls, self.problem.prior_weight * unlikely

    def transpose(self, parts: Parts) -> Tensor:
        """Transpose of :meth:`forward`."""
        unlikely = self.problem.prior_weight * parts[1]
        return self.problem.weight * parts[0] + unlikely - self.pulled(unlikely)
