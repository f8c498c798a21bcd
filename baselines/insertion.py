"""Direct insertion: the forecast, with the observations put into it as they are.

What is observed is believed, what is not is left to the model: the noise of the observations is
taken over.
"""

from __future__ import annotations

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.cycling import CycleObservations, Problem

KINDS = ("cycles",)
PHYSICS = "told"


def start(problem: Problem, *, device: str, seed: int) -> None:
    """Nothing is remembered.

    Parameters
    ----------
    problem, device, seed : not used
    """


def analyse(
    background: FloatArray, observations: CycleObservations, memory: None
) -> tuple[FloatArray, None]:
    """State whose observed components are those observed."""
    state = background.mean(0, keepdims=True)
    state[:, observations.components] = observations.values
    return state, None
