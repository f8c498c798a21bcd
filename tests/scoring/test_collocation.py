"""Members and standard deviations come to the truth's points as their mean does."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from builders import maps, maps_challenge, submission, track, tracks_challenge
from matches import matched_by_score
from rows import every

from oceanbench.scoring.collocation import collocate
from oceanbench.scoring.matching import Matched

LAYOUTS = [
    ("member", "time", "latitude", "longitude"),
    ("time", "latitude", "longitude", "member"),
    ("longitude", "member", "latitude", "time"),
]


def matched(challenge, dataset, folder) -> Matched:
    return matched_by_score(challenge, submission(dataset, folder / "mine.nc"))["ssh", "domain"]


def ensemble(days: int = 15, **grid) -> xr.Dataset:
    parts = [maps(noise=0.1, seed=seed, count=days, **grid) for seed in range(5)]
    return xr.concat(parts, "member").assign_coords(parts[0].coords)


def with_std(dataset: xr.Dataset, std: object) -> xr.Dataset:
    return dataset.assign(ssh_std=(0 * dataset["ssh"] + std).assign_attrs(units="m"))


def test_one_value_is_its_own_distribution(tmp_path):
    found = matched(maps_challenge(tmp_path), maps(noise=0.1), tmp_path)
    assert found.distribution is found.estimate


@pytest.mark.parametrize("members", [1, 3])
def test_a_signalling_nan_of_a_damaged_file_is_missing(members):
    """A warning would be an error here."""
    known = maps()["ssh"].astype("f4")
    values = np.stack([known.values] * members)
    values.view("u4")[0, 1, 2, 3] = 0x7FA00000
    estimate = xr.DataArray(values, dims=("member", *known.dims), coords=known.coords)
    whole = estimate if members > 1 else estimate.isel(member=0, drop=True)
    truth = known.astype("f8")
    found = collocate(whole.to_dataset(name="ssh"), truth, lambda field, _: field)
    assert int(found.estimate.isnull().sum()) == 1


@every("layout", LAYOUTS)
@every("dtype", ["f4", "f8"])
def test_members_keep_their_values_and_the_mean_is_as_ever(tmp_path, layout, dtype):
    dataset = ensemble().transpose(*layout).assign(ssh=lambda d: d["ssh"].astype(dtype))
    found = matched(maps_challenge(tmp_path), dataset, tmp_path)
    assert found.distribution.dims == ("member", *found.truth.dims)
    assert found.distribution.dtype == dtype  # not doubled: members may be many
    want = dataset["ssh"].transpose("member", "time", "latitude", "longitude")
    np.testing.assert_array_equal(found.distribution, want)
    mean = dataset["ssh"].astype(np.float64).mean("member", skipna=False)
    np.testing.assert_array_equal(found.estimate, mean.transpose(*found.truth.dims))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_interpolated_members_have_the_interpolated_mean(tmp_path, layout):
    coarse = ensemble(step=1.0, west=-66, east=-60, south=32, north=37).transpose(*layout)
    challenge = maps_challenge(tmp_path, submission__regrid="linear")
    found = matched(challenge, coarse, tmp_path)
    np.testing.assert_allclose(found.distribution.mean("member"), found.estimate, atol=1e-12)
    alone = matched(challenge, coarse.isel(member=3), tmp_path)
    np.testing.assert_allclose(found.distribution[3], alone.estimate, atol=1e-12)


def test_standard_deviation_that_is_linear_is_interpolated_exactly(tmp_path):
    coarse = maps(step=1.0, west=-66, east=-60, south=32, north=37)
    slope = 0.1 + 0.02 * (coarse["latitude"] - 30) + 0.01 * (coarse["longitude"] + 70)
    challenge = maps_challenge(tmp_path, submission__regrid="linear")
    found = matched(challenge, with_std(coarse, slope), tmp_path)
    assert list(found.distribution["moment"].values) == ["mean", "std"]
    np.testing.assert_array_equal(found.distribution.sel(moment="mean"), found.estimate)
    want = 0.1 + 0.02 * (found.truth["latitude"] - 30) + 0.01 * (found.truth["longitude"] + 70)
    got = found.distribution.sel(moment="std")
    np.testing.assert_allclose(got, (want + 0 * got).transpose(*got.dims), rtol=1e-12)


def test_tracks_are_reached_by_every_form(tmp_path):
    challenge = tracks_challenge(tmp_path)
    alone = matched(challenge, maps(count=16, noise=0.1, seed=3), tmp_path)
    members = matched(challenge, ensemble(days=16), tmp_path)
    np.testing.assert_allclose(members.distribution[3], alone.estimate, rtol=1e-12)
    std = matched(challenge, with_std(maps(count=16), 0.2), tmp_path)
    assert std.distribution.dims == ("moment", "time")
    np.testing.assert_allclose(std.distribution.sel(moment="std"), 0.2, rtol=1e-12)
    assert std.truth.sizes["time"] == track().sizes["time"]


def test_holes_are_filled_in_every_form_as_in_the_mean(tmp_path):
    """A hole in one member is a hole in the mean: it is filled in all of them."""
    challenge = maps_challenge(tmp_path, submission__missing="fill")
    dataset = ensemble()
    dataset["ssh"][2, 4, 3, 3:5] = np.nan
    found = matched(challenge, dataset, tmp_path)
    assert found.coverage.filled == 2
    np.testing.assert_allclose(found.distribution.mean("member"), found.estimate, atol=1e-12)
    single = with_std(maps(noise=0.1), 0.1 + 0.01 * (maps()["latitude"] - 33))
    single["ssh"][4, 3, 3:5] = np.nan
    std = matched(challenge, single, tmp_path).distribution.sel(moment="std")
    around = std.isel(time=4, latitude=slice(2, 5))
    assert float(around.min()) < float(std[4, 3, 3]) < float(around.max())
    assert bool((std > 0).all())


@pytest.mark.parametrize("form", ["members", "std"])
def test_dropped_holes_have_no_weight_in_any_form(tmp_path, form):
    challenge = maps_challenge(tmp_path, submission__missing="drop")
    dataset = ensemble() if form == "members" else with_std(maps(noise=0.1), 0.1)
    dataset["ssh"][..., 4, 3, 3] = np.nan
    found = matched(challenge, dataset, tmp_path)
    assert found.coverage.scored == 944
    assert bool((found.distribution.notnull() | (found.weights == 0)).all())
