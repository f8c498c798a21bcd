"""Attributes that the reading of files relies on, as their writers left them."""

from __future__ import annotations

import numpy as np
import xarray as xr

from oceanbench.errors import OceanbenchError

TEXTS = ("units", "standard_name", "calendar", "long_name", "positive", "axis", "Unit")
NUMBERS = ("scale_factor", "add_offset", "valid_min", "valid_max", "valid_range")


def check_attributes(encoded: xr.Dataset, where: str) -> None:
    """Refuse attributes of another type than the conventions (CF 1.11) give them."""
    for name, variable in encoded.variables.items():
        for key, value in {**variable.attrs, **variable.encoding}.items():
            if key in TEXTS and not isinstance(value, str):
                _refuse(where, name, key, value, "a text")
            if key in NUMBERS and not _is_number(value, key):
                _refuse(where, name, key, value, "a number")


def _is_number(value: object, key: str) -> bool:
    array = np.asarray(value)
    size = 2 if key == "valid_range" else 1
    return array.dtype.kind in "fiu" and array.size == size and bool(np.isfinite(array).all())


def _refuse(where: str, name: object, key: str, value: object, expected: str) -> None:
    raise OceanbenchError(
        f"{where}: the attribute '{key}' of '{name}' is {str(value)[:40]!r}, expected {expected}; "
        "correct it"
    )
