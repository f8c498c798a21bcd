"""What kinds share whose submissions are maps: reading them, and the maps that a method fills."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.data import opening
from oceanbench.data.checks.files import check_size
from oceanbench.data.coordinates import canonical
from oceanbench.data.joining import in_time
from oceanbench.declaration import Declaration, FieldMask
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.grid import SAME_NODE, centre_longitude, interpolate
from oceanbench.kinds import examining
from oceanbench.kinds.expected import check_one_value, check_same_level, check_units, expected
from oceanbench.kinds.findings import Finding
from oceanbench.kinds.kind import Submitted
from oceanbench.kinds.places import agreeing
from oceanbench.kinds.submitted import check_times, check_values, empty, open_variables, written
from oceanbench.scoring.collocation import AtTruth
from oceanbench.scoring.masks import inside
from oceanbench.scoring.matching import Inside
from oceanbench.scoring.points import Geometry, Pieces, matched_by_score
from oceanbench.times import SAME_TIME

MAPS = ("time", "latitude", "longitude")
as_grid = partial(canonical, layout="grid")
ROLES = {
    "truth": "grid",
    "target": "grid",
    "observations": "track",
    "training": "",
    "validation": "",
    "auxiliary": "",
    "first_guess": "grid",
}
LAYOUTS = ("grid", "track", "swath", "static")
MAP_RULES = ("regrid", "crop_to_domain", "max_step_days", "grid", "step_degrees", "days_after")


def check_places(declaration: Declaration) -> None:
    """Refuse a challenge without a domain, or with datasets in another unit than what is scored."""
    if declaration.domain is None:
        raise ValueError("domain: is missing; add it")
    check_units(declaration)
    for name, mask in declaration.masks.items():
        for key in ("above", "below"):
            for field in getattr(mask, key, {}):
                _check_field(declaration, field, f"masks.{name}.{key}")


def _check_field(declaration: Declaration, name: str, where: str) -> None:
    """Refuse a mask by what is no static field of one variable."""
    fields = {
        key: dataset
        for key, dataset in declaration.datasets.items()
        if dataset.role == "auxiliary" and dataset.layout == "static" and not dataset.optional
    }
    if name not in fields:
        raise ValueError(
            f"{where}: '{name}' is no dataset of role 'auxiliary' and layout 'static' that must be "
            f"there; {did_you_mean(name, fields)}"
        )
    if len(fields[name].variables) > 1:
        raise ValueError(f"{where}: dataset '{name}' has several variables; declare one")


def open_dataset(
    declaration: Declaration,
    name: str,
    data_dir: Path | None,
    period: slice | None,
    *,
    columns: bool = False,
) -> xr.Dataset:
    """Open a dataset; truth and target are cut to the domain, others with times to a period.

    A truth has one value at each time and place, or one at each depth, in columns. A first guess
    says how good it is and what it has seen.
    """
    dataset = declaration.datasets[name]
    box = declaration.scored.box if dataset.role in ("truth", "target") else None
    if box is None and period is not None and dataset.layout != "static":
        box = opening.Bounds(time=period)
    opened = opening.open_dataset(
        declaration.files(name, data_dir),
        variables=dataset.variables,
        expected=expected(declaration, dataset),
        layout=dataset.layout,
        daily_mean=dataset.daily_mean,
        box=box,
        dates=dataset.dates_of_delivery,
    )
    if dataset.role == "truth" and not columns:
        dims = MAPS if dataset.layout == "grid" else MAPS[:1]
        check_one_value(opened, dims, f"{declaration.name}: dataset '{name}'")
    return opened.assign_attrs(dataset.told)


def read_maps(declaration: Declaration, submitted: Submitted, *, bridged: bool) -> xr.Dataset:
    """Maps of a submission around the challenge's domain, in memory.

    Parameters
    ----------
    declaration : of the challenge
    submitted : files of maps, joined in the order of time
    bridged : whether what is between two times is interpolated, so that no map may lack

    Returns
    -------
    Dataset (time, latitude, longitude[, member]): names, units and float64 coordinates as the
    challenge declares them, longitudes in its convention, latitudes increasing
    """
    parts = []
    for file in submitted.files:
        opened = open_variables(file, declaration, as_grid, MAPS)
        parts.append(_crop(opened, declaration, file.name))
    for file, part in zip(submitted.files, parts, strict=True):
        if part.sizes["time"] == 0:
            raise OceanbenchError(f"{file.name}: its time axis is empty; leave the file out")
        if other := set(parts[0].data_vars) ^ set(part.data_vars):
            raise OceanbenchError(
                f"{file.name}: it or a file beside it has no '{min(map(str, other))}', others "
                "have; give it for all times or for none"
            )
    where = submitted.name
    check_size(parts, where, declaration.budget)
    whole = in_time(parts, where, "grid")
    check_times(whole, where)
    whole = _within(whole, "time", _bounds(declaration)["time"], declaration, where)
    whole = opening.loaded(whole, where)
    if bridged:
        _check_steps(whole, declaration, where)
    check_values(whole, declaration, where)
    return whole


def _check_steps(dataset: xr.Dataset, declaration: Declaration, where: str) -> None:
    """Refuse maps that are missing between others: interpolation in time would bridge the gap."""
    rules = declaration.submission
    steps = np.diff(dataset["time"].values) / np.timedelta64(1, "D")
    if not steps.size:
        return
    allowed = rules.max_step_days
    if allowed is None and rules.missing == "refuse":
        allowed = 1.5 * float(np.median(steps))
    if allowed is not None and steps.max() > allowed * (1 + 1e-9):
        i = int(np.argmax(steps))
        raise OceanbenchError(
            f"{where}: no map between {written(dataset['time'].values[i])} and "
            f"{written(dataset['time'].values[i + 1])} ({steps[i]:g} days, at most {allowed:g}); "
            "submit the missing maps"
        )


def _bounds(declaration: Declaration) -> dict[str, tuple[Any, Any]]:
    box = declaration.scored.box
    assert box.latitude and box.longitude and box.time  # a domain has all its bounds
    time = (box.time.start, box.time.stop)
    return {"time": time, "latitude": box.latitude, "longitude": box.longitude}


def _crop(dataset: xr.Dataset, declaration: Declaration, where: str) -> xr.Dataset:
    """Rows and columns in and around the domain; nothing but the coordinates is read."""
    bounds = _bounds(declaration)
    dataset = _within(dataset, "latitude", bounds["latitude"], declaration, where)
    dataset = centre_longitude(dataset, sum(bounds["longitude"]) / 2)
    return _within(dataset, "longitude", bounds["longitude"], declaration, where)


def _within(
    dataset: xr.Dataset, name: str, bounds: tuple[Any, Any], declaration: Declaration, where: str
) -> xr.Dataset:
    """Exactly the nodes of one axis inside the bounds, or one more on each side."""
    low, high = bounds
    values = dataset[name].values
    if np.unique(values).size != values.size:
        raise OceanbenchError(f"{where}: {name} has a value twice; keep one of each")
    edge = SAME_TIME if name == "time" else SAME_NODE
    if name == "time":  # which ends with the last instant of a day
        high = high - edge
    first = int(np.searchsorted(values, low - edge))
    last = int(np.searchsorted(values, high + edge, side="right"))
    if not declaration.submission.crop_to_domain:
        first, last = max(first - 1, 0), min(last + 1, values.size)
    if values.size == 0 or values[-1] < low - edge or values[0] > high + edge or first >= last:
        found = f"{written(values[0])}..{written(values[-1])}" if values.size else "nothing"
        raise OceanbenchError(
            f"{where}: {name} is {found}, expected maps in {written(low)}..{written(high)}; is "
            f"this a file for another challenge than {declaration.name}?"
        )
    return dataset.isel({name: slice(first, last)})


def matched_maps(
    declaration: Declaration,
    submitted: Submitted,
    data_dir: Path | None,
    against: str,
    *,
    bridged: bool,
    prepared: Callable[[xr.DataArray], xr.DataArray],
    at_truth: AtTruth,
) -> Pieces:
    """Estimate and truth of every variable and mask, at the places and times of the truth.

    Parameters
    ----------
    declaration, submitted, data_dir : as for a kind's ``score``
    against : name of the truth, or of the target in its place
    bridged : as for :func:`read_maps`
    prepared, at_truth : of :class:`oceanbench.scoring.points.Geometry`
    """

    def at_same_level(field: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
        check_same_level(field, truth, declaration.name)
        return at_truth(field, truth)

    truth = open_dataset(declaration, against, data_dir, None)
    estimates = read_maps(declaration, submitted, bridged=bridged)
    prepared = agreeing(declaration, data_dir, against, open_dataset, prepared)
    geometry = Geometry(prepared, at_same_level, inside_masks(declaration, data_dir))
    return matched_by_score(declaration, truth, estimates, geometry, submitted.name)


def inside_masks(declaration: Declaration, data_dir: Path | None) -> Inside:
    """Which of the truth's points a mask looks at; fields that bound masks are opened once."""
    fields: dict[str, xr.DataArray] = {}

    def within(points: xr.DataArray, mask: FieldMask) -> xr.DataArray:
        found = inside(points, mask, declaration.scored)
        for name in {*mask.above, *mask.below} - fields.keys():
            fields[name] = _field_at(declaration, name, data_dir, points)
        for name, bound in mask.above.items():
            found = found & (fields[name] > bound)
        for name, bound in mask.below.items():
            found = found & (fields[name] < bound)
        return found

    return within


def _field_at(
    declaration: Declaration, name: str, data_dir: Path | None, points: xr.DataArray
) -> xr.DataArray:
    """A static field at the places of the truth, between its nodes by linear interpolation."""
    west, east = declaration.scored.west_east
    opened = open_dataset(declaration, name, data_dir, None)
    (field,) = centre_longitude(opened, (west + east) / 2).data_vars.values()
    if "latitude" in points.dims:  # nodes of a grid, the same at all times
        points = points.isel(time=0, drop=True)
    return interpolate(field, points)


def examined(
    prepared: Callable[[Declaration, xr.DataArray], xr.DataArray],
    declaration: Declaration,
    data_dir: Path | None,
    datasets: Mapping[str, xr.Dataset],
) -> Iterator[Finding]:
    """Findings about places, the truth of a variable ``prepared`` as the kind scores it."""
    truth, one = declaration.truth_name, partial(prepared, declaration)
    as_scored = agreeing(declaration, data_dir, truth, open_dataset, one)
    geometry = Geometry(as_scored, lambda field, _: field, inside_masks(declaration, data_dir))
    return examining.examined(declaration, datasets, geometry)


def target_maps(declaration: Declaration) -> xr.Dataset | None:
    """Empty daily maps on the grid that the challenge declares; None where it declares none."""
    grid = declaration.submission.grid
    if grid is None:
        return None
    domain = declaration.scored
    first, last = (np.datetime64(d, "D") for d in domain.time)
    days = np.arange(first, last + 1 + grid.days_after)
    return empty(
        declaration,
        {
            "time": days.astype("datetime64[ns]"),
            "latitude": _nodes(*domain.latitude, grid.step_degrees),
            "longitude": _nodes(*domain.west_east, grid.step_degrees),
        },
    )


def _nodes(first: float, last: float, step: float) -> FloatArray:
    return np.linspace(first, last, round((last - first) / step) + 1)
