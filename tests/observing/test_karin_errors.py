"""What all pixels of a line of the swath share: shapes across, memory along."""

import numpy as np
import pytest
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.observing.karin_errors import systematic_error

NONE = {"roll": 0.0, "phase": 0.0, "timing": 0.0, "baseline": 0.0}


def swath(lines: int = 4000, passes: int = 40) -> xr.Dataset:
    x = np.array([-60.0, -40.0, -10.0, 10.0, 40.0, 60.0])
    time = np.datetime64("2012-10-01", "ns") + np.arange(lines) * np.timedelta64(600, "ms")
    shape = (lines, x.size)
    return xr.Dataset(
        {
            "longitude": (("time", "cross_track"), np.ones(shape)),
            "latitude": (("time", "cross_track"), np.ones(shape)),
            "track": ("time", np.arange(lines) * passes // lines),
        },
        {"time": time, "cross_track_distance": ("cross_track", x)},
    )


def drawn(**only: float) -> np.ndarray:
    return systematic_error(swath(), seed=4, decorrelation_seconds=10.0, **(NONE | only)).values


def test_each_part_has_its_shape_and_its_size():
    roll, phase, timing, baseline = (drawn(**{name: 0.02}) for name in NONE)
    np.testing.assert_allclose(roll, -roll[:, ::-1])
    np.testing.assert_allclose(roll[:, 4] / roll[:, 3], 4.0)
    np.testing.assert_allclose(phase[:, 5] / phase[:, 3], 6.0)
    np.testing.assert_allclose(timing[:, 3], timing[:, 5])
    np.testing.assert_allclose(baseline, baseline[:, ::-1])
    np.testing.assert_allclose(baseline[:, 5] / baseline[:, 3], 36.0)
    for error in (phase, timing):  # of the two sides apart
        assert abs(np.corrcoef(error[:, 0], error[:, -1])[0, 1]) < 0.25
    for error in (roll, phase, timing, baseline):
        assert error[:, -1].std() == pytest.approx(0.02, rel=0.15)


def test_errors_remember_along_a_pass_and_forget_between_passes():
    error, track = drawn(roll=1.0)[:, -1], swath()["track"].values
    same = track[5:] == track[:-5]
    product = error[5:] * error[:-5]
    assert product[same].mean() / error.var() == pytest.approx(np.exp(-0.3), abs=0.05)
    between = np.flatnonzero(np.diff(track))
    assert abs(np.corrcoef(error[between], error[between + 1])[0, 1]) < 0.5


def test_parts_add_up_and_holes_stay():
    holes = swath(100, 2)
    holes["longitude"][3, 2] = np.nan
    whole = systematic_error(holes, seed=1)
    parts = [
        systematic_error(holes, seed=1, **(NONE | {name: size}))
        for name, size in (("roll", 0.015), ("phase", 0.01), ("timing", 0.005), ("baseline", 0.005))
    ]
    np.testing.assert_allclose(whole, sum(parts))
    assert int(whole.isnull().sum()) == 1
    assert bool(whole[3, 2].isnull())


def test_what_is_no_size_is_refused():
    for wrong in ({"roll": -1.0}, {"decorrelation_seconds": 0.0}):
        with pytest.raises(OceanbenchError, match="expected standard deviations >= 0"):
            systematic_error(swath(10, 1), seed=0, **wrong)
