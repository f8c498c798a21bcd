"""How a method forecasts: called once for each start, with nothing that is later than it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.kinds.kind import Functions, Inputs
from oceanbench.kinds.parts import CutInputs, Place, part_of, put_together
from oceanbench.progress import progress

ASKED_TWICE = 3  # starts
LEARNED_FROM = ("training", "validation")  # roles whose dates are not those of the starts


def known_at(dataset: xr.Dataset, start: np.datetime64) -> xr.Dataset:
    """Dataset as it is known at a start: of initial conditions and observations, none later."""
    if dataset.attrs.get("role") in LEARNED_FROM:
        return dataset
    for dim in ("start", "time"):
        if dim in dataset.dims and dataset[dim].dtype.kind == "M":
            dataset = dataset.isel({dim: dataset[dim].values <= start})
    return dataset


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
        known = CutInputs(inputs, lambda dataset: known_at(dataset, starts[number]))
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
