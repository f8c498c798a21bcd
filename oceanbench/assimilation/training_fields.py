"""What a network for maps learns from and is given, on one grid."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.fourdvarnet.maps.cache import cached
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import GriddedObservations
from oceanbench.assimilation.fourdvarnet.maps.held_out_missions import (
    observed_grid,
    observed_variable,
)
from oceanbench.assimilation.fourdvarnet.maps.map_grid import (
    MARGIN,
    KnownMaps,
    MapGrid,
    grid_around,
)
from oceanbench.assimilation.fourdvarnet.maps.simulated_missions import observe
from oceanbench.assimilation.fourdvarnet.maps.training_set import training_truth
from oceanbench.assimilation.observations.missions import chosen_missions
from oceanbench.errors import OceanbenchError

NAME = "training_fields"
STEP_DEGREES = 0.2  # of the grid, where there are no training maps


def training_fields(
    inputs: Mapping[str, xr.Dataset],
    *,
    first_guess: str = "smooth",
    missions: str = "",
    step_degrees: float = 0.0,
    checkpoint: str = "",
    device: str = "cpu",
) -> xr.Dataset:
    """Daily fields of the training period: what was observed, a first guess of it, and the truth.

    Parameters
    ----------
    inputs : of a training; those with maps of role ``training`` have a truth
    first_guess : ``smooth`` (a local average), ``oi``, ``duacs``, ``miost``, ``bfn``, ``mean`` or
        an input that has maps; made of the same observations
    missions : comma-separated names of tracks and swaths, or ``all``; by default those that are
        not optional
    step_degrees : of the grid; 0 for the nodes of the training maps, or where there are none for
        0.2
    checkpoint : folder that keeps observations and first guess for the next call, or nothing
    device : of torch, for the first guess

    Returns
    -------
    ``observations`` (NaN where nothing was observed), ``first_guess`` and, of training maps,
    ``truth`` (NaN on land), each (time, latitude, longitude), in the unit of the inputs

    Raises
    ------
    OceanbenchError
        if nothing was observed, or the nodes of the training maps are not equidistant
    """
    names = chosen_missions(inputs, missions)
    maps, truth = None, None
    if any(data.attrs.get("role") == "training" for data in inputs.values()):
        maps = training_truth(inputs, NAME, names)
        variable = str(maps.name)
        grid, truth = _with_truth(maps, step_degrees)
    else:
        variable = observed_variable(inputs, names, NAME)
        grid = observed_grid(inputs, names, variable, step_degrees or STEP_DEGREES)
    options: dict[str, Any] = {"first_guess": first_guess, "missions": missions, "second": ""}
    make = partial(observe, inputs, variable, grid, device=device, **options)
    seen = cached(make, checkpoint, inputs, grid, options, label="first guess, ")
    fields = _fields(seen, grid)
    return fields if truth is None else fields.assign(truth=grid.field(truth))


def mapping_fields(
    inputs: Mapping[str, xr.Dataset],
    target: xr.DataArray,
    *,
    days: int,
    step_degrees: float,
    first_guess: str = "smooth",
    missions: str = "",
    device: str = "cpu",
) -> xr.Dataset:
    """Daily fields of a target's days and box: what :func:`training_fields` has of the training's.

    Parameters
    ----------
    inputs : of an estimate
    target : (time, latitude, longitude) to fill, with the name of the variable
    days : that the network sees at once, odd: there are half as many before the first day and
        after the last
    step_degrees : of the grid, about; it reaches a degree beyond the target
    first_guess, missions, device : as for :func:`training_fields`

    Returns
    -------
    ``observations`` (NaN where nothing was observed) and ``first_guess``
    """
    grid = grid_around(target, step_degrees, margin=MARGIN, days=days // 2)
    options: dict[str, Any] = {"first_guess": first_guess, "missions": missions, "second": ""}
    return _fields(observe(inputs, str(target.name), grid, device=device, **options), grid)


def _fields(seen: GriddedObservations, grid: MapGrid) -> xr.Dataset:
    observed = np.where(seen.observed, seen.values, np.nan)
    found = {"observations": observed, "first_guess": seen.first_guess}
    return xr.Dataset({name: grid.field(values) for name, values in found.items()})


def _with_truth(maps: xr.DataArray, step: float) -> tuple[MapGrid, FloatArray]:
    """Grid of maps, and their values on it, NaN on land."""
    if step:
        grid = grid_around(maps, step)
        values, known = KnownMaps.of(maps).on(grid)
        return grid, np.where(known, values, np.nan)
    for axis in ("latitude", "longitude"):
        gaps = np.diff(maps[axis].values)
        if not np.allclose(gaps, gaps[0], rtol=1e-3):
            raise OceanbenchError(
                f"{NAME}: the {axis}s of the training maps are {gaps.min():g} to {gaps.max():g} "
                f"degrees apart, expected the same everywhere; give a grid: step_degrees=0.2"
            )
    days = grid_around(maps, 1.0).days
    return MapGrid(days, maps["latitude"].values, maps["longitude"].values), maps.values
