"""The forecasts of a submission, found in its files; no field is read but of small files."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

import xarray as xr

from oceanbench.data import opening
from oceanbench.data.checks.files import open_untrusted
from oceanbench.data.coordinates import canonical
from oceanbench.declaration import Declaration, std_name
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.forecasts import lead_conventions
from oceanbench.kinds.forecasts.grid import Grid
from oceanbench.kinds.forecasts.opening import derivation_of, grid_of
from oceanbench.kinds.forecasts.schedule import keys, schedule_of
from oceanbench.kinds.forecasts.submitted_fields import Forecasts, gather
from oceanbench.kinds.kind import Submitted
from oceanbench.kinds.submitted import check_variable, find, find_std


def read(declaration: Declaration, submitted: Submitted, data_dir: Path | None = None) -> Forecasts:
    """Where each forecast of a submission lies, on the nodes that are scored."""
    return find_forecasts(declaration, submitted, grid_of(declaration, data_dir))


def find_forecasts(
    declaration: Declaration, submitted: Submitted, grid: Grid, *, at_once: bool = True
) -> Forecasts:
    """Where each forecast of a submission lies, on the nodes of a grid.

    Parameters
    ----------
    declaration, submitted : as a kind reads them
    grid : of the truth
    at_once : whether small files are read now; not where only some of their starts are looked at

    Raises
    ------
    OceanbenchError
        what was found, where, what was expected and what to do
    """
    parts = []
    left = opening.READ_WHOLE if at_once else 0
    for file in submitted.files:
        opened = _open(declaration, file)
        part = lead_conventions.canonical(opened, keys(declaration).leads, file.name)
        for name in part.data_vars:
            deep = ["depth"] if "depth" in part[name].dims else []  # whether it must: gather's
            dims = ["start", "lead", *deep, "latitude", "longitude"]
            check_variable(part[name], declaration.submission.variables[str(name)], dims, file.name)
        left -= part.nbytes
        parts.append((file.name, opening.loaded(part, file.name) if left >= 0 else part))
    found = gather(parts, schedule_of(declaration), grid)
    return found.deriving(derivation_of(declaration, grid))


def _open(declaration: Declaration, file: Path) -> xr.Dataset:
    """Variables that a file has, which need not be all, under their canonical names."""
    opened = open_untrusted(file, budget=declaration.budget)
    variables = declaration.submission.variables
    chosen: dict[Hashable, str] = {}
    for name, rules in variables.items():
        if {name, *rules.aliases} & set(opened.data_vars):
            chosen[find(opened, name, rules, file.name)] = name
            if (std := find_std(opened, name, rules, file.name)) is not None:
                chosen[std] = std_name(name)
    if not chosen:
        name, rules = next(iter(variables.items()))
        find(opened, name, rules, file.name)  # refuses, and says what is expected
    if deviations := [name for name in chosen.values() if name not in variables]:
        raise OceanbenchError(
            f"{file.name}: '{deviations[0]}' is a standard deviation, which forecasts do not have; "
            "give members, or leave it out"
        )
    dataset: xr.Dataset = canonical(opened, file.name, "static")
    return dataset.rename(chosen)[list(chosen.values())]
