"""3D-Var: one forecast, drawn to the observations by a covariance that never changes.

The covariance of the forecast errors is a share of the climate's, tuned on training worlds.
"""

from __future__ import annotations

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.cycling import CycleObservations, Problem, climate_covariance
from oceanbench.assimilation.ensemble.static import analysed

KINDS = ("cycles",)
PHYSICS = "told"


def start(problem: Problem, *, device: str, seed: int, share: float = 0.02) -> FloatArray:
    """Covariance of the forecast errors.

    Parameters
    ----------
    problem : with its climate
    device, seed : not used
    share : of the covariance of the climate
    """
    return share * climate_covariance(problem)


def analyse(
    background: FloatArray, observations: CycleObservations, memory: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The forecast, drawn to the observations."""
    seen = observations.values, observations.components, observations.variance
    return analysed(background.mean(0, keepdims=True), memory, *seen), memory
