"""The draws of `ssh_osse_jet_calibration`: days apart of another year; a control that passes."""

from __future__ import annotations

import numpy as np
import xarray as xr
from places import ROOT
from recipes import opened, recipe

from oceanbench.challenge import Challenge
from oceanbench.metrics import METRICS

NAME = "ssh_osse_jet_calibration"


def test_truths_are_days_apart_of_a_year_that_was_observed_and_is_not_that_of_training() -> None:
    build, truth = recipe(NAME), opened(NAME, "truth")["ssh"]
    world = opened("ssh_forecast_jet", "truth")["ssh"]
    np.testing.assert_allclose(truth, build.scored(world)["ssh"], atol=1e-6)
    assert (np.diff(truth["time"]) == np.timedelta64(15, "D")).all()
    challenge = Challenge.load(NAME)
    month, tracks = np.timedelta64(14, "D"), challenge.of_role("observations")
    assert len(tracks) == 4
    for track in tracks:
        times = challenge.open(track)["time"].values
        assert times.min() < truth["time"].values[0] - month
        assert times.max() > truth["time"].values[-1] + month
    climate = challenge.open("training_truth")["ssh"]
    assert climate["time"].values.max() < truth["time"].values[0]
    nearest = climate.sel(
        latitude=truth["latitude"], longitude=truth["longitude"], method="nearest"
    )
    closest = [float(((nearest - day) ** 2).mean(("latitude", "longitude")).min()) for day in truth]
    assert min(closest) > 0.05**2  # no day of it is one of training
    files = list((ROOT / "challenges" / NAME / "data").glob("*"))
    assert sum(file.stat().st_size for file in files) < 6e4
    size = sum(f.stat().st_size for f in (ROOT / "challenges").glob("*posterior*/data/*"))
    assert size + 6e4 < 8e6


def test_ranks_among_the_truths_of_other_days_are_uniform_and_worthless() -> None:
    truth = opened(NAME, "truth")["ssh"]
    control = recipe(NAME).other_days(truth)["ssh"]
    assert control.sizes["member"] == truth.sizes["time"] - 1
    weights = xr.ones_like(truth)
    assert METRICS["rank_uniformity"].function(control, truth, weights) > 0.99
    assert METRICS["crps"].function(control, truth, weights) > 0.08
