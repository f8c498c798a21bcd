"""The forecasts of a submission: where each field lies, read one start at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from oceanbench.arrays import AnyFloatArray, TimeArray
from oceanbench.errors import OceanbenchError
from oceanbench.grid import same_nodes
from oceanbench.kinds.expected import check_level, check_surface, same_levels
from oceanbench.kinds.forecasts.derivation import Derivation
from oceanbench.kinds.forecasts.grid import Grid, Index, as_slice, depths_found_in
from oceanbench.kinds.forecasts.schedule import SURFACE, Schedule
from oceanbench.times import utc_days


class FieldPlace(NamedTuple):
    """Where the fields of a start lie."""

    dataset: xr.Dataset
    start: int
    leads: Mapping[int, int]


@dataclass(frozen=True)
class Forecasts:
    """Fields of a submission by start, lead, variable and depth.

    Attributes
    ----------
    places : by start
    leads : that the submission has, of those of the challenge
    depths : of every variable that it has, those that it has
    levels : place of each depth in the files
    nodes : rows and columns that are the grid's
    missing : what a complete submission has and this one has not, in words
    derivation : of the variables that no file has
    """

    places: Mapping[np.datetime64, FieldPlace]
    leads: tuple[int, ...]
    depths: Mapping[str, tuple[float | None, ...]]
    levels: Mapping[float, int]
    nodes: Mapping[str, Index]
    missing: tuple[str, ...]
    derivation: Derivation | None = None

    def deriving(self, derivation: Derivation) -> Forecasts:
        """The same with the derived variables that can be made of those that are there."""
        depths = {**self.depths, **derivation.available(self.depths)}
        return replace(self, depths=depths, derivation=derivation)

    def is_derived(self, variable: str) -> bool:
        """Whether no file has this variable."""
        return self.derivation is not None and variable in self.derivation.quantities

    def size(self, variable: str, start: np.datetime64) -> int:
        """How many values are read for one lead and depth of a variable."""
        if self.derivation is not None and self.is_derived(variable):
            inputs = self.derivation.inputs(variable).items()
            return sum(len(column) * self.size(name, start) for name, column in inputs)
        sizes = self.places[start].dataset[variable].sizes
        return sizes["latitude"] * sizes["longitude"] * sizes.get("member", 1)

    def read(
        self,
        variable: str,
        start: np.datetime64,
        leads: Sequence[int],
        depths: Sequence[float | None],
    ) -> AnyFloatArray:
        """Fields of one start, shape (lead, depth, member, latitude, longitude)."""
        if self.derivation is not None and self.is_derived(variable):
            return self.derivation.read(
                variable, lambda name, column: self.read(name, start, leads, column), axis=1
            )
        place = self.places[start]
        found = np.array([place.leads[lead] for lead in leads])
        chosen: dict[str, Any] = {**self.nodes, "start": place.start, "lead": as_slice(found)}
        array = place.dataset.variables[variable]
        if "depth" in array.dims:
            levels = np.array([0 if d is None else self.levels[d] for d in depths])
            chosen["depth"] = as_slice(levels)
        array = array.isel(chosen)
        order = ("lead", "depth", "member", "latitude", "longitude")
        sizes = {dim: 1 for dim in order} | dict(array.sizes)
        values = array.transpose(*(dim for dim in order if dim in array.dims)).values
        return np.asarray(values).reshape([sizes[dim] for dim in order])


def target(schedule: Schedule, grid: Grid, units: Mapping[str, str]) -> xr.Dataset:
    """Variables by start and lead that a method has to make; read-only, and of no size."""
    sizes = {"start": schedule.starts.size, "lead": len(schedule.leads)}
    coords: dict[str, Any] = {
        "start": schedule.starts.astype("datetime64[ns]"),
        "lead": ("lead", np.array(schedule.leads), {"units": "days"}),
        "latitude": grid.latitude,
        "longitude": grid.longitude,
    }
    variables = {}
    for name, depths in schedule.depths.items():
        column = {} if depths == SURFACE else {"depth": len(depths)}
        shape = sizes | column | dict(zip(("latitude", "longitude"), grid.shape, strict=True))
        empty = np.broadcast_to(np.float32(np.nan), tuple(shape.values()))
        variables[name] = (tuple(shape), empty, {"units": units[name]})
        if column:
            coords["depth"] = ("depth", np.array(depths), {"units": "m", "positive": "down"})
    return xr.Dataset(variables, coords)


def gather(parts: Sequence[tuple[str, xr.Dataset]], schedule: Schedule, grid: Grid) -> Forecasts:
    """Find every field of a submission; nothing but coordinates is read.

    Parameters
    ----------
    parts : name and canonical dataset
        (:func:`oceanbench.kinds.forecasts.lead_conventions.canonical`) of each file
    schedule : what is expected; less is accepted and said
    grid : nodes that are scored

    Raises
    ------
    OceanbenchError
        if starts, leads or nodes are not those of the challenge, or are given twice
    """
    where, first = parts[0]
    nodes = grid.found_in(first, where)
    places: dict[np.datetime64, FieldPlace] = {}
    for name, part in parts:
        _check_same(first, where, part, name)
        depths, levels = _depths_of(part, schedule, name)
        leads = _leads_of(part, schedule.leads, name)
        for index, start in enumerate(utc_days(part["start"].values)):
            _check_start(start, schedule.starts, name)
            if start in places:
                raise OceanbenchError(f"{name}: start {start} occurs twice; keep one forecast")
            places[start] = FieldPlace(part, index, leads)
    common = set.intersection(*({*p.leads} for p in places.values()))
    submitted = Schedule(
        np.array(sorted(places)), tuple(lead for lead in schedule.leads if lead in common), depths
    )
    if not submitted.leads:
        raise OceanbenchError(f"{where}: no lead is there for every start; give the same leads")
    missing = tuple(_missing(schedule, submitted))
    ordered = {start: places[start] for start in sorted(places)}
    return Forecasts(ordered, submitted.leads, depths, levels, nodes, missing)


def _check_start(start: np.datetime64, known: TimeArray, name: str) -> None:
    if start not in known:
        nearest = known[np.argmin(np.abs(known - start))]
        raise OceanbenchError(
            f"{name}: start {start} is none of the challenge's {known.size} (the nearest is "
            f"{nearest}); a start is the day of the initial conditions, one day before a first "
            "lead of one day"
        )


def _check_same(first: xr.Dataset, where: str, part: xr.Dataset, name: str) -> None:
    if other := set(first.data_vars) ^ set(part.data_vars):
        raise OceanbenchError(
            f"{name}: it or {where} has no '{min(map(str, other))}', and the other has; give it "
            "for all starts or for none"
        )
    for dim in ("latitude", "longitude", "depth", "member"):
        same = first.sizes.get(dim) == part.sizes.get(dim)
        if same and dim in first.coords and dim in part.coords:
            same = _same(dim, first, part)
        if not same:
            raise OceanbenchError(f"{name}: another {dim} than {where}; write all starts alike")


def _same(dim: str, first: xr.Dataset, part: xr.Dataset) -> bool:
    if dim == "member":
        return bool(np.array_equal(first[dim], part[dim]))
    if dim == "depth":
        return same_levels(first, part)
    return same_nodes(first[dim].values, part[dim].values)


def _leads_of(part: xr.Dataset, wanted: Sequence[int], name: str) -> dict[int, int]:
    found = part["lead"].values.tolist()
    if len(set(found)) < len(found):
        twice = next(lead for lead in found if found.count(lead) > 1)
        raise OceanbenchError(f"{name}: lead {twice} occurs twice; keep one")
    of_wanted = [lead - 1 for lead in wanted], [24 * lead for lead in wanted]  # indices, hours
    if not set(found) & set(wanted) or (found != list(wanted) and found in of_wanted):
        raise OceanbenchError(
            f"{name}: leads {_some(found)} days, expected {_some(wanted)}: a lead is the days "
            "since the initial conditions; correct them, or name an index from zero lead_day_index"
        )
    return {lead: found.index(lead) for lead in wanted if lead in found}


def _depths_of(
    part: xr.Dataset, schedule: Schedule, where: str
) -> tuple[dict[str, tuple[float | None, ...]], dict[float, int]]:
    """Depths that a file has of each of its variables, and where they lie."""
    wanted = sorted({d for known in schedule.depths.values() for d in known if d is not None})
    deep = "depth" in part.dims
    levels = depths_found_in(part, wanted, where, all_of_them=False) if deep and wanted else {}
    depths: dict[str, tuple[float | None, ...]] = {}
    for name, known in schedule.depths.items():
        if name not in part.data_vars:
            continue
        size = part[name].sizes.get("depth", 1)
        if known == SURFACE and size > 1:
            raise OceanbenchError(
                f"{where}: '{name}' has {size} depths, expected the surface; select one depth"
            )
        flat = "depth" not in part[name].dims
        if known == SURFACE:
            check_surface(part[name], where, known=wanted)
        elif flat:
            check_level(part[name], known, where)
        depths[name] = tuple(d for d in known if d is None or flat or d in levels)
    return depths, levels


def _missing(wanted: Schedule, found: Schedule) -> list[str]:
    """What a submission lacks, in words for the leaderboard."""
    missing = []
    if lost := [n for n in wanted.depths if n not in found.depths]:
        missing.append(f"no {', '.join(lost)}")
    if lost_leads := [lead for lead in wanted.leads if lead not in found.leads]:
        missing.append(f"no lead {', '.join(map(str, lost_leads))}")
    if found.starts.size < wanted.starts.size:
        missing.append(f"{found.starts.size} of {wanted.starts.size} starts")
    for name, known in found.depths.items():
        if len(known) < len(wanted.depths[name]):
            missing.append(f"{name} at {len(known)} of {len(wanted.depths[name])} depths")
    return missing


def _some(values: Sequence[int]) -> str:
    return ", ".join(map(str, values[:3])) + (f", … {values[-1]}" if len(values) > 3 else "")
