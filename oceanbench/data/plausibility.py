"""Values that no variable of the ocean has: another unit, a fill that is not declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from oceanbench.arrays import AnyFloatArray
from oceanbench.data.missing import on_read
from oceanbench.data.units import PLAUSIBLE, same_unit, standard_unit
from oceanbench.errors import OceanbenchError

ABSURD = 1e10  # no ocean variable is so large; its square would overflow the sums
SENTINELS = np.array((
    99.0, 99.9, 99.99, 999.0, 999.9, 999.99, 9999.0, 9999.9, 9999.99, 99999.0,
    32767.0, 32768.0, 1e9,
))  # fmt: skip
LEAST_BYTES = 4  # of a floating point number
SAME = 1e-6  # relative distance of a value in single precision from one of them
FAR = 2.0  # times as far from all others as these are from each other: then it is none of them


class Expected(NamedTuple):
    """What a variable is to be: its unit, None for any, and the range of its values.

    >>> Expected("m", -5.0, 5.0).noisy
    Expected(units='m', low=-15.0, high=15.0)
    """

    units: str | None = None
    low: float = -ABSURD
    high: float = ABSURD

    @property
    def noisy(self) -> Expected:
        """The same for observations, whose errors may lie beyond it by its width."""
        width = min(self.high - self.low, ABSURD)
        return self._replace(low=self.low - width, high=self.high + width)


def expected_of(units: str | None, valid_range: tuple[float, float] | None) -> Expected:
    """Unit and range; where none is declared, the range of anything in the ocean in that unit."""
    usual = PLAUSIBLE.get(standard_unit(units), (-ABSURD, ABSURD)) if units else (-ABSURD, ABSURD)
    return Expected(units, *(valid_range or usual))


def check_units(array: xr.DataArray, expected: Expected, where: str) -> None:
    """Refuse a variable that a file says to be in another unit; one that says none is believed."""
    found = array.attrs.get("units")
    units = expected.units
    if units is not None and found is not None and not same_unit(str(found), units):
        raise OceanbenchError(
            f"{where}: '{array.name}' is in '{found}', expected '{units}'; correct 'units' in "
            "challenge.yaml or convert the file"
        )


def check_numbers(array: Any, name: str, where: str) -> None:
    """Refuse what is no real number, and numbers of three digits: scores see their rounding.

    Parameters
    ----------
    array : of any type, with a ``dtype``
    name : of the variable, for messages
    where : file name, for messages
    """
    if array.dtype.kind not in "iufb":
        raise OceanbenchError(
            f"{where}: '{name}' has type {array.dtype}, expected real numbers; convert it"
        )
    if array.dtype.kind == "f" and array.dtype.itemsize < LEAST_BYTES:
        raise OceanbenchError(
            f"{where}: '{name}' has type {array.dtype}, numbers of three digits, expected float32 "
            "or float64; write the values as they were computed, in .astype('float32')"
        )


def check_plausible(values: AnyFloatArray, name: str, expected: Expected, where: str) -> None:
    """Refuse values outside the range, and one far from all others that files use for a fill.

    Parameters
    ----------
    values : NaN where missing
    name : of the variable, for messages
    expected : its unit and range
    where : file name, for messages
    """
    if not values.size:
        return
    lowest, highest = np.fmin.reduce(values, axis=None), np.fmax.reduce(values, axis=None)
    units = "" if expected.units in (None, "1") else f" {expected.units}"
    if lowest < expected.low or highest > expected.high:
        outside = (values < expected.low) | (values > expected.high) | np.isinf(values)
        worst = values[outside][np.argmax(np.abs(values[outside]))]
        raise OceanbenchError(
            f"{where}: {int(outside.sum())} values of '{name}' lie outside [{expected.low:g}, "
            f"{expected.high:g}]{units} (for example {worst:g}); check the unit, and write land as "
            "NaN with _FillValue"
        )
    for end in (float(lowest), float(highest)):
        if not (np.abs(abs(end) - SENTINELS) <= SAME * SENTINELS).any():
            continue
        fill = values == end
        low = float(np.fmin.reduce(values, axis=None, where=~fill, initial=np.inf))
        high = float(np.fmax.reduce(values, axis=None, where=~fill, initial=-np.inf))
        if low > high or min(abs(end - low), abs(end - high)) > FAR * (high - low):
            others = f"all others in [{low:.3g}, {high:.3g}]" if low <= high else "no other is"
            raise OceanbenchError(
                f"{where}: {int(fill.sum())} values of '{name}' are {end:g}{units} and {others}: a "
                "fill that is not declared; write _FillValue"
            )


def checked(array: xr.DataArray, expected: Expected, where: str) -> xr.DataArray:
    """The same array, which refuses values that are not plausible when they are read."""
    name = str(array.name)

    def check(values: NDArray[Any]) -> NDArray[Any]:
        if values.dtype.kind == "f":
            check_plausible(values, name, expected, where)
        return values

    return array.copy(data=on_read(array.variable, check).data)


def expected_in(expected: Mapping[str, Expected], name: str) -> Expected:
    """What is expected of a variable; anything, where nothing is said of it."""
    return expected.get(name, Expected())
