r"""Hamiltonian Monte Carlo with parallel tempering: draws of many posteriors at once.

A state x is given a random momentum p and moved along the flow of

.. math:: H(x, p) = -\log \pi(x) + \tfrac12 p^T \Sigma p, \quad
          \dot x = \Sigma p, \quad \dot p = \nabla \log \pi(x)

by leapfrog steps; where it ends is accepted with probability :math:`\min(1, e^{-\Delta H})`, which
keeps :math:`\pi` exactly, whatever the steps. :math:`\Sigma` is near the covariance of :math:`\pi`:
in the warm-up it is learned from the states of all chains, and the length of a step by dual
averaging.

One mode is left for another where the likelihood is weak. So each chain runs on a ladder of powers,

.. math:: \pi_k(x) \propto \text{prior}(x) \, \text{likelihood}(x)^{\beta_k}, \quad \beta_0 = 1,

and after every move states of neighbouring rungs are exchanged, with the probability that keeps all
:math:`\pi_k`: :math:`\min(1, e^{(\beta_k - \beta_{k+1}) (\ell_{k+1} - \ell_k)})`. All posteriors,
rungs and chains move together: a step is one call of the density.

References
----------
Duane et al. (1987), doi:10.1016/0370-2693(87)91197-X; Neal (2011), MCMC using Hamiltonian dynamics,
doi:10.1201/b10905-6; Hoffman and Gelman (2014), The No-U-Turn sampler, section 3.2, for the
length of steps; Geyer (1991), Markov chain Monte Carlo maximum likelihood, for the ladder; Okabe et
al. (2001), doi:10.1016/S0009-2614(01)00055-0, for pairs that take turns
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from oceanbench.errors import OceanbenchError
from oceanbench.progress import progress

LogDensity = Callable[[Tensor], tuple[Tensor, Tensor]]

FIRST_STEP = 0.2
STAGES = ((0.05, 0.15), (0.2, 0.4), (0.5, 0.85))  # of the warm-up, that scales are learned from
JITTER = 0.2  # of the length of a step, either way: no chain returns to where it was
SHRINKAGE, DELAY, FORGETTING = 0.05, 10.0, 0.75  # of dual averaging


class Chains(NamedTuple):
    """What the chains found.

    Attributes
    ----------
    draws : (draws, posteriors, chains, size)
    acceptance : (posteriors,), mean probability of a move, of the posterior itself
    exchanges : (posteriors, rungs - 1), mean probability of an exchange
    """

    draws: Tensor
    acceptance: Tensor
    exchanges: Tensor


class Point(NamedTuple):
    """States, (posteriors, rungs, chains, size), with both logarithms and their gradients."""

    state: Tensor
    prior: Tensor
    likelihood: Tensor
    slope_of_prior: Tensor
    slope_of_likelihood: Tensor

    def value(self, powers: Tensor) -> Tensor:
        """Logarithm of the density of every rung."""
        return self.prior + powers[:, None] * self.likelihood

    def slope(self, powers: Tensor) -> Tensor:
        """Its gradient."""
        return self.slope_of_prior + powers[:, None, None] * self.slope_of_likelihood

    def where(self, taken: Tensor, other: Point) -> Point:
        """Return these chains where they are taken, and others elsewhere."""
        pairs = zip(self, other, strict=True)
        return Point(
            *(torch.where(taken.view(*taken.shape, *[1] * (a.ndim - 3)), a, b) for a, b in pairs)
        )


@dataclass
class StepLength:
    """Length of the steps of every rung, so that moves are accepted as often as is wanted."""

    wanted: float
    log: Tensor
    centre: Tensor
    misses: Tensor
    mean_log: Tensor
    count: int = 0

    @classmethod
    def at(cls, log: Tensor, wanted: float) -> StepLength:
        """Begin at some length."""
        return cls(wanted, log, log + math.log(2.0), torch.zeros_like(log), log)

    def learn(self, acceptance: Tensor) -> None:
        """Take the mean acceptance of a move into account."""
        self.count += 1
        part = 1.0 / (self.count + DELAY)
        self.misses = (1.0 - part) * self.misses + part * (self.wanted - acceptance)
        self.log = self.centre - math.sqrt(self.count) / SHRINKAGE * self.misses
        share = self.count**-FORGETTING
        self.mean_log = share * self.log + (1.0 - share) * self.mean_log


def sample(  # noqa: PLR0913  (every option is a keyword)
    prior: LogDensity,
    likelihood: LogDensity,
    first: Tensor,
    scale: Tensor,
    *,
    warm_up: int,
    draws: int,
    thin: int = 1,
    powers: Sequence[float] = (1.0,),
    leapfrogs: int = 8,
    acceptance: float = 0.8,
    random: torch.Generator,
) -> Chains:
    r"""Draws of posteriors, by chains that begin anywhere.

    Parameters
    ----------
    prior, likelihood : of states (posteriors, rungs, chains, size): the logarithm, but for a
        constant, without the last dimension, and its gradient; a state whose density is not finite
        is never moved to
    first : (posteriors, chains, size), where the chains begin
    scale : (posteriors, size, size), lower triangular, a first root of the covariance
    warm_up : moves to learn from, which are not draws
    draws : of each chain
    thin : moves from one draw to the next
    powers : of the likelihood, from 1 down, all positive
    leapfrogs : steps of a move at most; it has a random number of them, from half as many on
    acceptance : mean probability of a move that the steps are made for
    random : of everything

    Raises
    ------
    OceanbenchError
        if powers do not fall from 1 and stay above 0, or the density is not finite where a chain
        begins
    """
    heat = first.new_tensor(powers)
    if not (heat[0] == 1.0 and (heat.diff() < 0).all() and heat[-1] > 0.0):
        raise OceanbenchError(
            f"tempering: powers are {tuple(powers)}, expected 1 and then less, all above 0"
        )
    point = _point(prior, likelihood, first[:, None].expand(-1, len(heat), -1, -1))
    if not point.value(heat).isfinite().all():
        raise OceanbenchError("Hamiltonian Monte Carlo: a chain begins where there is no density")
    scale = scale[:, None] / heat.sqrt()[:, None, None]
    covariance = scale @ scale.mT
    length = StepLength.at(torch.full_like(scale[..., 0, 0], math.log(FIRST_STEP)), acceptance)
    stages = [(round(start * warm_up), round(end * warm_up)) for start, end in STAGES]
    seen: list[Tensor] = []
    found: list[Tensor] = []
    accepted, exchanged = torch.zeros_like(length.log), torch.zeros_like(length.log[:, 1:])
    tried = torch.zeros_like(heat[1:])
    for move in progress(range(warm_up + thin * draws), "moves"):
        learning = move < warm_up
        jitter = 1.0 + JITTER * (2.0 * float(torch.rand((), generator=random)) - 1.0)
        step = jitter * (length.log if learning else length.mean_log).exp()
        count = int(torch.randint((leapfrogs + 1) // 2, leapfrogs + 1, (), generator=random))
        white = torch.randn(point.state.shape, generator=random, dtype=first.dtype)
        momentum = torch.linalg.solve_triangular(scale, white, upper=False, left=False)
        flow = covariance * step[..., None, None]
        moved, momentum = _leapfrog(prior, likelihood, point, momentum, heat, step, flow, count)
        kinetic = 0.5 * ((momentum @ scale) ** 2 - white**2).sum(-1)
        change = moved.value(heat) - point.value(heat) - kinetic
        chance = change.nan_to_num(-torch.inf, posinf=-torch.inf).clamp(max=0.0).exp()
        point = moved.where(_happens(chance, random), point)
        point, swap = _exchanged(point, heat, move % 2, random)
        if learning:
            length.learn(chance.mean(-1))
            if any(start <= move < end for start, end in stages):
                seen.append(point.state)
            if seen and move + 1 in [end for _, end in stages]:
                covariance, seen = _learned(torch.stack(seen), covariance), []
                scale = torch.linalg.cholesky(covariance)
                length = StepLength.at(length.mean_log, acceptance)
        else:
            accepted += chance.mean(-1)
            exchanged[:, move % 2 :: 2] += swap.mean(-1)
            tried[move % 2 :: 2] += 1.0
            if (move - warm_up) % thin == thin - 1:
                found.append(point.state[:, 0])
    return Chains(torch.stack(found), accepted[:, 0] / (thin * draws), exchanged / tried)


def _point(prior: LogDensity, likelihood: LogDensity, state: Tensor) -> Point:
    before, seen = prior(state), likelihood(state)
    return Point(state, before[0], seen[0], before[1], seen[1])


def _happens(chance: Tensor, random: torch.Generator) -> Tensor:
    """Whether what has a probability happens."""
    return torch.rand(chance.shape, generator=random, dtype=chance.dtype) < chance


def _leapfrog(
    prior: LogDensity,
    likelihood: LogDensity,
    point: Point,
    momentum: Tensor,
    heat: Tensor,
    step: Tensor,
    flow: Tensor,
    count: int,
) -> tuple[Point, Tensor]:
    """Where so many steps lead, and the momentum there; ``flow`` is the covariance times a step."""
    half = 0.5 * step[..., None, None]
    for _ in range(count):
        momentum = momentum + half * point.slope(heat)
        point = _point(prior, likelihood, point.state + momentum @ flow)
        momentum = momentum + half * point.slope(heat)
    return point, momentum


def _exchanged(
    point: Point, heat: Tensor, first: int, random: torch.Generator
) -> tuple[Point, Tensor]:
    """Exchange pairs of rungs, from the first on, and their probabilities of that."""
    rungs = torch.arange(len(heat))
    lower = rungs[first:-1:2]
    apart = point.likelihood[:, lower + 1] - point.likelihood[:, lower]
    chance = ((heat[lower] - heat[lower + 1])[:, None] * apart).clamp(max=0.0).exp()
    happens = _happens(chance, random)
    taken = torch.zeros_like(point.likelihood, dtype=torch.bool)
    taken[:, lower], taken[:, lower + 1] = happens, happens
    partner = rungs.clone()
    partner[lower], partner[lower + 1] = lower + 1, lower
    return Point(*(values[:, partner] for values in point)).where(taken, point), chance


def _learned(seen: Tensor, covariance: Tensor) -> Tensor:
    """Covariance of states (moves, posteriors, rungs, chains, size).

    It is drawn to the one before, which weighs as much as ``size`` states.
    """
    flat = seen.movedim(0, -2).flatten(2, 3)
    count, size = flat.shape[-2:]
    away = flat - flat.mean(-2, keepdim=True)
    return (away.mT @ away + size * covariance) / (count + size)
