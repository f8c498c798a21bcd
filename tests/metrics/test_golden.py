"""The published protocols, to nine digits, on the cases that the challenges' own code has scored.

Two cases travel with the tests; the others lie in ``shared/golden`` beside the checkout.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml
from matches import matched_by_score
from places import SHARED, TESTS
from rows import every

from oceanbench import evaluate
from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.metrics import METRICS, pointwise, relative
from oceanbench.metrics.aligned import Flagged
from oceanbench.metrics.spectral import along_track, space_time
from oceanbench.metrics.sums import sums
from oceanbench.scoring import points
from oceanbench.submission import Submission

COMMITTED = TESTS / "data" / "golden"

OSSE = ["osse_basic", "osse_coarse_rec", "osse_equal", "osse_islands"]
OSE = ["ose_basic", "ose_equal", "ose_gaps_nan_land", "ose_long_tracks", "ose_notch"]
METRES_PER_DEGREE = 111194.87428468788

PSD_VARIANTS = {  # name in expected.json -> options
    "psd_first_contour_periodic_hann": {"contour": "first"},
    "psd_all_contours_periodic_hann": {"contour": "all"},
    "psd_first_contour_symmetric_hann_xrft02": {"contour": "first", "window": "hann_symmetric"},
}
TUKEY = {"contour": "first", "window": "tukey"}
PUBLISHED = {"sample_km": 6.386818, "segments": "published"}
TRACK_VARIANTS = {
    "2021a": {**PUBLISHED, "crossing": "sorted"},
    "starter": {**PUBLISHED, "crossing": "sorted", "longer_than_km": 90},
    "welch_850": {**PUBLISHED, "crossing": "sorted", "segment_km": 850},
    "welch_1000": {**PUBLISHED, "crossing": "sorted", "segment_km": 1000},
    "odc": {**PUBLISHED, "crossing": "last"},
}

close = pytest.approx


def folder_of(case: str) -> Path:
    for root in (COMMITTED, SHARED / "golden"):
        if (root / case / "expected.json").is_file():
            return root / case
    pytest.skip(f"golden case {case} is neither in {COMMITTED} nor in {SHARED / 'golden'}")


@cache
def expected(case: str) -> dict[str, Any]:
    return json.loads((folder_of(case) / "expected.json").read_text())


def osse_challenge(case: str, folder: Path, **rules: str) -> Challenge:
    metrics: list[dict[str, Any]] = [
        {"metric": name} for name in ("rmse", "rmse_score", "rmse_score_std", "rmse_score_mean")
    ]
    for label, options in {**PSD_VARIANTS, "tukey": TUKEY}.items():
        metrics.append({"metric": "resolved_wavelength", "label": f"λx {label}", **options})
        metrics.append({"metric": "resolved_period", "label": f"λt {label}", **options})
    content = {
        "name": case,
        "version": 1,
        "title": case,
        "kind": "maps",
        "domain": {
            "longitude": [-65, -55],
            "latitude": [33, 43],
            "time": ["2012-10-22", "2012-12-02"],
        },
        "datasets": {
            "truth": {
                "role": "truth",
                "path": str(folder_of(case) / "truth.nc"),
                "variables": {"ssh": "sossheig"},
            }
        },
        "submission": {"variables": {"ssh": {"units": "m", "aliases": ["gssh"]}}, **rules},
        "metrics": metrics,
        "rank_by": "rmse",
    }
    return write(content, folder)


def ose_challenge(case: str, folder: Path) -> Challenge:
    box = expected(case)["box"]
    metrics: list[dict[str, Any]] = [
        {"metric": name}
        for name in ("rmse", "rmse_score", "daily_rmse_score", "daily_rmse_score_std")
    ]
    metrics += [
        {"metric": "along_track_wavelength", "label": label, **options}
        for label, options in TRACK_VARIANTS.items()
    ]
    content = {
        "name": case,
        "version": 1,
        "title": case,
        "kind": "tracks",
        "domain": {
            "longitude": [box["lon_min"], box["lon_max"]],
            "latitude": [box["lat_min"], box["lat_max"]],
            "time": [box["time_min"], box["time_max"]],
        },
        "datasets": {
            "truth": {
                "role": "truth",
                "layout": "track",
                "path": str(folder_of(case) / "track.nc"),
                "variables": {"ssh": "sla_unfiltered + mdt - lwe"},
            }
        },
        "submission": {
            "variables": {"ssh": {"units": "m"}},
            "missing": "drop",
            "crop_to_domain": True,
            "grid": {"step_degrees": 0.2},
        },
        "masks": {"inset": {"inset_degrees": 0.25}},
        "metrics": metrics,
        "rank_by": "rmse",
    }
    return write(content, folder)


def write(content: dict[str, Any], folder: Path) -> Challenge:
    path = folder / "challenge.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return Challenge.load(path)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    return tmp_path_factory.mktemp("golden")


@cache
def osse(case: str, folder: Path):
    """Result by label and matched arrays of a gridded case, from the public road."""
    challenge = osse_challenge(case, folder, regrid="linear", missing="fill")
    return scored(challenge, Submission(case, folder_of(case) / "rec.nc"))


@cache
def ose(case: str, folder: Path):
    challenge = ose_challenge(case, folder)
    return scored(challenge, Submission(case, folder_of(case) / "map.nc"))


def scored(challenge: Challenge, submission: Submission):
    """Without intervals, which were not published and take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("of_parts", "of_sums"):
            patch.setattr(points, name, lambda *_: None)
        result = evaluate(challenge, submission)
    (found, *_) = matched_by_score(challenge, submission).values()
    arrays = found.estimate, found.truth, found.weights, found.coverage
    return {s.label: s for s in result.scores}, arrays, result


# --- maps -----------------------------------------------------------------------------------


@every("case", OSSE)
def test_rmse_scores_of_maps_are_the_published_ones(case, work):
    scores, (estimate, truth, weights, _), _ = osse(case, work)
    want = expected(case)["dc2020a"]
    assert scores["rmse_score"].value == close(want["mu"], rel=1e-9)
    assert scores["rmse_score_std"].value == close(want["sigma"], rel=1e-9, abs=1e-12)
    assert scores["rmse_score_mean"].value == close(want["mean_of_rmse_t"], rel=1e-9)
    assert scores["rmse"].value == close(expected(case)["plain_rmse_m"], rel=1e-9, abs=1e-15)
    for protocol in ("dc2023_enatl", "starter_4dvarnet"):
        other = expected(case)[protocol]
        assert scores["rmse_score"].value == close(other["mu"], rel=1e-9)
        assert scores["rmse_score_std"].value == close(other["sigma"], rel=1e-9, abs=1e-12)
    nrmse = expected(case)["oceanbench_ocn_tools"]["nrmse"]
    assert scores["rmse_score"].value == close(nrmse, rel=1e-9)
    in_time = relative.scores_in_time(sums(estimate, truth, weights))
    np.testing.assert_allclose(in_time, want["rmse_t"], rtol=1e-9)
    rmse_xy = float(pointwise.rmse_map(estimate, truth, weights).mean())
    assert rmse_xy == close(want["rmse_xy_mean"], rel=1e-9, abs=1e-15)


@every("case", OSSE)
def test_psd_score_field_is_the_published_one(case, work):
    _, (estimate, truth, weights, _), _ = osse(case, work)
    field = space_time.psd_score(estimate, truth, weights)
    stats = expected(case)["dc2020a"]["psd_score_stats"]
    assert list(field.shape) == stats["shape"]
    assert int(field.isnull().sum()) == stats["nan"]
    for name in ("min", "max", "mean"):
        assert float(getattr(field, name)()) == close(stats[name], rel=1e-9)
    want = xr.load_dataset(folder_of(case) / "expected_psd.nc", engine="h5netcdf")
    np.testing.assert_allclose(field["freq_time"], want["freq_time"], rtol=1e-9)
    np.testing.assert_allclose(field["freq_longitude"], want["freq_lon"], rtol=1e-9)
    np.testing.assert_allclose(field, want["psd_score"], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("variant", PSD_VARIANTS)
@every("case", OSSE)
def test_resolved_scales_of_maps_are_the_published_ones(case, variant, work):
    scores = osse(case, work)[0]
    want = expected(case)["dc2020a"][variant]
    wavelength, period = scores[f"λx {variant}"], scores[f"λt {variant}"]
    if "error" in want:  # their code raises where there is no contour; ours says why
        assert wavelength.flag == period.flag == "resolved_below_grid"
        assert (wavelength.value, period.value) == close((0.4, 2.0))
        return
    assert wavelength.flag is None and period.flag is None
    assert wavelength.value == close(want["lambda_x_deg"], rel=1e-9)
    assert period.value == close(want["lambda_t_days"], rel=1e-9)
    if variant == "psd_first_contour_periodic_hann":
        for protocol in ("dc2023_enatl", "starter_4dvarnet"):
            other = expected(case)[protocol]["psd"]
            assert wavelength.value == close(other["lambda_x_deg"], rel=1e-9)
            assert period.value == close(other["lambda_t_days"], rel=1e-9)


@every("case", OSSE)
def test_tukey_window_gives_the_scales_of_oceanbench_2023(case, work):
    """Its metres are degrees times 111 195 (latitude's scale); its days are rounded to 1e-7."""
    scores = osse(case, work)[0]
    want = expected(case)["oceanbench_ocn_tools"]["spacetime"]
    if want["lambda_x_m"] == "inf":
        assert scores["λx tukey"].flag == scores["λt tukey"].flag == "resolved_below_grid"
        return
    metres = scores["λx tukey"].value * METRES_PER_DEGREE
    assert metres == close(want["lambda_x_m"], rel=1e-9)
    assert scores["λt tukey"].value == close(want["lambda_t_days"], rel=1e-6)


def test_holes_that_raise_the_published_score_are_refused_with_their_number(work):
    case = "osse_landmask"
    path = folder_of(case)
    (work / "refuse").mkdir()
    challenge = osse_challenge(case, work / "refuse")
    truth = xr.load_dataset(path / "truth.nc", engine="h5netcdf")["sossheig"]
    estimate = xr.load_dataset(path / "rec.nc", engine="h5netcdf")["gssh"]
    holes = int((estimate.isnull() & truth.notnull()).sum())
    points = int(truth.notnull().sum())
    with pytest.raises(OceanbenchError, match=rf"{holes} of {points} points.*2012-10-22") as caught:
        evaluate(challenge, Submission("mine", path / "rec.nc"))
    assert "\n" not in str(caught.value)


def test_dropped_holes_leave_numerator_and_denominator_on_the_same_points(work):
    case = "osse_landmask"
    path = folder_of(case)
    (work / "drop").mkdir()
    challenge = osse_challenge(case, work / "drop", missing="drop")
    *_, result = scored(challenge, Submission("mine", path / "rec.nc"))
    truth = xr.load_dataset(path / "truth.nc", engine="h5netcdf")["sossheig"].astype("f8")
    estimate = xr.load_dataset(path / "rec.nc", engine="h5netcdf")["gssh"].astype("f8")
    common = (truth.notnull() & estimate.notnull()).values
    x, e = truth.values[common], (estimate.values - truth.values)[common]
    mu = 1 - np.sqrt((e @ e) / (x @ x))
    assert result.score("rmse_score").value == close(mu, rel=1e-12)
    assert mu < expected(case)["dc2020a"]["mu"] - 1e-4  # the flaw pays
    assert result.score("rmse").value == close(expected(case)["plain_rmse_m"], rel=1e-9)
    assert result.coverage[0]["scored"] == int(common.sum())
    assert result.coverage[0]["points"] == int(truth.notnull().sum())


# --- tracks ---------------------------------------------------------------------------------


@every("case", OSE)
def test_points_and_values_along_the_track_are_the_published_ones(case, work):
    _, (estimate, truth, weights, coverage), result = ose(case, work)
    want = expected(case)
    assert truth.size == want["n_track_in_box"]
    assert coverage.scored == want["n_points_kept"]
    kept = weights.values > 0
    found = {
        "mean_map": estimate.values[kept].mean(),
        "std_map": estimate.values[kept].std(),
        "mean_track": truth.values[kept].mean(),
        "std_track": truth.values[kept].std(),
    }
    for name, value in found.items():
        assert value == close(want["interp"][name], rel=1e-9), name
    for name, part in (("first5", slice(5)), ("last5", slice(-5, None))):
        np.testing.assert_allclose(
            estimate.values[kept][part], want["interp"][name], rtol=1e-9, atol=1e-12
        )
    assert result.score("rmse").value == close(want["interp"]["rmse_m"], rel=1e-9, abs=1e-14)
    total = want["odc_tools"]["total_rmse_score"]
    assert result.score("rmse_score").value == close(total, rel=1e-9)
    nrmse = want["oceanbench_ocn_tools"]["nrmse_time"]
    assert result.score("rmse_score").value == close(nrmse, rel=1e-9)


@every("case", OSE)
def test_daily_scores_along_the_track_are_the_published_ones(case, work):
    scores, (estimate, truth, weights, _), _ = ose(case, work)
    want = expected(case)["dc2021a"]
    assert scores["daily_rmse_score"].value == close(want["mu"], rel=1e-9)
    assert scores["daily_rmse_score_std"].value == close(want["sigma"], rel=1e-9, abs=1e-12)
    table = sums(estimate, truth, weights)
    counts = np.array(want["daily_count"], dtype=float)
    some = counts > 0
    np.testing.assert_array_equal(table.count, counts[some])
    assert int((table.count >= 10).sum()) == want["n_days_ge10"]
    daily = np.array(want["daily_score"], dtype=float)[some]
    np.testing.assert_allclose(relative.scores_in_time(table), daily, rtol=1e-9)


@every("case", OSE)
def test_spectra_along_the_track_are_the_published_ones(case, work):
    _, (estimate, truth, weights, _), _ = ose(case, work)
    want = expected(case)["dc2021a"]["spectral"]
    found = along_track.along_track_spectra(estimate, truth, weights, **PUBLISHED)
    assert found.segments == want["n_segments"]
    np.testing.assert_allclose(found.wavenumber, want["wavenumber"], rtol=1e-9)
    for name, key in (("truth", "psd_ref"), ("estimate", "psd_study"), ("error", "psd_diff")):
        np.testing.assert_allclose(
            getattr(found, name), want[key], rtol=1e-9, atol=1e-20, err_msg=key
        )
    welch = expected(case)["oceanbench_ocn_tools"]["welch_850"]
    if "error" not in welch:
        short = along_track.along_track_spectra(
            estimate, truth, weights, segment_km=850, **PUBLISHED
        )
        assert short.segments == welch["n_segments"]


@every("case", OSE)
def test_resolved_wavelengths_along_the_track_are_the_published_ones(case, work):
    scores = ose(case, work)[0]
    want = expected(case)
    published = {
        "2021a": (want["dc2021a"]["spectral"]["lambda_x_km"], 1e-9),
        "starter": (want["starter_4dvarnet"]["lambda_x_km_gt90"], 1e-9),
        "odc": (want["odc_tools_crossing_same_psd"]["lambda_km"], 1e-9),
    }
    for name in ("welch_850", "welch_1000"):
        welch = want["oceanbench_ocn_tools"][name]
        published[name] = (welch.get("lambda_x_km", {"error": "none"}), 1e-9)
    for label, (value, tolerance) in published.items():
        if isinstance(value, dict) or value == 0.0:  # an error, or 0 for 'no crossing'
            assert scores[label].flag == "resolved_below_grid", label
        else:
            assert scores[label].flag is None, label
            assert scores[label].value == close(value, rel=tolerance), label


def test_sound_crossing_of_the_notch_is_not_the_published_wavelength(work):
    _, (estimate, truth, weights, _), _ = ose("ose_notch", work)
    sound = METRICS["along_track_wavelength"].function(estimate, truth, weights)
    assert not isinstance(sound, Flagged)
    assert 332 < sound < 498  # the only real crossing; sorted scores give 271 km
