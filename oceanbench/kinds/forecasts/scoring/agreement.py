"""That a target of forecasts is where the truth is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oceanbench.declaration import Declaration
from oceanbench.grid import same_nodes
from oceanbench.kinds.forecasts.daily_maps import Maps
from oceanbench.kinds.forecasts.grid import Grid
from oceanbench.kinds.forecasts.opening import maps_of
from oceanbench.kinds.forecasts.schedule import schedule_of
from oceanbench.kinds.places import check_ones, disagree


def check_target(declaration: Declaration, truth: Maps, grid: Grid, data_dir: Path | None) -> None:
    """Refuse a target of other nodes or days than the truth, or of other places on two days.

    These are the first and the last day that forecasts are valid at: maps of all are not read twice
    for it.

    Parameters
    ----------
    declaration : of the challenge
    truth, grid : its maps, and its nodes
    data_dir : folder of the challenge's files
    """
    name = declaration.target_name
    if name is None:
        return
    target, nodes = maps_of(declaration, name, data_dir=data_dir)
    for axis in ("latitude", "longitude"):
        if not same_nodes(getattr(nodes, axis), getattr(grid, axis)):
            disagree(declaration, f"{axis} has other nodes than the truth's")
    schedule = schedule_of(declaration)
    valid = np.unique([start + lead for start in schedule.starts for lead in schedule.leads])
    lost = [day for day in valid if int(day.astype(np.int64)) not in target.places]
    if lost:
        disagree(declaration, f"it has no map of {lost[0]} ({len(lost)} days in all)")
    for variable, depths in schedule.depths.items():
        for day in (valid[0], valid[-1]):
            given, known = (maps.read(variable, day, depths) for maps in (target, truth))
            apart = int((np.isfinite(given) != np.isfinite(known)).sum())
            if apart:
                words = f"'{variable}' is, or is not, at {apart} of {known.size} points on {day}"
                disagree(declaration, words)
            check_ones(given, variable, declaration)
