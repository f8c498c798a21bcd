"""A method that forecasts is called once a start, and sees nothing that is later."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.kinds.forecasts.starts.driving import ASKED_TWICE, each_start

STARTS = np.datetime64("2020-01-01", "ns") + np.arange(6) * np.timedelta64(7, "D")
DAYS = np.datetime64("2019-12-01", "ns") + np.arange(90) * np.timedelta64(1, "D")
ARGUMENTS = {"device": "cpu", "seed": 3}


def dated(dim: str, dates: np.ndarray, role: str) -> xr.Dataset:
    values = np.arange(float(dates.size))
    return xr.Dataset({"zos": (dim, values)}, {dim: dates}, {"role": role})


INPUTS = {
    "analyses": dated("start", STARTS, "initial"),
    "argo": dated("time", DAYS, "observations"),
    "wind": dated("time", DAYS, "auxiliary"),
    "past": dated("time", DAYS, "training"),
    "checks": dated("time", DAYS, "validation"),
    "usual": xr.Dataset({"zos": ("dayofyear", np.arange(366.0))}, attrs={"role": "climatology"}),
}
TARGET = xr.Dataset(
    {"zos": (("start", "lead"), np.full((6, 2), np.nan))}, {"start": STARTS, "lead": [1, 2]}
)


def drive(estimate: Any) -> xr.Dataset:
    return each_start({"estimate": estimate}, INPUTS, TARGET, ARGUMENTS)


def last(inputs: Mapping[str, xr.Dataset], target: xr.Dataset, **_: Any) -> xr.Dataset:
    """Forecast the latest analysis there is."""
    return target.fillna(float(inputs["analyses"]["zos"][-1]))


def test_nothing_later_than_the_start_is_there() -> None:
    asked = []

    def spy(inputs: Mapping[str, xr.Dataset], target: xr.Dataset, **options: Any) -> xr.Dataset:
        (start,) = target["start"].values
        asked.append(start)
        assert options == ARGUMENTS
        assert list(inputs) == list(INPUTS)
        assert inputs["analyses"]["start"].values[-1] == start
        for name in ("argo", "wind"):
            assert inputs[name]["time"].values[-1] == start
        for name in ("past", "checks", "usual"):
            assert inputs[name].identical(INPUTS[name])
        return last(inputs, target).assign_coords(more=1.0)  # which is no difference

    found = drive(spy)
    assert len(asked) == STARTS.size + ASKED_TWICE
    assert asked[: STARTS.size] != sorted(asked[: STARTS.size])  # shuffled
    assert set(asked) == set(STARTS)
    expected = np.repeat(np.arange(6.0)[:, None], 2, axis=1)
    np.testing.assert_array_equal(found["zos"], expected)
    assert found["zos"].dims == ("start", "lead")


def test_a_forecast_that_interpolates_between_analyses_finds_no_later_one() -> None:
    """The cheat that once ranked first: now it is persistence."""

    def between(inputs: Mapping[str, xr.Dataset], target: xr.Dataset, **_: Any) -> xr.Dataset:
        known = inputs["analyses"]["zos"]
        days = target["start"].values[:, None] + target["lead"].values.astype("timedelta64[D]")
        at = known["start"].values.astype(float)
        return target.assign(
            zos=(("start", "lead"), np.interp(days.astype("M8[ns]").astype(float), at, known))
        )

    assert drive(between).identical(drive(last).assign(zos=drive(between)["zos"]))
    np.testing.assert_array_equal(drive(between)["zos"], drive(last)["zos"])


def test_another_answer_to_the_same_question_is_refused() -> None:
    def moody(inputs: Mapping[str, xr.Dataset], target: xr.Dataset, **_: Any) -> xr.Dataset:
        return target.fillna(float(int.from_bytes(os.urandom(4))))

    with pytest.raises(OceanbenchError, match="another one when it is asked for again"):
        drive(moody)

    def failing(inputs: Mapping[str, xr.Dataset], target: xr.Dataset, **_: Any) -> xr.Dataset:
        if target["start"].values[0] == STARTS[3]:
            raise OceanbenchError("mine: estimate() failed, ValueError: no")
        return target.fillna(0.0)

    with pytest.raises(OceanbenchError, match=f"^start {str(STARTS[3])[:10]}: mine: estimate"):
        drive(failing)


def test_members_and_their_number_are_those_of_every_start() -> None:
    def members(inputs: Mapping[str, xr.Dataset], target: xr.Dataset, **_: Any) -> xr.Dataset:
        count = 3 if target["start"].values[0] < STARTS[4] else uneven
        drawn = target["zos"].fillna(1.0).expand_dims(member=count)
        return target.assign(zos=drawn)

    uneven = 3
    assert dict(drive(members)["zos"].sizes) == {"member": 3, "start": 6, "lead": 2}
    uneven = 2
    with pytest.raises(OceanbenchError, match="as many members as for the others"):
        drive(members)


def test_a_variable_that_is_only_sometimes_there_is_refused() -> None:
    def some(inputs: Mapping[str, xr.Dataset], target: xr.Dataset, **_: Any) -> xr.Dataset:
        filled = target.fillna(0.0)
        late = target["start"].values[0] > STARTS[2]
        return filled.assign(zos_std=filled["zos"]) if late else filled

    with pytest.raises(OceanbenchError, match="return the same variables each time"):
        drive(some)
