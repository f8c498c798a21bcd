"""How a method forecasts: called once for each start, with nothing that is later than it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.kinds.kind import Functions, Inputs
from oceanbench.kinds.parts import Place, part_of, put_together
from oceanbench.progress import progress

ASKED_TWICE = 3  # starts
LEARNED_FROM = ("training", "validation")  # roles whose dates are not those of the starts


class KnownAt(Mapping[str, xr.Dataset]):
    """Inputs as they are known at a start: of initial conditions and observations, none later."""

    def __init__(self, inputs: Inputs, start: np.datetime64) -> None:
        self._inputs, self._start = inputs, start

    def __getitem__(self, name: str) -> xr.Dataset:
        """Open an input, cut at the start."""
        dataset = self._inputs[name]
        if dataset.attrs.get("role") in LEARNED_FROM:
            return dataset
        for dim in ("start", "time"):
            if dim in dataset.dims and dataset[dim].dtype.kind == "M":
                dataset = dataset.isel({dim: dataset[dim].values <= self._start})
        return dataset

    def __iter__(self) -> Iterator[str]:
        """Names of the inputs."""
        return iter(self._inputs)

    def __len__(self) -> int:
        """Count of the inputs."""
        return len(self._inputs)


def each_start(
    functions: Functions, inputs: Inputs, target: xr.Dataset, arguments: Mapping[str, Any]
) -> xr.Dataset:
    """Forecasts of every start, in random order; a few starts are asked twice.

    Raises
    ------
    OceanbenchError
        if the method does not answer the same question alike
    """
    starts = target["start"].values
    order = np.random.default_rng(arguments["seed"]).permutation(starts.size)

    def forecast(number: int) -> tuple[Place, xr.Dataset]:
        place = {"start": np.array([number])}
        known = KnownAt(inputs, starts[number])
        return place, functions["estimate"](known, part_of(target, place), **arguments)

    found = put_together(target, map(forecast, progress(list(order), "forecasting starts")))
    for number in order[: min(ASKED_TWICE, starts.size - 1)]:
        place, again = forecast(number)
        if not all(again[n].equals(part_of(found, place)[n]) for n in again.data_vars):
            raise OceanbenchError(
                f"the forecast of {str(starts[number])[:10]} is another one when it is asked for "
                "again; draw random numbers from 'seed', and use nothing but the arguments"
            )
    return found
