"""Maps of a challenge's datasets are found by the rules of the same node, depth and day."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.forecasting.anomalies import days_of, maps_of, nodes_of


def maps(depths: list[float], day: str = "2020-01-02") -> xr.Dataset:
    axes = {
        "time": [np.datetime64(day, "ns")],
        "depth": depths,
        "latitude": [10.0, 10.25],
        "longitude": [0.0, 0.25],
    }
    values = np.arange(4.0 * len(depths)).reshape(1, -1, 2, 2)
    return xr.Dataset({"thetao": (tuple(axes), values)}, axes, {"name": "training"})


def test_a_level_is_the_same_where_it_is_for_the_scores() -> None:
    """Within a hundredth of a metre and a thousandth of the depth: 0.3 m are another level."""
    nodes = nodes_of(maps([0.5, 222.5]))
    found = maps_of(maps([0.505, 222.6]), nodes)["thetao"]
    np.testing.assert_array_equal(found, maps([0.5, 222.5])["thetao"].values)
    with pytest.raises(OceanbenchError, match="'training' lacks nodes or depths of the target"):
        maps_of(maps([0.8, 222.5]), nodes)


def test_a_day_is_the_same_though_its_time_is_rounded() -> None:
    assert days_of(maps([0.5], "2020-01-01T23:59:59.9")) == np.datetime64("2020-01-02")
