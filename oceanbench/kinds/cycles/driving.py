"""How a method is driven: a process a world, a question a cycle, and nothing later in sight."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.cycles.models import CycleModel
from oceanbench.kinds.cycles.opening import climate_of, is_of_states, model_of
from oceanbench.kinds.cycles.problem import (
    FIRST_STATES,
    MOST_MEMBERS,
    Answered,
    Asked,
    SentObservations,
    SentProblem,
    ServedWorld,
)
from oceanbench.kinds.kind import Driving, Functions, Inputs
from oceanbench.kinds.state_files import DIMENSIONS, check_alike
from oceanbench.progress import progress

MOST_STEPS = 2**53  # of the model in a world: counts are exact
AGAIN = 2  # worlds that are asked for a second time,
AGAIN_CYCLES = (20, 60)  # up to a cycle between these
MOST_STATES = 4000  # of the climate that a method is told
AS_USUAL = Driving()


@dataclass(frozen=True)
class Nature:
    """Observations and climate, as the parent holds them."""

    values: FloatArray  # (worlds, cycles, components), NaN where nothing is observed
    variance: FloatArray
    climate: FloatArray
    training: Mapping[str, FloatArray]
    model: CycleModel
    bound: float

    def problem(self) -> SentProblem:
        """What a method is told of any world."""
        step = -(-len(self.climate) // MOST_STATES)
        climate, cycles = self.climate[::step], self.values.shape[1]
        return SentProblem(self.model, cycles, self.variance, climate, self.training)

    def first(self, world: int, seed: int) -> FloatArray:
        """First background of a world: draws of the climate."""
        random = np.random.default_rng([seed, world])
        return self.climate[random.integers(0, len(self.climate), FIRST_STATES)]

    def observed(self, world: int, cycle: int) -> SentObservations:
        """What a method is shown at a cycle."""
        values = self.values[world, cycle]
        (seen,) = np.nonzero(np.isfinite(values))
        return SentObservations(values[seen], seen, self.variance[seen])


@dataclass
class Driven:
    """What came back of a world: members (cycles, members, components), NaN once they blew up."""

    members: FloatArray
    steps: int
    blown_up: bool


def each_world(
    functions: Functions,
    inputs: Inputs,
    target: xr.Dataset,
    arguments: Mapping[str, Any],
    driving: Driving = AS_USUAL,
) -> xr.Dataset:
    """Analyses of every world, one world after the other in random order.

    The first background is 200 states of the climate, of which a method takes as many as it runs,
    or adds to them where it runs more; those that it returns are advanced by the model that the
    challenge tells, and are the next background. A member that is not finite, or beyond the bound,
    ends its world: the rest is missing.

    Raises
    ------
    OceanbenchError
        if what comes back are no members, or others when a world is asked for a second time
    """
    (name, wanted), *_ = target.data_vars.items()
    nature, seed = nature_of(inputs, str(name), target), int(arguments["seed"])
    worlds = wanted.sizes["window"]
    order = np.random.default_rng(seed).permutation(worlds).tolist()
    problem = nature.problem()

    def ask(world: int, cycles: range, *, again: bool = False) -> Driven:
        serve = ServedWorld(nature.problem(), arguments)
        with driving.asked(functions, serve, again=again) as asked:
            return driven(nature, nature.first(world, seed), world, asked, cycles)

    found: dict[int, Driven] = {}
    for world in progress(order, "cycling through worlds"):
        found[world] = ask(world, range(problem.cycles))
    _check_again(found, order, partial(ask, again=True), seed)
    counts = {one.members.shape[1] for one in found.values()}
    if len(counts) > 1:
        raise OceanbenchError(
            f"the method returned {sorted(counts)} members, expected as many in every world"
        )
    members = np.stack([found[world].members for world in range(worlds)]).transpose(0, 1, 3, 2)
    coords = {"model_steps": ("window", [found[world].steps for world in range(worlds)])}
    filled = (wanted.dims, members[..., 0]) if members.shape[-1] == 1 else None
    values = filled or ((*wanted.dims, "member"), members)
    return target.assign({str(name): (*values, wanted.attrs)}).assign_coords(coords)


def driven(
    nature: Nature,
    background: FloatArray,
    world: int,
    ask: Callable[[Any], Answered],
    cycles: range,
) -> Driven:
    """Drive a method through the cycles of a world, one after the other from the first."""
    kept: FloatArray | None = None
    steps = own = last = 0
    for last in cycles:
        members, own = ask(Asked(background, nature.observed(world, last)))
        _check(members, background, first=kept is None)
        if not (isinstance(own, int) and 0 <= own < MOST_STEPS):
            raise OceanbenchError(
                "problem.steps is no longer a count of steps of the model; leave it alone"
            )
        if kept is None:
            kept = np.full((len(cycles), *members.shape), np.nan, dtype=np.float32)
        if not _sound(members, nature.bound):
            return Driven(kept, steps + own, blown_up=True)
        kept[last] = members
        background = nature.model.advance(members)
        steps += nature.model.substeps * len(members)
        if not _sound(background, nature.bound):
            return Driven(kept, steps + own, blown_up=last + 1 < len(cycles))
    assert kept is not None  # there is a first cycle
    return Driven(kept, steps + own, blown_up=False)


def _sound(members: FloatArray, bound: float) -> bool:
    return bool((np.abs(members) <= bound).all())


def _check(members: FloatArray, background: FloatArray, *, first: bool) -> None:
    """Refuse what are no members, and another number of them than at the first cycle."""
    size = background.shape[-1]
    fine = members.ndim == 2 and members.shape[1] == size
    if first and not (fine and 1 <= len(members) <= MOST_MEMBERS):
        raise OceanbenchError(
            f"analyse() returned members of shape {members.shape}, expected (member, {size}), 1 to "
            f"{MOST_MEMBERS} of them"
        )
    if not first and members.shape != background.shape:
        raise OceanbenchError(
            f"analyse() returned members of shape {members.shape}, expected those of the "
            f"background, {background.shape}; keep their number"
        )


def _check_again(
    found: Mapping[int, Driven],
    order: Sequence[int],
    ask: Callable[[int, range], Driven],
    seed: int,
) -> None:
    """Ask some worlds again, of which nothing later than a cycle is then sent to anyone."""
    random = np.random.default_rng(seed)
    for world in order[:AGAIN]:
        before = found[world].members
        cycles = min(int(random.integers(*AGAIN_CYCLES)), len(before))
        again = ask(world, range(cycles)).members
        if again.shape[1:] != before.shape[1:]:
            raise OceanbenchError(
                f"the method returned {before.shape[1]} members of a world, and {again.shape[1]} "
                "when it is asked for again; return as many each time"
            )
        both_lost = np.isnan(again) & np.isnan(before[:cycles])
        same = ((again == before[:cycles]) | both_lost).all((1, 2))
        if not same.all():
            raise OceanbenchError(
                f"the analysis of cycle {int(np.argmin(same))} of a world is another one when the "
                "world is asked for again and nothing later is sent; draw random numbers from "
                "'seed', and use nothing but the arguments"
            )


def nature_of(inputs: Inputs, variable: str, target: xr.Dataset) -> Nature:
    """Observations that are sent cycle by cycle, and what is told before.

    Raises
    ------
    OceanbenchError
        if there are no observations with a noise variance, or no training states; if either are of
        other worlds, cycles or components than what is to be estimated
    """
    name, observed = next((n, d) for n, d in inputs.items() if d.attrs["role"] == "observations")
    check_alike(observed, target, f"dataset '{name}'")
    training = {n: d for n, d in inputs.items() if d.attrs["role"] in ("training", "validation")}
    climate = [d for d in training.values() if is_of_states(d)]
    if "noise_variance" not in observed.coords or not climate:
        raise OceanbenchError(
            "cycles need observations with a coordinate 'noise_variance' and a dataset of states "
            "with role 'training'; add what is missing"
        )
    for known, dataset in training.items():
        check_alike(dataset[["component"]], target, f"dataset '{known}'")
    arrays = dict(_arrays(training, variable))
    return Nature(
        _values(observed, variable),
        observed["noise_variance"].values.astype(np.float64),
        np.concatenate([climate_of(d, variable) for d in climate]),
        arrays,
        model_of(observed),
        float(observed.attrs["bound"]),
    )


def _arrays(training: Mapping[str, xr.Dataset], variable: str) -> Iterator[tuple[str, FloatArray]]:
    for name, dataset in training.items():
        yield name, _values(dataset, variable)


def _values(dataset: xr.Dataset, variable: str) -> FloatArray:
    """States (worlds, cycles, components)."""
    values: FloatArray = dataset[variable].transpose(*DIMENSIONS).values.astype(np.float64)
    return values
