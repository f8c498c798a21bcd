r"""Levenberg-Marquardt searches of many windows at once, and the annealing of the model error.

A step solves

.. math:: (H + \lambda V^{-1}) \, \delta = -g

with Gauss-Newton's quadratic form of the cost, :math:`J + 2 g^T \delta + \delta^T H \delta`, and
is taken if the cost falls. The damping :math:`\lambda` falls with the ratio :math:`\rho` of the
decrease to the one foretold, by a factor :math:`\max(1/10, 1 - (2 \rho - 1)^3)`, and grows by 2, 4,
8, … in steps that fail one after the other. Every window has a damping of its own and stops on its
own, so that what it finds does not depend on the windows beside it.

The cost of a long window has many minima if the model error is small, and few if it is large. So
the search begins with a large one and goes down a ladder, each rung from the minimum of the last.

References
----------
Nielsen (1999), Damping parameter in Marquardt's method, IMM-REP-1999-05;
Trémolet (2006), doi:10.1256/qj.05.224;
Ye et al. (2015), doi:10.1103/PhysRevE.92.052901 (annealing of the model error)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from oceanbench.assimilation.variational.block_tridiagonal import factorise, marginal, solve
from oceanbench.assimilation.variational.weak_constraint import WindowProblem, cost, linearised

Cost = Callable[[Tensor, Tensor], Tensor]
Step = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]

FIRST_DAMPING = 0.1  # relative to the precision of the climate, as all dampings
LEAST_DAMPING, MOST_DAMPING = 1e-8, 1e8


class Minimum(NamedTuple):
    """Where the searches ended.

    Attributes
    ----------
    states : (windows, ...); of :func:`anneal` (rungs, windows, times, components)
    cost : (windows,) or (rungs, windows)
    iterations : of the same shape, steps that were tried
    """

    states: Tensor
    cost: Tensor
    iterations: Tensor


def deepest(minima: Sequence[Minimum]) -> Tensor:
    """States of the lowest cost, of searches that began in several places.

    Returns
    -------
    of the shape that the states of each search have
    """
    cost = torch.stack([minimum.cost for minimum in minima]).nan_to_num(torch.inf)
    states = torch.stack([minimum.states for minimum in minima])
    choice = cost.argmin(0)
    choice = choice.view(*choice.shape, *[1] * (states.ndim - 1 - choice.ndim))
    return states.gather(0, choice.expand_as(states[0])[None])[0]


def levenberg_marquardt(
    first: Tensor, cost: Cost, step: Step, *, iterations: int, tolerance: float
) -> Minimum:
    """Minimum of each window's cost, near where the search begins.

    Parameters
    ----------
    first : (windows, ...), where to begin
    cost : of the numbers of some windows and their states, (some,)
    step : of the numbers of some windows, their states and their dampings: the change of the states
        and the decrease of the cost that it foretells, (some,); NaN if there is no such step
    iterations : steps to try in each window, at most
    tolerance : decrease of the cost from which on a window is at its minimum
    """
    states = first.clone()
    active = torch.arange(len(states), device=states.device)
    lowest = cost(active, states)
    damping, growth = torch.full_like(lowest, FIRST_DAMPING), torch.full_like(lowest, 2.0)
    tried = torch.zeros_like(active)
    for _ in range(iterations):
        if not len(active):
            break
        change, foretold = step(active, states[active], damping[active])
        trial = states[active] + change
        found = cost(active, trial)
        ratio = (lowest[active] - found) / foretold
        better = found < lowest[active]  # never where a number is missing
        states[active[better]], lowest[active[better]] = trial[better], found[better]
        shrink = (1.0 - (2.0 * ratio - 1.0) ** 3).clamp_min(0.1)
        factor = torch.where(better, shrink, growth[active])
        damping[active] = (damping[active] * factor).clamp(LEAST_DAMPING, MOST_DAMPING)
        growth[active] = torch.where(better, 2.0, 2.0 * growth[active])
        tried[active] += 1
        active = active[~(foretold < tolerance)]
    return Minimum(states, lowest, tried)


def anneal(
    problem: WindowProblem,
    first: Tensor,
    ladder: Sequence[float],
    *,
    iterations: int = 20,
    tolerance: float = 0.1,
) -> Minimum:
    """Minima of the weak-constraint cost for smaller and smaller model errors.

    Parameters
    ----------
    problem : of the windows
    first : (windows, times, components), the first guess
    ladder : model errors, relative to the climate's variance, largest first
    iterations, tolerance : as in :func:`levenberg_marquardt`, on every rung
    """
    rungs = []
    for rung in ladder:
        error = torch.full((len(problem),), rung, dtype=first.dtype, device=first.device)
        found = minimise(problem, first, error, iterations=iterations, tolerance=tolerance)
        rungs.append(found)
        first = found.states
    return Minimum(*(torch.stack(field) for field in zip(*rungs, strict=True)))


def minimise(
    problem: WindowProblem, first: Tensor, model_error: Tensor, *, iterations: int, tolerance: float
) -> Minimum:
    """Minimum of the weak-constraint cost near a first guess (windows, times, components).

    Parameters are those of :func:`levenberg_marquardt` and
    :func:`oceanbench.assimilation.variational.weak_constraint.cost`.
    """
    scale = 1.0 / problem.climate.variance

    def value(some: Tensor, states: Tensor) -> Tensor:
        return cost(problem.take(some), states, model_error[some])

    def step(some: Tensor, states: Tensor, damping: Tensor) -> tuple[Tensor, Tensor]:
        half, diagonal, below = linearised(problem.take(some), states, model_error[some])
        damped = damping[:, None] * scale
        diagonal.diagonal(dim1=-2, dim2=-1).add_(damped)
        change = -solve(factorise(diagonal, below), half)
        foretold = (change * (damped * change - half)).sum((0, 2))
        return change.transpose(0, 1), foretold

    return levenberg_marquardt(first, value, step, iterations=iterations, tolerance=tolerance)


def deviation(problem: WindowProblem, states: Tensor, model_error: Tensor) -> Tensor:
    r"""Standard deviation of the posterior about its maximum, by Laplace's approximation.

    .. math:: \sigma_{ki} = \sqrt{(H^{-1})_{ki,ki}}

    Parameters are those of :func:`oceanbench.assimilation.variational.weak_constraint.cost`.

    Returns
    -------
    (windows, times, components)
    """
    _, diagonal, below = linearised(problem, states, model_error)
    blocks = marginal(factorise(diagonal, below))
    return blocks.diagonal(dim1=-2, dim2=-1).sqrt().transpose(0, 1)
