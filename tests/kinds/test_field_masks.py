"""Masks by static fields: which points they keep, of tracks and of maps, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import builders
import numpy as np
import pytest
import xarray as xr
from rows import every

from oceanbench.errors import OceanbenchError
from oceanbench.evaluate import evaluate

FIELD = {
    "role": "auxiliary",
    "layout": "static",
    "path": "coast.nc",
    "variables": {"distance": "distance"},
}
MASKS = {
    "all": {},
    "near": {"below": {"coast": 100.0}},
    "far": {"above": {"coast": 100.0}},
    "none": {"above": {"coast": 1e6}, "min_coverage": 0.0},
}
ROWS = [{"metric": "rmse", "label": name, "mask": name} for name in MASKS]


def coast(folder: Path) -> xr.DataArray:
    """Distance that grows to the north, 100 at 34.5° N, unknown in the west; longitudes of another
    convention."""
    latitude, longitude = np.arange(30.0, 40.0), np.arange(290.0, 305.0)
    values = 100.0 + 20.0 * (latitude[:, None] - 34.5) + 0.0 * longitude
    values[:, longitude < 296.0] = np.nan
    axes = {"lat": latitude, "lon": longitude}
    builders.write(xr.Dataset({"distance": (("lat", "lon"), values)}, axes), folder / "coast.nc")


def test_points_of_tracks_and_nodes_of_maps_are_taken_by_a_field(tmp_path: Path) -> None:
    given: dict[str, Any] = {"masks": MASKS, "metrics": ROWS, "rank_by": "all"}
    for make, extra in ((builders.tracks_challenge, 1), (builders.maps_challenge, 0)):
        folder = tmp_path / make.__name__
        content = builders.MAPS if make is builders.maps_challenge else builders.TRACKS
        datasets = {**content["datasets"], "coast": FIELD}
        challenge = make(folder, **given, datasets=datasets, submission__missing="drop")
        coast(folder)
        submitted = builders.submission(builders.maps(noise=0.1, count=15 + extra), folder / "m.nc")
        result = evaluate(challenge, submitted)
        truth = challenge.open(challenge.truth_name)
        y, x = truth["latitude"], truth["longitude"]
        known = (x > -64.0).broadcast_like(truth["ssh"])
        for name, inside in (("near", y < 34.5), ("far", y > 34.5)):
            assert result.score(name).n == int((known & inside).sum()), (make.__name__, name)
        assert result.score("none").flag == "no_data"
        assert result.score("all").n == truth["ssh"].size


@every(
    "datasets, bound, words",
    [
        ({}, {"coast": 1.0}, "masks.near.below: 'coast' is no dataset of role 'auxiliary'"),
        ({"coast": {**FIELD, "optional": True}}, {"coast": 1.0}, "that must be there"),
        ({"coast": {**FIELD, "layout": "grid"}}, {"coast": 1.0}, "layout 'static'"),
        (
            {"coast": {**FIELD, "variables": {"a": "a", "b": "b"}}},
            {"coast": 1.0},
            "several variables",
        ),
        ({"coast": FIELD}, {"coats": 1.0}, "did you mean 'coast'"),
    ],
)
def test_a_mask_by_what_is_no_field_is_refused(
    datasets: dict[str, Any], bound: dict[str, float], words: str, tmp_path: Path
) -> None:
    with pytest.raises(OceanbenchError, match=words):
        builders.load_challenge(
            tmp_path / "c",
            builders.MAPS,
            datasets={**builders.MAPS["datasets"], **datasets},
            masks={"near": {"below": bound}},
        )


def test_a_mask_that_must_have_points_is_refused_without(tmp_path: Path) -> None:
    masks = {**MASKS, "none": {"above": {"coast": 1e6}}}
    datasets = {**builders.MAPS["datasets"], "coast": FIELD}
    challenge = builders.maps_challenge(
        tmp_path, masks=masks, metrics=ROWS, rank_by="all", datasets=datasets,
        submission__missing="drop",
    )  # fmt: skip
    coast(tmp_path)
    with pytest.raises(OceanbenchError, match="no point inside mask 'none'"):
        evaluate(challenge, builders.submission(builders.maps(noise=0.1), tmp_path / "m.nc"))
