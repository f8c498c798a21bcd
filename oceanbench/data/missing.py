"""What a file says is missing, or a format takes for missing, as NaN whenever values are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from oceanbench.arrays import BoolArray
from oceanbench.errors import OceanbenchError

Values = NDArray[Any]
DEFAULT_FILL: Mapping[str, float] = {  # of the netCDF library, where nothing was written
    "i2": -32767,
    "i4": -2147483647,
    "i8": -9223372036854775806,
    "u2": 65535,
    "u4": 4294967295,
    "u8": 18446744073709551614,
    "f4": 9.969209968386869e36,
    "f8": 9.969209968386869e36,
}
FILLS = ("_FillValue", "missing_value")
RANGES = ("valid_range", "valid_min", "valid_max")


class OnRead(BackendArray):
    """Values of a variable, each passed through a function when it is read and not before."""

    def __init__(self, variable: xr.Variable, function: Callable[[Values], Values]) -> None:
        self.variable, self.function = variable, function
        self.shape, self.dtype = variable.shape, variable.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """Part of the values."""
        outer = indexing.IndexingSupport.OUTER
        return indexing.explicit_indexing_adapter(key, self.shape, outer, self._read)

    def _read(self, key: tuple[Any, ...]) -> Values:
        return self.function(np.asarray(self.variable[key].values))


def on_read(variable: xr.Variable, function: Callable[[Values], Values]) -> xr.Variable:
    """The same variable, whose values pass through a function of values when they are read."""
    if variable.chunks is not None:
        data: Any = variable.data.map_blocks(function, dtype=variable.dtype)
    elif variable._in_memory:
        data = function(np.asarray(variable.values))
    else:
        data = indexing.LazilyIndexedArray(OnRead(variable, function))
    return xr.Variable(variable.dims, data, variable.attrs, variable.encoding)


def with_one_fill(
    name: str, variable: xr.Variable, where: str, *, ranged: bool = True
) -> xr.Variable:
    """Give a variable, not yet decoded, one fill value for all that is missing in it.

    Missing are the values of ``_FillValue`` and ``missing_value``, compared in the precision of
    the file or of the attribute, whichever is less; what lies outside ``valid_range``,
    ``valid_min`` and ``valid_max``; the fill value of a Zarr array, unless it is zero, which is
    what Zarr writes where none was chosen; and the netCDF library's own fill, in floating point
    numbers always, in packed integers where none is declared.

    Parameters
    ----------
    name : of the variable
    variable : as stored, neither masked nor scaled
    where : file name, for messages
    ranged : whether valid ranges, and a fill value of zero, count; of coordinates ranges are often
        those of another file

    Raises
    ------
    OceanbenchError
        for fills and ranges that are no numbers; and, when they are read, for values at the end of
        what packed integers hold where no fill is declared: a fill or an overflow; and for values
        just outside a valid range, which is then not that of these values

    References
    ----------
    CF conventions, section 2.5.1; NetCDF User Guide, appendix A
    """
    kind = variable.dtype.kind
    attrs = dict(variable.attrs)
    if not ranged and np.ndim(attrs.get("_FillValue", 1)) == 0 and attrs.get("_FillValue") == 0:
        del attrs["_FillValue"]  # of Zarr 2, where none was chosen
    dated = " since " in str(attrs.get("units", ""))
    same = variable.copy(deep=False)
    same.attrs = dict(attrs)
    if kind not in "iuf" or (dated and kind != "f"):
        return same
    packing = {key: attrs[key] for key in ("scale_factor", "add_offset") if key in attrs}
    fills = [_numbers(attrs.pop(key), name, key, where) for key in FILLS if key in attrs]
    declared = [fill for numbers in fills for fill in numbers]
    zarr = variable.encoding.get("fill_value")
    if not declared and zarr is not None and np.ndim(zarr) == 0 and zarr != 0:
        declared.append(np.asarray(zarr)[()])
    low, high = -np.inf, np.inf
    if ranged:
        low, high = _valid(attrs, name, variable.dtype, packing, where)
    default = DEFAULT_FILL.get(variable.dtype.str[1:])
    if default is not None and (kind == "f" or (packing and not declared)):
        known = [*declared, variable.dtype.type(default)]
    else:
        known = declared
    bounded = bool(np.isfinite([low, high]).any())
    if kind != "f" and not (known or bounded):
        return same
    unsigned = _unsigned(attrs, variable.dtype)
    fill = _fill_of(known, variable.dtype, low)

    def cleaned(values: Values) -> Values:
        missing = np.zeros(values.shape, bool)
        for one in known:
            missing |= _equal(values, one, unsigned)
        seen = values if unsigned is None else values.view(unsigned)
        if bounded:
            outside = ~missing & ((seen < low) | (seen > high))
            _refuse_stale(seen[outside], low, high, name, where)
            missing |= outside
        if packing and not declared and kind != "f" and values.dtype.itemsize > 1:
            _refuse_ends(seen[~missing], name, where)
        if not missing.any():
            return values
        return np.where(missing, fill, values).astype(values.dtype, copy=False)

    result = on_read(variable, cleaned)
    if kind != "f":
        attrs["_FillValue"] = fill
    result.attrs = attrs
    return result


def _numbers(value: Any, name: str, key: str, where: str) -> list[Any]:
    """Numbers of an attribute that is to hold some."""
    found = np.atleast_1d(np.asarray(value))
    if found.dtype.kind not in "iufb":
        raise OceanbenchError(
            f"{where}: the attribute '{key}' of '{name}' is {value!r}, expected a number; "
            "correct it"
        )
    return list(found.ravel())


def _valid(
    attrs: Mapping[str, Any],
    name: str,
    dtype: np.dtype[Any],
    packing: Mapping[str, Any],
    where: str,
) -> tuple[float, float]:
    """Bounds of what is valid, as stored; infinite where the file names none, or an empty range."""
    low, high = -np.inf, np.inf
    stated = {key: _numbers(attrs[key], name, key, where) for key in RANGES if key in attrs}
    pair = stated.get("valid_range", [])
    bounds = [stated.get("valid_min", pair[:1]), stated.get("valid_max", pair[1:2])]
    if bounds[0]:
        low = _as_stored(bounds[0][0], dtype, packing)
    if bounds[1]:
        high = _as_stored(bounds[1][0], dtype, packing)
    given = np.asarray((bounds[0] or bounds[1] or [0])[0])
    if _scale(packing) < 0 and given.dtype.kind == "f" and dtype.kind != "f":  # of unpacked values
        low, high = (-np.inf if np.isinf(high) else high), (np.inf if np.isinf(low) else low)
    return (low, high) if low < high else (-np.inf, np.inf)


def _scale(packing: Mapping[str, Any]) -> float:
    return float(np.ravel(packing.get("scale_factor", 1.0))[0])


def _as_stored(bound: Any, dtype: np.dtype[Any], packing: Mapping[str, Any]) -> float:
    """Bound in the numbers of the file: of packed ones it may be given in either."""
    if dtype.kind == "f":
        return float(dtype.type(bound))
    if packing and np.asarray(bound).dtype.kind == "f":
        scale = _scale(packing)
        offset = float(np.ravel(packing.get("add_offset", 0.0))[0])
        if scale:
            return float(np.round((float(bound) - offset) / scale, 6))
    return float(bound)


def _unsigned(attrs: Mapping[str, Any], dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    """Type that integers are to be read as, where the file says that they have no sign."""
    if dtype.kind == "i" and str(attrs.get("_Unsigned", "")).lower() == "true":
        return np.dtype(f"u{dtype.itemsize}")
    return None


def _fill_of(known: list[Any], dtype: np.dtype[Any], low: float) -> Any:
    """Value that stands for all that is missing."""
    if dtype.kind == "f":
        return dtype.type(np.nan)
    limits = np.iinfo(dtype)
    for one in known:
        if np.isfinite(one) and float(one).is_integer() and limits.min <= int(one) <= limits.max:
            return dtype.type(int(one))
    return dtype.type(limits.min if low > limits.min else limits.max)


def _equal(values: Values, fill: Any, unsigned: np.dtype[Any] | None) -> BoolArray:
    """Where values are a fill, in the lower precision of the two."""
    if values.dtype.kind == "f":
        kept = values.dtype
        if np.asarray(fill).dtype.kind == "f":
            kept = min(kept.newbyteorder("="), np.asarray(fill).dtype.newbyteorder("="))
        with np.errstate(over="ignore"):
            one = np.asarray(fill).astype(kept)
            same: BoolArray = values.astype(kept, copy=False) == one
        return same
    seen = values
    if unsigned is not None and fill >= 0:
        seen = values.view(unsigned)
    if not np.isfinite(fill) or not float(fill).is_integer():
        return np.zeros(values.shape, bool)
    return np.asarray(seen == int(fill))


def _refuse_stale(outside: Values, low: float, high: float, name: str, where: str) -> None:
    """Refuse values outside a valid range by less than its width: no fill lies so near."""
    width = high - low
    near = outside[(outside >= low - width) & (outside <= high + width)]
    if np.isfinite(width) and near.size:
        raise OceanbenchError(
            f"{where}: {near.size} values of '{name}' lie outside its own valid range, {low:g} to "
            f"{high:g} as stored (for example {near[0]:g}): they would be taken for missing; "
            "correct or remove the attributes valid_min, valid_max and valid_range"
        )


def _refuse_ends(values: Values, name: str, where: str) -> None:
    """Refuse packed values that are the largest or smallest of their type."""
    limits = np.iinfo(values.dtype)
    for end in {limits.min, limits.max} - {0}:
        count = int((values == end).sum())
        if count:
            raise OceanbenchError(
                f"{where}: {count} values of '{name}' are {end}, the end of what {values.dtype} "
                "holds, and no fill is declared: missing, or too large to be packed; write "
                "_FillValue, or pack with another scale_factor"
            )
