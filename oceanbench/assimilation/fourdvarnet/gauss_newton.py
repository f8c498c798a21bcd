r"""4DVarNet whose prior is a model: Gauss-Newton steps of a learned weak-constraint 4DVar.

The cost is that of :mod:`oceanbench.assimilation.variational.weak_constraint`, with weights,

.. math::
    J_q(x) = \alpha_o^2 \sum_{k, i \text{ observed}} \frac{(y_{ki} - x_{ki})^2}{r_i}
         + \frac{1}{q} \sum_k \lVert x_{k+1} - M_\theta(x_k) \rVert^2_{V^{-1}}
         + \lVert x_0 - \bar x \rVert^2_{V^{-1}}

and step n goes to the minimum of its quadratic form at the model error :math:`q_n`,

.. math:: x \leftarrow x - s \, H_{q_n}(x)^{-1} \, \tfrac12 \nabla J_{q_n}(x),

by an exact solve. The length s is 1, or the largest third, ninth, … with which the cost of the
window does not rise. The model errors, large at first, where the cost has few minima, and small at
last, the weight of the observations and the parameters :math:`\theta` of the model are learned. The
last model error defines the cost; iterations beyond those of the schedule keep to it.

Every window is on its own, in double precision.

References
----------
Fablet et al. (2021), doi:10.1029/2021MS002572; Trémolet (2006), doi:10.1256/qj.05.224;
Ye et al. (2015), doi:10.1103/PhysRevE.92.052901 (annealing of the model error)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.bilevel import at_minimum
from oceanbench.assimilation.fourdvarnet.priors import parameters_of, to_maps, to_states
from oceanbench.assimilation.fourdvarnet.step_length import not_rising
from oceanbench.assimilation.variational.block_tridiagonal import factorise, solution, solve
from oceanbench.assimilation.variational.levenberg_marquardt import deviation
from oceanbench.assimilation.variational.weak_constraint import WindowProblem, cost, linearised
from oceanbench.assimilation.window_batches import Climatology, Windows
from oceanbench.dynamics.models import Model

FIT = 10  # iterations that fit the model to known states, at most
SOLVES = 10  # conjugate gradients of an implicit derivative, of the preconditioned Hessian


@dataclass(frozen=True)
class GaussNewtonIterate:
    """Where the descent stands, and where it goes from here.

    Attributes
    ----------
    states : (windows, times, components)
    gradient : of the cost of this step's model error, of the same shape
    step : to the next iterate, of the same shape
    """

    states: Tensor
    gradient: Tensor
    step: Tensor


class GaussNewton(torch.nn.Module):
    """Solver of a weak-constraint 4DVar whose weights, schedule and model are learned.

    Parameters
    ----------
    model : between two times, in physical units; its parameters are learned as multiples
    climate : mean and variance of the components, by which maps are normalised
    noise : (components,), variance of the observations as told
    decades : logarithm to base 10 of the first and the last model error of the schedule
    iterations : of the schedule, that begins with equal ratios
    implicit : learn what the last cost is made of at its minimum
        (:mod:`oceanbench.assimilation.fourdvarnet.bilevel`), and not through the iterations
    """

    mean: Tensor
    variance: Tensor
    noise: Tensor

    def __init__(
        self,
        model: Model,
        climate: Climatology,
        noise: Tensor,
        *,
        decades: tuple[float, float],
        iterations: int,
        implicit: bool = False,
    ) -> None:
        super().__init__()
        self.model, self.implicit = model, implicit
        known = {"mean": climate.mean, "variance": climate.variance, "noise": noise}
        for name, value in known.items():
            self.register_buffer(name, value.clone(), persistent=False)
        self.decades = torch.nn.Parameter(torch.linspace(*decades, iterations))
        self.log_observation_weight = torch.nn.Parameter(torch.zeros(()))
        self.known_parameters = parameters_of(model.tendency)
        self.factors = torch.nn.ParameterDict(
            {name: torch.nn.Parameter(torch.ones(())) for name in self.known_parameters}
        )

    def forward(
        self,
        values: Tensor,
        observed: Tensor,
        first_guess: Tensor,
        *,
        iterations: int | None = None,
        untracked: int = 0,
    ) -> Tensor:
        """Estimate of the state.

        Parameters
        ----------
        values, observed, first_guess : normalised maps, as of every 4DVarNet
        iterations : how many; those of the schedule if not said
        untracked : so many of the first are not differentiated through
        """
        problem = self.problem(values, observed)
        states, count = self._states(first_guess), iterations or len(self.decades)
        if self.implicit:
            untracked = count
        for number in range(count):
            with torch.set_grad_enabled(torch.is_grad_enabled() and number >= untracked):
                step = self._iterate(problem, states, number).step
                states = states + step
        if self.implicit and torch.is_grad_enabled():
            states = self._at_minimum(problem, states)
        return self._maps(states)

    def descent(
        self, problem: WindowProblem, states: Tensor, iterations: int | None = None
    ) -> Iterator[GaussNewtonIterate]:
        """Iterates from given states on (windows, times, components), but the last one."""
        for number in range(iterations or len(self.decades)):
            iterate = self._iterate(problem, states, number)
            yield iterate
            states = iterate.states + iterate.step

    def problem(self, values: Tensor, observed: Tensor) -> WindowProblem:
        """Cost of windows that are given as maps."""
        cyclic = self.model.cyclic
        seen = to_states(observed, cyclic=cyclic)
        variance = self.noise * (-self.log_observation_weight.double()).exp()
        return WindowProblem(
            Windows(self._states(values), seen, variance),
            self._learned(),
            Climatology(self.mean, self.variance),
        )

    def fit_model(self, known: Tensor | None) -> None:
        r"""Make least what the model misses along known states, and keep its parameters so.

        .. math:: \sum_k \lVert x_{k+1} - M_\theta(x_k) \rVert^2_{V^{-1}}

        Where no states (runs, times, components) are known they are kept as told: the error of the
        estimate alone moves them off by some per cent.
        """
        self.factors.requires_grad_(bool(self.known_parameters) and known is not None)
        if known is None or not self.known_parameters:
            return
        optimiser = torch.optim.LBFGS(
            self.factors.parameters(), max_iter=FIT, line_search_fn="strong_wolfe"
        )

        def missed() -> Tensor:
            optimiser.zero_grad()
            defect = known[:, 1:] - self._learned().advance(known[:, :-1])
            value = 1e4 * (defect**2 / self.variance).mean()
            value.backward()  # type: ignore[no-untyped-call]
            return value

        optimiser.step(missed)  # type: ignore[no-untyped-call]
        self.factors.requires_grad_(False)

    def cost(self, problem: WindowProblem, states: Tensor) -> Tensor:
        """Cost of every window at the last model error, (windows,)."""
        return cost(problem, states, self._error(len(states), -1))

    def cost_of(self, values: Tensor, observed: Tensor, estimate: Tensor) -> Tensor:
        """Cost of every window at the last model error, all given as maps, (windows,)."""
        return self.cost(self.problem(values, observed), self._states(estimate))

    def deviation(self, values: Tensor, observed: Tensor, estimate: Tensor) -> Tensor:
        """Standard deviation (windows, times, components) of the posterior, after Laplace."""
        states = self._states(estimate)
        return deviation(self.problem(values, observed), states, self._error(len(states), -1))

    def _iterate(self, problem: WindowProblem, states: Tensor, number: int) -> GaussNewtonIterate:
        error = self._error(len(states), min(number, len(self.decades) - 1))
        half, diagonal, below = linearised(problem, states, error)
        change = -solution(diagonal, below, half).transpose(0, 1)
        with torch.no_grad():
            length = not_rising(lambda at: cost(problem, at, error), states, change)
        return GaussNewtonIterate(states, 2.0 * half.transpose(0, 1), length * change)

    def _at_minimum(self, problem: WindowProblem, states: Tensor) -> Tensor:
        """States whose derivative is that of the minimum; Gauss-Newton's solve preconditions it."""
        error = self._error(len(states), -1)
        with torch.no_grad():
            _, diagonal, below = linearised(problem, states, error)
            factors = factorise(diagonal, below)

        def half_gradient(at: Tensor) -> Tensor:
            value = 0.5 * cost(problem, at, error).sum()
            return torch.autograd.grad(value, at, create_graph=True)[0]

        return at_minimum(
            states,
            half_gradient,
            iterations=SOLVES,
            precondition=lambda v: solve(factors, v.transpose(0, 1)).transpose(0, 1),
        )

    def _error(self, windows: int, number: int) -> Tensor:
        return torch.pow(10.0, self.decades[number].double()).expand(windows)

    def _learned(self) -> Model:
        if not self.known_parameters:
            return self.model
        given = {
            name: value * self.factors[name].double()
            for name, value in self.known_parameters.items()
        }
        return replace(self.model, tendency=partial(self.model.tendency, **given))

    def _states(self, maps: Tensor) -> Tensor:
        normalised = to_states(maps.double(), cyclic=self.model.cyclic)
        return normalised * self.variance.sqrt() + self.mean

    def _maps(self, states: Tensor) -> Tensor:
        normalised = (states - self.mean) / self.variance.sqrt()
        return to_maps(normalised, cyclic=self.model.cyclic)
