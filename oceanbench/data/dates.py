"""Times of files, whatever year they are counted from."""

from __future__ import annotations

import re

import numpy as np
import xarray as xr

from oceanbench.errors import OceanbenchError

CALENDARS = ("standard", "gregorian", "proleptic_gregorian")
FIRST_EPOCH = 1678  # before it, nanoseconds do not hold the epoch
PER_DAY = {"day": 1, "hour": 24, "minute": 1440, "second": 86_400}
PER_DAY |= {f"{prefix}second": 86_400 * 1000**n for n, prefix in ((1, "milli"), (2, "micro"))}
PER_DAY |= {"nanosecond": 86_400 * 1000**3}
SHORT = {"d": "day", "h": "hour", "hr": "hour", "min": "minute", "s": "second", "sec": "second"}
SHORT |= {"ms": "millisecond", "msec": "millisecond", "us": "microsecond", "ns": "nanosecond"}
SINCE = re.compile(
    r"\s*(\w+)\s+since\s+(\d{1,4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T\s]+(\d{1,2})(?::(\d{1,2}))?(?::(\d{1,2}(?:\.\d*)?))?)?\s*(?:Z|UTC|GMT|\+?00:?00)?\s*",
    re.IGNORECASE,
)


def refuse_other_calendars(encoded: xr.Dataset, where: str) -> None:
    """Refuse times of calendars that have not the real days."""
    for name, variable in encoded.variables.items():
        calendar = str(variable.attrs.get("calendar", "standard")).lower()
        if calendar not in CALENDARS:
            raise OceanbenchError(
                f"{where}: '{name}' is in the calendar '{calendar}', expected the standard one; "
                "convert the dates to real days"
            )


def counted_from_1970(encoded: xr.Dataset) -> xr.Dataset:
    """Times that are counted from a year before 1678, counted from 1970 instead.

    The numbers are shifted by whole days of the same unit, which is exact. The standard calendar is
    Julian until 4 October 1582: days since 0001-01-01 are two more there than in the proleptic one.
    """
    changed = {}
    for name, variable in encoded.variables.items():
        found = SINCE.fullmatch(str(variable.attrs.get("units", "")))
        unit = None if found is None else unit_of_time(found[1])
        if found is None or unit is None or int(found[2]) >= FIRST_EPOCH:
            continue
        calendar = str(variable.attrs.get("calendar", "standard")).lower()
        year, month, day = (int(n) for n in found.group(2, 3, 4))
        since_1970 = days_since_1970(year, month, day, proleptic="proleptic" in calendar)
        hour, minute, second = (float(n or 0) for n in found.group(5, 6, 7))
        clock = (hour * 3600 + minute * 60 + second) / 86_400
        shift = since_1970 * PER_DAY[unit]
        values = variable.values
        if values.dtype.kind == "f" or clock:
            values = values.astype(np.float64) + shift + clock * PER_DAY[unit]
        else:
            values = values.astype(np.int64) + shift
        attrs = {**variable.attrs, "units": f"{unit}s since 1970-01-01"}
        attrs["calendar"] = "proleptic_gregorian"
        if (fill := attrs.pop("_FillValue", None)) is not None:
            values = np.where(variable.values == fill, np.nan, values)
        changed[name] = (variable.dims, values, attrs)
    coords = {n: v for n, v in changed.items() if n in encoded.coords}
    others = {n: v for n, v in changed.items() if n not in encoded.coords}
    return encoded.assign_coords(coords).assign(others)


def days_since_1970(year: int, month: int, day: int, *, proleptic: bool) -> int:
    """Days from 1970-01-01 to a date, of the Julian calendar where the standard one is that.

    >>> days_since_1970(1, 1, 1, proleptic=True), days_since_1970(1, 1, 1, proleptic=False)
    (-719162, -719164)
    """
    shifted, era = (month + 9) % 12, year - (month <= 2)
    days = 365 * era + era // 4 + (153 * shifted + 2) // 5 + day - 1  # since 1 March of the year 0
    if proleptic or (year, month, day) >= (1582, 10, 15):
        return days - era // 100 + era // 400 - 719_468
    return days - 719_470


def unit_of_time(text: str) -> str | None:
    """Unit in the singular, of any of its spellings; None for what is no fixed time.

    >>> unit_of_time("Hours"), unit_of_time("ms"), unit_of_time("months")
    ('hour', 'millisecond', None)
    """
    lower = text.strip().lower()
    singular = SHORT.get(lower, SHORT.get(lower.removesuffix("s"), lower.removesuffix("s")))
    return singular if singular in PER_DAY else None
