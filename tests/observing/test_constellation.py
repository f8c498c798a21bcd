"""A sea seen by several altimeters."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.observing.constellation import constellation
from oceanbench.observing.sampling import sample

NAMES = ("jason1", "sentinel3a", "swot")


def sea(days: int = 6) -> xr.DataArray:
    """A slope that rises to the east and in time: splines and lines are exact on it."""
    axes = {
        "time": np.datetime64("2013-03-01", "ns") + np.arange(days) * np.timedelta64(1, "D"),
        "latitude": 33.0 + 0.5 * np.arange(13),
        "longitude": 295.0 + 0.5 * np.arange(13),
    }
    east = 0.1 * (axes["longitude"] - 295.0) + np.zeros((days, 13, 13))
    height = east + 0.02 * np.arange(days)[:, None, None]
    return xr.DataArray(height, axes, tuple(axes), "ssh", {"units": "m"})


def test_without_errors_the_sea_itself_is_seen_everywhere_in_its_box() -> None:
    truth = sea()
    seen = constellation(truth, NAMES, seed=1, errors=0.0)
    assert list(seen) == list(NAMES)
    for name, layout in zip(NAMES, ("track", "track", "swath"), strict=True):
        data = seen[name]
        assert (data.attrs["role"], data.attrs["layout"]) == ("observations", layout)
        assert data["ssh"].attrs["units"] == "m" and "track" in data
        days = (data["time"] - truth["time"][0]) / np.timedelta64(1, "D")
        expected = 0.1 * (data["longitude"] - 295.0) + 0.02 * days
        np.testing.assert_allclose((data["ssh"] - expected).values, 0.0 * expected, atol=1e-12)
        assert int(data["ssh"].notnull().sum()) > 100


def test_errors_are_a_missions_own_and_grow_by_the_factor() -> None:
    truth = sea()
    one, two = (constellation(truth, NAMES, seed=1, errors=factor) for factor in (1.0, 2.0))
    alone = constellation(truth, NAMES[1:2], seed=1)["sentinel3a"]
    xr.testing.assert_identical(alone, one["sentinel3a"])
    for name in NAMES:
        clean = sample(truth, one[name])
        np.testing.assert_allclose(two[name]["ssh"] - clean, 2.0 * (one[name]["ssh"] - clean))
    error = one["jason1"]["ssh"] - sample(truth, one["jason1"])
    white = float(error.diff("time").std()) / np.sqrt(2.0)  # what a pass shares hardly changes
    assert white == pytest.approx(0.03, rel=0.15)
    other = constellation(truth, NAMES[:1], seed=2)["jason1"]
    assert float(abs(other["ssh"] - one["jason1"]["ssh"]).max()) > 0.01


def test_land_is_not_seen() -> None:
    truth = sea()
    known = (truth["longitude"] >= 298.0) & (truth["latitude"] > 0)  # land is in the west
    seen = constellation(truth, NAMES, seed=1, sea=known)
    for name, whole in constellation(truth, NAMES, seed=1).items():
        east = float(seen[name]["longitude"].where(seen[name]["ssh"].notnull()).min())
        assert 297.75 <= east < 298.0  # half a node before it
        sees = int(seen[name]["ssh"].count())
        assert sees == int((whole["ssh"].notnull() & (whole["longitude"] > 297.75)).sum()) > 50


def test_what_cannot_be_flown_is_refused() -> None:
    with pytest.raises(OceanbenchError, match="unknown mission 'jason9'"):
        constellation(sea(), ["jason9"], seed=1)
    with pytest.raises(OceanbenchError, match="errors: found -1"):
        constellation(sea(), NAMES, seed=1, errors=-1.0)
