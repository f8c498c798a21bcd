"""Optimal interpolation of what was observed, from the climate: what cycling has to beat.

The background is the mean of the climate and its error the climate's covariance; no model runs. By
default each cycle is analysed alone; with a memory, by the observations of some cycles before too.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.cycling import ClimateCovariance, CycleObservations, Problem
from oceanbench.assimilation.ensemble.static import SeenAtATime, analysed, remembered
from oceanbench.errors import OceanbenchError

KINDS = ("cycles",)
MOST_OBSERVATIONS = 10_000  # of an analysis: a covariance of 800 MB


@dataclass
class Memory:
    """Mean (components,) and covariance of the climate; what was seen in the last cycles."""

    mean: FloatArray
    covariance: ClimateCovariance
    past: int
    memory: float
    cycle: int = 0
    seen: list[SeenAtATime] = field(default_factory=list)


def start(
    problem: Problem,
    *,
    device: str,
    seed: int,
    past: int = 0,
    memory: float = 10.0,
    localisation: float = 0.0,
) -> Memory:
    """Mean and covariance of the climate.

    Parameters
    ----------
    problem : with its climate
    device, seed : not used
    past : cycles before the present one whose observations are used too
    memory : of the state, in cycles; where there is a past
    localisation : distance from which on components do not covary; 0 for none
    """
    if not 0 <= past <= problem.cycles or memory <= 0.0:
        raise OceanbenchError(
            f"static_oi: past={past}, memory={memory:g}; expected a past of 0 to {problem.cycles}, "
            "the cycles of a world, and a memory above 0"
        )
    covariance = ClimateCovariance.of(problem, localisation=localisation)
    return Memory(problem.climate.mean(0), covariance, past, memory)


def analyse(
    background: FloatArray, observations: CycleObservations, memory: Memory
) -> tuple[FloatArray, Memory]:
    """The climate, drawn to the observations; the background is not looked at."""
    own, values, index = memory, observations.values, observations.components
    variance = observations.variance
    rows = own.covariance.rows(index)
    if not own.past:
        return analysed(own.mean[None], rows, values, index, variance), own
    now = float(own.cycle)
    own.seen.append(SeenAtATime(now, values - own.mean[index], variance, index, rows))
    own.seen = [s for s in own.seen if now - s.time <= own.past]
    own.cycle += 1
    count = sum(len(s.components) for s in own.seen)
    if count > MOST_OBSERVATIONS:
        raise OceanbenchError(
            f"static_oi: past={own.past}: {count} observations at once, expected at most "
            f"{MOST_OBSERVATIONS}, all of which covary; look back fewer cycles"
        )
    if not count:
        return own.mean[None].copy(), own
    return np.asarray(own.mean + remembered(own.seen, now, own.memory))[None], own
