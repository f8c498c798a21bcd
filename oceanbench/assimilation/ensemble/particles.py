r"""Particle smoother: draws of the posterior of a window, of any model with additive noise.

For a state that follows :math:`x_{k+1} = M(x_k) + \eta_k`, :math:`\eta_k \sim N(0, Q)` with a
diagonal :math:`Q`, a bootstrap filter carries particles forward and resamples them
(systematically) where there are observations. Trajectories are then drawn backward: given its state
at :math:`k + 1`, a trajectory was at particle :math:`i` before with probability

.. math:: P(i) \propto \exp\bigl( -\tfrac12 \lVert x_{k+1} - M(x_k^i) \rVert^2_{Q^{-1}} \bigr),

which is drawn exactly, by rejection. As the number of particles grows this is the posterior itself,
whatever its shape: a reference to compare others with, for systems of few components.

References
----------
Gordon, Salmond and Smith (1993), doi:10.1049/ip-f-2.1993.0015;
Godsill, Doucet and West (2004), doi:10.1198/016214504000000151, for backward simulation;
Douc et al. (2011), doi:10.1214/10-AAP735, for rejection
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from oceanbench.assimilation.window_batches import Windows
from oceanbench.errors import OceanbenchError

PROPOSALS = (32, 128, 512, 2048)  # for a draw, then the probabilities of all are computed


class Smoothed(NamedTuple):
    """What a smoother finds of one window.

    Attributes
    ----------
    draws : (draws, times, components), trajectories that are equally likely
    effective_size : (times,), 1 over the sum of the squared weights of the particles that an
        observation gives them; all of them where there is none
    """

    draws: Tensor
    effective_size: Tensor


def smooth(
    window: Windows,
    first: Tensor,
    advance: Callable[[Tensor], Tensor],
    process_variance: Tensor,
    *,
    particles: int,
    draws: int,
    random: torch.Generator,
) -> Smoothed:
    """Draws of the posterior of one window.

    Parameters
    ----------
    window : one, with its observations
    first : (states, components), draws of the prior at the first time; more than the particles
        where its observations leave few of them
    advance : states (..., components) from one time to the next, without noise
    process_variance : (components,), of the noise of one interval, positive
    particles : of the filter
    draws : trajectories to draw, at most as many as particles
    random : of everything, on the device of the states

    Raises
    ------
    OceanbenchError
        if there is not one window, the noise has no variance, or no particle is near what is
        observed
    """
    if len(window) != 1 or not 0 < draws <= particles or not (process_variance > 0).all():
        raise OceanbenchError(
            f"particle smoother: {len(window)} windows, {draws} draws of {particles} particles, "
            f"process variance {process_variance.tolist()}; expected one window, at most as many "
            "draws as particles, and a positive variance"
        )
    states, means, sizes = _filtered(window, first, advance, process_variance, particles, random)
    chosen = torch.randperm(len(states), generator=random, device=states.device)[:draws]
    path = [states[chosen]]
    for before, mean in means[::-1]:
        origin = _origins(path[-1], mean, process_variance, random)
        path.append(before[origin])
    return Smoothed(torch.stack(path[::-1], 1), sizes)


def _filtered(
    window: Windows,
    first: Tensor,
    advance: Callable[[Tensor], Tensor],
    process_variance: Tensor,
    particles: int,
    random: torch.Generator,
) -> tuple[Tensor, list[tuple[Tensor, Tensor]], Tensor]:
    """Last particles; those of every time before, with what the model makes of them; sizes."""
    states, earlier, sizes = first, [], []
    for time in range(window.values.shape[1]):
        if time:
            mean = advance(states)
            earlier.append((states, mean))
            noise = torch.randn(mean.shape, generator=random, dtype=mean.dtype, device=mean.device)
            states = mean + process_variance.sqrt() * noise
        seen = window.observed[0, time]
        size = torch.tensor(float(len(states)), dtype=torch.float64)
        if bool(seen.any()):
            misfit = window.values[0, time, seen] - states[:, seen]
            weight = torch.softmax(-0.5 * (misfit**2 / window.variance[seen]).sum(-1), 0)
            size = 1.0 / (weight**2).sum().cpu()
            if not bool(size.isfinite()):
                raise OceanbenchError(
                    f"particle smoother: no particle is near the observations of time {time}; "
                    "take more, or a wider prior"
                )
            states = states[_systematic(weight, particles, random)]
        elif len(states) != particles:
            states = states[_systematic(torch.ones_like(states[:, 0]), particles, random)]
        sizes.append(size)
    return states, earlier, torch.stack(sizes)


def _systematic(weight: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Numbers of ``count`` particles, each as often as its weight says, but for a fraction."""
    total = weight.cumsum(0)
    start = torch.rand(1, generator=random, dtype=total.dtype, device=total.device)
    at = (torch.arange(count, dtype=total.dtype, device=total.device) + start) / count
    return torch.searchsorted(total, at * total[-1]).clamp_max(len(weight) - 1)


def _origins(after: Tensor, mean: Tensor, variance: Tensor, random: torch.Generator) -> Tensor:
    """Number of the particle that each of some states (draws, components) came from."""
    result = torch.zeros(len(after), dtype=torch.long, device=after.device)
    pending = torch.arange(len(after), device=after.device)
    for count in PROPOSALS:
        shape = (len(pending), count)
        proposed = torch.randint(len(mean), shape, generator=random, device=after.device)
        density = _density(after[pending, None], mean[proposed], variance)
        uniform = torch.rand(shape, generator=random, dtype=after.dtype, device=after.device)
        accepted = uniform < density
        found = accepted.any(1)
        place = accepted[found].to(torch.uint8).argmax(1)  # the first of them
        result[pending[found]] = proposed[found].gather(1, place[:, None])[:, 0]
        pending = pending[~found]
        if not len(pending):
            return result
    for number in pending.tolist():
        misfit = ((after[number] - mean) ** 2 / variance).sum(-1)
        weight = torch.softmax(-0.5 * misfit, 0)
        result[number] = torch.multinomial(weight, 1, generator=random)[0]
    return result


def _density(after: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Of states after an interval, relative to its maximum."""
    return torch.exp(-0.5 * ((after - mean) ** 2 / variance).sum(-1))
