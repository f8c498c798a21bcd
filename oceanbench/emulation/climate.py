"""What is usual of fields by day, and fields as normalised departures from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from oceanbench.errors import OceanbenchError

DIMS = ("latitude", "longitude")
CYCLES = ("dayofyear", "month")  # dimensions of a climatology
TOLERANCE = 1e-3  # degrees between equal nodes
YEAR = 365.25  # days
IN_MEMORY = 2_000_000_000  # bytes of a dataset that is read once and kept

Days = NDArray[np.datetime64]
Window = dict[str, slice]
FloatArray = NDArray[np.float64]


def of_role(inputs: Mapping[str, xr.Dataset], role: str, name: str) -> xr.Dataset:
    """Dataset of a role among the inputs; refused, in the name of a method, if there is none."""
    for dataset in inputs.values():
        if dataset.attrs.get("role") == role:
            return dataset.load() if dataset.nbytes < IN_MEMORY else dataset
    raise OceanbenchError(
        f"{name}: the challenge has no dataset of role '{role}', which it needs; add one"
    )


@dataclass(frozen=True)
class Climate:
    """Usual fields by day, what they depart from, and where there is sea.

    Attributes
    ----------
    variables : names, in the order of the channels
    maps : of the usual, along a day of the year, a month, or nothing
    sea : where every variable has a usual value, (rows, columns)
    mean : over the cycle, normalised, zero on land, (variables, rows, columns)
    centre, deviation : by which the mean and the departures are normalised, (variables)
    """

    variables: tuple[str, ...]
    maps: xr.Dataset
    sea: NDArray[np.bool_]
    mean: Tensor
    centre: FloatArray
    deviation: FloatArray

    def usual(self, days: Days, window: Window | None = None) -> FloatArray:
        """Usual fields of days, (days, variables, rows, columns), NaN on land."""
        cycle = next((c for c in CYCLES if c in self.maps.dims), None)
        maps = self.maps if window is None else self.maps.isel(window)
        if cycle is not None:
            when = xr.DataArray(np.asarray(days, "M8[ns]"), dims="time")
            maps = maps.sel({cycle: getattr(when.dt, cycle)})
        found = _stacked(maps, self.variables)
        return np.broadcast_to(found, (len(days), *found.shape[-3:]))

    def apart(self, fields: xr.Dataset, days: Days, window: Window | None = None) -> Tensor:
        """Normalised departures of fields by day, zero on land, in single precision."""
        sea = self.sea if window is None else self.sea[window["latitude"], window["longitude"]]
        found = _stacked(fields, self.variables) - self.usual(days, window)
        found /= self.deviation[:, None, None]
        if missing := int(np.isnan(found[..., sea]).sum()):
            raise OceanbenchError(
                f"{missing} values are missing where the climatology says that there is sea, on "
                f"days from {days[0]} to {days[-1]}; fill them, or mask the climatology there"
            )
        return torch.as_tensor(np.where(sea, found, 0.0), dtype=torch.float32)

    def whole(self, departures: Tensor, days: Days) -> FloatArray:
        """Fields of normalised departures (days, variables, rows, columns), NaN on land."""
        found = departures.double().cpu().numpy() * self.deviation[:, None, None]
        return np.where(self.sea, found + self.usual(days), np.nan)

    def fixed(self) -> Tensor:
        """What a network is told of a place: sea or land, and the mean; (1 + variables, …)."""
        return torch.cat([torch.as_tensor(self.sea, dtype=torch.float32)[None], self.mean])


def climate(
    maps: xr.Dataset,
    variables: Sequence[str],
    *,
    centre: FloatArray | None = None,
    deviation: FloatArray | None = None,
    like: xr.Dataset | None = None,
) -> Climate:
    """Climate of a dataset of role ``climatology``.

    Parameters
    ----------
    maps : of the usual
    variables : to take of it
    centre, deviation : that it was learned with; by default its own centre, and no normalisation
    like : on whose nodes; by default its own
    """
    maps = on_nodes(maps[list(variables)], like if like is not None else maps)
    cycle = [c for c in CYCLES if c in maps.dims]
    mean = _stacked(maps.mean(cycle) if cycle else maps, variables)[0]
    sea = np.isfinite(mean).all(0)
    if centre is None:
        centre = mean[:, sea].mean(1)
    if deviation is None:
        deviation = np.ones(len(mean))
    normal = np.where(sea, (mean - centre[:, None, None]) / deviation[:, None, None], 0.0)
    told = torch.as_tensor(normal, dtype=torch.float32)
    return Climate(tuple(variables), maps, sea, told, centre, deviation)


def on_nodes(dataset: xr.Dataset, like: xr.Dataset) -> xr.Dataset:
    """Rows and columns of a dataset that are those of another."""
    try:
        return dataset.sel({d: like[d] for d in DIMS}, method="nearest", tolerance=TOLERANCE)
    except KeyError as problem:
        raise OceanbenchError(
            f"dataset '{dataset.attrs.get('name', '')}': its nodes are not those of the forecasts; "
            "use one grid"
        ) from problem


def season(days: Days) -> Tensor:
    """Angle of the year of days, zero on 1 January."""
    since = days.astype("M8[D]") - days.astype("M8[Y]").astype("M8[D]")
    return torch.as_tensor(2 * np.pi * since.astype(float) / YEAR, dtype=torch.float32)


def _stacked(fields: xr.Dataset, variables: Sequence[str]) -> Any:
    """Variables of a dataset as (days, variables, rows, columns), of one day if it has none."""
    found = []
    for name in variables:
        field = fields[name]
        if field.sizes.get("depth") == 1:
            field = field.isel(depth=0)
        first = [d for d in field.dims if d not in DIMS]
        if len(first) > 1:
            raise OceanbenchError(
                f"'{name}' has dimensions {field.dims}, expected fields of the surface by day"
            )
        values = field.transpose(*first, *DIMS).values.astype(np.float64)
        found.append(values if first else values[None])
    return np.stack(found, 1)
