"""The frozen data of `ssh_forecast_jet`: small, as their card says, and nothing that knew later."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from places import ROOT

from oceanbench.challenge import Challenge
from oceanbench.kinds.forecasts.starts.delivery import known_at
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method

FOLDER = ROOT / "challenges" / "ssh_forecast_jet"
FILES = sorted((FOLDER / "data").glob("*.nc"))
NADIRS = ("topex-poseidon_interleaved", "jason1", "geosat2", "envisat")
ONE_DAY = np.timedelta64(1, "D")


@pytest.fixture(scope="module")
def challenge() -> Challenge:
    return Challenge.load("ssh_forecast_jet")


def test_files_are_small():
    assert len(FILES) == 12
    assert sum(path.stat().st_size for path in FILES) < 4e6


def test_a_first_guess_knows_nothing_that_was_delivered_after_it_was_issued(challenge):
    inputs = Inputs(challenge)
    errors = []
    truth = challenge.open(challenge.truth_name)["ssh"]
    for age in (0, 3, 7, 14):
        guess = inputs[f"age_{age}d"]
        latest = guess["issued"] - guess["newest"]
        assert (latest.values >= ONE_DAY).all()
        assert (guess["time"] - guess["issued"] == age * ONE_DAY).all()
        errors.append(float(np.sqrt(((guess["ssh"] - truth) ** 2).mean())))
    assert (np.diff(errors) > 0).all()
    found = [inputs[f"age_{age}d"].attrs["validation_rmse"] for age in (0, 3, 7, 14)]
    np.testing.assert_allclose(errors, found, rtol=0.2)


def test_the_reference_is_made_again_from_what_was_delivered(challenge):
    """One start: the shipped nowcast, and the same bits with other data after the start."""
    inputs = dict(Inputs(challenge))
    target = challenge.target().isel(start=[20]).copy(deep=True)
    (start,) = target["start"].values
    later = {
        name: data.assign(ssh=data["ssh"].where(data["time"] + ONE_DAY <= start, 1.0))
        if data.attrs["role"] == "observations"
        else data
        for name, data in inputs.items()
    }
    method = load_method("oi_forecast")[1]
    first, second = (
        method.estimate(
            {name: known_at(data, start) for name, data in given.items()},
            target.isel(lead=[0, 3]),
            device="cpu",
            seed=0,
            deviation=0.1755,
        )["ssh"]
        for given in (inputs, later)
    )
    xr.testing.assert_identical(first, second)
    shipped = inputs["nowcast"]["ssh"].sel(start=start)
    shipped = shipped.sel(
        latitude=first["latitude"], longitude=first["longitude"], method="nearest"
    )
    np.testing.assert_allclose(first[0, 0].values, shipped.values, atol=2e-3)
