"""What an organiser of forecasts wants to know of the datasets, before anyone submits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np
import xarray as xr

from oceanbench.declaration import Declaration
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.findings import Finding, named, refused
from oceanbench.kinds.forecasts.forecast_rows import masks_of, scores_of
from oceanbench.kinds.forecasts.opening import maps_of
from oceanbench.kinds.forecasts.schedule import has_maps, keys, observed_in, schedule_of
from oceanbench.kinds.forecasts.scoring.agreement import check_target
from oceanbench.kinds.forecasts.scoring.references import References
from oceanbench.metrics import METRICS
from oceanbench.scoring.masks import inside_box
from oceanbench.times import utc_days


def first_starts(declaration: Declaration, count: int) -> Declaration:
    """The same challenge with its first starts."""
    own = keys(declaration)
    assert own.starts is not None  # rules.check_schedule asks for them
    last = own.starts.first + timedelta(days=(count - 1) * own.starts.step_days)
    starts = own.starts.model_copy(update={"last": min(last, own.starts.last)})
    return declaration.model_copy(update={"own": own.model_copy(update={"starts": starts})})


def examined(
    declaration: Declaration, data_dir: Path | None, datasets: Mapping[str, xr.Dataset]
) -> Iterator[Finding]:
    """Days and masks without truth, observations elsewhere, scores that ask for members."""
    if declaration.truth_name in datasets and has_maps(declaration):
        lost = _days_without_truth(declaration, datasets[declaration.truth_name])
        if lost:
            yield Finding(
                "stops",
                declaration.truth_name,
                f"no map of {len(lost)} days that forecasts are valid at: {named(lost)}",
                "give the missing files, or fewer starts or leads",
            )
        else:
            yield from _masks_without_truth(declaration, data_dir)
            if declaration.target_name in datasets:
                yield from _elsewhere(declaration, data_dir)
    for name in observed_in(declaration):
        if name in datasets:
            yield from _unobserved(declaration, name, datasets[name])
    members = sorted({r.metric for r in declaration.scores if METRICS[r.metric].probabilistic})
    if members:
        yield Finding(
            "remark",
            f"metric{'s' if len(members) > 1 else ''} {named(members)}",
            "of distributions: only submissions with members have them",
            "say so on the card",
        )


def _valid_days(declaration: Declaration) -> np.ndarray:
    """Days that forecasts are compared with the truth at."""
    schedule = schedule_of(declaration)
    return np.unique([start + lead for start in schedule.starts for lead in schedule.leads])


def _days_without_truth(declaration: Declaration, truth: xr.Dataset) -> list[str]:
    days = utc_days(truth["time"].values)
    return [str(day) for day in _valid_days(declaration) if day not in days]


def _masks_without_truth(declaration: Declaration, data_dir: Path | None) -> Iterator[Finding]:
    """Masks and depths in which the truth's first map has no value."""
    try:
        references, grid = References.open(declaration, data_dir)
    except OceanbenchError as problem:
        yield refused("references", problem)
        return
    assert references.truth is not None  # who asks has seen its maps
    day, own = _valid_days(declaration)[0], keys(declaration)
    lost: dict[str, list[str]] = defaultdict(list)
    counts: dict[tuple[str, str, float | None], int] = {}
    for row in scores_of(declaration):
        variable, mask = declaration.variable_of(row), declaration.mask_of(row)
        key = (variable, mask, row.depth)
        if variable in own.derived or row.against is not None:
            continue
        if key not in counts:
            columns, rows = inside_box(
                grid.longitude, grid.latitude, masks_of(declaration)[mask], declaration.scored
            )
            maps = references.truth.read(variable, day, [row.depth])[0]
            counts[key] = int(np.isfinite(maps[np.ix_(rows, columns)]).sum())
        if not counts[key]:
            at = "" if row.depth is None else f" at {row.depth:g} m"
            lost[f"'{variable}'{at} has no value on {day} inside mask '{mask}'"].append(row.label)
    for text, labels in lost.items():
        yield Finding(
            "stops",
            f"score{'s' if len(labels) > 1 else ''} {named(labels)}",
            text,
            "correct the mask or its depths, or leave these scores out",
        )


def _elsewhere(declaration: Declaration, data_dir: Path | None) -> Iterator[Finding]:
    """A target that is not where the truth is."""
    try:
        truth, grid = maps_of(declaration, declaration.truth_name, data_dir=data_dir)
        check_target(declaration, truth, grid, data_dir)
    except OceanbenchError as problem:
        yield refused(str(declaration.target_name), problem)


def _unobserved(declaration: Declaration, name: str, observed: xr.Dataset) -> Iterator[Finding]:
    """Observations of other days or places than those of the forecasts, and empty depth bins."""
    valid, domain = _valid_days(declaration), declaration.scored
    on_time = np.isin(observed["time"].values.astype("datetime64[D]"), valid)
    time = xr.DataArray(on_time, dims=observed["time"].dims)
    west, east = domain.west_east
    there = (observed["longitude"] - west) % 360.0 <= east - west
    there = there & (observed["latitude"] >= domain.latitude[0])
    there = there & (observed["latitude"] <= domain.latitude[1])
    known = [array.notnull() & there & time for array in observed.data_vars.values()]
    counts = sum((one.astype(int) for one in known[1:]), known[0].astype(int))
    if not int(counts.sum()):
        yield Finding(
            "stops",
            name,
            f"no observation lies in the domain on the days of forecasts, {valid[0]} to "
            f"{valid[-1]}: scores against it have no value",
            "correct its files, hours or longitudes, or leave it out",
        )
        return
    for low, high in declaration.datasets[name].depth_bins if "depth" in observed.coords else []:
        inside = (observed["depth"] >= low) & (observed["depth"] < high)
        if not int(counts.where(inside, 0).sum()):
            yield Finding(
                "stops",
                name,
                f"no observation lies between {low:g} and {high:g} m",
                "leave this depth bin out",
            )
