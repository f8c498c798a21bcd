"""No score is raised by leaving things out, and no part is scored as if it were the whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import builders
import numpy as np
import pytest
import xarray as xr
from rows import every

from oceanbench.boards.regression import differences, regressions
from oceanbench.errors import OceanbenchError
from oceanbench.evaluate import evaluate
from oceanbench.result import Interval, Result
from oceanbench.submission import Submission


def scored(challenge, dataset: xr.Dataset, folder: Path) -> Result:
    path = builders.write(dataset, folder / "mine.nc")
    return evaluate(challenge, Submission("mine", path))


@pytest.mark.parametrize("kept", [[0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]])
def test_a_missing_map_between_track_points_is_refused(tmp_path, kept) -> None:
    challenge = builders.tracks_challenge(tmp_path)
    with pytest.raises(OceanbenchError, match="no map between 2012-10-25T00:00 and 2012-10-27"):
        scored(challenge, builders.maps(count=16).isel(time=kept), tmp_path)


def test_thinned_maps_are_refused_where_the_step_is_given(tmp_path) -> None:
    """Every third day is an even step: only the challenge can say that maps are daily."""
    rules = {**builders.TRACKS["submission"], "max_step_days": 1}
    challenge = builders.tracks_challenge(tmp_path, submission=rules)
    whole = builders.maps(count=16)
    assert scored(challenge, whole, tmp_path).coverage[0]["scored"] == 280
    with pytest.raises(OceanbenchError, match="at most 1"):
        scored(challenge, whole.isel(time=slice(0, None, 3)), tmp_path)


def test_gaps_are_bridged_where_the_protocol_says_drop(tmp_path) -> None:
    rules = {**builders.TRACKS["submission"], "missing": "drop"}
    challenge = builders.tracks_challenge(tmp_path, submission=rules)
    thin = builders.maps(count=16).isel(time=[0, 1, 2, 8, 9, 10, 11, 12, 13, 14, 15])
    assert scored(challenge, thin, tmp_path).coverage[0]["scored"] == 280


@every(
    "change, words",
    [
        (lambda d: d.isel(time=[0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14]), "fill the domain in time"),
        (lambda d: d.isel(time=slice(0, 10)), "fill the domain in time"),
        (lambda d: d.isel(longitude=slice(0, 5)), "fill the domain in longitude"),
        (lambda d: d.isel(latitude=slice(3, None)), "fill the domain in latitude"),
        (lambda d: d.where(d["time"] != d["time"][4]), "no value on 2012-10-26"),
    ],
)
def test_an_incomplete_truth_is_refused(tmp_path, change, words) -> None:
    challenge = builders.maps_challenge(tmp_path, truth=change(builders.maps()))
    with pytest.raises(OceanbenchError, match=words):
        scored(challenge, builders.maps(noise=0.1), tmp_path)


@pytest.mark.parametrize(("west", "domain"), [(0.0, [0, 360]), (-180.0, [-180, 180])])
def test_a_domain_round_the_globe_counts_every_column_once(tmp_path, west, domain) -> None:
    truth = builders.maps(west=west, east=west + 350.0, step=10.0, south=-40.0, north=40.0)
    box = {"longitude": domain, "latitude": [-40, 40], "time": builders.MAPS["domain"]["time"]}
    metrics = [{"metric": "rmse", "label": "RMSE"}]
    challenge = builders.maps_challenge(tmp_path, truth=truth, domain=box, metrics=metrics)
    result = scored(challenge, truth + 0.1, tmp_path)
    assert result.coverage[0]["points"] == truth["ssh"].size


def test_a_hole_in_one_member_is_a_hole(tmp_path) -> None:
    challenge = builders.maps_challenge(tmp_path)
    members = xr.concat([builders.maps(noise=0.1, seed=s) for s in range(3)], dim="member")
    members["ssh"][1, 2, 3, 4] = np.nan
    with pytest.raises(OceanbenchError, match="1 of 945 points"):
        scored(challenge, members, tmp_path)


def test_leaving_out_most_points_is_refused_even_where_holes_are_dropped(tmp_path) -> None:
    rules = {**builders.MAPS["submission"], "missing": "drop"}
    challenge = builders.maps_challenge(tmp_path, submission=rules)
    holed = builders.maps(noise=0.1)
    holed["ssh"][:, :, 2:] = np.nan
    with pytest.raises(OceanbenchError, match="only 210 of 945 points"):
        scored(challenge, holed, tmp_path)


def test_absurd_values_are_refused_without_a_valid_range(tmp_path) -> None:
    rules = {"variables": {"ssh": {"units": "m"}}}
    challenge = builders.maps_challenge(tmp_path, submission=rules)
    wild = builders.maps()
    wild["ssh"][0, 0, 0] = 1e200
    with pytest.raises(OceanbenchError, match="lie outside"):
        scored(challenge, wild, tmp_path)


def test_check_takes_no_number_for_an_answer(tmp_path) -> None:
    result = scored(builders.maps_challenge(tmp_path), builders.maps(noise=0.1), tmp_path)
    nothing = replace(result, scores=[replace(s, value=float("nan")) for s in result.scores])
    assert {row.verdict for row in regressions(nothing, result)} == {"lost"}
    other = replace(result, scores=[replace(s, units="cm") for s in result.scores])
    with pytest.raises(OceanbenchError, match="has units"):
        regressions(result, other)
    with pytest.raises(OceanbenchError, match="no scores"):
        regressions(result, replace(result, scores=[]))


def test_verification_sees_every_change_of_a_result(tmp_path) -> None:
    result = scored(builders.maps_challenge(tmp_path), builders.maps(noise=0.1), tmp_path)
    assert differences(result, result) == []
    first, *rest = result.scores
    forged = [
        replace(result, scores=rest),
        replace(result, scores=[replace(first, value=None), *rest]),
        replace(result, scores=[replace(first, interval=Interval(0.95, 0.0, 0.0)), *rest]),
        replace(result, series=[]),
        replace(result, coverage=[{**result.coverage[0], "scored": 1}]),
        replace(result, challenge={**result.challenge, "sha256": "0"}),
    ]
    assert all(differences(claim, result) for claim in forged)
