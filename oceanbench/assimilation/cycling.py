"""What methods that are driven through cycles have in common.

A challenge of cycles hands ``start`` a problem and, at each cycle, ``analyse`` a background and
observations (:class:`Problem`, :class:`CycleObservations`); these say what there is in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from oceanbench.arrays import FloatArray, IndexArray
from oceanbench.assimilation.ensemble.localisation import distances, taper
from oceanbench.errors import OceanbenchError

MOST_IN_TABLE = 500  # components: weights of more are worked out for what is observed


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
    model : name and parameters, for those who have it themselves
    interval : from one to the next
    cyclic : whether components lie on a circle, all alike
    places, periods : of components (components, axes), and the lengths after which the axes begin
        again; None and none where no component is near another
    noise_variance : (components,)
    climate : (states, components)
    training : arrays (worlds, cycles, components) of other worlds, by name
    first_states : of the climate, that the first background is
    most_members : that may be returned
    """

    cycles: int
    noise_variance: FloatArray
    climate: FloatArray
    training: Mapping[str, FloatArray]
    first_states: int
    most_members: int

    @property
    def model(self) -> tuple[str, Mapping[str, float]]: ...  # noqa: D102
    @property
    def interval(self) -> float: ...  # noqa: D102
    @property
    def cyclic(self) -> bool: ...  # noqa: D102
    @property
    def places(self) -> FloatArray | None: ...  # noqa: D102
    @property
    def periods(self) -> tuple[float, ...]: ...  # noqa: D102
    def advance(self, states: FloatArray) -> FloatArray:
        """States (..., components) one cycle later; each asks for steps of the model."""
        ...

    def ran(self, states: int) -> None:
        """Count steps of so many states from one cycle to the next, that a method runs itself."""
        ...


@dataclass(frozen=True)
class CycledMembers:
    """As many members as a method runs: of the first background, and of the climate beyond it.

    Attributes
    ----------
    count : that run the model
    further : (states, components), draws of the climate that the first background lacks
    """

    count: int
    further: FloatArray

    @classmethod
    def of(cls, problem: Problem, count: int, *, seed: int) -> CycledMembers:
        """Members of a problem; those beyond the first background are the same in every world.

        Parameters
        ----------
        problem : with its climate
        count : how many, two or more, whose deviations tell a covariance
        seed : of the draws

        Raises
        ------
        OceanbenchError
            if they are too few or too many
        """
        if not 2 <= count <= problem.most_members:
            raise OceanbenchError(
                f"members={count}, expected 2 to {problem.most_members}: fewer have no deviations, "
                "more may not be returned"
            )
        lacking = max(0, count - problem.first_states)
        random = np.random.default_rng([seed, count])
        return cls(count, problem.climate[random.integers(0, len(problem.climate), lacking)])

    def taken(self, background: FloatArray) -> FloatArray:
        """Members (member, components) of a background, the first of which has others or fewer."""
        if len(background) < self.count:
            background = np.concatenate([background, self.further])
        return background[: self.count]


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


@dataclass(frozen=True)
class Localisation:
    """Weights of observations by their distance from where components lie.

    Attributes
    ----------
    places : (places, axes), those where components lie, each once
    periods : length of each axis, after which it begins again
    where : (components,), the place of each
    at : (components, axes), their places
    end : distance from which on an observation has no weight
    table : weights (places, components) of all that could be observed, where these are few
    """

    places: FloatArray
    periods: tuple[float, ...]
    where: IndexArray
    at: FloatArray
    end: float
    table: FloatArray | None

    @classmethod
    def of(cls, problem: Problem, end: float) -> Localisation:
        """Localisation of a problem.

        Raises
        ------
        OceanbenchError
            if the components have no places
        """
        at = problem.places
        if at is None:
            raise OceanbenchError(
                "the components of this model lie nowhere, so that none is near another; use a "
                "filter without localisation"
            )
        places, where = np.unique(at, axis=0, return_inverse=True)
        found = cls(places, problem.periods, where.ravel(), at, end, None)
        if len(at) > MOST_IN_TABLE:
            return found
        return replace(found, table=found.weights(np.arange(len(at))))

    def weights(self, components: IndexArray) -> FloatArray:
        """Weights (places, observations) of observations of some components."""
        if self.table is not None:
            return self.table[:, components]
        return taper(distances(self.places, self.at[components], self.periods), self.end)

    def rows(self, components: IndexArray) -> FloatArray:
        """Weights (observations, components) of each component by its distance from observed."""
        return self.weights(components).T[:, self.where]

    @property
    def shared(self) -> IndexArray | None:
        """Place of each component; None where every component has one of its own."""
        return None if len(self.where) == len(self.places) else self.where


@dataclass(frozen=True)
class ClimateCovariance:
    """A share of the covariance of the climate, of which only rows are asked for.

    Attributes
    ----------
    matrix : (components, components), of components that are all alike on a circle
    anomalies : (states, components), of others, whose products are the covariance
    localisation : that tapers it; None for none
    """

    matrix: FloatArray | None
    anomalies: FloatArray
    localisation: Localisation | None

    @classmethod
    def of(
        cls, problem: Problem, *, share: float = 1.0, localisation: float = 0.0
    ) -> ClimateCovariance:
        """Covariance of a problem's climate.

        Parameters
        ----------
        problem : with its climate
        share : of it
        localisation : distance from which on components do not covary; 0 for none
        """
        tapered = Localisation.of(problem, localisation) if localisation > 0.0 else None
        if problem.cyclic:
            return cls(share * climate_covariance(problem), np.zeros((0, 0)), tapered)
        anomalies = problem.climate - problem.climate.mean(0)
        return cls(None, anomalies * np.sqrt(share / (len(anomalies) - 1)), tapered)

    def rows(self, components: IndexArray) -> FloatArray:
        """Covariances (observations, components) of some components with all."""
        if self.matrix is not None:
            found = self.matrix[components]
        else:
            found = self.anomalies[:, components].T @ self.anomalies
        return found if self.localisation is None else found * self.localisation.rows(components)
