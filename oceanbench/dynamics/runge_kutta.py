r"""Fourth-order Runge-Kutta steps of an autonomous system, and their exact tangent.

.. math::
    x_{n+1} = x_n + \tfrac h6 (k_1 + 2 k_2 + 2 k_3 + k_4), \quad
    k_1 = f(x_n), \; k_2 = f(x_n + \tfrac h2 k_1), \; k_3 = f(x_n + \tfrac h2 k_2), \;
    k_4 = f(x_n + h k_3)

The tangent differentiates these formulas, not the flow: it is the derivative of the step that is
taken, to rounding, for any step length.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Tendency = Callable[[Tensor], Tensor]
Tangent = Callable[[Tensor, Tensor], Tensor]


def step(state: Tensor, tendency: Tendency, length: float) -> Tensor:
    """State one step later.

    Parameters
    ----------
    state : (..., components)
    tendency : of a state, of the same shape
    length : of the step, in the unit of time of the tendency
    """
    first = tendency(state)
    second = tendency(state + 0.5 * length * first)
    third = tendency(state + 0.5 * length * second)
    fourth = tendency(state + length * third)
    return state + length / 6.0 * (first + 2.0 * (second + third) + fourth)


def step_with_tangent(
    state: Tensor, perturbations: Tensor, tendency: Tendency, tangent: Tangent, length: float
) -> tuple[Tensor, Tensor]:
    """State one step later, and perturbations of it carried along.

    Parameters
    ----------
    state : (..., components)
    perturbations : (..., components, columns), each column a perturbation of the state; those of
        the identity become the Jacobian of the step
    tendency : of a state
    tangent : of a state and perturbations, the derivative of the tendency applied to each column
    length : of the step

    Returns
    -------
    state and perturbations, one step later
    """
    total, change = torch.zeros_like(state), torch.zeros_like(perturbations)
    at, moved = state, perturbations
    for weight, reach in ((1.0, 0.5), (2.0, 0.5), (2.0, 1.0), (1.0, 0.0)):
        rate, drift = tendency(at), tangent(at, moved)
        total, change = total + weight * rate, change + weight * drift
        at, moved = state + reach * length * rate, perturbations + reach * length * drift
    return state + length / 6.0 * total, perturbations + length / 6.0 * change
