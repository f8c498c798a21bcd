"""Baselines that forecast from observations: from the past alone, and as their formulas say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import xarray as xr
from delivered_worlds import DAMPING, ONE_DAY, STARTS, declare

from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.kinds.forecasts.starts.delivery import known_at
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method

START = STARTS[5].astype("M8[ns]")
METHODS = (
    "oi_forecast",
    "quasi_geostrophic_forecast",
    "persistence",
    "damped_persistence",
    "seasonal_climatology",
)


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Challenge:
    return Challenge.load(declare(tmp_path_factory.mktemp("delivered")))


def forecast(
    name: str, inputs: Mapping[str, xr.Dataset], challenge: Challenge, **options: Any
) -> np.ndarray:
    """Forecast of one start from what is known at it."""
    known = {key: known_at(inputs[key], START) for key in inputs}
    target = challenge.target().sel(start=[START]).copy(deep=True)
    method = load_method(name)[1]
    made = method.estimate(known, target, device="cpu", seed=0, **options)
    assert made["ssh"].dims[:4] == ("start", "lead", "latitude", "longitude")
    return made["ssh"].values[0]


@pytest.mark.parametrize("name", METHODS)
def test_later_data_change_no_bit(name: str, challenge: Challenge) -> None:
    inputs = dict(Inputs(challenge))
    later = {
        key: data.assign(ssh=data["ssh"].where(data["time"] + ONE_DAY <= START, 9.0))
        if data.attrs["role"] == "observations"
        else data
        for key, data in inputs.items()
    }
    later["nowcast"] = inputs["nowcast"].where(inputs["nowcast"]["start"] <= START, 9.0)
    first, second = (forecast(name, given, challenge) for given in (inputs, later))
    np.testing.assert_array_equal(first, second)
    assert np.isfinite(first).all()


def test_forecasts_begin_with_the_nowcast_and_fade(challenge: Challenge) -> None:
    inputs = Inputs(challenge)
    nowcast = inputs["nowcast"]["ssh"].sel(start=START).values
    usual = inputs["climatology"]["ssh"].values
    np.testing.assert_allclose(forecast("persistence", inputs, challenge)[3], nowcast)
    carried = forecast("quasi_geostrophic_forecast", inputs, challenge)
    np.testing.assert_allclose(carried[0], nowcast, atol=1e-6)
    faded = forecast("quasi_geostrophic_forecast", inputs, challenge, damping=1.0)
    left = np.array(DAMPING)[:, None, None]
    np.testing.assert_allclose(faded, usual + left * (carried - usual), atol=1e-6)
    damped = forecast("damped_persistence", inputs, challenge)
    np.testing.assert_allclose(damped, usual + left * (nowcast - usual), atol=1e-6)
    oi = forecast("oi_forecast", inputs, challenge)
    size = np.sqrt(((oi - usual) ** 2).mean(axis=(1, 2)))
    assert (np.diff(size) < 0).all()


def test_members_of_the_interpolation_spread_with_the_lead(challenge: Challenge) -> None:
    drawn = forecast("oi_forecast", Inputs(challenge), challenge, members=12)
    spread = drawn.std(axis=-1).mean(axis=(1, 2))
    assert drawn.shape[-1] == 12
    assert (np.diff(spread) > 0).all()


def test_a_nowcast_with_land_is_refused(challenge: Challenge) -> None:
    inputs = dict(Inputs(challenge))
    inputs["nowcast"] = inputs["nowcast"].where(inputs["nowcast"]["latitude"] > 35.6)
    with pytest.raises(OceanbenchError, match="box of open sea"):
        forecast("quasi_geostrophic_forecast", inputs, challenge)
    del inputs["climatology"]
    with pytest.raises(OceanbenchError, match="give the challenge a mean map"):
        forecast("oi_forecast", inputs, challenge)
