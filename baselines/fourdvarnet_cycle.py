r"""4DVarNet of a lag: one state, the end of the run that fits the last cycles and a learned prior.

At every cycle, Gauss-Newton steps lower

.. math:: J(x_0) = \tfrac12 \alpha_o^2 \sum_l \| y_l - H_l M_l(x_0) \|^2_{R^{-1}}
        + \tfrac12 \| W(x_b) \, (x_0 - x_b - \mu(x_b)) \|^2

of the first state of a window of some cycles (:mod:`oceanbench.assimilation.fourdvarnet.cycles`).
What the background tells of its own errors, their mean and their inverse covariance
:math:`W^T W`, is learned in cycles that the method drives itself. No ensemble is run; the Jacobians
of the model cost as many steps as there are components.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.cycling import CycleObservations, Problem
from oceanbench.assimilation.fourdvarnet.cycles.lag_window import LagSolver, LagWindow
from oceanbench.assimilation.fourdvarnet.cycles.training import LagTraining, train_lag
from oceanbench.dynamics.models import model
from oceanbench.errors import OceanbenchError

KINDS = ("cycles",)
PHYSICS = "told"
LEARNS_FROM = "simulation"  # worlds that the model told runs, or other worlds of the same nature
REFERENCE = "Fablet et al. (2021) doi:10.1029/2021MS002572"
TRAINING = LagTraining()


class Memory(NamedTuple):
    """What is carried from cycle to cycle."""

    problem: Problem
    solver: LagSolver
    window: LagWindow | None


def train(
    inputs: Mapping[str, xr.Dataset],
    *,
    device: str,
    seed: int,
    lag: int = 10,
    iterations: int = 1,
    fresh: int = 1,
    first_error: float = 0.3,
    replayed: bool = False,
    steps: int = 0,
) -> dict[str, torch.Tensor]:
    """Learn the prior in worlds that the model told runs from states of the training worlds.

    Parameters
    ----------
    inputs : states and observations of role ``training``
    device : of torch
    seed : of the weights, the states and the noise
    lag : cycles from the first state of the window to the last
    iterations : Gauss-Newton steps of an analysis
    fresh : newest intervals whose Jacobians every step makes again
    first_error : deviation of the background's errors, before training
    replayed : learn in the training worlds but the last, which then validates alone: where the
        model is not nature's
    steps : of the training; 0 as many as usual
    """
    solver = replace(
        TRAINING.solver, lag=lag, iterations=iterations, fresh=fresh, first_error=first_error
    )
    training = replace(TRAINING, solver=solver, steps=steps or TRAINING.steps, replayed=replayed)
    return train_lag(inputs, training, seed=seed, device=device)


def start(
    problem: Problem, *, device: str, seed: int, weights: Mapping[str, torch.Tensor]
) -> Memory:
    """Solver of the weights, in double precision.

    Parameters
    ----------
    problem : whose model is told
    device, seed : not used: a state is too small for a device
    weights : that ``train`` found
    """
    name, parameters = problem.model
    told = model(name, problem.interval, **parameters)
    solver = LagSolver.of_weights({k: value.cpu() for k, value in weights.items()}, told)
    if solver.configuration.lag > problem.cycles:
        raise OceanbenchError(
            f"fourdvarnet_cycle: weights of lag={solver.configuration.lag}, and a world has "
            f"{problem.cycles} cycles; expected no more: train with a shorter lag"
        )
    return Memory(problem, solver.to(torch.float64), None)


def analyse(
    background: FloatArray, observations: CycleObservations, memory: Memory
) -> tuple[FloatArray, Memory]:
    """End of the run that fits the window."""
    state = background.mean(0)
    values, seen = np.zeros(state.size), np.zeros(state.size, dtype=bool)
    values[observations.components], seen[observations.components] = observations.values, True
    given = torch.as_tensor(state)[None]
    with torch.inference_mode():
        window = memory.window or LagWindow.begun(given, memory.solver.configuration.lag)
        window = window.slid(given, torch.as_tensor(values)[None], torch.as_tensor(seen)[None])
        found, window = memory.solver(window)
    memory.problem.ran(memory.solver.steps_of(state.size))
    return found.numpy(), memory._replace(window=window)
