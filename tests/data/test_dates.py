"""Times of files, whatever year they are counted from."""

from __future__ import annotations

import datetime

import numpy as np
import xarray as xr
from rows import every

from oceanbench.data.dates import counted_from_1970, days_since_1970, unit_of_time

EPOCHS = ("1-1-1", "0001-01-01T12:00:00", "1600-01-01 00:00:00.5", "1500-03-01 06:30 UTC")


@every("year", [1, 4, 100, 400, 1582, 1600, 1899, 1970, 2000, 2024])
def test_days_are_those_of_the_proleptic_calendar(year):
    for month, day in ((1, 1), (2, 28), (3, 1), (10, 15), (12, 31)):
        want = (datetime.date(year, month, day) - datetime.date(1970, 1, 1)).days
        assert days_since_1970(year, month, day, proleptic=True) == want


@every(
    "date, julian_day",
    [((1582, 10, 4), 2299160), ((1582, 10, 15), 2299161), ((837, 4, 10), 2026872)],
)
def test_days_of_the_standard_calendar_are_julian_before_1582(date, julian_day):
    """Julian day numbers of Meeus; 1970-01-01 is 2440588."""
    assert days_since_1970(*date, proleptic=False) == julian_day - 2440588


@every(
    "units, dtype",
    [
        (f"{unit} since {epoch}", dtype)
        for unit in ("days", "Hours", "seconds", "s", "msec", "microseconds")
        for epoch in EPOCHS
        for dtype in ("f8", "i8")
    ],
)  # fmt: skip
def test_counted_from_1970_is_the_same_instant(units, dtype):
    number, _, since = units.partition(" since ")
    per_day = {"days": 1, "Hours": 24, "seconds": 86400, "s": 86400, "msec": 864 * 10**5}
    step = per_day.get(number, 864 * 10**8)
    numbers = (np.array([730000, 737000]) * step).astype(dtype)
    time = xr.Dataset(coords={"time": ("time", numbers, {"units": units})})
    found = counted_from_1970(time)["time"]
    assert found.attrs["units"].endswith("since 1970-01-01")
    year, month, day = (int(n) for n in since[:10].split("T")[0].split(" ")[0].split("-"))
    clock = {"1": 0.0, "0001-01-01T12:00:00": 0.5, "1600-01-01 00:00:00.5": 0.5 / 86400}
    part = clock.get(since, 6.5 / 24 if "06:30" in since else 0.0)
    want = days_since_1970(year, month, day, proleptic=False) + part + np.array([730000, 737000])
    np.testing.assert_allclose(found.values / step, want, rtol=0, atol=1e-9)


@every("text, want", [("days", "day"), ("D", "day"), ("ms", "millisecond"), ("months", None)])
def test_units_of_time_have_many_spellings(text, want):
    assert unit_of_time(text) == want


def test_times_counted_from_a_later_year_stay_as_they_are():
    time = xr.Dataset(coords={"time": ("time", [1.5], {"units": "days since 1900-01-01"})})
    assert counted_from_1970(time)["time"].attrs == time["time"].attrs
