"""Iterative ensemble Kalman smoother: members of some cycles ago are moved to fit what is seen now.

A variational analysis over a lag whose gradients come from the members. It asks for as many times
more steps of the model as the lag has cycles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.cycling import CycledMembers, CycleObservations, Localisation, Problem
from oceanbench.assimilation.ensemble.iterative import SeenNow, Window, slid, smoothed
from oceanbench.errors import OceanbenchError

KINDS = ("cycles",)
PHYSICS = "told"
REFERENCE = "Bocquet and Sakov (2014) doi:10.1002/qj.2236"


@dataclass
class Memory:
    """What is carried from cycle to cycle."""

    problem: Problem
    members: CycledMembers
    inflation: float
    lag: int
    iterations: int
    localisation: Localisation | None
    random: np.random.Generator
    window: Window | None = None


def start(
    problem: Problem,
    *,
    device: str,
    seed: int,
    members: int = 20,
    inflation: float = 1.02,
    lag: int = 10,
    iterations: int = 1,
    localisation: float = 22.0,
) -> Memory:
    """Begin with as many members of the first background, or of the climate beyond it.

    Parameters
    ----------
    problem : whose model runs through the lag
    device : not used
    seed : of the rotations, and of the members that the first background lacks
    members : that run the model
    inflation : factor of their deviations, before each analysis
    lag : cycles from the start of the window to its end
    iterations : Gauss-Newton steps of an analysis
    localisation : distance from which on observations have no weight; 0 for none
    """
    if not 0 <= lag <= problem.cycles or iterations < 1:
        raise OceanbenchError(
            f"ienks: lag={lag}, iterations={iterations}; expected a lag of 0 to {problem.cycles}, "
            "the cycles of a world, and at least 1 iteration"
        )
    nearby = Localisation.of(problem, localisation) if localisation > 0.0 else None
    random = np.random.default_rng(seed)
    run = CycledMembers.of(problem, members, seed=seed)
    return Memory(problem, run, inflation, lag, iterations, nearby, random)


def analyse(
    background: FloatArray, observations: CycleObservations, memory: Memory
) -> tuple[FloatArray, Memory]:
    """Members that the moved ones of some cycles ago have become."""
    found, own = memory.members.taken(background), memory
    window = own.window or Window(found, 0)
    if observations.values.size:
        index, nearby = observations.components, own.localisation
        found, window = smoothed(
            window,
            found,
            SeenNow(observations.values, observations.variance, lambda members: members[:, index]),
            own.problem.advance,
            iterations=own.iterations,
            inflation=own.inflation,
            taper=None if nearby is None else nearby.weights(index),
            where=None if nearby is None else nearby.shared,
            random=own.random,
        )
    own.window = slid(window, own.lag, own.problem.advance)
    return found, own
