"""The frozen windows have the statistics of their systems, and are what their recipes make."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recipes import opened, recipe
from rows import every

from oceanbench.challenge import Challenge
from oceanbench.dynamics.models import model_of_attributes
from oceanbench.kinds.windows.opening import open_flagged

NAMES = [
    "lorenz96", "lorenz96_sparse", "lorenz96_unsupervised", "lorenz96_wrong_model", "amoc",
]  # fmt: skip


@pytest.mark.parametrize("name", ["lorenz96", "amoc"])
def test_the_truth_follows_the_model_that_methods_are_told(name):
    truth = opened(name, "truth")
    time = truth["time"].values
    states = torch.as_tensor(truth["state"].values, dtype=torch.float64)
    predicted = model_of_attributes(truth.attrs, float(time[1] - time[0])).advance(states[:, :-1])
    error = (states[:, 1:] - predicted).abs().max() / states.std()
    assert error < 1e-5  # single precision in the file


def test_the_wrong_model_does_not():
    truth = opened("lorenz96_wrong_model", "truth")
    assert truth.attrs["model_forcing"] == 7.0
    states = torch.as_tensor(truth["state"].values, dtype=torch.float64)
    error = states[:, 1:] - model_of_attributes(truth.attrs, 0.05).advance(states[:, :-1])
    assert error.mean() == pytest.approx(0.05, rel=0.1)  # a step of the missing forcing


@every("name", NAMES)
def test_observations_are_the_truth_with_noise_of_the_variance_they_state(name):
    truth, seen = opened(name, "truth")["state"], opened(name, "observations")["state"]
    error = (seen - truth).transpose("component", ...)
    found = np.nanvar(error.values.reshape(error.sizes["component"], -1), axis=1)
    np.testing.assert_allclose(found, seen["noise_variance"], rtol=0.13 if name != "amoc" else 0.05)
    assert abs(float(error.mean())) < 0.03 * float(np.sqrt(seen["noise_variance"]).mean())


@pytest.mark.parametrize(("name", "every"), [("lorenz96", 4), ("lorenz96_sparse", 8)])
def test_a_random_half_is_observed_at_every_observed_time(name, every):
    known = opened(name, "observations")["state"].notnull()
    count = known.sum("component")
    assert (count.isel(time=slice(0, None, every)) == 20).all()
    assert int(count.sum()) == 20 * 64 * 200 // every
    first = known.isel(time=0)
    assert not (first.isel(window=0) == first.isel(window=1)).all()  # drawn anew


def test_windows_of_lorenz96_have_its_climate_and_do_not_overlap():
    truth = opened("lorenz96", "truth")["state"]
    assert float(truth.mean()) == pytest.approx(2.35, abs=0.05)
    assert float(truth.var()) == pytest.approx(13.2, abs=0.2)
    ends = truth.isel(time=-1).values[:-1] - truth.isel(time=0).values[1:]
    assert 0.01 < np.abs(ends).mean() < 1.5  # consecutive: one step apart
    training = opened("lorenz96", "training_truth")["state"].values.reshape(-1, 40)
    assert np.abs(truth.values[0, 0] - training).max(axis=1).min() > 1.0


def test_samplings_of_the_overturning_observe_what_they_say():
    seen = opened("amoc", "observations")["state"].notnull()
    times = seen.any(("window", "component")).sum("time")
    for period in (20, 50, 100, 150, 200, 300):
        assert int(times.sel(sampling=f"every_{period}")) == -(-250 * 10 // period)
    per_window = seen.any("component").sum("time")
    assert (per_window.sel(sampling="random_100") == 25).all()
    assert (per_window.sel(sampling="clusters_100") == 75).all()
    only = seen.any(("window", "time"))
    assert only.sel(sampling="omega_100").values.tolist() == [True, False, False]
    assert only.sel(sampling="salinities_100").values.tolist() == [False, True, True]


def test_the_overturning_is_off_a_fifth_of_the_time():
    challenge = Challenge.load("amoc")
    off = open_flagged(challenge, "collapsed", None)
    assert 0.15 < float(off.mean()) < 0.25
    omega = challenge.open("truth")["state"].sel(component="omega")
    assert float((omega - 0.025).where(off).mean()) > float((omega - 0.025).where(~off).mean())
    assert not (omega.where(~off) > 0.025 + 1e-6).any()


@pytest.mark.parametrize("name", ["lorenz96", "amoc"])
def test_the_recipe_states_the_sizes_of_the_files(name):
    build = recipe(name)
    sizes = (
        {"training": build.TRAINING, "validation": build.VALIDATION, "truth": build.TEST}
        if name == "lorenz96"
        else build.RUNS
    )
    for part, (count, length) in sizes.items():
        found = opened(name, part if part == "truth" else f"{part}_truth").sizes
        assert (found["window"], found["time"]) == (count, length)
