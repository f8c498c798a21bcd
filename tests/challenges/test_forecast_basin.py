"""The frozen data of `ssh_forecast_basin`: small, beside one coast, and nothing that knew later."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from places import ROOT

from oceanbench.challenge import Challenge
from oceanbench.kinds.forecasts.starts.delivery import known_at
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method

FOLDER = ROOT / "challenges" / "ssh_forecast_basin"
FILES = sorted((FOLDER / "data").glob("*.nc"))
NADIRS = ("topex-poseidon_interleaved", "jason1", "envisat")
ONE_DAY = np.timedelta64(1, "D")
OPTIONS = {"deviation": 0.147, "white": 0.0173, "coarsen": 2}


@pytest.fixture(scope="module")
def challenge() -> Challenge:
    return Challenge.load("ssh_forecast_basin")


def test_files_are_small_and_have_one_coast(challenge):
    assert len(FILES) == 13
    assert sum(path.stat().st_size for path in FILES) < 4e6
    inputs = Inputs(challenge)
    truth = challenge.open(challenge.truth_name)["ssh"]
    sea = inputs["climatology"]["ssh"].notnull()
    assert (truth.notnull() == sea.sel(truth[0].coords.to_dataset().drop_vars("time"))).all()
    assert 0.7 < float(sea.mean()) < 0.85
    for name in NADIRS:
        track = inputs[name]
        at = {n: track[n] for n in ("latitude", "longitude")}
        assert bool(sea.sel(at, method="nearest").all())
    warm = inputs["sst_microwave"]["sst"]
    known = sea.sel(latitude=warm["latitude"], longitude=warm["longitude"], method="nearest")
    assert bool(known.where(warm[0].notnull().values).fillna(True).all())
    assert bool(inputs["nowcast"]["ssh"].notnull().all())
    training, test = (challenge.open(n)["ssh"] for n in ("training_truth", "truth"))
    assert training["time"].values[-1] < test["time"].values[0] - 365 * ONE_DAY


def test_the_reference_is_made_again_from_what_was_delivered(challenge):
    """One start: the shipped nowcast, and the same bits with other data after the start."""
    inputs = dict(Inputs(challenge))
    target = challenge.target().isel(start=[20]).copy(deep=True)
    (start,) = target["start"].values
    later = {
        name: data.where(data["time"] + ONE_DAY <= start, 1.0)
        if data.attrs["role"] == "observations"
        else data
        for name, data in inputs.items()
    }
    later = {n: d.assign_attrs(inputs[n].attrs) for n, d in later.items()}
    method = load_method("oi_forecast")[1]
    first, second = (
        method.estimate(
            {name: known_at(data, start) for name, data in given.items()},
            target.isel(lead=[0, 3]),
            device="cpu",
            seed=0,
            **OPTIONS,
        )["ssh"]
        for given in (inputs, later)
    )
    xr.testing.assert_identical(first, second)
    shipped = inputs["nowcast"]["ssh"].sel(start=start)
    shipped = shipped.sel(
        latitude=first["latitude"], longitude=first["longitude"], method="nearest"
    )
    np.testing.assert_allclose(first[0, 0].values, shipped.values, atol=2e-3)
