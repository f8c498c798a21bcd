"""Fields to learn from are the files' numbers on the files' nodes."""

from __future__ import annotations

from pathlib import Path

import map_worlds
import numpy as np
import pytest
import xarray as xr
from places import ROOT

import oceanbench
from oceanbench.assimilation.training_fields import mapping_fields, training_fields
from oceanbench.errors import OceanbenchError


def test_truth_and_observations_are_those_of_the_inputs(tmp_path: Path) -> None:
    maps = map_worlds.waves(12)
    maps[:, :3, :2] = np.nan
    given = map_worlds.inputs(maps=map_worlds.waves(12))
    given["training"] = maps.to_dataset().assign_attrs(given["training"].attrs)
    fields = training_fields(given, checkpoint=str(tmp_path))
    xr.testing.assert_allclose(fields["truth"], maps.drop_attrs().rename("truth"))
    seen = fields["observations"].notnull()
    assert 0.02 < float(seen.mean()) < 0.2
    error = (fields["observations"] - map_worlds.waves(12)).where(seen)
    assert float(np.sqrt((error**2).mean())) < 0.05  # of a sea whose deviation is 0.13 m
    guess = fields["first_guess"] - map_worlds.waves(12)
    assert float(guess.std()) < float(map_worlds.waves(12).std())
    again = training_fields(given, checkpoint=str(tmp_path))
    xr.testing.assert_identical(fields, again)
    assert len(list(tmp_path.iterdir())) == 1


def test_coarser_nodes_and_no_truth() -> None:
    given = map_worlds.inputs()
    coarse = training_fields(given, step_degrees=0.5)
    assert coarse.sizes == {"time": 13, "latitude": 9, "longitude": 9}
    assert np.isfinite(coarse["truth"]).all()
    del given["training"]
    observed = training_fields(given, missions="first", step_degrees=0.5)
    assert set(observed) == {"observations", "first_guess"}


def test_what_is_mapped_is_gridded_as_what_is_learned_from() -> None:
    given = map_worlds.inputs()
    target = map_worlds.waves(12)[4:8, 4:-4, 4:-4]
    fields = mapping_fields(given, target, days=5, step_degrees=map_worlds.STEP)
    learned = training_fields(given)
    assert set(fields) == {"observations", "first_guess"}
    xr.testing.assert_allclose(fields["time"], learned["time"][2:10])
    inner = fields["observations"][1:-1]  # half of the first and last days are beyond the grid
    observed = learned["observations"].sel(time=inner["time"])
    np.testing.assert_array_equal(inner.notnull(), observed.notnull())


def test_uneven_nodes_ask_for_a_grid() -> None:
    given = map_worlds.inputs()
    given["training"] = given["training"].isel(latitude=[0, 1, 3, 4, 7, 9, 12])
    with pytest.raises(OceanbenchError, match=r"latitudes of the training maps are .* apart"):
        training_fields(given)


def test_a_challenge_without_a_training_period_is_named() -> None:
    with pytest.raises(OceanbenchError, match=r"lorenz96.*no periods\.training"):
        oceanbench.training_fields("lorenz96")


@pytest.mark.slow
def test_shipped_truth_is_found_in_the_fields() -> None:
    fields = oceanbench.training_fields("ssh_osse_jet", first_guess="mean")
    files = sorted((ROOT / "challenges/ssh_osse_jet/data").glob("training_truth_*.nc"))
    with xr.open_dataset(files[0]) as first:
        expected = first["ssh"].sel(time="2013-03-01").values
    found = fields["truth"].sel(time="2013-03-01")
    nodes = {"latitude": slice(33.0, 43.0), "longitude": slice(295.0, 305.0)}
    assert found.sel(nodes).shape == (101, 101)
    np.testing.assert_array_equal(found.values, expected)
    assert np.datetime64("2012-10-22") not in fields["time"].values
