"""The ensemble Kalman smoother finds the truth of small worlds, and knows how well it does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from dense import DEVICES
from rows import every
from window_worlds import World, world

from oceanbench.assimilation.ensemble.kept_members import kept
from oceanbench.errors import OceanbenchError
from oceanbench.methods.method_file import load_method

_, METHOD = load_method("enks")
LINEAR = load_method("linear_interpolation")[1]
SMALL = {"members": 40, "keep_members": 10}


@pytest.fixture(scope="module")
def atmosphere() -> World:
    return world("lorenz96", windows=4, times=80)


@pytest.fixture(scope="module")
def loop() -> World:
    return world("amoc", windows=4, times=120, steps=10)


def estimated(given: World, **options: Any) -> xr.DataArray:
    """Members of the state, in the order of the target after the members."""
    arguments = {"device": "cpu", "seed": 0} | options
    found = METHOD.estimate(given.inputs, given.target.copy(deep=True), **arguments)["state"]
    return found.transpose("member", ...)


def error(estimate: xr.DataArray, given: World) -> float:
    """Mean square error of the mean of the members."""
    mean = estimate.mean("member") if "member" in estimate.dims else estimate
    return float(((mean - given.truth) ** 2).mean())


def of_linear_interpolation(given: World) -> float:
    """Mean square error of what needs no model."""
    found = LINEAR.estimate(given.inputs, given.target.copy(deep=True), device="cpu", seed=0)
    return error(found["state"], given)


def without(given: World, change: dict[str, Any]) -> World:
    """World whose observations are missing at an index."""
    observed = given.inputs["observations"].copy(deep=True)
    observed["state"][change] = np.nan
    return replace(given, inputs=given.inputs | {"observations": observed})


@pytest.mark.parametrize(("name", "fraction"), [("lorenz96", 0.25), ("amoc", 0.05)])
def test_it_is_far_better_than_linear_interpolation(name: str, fraction: float) -> None:
    """And its spread is about its error."""
    given = world(name, windows=8, times=120, steps=4 if name == "lorenz96" else 10)
    found = estimated(given)
    assert found.sizes == {"member": 20, **given.target["state"].sizes}
    assert error(found, given) < fraction * of_linear_interpolation(given)
    late = found.isel(time=slice(20, None))
    spread = float(late.var("member", ddof=1).mean())
    mistake = error(late, replace(given, truth=given.truth.isel(time=slice(20, None))))
    assert 0.4 < spread / mistake < 2.0


@pytest.mark.parametrize("device", DEVICES)
def test_its_random_numbers_are_those_of_the_seed(atmosphere: World, device: str) -> None:
    first, again, other = (
        estimated(atmosphere, seed=seed, device=device, **SMALL) for seed in (1, 1, 2)
    )
    xr.testing.assert_identical(first, again)
    assert float(abs(first - other).max()) > 0.1


@pytest.mark.parametrize("localisation", [16.0, 0.0])
def test_a_window_does_not_depend_on_the_others(atmosphere: World, localisation: float) -> None:
    together = estimated(atmosphere, localisation=localisation, **SMALL)
    for number in (0, 3):
        observed = atmosphere.inputs["observations"].isel(window=[number])
        alone = World(
            atmosphere.inputs | {"observations": observed},
            atmosphere.target.isel(window=[number]),
            atmosphere.truth.isel(window=[number]),
        )
        found = estimated(alone, localisation=localisation, **SMALL)
        np.testing.assert_allclose(found, together.isel(window=[number]), rtol=0, atol=1e-9)


def test_samplings_of_the_same_windows_are_windows(loop: World) -> None:
    sparse = without(loop, {"time": slice(1, None, 2)}).inputs["observations"]
    both = xr.concat([loop.inputs["observations"], sparse], "sampling")
    given = World(
        loop.inputs | {"observations": both.assign_attrs(sparse.attrs)},
        loop.target.expand_dims(sampling=2),
        loop.truth,
    )
    found = estimated(given, **SMALL)
    np.testing.assert_allclose(
        found.isel(sampling=0, drop=True), estimated(loop, **SMALL), rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("name", ["lorenz96", "amoc"])
def test_it_works_without_training_states(name: str) -> None:
    """Members then come from a long run of the model."""
    given = world(name, windows=4, times=80, steps=4, with_states=False)
    assert error(estimated(given, **SMALL), given) < 0.5 * of_linear_interpolation(given)


def test_what_is_never_observed_is_found_through_the_model(loop: World) -> None:
    """Not even in training: omega alone, of which the salinities are the cause."""
    known = {k: v for k, v in loop.inputs.items() if "truth" not in k}
    hidden = {"component": slice(1, None)}
    training = known["training_observations"].copy(deep=True)
    training["state"][hidden] = np.nan
    given = without(replace(loop, inputs=known | {"training_observations": training}), hidden)
    found, part = estimated(given), {"component": slice(1, None)}
    unseen = replace(given, truth=given.truth.isel(part))
    assert error(found.isel(part), unseen) < 0.7 * float(unseen.truth.var())


def test_a_window_may_be_observed_late(loop: World) -> None:
    """From year 200 on the truth is found; before, the spread says that it is not."""
    given = without(loop, {"time": slice(0, 15)})
    found, variance = estimated(given), float(loop.truth.var())
    assert np.isfinite(found).all()
    early, late = ({"time": part} for part in (slice(0, 10), slice(20, None)))
    unknown, known = (replace(given, truth=given.truth.isel(part)) for part in (early, late))
    assert error(found.isel(late), known) < 0.02 * variance
    spread = float(found.isel(early).var("member", ddof=1).mean())
    assert 0.3 < spread / error(found.isel(early), unknown) < 3


def test_a_window_without_observations_is_the_climatology(atmosphere: World) -> None:
    found = estimated(without(atmosphere, {"window": 2}), members=100, keep_members=100)
    assert float(found.isel(window=2).var("member").mean()) == pytest.approx(13.2, rel=0.15)
    others = found.isel(window=[0, 1, 3], time=slice(20, None))
    assert float(others.var("member").mean()) < 2.0


def test_a_wrong_model_costs_but_does_not_mislead() -> None:
    errors = {}
    for forcing in (8.0, 9.0):
        given = world(windows=4, times=120, told={"forcing": forcing})
        errors[forcing] = error(estimated(given), given)
    assert errors[8.0] < errors[9.0] < 0.3 * of_linear_interpolation(given)


def test_the_kept_members_have_the_mean_and_the_spread_of_all(atmosphere: World) -> None:
    everyone, few = (estimated(atmosphere, members=40, keep_members=k) for k in (40, 5))
    assert everyone.sizes["member"] == 40 and few.sizes["member"] == 5
    np.testing.assert_allclose(few.mean("member"), everyone.mean("member"), atol=1e-12)
    np.testing.assert_allclose(few.std("member", ddof=1), everyone.std("member", ddof=1))
    arguments = {"device": "cpu", "seed": 0, "members": 40, "keep_members": 0}
    moments = METHOD.estimate(atmosphere.inputs, atmosphere.target, **arguments)
    np.testing.assert_allclose(moments["state"], everyone.mean("member"), atol=1e-12)
    np.testing.assert_allclose(moments["state_std"], everyone.std("member", ddof=1))


def test_members_that_agree_are_kept_as_they_are() -> None:
    same = torch.ones(2, 6, 3, 4, dtype=torch.float64)
    assert torch.equal(kept(same, 3), same[:, :3])


@every(
    "options, message",
    [
        ({"members": 1}, "at least 2 members"),
        ({"inflation": 0.0}, "a positive inflation"),
        ({"lag": -1}, "lag=-1"),
        ({"localisation": -2.0}, "not negative"),
        ({"keep_members": 1}, "0 for the mean"),
        ({"keep_members": -3}, "keep_members=-3"),
        ({"members": 801}, "training data have 800 states"),
        ({"members": 10, "inflation": 1e5}, "lower inflation, 100000.0"),
        ({"members": 10, "inflation": 1e5, "localisation": 0.0}, "lower inflation, 100000.0"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    atmosphere: World, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OceanbenchError, match=message) as stop:
        estimated(atmosphere, **options)
    assert "\n" not in str(stop.value)


def test_the_noise_that_a_challenge_tells_drives_the_members_of_every_window_alike() -> None:
    """Members part where nothing is observed; a window alone has the members it has with others."""
    given = world("lorenz63", windows=2, times=12, steps=6)
    told = {n: d.assign_attrs(process_noise=4.0) for n, d in given.inputs.items()}
    noisy = replace(given, inputs=told)
    spread = [
        float(estimated(g, **SMALL, **o).std("member").mean())
        for g, o in ((given, {}), (noisy, {}), (noisy, {"stochastic": False}))
    ]
    assert spread[0] == spread[2] and spread[1] > 1.2 * spread[0]
    seen = told["observations"]
    alone = replace(
        noisy,
        inputs=told | {"observations": seen.isel(window=[1])},
        target=given.target.isel(window=[1]),
    )
    both = estimated(noisy, **SMALL).isel(window=[1])
    np.testing.assert_allclose(estimated(alone, **SMALL), both, rtol=1e-8, atol=1e-8)
