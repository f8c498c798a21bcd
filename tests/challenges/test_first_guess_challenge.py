"""First guesses of an operational system: frozen files, what is told of them, and their page."""

from __future__ import annotations

import re
from importlib import import_module

import numpy as np
import pytest
import xarray as xr
import yaml
from places import ROOT
from recipes import recipe

from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.methods.inputs import Inputs

FOLDER = ROOT / "challenges" / "ssh_osse_jet_first_guess"
AGES = (0, 3, 7, 14)
SYSTEM = "topex-poseidon_interleaved, jason1, geosat2"


def test_first_guesses_are_told_of_and_err_ever_more_with_age() -> None:
    assert sum(path.stat().st_size for path in (FOLDER / "data").glob("*.nc")) < 2e6
    challenge = Challenge.load("ssh_osse_jet_first_guess")
    inputs, learned = Inputs(challenge), Inputs(challenge, for_training=True)
    days = learned["training_truth"]["ssh"]
    errors = []
    for age in AGES:
        maps = inputs[f"age_{age}d"]
        told = maps.attrs
        assert told["role"] == "first_guess" and told["level"] == f"age_{age}d"
        assert told["uses"] == SYSTEM
        known = learned[f"age_{age}d"]["ssh"]
        truth = days.sel(time=known["time"])
        box = {"longitude": slice(294.99, 305.01), "latitude": slice(32.99, 43.01)}
        truth = truth.sel(box)
        error = known.sel(
            longitude=truth["longitude"][::2], latitude=truth["latitude"][::2], method="nearest"
        )
        left = error.values - truth[:, ::2, ::2].values
        errors.append(float(np.sqrt((left**2).mean())))
        assert errors[-1] == pytest.approx(told["validation_rmse"], rel=0.02)
    assert (np.diff(errors) > 0.0).all()
    assert "uses" not in inputs["climatology"].attrs


def test_dates_of_deliveries_and_unknown_altimeters_are_refused(tmp_path) -> None:
    content = yaml.safe_load((FOLDER / "challenge.yaml").read_text())
    path = tmp_path / "challenge.yaml"
    for name, change, expected in (
        ("age_0d", {"issued": "issued"}, "issued: role 'first_guess' of kind 'maps' has none"),
        ("jason1", {"uses": ["envisat"]}, "uses: role 'observations' of kind 'maps' has none"),
        ("age_0d", {"uses": ["jason"]}, "uses: unknown 'jason'; did you mean 'jason1'"),
        ("age_0d", {"path": "../ssh_osse_jet/data/truth.nc"}, "is the truth's"),
    ):
        datasets = content["datasets"]
        wrong = {**datasets, name: datasets[name] | change}
        path.write_text(yaml.safe_dump(content | {"datasets": wrong}))
        with pytest.raises(OceanbenchError, match=re.escape(expected)):
            Challenge.load(path)


@pytest.mark.slow
def test_a_run_of_the_system_is_made_again(tmp_path) -> None:
    build = recipe(FOLDER.name)
    tracks = {n: xr.load_dataset(build.NOISY / f"{n}.nc") for n in build.system.OF_SYSTEM}
    start = np.datetime64("2012-11-10", "ns")
    maps = build.run(tracks, start, build.climatology(), tmp_path)
    for age, made in zip(AGES, maps, strict=True):
        frozen = xr.load_dataset(FOLDER / "data" / f"age_{age}d.nc")["ssh"]
        known = frozen.sel(time=start + age * build.ONE_DAY)
        np.testing.assert_allclose(made, known.values, atol=2e-3)


@pytest.mark.slow
def test_the_page_shows_the_board(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "figures"))
    page = import_module("first_guess")
    challenge, known = Challenge.load(page.CHALLENGE), page.rows()
    lines = list(page.table(challenge, known))
    text = (ROOT / "docs" / "first_guess.md").read_text()
    assert all(line in text for line in lines[2:7])
