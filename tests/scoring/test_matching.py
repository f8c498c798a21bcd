"""Estimate and truth on the same points: regridded, masked, weighted, or refused."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from builders import (
    DAY,
    FIRST,
    days,
    maps,
    maps_challenge,
    smooth,
    submission,
    track,
    tracks_challenge,
)
from matches import matched_by_score
from rows import every

from oceanbench import evaluate
from oceanbench.errors import OceanbenchError
from oceanbench.metrics import METRICS


def matched(challenge, dataset, tmp_path, mask="domain"):
    found = matched_by_score(challenge, submission(dataset, tmp_path / "mine.nc"))
    return next(m for (_, key), m in found.items() if key == mask)


def refused(challenge, dataset, tmp_path) -> str:
    with pytest.raises(OceanbenchError) as caught:
        matched_by_score(challenge, submission(dataset, tmp_path / "mine.nc"))
    text = str(caught.value)
    assert "\n" not in text
    return text


# --- the same points ----------------------------------------------------------------------------


def test_truth_submitted_to_itself_is_ideal(tmp_path):
    result = evaluate(maps_challenge(tmp_path), submission(maps(), tmp_path / "mine.nc"))
    assert result.score("RMSE").value == 0.0
    assert result.score("µ").value == 1.0
    assert result.score("λx").flag == "resolved_below_grid"


@pytest.mark.slow
@every(
    "change",
    [
        lambda d: d.transpose("longitude", "time", "latitude"),
        lambda d: d.isel(latitude=slice(None, None, -1)),
        lambda d: d.isel(longitude=slice(None, None, -1)),
        lambda d: d.assign_coords(longitude=d["longitude"] + 360),
        lambda d: d.astype("f4"),
        lambda d: d.rename(latitude="lat", longitude="lon"),
        lambda d: d.rename(latitude="nav_lat", longitude="nav_lon", time="time_counter"),
        lambda d: d.rename(ssh="gssh"),
        lambda d: d.assign_coords(
            longitude=d["longitude"].astype("f4"), latitude=d["latitude"].astype("f4")
        ),
        lambda d: d.assign_coords(longitude=d["longitude"] + 3e-5),
        lambda d: d.assign(other=("time", np.arange(15.0)), text=((), "hello")),
        lambda d: xr.concat([d, d + 0.2, d - 0.2], "member"),
    ],
    ids=[
        "order", "north first", "east first", "0..360", "float32", "lat lon", "nav", "alias",
        "float32 grid", "rounded grid", "other variables", "members",
    ],
)  # fmt: skip
def test_way_of_writing_the_maps_does_not_matter(tmp_path, change):
    challenge = maps_challenge(tmp_path)
    found = matched(challenge, change(maps()), tmp_path)
    np.testing.assert_allclose(found.estimate, found.truth, atol=1e-6)
    assert found.coverage.scored == found.coverage.points == 15 * 7 * 9


def test_larger_and_finer_submission_is_cut_to_the_points_of_the_truth(tmp_path):
    estimate = maps(
        west=-66, east=-60, south=32, north=37, step=0.25, count=20, first=FIRST - 2 * DAY
    )
    found = matched(maps_challenge(tmp_path), estimate, tmp_path)
    np.testing.assert_allclose(found.estimate, found.truth, atol=1e-12)


def test_maps_are_interpolated_where_the_challenge_says_so(tmp_path):
    challenge = maps_challenge(tmp_path, submission__regrid="linear")
    coarse = maps(step=1.0, west=-66, east=-60, south=32, north=37)
    found = matched(challenge, coarse, tmp_path)
    want = coarse["ssh"].interp(
        latitude=found.truth["latitude"], longitude=found.truth["longitude"]
    )
    np.testing.assert_allclose(found.estimate, want.transpose(*found.estimate.dims), atol=1e-12)


@pytest.mark.slow
@every("bounds", [(-2, 2), (358, 362), (358, 2), (178, 182), (178, -178)])
@every("convention", ["domain", "0..360", "-180..180", "global"])
@every("regrid", ["refuse", "linear"])
def test_domains_may_cross_0_and_180_degrees(tmp_path, bounds, convention, regrid):
    west = bounds[0]
    truth = maps(west=west, east=west + 4)
    challenge = maps_challenge(
        tmp_path, truth, domain__longitude=list(bounds), submission__regrid=regrid
    )
    if convention == "global":
        estimate = maps(west=0, east=359.5)
        field = truth["ssh"].rename("ssh").assign_coords(longitude=truth["longitude"] % 360)
        estimate["ssh"] = (0 * estimate["ssh"]).where(
            ~estimate["longitude"].isin(field["longitude"]), field.reindex_like(estimate["ssh"])
        )
        estimate["ssh"].attrs["units"] = "m"
    else:
        lon = truth["longitude"].values
        if convention == "0..360":
            lon = lon % 360
        elif convention == "-180..180":
            lon = (lon + 180) % 360 - 180
        estimate = truth.assign_coords(longitude=lon).sortby("longitude")
    found = matched(challenge, estimate, tmp_path)
    np.testing.assert_allclose(found.estimate, found.truth, atol=1e-12)
    assert found.truth.sizes["longitude"] == 9


def test_maps_of_the_antipodes_are_refused_not_stretched(tmp_path):
    challenge = maps_challenge(
        tmp_path, maps(west=-2, east=2), domain__longitude=[-2, 2], submission__regrid="linear"
    )
    text = refused(challenge, maps(west=178, east=182), tmp_path)
    assert "longitude" in text or "no value" in text


@pytest.mark.parametrize("regrid", ["refuse", "linear"])
@pytest.mark.parametrize("crop", [False, True])
def test_float32_coordinates_of_truth_and_estimate_lose_no_node(tmp_path, regrid, crop):
    """Nodes such as -64.9 in float32 lie outside the domain's bound by 2e-6 degrees."""
    box = {"west": -64.9, "east": -60.9, "south": 33.1, "north": 36.1}
    truth = maps(**box)
    rounded = truth.assign_coords({d: truth[d].astype("f4") for d in ("latitude", "longitude")})
    rules = {
        "domain__longitude": [-64.9, -60.9],
        "domain__latitude": [33.1, 36.1],
        "submission__regrid": regrid,
        "submission__crop_to_domain": crop,
    }
    for folder, a, b in (("ab", truth, rounded), ("ba", rounded, truth), ("bb", rounded, rounded)):
        challenge = maps_challenge(tmp_path / folder, a, **rules)
        found = matched(challenge, b, tmp_path / folder)
        assert found.coverage.points == found.coverage.scored == 15 * 7 * 9, folder


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", ["latitude", "longitude"])
def test_shifted_grid_is_refused_with_both_grids(tmp_path, dim):
    shifted = maps(west=-66, east=-60, south=32, north=37)
    shifted = shifted.assign_coords({dim: shifted[dim] + 0.25})
    text = refused(maps_challenge(tmp_path), shifted, tmp_path)
    for word in (dim, "expected", "interpolate"):
        assert word in text


def test_missing_day_is_refused_with_its_date(tmp_path):
    text = refused(maps_challenge(tmp_path), maps().isel(time=np.r_[0:4, 5:15]), tmp_path)
    for word in ("no map at 2012-10-26", "15 times"):
        assert word in text


def test_half_a_day_of_offset_is_refused_with_the_dates(tmp_path):
    noon = maps().assign_coords(time=days(15) + np.timedelta64(12, "h"))
    text = refused(maps_challenge(tmp_path), noon, tmp_path)
    for word in ("2012-10-22T00:00", "and 12 more", "2012-10-22T12:00"):
        assert word in text


@pytest.mark.parametrize("rule", ["refuse", "fill"])
def test_missing_last_day_is_refused_with_its_date_also_where_holes_are_filled(tmp_path, rule):
    challenge = maps_challenge(tmp_path, submission__regrid="linear", submission__missing=rule)
    assert "2012-11-05" in refused(challenge, maps(count=14), tmp_path)


def spoiled() -> xr.Dataset:
    estimate = maps()
    estimate["ssh"][3, 2:4, 5] = np.nan
    estimate["ssh"][8, 0, 0] = np.nan
    return estimate


def test_holes_are_refused_with_their_number_and_dates(tmp_path):
    text = refused(maps_challenge(tmp_path), spoiled(), tmp_path)
    for word in ("3 of 945 points", "'domain'", "2012-10-25", "2012-10-30", "fill"):
        assert word in text


def test_dropped_holes_have_no_weight_and_are_counted(tmp_path):
    found = matched(maps_challenge(tmp_path, submission__missing="drop"), spoiled(), tmp_path)
    assert (found.coverage.points, found.coverage.scored) == (945, 942)
    assert float(found.weights.sum()) == 942
    assert found.coverage.missing_from.startswith("2012-10-25")
    assert found.coverage.missing_to.startswith("2012-10-30")
    assert bool(found.estimate.notnull().all())


def test_filled_holes_are_scored_and_counted(tmp_path):
    found = matched(maps_challenge(tmp_path, submission__missing="fill"), spoiled(), tmp_path)
    assert (found.coverage.points, found.coverage.scored, found.coverage.filled) == (945, 945, 3)
    assert found.coverage.missing_from.startswith("2012-10-25")
    four = found.estimate[8, 0, 1] + found.estimate[8, 1, 0]
    assert float(found.estimate[8, 0, 0]) == pytest.approx(float(four) / 2)


def test_holes_outside_the_mask_do_not_matter(tmp_path):
    estimate = maps()
    estimate["ssh"][:, 0, :] = np.nan
    challenge = maps_challenge(tmp_path, masks={"north": {"latitude": [33.5, 36]}})
    found = matched(challenge, estimate, tmp_path, "north")
    assert found.coverage.scored == 15 * 6 * 9


def test_land_of_the_truth_is_not_scored_even_where_it_moves_in_time(tmp_path):
    truth = maps()
    truth["ssh"][:, 0, 0] = np.nan
    truth["ssh"][5, 3, :] = np.nan
    estimate = maps()
    estimate["ssh"][:, 0, 0] = np.nan
    found = matched(maps_challenge(tmp_path, truth), estimate, tmp_path)
    assert found.coverage.points == found.coverage.scored == 945 - 15 - 9
    assert bool(found.truth.notnull().all())
    result = evaluate(maps_challenge(tmp_path, truth), submission(estimate, tmp_path / "mine.nc"))
    assert result.score("RMSE").value == 0.0


def test_submission_that_shares_no_point_with_the_mask_is_refused(tmp_path):
    estimate = maps()
    estimate["ssh"][:] = np.nan
    challenge = maps_challenge(tmp_path, submission__missing="drop")
    assert "no point inside mask 'domain'" in refused(challenge, estimate, tmp_path)


@every("valid_range", [True, False])
@every("missing", ["refuse", "drop", "fill"])
def test_infinite_values_are_refused_and_called_so(tmp_path, valid_range, missing):
    estimate = maps()
    estimate["ssh"][2, 3, 4] = np.inf
    changes = {} if valid_range else {"submission__variables__ssh__valid_range": None}
    challenge = maps_challenge(tmp_path, submission__missing=missing, **changes)
    with pytest.raises(OceanbenchError, match="inf"):
        evaluate(challenge, submission(estimate, tmp_path / "mine.nc"))


# --- masks and weights --------------------------------------------------------------------------


@every(
    "mask, shape",
    [
        ({}, (15, 7, 9)),
        ({"inset_degrees": 0.5}, (15, 5, 7)),
        ({"inset_degrees": 0.499}, (15, 5, 7)),
        ({"inset_degrees": 0.501}, (15, 3, 5)),
        ({"longitude": [-64, -62]}, (15, 7, 5)),
        ({"longitude": [296, 298]}, (15, 7, 5)),
        ({"latitude": [34, 35]}, (15, 3, 9)),
        ({"time": ["2012-10-24", "2012-10-25"]}, (2, 7, 9)),
    ],
)
def test_masks_hold_their_bounds(tmp_path, mask, shape):
    found = matched(maps_challenge(tmp_path, masks={"m": mask}), maps(), tmp_path, "m")
    inside = found.weights > 0
    spans = tuple(
        int(inside.any([d for d in inside.dims if d != dim]).sum()) for dim in inside.dims
    )
    assert spans == shape
    assert found.coverage.points == int(inside.sum()) == np.prod(shape)


def test_inset_of_a_track_is_inclusive_to_the_last_bit(tmp_path):
    one = track(passes=1, samples=4)
    one["latitude"][:] = [33.25, 33.2499999, 35.75, 34.0]
    one["longitude"][:] = [-64.75, -63.0, -61.25, -61.2499999]
    challenge = tracks_challenge(tmp_path, one, masks={"inset": {"inset_degrees": 0.25}})
    found = matched(challenge, maps(), tmp_path, "inset")
    assert found.weights.values.tolist() == [1.0, 0.0, 1.0, 0.0]


def test_cosine_weights_are_areas(tmp_path):
    challenge = maps_challenge(tmp_path, masks={"area": {"weights": "cos_latitude"}})
    found = matched(challenge, maps(), tmp_path, "area")
    want = np.cos(np.deg2rad(found.truth["latitude"]))
    np.testing.assert_allclose(
        found.weights, want.broadcast_like(found.truth).transpose(*found.truth.dims)
    )
    assert found.weights.dims == found.truth.dims


def test_every_mask_has_its_own_score_and_coverage(tmp_path):
    rows = [
        {"metric": "rmse", "label": "all"},
        {"metric": "rmse", "label": "north", "mask": "north"},
    ]
    masks = {"domain": {}, "north": {"latitude": [35, 36]}}
    challenge = maps_challenge(tmp_path, masks=masks, metrics=rows, rank_by="all")
    estimate = maps()
    estimate["ssh"][:, 5:, :] += 1.0
    result = evaluate(challenge, submission(estimate, tmp_path / "mine.nc"))
    north = (estimate["ssh"] - maps()["ssh"]).sel(latitude=slice(35, 36))
    assert result.score("north").value == pytest.approx(float(np.sqrt((north**2).mean())))
    assert result.score("all").value == pytest.approx(np.sqrt(2 / 7))
    assert {c["mask"]: c["points"] for c in result.coverage} == {"domain": 945, "north": 15 * 3 * 9}


# --- tracks -------------------------------------------------------------------------------------


def test_track_is_reached_by_trilinear_interpolation(tmp_path):
    truth = track()
    fine = maps(west=-66, east=-60, south=32, north=37, step=0.05, count=16)
    found = matched(tracks_challenge(tmp_path, truth), fine, tmp_path)
    assert found.truth.sizes == {"time": 14 * 20}
    want = smooth(truth["time"].values, truth["latitude"].values, truth["longitude"].values)
    np.testing.assert_allclose(found.truth, want, atol=1e-12)
    np.testing.assert_allclose(found.estimate, want, atol=0.06)  # half a day is curved


def test_points_after_the_last_map_are_refused_or_counted(tmp_path):
    truth, estimate = track(), maps(count=10)
    late = int((truth["time"].values > FIRST + 9 * DAY).sum())
    assert late > 0
    text = refused(tracks_challenge(tmp_path), estimate, tmp_path)
    for word in (f"{late} of 280 points", "2012-10-31", "2012-11-04"):
        assert word in text
    found = matched(tracks_challenge(tmp_path, submission__missing="drop"), estimate, tmp_path)
    assert (found.coverage.points, found.coverage.scored) == (280, 280 - late)
    assert found.coverage.missing_from.startswith("2012-10-31")


def test_track_that_is_not_sorted_in_time_scores_the_same(tmp_path):
    rows = [
        {"metric": "rmse", "label": "RMSE"},
        {"metric": "along_track_wavelength", "label": "λx", "segment_km": 150},
    ]
    truth = track()
    estimate = maps(count=16, noise=0.1)
    order = np.random.default_rng(1).permutation(truth.sizes["time"])
    found = []
    for folder, written in (("sorted", truth), ("shuffled", truth.isel(time=order))):
        challenge = tracks_challenge(tmp_path / folder, written, metrics=rows)
        found.append(evaluate(challenge, submission(estimate, tmp_path / folder / "mine.nc")))
    for label in ("RMSE", "λx"):
        a, b = (r.score(label) for r in found)
        assert (a.flag, a.value) == (b.flag, pytest.approx(b.value))


def test_one_map_alone_cannot_reach_a_track_and_is_refused_in_words(tmp_path):
    assert "points" in refused(tracks_challenge(tmp_path), maps(count=1), tmp_path)


# --- from points to a result --------------------------------------------------------------------


@pytest.mark.parametrize("hours", [24, 12])
def test_every_interval_encloses_its_score(tmp_path, hours):
    names = [
        "rmse",
        "rmse_score_mean",
        "rmse_score_std",
        "daily_rmse_score",
        "daily_rmse_score_std",
    ]
    truth = maps(count=15 if hours == 24 else 29)
    truth = truth.assign_coords(
        time=FIRST + np.arange(truth.sizes["time"]) * np.timedelta64(hours, "h")
    )
    random = np.random.default_rng(0)
    estimate = truth.copy(deep=True)
    size = 0.05 * (1 + 9 * (np.arange(truth.sizes["time"]) % 2))[:, None, None]
    estimate["ssh"] = estimate["ssh"] + size * random.standard_normal(truth["ssh"].shape)
    challenge = maps_challenge(
        tmp_path, truth, metrics=[{"metric": n} for n in names], rank_by="rmse"
    )
    result = evaluate(challenge, submission(estimate, tmp_path / "mine.nc"))
    for found in result.scores:
        if not METRICS[found.metric].interval:
            assert found.interval is None
            continue
        slack = 0.02 * abs(found.value)
        assert found.interval.low - slack <= found.value <= found.interval.high + slack, found.label
