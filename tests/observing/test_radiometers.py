"""Radiometers: clouds hide the share that they should, errors have their sizes and scales."""

import numpy as np
import pytest
import xarray as xr

from oceanbench.observing.radiometers import cells_of, clouds, infrared, microwave, red_fields


def sea(days: int = 30, step: float = 0.2) -> xr.DataArray:
    axis = np.arange(0.0, 12.0, step)
    time = np.datetime64("2012-10-01", "ns") + np.arange(days) * np.timedelta64(1, "D")
    values = np.broadcast_to(20 - 0.8 * axis[:, None], (days, axis.size, axis.size))
    coords = {"time": time, "latitude": 34 + axis, "longitude": 324 + axis}
    return xr.DataArray(values.copy(), coords, ("time", "latitude", "longitude"), "sst")


def test_red_fields_have_unit_variance_and_their_covariance():
    fields = red_fields((300, 40, 30), (3.0, 5.0), 2.0, np.random.default_rng(0))
    assert fields.var() == pytest.approx(1.0, rel=0.05)
    for shifted, expected in (
        (fields[:, 3:] * fields[:, :-3], np.exp(-0.5)),
        (fields[..., 5:] * fields[..., :-5], np.exp(-0.5)),
        (fields[2:] * fields[:-2], np.exp(-1.0)),
    ):
        assert shifted.mean() == pytest.approx(expected, abs=0.05)
    apart = red_fields((300, 40, 30), (3.0, 5.0), 0.0, np.random.default_rng(0))
    assert abs((apart[1:] * apart[:-1]).mean()) < 0.03


def test_opposite_edges_know_nothing_of_each_other():
    fields = red_fields((400, 20, 20), (3.0, 3.0), 0.0, np.random.default_rng(1))
    assert abs((fields[:, 0] * fields[:, -1]).mean()) < 0.05
    assert abs((fields[..., 0] * fields[..., -1]).mean()) < 0.05


def test_a_length_is_as_many_cells_as_fit_into_it():
    rows, columns = cells_of(sea(1), 111.195)
    assert rows == pytest.approx(5.0, rel=1e-3)
    assert columns == pytest.approx(5.0 / np.cos(np.deg2rad(39.9)), rel=1e-3)


def test_clouds_cover_their_share_in_patches_that_last():
    hidden = clouds(sea(120), seed=3, cover=0.6)
    assert hidden.mean() == pytest.approx(0.6, abs=0.04)
    assert (hidden[:, 1:] == hidden[:, :-1]).mean() > 0.9
    assert (hidden[1:] == hidden[:-1]).mean() > (hidden[8:] == hidden[:-8]).mean() + 0.1


def test_infrared_errs_by_its_sizes_where_it_sees():
    truth = sea(60)
    seen = infrared(truth, seed=1)
    error = (seen - truth).values
    known = np.isfinite(error)
    assert known.mean() == pytest.approx(0.4, abs=0.05)
    assert error[known].std() == pytest.approx(np.hypot(0.3, 0.2), rel=0.05)
    beside = error[..., 1:] * error[..., :-1]
    assert np.nanmean(beside) == pytest.approx(0.2**2, rel=0.3)
    xr.testing.assert_identical(seen, infrared(truth, seed=1))


def test_microwaves_see_all_but_blurred():
    truth = sea(40)
    seen = microwave(truth, seed=1, footprint_km=60.0)
    assert bool(seen.notnull().all())
    inside = {"latitude": slice(35, 45)}
    error = (seen - truth).sel(inside)
    assert float(error.std()) == pytest.approx(np.hypot(0.4, 0.2), rel=0.05)
    spike = truth.copy(data=np.zeros(truth.shape))
    spike[:, 30, 30] = 1.0
    blurred = microwave(spike, seed=1, footprint_km=60.0, white=0.0, correlated=0.0)[0]
    assert float(blurred.sum()) == pytest.approx(1.0, rel=1e-6)
    row = blurred.values[:, 30]
    half = np.interp(30.0 / 111.195, np.arange(9) * 0.2, row[30:39] / row[30])
    assert half == pytest.approx(0.5, abs=0.04)  # half of the maximum, half the width away
