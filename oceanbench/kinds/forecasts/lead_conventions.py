"""Both ways the field writes forecasts, brought to starts and leads in days.

A *start* is the day of the initial conditions, a *lead* the days since: the field of a start and a
lead is valid on the day ``start + lead``. Files say it as

- ``start, lead``, and their aliases: a date and a number of days (or a unit of time);
- ``first_day_datetime, lead_day_index``: the valid day of the first lead, and an index from zero;
- ``time``: the valid days of one start, which is a scalar coordinate ``start`` (or
  ``forecast_reference_time``), or else lies one first lead before the first of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from oceanbench.arrays import IntArray, TimeArray
from oceanbench.data.dates import PER_DAY, unit_of_time
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.forecasts.daily_maps import as_days
from oceanbench.times import utc_days

STARTS = ("start", "forecast_reference_time", "init_time", "first_day_datetime")
LEADS = ("lead", "lead_time", "lead_day", "prediction_timedelta", "forecast_period", "step")
INDEX = "lead_day_index"
VALID = ("valid_time", "valid_day", "time")  # days that fields are valid on, said besides
ROUNDED = 1e-4  # days: leads written in single precision


def canonical(dataset: xr.Dataset, leads: Sequence[int], where: str) -> xr.Dataset:
    """Give the dimensions their canonical names, starts as days and leads as whole days.

    Parameters
    ----------
    dataset : with canonical latitude, longitude and depth
    leads : of the challenge; the first tells what a first day or an index means
    where : file name, for messages

    Returns
    -------
    Dataset with the dimensions ``start`` and ``lead`` beside those of the grid
    """
    start = next((n for n in STARTS if n in dataset.variables), None)
    lead = next((n for n in (*LEADS, INDEX) if n in dataset.dims), None)
    if lead is None:
        return _of_one_start(dataset, start, leads, where)
    if start is None:
        raise OceanbenchError(
            f"{where}: has leads ('{lead}') and no start, expected a coordinate 'start'; write the "
            "day of the initial conditions"
        )
    days = as_days(dataset[start], where)
    if start == "first_day_datetime":
        days = days - leads[0]
    if dataset[start].ndim == 0:
        dataset = dataset.drop_vars(start).expand_dims("start")
    else:
        dataset = dataset.drop_vars(start).rename({dataset[start].dims[0]: "start"})
    if lead not in dataset.variables and lead != INDEX:
        raise OceanbenchError(f"{where}: '{lead}' has no values; write the leads in days")
    numbers = _leads(dataset, lead, leads, where)
    _check_valid(dataset, lead, days[:, None] + numbers, where)
    dataset = dataset.drop_vars([n for n in VALID if n in dataset.coords])
    dataset = dataset.drop_vars(lead, errors="ignore").rename({lead: "lead"})
    return dataset.assign_coords(start=days, lead=numbers)


def _leads(dataset: xr.Dataset, name: str, leads: Sequence[int], where: str) -> IntArray:
    if name == INDEX:
        there = name in dataset.variables
        index = dataset[name].values if there else np.arange(dataset.sizes[name])
        return np.asarray(index).astype(np.int64) + leads[0]
    values = dataset[name].values
    unit = str(dataset[name].attrs.get("units", "days"))
    if values.dtype.kind == "m":
        values, unit = values.astype("timedelta64[ns]").astype(np.int64), "nanoseconds"
    known = unit_of_time(unit)
    if values.dtype.kind not in "iuf" or known is None:
        raise OceanbenchError(
            f"{where}: '{name}' is of type {values.dtype} in '{unit}', expected numbers of days"
        )
    days = values / PER_DAY[known]
    wrong = ~(np.abs(days - np.round(days)) <= ROUNDED)
    if wrong.any():
        raise OceanbenchError(
            f"{where}: '{name}' holds {days[wrong][0]:g} days, expected whole days"
        )
    return np.round(days).astype(np.int64)


def _check_valid(dataset: xr.Dataset, lead: str, expected: TimeArray, where: str) -> None:
    """Refuse fields that the file says to be valid on another day than start and lead do."""
    for name in VALID:
        if name not in dataset.coords or dataset[name].dtype.kind != "M":
            continue
        found = dataset[name]
        if not found.ndim or not set(found.dims) <= {"start", lead}:
            continue
        along = [dim for dim in ("start", lead) if dim in found.dims]
        days = utc_days(found.transpose(*along).values)
        shape = [
            expected.shape[axis] if dim in along else 1 for axis, dim in enumerate(("start", lead))
        ]
        wrong = days.reshape(shape) != expected
        if wrong.any():
            raise OceanbenchError(
                f"{where}: '{name}' is not the start plus the lead (where these give "
                f"{expected[wrong][0]}); correct one of them"
            )


def _of_one_start(
    dataset: xr.Dataset, start: str | None, leads: Sequence[int], where: str
) -> xr.Dataset:
    """Forecast of one start on valid days."""
    if "time" not in dataset.dims:
        raise OceanbenchError(
            f"{where}: has the dimensions {', '.join(map(str, dataset.dims))}, expected start and "
            "lead (or first_day_datetime and lead_day_index), or time for one start a file"
        )
    valid = as_days(dataset["time"], where)
    if start is None:
        begin = valid[0] - leads[0]
    else:
        given = as_days(dataset[start], where)
        if given.size > 1:
            raise OceanbenchError(f"{where}: {given.size} starts and one time axis; write 'lead'")
        begin = given[0] - (leads[0] if start == "first_day_datetime" else 0)
        dataset = dataset.drop_vars(start)
    numbers = (valid - begin).astype(np.int64)
    for name in LEADS:
        along = name in dataset.coords and dataset[name].dims == ("time",)
        if along and not np.array_equal(_leads(dataset, name, leads, where), numbers):
            raise OceanbenchError(
                f"{where}: '{name}' is not the days from the start {begin} to time; correct one"
            )
    dataset = dataset.drop_vars("time").rename(time="lead")
    others = [n for n in dataset.coords if n in STARTS or n in LEADS]
    dataset = dataset.drop_vars(others)
    return dataset.expand_dims(start=[begin]).assign_coords(lead=numbers)
