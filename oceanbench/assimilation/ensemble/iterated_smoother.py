r"""Iterated ensemble smoother of whole windows, whose model may be driven by noise.

What is unknown of a window is one vector: its first state and the noise of every interval. Members
:math:`X` (members, unknowns) are draws of their prior, and :math:`g(X)` what they predict of the
observations, in units of the observations' noise. With :math:`A` and :math:`Y` the deviations of
both from their means, over :math:`\sqrt{N - 1}`, each member's weights :math:`W` of the prior's
deviations are moved by damped Gauss-Newton steps,

.. math:: X_i = X_0 + W_i A, \quad S_i = \Omega_i^{-1} Y_i, \quad
    \Omega_i = I + (I - 1 1^T / N) \, W_i / \sqrt{N - 1}

.. math:: W_{i+1} = W_i + \gamma \bigl( (D + W_i S_i - g(X_i)) \, (S_i^T S_i + I)^{-1} S_i^T
    - W_i \bigr),

to the minima of costs whose observations :math:`D` are perturbed, each with its own noise: draws of
the posterior where all is linear, which one whole step (:math:`\gamma = 1`) reaches then. What the
members predict is regressed on all of them at once, wherever they have gone. Where unknowns are
fewer than members, the part of :math:`Y` that no deviation of theirs explains is left out.

References
----------
Evensen et al. (2019), doi:10.3389/fams.2019.00047;
Raanes et al. (2019), doi:10.5194/npg-26-325-2019
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from oceanbench.assimilation.window_batches import Windows

Advance = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class DrivenRuns:
    """What members of unknowns become.

    Attributes
    ----------
    advance : states (..., components) -> an interval later
    deviation : of the noise that is added after every interval; 0 for none
    times, components : of a window
    """

    advance: Advance
    deviation: float
    times: int
    components: int

    @property
    def unknowns(self) -> int:
        """How many a window has."""
        return self.components * (self.times if self.deviation else 1)

    def prior(self, first: Tensor, random: torch.Generator) -> Tensor:
        """Members (members, unknowns) of first states (members, components), with noise drawn."""
        rest = self.unknowns - self.components
        noise = torch.randn(len(first), rest, generator=random, dtype=first.dtype)
        return torch.cat([first, noise.to(first.device)], -1)

    def states(self, unknowns: Tensor) -> Tensor:
        """States (..., times, components) of unknowns (..., unknowns)."""
        count = unknowns.shape[-1] // self.components
        parts = unknowns.reshape(*unknowns.shape[:-1], count, self.components)
        state, *noise = parts.unbind(-2)
        found = [state]
        for time in range(1, self.times):
            state = self.advance(state)
            if self.deviation:
                state = state + self.deviation * noise[time - 1]
            found.append(state)
        return torch.stack(found, -2)


def iterated(
    windows: Windows,
    prior: Tensor,
    runs: DrivenRuns,
    *,
    iterations: int,
    step: float = 1.0,
    random: torch.Generator,
) -> Tensor:
    """Members of the states of windows.

    Parameters
    ----------
    windows : observations
    prior : (members, unknowns), the same for all windows
    runs : of the model
    iterations : Gauss-Newton steps, each a run of all members, and one run more
    step : of them, 0 to 1
    random : of the noise of the observations, the same for all windows

    Returns
    -------
    (windows, members, times, components)
    """
    count, size = len(windows), len(prior)
    root = math.sqrt(size - 1)
    like = windows.values[0]
    noise = torch.randn(size, *like.shape, generator=random, dtype=like.dtype).to(like.device)
    scale = windows.observed / windows.variance.sqrt()
    told = (scale * windows.values)[:, None] + windows.observed[:, None] * _centred(noise, 0)
    told, scale = told.flatten(-2), scale.flatten(-2)[:, None]
    deviations = _centred(prior, 0) / root
    weights = prior.new_zeros(count, size, size)
    eye = torch.eye(size, dtype=prior.dtype, device=prior.device)
    for _ in range(iterations):
        predicted = scale * runs.states(prior + weights @ deviations).flatten(-2)
        spread = _centred(predicted, -2) / root
        omega = eye + _centred(weights, -2) / root
        if runs.unknowns < size - 1:
            moved = torch.linalg.qr(omega @ deviations).Q
            spread = moved @ (moved.mT @ spread)
        spread = torch.linalg.solve(omega, spread)
        wanted = (told + weights @ spread - predicted) @ spread.mT
        found = torch.linalg.solve(spread @ spread.mT + eye, wanted, left=False)
        weights = weights + step * (found - weights)
    return runs.states(prior + weights @ deviations)


def _centred(members: Tensor, dim: int) -> Tensor:
    return members - members.mean(dim, keepdim=True)
