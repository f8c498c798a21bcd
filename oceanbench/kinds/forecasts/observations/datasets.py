"""Observations that forecasts are scored against, by the day they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from oceanbench.arrays import BoolArray, FloatArray, IndexArray, IntArray, TimeArray
from oceanbench.data import opening
from oceanbench.data.coordinates import check_coordinates, check_depth, renamed
from oceanbench.data.expressions import parse_sum
from oceanbench.data.plausibility import Expected, check_plausible, check_units, expected_in
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.kinds.forecasts.observations.parts import NEVER, Part, each_once

ABOVE_THE_MEAN = (
    "sea_surface_height_above_sea_level",
    "sea_surface_height_above_mean_sea_level",
)
HOUR = 3600 * 10**9  # nanoseconds


class Points(NamedTuple):
    """Observations of one variable: where they are and what they found, shape (point,)."""

    latitude: FloatArray
    longitude: FloatArray
    depth: FloatArray | None
    value: FloatArray

    def where(self, chosen: BoolArray | IndexArray | slice) -> Points:
        """Some of the points."""
        depth = None if self.depth is None else self.depth[chosen]
        return Points(self.latitude[chosen], self.longitude[chosen], depth, self.value[chosen])

    @classmethod
    def joined(cls, parts: Sequence[Points]) -> Points:
        """Points of one part after the other."""
        if len(parts) == 1:
            return parts[0]
        depths = [p.depth for p in parts if p.depth is not None]
        return cls(
            np.concatenate([p.latitude for p in parts]),
            np.concatenate([p.longitude for p in parts]),
            np.concatenate(depths) if depths else None,
            np.concatenate([p.value for p in parts]),
        )


@dataclass(frozen=True)
class Observed:
    """Observations of a dataset by day.

    Attributes
    ----------
    name : of the dataset, for messages
    expressions : canonical name -> name, or sum of names, in the files
    parts : one for each file
    depth : in metres, of observations whose files say none
    expected : unit and range of each variable
    """

    name: str
    expressions: Mapping[str, str]
    parts: tuple[Part, ...]
    depth: float | None = None
    expected: Mapping[str, Expected] = field(default_factory=dict)

    @property
    def has_depths(self) -> bool:
        """Whether the files say how deep observations are."""
        return "depth" in self.parts[0].variables

    @property
    def days(self) -> list[int]:
        """Days since 1970 that have observations, in order."""
        found = {int(day) for part in self.parts for day in np.unique(part.days)}
        return sorted(found - {NEVER})

    def read(self, variable: str, day: np.datetime64) -> Points:
        """Observations of a variable that belong to a day, without the missing ones."""
        return self.read_days(variable, [day])[0]

    def read_days(self, variable: str, days: Sequence[np.datetime64]) -> list[Points]:
        """Observations of a variable that belong to each day, without the missing ones.

        Parameters
        ----------
        variable : of the challenge
        days : each once
        """
        numbers = np.array([int(d.astype("datetime64[D]").astype(np.int64)) for d in days])
        found = [
            self._points(part, variable, index)
            for part in self.parts
            if (index := part.on_any(numbers)) is not None
        ] or [self._points(self.parts[0], variable, slice(0, 0))]
        whole, day = Points.joined([points for points, _ in found]), found[0][1]
        if len(found) > 1:
            day = np.concatenate([of_part for _, of_part in found])
        order = np.argsort(day, kind="stable")
        sorted_days = day[order]
        bounds = zip(
            np.searchsorted(sorted_days, numbers).tolist(),
            np.searchsorted(sorted_days, numbers, side="right").tolist(),
            strict=True,
        )
        if not (order[1:] > order[:-1]).all():
            whole = whole.where(order)
        return [whole.where(slice(first, last)) for first, last in bounds]

    def _points(
        self, part: Part, variable: str, index: slice | IndexArray
    ) -> tuple[Points, IntArray]:
        """Observations at some indices of a part, and the day of each."""

        def chosen(name: str) -> xr.Variable:
            array = part.variables[name]
            return array.isel({part.along: index}) if part.along in array.dims else array

        terms = parse_sum(self.expressions[variable])
        total = sum(sign * chosen(name).astype(np.float64) for sign, name in terms)
        assert isinstance(total, xr.Variable)  # a sum has a term
        sizes = dict(zip(total.dims, total.shape, strict=True))
        for name in ("latitude", "longitude", "depth"):
            if name in part.variables:
                array = chosen(name)
                sizes |= dict(zip(array.dims, array.shape, strict=True))

        def whole(array: xr.Variable) -> NDArray[Any]:
            values = array.transpose(*(d for d in sizes if d in array.dims)).values
            values = values.reshape([n if d in array.dims else 1 for d, n in sizes.items()])
            return np.broadcast_to(values, tuple(sizes.values())).ravel()

        def flat(array: xr.Variable) -> FloatArray:
            return whole(array).astype(np.float64)

        value = flat(total)
        wanted = expected_in(self.expected, variable)
        check_plausible(value, variable, wanted, f"dataset '{self.name}'")
        latitude, longitude = flat(chosen("latitude")), flat(chosen("longitude"))
        known = np.isfinite(value) & np.isfinite(latitude) & np.isfinite(longitude)
        depth = None
        if "depth" in part.variables:
            depth = flat(chosen("depth"))
            known &= np.isfinite(depth)
        elif self.depth is not None:
            depth = np.full(value.size, self.depth)
        days = whole(xr.Variable(part.along, part.days[index]))[known]
        return Points(latitude, longitude, depth, value).where(known), days


def open_observed(
    name: str,
    files: Sequence[Path],
    expressions: Mapping[str, str],
    expected: Mapping[str, Expected],
    *,
    hours: tuple[float, float] = (0.0, 24.0),
    depth: float | None = None,
    above_geoid: bool = False,
) -> Observed:
    """Find the observations of a dataset; of large files nothing but the times is read.

    Tracks, images, swaths, profiles and drifters are read alike: latitude, longitude and depth have
    any of the dimensions of the variable, and each of its values is an observation.

    Parameters
    ----------
    name : of the dataset
    files : of all days
    expressions : canonical name -> name, or sum of names, in the files
    expected : unit of each variable, checked where the files state one, and range of its values
    hours : from 00:00 of a day, between which observations belong to it; the last not included
    depth : in metres, of observations whose files say none
    above_geoid : whether heights above the mean sea level may be there: their mean is given

    Raises
    ------
    OceanbenchError
        if a variable or a coordinate is not there, in another unit, or above another surface
    """
    parts = []
    left = opening.READ_WHOLE
    for file in files:
        part, size = _part(file, expressions, expected, hours, above_geoid)
        left -= size
        parts.append(part.loaded() if left >= 0 else part)
    if len({"depth" in part.variables for part in parts}) > 1:
        raise OceanbenchError(f"dataset '{name}': some files have depths; give all of them depths")
    sources = {n for e in expressions.values() for _, n in parse_sum(e)}
    once = each_once(parts, sorted(sources), f"dataset '{name}'")
    return Observed(name, expressions, once, depth, expected)


def _part(
    file: Path,
    expressions: Mapping[str, str],
    expected: Mapping[str, Expected],
    hours: tuple[float, float],
    above_geoid: bool,
) -> tuple[Part, int]:
    """Observations of one file, not yet read, and how many bytes they take."""
    opened = renamed(opening.open_file(file, chunks=None))
    check_coordinates(opened, ("time", "latitude", "longitude"), file.name)
    time = opened["time"]
    if time.ndim != 1 or time.dtype.kind != "M":
        raise OceanbenchError(
            f"{file.name}: time has {time.ndim} dimensions and type {time.dtype}, expected dates "
            "along one dimension; write them so"
        )
    if "depth" in opened.variables:
        check_depth(opened["depth"], file.name)
    _check_variables(opened, expressions, expected, file.name)
    if not above_geoid:
        _check_surface(opened, expressions, file.name)
    names = {n for e in expressions.values() for _, n in parse_sum(e)}
    kept = [n for n in (*sorted(names), "latitude", "longitude", "depth") if n in opened.variables]
    chosen = opened[kept]
    times = time.values.astype("datetime64[ns]")
    days = _days(times, hours)
    variables = {n: chosen.variables[n] for n in kept}
    part = Part.of(variables, str(time.dims[0]), times, days)
    return part, chosen.nbytes


def _days(time: TimeArray, hours: tuple[float, float]) -> NDArray[np.int32]:
    """Day since 1970 that times belong to, or a day that never is."""
    begin, width = (round(h * HOUR) for h in (hours[0], hours[1] - hours[0]))
    since = time.astype(np.int64) - begin
    days = since // (24 * HOUR)
    there = ~np.isnat(time) & (since - days * (24 * HOUR) < width)
    return np.where(there, days, NEVER).astype(np.int32)


def _check_variables(
    opened: xr.Dataset, expressions: Mapping[str, str], expected: Mapping[str, Expected], where: str
) -> None:
    for variable, expression in expressions.items():
        for _, name in parse_sum(expression):
            if name not in opened.variables:
                hint = did_you_mean(name, map(str, opened.data_vars))
                raise OceanbenchError(f"{where}: no variable '{name}'; {hint}")
            along = opened["time"].dims[0]
            if along not in opened[name].dims:
                raise OceanbenchError(
                    f"{where}: '{name}' has dimensions {opened[name].dims}, expected '{along}' "
                    "among them: an observation has a time"
                )
            check_units(opened[name], expected_in(expected, variable), where)


def _check_surface(opened: xr.Dataset, expressions: Mapping[str, str], where: str) -> None:
    """Refuse heights above the mean sea level that are compared with heights above the geoid."""
    for variable, expression in expressions.items():
        kinds = [opened[n].attrs.get("standard_name") for _, n in parse_sum(expression)]
        if len(kinds) == 1 and kinds[0] in ABOVE_THE_MEAN:
            raise OceanbenchError(anomaly_problem(where, expression, variable))


def anomaly_problem(where: str, expression: str, variable: str) -> str:
    """What is wrong with sea level anomalies that have no mean dynamic topography."""
    return (
        f"{where}: '{expression}' is a height above the mean sea level, and '{variable}' one above "
        "the geoid; declare mdt: with the dataset of the mean dynamic topography and datum: in "
        f"metres, so that {variable} - mdt + datum is compared, or write '{expression} + mdt' if "
        "the files have it"
    )
