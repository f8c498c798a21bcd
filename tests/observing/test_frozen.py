"""Files that recipes keep: what is written is what is read, to the precision that is told."""

import numpy as np
import pytest
import xarray as xr

from oceanbench.observing import frozen

ORIGIN = np.datetime64("2012-10-01", "ns")
TOLD = {"attributes": {"title": "a sea"}, "centre": (300.0, 38.0), "origin": ORIGIN}


def test_nodes_hold_both_ends():
    grid = frozen.nodes((295.0, 296.0, 33.0, 33.5), 0.1, "2012-10-22", "2012-10-24")
    assert dict(grid.sizes) == {"time": 3, "latitude": 6, "longitude": 11}
    assert grid["longitude"].values[[0, -1]].tolist() == [295.0, 296.0]


def test_maps_come_back_to_half_a_step(tmp_path):
    grid = frozen.nodes((295.0, 296.0, 33.0, 34.0), 0.25, "2012-10-22", "2012-10-23")
    values = np.random.default_rng(0).normal(18.0, 2.0, (2, 5, 5))
    values[0, 1, 2] = np.nan
    made = grid.assign(sst=(("time", "latitude", "longitude"), values))
    path = tmp_path / "new" / "maps.nc"
    frozen.write(made, path, precision={"sst": 0.05}, offset={"sst": 18.0}, **TOLD)
    back = xr.load_dataset(path, engine="h5netcdf")
    np.testing.assert_allclose(back["sst"], values, atol=0.0251)
    np.testing.assert_array_equal(back["time"], made["time"])
    np.testing.assert_array_equal(back["longitude"], made["longitude"])
    assert (back.attrs["title"], back["sst"].attrs["units"]) == ("a sea", "degrees_C")


@pytest.mark.parametrize(("dims", "decimals"), [(("time",), 4), (("time", "cross_track"), 3)])
def test_points_are_observed_where_their_file_has_them(tmp_path, dims, decimals):
    rng, shape = np.random.default_rng(1), (6, 3)[: len(dims)]
    points = xr.Dataset(
        coords={
            "time": ORIGIN + np.sort(rng.integers(0, 10**15, 6)).astype("m8[ns]"),
            "longitude": (dims, rng.uniform(294, 306, shape)),
            "latitude": (dims, rng.uniform(32, 44, shape)),
        }
    )
    kept = frozen.stored(points, decimals)
    made = kept.assign(ssh=(dims, rng.normal(0.0, 0.2, shape)))
    frozen.write(made, tmp_path / "track.nc", precision={"ssh": 1e-3}, **TOLD)
    back = xr.load_dataset(tmp_path / "track.nc", engine="h5netcdf")
    for name in ("longitude", "latitude"):
        np.testing.assert_allclose(back[name], kept[name], atol=1e-9)
        assert np.abs(kept[name].values - points[name].values).max() > 0
    np.testing.assert_array_equal(back["time"], kept["time"])
    np.testing.assert_allclose(back["ssh"], made["ssh"], atol=0.51e-3)
    for name in ("time", "longitude", "latitude", "ssh"):
        assert back[name].encoding["chunksizes"] == back[name].shape


def test_values_that_do_not_fit_are_refused(tmp_path):
    grid = frozen.nodes((295.0, 295.5, 33.0, 33.5), 0.5, "2012-10-22", "2012-10-22")
    made = grid.assign(ssh=(("time", "latitude", "longitude"), np.full((1, 2, 2), 4.0)))
    with pytest.raises(ValueError, match="4 is more than 32767 steps of"):
        frozen.write(made, tmp_path / "maps.nc", precision={"ssh": 1e-4}, **TOLD)
    assert not list(tmp_path.iterdir())
