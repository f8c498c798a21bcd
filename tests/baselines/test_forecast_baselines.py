"""Baselines of forecasts: the contract of a method, what each must recover, and causality."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import xarray as xr
from forecast_worlds import (
    CLIMATE,
    CONTENT,
    LEADS,
    OCEAN,
    STARTS,
    declare,
    first_that_changes,
    forecast,
    ocean,
    persistence,
)

from oceanbench.challenge import Challenge
from oceanbench.data import shipped
from oceanbench.errors import OceanbenchError
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method

METHODS = {name: load_method(name)[1] for name in shipped.names("baselines")}
OTHERS = {  # than methods of any ocean's analyses
    "layered_ocean",  # of one ocean only
    "oi_forecast",  # and the next: of observations, see test_forecasts_from_observations
    "quasi_geostrophic_forecast",
    "unet_forecast",  # and the next: of observations too, see test_learned_forecasts
    "fourdvarnet_forecast",
}
OF_FORECASTS = [
    name for name, method in METHODS.items() if "forecasts" in method.KINDS and name not in OTHERS
]
LAST = 60  # days before the first start, that methods choose by


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Challenge:
    """The toy ocean, with days to choose by."""
    first, last = (str(STARTS[0] - days) for days in (LAST, 1))
    periods = {
        "training": [str(STARTS[0] - 400), str(STARTS[0] - LAST - 1)],
        "validation": [first, last],
    }
    variables = CONTENT["datasets"]["training"]["variables"]
    chosen = {"role": "validation", "path": "training.nc", "variables": variables}
    datasets = CONTENT["datasets"] | {"chosen": chosen}
    folder = tmp_path_factory.mktemp("toy")
    return Challenge.load(declare(folder, periods=periods, datasets=datasets))


@pytest.fixture(scope="module")
def inputs(challenge: Challenge) -> dict[str, xr.Dataset]:
    return {name: dataset.load() for name, dataset in Inputs(challenge).items()}


def of_years(inputs: Mapping[str, xr.Dataset], name: str) -> Mapping[str, xr.Dataset]:
    """Inputs of a method: a climatological ensemble wants whole years to learn from."""
    if name != "climatological_ensemble":
        return inputs
    years = ocean(np.arange("2017-01-01", "2019-01-01", dtype="M8[D]"))
    return {**inputs, "training": years.assign_attrs(role="training")}


# --- the contract -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_FORECASTS)
def test_a_baseline_fills_the_target_and_is_reproducible(name, inputs, challenge):
    inputs = of_years(inputs, name)
    before = {key: dataset.copy(deep=True) for key, dataset in inputs.items()}
    first, again = (forecast(METHODS[name], inputs, challenge) for _ in range(2))
    xr.testing.assert_identical(first, again)
    sea = CLIMATE["zos"].notnull().values
    for variable, wanted in challenge.target().data_vars.items():
        assert tuple(d for d in first[variable].dims if d != "member") == wanted.dims
        assert (np.isfinite(first[variable]) == sea).all()
    for key, dataset in before.items():
        xr.testing.assert_identical(dataset, inputs[key])


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_FORECASTS)
def test_no_forecast_knows_the_initial_conditions_of_later_starts(name, inputs, challenge):
    assert first_that_changes(METHODS[name], of_years(inputs, name), challenge) is None


class Knowing(ModuleType):
    """A method that forecasts the mean of all initial conditions, those of later starts too."""

    @staticmethod
    def estimate(inputs: Any, target: xr.Dataset, *, device: str, seed: int) -> xr.Dataset:
        still = METHODS["persistence"].estimate(inputs, target, device=device, seed=seed)
        return still * 0.5 + still.mean("start") * 0.5


def test_a_method_that_knows_later_starts_is_caught(inputs, challenge):
    assert first_that_changes(Knowing("knowing"), inputs, challenge) == 0


# --- what each must be ------------------------------------------------------------------------


def test_persistence_is_the_initial_condition(inputs, challenge):
    found = forecast(METHODS["persistence"], inputs, challenge)
    expected = persistence()
    for name in found.data_vars:
        assert np.array_equal(
            found[name].values, expected[name].transpose(*found[name].dims).values, equal_nan=True
        )


def test_seasonal_climatology_is_the_climatology_of_the_valid_day(inputs, challenge):
    """Given by the day of the year: leads of the last start go over 29 February and New Year."""
    days = xr.DataArray(np.arange(1, 367), dims="dayofyear")
    yearly = (CLIMATE + 0.001 * days).assign_coords(dayofyear=days)
    yearly = yearly.isel(dayofyear=np.random.default_rng(0).permutation(366))
    other = inputs | {"climatology": yearly.assign_attrs(role="climatology")}
    found = forecast(METHODS["seasonal_climatology"], other, challenge)
    valid = found["start"] + found["lead"].astype("timedelta64[D]").astype("timedelta64[ns]")
    for name in found.data_vars:
        departure = (found[name] - CLIMATE[name]).mean([d for d in found[name].dims if d[0] in "dl"
                                                        and d != "lead"])  # fmt: skip
        np.testing.assert_allclose(departure, 0.001 * valid.dt.dayofyear, atol=2e-5)


def test_damped_persistence_lies_between_climatology_and_persistence(inputs, challenge):
    found = forecast(METHODS["damped_persistence"], inputs, challenge)
    left = ((found - CLIMATE) / (persistence() - CLIMATE))["zos"].median(("start", "latitude",
                                                                         "longitude"))  # fmt: skip
    assert list(left.values) == sorted(left.values, reverse=True)
    assert 0 < left.values[-1] < left.values[0] < 1


def errors(found: xr.Dataset) -> np.ndarray:
    """RMSE of sea surface height by lead."""
    valid = found["start"] + found["lead"].astype("timedelta64[D]").astype("timedelta64[ns]")
    truth = OCEAN["zos"].sel(time=valid)
    squares = (found["zos"] - truth) ** 2
    return np.sqrt(squares.mean(("start", "latitude", "longitude")).sel(lead=LEADS).values)


def test_a_linear_inverse_model_knows_waves_that_damping_does_not(inputs, challenge):
    """Waves drift: twelve of them are twenty-four patterns, and all that there is."""
    damped = errors(forecast(METHODS["damped_persistence"], inputs, challenge))
    model = METHODS["linear_inverse_model"]
    for options in ({}, {"patterns": 40}, {"propagator": "power"}):
        assert (errors(forecast(model, inputs, challenge, **options)) < 0.7 * damped).all(), options


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"propagator": "lagged"}, "expected each or power"),
        ({"patterns": 10_000}, "give fewer"),
    ],
)
def test_options_that_no_inverse_model_has_are_refused(options, words, inputs, challenge):
    with pytest.raises(OceanbenchError, match=words):
        forecast(METHODS["linear_inverse_model"], inputs, challenge, **options)


@pytest.mark.parametrize("role", ["initial", "climatology", "training"])
def test_what_is_needed_and_not_given_is_named(role, inputs, challenge):
    others = {k: v for k, v in inputs.items() if v.attrs["role"] != role}
    with pytest.raises(OceanbenchError, match=f"no dataset of role '{role}'"):
        forecast(METHODS["damped_persistence"], others, challenge)


def test_the_layered_ocean_is_of_one_basin_only(inputs, challenge):
    with pytest.raises(OceanbenchError, match="it is a model of that ocean only"):
        forecast(METHODS["layered_ocean"], inputs, challenge)


def test_a_climatology_that_lacks_a_day_is_refused(inputs, challenge):
    days = xr.DataArray(np.arange(1, 366), dims="dayofyear")
    yearly = (CLIMATE + 0.0 * days).assign_coords(dayofyear=days)
    other = inputs | {"climatology": yearly.assign_attrs(role="climatology", name="usual")}
    with pytest.raises(OceanbenchError, match="'usual': dayofyear goes from 1 to 365 in 365 maps"):
        forecast(METHODS["seasonal_climatology"], other, challenge)


def test_maps_on_other_nodes_are_refused(inputs, challenge):
    shifted = inputs["training"].assign_coords(longitude=inputs["training"]["longitude"] + 0.1)
    with pytest.raises(OceanbenchError, match="lacks nodes"):
        forecast(METHODS["damped_persistence"], inputs | {"training": shifted}, challenge)


# --- the climatological ensemble --------------------------------------------------------------


def test_members_are_the_same_day_of_the_training_years():
    same_day = METHODS["climatological_ensemble"].same_day_of_years
    known = np.arange("2003-06-01", "2007-03-01", dtype="M8[D]")
    days = np.array(["2008-02-29", "2008-03-01", "2009-01-01", "2008-12-31"], "M8[D]")
    found = known[same_day(days, known)]
    expected = [
        ["2004-02-29", "2005-03-01", "2006-03-01"],
        ["2004-03-01", "2005-03-02", "2006-03-02"],
        ["2004-01-01", "2005-01-01", "2006-01-01"],
        ["2004-12-31", "2005-12-31", "2006-12-31"],
    ]
    np.testing.assert_array_equal(found, np.array(expected, "M8[D]"))


def test_climatological_members_need_two_whole_years(inputs, challenge):
    with pytest.raises(OceanbenchError, match="whole years"):
        forecast(METHODS["climatological_ensemble"], inputs, challenge)
