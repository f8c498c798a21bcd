"""Hybrid of members and climate: a deterministic filter whose gain has a static covariance too.

A few members tell where errors are now, the climate's covariance what few members cannot know.
"""

from __future__ import annotations

from typing import NamedTuple

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.cycling import CycleObservations, Problem, climate_covariance
from oceanbench.assimilation.ensemble.static import hybrid
from oceanbench.assimilation.ensemble.transforms import inflated

KINDS = ("cycles",)
PHYSICS = "told"
REFERENCE = "Hamill and Snyder (2000) doi:10.1175/1520-0493(2000)128<2905:AHEKFV>2.0.CO;2"


class Memory(NamedTuple):
    """What is carried from cycle to cycle."""

    members: int
    inflation: float
    weight: float
    static: FloatArray


def start(
    problem: Problem,
    *,
    device: str,
    seed: int,
    members: int = 20,
    inflation: float = 1.04,
    weight: float = 0.1,
    share: float = 0.01,
) -> Memory:
    """Begin with as many members of the first background.

    Parameters
    ----------
    problem : with its climate
    device, seed : not used
    members : that run the model
    inflation : factor of their deviations, before each analysis
    weight : of the static covariance; the members' has the rest
    share : of the covariance of the climate that is the static one
    """
    return Memory(members, inflation, weight, share * climate_covariance(problem))


def analyse(
    background: FloatArray, observations: CycleObservations, memory: Memory
) -> tuple[FloatArray, Memory]:
    """Members drawn to the observations by both covariances."""
    found = inflated(background[: memory.members], memory.inflation)
    if observations.values.size:
        seen = observations.values, observations.components, observations.variance
        found = hybrid(found, memory.static, *seen, share=memory.weight)
    return found, memory
