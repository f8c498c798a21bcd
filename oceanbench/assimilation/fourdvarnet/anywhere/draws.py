r"""Draws of the error of an estimate: the same problem, solved for errors alone.

The cost of the solver is :math:`\tfrac12 \| F v - b \|^2`. If it is minus the logarithm of a
density, errors of its minimum have the covariance :math:`(F^T F)^{-1}`, and

.. math:: v_k = (F^T F)^{-1} F^T \varepsilon_k, \qquad \varepsilon_k \sim \mathcal N(0, I)

that make :math:`\tfrac12 \| F v - \varepsilon_k \|^2` least are draws of them: small where
altimeters passed, large where the network expects large errors. The training finds the minimum, and
says nothing of the size of J; one factor, learned on the scenes that choose the weights, makes
draws as large as errors are there. Errors :math:`\varepsilon_k` belong to places and days, so that
windows that share a day draw alike.

References
----------
Bardsley, Solonen, Haario and Laine (2014), Randomize-then-optimize, doi:10.1137/140964023: exact
for linear problems
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.anywhere.network import IncrementNetwork
from oceanbench.assimilation.fourdvarnet.anywhere.scaling import DAY_WEIGHTS, Scaled
from oceanbench.assimilation.fourdvarnet.anywhere.window_sampler import Drawn
from oceanbench.assimilation.fourdvarnet.maps.window_estimates import every_window
from oceanbench.assimilation.fourdvarnet.solver import FourDVarNet
from oceanbench.errors import OceanbenchError

CALIBRATING = 6  # draws of every window


@dataclass(frozen=True)
class Errors:
    """Standard normal errors of observations and of the prior.

    Attributes
    ----------
    observed : (…, days, rows, columns)
    prior : (…, scales, days, rows and columns of nodes)
    """

    observed: Tensor
    prior: Tensor

    @classmethod
    def drawn(cls, solver: FourDVarNet, shape: tuple[int, ...], random: torch.Generator) -> Errors:
        """Errors of a series (…, days, rows, columns)."""
        bumps = solver.bumps.on(shape[-3:])
        sizes = (*shape[:-3], len(bumps.scales), shape[-3], *bumps.nodes)
        observed = torch.randn(shape, generator=random)
        return cls(observed, torch.randn(sizes, generator=random))

    def windows(self, days: int, chosen: slice) -> Errors:
        """Errors of some of a series' windows of so many days."""
        scales = [every_window(scale, days)[chosen] for scale in self.prior]
        return Errors(every_window(self.observed, days)[chosen], torch.stack(scales, 1))


def deviations(network: IncrementNetwork, scaled: Scaled, errors: Errors) -> Tensor:
    """Draws of the error (batch, answered days, rows, columns), in the unit of the windows.

    Parameters
    ----------
    network : a trained solver
    scaled : windows
    errors : of every window
    """
    c, device = network.configuration, scaled.innovation.device
    solver = solver_of(network)
    problem = solver.problem(
        scaled.innovation,
        scaled.weight,
        torch.zeros_like(scaled.innovation),
        context=scaled.context,
        passes=scaled.passes,
    )
    seen = (scaled.weight > 0).to(scaled.weight.dtype)
    target = (seen * errors.observed.to(device), errors.prior.flatten(1, 2).to(device))
    controls = replace(problem, target=target).solved(c.applied)
    field = solver.correction * problem.size * problem.bumps.forward(controls)
    drawn = network.spread * scaled.unit * field * scaled.sea
    return drawn[:, c.half - c.reach : c.half + c.reach + 1]


def solver_of(network: IncrementNetwork) -> FourDVarNet:
    """Solver of a network; refused if it is the control, which has no cost."""
    if not isinstance(network.made, FourDVarNet):
        raise OceanbenchError(
            "members: this network has no cost of which to draw; train with update=conjugate"
        )
    return network.made


def calibrated(network: IncrementNetwork, checked: Drawn, at_once: int) -> float:
    """Factor that makes draws as large as errors: geometric mean over windows of their ratio.

    Parameters
    ----------
    network : trained, on the device of the windows, whose factor is one
    checked : windows it has not learned from
    at_once : windows in memory
    """
    solver, random = solver_of(network), torch.Generator().manual_seed(0)
    ratios = []
    for first in range(0, len(checked.error), at_once):
        part = checked.some(slice(first, first + at_once))
        scaled = part.windows.scaled()
        with torch.no_grad():
            left = part.error - network(scaled)
            shape = tuple(scaled.innovation.shape)
            squares = torch.stack(
                [
                    deviations(network, scaled, Errors.drawn(solver, shape, random)).square()
                    for _ in range(CALIBRATING)
                ]
            ).mean(0)
        days = torch.tensor(DAY_WEIGHTS, device=left.device)[:, None, None]
        sums = [(days * scaled.sea * s).sum((1, 2, 3)) for s in (left.square(), squares)]
        there = (sums[0] > 0) & (sums[1] > 0)
        ratios.append((sums[0][there] / sums[1][there]).log())
    return float((0.5 * torch.cat(ratios).mean()).exp())
