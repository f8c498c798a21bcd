"""Initial conditions, training maps and climatology of a challenge of forecasts, and back.

A map of every variable and depth is one vector of the values in the sea; an anomaly is its
difference from the climatology that the challenge gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xarray as xr

from oceanbench import times
from oceanbench.arrays import BoolArray, FloatArray, TimeArray
from oceanbench.errors import OceanbenchError
from oceanbench.grid import SAME_NODE, centre_longitude, same_depth
from oceanbench.times import utc_days

Days = TimeArray


class Series(NamedTuple):
    """Vectors of maps, (maps, values), of days that increase; some may be missing."""

    days: Days
    values: FloatArray


def of_role(inputs: Mapping[str, xr.Dataset], role: str) -> xr.Dataset:
    """First dataset of a role that the challenge gives.

    Raises
    ------
    OceanbenchError
        if there is none
    """
    for dataset in inputs.values():
        if dataset.attrs.get("role") == role:
            return dataset
    raise OceanbenchError(
        f"the challenge gives no dataset of role '{role}', which this method needs; add one to "
        "challenge.yaml, or choose another method"
    )


def analyses(inputs: Mapping[str, xr.Dataset], target: xr.Dataset) -> xr.Dataset:
    """Initial conditions of the starts to forecast from; those of earlier starts are left out.

    Raises
    ------
    OceanbenchError
        if there are none
    """
    return of_role(inputs, "initial").sel(start=target["start"].values)


def days_of(dataset: xr.Dataset) -> Days:
    """Days of the maps of a dataset, along ``time`` or ``start``."""
    return utc_days(dataset["start" if "start" in dataset.dims else "time"].values)


def nodes_of(like: xr.Dataset) -> xr.Dataset:
    """One map without a date: variables, nodes and depths of a target or of training maps."""
    along = [dim for dim in ("start", "lead", "time") if dim in like.dims]
    return like.isel(dict.fromkeys(along, 0), drop=True)


def maps_of(dataset: xr.Dataset, nodes: xr.Dataset) -> dict[str, FloatArray]:
    """Values (maps, [depth,] latitude, longitude) of each variable, on the nodes of another map.

    The maps are along the dimension that the nodes do not have. Of a variable that has no depth
    there, they are those of the first depth.

    Raises
    ------
    OceanbenchError
        if a node or a depth is not there: nothing is interpolated
    """
    east = nodes["longitude"].values
    turned = centre_longitude(dataset[list(nodes.data_vars)], float(east[0] + east[-1]) / 2)
    try:
        places = {"latitude": nodes["latitude"].values, "longitude": east}
        found = turned.sel(places, method="nearest", tolerance=SAME_NODE)
        if "depth" in found.dims and "depth" in nodes.dims:
            depths = nodes["depth"].values
            found = found.sel(depth=depths, method="nearest")
            if not same_depth(found["depth"].values, depths).all():
                raise KeyError(f"depths {found['depth'].values}, expected {depths}")
    except KeyError as problem:
        raise OceanbenchError(
            f"dataset '{dataset.attrs.get('name')}' lacks nodes or depths of the target "
            f"({problem.args[0]}); interpolate its maps to the grid of the truth"
        ) from problem
    maps = {}
    for name, like in nodes.data_vars.items():
        field = found[name]
        if "depth" in field.dims and "depth" not in like.dims:
            field = field.isel(depth=0, drop=True)
        field = field.transpose(..., *like.dims)
        maps[str(name)] = field.values.astype(np.float64)
    return maps


@dataclass(frozen=True)
class Climate:
    """What is usual on every day of the year, and which values of a map are in the sea.

    Attributes
    ----------
    nodes : variables without values, whose dimensions and coordinates all maps are brought to
    sea : of every variable, ([depth,] latitude, longitude): where the climatology has values
    usual : (numbers, values) vectors of the climatology
    cycle : what is numbered, a key of :data:`oceanbench.times.CYCLES`, or ``always``
    """

    nodes: xr.Dataset
    sea: Mapping[str, BoolArray]
    usual: FloatArray
    cycle: str

    @classmethod
    def of(cls, inputs: Mapping[str, xr.Dataset], like: xr.Dataset) -> Climate:
        """Read the climatology of a challenge.

        Parameters
        ----------
        inputs : of a method, with a dataset of role ``climatology``
        like : the target, or training maps: its variables, nodes and depths are those of vectors
        """
        dataset = of_role(inputs, "climatology")
        cycle = times.cycle_of(dataset)
        if cycle == times.ALWAYS:
            ordered = dataset.expand_dims(cycle)
        else:
            name = f"dataset '{dataset.attrs.get('name')}'"
            times.check_whole(dataset[cycle].values, cycle, name)
            ordered = dataset.sortby(cycle)
        nodes = nodes_of(like)
        maps = maps_of(ordered, nodes)
        sea = {name: np.asarray(np.isfinite(array).all(axis=0)) for name, array in maps.items()}
        usual = np.concatenate([array[:, sea[name]] for name, array in maps.items()], axis=1)
        return cls(nodes, sea, usual, cycle)

    @property
    def parts(self) -> dict[str, slice]:
        """Where the values of each variable lie in a vector."""
        ends = np.cumsum([0, *(sea.sum() for sea in self.sea.values())]).tolist()
        return {n: slice(a, b) for n, a, b in zip(self.sea, ends[:-1], ends[1:], strict=True)}

    @property
    def area(self) -> FloatArray:
        """Weight of every value, (values,): the cosine of its latitude."""
        weights = []
        for name, sea in self.sea.items():
            cosine = np.cos(np.deg2rad(self.nodes[name]["latitude"].values))
            weights.append(np.broadcast_to(cosine[:, None], sea.shape)[sea])
        return np.concatenate(weights)

    def on(self, days: Days) -> FloatArray:
        """What is usual on days, (…, values)."""
        number = times.numbers(days, self.cycle)
        usual: FloatArray = self.usual[number if self.cycle == times.ALWAYS else number - 1]
        return usual

    def anomalies(self, dataset: xr.Dataset) -> Series:
        """Anomalies of maps along ``time`` or ``start`` from what is usual."""
        maps = maps_of(dataset, self.nodes)
        values = [maps[name][:, sea] for name, sea in self.sea.items()]
        days = days_of(dataset)
        return Series(days, np.concatenate(values, axis=1) - self.on(days))

    def forecast(self, anomalies: FloatArray, target: xr.Dataset) -> xr.Dataset:
        """Fill a target with anomalies (start, lead, values) from what is usual; land is NaN."""
        leads = target["lead"].values.astype("timedelta64[D]")
        values = anomalies + self.on(days_of(target)[:, None] + leads)
        filled = {}
        for name, part in self.parts.items():
            maps = np.full((*values.shape[:2], *self.sea[name].shape), np.nan, np.float32)
            maps[:, :, self.sea[name]] = values[..., part]
            filled[name] = target[name].copy(data=maps)
        return target.assign(filled)
