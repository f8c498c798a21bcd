"""Finite-size ensemble Kalman filter: the inflation follows from the innovations of each cycle.

Nothing is tuned but the number of members: what sampling leaves unsure of their mean and covariance
is integrated out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.cycling import CycledMembers, CycleObservations, Problem
from oceanbench.assimilation.ensemble.finite_size import inflation
from oceanbench.assimilation.ensemble.transforms import applied, etkf, inflated, rotated, scaled

KINDS = ("cycles",)
PHYSICS = "told"
REFERENCE = "Bocquet (2011) doi:10.5194/npg-18-735-2011"


class Memory(NamedTuple):
    """What is carried from cycle to cycle."""

    members: CycledMembers
    random: np.random.Generator


def start(problem: Problem, *, device: str, seed: int, members: int = 40) -> Memory:
    """Begin with as many members of the first background, or of the climate beyond it.

    Parameters
    ----------
    problem : with its climate
    device : not used
    seed : of the rotations, and of the members that the first background lacks
    members : that run the model
    """
    run = CycledMembers.of(problem, members, seed=seed)
    return Memory(run, np.random.default_rng(seed))


def analyse(
    background: FloatArray, observations: CycleObservations, memory: Memory
) -> tuple[FloatArray, Memory]:
    """Members inflated by what the innovations say, and drawn to the observations."""
    found = memory.members.taken(background)
    if observations.values.size:
        predicted = found[:, observations.components]
        spread, departure = scaled(predicted, observations.values, observations.variance)
        factor = inflation(spread, departure)
        weights = etkf(factor * spread, departure)
        found = applied(inflated(found, factor), rotated(weights, memory.random))
    return found, memory
