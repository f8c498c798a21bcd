r"""How a cost is learned from the error of its minimum: three ways to the derivative.

What is learned, :math:`\theta` (a prior :math:`\Phi`, weights, how the cost is descended), is the
upper level of two: the error :math:`L(x^*)` of what makes a cost :math:`J_\theta(x)` least.

- **unrolled**: through all iterations of the descent, which have to be kept;
- **implicit**: at the minimum alone, by one more linear solve, :math:`H w = \nabla L`, and no
  iteration is kept. It is as right as the minimum is near;
- **alternate**: unrolled, the prior and all else by turns, the other held.

At the minimum :math:`\nabla J_\theta(x^*) = 0` whatever is learned, so that

.. math:: \frac{d x^*}{d \theta} = - H^{-1} \, \frac{\partial \nabla J_\theta(x^*)}{\partial
    \theta}, \qquad H = \nabla^2 J_\theta(x^*)

References
----------
Bai et al. (2019), Deep equilibrium models, arXiv:1909.01377; Blondel et al. (2022), Efficient and
modular implicit differentiation, arXiv:2105.15183; Fablet et al. (2021), doi:10.1029/2021MS002572
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

import torch
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.conjugate_gradients import solution
from oceanbench.errors import OceanbenchError, did_you_mean

DERIVATIVES = ("unrolled", "implicit", "alternate")
TURNS = 20  # of the prior and of all else in a training, both together
PRIOR = "prior."  # how names of the parameters of a prior begin


class Derivative(TypedDict):
    """Fields of a configuration that say how it is learned."""

    implicit: bool
    alternate: bool


def derivative_of(name: str, *, method: str) -> Derivative:
    """Fields of a configuration for one of :data:`DERIVATIVES`; any other is refused."""
    if name not in DERIVATIVES:
        raise OceanbenchError(
            f"{method}: derivative={name}: unknown; {did_you_mean(name, DERIVATIVES)}"
        )
    return {"implicit": name == "implicit", "alternate": name == "alternate"}


def at_minimum(
    minimum: Tensor,
    gradient: Callable[[Tensor], Tensor],
    *,
    iterations: int,
    precondition: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Minimum of a cost, whose derivative is that of the implicit function theorem.

    Parameters
    ----------
    minimum : (batch, …), where the gradient vanishes
    gradient : of the cost, (batch, …) -> (batch, …), which knows what is learned
    iterations : of the conjugate gradients that solve for the derivative
    precondition : of these, near the inverse of the cost's second derivative
    """
    at = minimum.detach().requires_grad_()
    with torch.enable_grad():
        slope = gradient(at)

    def curvature(vector: Tensor) -> Tensor:
        return torch.autograd.grad(slope, at, vector, retain_graph=True)[0]

    def adjoint(upstream: Tensor) -> Tensor:
        return -solution(curvature, upstream, iterations, precondition)

    nothing = slope - slope.detach()
    nothing.register_hook(adjoint)  # type: ignore[no-untyped-call]
    return at.detach() + nothing


def take_turns(network: torch.nn.Module, made: float) -> None:
    """Let the prior of a network learn, or all but the prior, at a part of its training."""
    prior = int(made * TURNS) % 2 == 0
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith(PRIOR) == prior)
