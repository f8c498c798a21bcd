"""Ensemble transform Kalman filter: a square root, with random rotations of the members.

All observations act on all components, so the members must outnumber the directions in which errors
grow.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.cycling import CycledMembers, CycleObservations, Problem
from oceanbench.assimilation.ensemble.transforms import applied, etkf, inflated, rotated, scaled

KINDS = ("cycles",)
PHYSICS = "told"
REFERENCE = "Bishop et al. (2001) doi:10.1175/1520-0493(2001)129<0420:ASWTET>2.0.CO;2"


class Memory(NamedTuple):
    """What is carried from cycle to cycle."""

    members: CycledMembers
    inflation: float
    random: np.random.Generator


def start(
    problem: Problem, *, device: str, seed: int, members: int = 40, inflation: float = 1.01
) -> Memory:
    """Begin with as many members of the first background, or of the climate beyond it.

    Parameters
    ----------
    problem : with its climate
    device : not used
    seed : of the rotations, and of the members that the first background lacks
    members : that run the model
    inflation : factor of their deviations, before each analysis
    """
    run = CycledMembers.of(problem, members, seed=seed)
    return Memory(run, inflation, np.random.default_rng(seed))


def analyse(
    background: FloatArray, observations: CycleObservations, memory: Memory
) -> tuple[FloatArray, Memory]:
    """Members drawn to the observations."""
    found = inflated(memory.members.taken(background), memory.inflation)
    if observations.values.size:
        predicted = found[:, observations.components]
        weights = etkf(*scaled(predicted, observations.values, observations.variance))
        found = applied(found, rotated(weights, memory.random))
    return found, memory
