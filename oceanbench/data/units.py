"""Spellings of one unit, and what is plausible in it."""

from __future__ import annotations

from collections.abc import Mapping

UNIT_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "m": ("m", "meter", "meters", "metre", "metres"),
    "cm": ("cm", "centimeter", "centimeters", "centimetre", "centimetres"),
    "mm": ("mm", "millimeter", "millimeters", "millimetre", "millimetres"),
    "km": ("km", "kilometer", "kilometers", "kilometre", "kilometres"),
    "degrees_C": (
        "degrees_C", "degree_C", "degC", "deg_C", "deg C", "degrees C", "°C", "celsius", "Celsius",
        "degree_Celsius", "degrees_Celsius", "degrees_celsius", "degree_celsius", "degrees Celsius",
        "degree Celsius",
    ),
    "K": ("K", "kelvin", "Kelvin", "degrees_K", "degree_K", "degK"),
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

    >>> standard_unit("metres"), standard_unit("yr-1")
    ('m', 'yr-1')
    """
    text = " ".join(unit.split())
    return next((name for name, known in UNIT_SPELLINGS.items() if text in known), text)


def same_unit(found: str, expected: str) -> bool:
    """Whether two spellings name one unit ('meters' and 'm')."""
    return standard_unit(found) == standard_unit(expected)
