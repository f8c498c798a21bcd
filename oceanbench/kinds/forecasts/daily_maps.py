"""Maps of a dataset by day, read when they are asked for: truth, climatology, masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from oceanbench import times
from oceanbench.arrays import AnyFloatArray, TimeArray
from oceanbench.data import opening
from oceanbench.data.coordinates import canonical
from oceanbench.data.expressions import parse_sum
from oceanbench.data.plausibility import (
    Expected,
    check_plausible,
    check_units,
    expected_in,
)
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.grid import same_nodes
from oceanbench.kinds.expected import check_level, check_surface, same_levels
from oceanbench.kinds.forecasts.derivation import Column, Derivation
from oceanbench.kinds.forecasts.grid import Grid, Index, as_slice, depths_found_in
from oceanbench.times import utc_days

PLACES = ("latitude", "longitude")
SURFACE: Column = (None,)


class MapPlace(NamedTuple):
    """Where a map lies: in which dataset, and at which index of which dimension."""

    dataset: xr.Dataset
    dim: str | None
    number: int


@dataclass(frozen=True)
class Maps:
    """Maps by day; of a climatology, by the number of a day of the year or of a month.

    Attributes
    ----------
    name : of the dataset, for messages
    variables : canonical name -> name, or sum of names, in the files
    places : day, or number -> where its maps lie
    cycle : ``dayofyear`` or ``month`` of a climatology, ``always`` of a map without time, else None
    nodes : rows and columns that are the grid's
    depths : place of each of the challenge's depths in the files
    derivation : of the variables that no file has
    expected : unit and range of each variable
    """

    name: str
    variables: Mapping[str, str]
    places: Mapping[int, MapPlace]
    cycle: str | None
    nodes: Mapping[str, Index]
    depths: Mapping[float, int]
    derivation: Derivation | None = None
    expected: Mapping[str, Expected] = field(default_factory=dict)

    def read(
        self, variable: str, day: np.datetime64, depths: Sequence[float | None]
    ) -> AnyFloatArray:
        """Maps of a variable, shape (depth, latitude, longitude); see :meth:`read_days`."""
        maps: AnyFloatArray = self.read_days(variable, [day], depths)[0]
        return maps

    def read_days(
        self, variable: str, days: Sequence[np.datetime64], depths: Sequence[float | None]
    ) -> AnyFloatArray:
        """Maps of a variable, (day, depth, latitude, longitude); a depth None is the surface.

        Days that follow each other in a file are read at once.

        Raises
        ------
        OceanbenchError
            if there is no map of one of the days, or its values are not plausible
        """
        if self.derivation is not None and variable in self.derivation.quantities:
            return self.derivation.read(variable, lambda n, d: self.read_days(n, days, d), axis=-3)
        runs = [self._run(variable, run, depths) for run in _runs([self._place(d) for d in days])]
        return runs[0] if len(runs) == 1 else np.concatenate(runs)

    def _place(self, day: np.datetime64) -> MapPlace:
        place = self.places.get(self._key(day))
        if place is None:
            raise OceanbenchError(
                f"dataset '{self.name}' has no map of {day}; a file is missing or incomplete"
            )
        return place

    def _run(
        self, variable: str, run: Sequence[MapPlace], depths: Sequence[float | None]
    ) -> AnyFloatArray:
        """Maps of places that follow each other."""
        dataset, dim, first = run[0]
        selection: dict[str, Any] = dict(self.nodes)
        if dim is not None:
            selection[dim] = slice(first, first + len(run))
        total: AnyFloatArray | None = None
        for sign, source in parse_sum(self.variables[variable]):
            part = dataset.variables[source].isel(selection, missing_dims="ignore")
            maps = self._levels(part, dim, depths)
            maps = maps if sign == 1 else sign * maps
            total = maps if total is None else total + maps
        assert total is not None  # a sum has a term
        if total.dtype.kind == "f":
            wanted = expected_in(self.expected, variable)
            check_plausible(total, variable, wanted, f"dataset '{self.name}'")
        return np.broadcast_to(total, (len(run), *total.shape[1:]))

    def _levels(
        self, maps: xr.Variable, dim: str | None, depths: Sequence[float | None]
    ) -> AnyFloatArray:
        """Values (day, depth, latitude, longitude); one day of maps that have none."""
        if "depth" in maps.dims:
            levels = np.array([0 if d is None else self.depths[d] for d in depths])
            maps = maps.isel(depth=as_slice(levels))
        order = [n for n in (dim, "depth", "latitude", "longitude") if n in maps.dims]
        values = np.asarray(maps.transpose(*order).values)
        values = values if dim in maps.dims else values[None]
        if "depth" in maps.dims:
            return values
        return np.broadcast_to(values[:, None], (len(values), len(depths), *values.shape[1:]))

    def _key(self, day: np.datetime64) -> int:
        if self.cycle is None:
            return int(day.astype("datetime64[D]").astype(np.int64))
        return int(times.numbers(np.array(day), self.cycle))


def open_maps(
    name: str,
    files: Sequence[Path],
    variables: Mapping[str, str],
    expected: Mapping[str, Expected],
    *,
    grid: Grid | opening.Bounds,
    depths: Sequence[float] = (),
    columns: Mapping[str, Column] | None = None,
) -> tuple[Maps, Grid]:
    """Find the maps of a dataset; no map is read.

    Parameters
    ----------
    name : of the dataset
    files : of all days; one of a climatology or a mask
    variables : canonical name -> name, or sum of names, in the files
    expected : unit of each variable, checked where the files state one, and range of its values
    grid : nodes to find in the files, or the box whose nodes in them are the grid
    depths : of the challenge, all of which the files must have if they have a depth
    columns : depths of each variable, of those that must have some

    Returns
    -------
    the maps, and the grid
    """
    places: dict[int, MapPlace] = {}
    cycle: str | None = None
    first: xr.Dataset | None = None
    left = opening.READ_WHOLE
    for file in files:
        opened = canonical(opening.open_file(file, chunks=None), file.name, "static")
        _check_variables(opened, variables, expected, file.name)
        _check_levels(opened, variables, depths, columns or {}, file.name)
        left -= opened.nbytes
        opened = opening.loaded(opened, file.name) if left >= 0 else opened
        if first is None:
            first, cycle = opened, _cycle(opened)
        elif not all(same_nodes(opened[n].values, first[n].values) for n in PLACES):
            raise OceanbenchError(f"{file.name}: another grid than {files[0].name}; use one grid")
        elif not same_levels(opened, first):
            raise OceanbenchError(f"{file.name}: other depths than {files[0].name}; use the same")
        for key, place in _places(opened, cycle, file.name).items():
            if key in places:
                raise OceanbenchError(f"{file.name}: a map of dataset '{name}' is given twice")
            places[key] = place
    assert first is not None  # challenge.files refuses none
    if isinstance(grid, opening.Bounds):
        grid = Grid.inside(first, grid, files[0].name)
    nodes = grid.found_in(first, files[0].name)
    found: dict[float, int] = {}
    if "depth" in first.dims and depths:
        found = depths_found_in(first, depths, files[0].name, all_of_them=True)
    elif first.sizes.get("depth", 1) > 1:
        raise OceanbenchError(
            f"{files[0].name}: has {first.sizes['depth']} depths and the challenge declares none; "
            "add 'depths' to challenge.yaml"
        )
    return Maps(name, variables, places, cycle, nodes, found, expected=expected), grid


def _runs(places: Sequence[MapPlace]) -> list[list[MapPlace]]:
    """Places by runs of those that follow each other in a dataset."""
    runs: list[list[MapPlace]] = []
    for place in places:
        last = runs[-1][-1] if runs else place
        step = place.number - last.number
        if runs and place.dataset is last.dataset and (place.dim is None or step == 1):
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


def _cycle(dataset: xr.Dataset) -> str | None:
    if "time" in dataset.dims:
        return None
    return times.cycle_of(dataset)


def _places(dataset: xr.Dataset, cycle: str | None, where: str) -> dict[int, MapPlace]:
    if cycle == times.ALWAYS:
        return {0: MapPlace(dataset, None, 0)}
    if cycle is not None:
        numbers = dataset[cycle].values
        times.check_whole(numbers, cycle, where)
        return {int(n): MapPlace(dataset, cycle, i) for i, n in enumerate(numbers)}
    days = as_days(dataset["time"], where)
    if np.unique(days).size != days.size:
        raise OceanbenchError(f"{where}: two maps of one day; keep daily means")
    return {int(d.astype(np.int64)): MapPlace(dataset, "time", i) for i, d in enumerate(days)}


def as_days(time: xr.DataArray, where: str) -> TimeArray:
    """UTC days of times: daily means are stamped at 00:00 or at 12:00."""
    if time.dtype.kind != "M":
        raise OceanbenchError(
            f"{where}: {time.name} is of type {time.dtype}, expected dates; write the attribute "
            "'units: days since YYYY-MM-DD'"
        )
    if bool(time.isnull().any()):
        raise OceanbenchError(f"{where}: a value of {time.name} is missing (NaT); give every date")
    return utc_days(np.atleast_1d(time.values))


def _check_variables(
    dataset: xr.Dataset, variables: Mapping[str, str], expected: Mapping[str, Expected], where: str
) -> None:
    for name, expression in variables.items():
        for _, source in parse_sum(expression):
            if source not in dataset.data_vars:
                hint = did_you_mean(source, map(str, dataset.data_vars))
                raise OceanbenchError(f"{where}: no variable '{source}'; {hint}")
            check_units(dataset[source], expected_in(expected, name), where)
            known = {"time", "depth", *PLACES, *times.CYCLES}
            dims = set(map(str, dataset[source].dims))
            if other := sorted((dims - known) | (set(PLACES) - dims)):
                has = "has a" if other[0] in dims else "has no"
                raise OceanbenchError(
                    f"{where}: '{source}' {has} dimension '{other[0]}', expected one value at each "
                    "node of a map; select it, or write maps"
                )


def _check_levels(
    dataset: xr.Dataset,
    variables: Mapping[str, str],
    depths: Sequence[float],
    columns: Mapping[str, Column],
    where: str,
) -> None:
    """Refuse variables of one level that is not the challenge's, or that have none of several."""
    for name, expression in variables.items():
        for _, source in parse_sum(expression):
            array, column = dataset[source], columns.get(name)
            if column == SURFACE:
                check_surface(array, where, known=depths)
            elif column is not None and "depth" not in array.dims:
                check_level(array, column, where)
