"""A second field's maps: fitted where truth is known, asked for elsewhere, refused where unfit."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from rows import every

from oceanbench.assimilation.observations.second_field import (
    added,
    beyond,
    fitted_filter,
    predicted,
)
from oceanbench.assimilation.observations.superobservations import Samples
from oceanbench.errors import OceanbenchError

START = np.datetime64("2013-01-01", "ns")
DAY = np.timedelta64(1, "D")


def maps(name: str, days: int = 40, seed: int = 0, first: int = 0) -> xr.DataArray:
    """Smooth in nothing, equidistant by half a degree and a day."""
    axes = {
        "time": START + (first + np.arange(days)) * DAY,
        "latitude": 38.0 + 0.5 * np.arange(9),
        "longitude": 328.0 + 0.5 * np.arange(11),
    }
    values = np.random.default_rng(seed).standard_normal([len(a) for a in axes.values()])
    return xr.DataArray(values, axes, tuple(axes), name)


def inputs() -> dict[str, xr.Dataset]:
    """Sea level that is a tenth of the temperature, in the first days, and temperatures of all."""
    warm = 15.0 + maps("sst", days=60)
    truth = (0.1 * (warm - 15.0)).rename("ssh").isel(time=slice(40))
    grid = {"layout": "grid"}
    return {
        "sst": warm.to_dataset().assign_attrs(role="observations", **grid),
        "heights": truth.to_dataset().assign_attrs(role="training", **grid),
        "warmth": warm.isel(time=slice(40)).to_dataset().assign_attrs(role="training", **grid),
    }


def test_what_is_fitted_to_training_maps_tells_of_later_days() -> None:
    given = inputs()
    weights = fitted_filter(given, "ssh", "sst", 330.0)
    found = predicted(given, "sst", weights, 330.0)
    assert found.sizes == given["sst"]["sst"].sizes
    smooth = 0.1 * (given["sst"]["sst"] - given["warmth"]["sst"].mean("time"))
    later = slice(45, 55)
    assert xr.corr(found[later], smooth[later]) > 0.3  # white maps: what is left by smoothing
    again = predicted(given, "sst", 2.0 * weights, 330.0)
    np.testing.assert_allclose(again, 2.0 * found)


def samples_at(days: np.ndarray, longitude: float = 330.2) -> Samples:
    n = days.size
    track = np.zeros(n, dtype=np.int64)
    value, east = np.ones(n), np.full(n, longitude)
    return Samples(days, east, np.full(n, 40.3), value, track, track, ("one",))


def test_samples_are_relative_to_the_background_of_their_time_and_place() -> None:
    field = maps("ssh", days=5)
    field = field.copy(data=np.broadcast_to(np.arange(5.0)[:, None, None], field.shape))
    left = beyond(samples_at(np.array([-3.0, -0.5, 1.25, 3.5, 4.5, 5.5])), field, START)
    np.testing.assert_allclose(left.time, [-0.5, 1.25, 3.5, 4.5])  # a day beyond, and no more
    np.testing.assert_allclose(left.value, 1.0 - np.array([0.0, 1.25, 3.5, 4.0]), atol=1e-9)
    assert beyond(samples_at(np.array([1.0]), longitude=340.0), field, START).value.size == 0


def test_maps_beyond_the_second_field_are_refused() -> None:
    field = maps("ssh", days=5)
    np.testing.assert_allclose(added(field, field, "second=sst"), 2 * field)
    with pytest.raises(OceanbenchError, match=r"second=sst: 99 of 495 points .* not covered by it"):
        added(maps("ssh", days=5, first=1), field, "second=sst")


@every(
    "name, changed, words",
    [
        ("sts", {}, "second=sts: no input of that name has maps.*'sst'"),
        ("sst", {"warmth": None}, "no training maps of 'sst', whose mean"),
        ("sst", {"heights": None}, "no training maps of 'ssh', expected some on days of 'sst'"),
        ("sst", {"sst": "uneven"}, "its times are not equidistant"),
        ("sst", {"sst": "two"}, "has the variables sst, ice, expected one"),
    ],
)
def test_what_is_no_second_field_is_refused(name: str, changed: dict, words: str) -> None:
    given = inputs()
    for key, change in changed.items():
        warm = given[key]
        if change is None:
            del given[key]
        elif change == "uneven":
            given[key] = warm.isel(time=[0, 1, 3])
        else:
            given[key] = warm.assign(ice=warm["sst"])
    with pytest.raises(OceanbenchError, match=words):
        fitted_filter(given, "ssh", name, 330.0)
