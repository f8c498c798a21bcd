r"""4DVarNet for maps: a variational analysis whose covariances are learned, solved as one.

About a first guess :math:`x_b`, the estimate is :math:`x_b + \delta x` with the increment that
makes least

.. math::
    J(v) = \tfrac12 \alpha_o^2 \, \| y - H(x_b + \delta x) \|^2_{observed}
         + \tfrac12 \alpha_p^2 \, \| v - \Phi(v; x_b) \|^2, \qquad
    \delta x = \mu(x_b) + a(x_b) \cdot S v

Its control variables v are coefficients of Gaussian bumps S
(:mod:`oceanbench.assimilation.fourdvarnet.bumps`); what the background tells of its own errors, a
network reads from it: their mean :math:`\mu`, their size a, and gates of the prior :math:`\Phi`
(:mod:`oceanbench.assimilation.fourdvarnet.gated_prior`). With :math:`\Phi = 0` and a the same
everywhere this is optimal interpolation with a Gaussian covariance, which is where training begins.
H is the identity at the observed cells. Where another field s is known that has to do with the
state, such as its temperature, the term
:math:`\tfrac12 \alpha_s^2 \| g(x) - h(s) \|^2` has operators g and h that are learned, and the
network reads s beside the background.

J is quadratic in v, and a few conjugate gradients descend it
(:mod:`oceanbench.assimilation.fourdvarnet.conjugate_gradients`); everything in it is learned
through them, by the error of the estimate. Observations enter by H alone: others than those of the
training are weighed as those were. Where the first guess knows little of the flow, outer loops
read the estimate beside it and go on from there; the first guess stays the background. Where
neither sea nor altimeters are known before, the network reads a context that tells of both in
place of the first guess, and says what each observation weighs, too, and how large the errors are
that all observations of a pass share (:mod:`oceanbench.assimilation.fourdvarnet.shared_errors`).

Maps are (batch, days, rows, columns), normalised.

References
----------
Fablet et al. (2021), Learning variational data assimilation models and solvers,
doi:10.1029/2021MS002572; Courtier et al. (1994), incremental 4D-Var, doi:10.1002/qj.49712051912;
Bannister (2008), doi:10.1002/qj.340
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import cast

import torch
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.bumps import GaussianBumps, on_nodes
from oceanbench.assimilation.fourdvarnet.gated_prior import GatedPrior
from oceanbench.assimilation.fourdvarnet.priors import Agreement
from oceanbench.assimilation.fourdvarnet.shared_errors import SharedErrors
from oceanbench.assimilation.fourdvarnet.variational_problem import VariationalProblem
from oceanbench.learning.layers import UNet

FEATURES = 24  # of the background, from which gates are made
SECOND_WEIGHT = 0.02  # before training: operators that have learned nothing yet should not pull
SHARED = -3.0, -8.0, 2.0  # logarithm of the variance of errors of passes: first, least and most
LARGEST = 2.0  # logarithm of the factor by which sizes of errors differ from the usual one


class FourDVarNet(torch.nn.Module):
    """Solver of a variational problem whose covariances are learned.

    Parameters
    ----------
    days : of the maps
    hidden : channels of the network that reads the background
    prior_hidden : channels of the prior
    bumps : control variables
    iterations : if the call does not say how many
    correction : size of the first guess's errors, relative to the state's deviation
    loops : outer ones, as many iterations each: the estimate of one is the first guess of the next,
        from which the network reads what is likely there
    second : g and h of a second field, if there is one
    context : channels of the context that is read in place of the first guess; 0 for none
    implicit : learn at the minimum (:mod:`oceanbench.assimilation.fourdvarnet.bilevel`), and not
        through the iterations, so that memory does not grow with them in training either
    reduced : convolutions in bfloat16; the state and the cost stay in single precision
    """

    def __init__(  # noqa: PLR0913  (every option is a keyword)
        self,
        days: int,
        *,
        hidden: int,
        prior_hidden: int,
        bumps: GaussianBumps,
        iterations: int,
        correction: float = 1.0,
        loops: int = 1,
        second: Agreement | None = None,
        implicit: bool = False,
        context: int = 0,
        reduced: bool = False,
    ) -> None:
        super().__init__()
        if not correction > 0.0:
            raise ValueError(f"correction={correction}: errors of the first guess have a size > 0")
        if context and second is not None:
            raise ValueError("context: a solver that reads one has no second field")
        if context and loops > 1:
            raise ValueError(f"loops={loops}: a solver that reads a context has one")
        self.days, self.iterations = days, iterations
        self.correction, self.reduced, self.implicit = correction, reduced, implicit
        self.loops, self.bumps = loops, bumps
        self.context = context
        entering = context or (days if second is None else 2 * days)
        leaving = self.background_channels + FEATURES
        self.background = UNet(entering, leaving, hidden=hidden)
        with torch.no_grad():  # at first errors have no mean, and the same size everywhere
            self.background.leave.weight[: self.background_channels] = 0.0
            torch.nn.init.normal_(
                self.background.leave.weight[self.background_channels :], std=0.05
            )
            torch.nn.init.zeros_(cast(Tensor, self.background.leave.bias))
        self.prior = GatedPrior(len(bumps.heights) * days, prior_hidden, FEATURES)
        self.log_observation_weight = torch.nn.Parameter(torch.zeros(()))
        self.log_prior_weight = torch.nn.Parameter(torch.zeros(()))
        self.second = second
        if second is not None:
            self.log_second_weight = torch.nn.Parameter(torch.tensor(SECOND_WEIGHT).log())

    @property
    def background_channels(self) -> int:
        """Channels of what is read: size and mean of the errors, weights, and errors of passes."""
        return 3 * self.days + 1 if self.context else 2 * self.days

    def forward(
        self,
        values: Tensor,
        observed: Tensor,
        first_guess: Tensor,
        second: Tensor | None = None,
        *,
        context: Tensor | None = None,
        passes: Tensor | None = None,
        iterations: int | None = None,
    ) -> Tensor:
        """Estimate of the state.

        In evaluation mode nothing is recorded for derivatives, and memory does not grow with the
        iterations.

        Parameters
        ----------
        values : observations, any finite number where there is none
        observed : bool, of the same shape; or how much is observed, from 0 to 1
        first_guess : (batch, days, rows, columns)
        second : second field, where the solver has one
        context : (batch, channels, rows, columns), where the solver has one
        passes : numbers of the passes that share errors, zero for none, where the solver has a
            context; of the shape of the observations
        iterations : how many
        """
        count = self.iterations if iterations is None else iterations
        with torch.set_grad_enabled(self.training and torch.is_grad_enabled()):
            estimate = first_guess
            for _ in range(self.loops):
                problem = self.problem(
                    values, observed, estimate, second, context=context, passes=passes
                )
                estimate = estimate + problem.increment(problem.solved(count))
            return estimate

    def problem(
        self,
        values: Tensor,
        observed: Tensor,
        first_guess: Tensor,
        second: Tensor | None = None,
        *,
        context: Tensor | None = None,
        passes: Tensor | None = None,
    ) -> VariationalProblem:
        """What is to be solved, linear in its control variables.

        Parameters
        ----------
        values, observed, first_guess, second, context, passes : as of a call
        """
        days, bumps = self.days, self.bumps.on(first_guess.shape[1:])
        with self.computing(first_guess):
            told = self.background(self._read(first_guess, second, context), None)[0]
            features = on_nodes(told[:, self.background_channels :], self.bumps.every, bumps.nodes)
            gates = self.prior.gates_of(features)
        told = told.to(first_guess.dtype)
        size = told[:, :days].clamp(-LARGEST, LARGEST).exp()
        mask = observed.to(first_guess.dtype)
        if self.context:
            mask = mask * told[:, 2 * days : 3 * days].clamp(-LARGEST, LARGEST).exp()
        mean = told[:, days : 2 * days]
        innovation = mask * ((values - first_guess) / self.correction - mean)
        weight = self.log_observation_weight.exp()
        batch = first_guess.shape[0]
        start = first_guess.new_zeros(batch, len(bumps.scales) * days, *bumps.nodes)
        shared = None
        if self.context and passes is not None:
            begin, least, most = SHARED
            level = begin + told[:, 3 * days].mean((-1, -2))
            shared = SharedErrors.of(passes, weight * mask, level.clamp(least, most).exp())
            innovation = shared.applied(innovation)
        target: list[Tensor] = [weight * innovation, torch.zeros_like(start)]
        if self.second is not None and second is not None:
            apart = self.second(first_guess / self.correction + mean, second / self.correction)
            target.append(-self.log_second_weight.exp() * apart)
        return VariationalProblem(
            self, bumps, size, mean, weight * mask * size, gates, tuple(target), start, shared
        )

    def compilable(self) -> list[torch.nn.Module]:
        """Parts that can be compiled."""
        return [self.background]

    def computing(self, like: Tensor) -> AbstractContextManager[None]:
        """Precision of convolutions."""
        return torch.autocast(like.device.type, torch.bfloat16, enabled=self.reduced)

    def _read(self, first_guess: Tensor, second: Tensor | None, context: Tensor | None) -> Tensor:
        """What the background network reads: the context, or the first guess and what is beside."""
        if context is not None:
            return context
        if self.second is None:
            return first_guess
        if second is None:
            raise ValueError("the solver has a second field, and is given none")
        return torch.cat([first_guess, second], dim=1)
