"""Spellings of one unit."""

from __future__ import annotations

from collections.abc import Mapping

UNIT_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "m": ("m", "meter", "meters", "metre", "metres"),
    "cm": ("cm", "centimeter", "centimeters", "centimetre", "centimetres"),
    "mm": ("mm", "millimeter", "millimeters", "millimetre", "millimetres"),
    "degrees_C": ("degrees_C", "degree_C", "degC", "deg_C", "celsius", "Celsius", "degree_Celsius"),
    "K": ("K", "kelvin", "Kelvin"),
    "1e-3": ("1e-3", "0.001", "PSU", "psu", "g kg-1", "g/kg"),
    "m s-1": ("m s-1", "m/s", "m s^-1", "meters/second"),
    "1": ("1", "", "-", "dimensionless"),
}


def same_unit(found: str, expected: str) -> bool:
    """Whether two spellings name one unit ('meters' and 'm')."""
    spellings = UNIT_SPELLINGS.get(expected, (expected,))
    return found.strip() in spellings
