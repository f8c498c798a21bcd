"""Maps among the inputs, on a grid: a first guess, or another variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.observations.second_field import less_training_mean
from oceanbench.assimilation.observations.superobservations import DAY
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.grid import centre_longitude, fill_holes, interpolate

MOST_DAYS = 10.0  # that the first map and the last stand for before and after them
WINDOW_DAYS = 7  # the same of a first guess, at either end of what is seen: half of a window


def given_first_guess(
    inputs: Mapping[str, xr.Dataset],
    variable: str,
    name: str,
    like: xr.DataArray,
    *,
    known: Sequence[str],
) -> FloatArray:
    """Maps of a variable as a first guess, on the nodes and days of a field.

    Where they have no value, on land and under ice, they are continued from around
    (:func:`oceanbench.grid.fill_holes`). The first and the last of them are kept for the days by
    which windows reach beyond what is mapped.

    Parameters
    ----------
    inputs : of a method
    variable : its name
    name : of the input, of layout ``grid``
    like : field (time, latitude, longitude) on equidistant nodes
    known : other first guesses, for the message
    """
    maps = _maps(inputs)
    if name not in maps or variable not in inputs[name]:
        raise OceanbenchError(
            f"first_guess={name}: expected {', '.join(known)}, or an input with maps of "
            f"'{variable}'; {did_you_mean(name, maps)}"
        )
    wanted, given = like["time"].values, inputs[name]["time"].values
    nearest = np.clip(wanted, given.min(), given.max())
    from_end = np.minimum(np.arange(wanted.size), np.arange(wanted.size)[::-1])
    spare = (from_end < WINDOW_DAYS) & (np.abs(wanted - nearest) <= WINDOW_DAYS * DAY)
    like = like.assign_coords(time=np.where(spare, nearest, wanted))
    return _on(inputs[name][variable], like, f"first_guess={name}")


def second_field(inputs: Mapping[str, xr.Dataset], name: str, like: xr.DataArray) -> FloatArray:
    """Maps of another variable, on the nodes and days of a field, less their training mean.

    Without training maps of that variable they stay what they are. Days before the first map get
    that, and days after the last the last, as far as :data:`MOST_DAYS`: what is mapped today has no
    tomorrow.

    Parameters
    ----------
    inputs, like : as for :func:`given_first_guess`
    name : of the input, of layout ``grid`` and with one variable
    """
    given, option = _maps(inputs), f"second={name}"
    if name not in given:
        raise OceanbenchError(
            f"{option}: no input of that name has maps; {did_you_mean(name, given)}"
        )
    variables = [str(v) for v in inputs[name].data_vars]
    if len(variables) != 1:
        raise OceanbenchError(
            f"{option}: has the variables {', '.join(variables)}, expected one; declare the others "
            "as inputs of their own"
        )
    wanted, there = like["time"].values, inputs[name]["time"].values
    nearest = np.clip(wanted, there.min(), there.max())
    if (np.abs(wanted - nearest) / np.timedelta64(1, "D")).max() > MOST_DAYS:
        raise OceanbenchError(
            f"{option}: has maps from {there.min()} to {there.max()}, expected some from "
            f"{wanted[0]} to {wanted[-1]}; give maps of those days"
        )
    centre = _centre(like)
    maps = centre_longitude(inputs[name][variables[0]], centre)
    anomalies = less_training_mean(inputs, maps, centre)
    known = maps if anomalies is None else anomalies
    return _on(known, like.assign_coords(time=nearest), option)


def _maps(inputs: Mapping[str, xr.Dataset]) -> list[str]:
    return [n for n, d in inputs.items() if d.attrs.get("layout") == "grid"]


def _centre(like: xr.DataArray) -> float:
    return float(like["longitude"].values[[0, -1]].mean())


def _on(maps: xr.DataArray, like: xr.DataArray, option: str) -> FloatArray:
    """Maps on the nodes and days of a field, continued over land; refused if they do not reach."""
    field = centre_longitude(maps, _centre(like)).sortby("latitude").sortby("time")
    for axis in like.dims:
        nodes, wanted = field[axis].values, like[axis].values
        first = max(int(np.searchsorted(nodes, wanted.min(), side="right")) - 2, 0)
        last = int(np.searchsorted(nodes, wanted.max())) + 2
        field = field.isel({axis: slice(first, last)})
    if 0 not in field.shape and bool(field.isnull().any()):
        try:
            field = fill_holes(field)
        except OceanbenchError as problem:
            raise OceanbenchError(f"{option}: {problem}") from problem
    found: FloatArray = interpolate(field, like).values
    if not np.isfinite(found).all():
        days = like["time"].values
        raise OceanbenchError(
            f"{option}: {np.isnan(found).sum()} of {found.size} points are missing on the grid "
            f"from {days[0]} to {days[-1]}; give maps that cover it"
        )
    return found
