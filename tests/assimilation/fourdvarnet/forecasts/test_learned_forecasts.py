"""Learned forecasts: what they begin with, what they are given, and that they learn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from delivered_worlds import MISSIONS, ONE_DAY, maps, track
from learned_forecasts import PERIODS, SMALL, trained_network, worlds

from oceanbench.assimilation.fourdvarnet.forecasts.configuration import ForecastConfiguration
from oceanbench.assimilation.fourdvarnet.forecasts.forecast_errors import ForecastErrors
from oceanbench.assimilation.fourdvarnet.forecasts.inference import TrainedForecast
from oceanbench.assimilation.fourdvarnet.forecasts.learned_forecast import LearnedForecast
from oceanbench.assimilation.fourdvarnet.forecasts.normalised_scenes import known
from oceanbench.assimilation.fourdvarnet.forecasts.periods import Period
from oceanbench.assimilation.fourdvarnet.forecasts.trajectories import combination, combined
from oceanbench.assimilation.fourdvarnet.forecasts.worlds import Stage, laid, simulated
from oceanbench.errors import OceanbenchError

START = (PERIODS["validation"][0] + 9).astype("M8[ns]")
BOX = slice(297.5, 300.5), slice(35.5, 38.5)
TARGET_LEADS = [0, 1, 3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    return str(tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def scenes(folder):
    return worlds(checkpoint=folder).scenes()


def given(*, later: float | None = None) -> dict[str, xr.Dataset]:
    """What is known at a start; with observations of a value, and a first guess of old maps."""
    found = {}
    for number, name in enumerate(MISSIONS):
        whole = track(number, PERIODS["validation"])
        known_now = whole.isel(time=(whole["time"] + ONE_DAY <= START).values)
        if later is not None:
            known_now = known_now.assign(ssh=known_now["ssh"] + later)
        found[name] = known_now.assign_attrs(role="observations", layout="track", name=name)
    mean = maps(PERIODS["training"]).mean("time", keep_attrs=True)
    found["climatology"] = mean.assign_attrs(role="climatology", layout="static")
    old = maps(np.array([START.astype("M8[D]") - 3])).assign_coords(time=[START])
    told = {"role": "first_guess", "layout": "grid", "level": "age_3d", "validation_rmse": 0.05}
    found["old"] = old.assign_attrs(told)
    return found


def target(leads: list[int] = TARGET_LEADS) -> xr.Dataset:
    box = maps(np.array([START.astype("M8[D]")])).sel(longitude=BOX[0], latitude=BOX[1])
    axes = {
        "start": [START],
        "lead": leads,
        "latitude": box["latitude"].values,
        "longitude": box["longitude"].values,
    }
    shape = tuple(len(axis) for axis in axes.values())
    return xr.DataArray(np.full(shape, np.nan), axes, tuple(axes), "ssh").to_dataset()


def forecast(
    inputs: dict[str, xr.Dataset], target: xr.Dataset, weights: dict, first_guess: str = ""
) -> xr.Dataset:
    trained = TrainedForecast.of(weights, name="mine")
    return next(trained.forecast(inputs, target, [first_guess]))


def truth() -> np.ndarray:
    days = START.astype("M8[D]") + np.array(TARGET_LEADS)
    return maps(days)["ssh"].sel(longitude=BOX[0], latitude=BOX[1]).values


def test_runs_are_maps_until_they_begin_and_are_combined_for_the_best(scenes):
    learned, checked, weights, errors = scenes
    past = SMALL.past_days
    np.testing.assert_array_equal(learned.runs[:, 0, : past - 1], learned.runs[:, 1, : past - 1])
    assert not np.array_equal(learned.runs[:, 0, past], learned.runs[:, 1, past])
    best = np.square(combined(learned.runs, weights) - learned.truth)[..., 1:-1, 1:-1].mean()
    for run in range(2):
        alone = np.square(learned.runs[:, run] - learned.truth)[..., 1:-1, 1:-1].mean()
        assert best < alone
    exact = learned.truth[:, None] * np.array([1.0, 0.5], np.float32)[:, None, None, None]
    some = combined(exact, combination(exact, learned.truth))
    np.testing.assert_allclose(some, learned.truth, rtol=1e-4, atol=1e-6)
    assert len(checked) == 7
    assert 0.005 < errors.altimeter.white < 0.03


def test_nothing_is_observed_after_a_start_less_its_latency(scenes):
    learned = scenes[0]
    assert learned.observed[:, : SMALL.past_days - 1].any((0, 2, 3)).all()
    assert not learned.observed[:, SMALL.past_days].any()
    batch = known(learned, np.arange(4), scenes[2], 0.1, SMALL)
    assert not batch.observed[:, SMALL.past_days :].any()
    assert torch.equal(batch.values[:, SMALL.past_days :], batch.first_guess[:, SMALL.past_days :])


def test_a_first_guess_is_told_inside_of_the_margin_or_not_at_all(scenes):
    learned, _, weights, _ = scenes
    assert len(np.unique(learned.told)) == 2  # of three days, and the climatology
    some = np.flatnonzero(learned.told == learned.told.min())[:2]
    batch = known(learned, some, weights, 0.1, SMALL, guided=np.array([True, False]))
    error = batch.context[:, -1]
    assert float(error[0, 1:-1, 1:-1].min()) == pytest.approx(10 * learned.told[some[0]])
    assert not error[0, 0].any()
    assert not batch.context[1, -2:].any()


def test_a_scene_that_is_mirrored_twice_is_itself(scenes):
    batch = known(scenes[0], np.arange(3), scenes[2], 0.1, SMALL)
    some = np.array([True, False, True])
    once, twice = batch.mirrored(some), batch.mirrored(some).mirrored(some)
    for name, part in vars(batch).items():
        assert torch.equal(part, getattr(twice, name))
    assert torch.equal(once.wanted[0], -batch.wanted[0].flip(-2))
    assert torch.equal(once.context[0, -1], batch.context[0, -1].flip(-2))


@pytest.mark.parametrize("update", ["unet", "conjugate"])
def test_a_network_learns_more_than_the_runs_and_keeps_to_what_it_was_given(update, scenes, folder):
    configuration = replace(SMALL, update=update)
    weights = trained_network(configuration, folder)
    found = forecast(given(), target(), weights)
    again = forecast(given(), target(), weights)
    xr.testing.assert_identical(found, again)
    values = found["ssh"].values[0]
    assert np.isfinite(values).all()
    usual = maps(PERIODS["training"]).mean("time")["ssh"].sel(longitude=BOX[0], latitude=BOX[1])
    assert np.square(values - truth()).mean() < np.square(usual.values - truth()).mean()
    raised = forecast(given(later=0.1), target(), weights)["ssh"].values
    assert raised.mean() > values.mean()
    guided = forecast(given(), target(), weights, first_guess="age_3d")
    assert not np.array_equal(guided["ssh"], found["ssh"])


def test_members_spread_as_validation_says_and_are_drawn_again(scenes, folder):
    trained = TrainedForecast.of(trained_network(SMALL, folder), name="mine")
    (alone,) = trained.forecast(given(), target())
    options = {"members": 40, "seed": 3}
    first, again = (next(trained.forecast(given(), target(), **options)) for _ in range(2))
    xr.testing.assert_identical(first, again)
    assert first["ssh"].dims == ("start", "lead", "latitude", "longitude", "member")
    apart = np.abs(first["ssh"].mean("member") - alone["ssh"]).mean()
    spread = first["ssh"].std("member").mean()
    assert 0 < float(apart) < 0.4 * float(spread)
    (other,) = trained.forecast(given(), target(), members=40, seed=4)
    assert not np.array_equal(other["ssh"], first["ssh"])
    without = replace(trained, errors=None)
    with pytest.raises(OceanbenchError, match="train it again, or leave members out"):
        next(without.forecast(given(), target(), members=2))


def test_errors_that_were_drawn_are_found_again():
    random = np.random.default_rng(0)
    unsure = random.uniform(0.5, 2.0, (60, 2, 24, 24)) * 1e-3
    told = ForecastErrors(
        np.array([[1e-3, 1.0, 5e-3], [2e-3, 3.0, 1e6]]),
        np.array([[1.0, 0.6], [0.6, 1.0]]),
        40.0,
    )
    drawn = [told.drawn(1, one, (20.0, 20.0), n)[0] for n, one in enumerate(unsure)]
    found = ForecastErrors.fitted(np.array(drawn), unsure, 20.0)
    np.testing.assert_allclose(found.deviation(unsure), told.deviation(unsure), rtol=0.06)
    assert found.levels[1, 1] > found.levels[0, 1] > 0
    assert found.leads[0, 1] == pytest.approx(0.6, abs=0.05)
    assert found.length_km == pytest.approx(40.0, rel=0.1)
    beside = np.array(drawn)
    beside[..., :5] = np.nan  # on land
    at_sea = ForecastErrors.fitted(beside, unsure, 20.0)
    np.testing.assert_allclose(at_sea.deviation(unsure), told.deviation(unsure), rtol=0.06)
    assert at_sea.length_km == pytest.approx(40.0, rel=0.1)
    assert ForecastErrors.of({}) is None
    kept = ForecastErrors.of(found.tensors())
    assert kept is not None
    np.testing.assert_array_equal(kept.leads, found.leads)


def test_what_it_cannot_do_is_refused_in_one_line(scenes, folder):
    weights = trained_network(SMALL, folder)
    with pytest.raises(OceanbenchError, match="leads 2 days, expected some of 0 1 3"):
        forecast(given(), target([0, 2]), weights)
    with pytest.raises(OceanbenchError, match="the challenge has none of that level"):
        forecast(given(), target(), weights, first_guess="age_4d")
    with pytest.raises(OceanbenchError, match="read no temperatures; leave it out"):
        LearnedForecast("mine", {"cpu": SMALL}).estimate(
            given(), target(), device="cpu", seed=0, weights=weights, temperature=False
        )
    with pytest.raises(OceanbenchError, match="give the challenge a mean map"):
        alone = {n: d for n, d in given().items() if n != "climatology"}
        forecast(alone, target(), weights)
    with pytest.raises(OceanbenchError, match="train on a challenge that has both"):
        Period.of({}, "training", "mine")
    with pytest.raises(OceanbenchError, match="put them in order"):
        ForecastConfiguration(leads="1 2")
    with pytest.raises(OceanbenchError, match="expected one of conjugate, unet"):
        ForecastConfiguration(update="lstm")


def test_scenes_are_kept_and_found_again(scenes, folder):
    files = {path: path.stat().st_mtime_ns for path in Path(folder).glob("*-*-*")}
    assert len(files) == 6
    again = worlds(checkpoint=folder).scenes()
    assert files == {path: path.stat().st_mtime_ns for path in Path(folder).glob("*-*-*")}
    np.testing.assert_array_equal(scenes[0].misfit, again[0].misfit)
    broken = next(iter(files))
    broken.write_bytes(broken.read_bytes()[:100])
    with pytest.raises(OceanbenchError, match="not whole arrays"):
        worlds(checkpoint=folder).scenes()


def test_a_simulated_world_is_kept_and_laid_about_the_box(tmp_path):
    stages = (Stage(16, 7200.0, 1), Stage(24, 7200.0, 1))
    heights = simulated(3, 1, stages=stages, checkpoint=str(tmp_path))
    assert heights.shape == (3, 24, 24)
    np.testing.assert_array_equal(heights, simulated(3, 1, stages=stages, checkpoint=str(tmp_path)))
    assert not np.array_equal(heights, simulated(3, 2, stages=stages))
    days = np.arange("2020-01-01", "2020-01-04", dtype="M8[D]").astype("M8[ns]")
    box = (297.0, 301.0, 36.0, 40.0)
    sea, turned = (laid(heights, days, box, rolled) for rolled in (0, 5))
    assert float(sea["longitude"][12]) == 299.0
    assert float(sea["latitude"][12]) == 38.0
    np.testing.assert_array_equal(turned[:, :, 5:], sea[:, :, :-5])
