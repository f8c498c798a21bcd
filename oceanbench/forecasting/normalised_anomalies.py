"""Fields as normalised anomalies from what is usual on their day: what emulators work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench import times
from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.errors import OceanbenchError
from oceanbench.forecasting.anomalies import Days, maps_of, nodes_of, of_role

YEAR = 365.25  # days
IN_MEMORY = 2_000_000_000  # bytes of a dataset that is read once and kept
Window = dict[str, slice]  # rows and columns
WHOLE: Window = {"latitude": slice(None), "longitude": slice(None)}


@dataclass(frozen=True)
class NormalisedAnomalies:
    """Usual fields by day, what is told of a place, and the units of anomalies.

    Attributes
    ----------
    nodes : one map, whose variables and coordinates all fields are brought to
    maps : of the usual
    parts : channels of each variable, one for each of its depths
    sea : where there is a usual value, (channels, rows, columns)
    mean : over the cycle, normalised, zero on land, (channels, rows, columns)
    centre, deviation : by which the mean and the anomalies are normalised, (channels)
    """

    nodes: xr.Dataset
    maps: xr.Dataset
    parts: Mapping[str, slice]
    sea: BoolArray
    mean: Tensor
    centre: FloatArray
    deviation: FloatArray

    def usual(self, days: Days, window: Window = WHOLE) -> FloatArray:
        """Usual fields of days, (days, channels, rows, columns), NaN on land."""
        cycle = times.cycle_of(self.maps)
        number = times.numbers(days, cycle)
        if cycle == times.ALWAYS:
            maps = self.maps.expand_dims(always=1).isel(always=number)
        else:
            maps = self.maps.sel({cycle: number})
        return _stacked(maps, self.nodes.isel(window))

    def normalised(self, fields: xr.Dataset, days: Days, window: Window = WHOLE) -> Tensor:
        """Normalised anomalies of fields by day, zero on land, in single precision."""
        sea = self.sea[:, window["latitude"], window["longitude"]]
        found = _stacked(fields, self.nodes.isel(window)) - self.usual(days, window)
        found /= self.deviation[:, None, None]
        if missing := int(np.isnan(found[:, sea]).sum()):
            raise OceanbenchError(
                f"dataset '{fields.attrs.get('name')}': {missing} values are missing where the "
                f"climatology says that there is sea, on days from {days[0]} to {days[-1]}; fill "
                "them, or leave their places out of the climatology"
            )
        return torch.as_tensor(np.where(sea, found, 0.0), dtype=torch.float32)

    def whole(self, anomalies: Tensor, days: Days) -> dict[str, FloatArray]:
        """Fields of anomalies (days, channels, rows, columns) by variable, NaN on land."""
        found = anomalies.double().cpu().numpy() * self.deviation[:, None, None]
        found = np.where(self.sea, found + self.usual(days), np.nan)
        fields = {}
        for name, part in self.parts.items():
            shape = [self.nodes.sizes[d] for d in self.nodes[name].dims]
            fields[name] = found[:, part].reshape(len(found), *shape)
        return fields

    def seas(self) -> Tensor:
        """Where there is sea, (channels, rows, columns), in single precision."""
        return torch.as_tensor(self.sea, dtype=torch.float32)

    def place(self) -> Tensor:
        """What a network is told of a place: sea or land, and the mean; (1 + channels, …)."""
        return torch.cat([self.seas().amax(0, keepdim=True), self.mean])


def normalised_anomalies(
    inputs: Mapping[str, xr.Dataset],
    like: xr.Dataset,
    *,
    centre: FloatArray | None = None,
    deviation: FloatArray | None = None,
) -> NormalisedAnomalies:
    """Anomalies from the climatology that a challenge gives.

    Parameters
    ----------
    inputs : with a dataset of role ``climatology``
    like : target or training maps, whose variables and nodes are taken
    centre, deviation : that a network learned with; by default the centre of the climatology, and
        no normalisation
    """
    nodes, maps = nodes_of(like), of_role(inputs, "climatology")
    if maps.nbytes < IN_MEMORY:
        maps = maps.load()
    cycle = times.cycle_of(maps)
    parts: dict[str, slice] = {}
    for name, field in nodes.data_vars.items():
        first = max((part.stop for part in parts.values()), default=0)
        parts[str(name)] = slice(first, first + field.sizes.get("depth", 1))
    mean = _stacked((maps.mean(cycle) if cycle in maps.dims else maps).expand_dims("map"), nodes)[0]
    sea = np.isfinite(mean)
    if centre is None:
        centre = np.nanmean(mean, axis=(1, 2))
    if deviation is None:
        deviation = np.ones(len(mean))
    normal = np.where(sea, (mean - centre[:, None, None]) / deviation[:, None, None], 0.0)
    told = torch.as_tensor(normal, dtype=torch.float32)
    return NormalisedAnomalies(nodes, maps, parts, sea, told, centre, deviation)


def season(days: Days) -> Tensor:
    """Angle of the year of days, zero on 1 January."""
    number = times.numbers(days, "dayofyear") - 1
    return torch.as_tensor(2 * np.pi * number / YEAR, dtype=torch.float32)


def _stacked(fields: xr.Dataset, nodes: xr.Dataset) -> FloatArray:
    """Maps on nodes, (maps, channels, rows, columns): depths of a variable are channels."""
    maps = maps_of(fields, nodes).values()
    return np.concatenate([m.reshape(len(m), -1, *m.shape[-2:]) for m in maps], axis=1)
