"""3D-Var: one forecast, drawn to the observations by a covariance that never changes.

The covariance of the forecast errors is a share of the climate's, tuned on training worlds.
"""

from __future__ import annotations

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.cycling import ClimateCovariance, CycleObservations, Problem
from oceanbench.assimilation.ensemble.static import analysed

KINDS = ("cycles",)
PHYSICS = "told"


def start(
    problem: Problem, *, device: str, seed: int, share: float = 0.02, localisation: float = 0.0
) -> ClimateCovariance:
    """Covariance of the forecast errors.

    Parameters
    ----------
    problem : with its climate
    device, seed : not used
    share : of the covariance of the climate
    localisation : distance from which on components do not covary; 0 for none
    """
    return ClimateCovariance.of(problem, share=share, localisation=localisation)


def analyse(
    background: FloatArray, observations: CycleObservations, memory: ClimateCovariance
) -> tuple[FloatArray, ClimateCovariance]:
    """The forecast, drawn to the observations."""
    seen = observations.values, observations.components, observations.variance
    rows = memory.rows(observations.components)
    return analysed(background.mean(0, keepdims=True), rows, *seen), memory
