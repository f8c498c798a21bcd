"""How a method forecasts: called once for each start, with nothing that is later than it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from oceanbench.arrays import TimeArray
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.forecasts.starts.delivery import known_at
from oceanbench.kinds.kind import Driving, Functions, Inputs
from oceanbench.kinds.parts import CutInputs, part_of, put_together
from oceanbench.kinds.room import Place
from oceanbench.progress import progress

ASKED_TWICE = 3  # starts
AS_USUAL = Driving()


def each_start(
    functions: Functions,
    inputs: Inputs,
    target: xr.Dataset,
    arguments: Mapping[str, Any],
    driving: Driving = AS_USUAL,
) -> xr.Dataset:
    """Forecasts of every start, in random order; a few starts are asked twice.

    Raises
    ------
    OceanbenchError
        if the method does not answer the same question alike
    """
    starts = target["start"].values
    order = np.random.default_rng(arguments["seed"]).permutation(starts.size)
    places: list[Place] = [{"start": np.array([number])} for number in order]
    questions = [
        (CutInputs(inputs, partial(known_at, start=starts[number])), part_of(target, place))
        for number, place in zip(order, places, strict=True)
    ]
    parts = driving.answers(functions, "estimate", questions, arguments)
    parts = _named(parts, starts[order]) if driving.many is None else parts
    bar = progress(places, "forecasting starts")
    found = put_together(target, zip(bar, parts, strict=True), driving.room)
    twice = min(ASKED_TWICE, starts.size - 1)
    again = driving.answers(functions, "estimate", questions[:twice], arguments, again=True)
    for place, part in zip(places[:twice], again, strict=True):
        (start,) = starts[place["start"]]
        here = part_of(found, place)
        names = [name for name in part.data_vars if name in here]
        if not all(np.array_equal(part[n], here[n], equal_nan=True) for n in names):
            raise OceanbenchError(
                f"the forecast of {str(start)[:10]} is another one when it is asked for again; "
                "draw random numbers from 'seed', and use nothing but the arguments"
            )
    return found


def _named(parts: Iterable[xr.Dataset], starts: TimeArray) -> Iterator[xr.Dataset]:
    """Forecasts of starts, of which one that fails is named."""
    found = iter(parts)
    for start in starts:
        try:
            part = next(found)
        except OceanbenchError as problem:
            raise OceanbenchError(f"start {str(start)[:10]}: {problem}") from problem
        yield part
