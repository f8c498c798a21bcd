"""Spellings of one unit, and what is plausible in it."""

from __future__ import annotations

import re
from collections.abc import Mapping

DEGREES = re.compile(  # of temperature: 'degrees C', 'degC', 'deg_Celsius', '°C', 'kelvin'
    r"(?P<degrees>degrees?|deg\.?|[°º])?[ _]?(?P<scale>c|cel|celsius|centigrade|k|kelvins?)",
    re.IGNORECASE,
)
UNIT_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "m": ("m", "meter", "meters", "metre", "metres"),
    "cm": ("cm", "centimeter", "centimeters", "centimetre", "centimetres"),
    "mm": ("mm", "millimeter", "millimeters", "millimetre", "millimetres"),
    "km": ("km", "kilometer", "kilometers", "kilometre", "kilometres"),
    "1e-3": ("1e-3", "1.e-3", "0.001", "PSU", "psu", "g kg-1", "g/kg", "g kg**-1", "g kg^-1"),
    "m s-1": (
        "m s-1", "m/s", "m s^-1", "m s**-1", "m.s-1", "m*s-1", "ms-1", "meters/second",
        "meter second-1", "m sec-1", "m/sec", "meters per second", "metres per second",
    ),
    "cm s-1": ("cm s-1", "cm/s", "cm s^-1", "cm s**-1", "cm.s-1"),
    "1": ("1", "", "-", "dimensionless"),
}  # fmt: skip

PLAUSIBLE: Mapping[str, tuple[float, float]] = {  # wider than any value or anomaly of any ocean
    "m": (-12e3, 12e3),
    "cm": (-12e5, 12e5),
    "mm": (-12e6, 12e6),
    "degrees_C": (-100.0, 100.0),
    "K": (-100.0, 400.0),
    "1e-3": (-100.0, 500.0),
    "m s-1": (-100.0, 100.0),
    "cm s-1": (-1e4, 1e4),
}


def standard_unit(unit: str) -> str:
    """One spelling of a unit: that of ``UNIT_SPELLINGS``, or its own where it is not there.

    Degrees of temperature are ``degrees_C`` or ``K`` however they are spelt; a letter alone is a
    large one.

    >>> standard_unit("metres"), standard_unit("degrees C"), standard_unit("yr-1")
    ('m', 'degrees_C', 'yr-1')
    """
    text = " ".join(unit.replace("℃", "°C").split())
    degrees = DEGREES.fullmatch(text)
    if degrees is not None and text not in ("c", "k"):
        return "K" if degrees["scale"].lower().startswith("k") else "degrees_C"
    return next((name for name, known in UNIT_SPELLINGS.items() if text in known), text)


def same_unit(found: str, expected: str) -> bool:
    """Whether two spellings name one unit ('meters' and 'm')."""
    return standard_unit(found) == standard_unit(expected)
