"""Hybrid of members and climate: a deterministic filter whose gain has a static covariance too.

A few members tell where errors are now, the climate's covariance what few members cannot know.
"""

from __future__ import annotations

from typing import NamedTuple

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.cycling import (
    ClimateCovariance,
    CycledMembers,
    CycleObservations,
    Localisation,
    Problem,
)
from oceanbench.assimilation.ensemble.static import hybrid
from oceanbench.assimilation.ensemble.transforms import inflated

KINDS = ("cycles",)
PHYSICS = "told"
REFERENCE = "Hamill and Snyder (2000) doi:10.1175/1520-0493(2000)128<2905:AHEKFV>2.0.CO;2"


class Memory(NamedTuple):
    """What is carried from cycle to cycle."""

    members: CycledMembers
    inflation: float
    weight: float
    static: ClimateCovariance
    localisation: Localisation | None


def start(
    problem: Problem,
    *,
    device: str,
    seed: int,
    members: int = 20,
    inflation: float = 1.04,
    weight: float = 0.1,
    share: float = 0.01,
    localisation: float = 0.0,
) -> Memory:
    """Begin with as many members of the first background, or of the climate beyond it.

    Parameters
    ----------
    problem : with its climate
    device : not used
    seed : of the members that the first background lacks
    members : that run the model
    inflation : factor of their deviations, before each analysis
    weight : of the static covariance; the members' has the rest
    share : of the covariance of the climate that is the static one
    localisation : distance from which on components do not covary; 0 for none
    """
    nearby = Localisation.of(problem, localisation) if localisation > 0.0 else None
    static = ClimateCovariance.of(problem, share=share, localisation=localisation)
    run = CycledMembers.of(problem, members, seed=seed)
    return Memory(run, inflation, weight, static, nearby)


def analyse(
    background: FloatArray, observations: CycleObservations, memory: Memory
) -> tuple[FloatArray, Memory]:
    """Members drawn to the observations by both covariances."""
    found = inflated(memory.members.taken(background), memory.inflation)
    if observations.values.size:
        index, nearby = observations.components, memory.localisation
        found = hybrid(
            found,
            memory.static.rows(index),
            observations.values,
            index,
            observations.variance,
            share=memory.weight,
            taper=None if nearby is None else nearby.rows(index),
        )
    return found, memory
