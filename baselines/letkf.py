"""Local ensemble transform Kalman filter: each component is analysed by the observations near it.

So few members do: what they span need only be right within the taper. Components that lie at one
place share an analysis.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.cycling import CycledMembers, CycleObservations, Localisation, Problem
from oceanbench.assimilation.ensemble.transforms import (
    applied,
    etkf,
    inflated,
    local,
    relaxed,
    rotated,
    scaled,
    shared,
)

KINDS = ("cycles",)
PHYSICS = "told"
REFERENCE = "Hunt et al. (2007) doi:10.1016/j.physd.2006.11.008"


class Memory(NamedTuple):
    """What is carried from cycle to cycle."""

    members: CycledMembers
    inflation: float
    localisation: Localisation
    relaxation: float
    random: np.random.Generator


def start(
    problem: Problem,
    *,
    device: str,
    seed: int,
    members: int = 10,
    inflation: float = 1.02,
    localisation: float = 14.0,
    relaxation: float = 0.0,
) -> Memory:
    """Begin with as many members of the first background, or of the climate beyond it.

    Parameters
    ----------
    problem : with its climate, whose components have places
    device : not used
    seed : of the rotations, and of the members that the first background lacks
    members : that run the model
    inflation : factor of their deviations, before each analysis
    localisation : distance from which on observations have no weight
    relaxation : share of the deviations before an analysis that is kept; 0 for none
    """
    nearby = Localisation.of(problem, localisation)
    run = CycledMembers.of(problem, members, seed=seed)
    return Memory(run, inflation, nearby, relaxation, np.random.default_rng(seed))


def analyse(
    background: FloatArray, observations: CycleObservations, memory: Memory
) -> tuple[FloatArray, Memory]:
    """Members drawn, component by component, to the observations near it."""
    found = inflated(memory.members.taken(background), memory.inflation)
    if observations.values.size:
        seen, nearby = observations.components, memory.localisation
        spread, departure = scaled(found[:, seen], observations.values, observations.variance)
        weights = etkf(*local(spread, departure, nearby.weights(seen)))
        if memory.relaxation:
            weights = relaxed(weights, memory.relaxation)
        found = applied(found, shared(rotated(weights, memory.random), nearby.shared))
    return found, memory
