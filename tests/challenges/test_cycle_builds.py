"""The frozen worlds of cycles have the climate of their systems, and are what the recipe makes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recipes import opened, recipe
from rows import every

from oceanbench.kinds.cycles.opening import model_of

NAMES = ["lorenz96_cycles", "lorenz96_cycles_half", "lorenz96_cycles_wrong_model"]
CLIMATE = {NAMES[0]: (2.34, 3.64), NAMES[1]: (2.34, 3.64), NAMES[2]: (3.75, 5.06)}


@every("name", NAMES)
def test_worlds_have_the_climate_of_their_system_and_are_others_than_those_to_learn_from(
    name: str,
) -> None:
    truth, training = (opened(name, part)["state"].values for part in ("truth", "training_truth"))
    mean, deviation = CLIMATE[name]
    for states in (truth, training):
        assert states.mean() == pytest.approx(mean, abs=0.06)
        assert states.std() == pytest.approx(deviation, abs=0.06)
    first = np.concatenate([truth[:, 0], training[:, 0]])
    apart = np.sqrt(((first[:, None] - first) ** 2).mean(-1))
    assert apart[~np.eye(len(first), dtype=bool)].min() > 0.3 * deviation


@every("name", NAMES)
def test_observations_are_the_truth_with_the_noise_that_they_state(name: str) -> None:
    truth, seen = (opened(name, part) for part in ("truth", "observations"))
    error = (seen["state"] - truth["state"]).values
    assert np.nanvar(error) == pytest.approx(float(seen["noise_variance"][0]), rel=0.03)
    share = {"lorenz96_cycles_half": 20}.get(name, seen.sizes["component"])
    assert (np.isfinite(error).sum(-1) == share).all()


@every("name, error", [(NAMES[0], 2e-3), (NAMES[1], 4e-3)])
def test_the_truth_follows_the_model_that_is_told(name: str, error: float) -> None:
    truth = opened(name, "truth")
    states = truth["state"].values.astype(np.float64)
    found = np.abs(model_of(truth).advance(states[:, :-1]) - states[:, 1:])
    assert found.max() < 5 * error and np.sqrt((found**2).mean()) < error  # of the packing


def test_the_model_of_two_scales_is_wrong_by_what_the_fast_ones_take() -> None:
    truth = opened(NAMES[2], "truth")
    states = truth["state"].values.astype(np.float64)
    drift = (model_of(truth).advance(states[:, :-1]) - states[:, 1:]) / 0.05
    assert 1.0 < drift.mean() < 8.0  # the model is not damped enough
    assert np.corrcoef(drift.ravel(), states[:, :-1].ravel())[0, 1] > 0.3


@every("name", NAMES)
def test_the_recipe_makes_worlds_of_the_same_climate(name: str) -> None:
    build = recipe("lorenz96_cycles")
    random = np.random.default_rng(0)
    given = build.RECIPES[name]
    states = build.simulate(given, 8, 60, random)
    mean, deviation = CLIMATE[name]
    assert states.shape == (8, 60, given.kept)
    assert states.mean() == pytest.approx(mean, abs=0.4)
    assert states.std() == pytest.approx(deviation, abs=0.5)
    seen = build.as_dataset(build.observe(states, given, random), given, noise=True)
    assert float(seen["state"].notnull().mean()) == pytest.approx(given.share)


def test_the_year_of_the_jet_is_observed_by_its_tracks_and_unlike_its_model() -> None:
    """Noise as stated, the lower layer each fifth day, errors of the model, other worlds."""
    truth, seen, told = (
        opened("qg_cycles", part)["state"] for part in ("truth", "observations", "training_truth")
    )
    states, layers = truth.values, 1600
    noise = (seen - truth).values
    assert np.nanstd(noise) == pytest.approx(0.03, rel=0.02)  # finer scales of nature add 1 mm
    known = np.isfinite(states).reshape(1, 425, 2, layers).all(-1)[0]
    np.testing.assert_array_equal(known[:, 0], True)
    np.testing.assert_array_equal(known[:, 1], np.arange(425) % 5 == 0)
    counts = np.isfinite(seen.values).sum(-1)
    assert not np.isfinite(seen.values[..., layers:]).any()
    assert counts.min() >= 20 and 200 < counts.mean() < 230
    build = recipe("qg_cycles")
    tracks = build.visited(build.START, 425)
    np.testing.assert_array_equal(tracks, np.isfinite(seen.values[0, :, :layers]))
    model = model_of(opened("qg_cycles", "observations"))
    starts, later = told.values[:, 20:140:30], told.values[:, 25:145:30]
    for _ in range(5):
        starts = model.advance(starts)
    errors = np.sqrt(((starts - later).reshape(2, 4, 2, -1) ** 2).mean((0, 1, 3)))
    assert 0.005 < errors[0] < 0.02 and 0.002 < errors[1] < 0.01
    climate = opened("qg_cycles", "climate")["state"].values.reshape(-1, 2, layers)
    for worlds in (states.reshape(425, 2, layers)[::5], told.values.reshape(-1, 2, layers)):
        spread = worlds.std((0, 2)) / climate.std((0, 2))
        assert (np.abs(spread - 1.0) < 0.25).all()
        assert np.sqrt(((worlds[:1, None] - climate) ** 2).mean((-1, -2))).min() > 0.03


@pytest.mark.slow
def test_the_recipe_of_the_jet_keeps_what_the_coarse_grid_can_hold() -> None:
    """Waves that both grids hold are kept as they are, shorter ones are gone."""
    build = recipe("qg_cycles")
    phase = 2.0 * np.pi * np.arange(build.FINE) / build.FINE
    long, short = np.cos(3 * phase)[:, None] + np.sin(5 * phase), np.cos(25 * phase)
    found = build.coarse(torch.as_tensor(long + short)).numpy()
    np.testing.assert_allclose(found, long[::2, ::2], atol=1e-12)
