"""First guesses of any box: of a mapper, of maps that are handed in, or means of several."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.assimilation.fourdvarnet.maps.first_guess_maps import (
    FIRST_GUESSES,
    first_guess_maps,
    mean_on,
)
from oceanbench.assimilation.fourdvarnet.maps.map_grid import MapGrid
from oceanbench.assimilation.observations.likely_scales import likely_scales
from oceanbench.assimilation.observations.missions import chosen_missions
from oceanbench.assimilation.observations.superobservations import (
    mean_field,
    samples,
)
from oceanbench.assimilation.observations.tiled_mapping import (
    DEFAULTS,
    FURTHER,
    SCALES,
    TiledMapping,
    chosen_scales,
    covariance_at,
)
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.grid import centre_longitude, fill_holes, interpolate

Scales = Mapping[str, float]


def choices(named: str) -> list[str]:
    """First guesses among which one is chosen, their mean the last.

    Parameters
    ----------
    named : mappers, maps, or several of them joined by ``+``, that are separated by commas
    """
    apart = list(dict.fromkeys(name.strip() for name in named.split(",") if name.strip()))
    return [*apart, "+".join(apart)] if len(apart) > 1 else apart


def parts(name: str) -> list[str]:
    """What a first guess is the mean of."""
    return [part.strip() for part in name.split("+")]


def seen_by(inputs: Mapping[str, xr.Dataset], names: Sequence[str]) -> set[str]:
    """Altimeters that maps which are handed in have seen, as far as their inputs say so.

    Parameters
    ----------
    inputs : of a method; the attribute ``uses`` has names that are separated by commas
    names : of first guesses; mappers have seen what they are given
    """
    handed = {part for name in names for part in parts(name) if part in inputs}
    told = (str(inputs[part].attrs.get("uses", "")) for part in handed)
    return {name.strip() for text in told for name in text.split(",") if name.strip()}


def first_guesses(
    inputs: Mapping[str, xr.Dataset],
    variable: str,
    grid: MapGrid,
    names: Sequence[str],
    *,
    scales: Scales | None = None,
    missions: str = "",
    device: str = "cpu",
) -> dict[str, FloatArray]:
    """First guesses (days, rows, columns) by their names; what several share is mapped once.

    Parameters
    ----------
    inputs, variable, missions, device : as for
        :func:`oceanbench.assimilation.fourdvarnet.maps.first_guess_maps.first_guess_maps`
    grid : days and nodes
    names : as there, of an input that has maps, or several of them joined by ``+``, whose mean is
        taken; maps of an input are held beyond its days and its box
    scales : of ``duacs``; by default the usual ones
    """
    handed = [n for n, data in inputs.items() if data.attrs.get("layout") == "grid"]
    found: dict[str, FloatArray] = {}
    for part in dict.fromkeys(part for name in names for part in parts(name)):
        if part == "duacs" and scales:
            found[part] = _mapped(inputs, variable, grid, scales, missions, device)
        elif part in FIRST_GUESSES:
            around = (inputs, variable, grid, part)
            found[part] = first_guess_maps(*around, missions=missions, device=device)
        elif part in handed and variable in inputs[part]:
            found[part] = _handed(inputs[part][variable], grid, part)
        else:
            known = [*FIRST_GUESSES, *handed]
            raise OceanbenchError(
                f"first_guess={','.join(names)}: '{part}' is neither a mapper nor an input with "
                f"maps of '{variable}'; {did_you_mean(part, known)}"
            )
    return {name: np.mean([found[part] for part in parts(name)], axis=0) for name in names}


def fitted_scales(
    inputs: Mapping[str, xr.Dataset], variable: str, grid: MapGrid, *, missions: str = ""
) -> Scales:
    """Scales of ``duacs`` under which the nadir altimeters of a box and its days are likeliest.

    Parameters
    ----------
    inputs, variable, grid, missions : as for :func:`first_guesses`

    Returns
    -------
    those of :func:`oceanbench.assimilation.observations.likely_scales.likely_scales`, about the
    usual ones, which come back where there is nothing to fit to
    """
    usual = dict(zip(SCALES, DEFAULTS, strict=True))
    names = chosen_missions(inputs, missions, variable)
    nadirs = ",".join(n for n in names if inputs[n].attrs["layout"] == "track")
    if not nadirs:
        return usual
    mean = mean_field(inputs, variable, grid.centre, of_training=True)
    place = (inputs, variable, grid.days[0], grid.centre)
    observed = samples(*place, missions=nadirs, mean=mean).within(
        (grid.longitude[0], grid.longitude[-1]), (grid.latitude[0], grid.latitude[-1])
    )
    here = observed.take((observed.time >= 0) & (observed.time <= grid.days.size - 1))
    return likely_scales(here, usual, covariance_at)


def given_scales(text: str) -> Scales:
    """Scales of ``duacs`` that an option gives, the usual ones in the place of others.

    Parameters
    ----------
    text : as ``length_factor=1.2, noise=0.05``
    """
    given: dict[str, float | None] = {}
    known = [*SCALES, *FURTHER]
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = (word.strip() for word in item.partition("="))
        try:
            given[name] = float(value)
        except ValueError:
            given[name] = math.nan
        if name not in known or not math.isfinite(given[name] or 0.0):
            raise OceanbenchError(
                f"--set scales={text}: '{item}' is not scale=number with a scale of "
                f"{', '.join(known)}"
            )
    return chosen_scales(given, None)


def sea_mask(inputs: Mapping[str, xr.Dataset], variable: str, grid: MapGrid) -> BoolArray:
    """Where the sea is, (rows, columns): land is where a map among the inputs never has a value.

    Parameters
    ----------
    inputs : of which mean fields, training maps and other maps of the variable tell
    variable : its name
    grid : rows and columns
    """
    sea = np.ones(grid.shape[1:], bool)
    for data in inputs.values():
        if variable not in data or not {"latitude", "longitude"} <= set(data[variable].dims):
            continue
        known = data[variable].notnull()
        known = known.any([dim for dim in known.dims if dim not in ("latitude", "longitude")])
        if bool(known.all()):
            continue
        field = centre_longitude(known, grid.centre).sortby("latitude")
        nearest = field.sel(latitude=grid.latitude, longitude=grid.longitude, method="nearest")
        reach = [(float(field[n].min()), float(field[n].max())) for n in ("latitude", "longitude")]
        axes = (grid.latitude, grid.longitude)
        rows, columns = (
            (axis >= least) & (axis <= most)
            for axis, (least, most) in zip(axes, reach, strict=True)
        )
        beyond = ~(rows[:, None] & columns)
        sea &= beyond | nearest.transpose("latitude", "longitude").values
    return sea


def _mapped(
    inputs: Mapping[str, xr.Dataset],
    variable: str,
    grid: MapGrid,
    scales: Scales,
    missions: str,
    device: str,
) -> FloatArray:
    """Maps of ``duacs`` with scales of its own."""
    mean = mean_field(inputs, variable, grid.centre, of_training=True)
    place = (inputs, variable, grid.days[0], grid.centre)
    averaged = samples(*place, missions=missions, mean=mean)
    noise = np.full(len(averaged.missions), scales["noise"])
    settings = {"device": device, "precision": "single"}
    mapping = TiledMapping(scales, noise, settings=settings)
    days = np.arange(float(grid.days.size))
    maps = mapping.maps(averaged, days, grid.longitude, grid.latitude)["mean"]
    return mean_on(grid, mean) + maps


def _handed(maps: xr.DataArray, grid: MapGrid, name: str) -> FloatArray:
    """Maps on the days and nodes of a grid, their land filled, held beyond their ends."""
    field = centre_longitude(maps, grid.centre).sortby("latitude").load()
    field = field.transpose("time", "latitude", "longitude")
    if not bool(np.isfinite(field).all()):
        field = fill_holes(field)
    like = grid.field(np.zeros(grid.shape))
    inside = {}
    for axis in ("time", "latitude", "longitude"):
        first, last = field[axis].values.min(), field[axis].values.max()
        if last < like[axis].values[0] or first > like[axis].values[-1]:
            raise OceanbenchError(
                f"first_guess={name}: its maps have {axis} {first} to {last}, and what is mapped "
                f"{like[axis].values[0]} to {like[axis].values[-1]}; expected maps that meet it"
            )
        inside[axis] = like[axis].clip(first, last)
    unique = [np.unique(axis.values, return_inverse=True) for axis in inside.values()]
    small = xr.DataArray(
        np.zeros([values.size for values, _ in unique]),
        {name: values for name, (values, _) in zip(inside, unique, strict=True)},
        tuple(inside),
    )
    found: FloatArray = interpolate(field, small).values
    return found[np.ix_(*(place for _, place in unique))]
