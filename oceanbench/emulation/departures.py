"""Fields as normalised departures from what is usual on their day: what emulators work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from oceanbench import seasons
from oceanbench.assimilation.anomalies import Days, FloatArray, maps_of, nodes_of, of_role
from oceanbench.errors import OceanbenchError

YEAR = 365.25  # days
IN_MEMORY = 2_000_000_000  # bytes of a dataset that is read once and kept
Window = dict[str, slice]  # rows and columns
WHOLE: Window = {"latitude": slice(None), "longitude": slice(None)}


@dataclass(frozen=True)
class Departures:
    """Usual fields by day, what is told of a place, and the units of departures.

    Attributes
    ----------
    nodes : one map, whose variables and coordinates all fields are brought to
    maps : of the usual
    sea : where every variable has a usual value, (rows, columns)
    mean : over the cycle, normalised, zero on land, (variables, rows, columns)
    centre, deviation : by which the mean and the departures are normalised, (variables)
    """

    nodes: xr.Dataset
    maps: xr.Dataset
    sea: NDArray[np.bool_]
    mean: Tensor
    centre: FloatArray
    deviation: FloatArray

    @property
    def variables(self) -> tuple[str, ...]:
        """Names, in the order of the channels."""
        return tuple(map(str, self.nodes.data_vars))

    def usual(self, days: Days, window: Window = WHOLE) -> FloatArray:
        """Usual fields of days, (days, variables, rows, columns), NaN on land."""
        cycle = seasons.cycle_of(self.maps)
        number = seasons.numbers(days, cycle)
        if cycle == seasons.ALWAYS:
            maps = self.maps.expand_dims(always=1).isel(always=number)
        else:
            maps = self.maps.sel({cycle: number})
        return _stacked(maps, self.nodes.isel(window))

    def apart(self, fields: xr.Dataset, days: Days, window: Window = WHOLE) -> Tensor:
        """Normalised departures of fields by day, zero on land, in single precision."""
        sea = self.sea[window["latitude"], window["longitude"]]
        found = _stacked(fields, self.nodes.isel(window)) - self.usual(days, window)
        found /= self.deviation[:, None, None]
        if missing := int(np.isnan(found[..., sea]).sum()):
            raise OceanbenchError(
                f"dataset '{fields.attrs.get('name')}': {missing} values are missing where the "
                f"climatology says that there is sea, on days from {days[0]} to {days[-1]}; fill "
                "them, or leave their places out of the climatology"
            )
        return torch.as_tensor(np.where(sea, found, 0.0), dtype=torch.float32)

    def whole(self, departures: Tensor, days: Days) -> FloatArray:
        """Fields of normalised departures (days, variables, rows, columns), NaN on land."""
        found = departures.double().cpu().numpy() * self.deviation[:, None, None]
        return np.where(self.sea, found + self.usual(days), np.nan)

    def fixed(self) -> Tensor:
        """What a network is told of a place: sea or land, and the mean; (1 + variables, …)."""
        return torch.cat([torch.as_tensor(self.sea, dtype=torch.float32)[None], self.mean])


def departures(
    inputs: Mapping[str, xr.Dataset],
    like: xr.Dataset,
    *,
    centre: FloatArray | None = None,
    deviation: FloatArray | None = None,
) -> Departures:
    """Departures from the climatology that a challenge gives.

    Parameters
    ----------
    inputs : with a dataset of role ``climatology``
    like : target or training maps, whose variables and nodes are taken
    centre, deviation : that a network learned with; by default the centre of the climatology, and
        no normalisation

    Raises
    ------
    OceanbenchError
        if a variable has several depths, or is not everywhere where others are
    """
    nodes, maps = nodes_of(like), of_role(inputs, "climatology")
    if maps.nbytes < IN_MEMORY:
        maps = maps.load()
    cycle = seasons.cycle_of(maps)
    mean = _stacked((maps.mean(cycle) if cycle in maps.dims else maps).expand_dims("map"), nodes)[0]
    seas = np.isfinite(mean)
    if (seas != seas.all(0)).any():
        raise OceanbenchError(
            "the variables of the climatology have different seas; an emulator needs them all in "
            "every cell: mask what is not everywhere"
        )
    sea = seas.all(0)
    if centre is None:
        centre = mean[:, sea].mean(1)
    if deviation is None:
        deviation = np.ones(len(mean))
    normal = np.where(sea, (mean - centre[:, None, None]) / deviation[:, None, None], 0.0)
    told = torch.as_tensor(normal, dtype=torch.float32)
    return Departures(nodes, maps, sea, told, centre, deviation)


def season(days: Days) -> Tensor:
    """Angle of the year of days, zero on 1 January."""
    number = seasons.numbers(days, "dayofyear") - 1
    return torch.as_tensor(2 * np.pi * number / YEAR, dtype=torch.float32)


def _stacked(fields: xr.Dataset, nodes: xr.Dataset) -> FloatArray:
    """Maps of the surface on nodes, (maps, variables, rows, columns)."""
    maps = maps_of(fields, nodes)
    for name, field in maps.items():
        if field.ndim != 3:
            raise OceanbenchError(
                f"'{name}' has dimensions {', '.join(map(str, nodes[name].dims))}, expected "
                "latitude and longitude; emulators forecast the surface"
            )
    return np.stack(list(maps.values()), 1)
