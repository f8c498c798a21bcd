"""Patches are the fields' own numbers, wherever they are cut and whoever loads them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr
from torch.utils.data import DataLoader

from oceanbench.errors import OceanbenchError
from oceanbench.learning.patches import AXES, Patches, split

SHAPE = (9, 7, 8)


@pytest.fixture
def fields() -> xr.Dataset:
    """Every point with a number of its own; land in a corner."""
    axes = {
        "time": np.datetime64("2013-01-01", "ns") + np.arange(9) * np.timedelta64(1, "D"),
        "latitude": 33.0 + np.arange(7.0),
        "longitude": 295.0 + np.arange(8.0),
    }
    truth = np.arange(float(np.prod(SHAPE))).reshape(SHAPE)
    truth[:, :2, :3] = np.nan
    return xr.Dataset({"truth": (AXES, truth), "first_guess": (AXES, truth + 0.5)}, axes)


def test_an_item_is_the_part_of_the_fields_where_it_says(fields: xr.Dataset) -> None:
    patches = Patches.of(fields, days=3, size=(2, 4), stride=(1, 2), stride_days=2)
    assert len(patches) == 4 * 6 * 3
    for item in patches:
        days = np.datetime64("1970-01-01", "ns") + item["time"].numpy() * np.timedelta64(
            86_400_000_000_000, "ns"
        )
        there = {a: item[a].numpy() for a in ("latitude", "longitude")} | {"time": days}
        for name in fields:
            expected = fields[name].sel(there).values.astype(np.float32)
            np.testing.assert_array_equal(item[name].numpy(), expected)
    assert any(item["truth"].isnan().any() for item in patches)


def test_fields_are_found_again_from_their_patches(fields: xr.Dataset) -> None:
    """With a stride as long as a patch, with overlaps, and where the last one has to move back."""
    for cut in ({"size": (7, 4), "days": 3}, {"size": 3, "days": 2}, {"size": 4, "stride": 2}):
        patches = Patches.of(fields, **{"days": 5, **cut})
        found = patches.together(item["truth"] for item in patches)
        xr.testing.assert_allclose(found, fields["truth"].rename(None))
    alone = Patches.of(fields, days=3, size=(7, 4))
    assert len(alone) * 3 * 7 * 4 == np.prod(SHAPE)
    drawn = Patches.of(fields, days=2, size=2, count=1)
    assert drawn.together(i["truth"] for i in drawn).notnull().sum() <= 8


def test_drawn_places_are_those_of_the_seed(fields: xr.Dataset) -> None:
    one, same, other = (
        Patches.of(fields, days=2, size=3, count=500, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.corners, same.corners)
    assert (one.corners != other.corners).any()
    assert one.corners.min(0).tolist() == [0, 0, 0]
    assert one.corners.max(0).tolist() == [7, 4, 5]


def test_two_workers_give_the_batches_of_none(fields: xr.Dataset) -> None:
    patches = Patches.of(fields, days=2, size=3, count=12, seed=3)
    batches = []
    for workers in (0, 2):
        order = torch.Generator().manual_seed(0)
        loader = DataLoader(patches, 4, shuffle=True, generator=order, num_workers=workers)
        batches.append(list(loader))
    for alone, shared in zip(*batches, strict=True):
        assert alone.keys() == shared.keys()
        for name, value in alone.items():
            torch.testing.assert_close(shared[name], value, rtol=0, atol=0, equal_nan=True)


def test_writing_into_an_item_leaves_the_fields(fields: xr.Dataset) -> None:
    patches = Patches.of(fields, days=2)
    patches[0]["truth"].zero_()
    assert patches[0]["truth"].nan_to_num().max() > 0


def test_no_day_is_both_learned_from_and_checked(fields: xr.Dataset) -> None:
    learned, checked = split(fields, checked=3, gap=2)
    assert (learned.sizes["time"], checked.sizes["time"]) == (4, 3)
    gap = checked["time"].values[0] - learned["time"].values[-1]
    assert gap == np.timedelta64(3, "D")


def test_what_cannot_be_cut_is_refused(fields: xr.Dataset) -> None:
    with pytest.raises(OceanbenchError, match=r"patches of 9 along longitude, expected 1 to 8"):
        Patches.of(fields, days=2, size=(2, 9))
    with pytest.raises(OceanbenchError, match=r"sea: dimensions latitude, longitude, expected"):
        Patches.of(fields.assign(sea=fields["truth"][0].drop_vars("time")), days=2)
    with pytest.raises(OceanbenchError, match=r"split: 9 days, of which 32 are to validate"):
        split(fields)
