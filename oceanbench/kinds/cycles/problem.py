"""What a method is told of a world and, at each cycle, of what is observed: arrays, and a model."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from oceanbench.arrays import FloatArray, IndexArray
from oceanbench.data.plausibility import check_numbers
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.cycles.models import CycleModel

MOST_MEMBERS = 500  # that a method may return, whatever the first background has
FIRST_STATES = 200  # of the climate, that a world's first background is
MOST_MEMORY = 2**26  # bytes that a method may remember of a world
LOOKED_AT = 100  # cycles after which what it remembers is looked at again


class SentObservations(NamedTuple):
    """Observations of one cycle, at the time of the background; none where nothing was observed.

    Attributes
    ----------
    values : (observations,)
    components : number of the component that each is of
    variance : of the noise of each
    """

    values: FloatArray
    components: IndexArray
    variance: FloatArray


@dataclass
class SentProblem:
    """What is the same at all cycles of a world, and in all worlds.

    Attributes
    ----------
    model : name and parameters, for those who have it themselves
    interval : of a cycle
    cyclic : whether components lie on a circle, all alike
    places, periods : of the components (components, axes), and the lengths after which the axes
        begin again; None and none where no component is near another
    cycles : count of those to come
    noise_variance : (components,), of the observations
    climate : (states, components), of the training runs
    training : names and arrays (worlds, cycles, components) of other worlds: ``truth``, and
        ``observations``, NaN where nothing was observed
    first_states : of the climate, that the first background is
    most_members : that may be returned
    steps : of the model that were asked for, each of one member
    """

    dynamics: CycleModel = field(repr=False)
    cycles: int
    noise_variance: FloatArray
    climate: FloatArray = field(repr=False)
    training: Mapping[str, FloatArray] = field(repr=False)
    first_states: int = FIRST_STATES
    most_members: int = MOST_MEMBERS
    steps: int = 0

    @property
    def model(self) -> tuple[str, Mapping[str, float]]:
        """Name of the model, and its parameters."""
        return self.dynamics.name, self.dynamics.parameters

    @property
    def interval(self) -> float:
        """Time from one cycle to the next."""
        return self.dynamics.interval

    @property
    def cyclic(self) -> bool:
        """Whether components lie on a circle, all alike."""
        return self.dynamics.cyclic

    @property
    def places(self) -> FloatArray | None:
        """Where components lie (components, axes), in the unit of length of the model."""
        layout = self.dynamics.layout
        return None if layout is None else layout(len(self.noise_variance)).places

    @property
    def periods(self) -> tuple[float, ...]:
        """Length of each axis of the places, after which it begins again."""
        layout = self.dynamics.layout
        return () if layout is None else layout(len(self.noise_variance)).periods

    def advance(self, states: FloatArray) -> FloatArray:
        """States (..., components) one cycle later; every step is counted."""
        states = np.asarray(states, dtype=np.float64)
        self.steps += self.dynamics.substeps * int(np.prod(states.shape[:-1]))
        return self.dynamics.advance(states)

    def ran(self, states: int) -> None:
        """Count steps of so many states from one cycle to the next, that a method runs itself."""
        self.steps += self.dynamics.substeps * states


Answered = tuple[FloatArray, int]  # members after the observations; steps of the model asked for


class Asked(NamedTuple):
    """Question: members (member, component) at the time of the observations, before these."""

    background: FloatArray
    observations: SentObservations


@dataclass(frozen=True)
class ServedWorld:
    """What answers the questions of one world, in the process of the method.

    Attributes
    ----------
    problem : that ``start`` is given
    arguments : keywords of ``start``
    """

    problem: SentProblem
    arguments: Mapping[str, Any]

    def __call__(self, method: Any) -> Callable[[Asked], Answered]:
        """Begin a world, with the module of a method."""
        problem = self.problem
        memory = method.start(problem, **self.arguments)
        count = 0

        def answer(asked: Asked) -> Answered:
            nonlocal memory, count
            found = method.analyse(asked.background, asked.observations, memory)
            if not (isinstance(found, tuple) and len(found) == 2):
                raise OceanbenchError(
                    f"analyse() returned {type(found).__name__}, expected a pair: the members "
                    "(member, component), and the memory"
                )
            members, memory = found
            if count % LOOKED_AT == 0:
                _check_memory(memory)
            count += 1
            return _as_members(members), problem.steps

        return answer


def _as_members(found: Any) -> FloatArray:
    """Members as numbers; what are no real numbers is refused."""
    members = np.asarray(found)
    if members.dtype.kind not in "fiub":
        raise OceanbenchError(
            f"analyse() returned members of type {members.dtype}, expected real numbers (member, "
            "component); convert them"
        )
    check_numbers(members, "members", "analyse()")
    return members.astype(np.float64)


def _check_memory(memory: Any) -> None:
    size = len(pickle.dumps(memory, protocol=pickle.HIGHEST_PROTOCOL))
    if size > MOST_MEMORY:
        raise OceanbenchError(
            f"the memory of the method has {size / 2**20:.0f} MiB, expected at most "
            f"{MOST_MEMORY / 2**20:.0f}; remember less"
        )
