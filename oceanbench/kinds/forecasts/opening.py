"""Datasets of a challenge of forecasts, on the nodes and depths that are scored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr

from oceanbench.data import opening
from oceanbench.declaration import Declaration
from oceanbench.errors import OceanbenchError
from oceanbench.kinds import gridded
from oceanbench.kinds.expected import check_level, check_surface, expected
from oceanbench.kinds.forecasts import submitted_fields
from oceanbench.kinds.forecasts.daily_maps import Maps, as_days, open_maps
from oceanbench.kinds.forecasts.derivation import Derivation
from oceanbench.kinds.forecasts.grid import Grid, depths_found_in
from oceanbench.kinds.forecasts.schedule import SURFACE, has_maps, keys, schedule_of
from oceanbench.kinds.forecasts.starts.delivery import check_dates


def declared_grid(declaration: Declaration) -> Grid | None:
    """Nodes of a challenge that declares them, else those of the truth are scored."""
    grid = declaration.submission.grid
    return None if grid is None else Grid.regular(declaration.scored.box, grid.step_degrees)


def derivation_of(declaration: Declaration, grid: Grid) -> Derivation:
    """How the derived variables of a challenge are made on its nodes."""
    own = keys(declaration)
    return Derivation(own.derived, grid, tuple(own.depths))


def open_dataset(
    declaration: Declaration, name: str, data_dir: Path | None, period: slice | None = None
) -> xr.Dataset:
    """Open a dataset on the declared grid and depths; initial conditions have a map a start."""
    if declaration.datasets[name].role == "initial":
        return _open_initial(declaration, name, data_dir)
    dataset = declaration.datasets[name]
    opened = gridded.open_dataset(declaration, name, data_dir, period, columns=True)
    if dataset.layout in ("grid", "static"):
        check_levels(declaration, opened, name)
    if dataset.of_delivery:
        check_dates(opened, name)
        return opened  # on its own nodes
    return _on_nodes(declaration, opened, name)


def check_levels(declaration: Declaration, opened: xr.Dataset, name: str) -> None:
    """Refuse inputs of one level that is not the challenge's."""
    depths, columns = keys(declaration).depths, schedule_of(declaration).depths
    for variable, array in opened.data_vars.items():
        column = columns.get(str(variable))
        if column == SURFACE:
            check_surface(array, name, known=depths)
        elif column is not None and "depth" not in array.dims:
            check_level(array, column, name)
        elif column is not None:
            depths_found_in(opened, depths, name, all_of_them=True)


def _open_initial(declaration: Declaration, name: str, data_dir: Path | None) -> xr.Dataset:
    """Initial conditions: the maps of the starts and of no other day, which may be the truth's.

    Methods must use none of a later start than that of the forecast they make. Nowcasts from
    observations may reach beyond the domain, and say how far their anomaly lasts.
    """
    dataset = declaration.datasets[name]
    from_observations = keys(declaration).inputs == "observations"
    opened = opening.open_dataset(
        declaration.files(name, data_dir),
        variables=dataset.variables,
        expected=expected(declaration, dataset),
        layout="grid",
        box=None if from_observations else declaration.scored.box._replace(time=None),
    )
    check_levels(declaration, opened, name)
    days = as_days(opened["time"], name)
    starts = schedule_of(declaration).starts
    if lost := [str(start) for start in starts if start not in days]:
        raise OceanbenchError(
            f"{declaration.name}: dataset '{name}' has no map of {lost[0]} ({len(lost)} starts in "
            "all); a file is missing or incomplete"
        )
    if twice := [str(start) for start in starts if (days == start).sum() > 1]:
        raise OceanbenchError(
            f"{declaration.name}: dataset '{name}' has two maps of {twice[0]}; keep one a start"
        )
    index = [int(np.flatnonzero(days == start)[0]) for start in starts]
    initial = _on_nodes(declaration, opened.isel(time=index), name).rename(time="start")
    damping = keys(declaration).damping
    told = {"damping": damping} if damping else {}
    return initial.assign_coords(start=starts.astype("datetime64[ns]")).assign_attrs(told)


def _on_nodes(declaration: Declaration, opened: xr.Dataset, name: str) -> xr.Dataset:
    """Inputs on the declared grid and depths: files may have more of both.

    What forecasts from observations begin with stays on its own nodes, which may reach further.
    """
    grid, depths = declared_grid(declaration), keys(declaration).depths
    if grid is None or keys(declaration).inputs == "observations":
        return opened
    opened = opened.isel(grid.found_in(opened, name))
    opened = opened.assign_coords(latitude=grid.latitude, longitude=grid.longitude)
    if "depth" not in opened.dims or not depths:
        return opened
    levels = depths_found_in(opened, depths, name, all_of_them=True)
    return opened.isel(depth=[levels[d] for d in depths]).assign_coords(depth=depths)


def grid_of(declaration: Declaration, data_dir: Path | None = None) -> Grid:
    """Nodes that a submission has: those that are declared, or those of the truth."""
    declared = declared_grid(declaration)
    if declared is not None and not has_maps(declaration):
        return declared
    return maps_of(declaration, declaration.scored_at(data_dir), data_dir=data_dir)[1]


def maps_of(
    declaration: Declaration, name: str, grid: Grid | None = None, data_dir: Path | None = None
) -> tuple[Maps, Grid]:
    """Maps by day of a dataset, on the nodes that are scored."""
    found, nodes = open_maps(
        name,
        declaration.files(name, data_dir),
        declaration.datasets[name].variables,
        expected(declaration, declaration.datasets[name]),
        grid=grid or declared_grid(declaration) or declaration.scored.box,
        depths=keys(declaration).depths,
        columns=schedule_of(declaration).depths,
    )
    return replace(found, derivation=derivation_of(declaration, nodes)), nodes


def target(declaration: Declaration, data_dir: Path | None) -> xr.Dataset:
    """Variables by start and lead, read-only and of no size: a method makes its own."""
    grid = grid_of(declaration, data_dir)
    units = {name: variable.units for name, variable in declaration.submission.variables.items()}
    return submitted_fields.target(schedule_of(declaration), grid, units)
