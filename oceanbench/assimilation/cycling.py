"""What methods that are driven through cycles have in common.

A challenge of cycles hands ``start`` a problem and, at each cycle, ``analyse`` a background and
observations (:class:`Problem`, :class:`CycleObservations`); these say what there is in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from oceanbench.arrays import FloatArray, IndexArray
from oceanbench.assimilation.ensemble.localisation import distances, taper
from oceanbench.errors import OceanbenchError


class CycleObservations(Protocol):
    """Observations of one cycle, at the time of the background.

    Attributes
    ----------
    values, components, variance : (observations,), the component that each is of, and its noise
    """

    @property
    def values(self) -> FloatArray: ...  # noqa: D102
    @property
    def components(self) -> IndexArray: ...  # noqa: D102
    @property
    def variance(self) -> FloatArray: ...  # noqa: D102


class Problem(Protocol):
    """What is the same at all cycles.

    Attributes
    ----------
    cycles : count of those to come
    interval : from one to the next
    cyclic : whether components lie on a circle, all alike
    noise_variance : (components,)
    climate : (states, components)
    training : arrays (worlds, cycles, components) of other worlds, by name
    """

    cycles: int
    noise_variance: FloatArray
    climate: FloatArray
    training: Mapping[str, FloatArray]

    @property
    def interval(self) -> float: ...  # noqa: D102
    @property
    def cyclic(self) -> bool: ...  # noqa: D102
    def advance(self, states: FloatArray) -> FloatArray:
        """States (..., components) one cycle later; each asks for steps of the model."""
        ...


def climate_covariance(problem: Problem) -> FloatArray:
    """Covariance (components, components) of the climate; on a circle, the same all around it."""
    found: FloatArray = np.cov(problem.climate.T)
    if not problem.cyclic:
        return found
    size = len(found)
    index = np.arange(size)
    row = np.array([found[index, (index + k) % size].mean() for k in range(size)])
    row = 0.5 * (row + row[-index % size])
    return np.asarray(row[(index - index[:, None]) % size])


def circular_taper(problem: Problem, end: float) -> FloatArray:
    """Weights (components, components) of observations on a circle, none from ``end`` steps on.

    Raises
    ------
    OceanbenchError
        if the components lie on no circle
    """
    if not problem.cyclic:
        raise OceanbenchError(
            "the components of this model lie on no circle, so that none is near another; use a "
            "filter without localisation"
        )
    index = np.arange(len(problem.noise_variance), dtype=np.float64)
    return taper(distances(index, index, [float(index.size)]), end)
