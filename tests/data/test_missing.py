"""What is missing in a variable, as stored."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from rows import every

from oceanbench.data.missing import with_one_fill
from oceanbench.errors import OceanbenchError

FILL = 9.969209968386869e36


def holes(values: Any, dtype: str, *, ranged: bool = True, **attrs: Any) -> list[int]:
    """Which values are missing once they are decoded."""
    variable = xr.Variable(("x",), np.array(values).astype(dtype), attrs)
    one = with_one_fill("ssh", variable, "a.nc", ranged=ranged)
    decoded = xr.decode_cf(xr.Dataset({"ssh": one}))["ssh"]
    return np.flatnonzero(np.isnan(decoded.values)).tolist()


@every(
    "values, dtype, attrs, want",
    [
        ([1.0, -999.9, 2.0], "f4", {"missing_value": -999.9}, [1]),
        ([1.0, -999.9, 2.0], ">f4", {"missing_value": -999.9}, [1]),
        ([1.0, -999.9, 2.0], "f8", {"missing_value": np.float32(-999.9)}, [1]),
        ([1.0, -9.0, -1e4], "f4", {"_FillValue": np.float32(-9), "missing_value": -1e4}, [1, 2]),
        ([1.0, -999.0, -1e4], "f4", {"missing_value": np.array([-999.0, -1e4])}, [1, 2]),
        ([1.0, 9999.0], "f8", {"missing_value": 9999}, [1]),
        ([1.0, FILL, np.nan], "f4", {}, [1, 2]),
        ([1.0, FILL], "f8", {"_FillValue": -1.0}, [1]),
        ([5, -32767], "i2", {"scale_factor": 0.1}, [1]),
        ([5, -32767], "i2", {"scale_factor": 0.1, "_FillValue": np.int16(-1)}, []),
        ([5, -2147483647], "i4", {"scale_factor": 0.1}, [1]),
        ([5, -9223372036854775806], "i8", {"scale_factor": 0.1}, [1]),
        ([5, 65535], "u2", {"scale_factor": 0.1}, [1]),
        ([5, 4294967295], "u4", {"scale_factor": 0.1}, [1]),
        ([5, -999], "i2", {"missing_value": -999.0}, [1]),
        ([5, 255], "i2", {"missing_value": 255.5}, []),
        ([5, -1], "i1", {"_Unsigned": "true", "missing_value": 255, "scale_factor": 1.0}, [1]),
        ([5, -1, 100], "i1", {"_Unsigned": "true", "valid_max": 60.0}, [1, 2]),
        ([1.0, 1e4, -1e4], "f4", {"valid_min": -5.0, "valid_max": 5.0}, [1, 2]),
        ([-5.0, 5.0, 1e4], "f4", {"valid_min": -5.0, "valid_max": 5.0}, [2]),
        ([1.0, 1e4], "f4", {"valid_range": np.array([3.0, 3.0])}, []),
        ([100, 9000], "i2", {"scale_factor": 0.01, "valid_max": np.int16(500)}, [1]),
        ([100, 9000], "i2", {"scale_factor": 0.01, "valid_max": 5.0}, [1]),
        ([100, -9000], "i2", {"scale_factor": -0.01, "valid_max": 5.0}, [1]),
        ([1, 2], "i4", {}, []),
    ],
)  # fmt: skip
def test_missing_is_what_the_attributes_say(values, dtype, attrs, want):
    assert holes(values, dtype, **attrs) == want


def test_the_fill_of_a_zarr_array_counts_unless_it_is_zero():
    for fill, want in ((-9.0, [1]), (0.0, [])):
        variable = xr.Variable(("x",), np.array([1.0, fill]), encoding={"fill_value": fill})
        assert np.flatnonzero(np.isnan(with_one_fill("ssh", variable, "a.zarr"))).tolist() == want


def test_ranges_count_wherever_nothing_is_said_of_them():
    variable = xr.Variable(("x",), np.array([1.0, 300.0]), {"valid_max": 180.0})
    found = with_one_fill("ssh", variable, "a.nc").values
    assert np.isnan(found).tolist() == [False, True]


def test_ranges_of_coordinates_and_zero_as_their_fill_do_not_count():
    assert holes([0.0, 300.0], "f8", ranged=False, valid_max=180.0, _FillValue=0.0) == []
    assert holes([0, 1], "i8", ranged=False, _FillValue=0) == []


@every(
    "values, dtype, attrs, words",
    [
        ([5, 32767], "i2", {"scale_factor": 0.1}, "end of what int16"),
        ([5, -32768], "i2", {"scale_factor": 0.1}, "end of what int16"),
        ([5, 65535 - 1], "u2", {"scale_factor": 0.1, "valid_range": [0, 40000]}, "valid range"),
        ([1.0, 6.0], "f8", {"valid_range": np.array([-5.0, 5.0])}, "outside its own valid range"),
        ([1.0], "f8", {"missing_value": "none"}, "expected a number"),
    ],
)
def test_what_cannot_be_told_is_refused(values, dtype, attrs, words):
    with pytest.raises(OceanbenchError, match=words):
        holes(values, dtype, **attrs)


def test_nothing_is_read_before_it_is_used():
    """A part of an array on disk is cleaned by itself."""
    values = np.full((4, 3), -999.0)
    values[2] = 1.0
    lazy = xr.Variable(("x", "y"), values, {"missing_value": -999.0}).chunk({"x": 1})
    one = with_one_fill("ssh", lazy, "a.nc")
    assert one.chunks is not None
    np.testing.assert_array_equal(one[2].values, 1.0)
    assert np.isnan(one[:2].values).all()
