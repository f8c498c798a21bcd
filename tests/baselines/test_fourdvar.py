"""The three 4DVar methods on small worlds: how good, how sure, and each window on its own."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from dense import DEVICES
from rows import every
from window_worlds import World, world

from oceanbench.assimilation.variational.first_guesses import guesses
from oceanbench.assimilation.window_batches import model_of, observations, states
from oceanbench.errors import OceanbenchError
from oceanbench.methods.method_file import load_method

METHODS = {
    name: load_method(name)[1]
    for name in (
        "fourdvar",
        "fourdvar_fixed_step",
        "fourdvar_strong",
        "linear_interpolation",
        "space_time_oi",
    )
}
QUICK: dict[str, dict[str, Any]] = {
    "fourdvar": {"model_error": 1e-3, "members": 20},
    "fourdvar_fixed_step": {"iterations": 20},
    "fourdvar_strong": {"members": 0, "segment": 20},
}


@pytest.fixture(scope="module")
def atmosphere() -> World:
    return world("lorenz96", windows=3, times=40)


@pytest.fixture(scope="module")
def loop() -> World:
    return world("amoc", windows=3, times=60, steps=10)


def estimated(method: str, given: World, **options: Any) -> xr.Dataset:
    arguments = {"device": "cpu", "seed": 0} | options
    return METHODS[method].estimate(given.inputs, given.target.copy(deep=True), **arguments)


@cache
def usual(method: str, given: World) -> xr.Dataset:
    """Estimate of a world with the quick options; nobody changes it."""
    return estimated(method, given, **QUICK[method])


def error(method: str, given: World, **options: Any) -> float:
    """Mean square error."""
    found = estimated(method, given, **options)["state"]
    return float(((found - given.truth) ** 2).mean())


def without(given: World, change: dict[str, Any]) -> World:
    """World whose observations are missing at an index."""
    observed = given.inputs["observations"].copy(deep=True)
    observed["state"][change] = np.nan
    return replace(given, inputs=given.inputs | {"observations": observed})


def part(given: World, windows: list[int]) -> World:
    """World of some windows."""
    observed = given.inputs["observations"].isel(window=windows)
    return World(
        given.inputs | {"observations": observed},
        given.target.isel(window=windows),
        given.truth.isel(window=windows),
    )


@pytest.mark.slow
def test_in_lorenz_96_every_method_beats_its_first_guess_and_fourdvar_all_others() -> None:
    given = world("lorenz96", windows=3, times=80)
    linear, oi = (error(name, given) for name in ("linear_interpolation", "space_time_oi"))
    best = error("fourdvar", given, model_error=1e-4, members=40)
    assert best < 0.1 * oi
    assert error("fourdvar_fixed_step", given, iterations=300) < 0.6 * linear
    assert 0.5 * best < error("fourdvar_strong", given, segment=40, members=40) < 0.7 * oi


@pytest.mark.parametrize(
    "options",
    [{"method": "fourdvar"}, pytest.param({"method": "fourdvar_strong"}, marks=pytest.mark.slow)],
)
def test_in_the_loop_the_model_finds_what_interpolation_does_not(
    loop: World, options: dict[str, Any]
) -> None:
    method = options["method"]
    choices = (
        {"model_error": 1e-5}
        if method == "fourdvar"
        else {"segment": 0, "growth": 20, "members": 0}
    )
    assert error(method, loop, **choices) < 0.1 * error("space_time_oi", loop)


def test_the_fixed_step_hardly_moves_in_the_loop(loop: World) -> None:
    linear = error("linear_interpolation", loop)
    assert 0.05 * linear < error("fourdvar_fixed_step", loop) < linear


@pytest.mark.parametrize(
    ("method", "name", "options"),
    [
        ("fourdvar", "lorenz96", {"model_error": 1e-4, "members": 40}),
        ("fourdvar", "amoc", {"model_error": 1e-4, "members": 0}),
        ("fourdvar_strong", "lorenz96", {"segment": 40, "members": 40}),
    ],
)
def test_the_standard_deviation_is_about_the_error(
    method: str, name: str, options: dict[str, Any]
) -> None:
    given = world(name, windows=3, times=80, steps=4)
    found = estimated(method, given, **options)
    ratio = np.abs(found["state"] - given.truth) / found["state_std"]
    assert 0.4 < float(ratio.median()) < 1.0  # 0.67 of a normal distribution
    assert 0.7 < float((ratio < 1.645).mean()) < 0.99  # 0.9 of a normal distribution


@pytest.mark.parametrize("method", QUICK)
def test_a_window_does_not_depend_on_the_others(atmosphere: World, method: str) -> None:
    together = usual(method, atmosphere)
    for chosen in ([1], [2, 0, 1]):
        found = estimated(method, part(atmosphere, chosen), **QUICK[method])
        for name in found:
            expected = together[name].isel(window=chosen)
            np.testing.assert_allclose(found[name], expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("method", QUICK)
def test_a_window_without_observations_is_finite_and_leaves_the_others_alone(
    atmosphere: World, method: str
) -> None:
    found = estimated(method, without(atmosphere, {"window": 1}), **QUICK[method])
    assert all(np.isfinite(found[name]).all() for name in found)
    expected = usual(method, atmosphere)["state"].isel(window=[0, 2])
    np.testing.assert_allclose(found["state"].isel(window=[0, 2]), expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("method", QUICK)
def test_samplings_of_the_same_windows_are_windows(loop: World, method: str) -> None:
    sparse = without(loop, {"time": slice(1, None, 20)}).inputs["observations"]
    both = xr.concat([loop.inputs["observations"], sparse], "sampling")
    given = World(
        loop.inputs | {"observations": both.assign_attrs(sparse.attrs)},
        loop.target.expand_dims(sampling=2),
        loop.truth,
    )
    found = estimated(method, given, **QUICK[method])
    expected = usual(method, loop)
    assert found["state"].dims == given.target["state"].dims
    for name in found:
        first = found[name].isel(sampling=0, drop=True)
        np.testing.assert_allclose(first, expected[name], rtol=0, atol=1e-9)


def test_perturbed_members_are_about_the_maximum_as_far_as_it_is_uncertain(
    atmosphere: World,
) -> None:
    options = {"model_error": 1e-2, "members": 6, "iterations": 5}
    some = estimated("fourdvar", atmosphere, perturbed=6, **options)
    assert list(some) == ["state"]
    assert some["state"].dims == ("member", *atmosphere.target["state"].dims)
    one = estimated("fourdvar", atmosphere, **options)
    apart = np.abs(some["state"] - one["state"]) / one["state_std"]
    assert 0.5 < float(apart.median()) < 1.1  # 0.67 of a normal distribution
    first = part(atmosphere, [0])
    alone = estimated("fourdvar", first, perturbed=6, **options)["state"]
    np.testing.assert_allclose(alone, some["state"].isel(window=[0]), rtol=0, atol=1e-6)


@pytest.mark.parametrize("with_states", [True, False])
def test_the_model_error_is_chosen_on_the_validation_windows(with_states: bool) -> None:
    """Of the exact model small, of a wrong one large; with and without known states."""
    chosen = {}
    for forcing in (8.0, 4.0):
        given = world(windows=3, times=40, told={"forcing": forcing}, with_states=with_states)
        method, model = METHODS["fourdvar"], model_of(given.inputs)
        start = guesses(given.inputs, model, 40, members=0, seed=0, device="cpu")
        windows = observations(given.inputs, role="validation")
        known = states(given.inputs, role="validation")
        chosen[forcing] = method.chosen(method.Search(model, start, 8), windows, known, 0)
    assert chosen[8.0] <= 1e-3 < chosen[4.0]


def test_a_drift_of_the_model_is_seen_in_the_training_states() -> None:
    given = world(windows=2, times=60, told={"forcing": 7.0})
    model, right = (model_of(w.inputs) for w in (given, world(windows=1, times=4)))
    known = states(given.inputs)
    assert known is not None
    repaired = METHODS["fourdvar"].corrected(model, known)
    torch.testing.assert_close(repaired.advance(known), right.advance(known), rtol=0, atol=1e-4)
    choices = {"model_error": 1e-5, "members": 0}
    wrong, mended = (
        error("fourdvar", given, correct_drift=drift, **choices) for drift in (False, True)
    )
    assert mended < 0.5 * wrong


@pytest.mark.parametrize(
    ("last", "expected"),
    [(0.1, [0.1]), (1e-3, [0.1, 0.01, 1e-3]), (5e-3, [0.1, 0.01, 5e-3])],
)
def test_the_ladder_ends_at_the_model_error(last: float, expected: list[float]) -> None:
    assert METHODS["fourdvar"].ladder(last) == pytest.approx(expected)


def test_the_descent_of_a_window_is_the_published_one() -> None:
    """One step down the batch mean of 16 windows, of a step of 1e4, is one step here."""
    given = world("lorenz96", windows=16, times=200, training_times=50)
    method = METHODS["fourdvar_fixed_step"]
    climate = method.climatology(given.inputs, cyclic=True)
    windows, model = method.observations(given.inputs), model_of(given.inputs)
    first = method.linear_interpolation(windows, climate.mean)
    scale = climate.variance.sqrt()
    at = (first / scale).requires_grad_()
    defect = at[:, 1:] - model.advance(at[:, :-1] * scale) / scale
    misfit = (at - windows.values / scale)[windows.observed]
    padded = (defect**2).sum() / at.numel()  # the mean is over all times, as is the count of values
    (slope,) = torch.autograd.grad(0.01 * (misfit**2).mean() + 0.99 * padded, at)
    expected = (at - 1e4 * slope).detach() * scale
    found = method.descend(windows, model, climate, iterations=1, step=2 * 0.99 * 1e4 / 128000)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


def test_a_window_with_one_observation_does_not_blow_up(atmosphere: World) -> None:
    given = without(atmosphere, {"window": 1, "time": slice(1, None)})
    given = without(given, {"window": 1, "component": slice(1, None)})
    assert np.isfinite(estimated("fourdvar_fixed_step", given, iterations=200)["state"]).all()


@pytest.mark.parametrize("method", QUICK)
@pytest.mark.parametrize("device", DEVICES)
def test_every_device_gives_the_same(atmosphere: World, method: str, device: str) -> None:
    found = estimated(method, atmosphere, device=device, **QUICK[method])
    expected = usual(method, atmosphere)
    for name in found:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-5)


@every(
    "method, options, message",
    [
        ("fourdvar", {"model_error": -1.0}, "model_error=-1.0"),
        ("fourdvar", {"model_error": 0.5}, "at most 0.1"),
        ("fourdvar", {"members": 1}, "members=1"),
        ("fourdvar", {"iterations": 0}, "at least 1 iteration"),
        ("fourdvar", {"members": 5, "perturbed": 6}, "perturbed=6; expected 0"),
        ("fourdvar", {"members": 801, "model_error": 0.1}, "training data have 800 states"),
        ("fourdvar_fixed_step", {"iterations": -1}, "iterations=-1"),
        ("fourdvar_fixed_step", {"step": 0.0}, "step above 0"),
        ("fourdvar_fixed_step", {"step": 1.9, "iterations": 2000}, "lower step, 1.9"),
        ("fourdvar_strong", {"segment": -1}, "segment=-1"),
        ("fourdvar_strong", {"growth": 0}, "growth=0"),
        ("fourdvar_strong", {"members": 1}, "members=1"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    atmosphere: World, method: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OceanbenchError, match=message) as stop:
        estimated(method, atmosphere, **options)
    assert "\n" not in str(stop.value)


def test_without_what_it_needs_it_says_so(atmosphere: World) -> None:
    known = {k: v for k, v in atmosphere.inputs.items() if "validation" not in k}
    with pytest.raises(OceanbenchError, match="no observations of role 'validation'"):
        estimated("fourdvar", replace(atmosphere, inputs=known))
    blind = {k: v for k, v in atmosphere.inputs.items() if "truth" not in k}
    with pytest.raises(OceanbenchError, match="no known training states"):
        estimated("fourdvar", replace(atmosphere, inputs=blind), correct_drift=True)
