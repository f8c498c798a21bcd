"""Deterministic ensemble Kalman filter: the deviations of the members are drawn by half the gain.

Nothing is drawn at random; to first order in the gain the covariance is that of the Kalman filter,
and a little larger beyond.
"""

from __future__ import annotations

from typing import NamedTuple

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.cycling import CycledMembers, CycleObservations, Problem
from oceanbench.assimilation.ensemble.transforms import applied, denkf, inflated, scaled

KINDS = ("cycles",)
PHYSICS = "told"
REFERENCE = "Sakov and Oke (2008) doi:10.1111/j.1600-0870.2007.00299.x"


class Memory(NamedTuple):
    """What is carried from cycle to cycle."""

    members: CycledMembers
    inflation: float


def start(
    problem: Problem, *, device: str, seed: int, members: int = 40, inflation: float = 1.01
) -> Memory:
    """Begin with as many members of the first background, or of the climate beyond it.

    Parameters
    ----------
    problem : with its climate
    device : not used
    seed : of the members that the first background lacks
    members : that run the model
    inflation : factor of their deviations, before each analysis
    """
    run = CycledMembers.of(problem, members, seed=seed)
    return Memory(run, inflation)


def analyse(
    background: FloatArray, observations: CycleObservations, memory: Memory
) -> tuple[FloatArray, Memory]:
    """Members drawn to the observations."""
    found = inflated(memory.members.taken(background), memory.inflation)
    if observations.values.size:
        predicted = found[:, observations.components]
        weights = denkf(*scaled(predicted, observations.values, observations.variance))
        found = applied(found, weights)
    return found, memory
