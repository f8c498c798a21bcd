"""The files of observations, in which each observation counts once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from oceanbench.arrays import AnyFloatArray, FloatArray, IndexArray, IntArray, TimeArray
from oceanbench.data.joining import compared
from oceanbench.errors import OceanbenchError
from oceanbench.grid import SAME_NODE
from oceanbench.kinds.forecasts.grid import as_slice

NEVER = int(np.iinfo(np.int32).max)
PLACES = ("latitude", "longitude", "depth")


class Part(NamedTuple):
    """One file: its variables, its times, and the day that each index along them belongs to."""

    variables: Mapping[str, xr.Variable]
    along: str
    times: TimeArray
    days: NDArray[np.int32]
    ordered: bool

    @classmethod
    def of(
        cls,
        variables: Mapping[str, xr.Variable],
        along: str,
        times: TimeArray,
        days: NDArray[np.int32],
    ) -> Part:
        """Part of these variables, in the order of days or not."""
        return cls(variables, along, times, days, bool((np.diff(days) >= 0).all()))

    def loaded(self) -> Part:
        """Return the same with its values in memory."""
        return self._replace(variables={n: v.load() for n, v in self.variables.items()})

    def on_any(self, days: IntArray) -> slice | IndexArray | None:
        """Where the observations of any of some days lie; None if there are none."""
        if not self.ordered:
            found = np.flatnonzero(np.isin(self.days, days))
        else:
            wanted = np.sort(days)
            first, last = (np.searchsorted(self.days, wanted + step) for step in (0, 1))
            found = np.concatenate(
                [np.arange(a, b) for a, b in zip(first.tolist(), last.tolist(), strict=True)]
            )
        return as_slice(found) if found.size else None

    def at(self, name: str, index: IndexArray) -> AnyFloatArray:
        """Values of a variable at some times, (time, value)."""
        array = self.variables[name]
        if self.along not in array.dims:
            return np.broadcast_to(array.values.ravel(), (index.size, array.size))
        first = array.transpose(self.along, ...)
        return np.asarray(first.isel({self.along: index}).values).reshape(index.size, -1)


def each_once(parts: Sequence[Part], names: Collection[str], where: str) -> tuple[Part, ...]:
    """Parts of which no observation belongs to a day that is in an earlier one, or earlier in it.

    Observations of one time and place are the same; files that overlap hold them twice.

    Parameters
    ----------
    parts : in the order of the files
    names : of variables that are compared
    where : dataset, for messages

    Raises
    ------
    OceanbenchError
        if one of them has another value in another file
    """
    repeated = _repeated([part.times for part in parts])
    if not repeated.size:
        return tuple(parts)
    again = [np.flatnonzero(np.isin(part.times, repeated)) for part in parts]
    owner = np.repeat(np.arange(len(parts)), [index.size for index in again])
    inner = np.concatenate(again)
    known = zip(parts, again, strict=True)
    group = np.concatenate([np.searchsorted(repeated, part.times[index]) for part, index in known])
    places = np.concatenate([_places(*one) for one in zip(parts, again, strict=True)])
    first = _first_of_each(group, places)
    after = np.flatnonzero(first != np.arange(inner.size))
    before = first[after]
    days = [part.days.copy() for part in parts]
    for a, b in {*zip(owner[before].tolist(), owner[after].tolist(), strict=True)}:
        pairs = (owner[before] == a) & (owner[after] == b)
        one, other = inner[before[pairs]], inner[after[pairs]]
        lacking = np.zeros(one.size, bool)
        for name in names:
            earlier, unequal = compared(parts[a].at(name, one), parts[b].at(name, other))
            if unequal.any():
                when = str(parts[b].times[other[unequal][0]])[:16]
                raise OceanbenchError(
                    f"{where}: two observations of '{name}' at {when} are of one place and "
                    "differ; keep one, or one of the files that overlap"
                )
            lacking |= earlier
        days[a][one[lacking]] = NEVER
        days[b][other[~lacking]] = NEVER
    return tuple(Part.of(*part[:3], own) for part, own in zip(parts, days, strict=True))


def _repeated(times: Sequence[TimeArray]) -> TimeArray:
    """Times that occur twice or more, in one of some arrays or in two."""
    ordered = np.concatenate(times)
    ordered.sort()  # in place: there may be as many as memory holds once, and seldom twice
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _places(part: Part, index: IndexArray) -> FloatArray:
    """First and last latitude, longitude and depth at some times; 0 where there is none."""
    found = np.zeros((index.size, 2 * len(PLACES)))
    for column, name in enumerate(PLACES):
        if index.size and name in part.variables:
            values = part.at(name, index).astype(np.float64)
            values = values % 360.0 if name == "longitude" else values
            found[:, 2 * column : 2 * column + 2] = values[:, [0, -1]]
    return found


def _first_of_each(group: IndexArray, places: FloatArray) -> IndexArray:
    """Index of the first row that is of the same group and place, but for rounding."""
    first = np.arange(group.size)
    for shifts in product((0.0, 0.5), repeat=2):  # what one rounding parts, another does not
        shift = np.array([shifts[0]] * 2 + [shifts[1]] * 2 + [0.0] * 2)
        keys = np.column_stack([group, np.floor(places / SAME_NODE + shift)])
        _, begins, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        first = np.minimum(first, begins[inverse.ravel()])
    return first
