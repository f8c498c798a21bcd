# ruff: noqa: T201
"""What filters reach in cycles: published numbers, tuning on training worlds, starts.

    python tests/benchmarks/cycling.py anchor                    # ten thousand cycles, from 0.03
    python tests/benchmarks/cycling.py tune CHALLENGE METHOD [option=value ...]
    python tests/benchmarks/cycling.py starts CHALLENGE METHOD [option=value ...]

``anchor`` is the set-up of Sakov and Oke (2008), from the truth with errors of 0.03, as the
published numbers have it (DAPPER, ``sakov2008``); ``--cycles`` takes fewer. ``tune`` cycles through
the training worlds of a challenge from draws of the climate, as its board does through others:
values after commas are tried one after the other, in the first ``--worlds`` if these are told.
``starts`` begins in these worlds from forecasts of some cycles, made of members about the truth
with errors of 0.2, and counts the cycles until the error is within a quarter of what it comes to.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from oceanbench.challenge import Challenge
from oceanbench.kinds.cycles.driving import Nature, driven, nature_of
from oceanbench.kinds.cycles.models import model
from oceanbench.kinds.cycles.opening import CycleKeys, keys, masks_of, variable_of
from oceanbench.kinds.cycles.problem import FIRST_STATES, ServedWorld
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method

PUBLISHED: dict[str, tuple[str, dict[str, Any], float]] = {
    "ETKF": ("etkf", {"members": 24, "inflation": 1.013}, 0.18),
    "DEnKF": ("denkf", {"members": 40, "inflation": 1.01}, 0.18),
    "LETKF": ("letkf", {"members": 7, "inflation": 1.04, "localisation": 14.6}, 0.22),
    "EnKF-N": ("enkf_n", {"members": 24}, 0.21),
    "iLEnKS": (
        "ienks",
        {"members": 10, "inflation": 1.02, "lag": 10, "localisation": 18.0},
        0.17,
    ),
    "optimal interpolation": ("static_oi", {}, 0.95),
    "3D-Var": ("threedvar", {}, 0.41),
}
SIZE, FIRST_ERROR, LEFT_OUT = 40, 0.03, 400
ANALYSIS_ERROR = 0.2  # of what forecasts are made of
AGES = (0, 2, 5, 10)  # cycles, of forecasts that worlds begin from
NEAR = 1.25


@dataclass(frozen=True)
class FromTruth(Nature):
    """Worlds that begin from forecasts of some cycles, made of members about the truth."""

    before: np.ndarray  # truth (worlds, components) so many cycles before the first
    age: int
    error: float  # of the members
    apart: float  # of their centre

    def first(self, world: int, seed: int) -> np.ndarray:
        """Members about the truth, or about a state that is as wrong as they are spread."""
        random = np.random.default_rng([seed, world])
        shape = FIRST_STATES, self.before.shape[-1]
        members = self.before[world] + self.error * random.standard_normal(shape)
        members = members + self.apart * random.standard_normal(shape[1])
        for _ in range(self.age):
            members = self.model.advance(members)
        return members


def sakov_and_oke(cycles: int, seed: int = 0) -> tuple[FromTruth, np.ndarray]:
    """One world and its truth (cycles, components), all of it observed with noise of variance 1."""
    random, dynamics = np.random.default_rng(seed), model("lorenz96", 0.05, {})
    state, states = 8.0 + random.standard_normal(SIZE), []
    for cycle in range(-2000, cycles):
        if cycle >= 0:
            states.append(state)
        state = dynamics.advance(state)
    truth = np.stack(states)
    seen = truth + random.standard_normal(truth.shape)
    args = (seen[None], np.ones(SIZE), truth[::5], {}, dynamics, 100.0)
    return FromTruth(*args, truth[:1], 0, FIRST_ERROR, 0.0), truth


def filtered(
    nature: Nature, method: str, options: dict[str, Any], seed: int = 0
) -> Iterator[tuple[np.ndarray, int, float]]:
    """Members of every world (cycles, members, components), steps, and CPU time of a cycle."""
    module, cycles = load_method(method)[1], range(nature.values.shape[1])
    for world in range(len(nature.values)):
        begin = time.process_time()
        answer = ServedWorld(nature.problem(), {"device": "cpu", "seed": seed, **options})(module)
        found = driven(nature, nature.first(world, seed), world, answer, cycles)
        yield found.members, found.steps, (time.process_time() - begin) / len(cycles)


def errors(members: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Error of each cycle; infinite once a world blew up."""
    found = np.sqrt(((members.mean(1, dtype=np.float64) - truth) ** 2).mean(-1))
    return np.where(np.isfinite(found), found, np.inf)


def anchor(cycles: int, names: Sequence[str]) -> None:
    """Print what filters reach beside what is published."""
    nature, truth = sakov_and_oke(cycles)
    for name in names or PUBLISHED:
        method, options, published = PUBLISHED[name]
        ((members, steps, seconds),) = filtered(nature, method, options)
        error = errors(members, truth)[min(LEFT_OUT, cycles // 10) :]
        spread = np.sqrt(members.var(1, ddof=1).mean()) if members.shape[1] > 1 else np.nan
        print(
            f"{name}: {error.mean():.3f} (published {published:.2f}), pooled "
            f"{np.sqrt((error**2).mean()):.3f}, spread {spread:.3f}, {1e3 * seconds:.2f} ms and "
            f"{steps / cycles:.0f} model steps a cycle",
            flush=True,
        )


def of_training(challenge: Challenge) -> tuple[Nature, np.ndarray]:
    """Training worlds in place of those that are scored, and their truth."""
    inputs, name = Inputs(challenge), variable_of(challenge)
    nature = nature_of(inputs, name, challenge.target())
    truth = nature.training["training_truth"]
    return replace(nature, values=nature.training["training_observations"]), truth


def tune(challenge: Challenge, method: str, grid: dict[str, list[Any]], worlds: int | None) -> None:
    """Print the errors in training worlds for every choice of options, through every mask."""
    nature, truth = of_training(challenge)
    nature, truth = replace(nature, values=nature.values[:worlds]), truth[:worlds]
    own = keys(challenge)
    limit = next(r.options["threshold"] for r in challenge.metrics if r.metric == "divergences")
    parts = {name: mask.inside for name, mask in masks_of(challenge).items()}
    for choice in itertools.product(*grid.values()):
        options = dict(zip(grid, choice, strict=True))
        found = list(filtered(nature, method, options))
        told = []
        for name, inside in parts.items():
            rows = [
                errors(f[0][..., inside], t[..., inside])[own.spin_up :]
                for f, t in zip(found, truth, strict=True)
            ]
            error = np.stack(rows)
            later = forecast_error([f[0] for f in found], truth, nature, own, inside)
            told.append(
                f"{name} {np.where(np.isfinite(error), error, 10.0).mean():.4f}, worlds "
                f"{' '.join(f'{e.mean():.3f}' for e in error)}, lost "
                f"{' '.join(f'{s:.1%}' for s in (error > limit).mean(1))}, after "
                f"{own.leads[0]} cycles {later:.4f}"
            )
        cost = np.mean([seconds for _, _, seconds in found])
        print(f"{method} {options}: {'; '.join(told)}; {1e3 * cost:.2f} ms", flush=True)


def forecast_error(
    members: Sequence[np.ndarray],
    truth: np.ndarray,
    nature: Nature,
    own: CycleKeys,
    inside: slice,
) -> float:
    """Mean error of forecasts of the first lead; not a number where a world blew up."""
    lead, found = own.leads[0], []
    for world, known in zip(members, truth, strict=True):
        for begin in range(own.spin_up, len(known) - lead, own.every):
            states = world[begin].astype(np.float64)
            if not np.isfinite(states).all():
                return float("nan")
            for _ in range(lead):
                states = nature.model.advance(states)
            apart = states.mean(0)[inside] - known[begin + lead, inside]
            found.append(float(np.sqrt((apart**2).mean())))
    return float(np.mean(found))


def starts(challenge: Challenge, method: str, options: dict[str, Any]) -> None:
    """Print the cycles until the error is near what it comes to, by age of the first guess."""
    nature, truth = of_training(challenge)
    oldest, spin_up = max(AGES), keys(challenge).spin_up
    nature = replace(nature, values=nature.values[:, oldest:])
    own = [getattr(nature, name) for name in Nature.__dataclass_fields__]
    natures = {
        f"{age} cycles": FromTruth(
            *own, truth[:, oldest - age], age, ANALYSIS_ERROR, ANALYSIS_ERROR
        )
        for age in AGES
    }
    for name, begun in {**natures, "climate": nature}.items():
        members = (found[0] for found in filtered(begun, method, options))
        found = [errors(m, t[oldest:]) for m, t in zip(members, truth, strict=True)]
        later = np.median([e[spin_up:].mean() for e in found])
        near = [np.flatnonzero(e < NEAR * later) for e in found]
        first = [int(n[0]) if n.size else -1 for n in near]
        print(f"{method} from {name}: error {later:.3f}, cycles until near it {first}", flush=True)


def value(text: str) -> Any:
    """Number or word of an option."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def main() -> None:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(description="Filters on Lorenz-96.")
    parser.add_argument("verb", choices=("anchor", "tune", "starts"))
    parser.add_argument("words", nargs="*")
    parser.add_argument("--cycles", type=int, default=10_000)
    parser.add_argument("--worlds", type=int, default=None)
    given = parser.parse_args()
    if given.verb == "anchor":
        anchor(given.cycles, given.words)
        return
    name, method, *pairs = given.words
    grid = {k: [value(v) for v in t.split(",")] for k, t in (pair.split("=") for pair in pairs)}
    challenge = Challenge.load(name)
    if given.verb == "tune":
        tune(challenge, method, grid, given.worlds)
    else:
        starts(challenge, method, {k: v[0] for k, v in grid.items()})


if __name__ == "__main__":
    main()
