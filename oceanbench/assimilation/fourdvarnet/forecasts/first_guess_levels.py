"""First guesses of a level, as a frozen system would have made them: to learn with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from oceanbench.arrays import AnyFloatArray, IntArray
from oceanbench.assimilation.fourdvarnet.forecasts.scenes import TOGETHER, Delivered, Place
from oceanbench.assimilation.nudging.free_run import RunSettings, carried
from oceanbench.assimilation.observations.causal_mapping import CausalSettings, interpolated

AGE = re.compile(r"age_(\d+)d")  # level of a forecast
CLIMATOLOGY = -1  # age of the first guess that is no forecast


@dataclass(frozen=True)
class Level:
    """First guess of an age: a forecast of a system that sees some of the altimeters.

    Attributes
    ----------
    age : days since it was issued, or :data:`CLIMATOLOGY`
    missions : that it sees
    error : in the world of training, m
    """

    age: int
    missions: tuple[str, ...]
    error: float


def guesses_of(
    seen: Delivered,
    starts: IntArray,
    levels: Sequence[Level],
    place: Place,
    latency: float,
    *,
    coarsen: int,
    seed: int,
) -> tuple[AnyFloatArray, AnyFloatArray]:
    """First guess (starts, rows, columns) of a random level for every start, and its error.

    Parameters
    ----------
    seen : of the whole period, by all altimeters
    starts : days since the origin of that
    levels : to draw from; one that would have to begin before the first observations is not drawn
    place : nodes
    latency : days from an observation to its delivery
    coarsen : samples that were averaged into one
    seed : of the draws
    """
    random, settings = np.random.default_rng(seed), CausalSettings(coarsen=coarsen)
    axes, before = (place.longitude, place.latitude), settings.before_days
    first = float(seen.averaged.time.min())
    chosen = []
    for start in starts:
        can = [v for v in levels if v.age < 0 or start - v.age - before >= first - 1.0]
        chosen.append(can[random.integers(len(can))] if can else None)
    found = np.zeros((starts.size, *place.mean.shape), np.float32)
    told = np.array([level.error if level else 0.0 for level in chosen], np.float32)
    for age in sorted({level.age for level in chosen if level and level.age >= 0}):
        at = [n for n, level in enumerate(chosen) if level and level.age == age]
        maps = []
        for number in at:
            level = chosen[number]
            assert level is not None
            given = seen.of_missions(level.missions)
            given = given.by(float(starts[number] - age), latency, before)
            maps.append(interpolated(given.averaged, np.zeros(1), *axes, settings).anomaly[0])
        for begin in range(0, len(at), TOGETHER):
            part = slice(begin, begin + TOGETHER)
            heights = np.stack(maps[part]) + place.mean
            run = carried(heights, *axes, [age], RunSettings(), precision="single")[0]
            found[at[part]] = run - place.mean
    return np.where(told[:, None, None] > 0, found, np.nan).astype(np.float32), told


def levels_of(inputs: Mapping[str, xr.Dataset], missions: Sequence[str]) -> tuple[Level, ...]:
    """Levels of the first guesses of a challenge, ``age_3d`` being a forecast of three days."""
    found = []
    for dataset in inputs.values():
        level = AGE.fullmatch(str(dataset.attrs.get("level", "")))
        if dataset.attrs.get("role") != "first_guess" or level is None:
            continue
        uses = tuple(n.strip() for n in str(dataset.attrs.get("uses", "")).split(","))
        used = tuple(name for name in uses if name in missions)
        if used:
            error = float(dataset.attrs["validation_rmse"])
            found.append(Level(int(level[1]), used, error))
    return tuple(found)
