r"""Solver of windows on a circle that estimates the state and the equation that it obeys.

The prior is the Gaussian chain of a stochastic equation of advection and diffusion
(:mod:`oceanbench.assimilation.uncertainty.spde_circle`), whose parameters :math:`\theta` are a part
of the state. The cost of both is

.. math:: J(x, \theta) = \sum_{observed} \frac{(y - x)^2}{r} + x^T Q(\theta) \, x - \log |Q(\theta)|

and an iteration makes it least for x by an exact solve, and changes the parameters by a network
that sees how they should move,

.. math:: x \leftarrow \mathrm{argmin} \, J(\cdot, \theta), \qquad
          \theta \leftarrow \theta - u_\phi(g, \theta, \dots), \qquad
          g = - \nabla_\theta \log p(y \mid \theta).

The gradient is not that of J at x: what is estimated is smoother than the truth, and its noise is
too small. By Fisher's identity g is the mean of :math:`- \nabla_\theta \log p(x \mid \theta)` over
the posterior of x, which the factor of the solve has the moments for. In training these moments are
held where g is differentiated.

References
----------
Beauchamp et al. (2023), Neural SPDE solver for uncertainty quantification in high-dimensional
space-time dynamics, doi:10.48550/arXiv.2311.01783; Fablet et al. (2021), doi:10.1029/2021MS002572
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from oceanbench.assimilation.uncertainty.spde_circle import PARAMETERS, CircleChain, chain
from oceanbench.assimilation.variational.block_tridiagonal import (
    adjacent,
    factorise,
    marginal,
    solution,
)
from oceanbench.assimilation.window_batches import Windows
from oceanbench.learning.layers import Convolution

LARGEST = 0.5  # change of a parameter in an iteration


@dataclass(frozen=True)
class AugmentedConfiguration:
    """What the solver is made of, in numbers, and how it is trained.

    Attributes
    ----------
    varying : whether parameters vary along the circle, or are constant in a window
    smoothness, halvings : of :func:`oceanbench.assimilation.uncertainty.spde_circle.chain`
    iterations : of the solver
    hidden, kernel : channels of the network that changes parameters, and nodes that it sees at once
    length : times of the windows that it is trained on, if the training runs have as many
    batch : windows drawn for a step
    steps, rate : of the training
    validations : of the training, the last at its end
    checked : windows that validate, at most
    """

    varying: bool = False
    smoothness: int = 1
    halvings: int = 3
    iterations: int = 3
    hidden: int = 16
    kernel: int = 5
    length: int = 16
    batch: int = 16
    steps: int = 120
    rate: float = 3e-3
    validations: int = 5
    checked: int = 32


@dataclass(frozen=True)
class AugmentedState:
    """Estimate of windows and of the equation that each obeys.

    Attributes
    ----------
    states : (windows, times, nodes)
    parameters : (windows, 4, nodes), in the order of
        :data:`oceanbench.assimilation.uncertainty.spde_circle.PARAMETERS`
    """

    states: Tensor
    parameters: Tensor


class AugmentedSolver(torch.nn.Module):
    """Unrolled solver of the augmented state, in double precision.

    Parameters
    ----------
    usual : (4,), parameters to begin with; they are learned too
    configuration : of it
    """

    def __init__(self, usual: Tensor, configuration: AugmentedConfiguration) -> None:
        super().__init__()
        self.configuration = configuration
        self.usual = torch.nn.Parameter(usual.clone())
        count, hidden = len(PARAMETERS), configuration.hidden
        kernel = (1, configuration.kernel)
        self.enter = Convolution(2 * count + 1, hidden, kernel, cyclic=True)
        self.between = Convolution(hidden, hidden, kernel, cyclic=True)
        self.leave = torch.nn.Conv2d(hidden, count, 1)
        for parameter in self.leave.parameters():
            torch.nn.init.zeros_(parameter)
        self.double()

    def forward(self, windows: Windows) -> AugmentedState:
        """Estimate of normalised windows; each is on its own."""
        nodes = windows.values.shape[-1]
        parameters = self.usual[None, :, None].expand(len(windows), -1, nodes)
        for _ in range(self.configuration.iterations):
            parameters = parameters - self._change(windows, parameters)
        return AugmentedState(self.mean(windows, parameters), parameters)

    def chain(self, parameters: Tensor) -> CircleChain:
        """Prior of the states of windows."""
        configuration = self.configuration
        return chain(
            parameters, smoothness=configuration.smoothness, halvings=configuration.halvings
        )

    def mean(self, windows: Windows, parameters: Tensor) -> Tensor:
        """Posterior mean (windows, times, nodes) of given parameters."""
        diagonal, below = _posterior(windows, self.chain(parameters))
        return solution(diagonal, below, _pulled(windows)).transpose(0, 1)

    def gradient(self, windows: Windows, parameters: Tensor) -> Tensor:
        """Gradient of minus the logarithm of the likelihood of the observations.

        Parameters
        ----------
        windows : normalised
        parameters : (windows, 4, nodes)

        Returns
        -------
        of the shape of the parameters
        """
        record = torch.is_grad_enabled()
        states = self.mean(windows, parameters)
        with torch.enable_grad():
            free = parameters.clone() if record else parameters.detach().requires_grad_(True)
            prior = self.chain(free)
            diagonal, below = prior.precision(windows.values.shape[1])
            with torch.no_grad():
                factor = factorise(_observed(windows, diagonal), below)
                same = marginal(factor)
                next_to = adjacent(factor, same)
            about = (same * diagonal).sum((0, 2, 3)) + 2.0 * (next_to * below).sum((0, 2, 3))
            unlikely = 0.5 * about - prior.log_density(states)
            (found,) = torch.autograd.grad(unlikely.sum(), free, create_graph=record)
        return found

    def _change(self, windows: Windows, parameters: Tensor) -> Tensor:
        times = windows.values.shape[1]
        slope = self.gradient(windows, parameters) / times
        away = parameters - self.usual[None, :, None]
        seen = windows.observed.to(slope).mean(1, keepdim=True)
        given = torch.cat([slope, away, seen], 1)[:, :, None]
        inner = functional.silu(self.enter(given))
        inner = functional.silu(self.between(inner))
        found = LARGEST * cast(Tensor, self.leave(inner))[:, :, 0].tanh()
        if not self.configuration.varying:
            found = found.mean(-1, keepdim=True).expand_as(found)
        return found


def _posterior(windows: Windows, prior: CircleChain) -> tuple[Tensor, Tensor]:
    """Blocks of the precision of the states, given what is observed of them."""
    diagonal, below = prior.precision(windows.values.shape[1])
    return _observed(windows, diagonal), below


def _observed(windows: Windows, diagonal: Tensor) -> Tensor:
    weight = windows.observed.to(diagonal) / windows.variance
    return diagonal + torch.diag_embed(weight).transpose(0, 1)


def _pulled(windows: Windows) -> Tensor:
    """Observations over their variances, (times, windows, nodes)."""
    weighted = torch.where(windows.observed, windows.values / windows.variance, 0.0)
    return weighted.transpose(0, 1).contiguous()
