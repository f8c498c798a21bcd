"""Optimal interpolation of each cycle alone, from the climate: what cycling has to beat.

The background is the mean of the climate and its error the climate's covariance; nothing is carried
from one cycle to the next.
"""

from __future__ import annotations

from typing import NamedTuple

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.cycling import CycleObservations, Problem, climate_covariance
from oceanbench.assimilation.ensemble.static import analysed

KINDS = ("cycles",)


class Climate(NamedTuple):
    """Mean (1, components) and covariance of the climate."""

    mean: FloatArray
    covariance: FloatArray


def start(problem: Problem, *, device: str, seed: int) -> Climate:
    """Mean and covariance of the climate.

    Parameters
    ----------
    problem : with its climate
    device, seed : not used
    """
    return Climate(problem.climate.mean(0, keepdims=True), climate_covariance(problem))


def analyse(
    background: FloatArray, observations: CycleObservations, memory: Climate
) -> tuple[FloatArray, Climate]:
    """The climate, drawn to the observations; the background is not looked at."""
    seen = observations.values, observations.components, observations.variance
    return analysed(memory.mean, memory.covariance, *seen), memory
