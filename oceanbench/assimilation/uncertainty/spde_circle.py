r"""Stochastic advection and diffusion on a circle, differentiable by parameters that vary along it.

.. math:: \partial_t x + \kappa^2 x + m \, \partial_s x - \partial_s (H \, \partial_s x)
          = \tau \, \bigl( 1 - \partial_s \tfrac{H}{\kappa^2} \partial_s \bigr)^{-\nu / 2} \, w

with white noise w: the equation of :mod:`oceanbench.assimilation.uncertainty.spde` in one dimension
and in the letters of the literature. Implicit Euler steps make it a chain,
:math:`x_k = F x_{k-1} + \eta_k`, whose precision is block tridiagonal,

.. math:: Q_{kk} = N^{-1} + F^T N^{-1} F, \quad Q_{k+1,k} = - N^{-1} F, \qquad
          \log |Q| = - \log |P_0| - \sum_{k>0} \log |N|

with the covariance N of :math:`\eta`, without the last :math:`F^T N^{-1} F`, and with
:math:`P_0^{-1}` for the first :math:`N^{-1}`: the first time has the covariance that the chain
leaves stationary, for parameters that vary too. With one step between two times,
:math:`F = M^{-1}` and :math:`N^{-1} = M^T S M`, where M and S couple nodes that are next to each
other: all blocks but the first are sparse. Several steps follow the equation more closely, and
couple nodes that are farther apart. Advection is :math:`(m \partial_s + \partial_s m) / 2`, which
neither makes nor destroys variance, so that the chain is stable whatever the parameters are.

Lengths are in nodes, times in intervals. Blocks are stored whole: this is for circles of some dozen
nodes. :mod:`oceanbench.assimilation.uncertainty.spde_sparse` is for maps.

References
----------
Lindgren, Rue and Lindström (2011), doi:10.1111/j.1467-9868.2011.00777.x;
Clarotto et al. (2024), The SPDE approach for spatio-temporal datasets with advection and diffusion
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from oceanbench.errors import OceanbenchError

PARAMETERS = ("log_damping", "drift", "log_diffusion", "log_noise")  # κ², m, H and τ
SMOOTHNESSES = (0, 1)
DOUBLINGS = 12  # of the past that the first time remembers: 4096 steps


@dataclass(frozen=True)
class CircleChain:
    r"""Gaussian fields on a circle, one time after the other: :math:`x_k = F x_{k-1} + \eta_k`.

    Attributes
    ----------
    transition : F, (windows, nodes, nodes)
    noise : lower triangular root of the covariance of :math:`\eta`, of the same shape
    first : lower triangular root of the covariance of the first time, of the same shape
    """

    transition: Tensor
    noise: Tensor
    first: Tensor

    def log_density(self, states: Tensor) -> Tensor:
        """Logarithm of the density of states (windows, times, nodes), (windows,)."""
        begun = torch.linalg.solve_triangular(self.first, states[:, :1].mT, upper=False)
        pushes = states[:, 1:] - states[:, :-1] @ self.transition.mT
        white = torch.linalg.solve_triangular(self.noise, pushes.mT, upper=False)
        square = begun.square().sum((1, 2)) + white.square().sum((1, 2))
        volume = _log_diagonal(self.first) + pushes.shape[1] * _log_diagonal(self.noise)
        constant = 0.5 * states[0].numel() * math.log(2.0 * math.pi)
        density: Tensor = -volume - 0.5 * square - constant
        return density

    def precision(self, times: int) -> tuple[Tensor, Tensor]:
        """Blocks of the precision of so many times.

        Returns
        -------
        diagonal : (times, windows, nodes, nodes)
        below : (times - 1, windows, nodes, nodes), in row k + 1 and column k
        """
        inner = torch.cholesky_inverse(self.noise)
        across = inner @ self.transition
        kept = self.transition.mT @ across
        begun = [torch.cholesky_inverse(self.first)] + [inner] * (times - 1)
        diagonal = [block + kept for block in begun[:-1]] + begun[-1:]
        below = (
            across.new_empty(0, *across.shape)
            if times == 1
            else -across.expand(times - 1, *across.shape)
        )
        return torch.stack(diagonal), below

    def draws(self, white: Tensor) -> Tensor:
        """Draws from white noise, one time after the other.

        Parameters
        ----------
        white : (windows, times, nodes, draws), independent and of variance one

        Returns
        -------
        of the same shape
        """
        states = [self.first @ white[:, 0]]
        for number in range(1, white.shape[1]):
            states.append(self.transition @ states[-1] + self.noise @ white[:, number])
        return torch.stack(states, 1)

    def repeated(self, count: int) -> CircleChain:
        """The chain of one window as that of several."""
        parts = (self.transition, self.noise, self.first)
        return CircleChain(*(part.expand(count, -1, -1) for part in parts))


def chain(parameters: Tensor, *, smoothness: int = 1, halvings: int = 0) -> CircleChain:
    r"""Chain of parameters that are constant in time.

    Parameters
    ----------
    parameters : (windows, 4, nodes), in the order of :data:`PARAMETERS`; differentiable
    smoothness : :math:`\nu`, 0 for noise that is white in space, or 1
    halvings : h, for :math:`2^h` implicit steps between two times; with one step the precision is
        sparse, with more its blocks reach farther, and the equation is followed more closely

    Raises
    ------
    OceanbenchError
        if the smoothness is another, or the circle has fewer than three nodes
    """
    nodes = parameters.shape[-1]
    if smoothness not in SMOOTHNESSES or nodes < 3 or halvings < 0:
        raise OceanbenchError(
            f"SPDE on a circle: smoothness={smoothness}, halvings={halvings}, {nodes} nodes; "
            f"expected one of {SMOOTHNESSES}, 0 or more, and at least 3 nodes"
        )
    damping, drift, diffusion, noise = parameters.unbind(1)
    length = 0.5**halvings  # of a step
    one = torch.eye(nodes, dtype=parameters.dtype, device=parameters.device)
    forward = one.roll(1, 1) - one
    centred = 0.5 * (one.roll(1, 1) - one.roll(-1, 1))
    carried = 0.5 * (drift[:, :, None] * centred + centred * drift[:, None, :])
    tendency = torch.diag_embed(damping.exp()) + carried + _diffusion(diffusion.exp(), forward)
    factor = torch.linalg.inv(one + length * tendency)
    size = noise.exp()
    rough = one.expand_as(factor)
    if smoothness:
        rough = torch.linalg.inv(one + _diffusion((diffusion - damping).exp(), forward))
    pushes = length * size[:, :, None] * rough * size[:, None, :]
    covariance = factor @ pushes @ factor.mT
    for _ in range(halvings):
        factor, covariance = _doubled(factor, covariance)
    stationary, past = covariance, factor
    for _ in range(DOUBLINGS):
        past, stationary = _doubled(past, stationary)
    roots = (torch.linalg.cholesky(0.5 * (c + c.mT)) for c in (covariance, stationary))
    return CircleChain(factor, *roots)


def _doubled(factor: Tensor, covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Transition and covariance of the noise of twice the time."""
    return factor @ factor, covariance + factor @ covariance @ factor.mT


def _diffusion(values: Tensor, forward: Tensor) -> Tensor:
    """Matrix of minus the derivative of a diffusion times the derivative, (windows, n, n)."""
    between = 0.5 * (values + values.roll(-1, -1))
    return forward.mT @ (between[:, :, None] * forward)


def _log_diagonal(lower: Tensor) -> Tensor:
    return lower.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def fit(states: Tensor, *, smoothness: int = 1, halvings: int = 0) -> Tensor:
    """Constant parameters of greatest likelihood.

    Parameters
    ----------
    states : (runs, times, nodes), about a mean of zero
    smoothness, halvings : as for :func:`chain`; compare the likelihood of both smoothnesses

    Returns
    -------
    (4,), in the order of :data:`PARAMETERS`
    """
    if states.shape[1] < 2 or not states.isfinite().all() or not states.std() > 0:
        raise OceanbenchError(
            f"states of shape {tuple(states.shape)} for a fit: expected (runs, times, nodes), at "
            "least two times, complete, and not constant"
        )
    size = states.std().log()
    found = torch.stack([size.new_tensor(-2.0), size.new_zeros(()), size.new_zeros(()), size - 1.0])
    found.requires_grad_(True)
    optimiser = torch.optim.LBFGS([found], max_iter=100, line_search_fn="strong_wolfe")

    def unlikely() -> Tensor:
        optimiser.zero_grad()
        same = found[None, :, None].expand(1, -1, states.shape[-1])
        one = chain(same, smoothness=smoothness, halvings=halvings)
        value = -one.repeated(len(states)).log_density(states).sum() / states.numel()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(unlikely)  # type: ignore[no-untyped-call]
    return found.detach()
