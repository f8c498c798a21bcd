"""The two 4DVarNets on challenges of windows, trained for a few seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import ModuleType

import numpy as np
import pytest
import torch
import xarray as xr
from rows import every
from window_worlds import World, world

from oceanbench.assimilation.fourdvarnet.windows import training_windows
from oceanbench.assimilation.fourdvarnet.windows.configuration import WindowConfiguration, network
from oceanbench.assimilation.fourdvarnet.windows.inference import estimate_members
from oceanbench.assimilation.fourdvarnet.windows.learned_windows import LearnedWindows
from oceanbench.assimilation.fourdvarnet.windows.training import train_members
from oceanbench.assimilation.gaussian.window_interpolation import learned
from oceanbench.assimilation.window_batches import model_of, observations, states
from oceanbench.errors import OceanbenchError
from oceanbench.learning.ensembles import configuration_of, load_networks
from oceanbench.methods.method_file import load_method

METHODS = {name: load_method(name)[1] for name in ("fourdvarnet_ode", "fourdvarnet_conv")}
SMALL = WindowConfiguration(
    dynamical=False,
    hidden=6,
    kernel=3,
    length=24,
    batch=6,
    iterations=5,
    applied=6,
    steps=40,
    rate=1e-2,
)
SOLVING = {"solver": "incremental", "iterations": 2, "applied": 4, "inner": 5, "begun": 40}


@cache
def lorenz(*, with_states: bool = True) -> World:
    """Windows of Lorenz-96; nobody changes them."""
    return world(windows=4, times=40, training_runs=1, training_times=800, with_states=with_states)


@cache
def overturning() -> World:
    """Windows of two samplings, one of them sparse."""
    dense, sparse = (
        world("amoc", windows=3, times=50, steps=steps, training_times=200) for steps in (4, 9)
    )
    inputs = {
        name: xr.concat([dense.inputs[name], sparse.inputs[name]], "sampling")
        if name.endswith("observations")
        else dataset
        for name, dataset in dense.inputs.items()
    }
    return World(inputs, xr.concat([dense.target, sparse.target], "sampling"), dense.truth)


WORLDS = {"lorenz96": lorenz, "amoc": overturning}


def rmse(values: np.ndarray, truth: xr.DataArray) -> float:
    return float(np.sqrt(np.mean((values - truth.values) ** 2)))


def guess_of(made: World) -> np.ndarray:
    """First guess on the coordinates of the target."""
    windows, cyclic = observations(made.inputs), model_of(made.inputs).cyclic
    found = training_windows.first_guess(
        windows, *learned(made.inputs, windows.values.shape[1], cyclic=cyclic)
    )
    return found.numpy().reshape(made.target["state"].shape)


def shortened(method: ModuleType, cyclic: bool) -> WindowConfiguration:
    """Configuration of a method file with a small network."""
    if method.CONFIGURATIONS[cyclic].dynamical:
        sizes = {"length": 24, "batch": 2, "iterations": 6, "steps": 3, "checked": 4}
        return replace(method.CONFIGURATIONS[cyclic], **sizes)
    return replace(
        SMALL,
        coarsen=method.CONFIGURATIONS[cyclic].coarsen,
        substeps=0 if cyclic else 1,
        length=24 if cyclic else 50,
        kernel=3 if cyclic else 5,
        prior_hidden=8,
    )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Method files with small networks."""
    for method in METHODS.values():
        configurations = {cyclic: shortened(method, cyclic) for cyclic in (True, False)}
        monkeypatch.setattr(method, "CONFIGURATIONS", configurations)
        if method.NAME == "fourdvarnet_conv":
            solvers = {
                "lstm": configurations,
                "incremental": {c: replace(v, **SOLVING) for c, v in configurations.items()},
            }
            monkeypatch.setattr(method, "train", LearnedWindows(method.NAME, solvers).train)


def alone(method: ModuleType) -> dict[str, int]:
    """Options that ask for one member, where a method has several."""
    return {"member": 0} if method.NAME == "fourdvarnet_conv" else {}


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", WORLDS)
def test_it_learns_to_improve_its_first_guess(small: None, name: str, kind: str) -> None:
    """On windows that it has never seen, of all samplings, with one network."""
    made, method = WORLDS[kind](), METHODS[name]
    few = {"members": 1} if method.NAME == "fourdvarnet_conv" else {}
    weights = method.train(made.inputs, device="cpu", seed=0, **few)
    found = method.estimate(
        made.inputs, made.target, device="cpu", seed=0, weights=weights, **alone(method)
    )
    assert found["state"].dims == made.target["state"].dims
    share = {"fourdvarnet_ode": 0.9, "fourdvarnet_conv": 0.99}[name]
    assert rmse(found["state"].values, made.truth) < share * rmse(guess_of(made), made.truth)


def test_it_learns_from_observations_alone(small: None) -> None:
    """With the equations, but without any state: neither those of training nor of validation."""
    made, method = lorenz(with_states=False), METHODS["fourdvarnet_ode"]
    assert states(made.inputs) is None
    weights = method.train(made.inputs, device="cpu", seed=0)
    found = method.estimate(
        made.inputs, made.target, device="cpu", seed=0, weights=weights, **alone(method)
    )
    assert rmse(found["state"].values, made.truth) < 0.95 * rmse(guess_of(made), made.truth)


@pytest.mark.slow
def test_without_states_and_equations_the_held_out_observations_teach(small: None) -> None:
    """A longer training brings the estimate closer to the truth, which it never sees."""
    made, method = lorenz(with_states=False), METHODS["fourdvarnet_conv"]
    errors = []
    for steps in (2, 40):
        weights = method.train(made.inputs, device="cpu", seed=0, members=1, steps=steps)
        found = method.estimate(
            made.inputs, made.target, device="cpu", seed=0, weights=weights, member=0
        )
        errors.append(rmse(found["state"].values, made.truth))
    assert errors[1] < errors[0]
    assert errors[1] < 1.1 * rmse(guess_of(made), made.truth)


def trained(
    made: World, members: int = 1, seed: int = 0, steps: int = 3
) -> dict[str, torch.Tensor]:
    configuration = replace(SMALL, steps=steps)
    return train_members(
        made.inputs, configuration, name="mine", members=members, seed=seed, device="cpu"
    )


def test_members_are_an_ensemble(small: None) -> None:
    """Each is the network that its own seed gives alone; all of them are a dimension."""
    made, method = lorenz(), METHODS["fourdvarnet_conv"]

    def estimate(weights: Mapping[str, torch.Tensor], **options: int) -> xr.DataArray:
        found = method.estimate(
            made.inputs, made.target, device="cpu", seed=0, weights=weights, **options
        )
        return found["state"]

    weights = method.train(made.inputs, device="cpu", seed=4, members=2, steps=3)
    second = method.train(made.inputs, device="cpu", seed=5, members=1, steps=3)
    both = estimate(weights)
    assert both.dims == ("member", "window", "time", "component")
    assert both.sizes["member"] == 2
    for number in range(2):
        xr.testing.assert_equal(both.isel(member=number), estimate(weights, member=number))
    xr.testing.assert_equal(estimate(second, member=0), estimate(weights, member=1))
    assert float(both.std("member").max()) > 0


def test_training_is_the_same_again_and_leaves_the_random_numbers_of_others_alone() -> None:
    made = lorenz()
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first, second = trained(made), trained(made)
    assert torch.equal(torch.rand(1), expected)
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_training_is_resumed_from_its_folder(tmp_path, small: None) -> None:
    made, method = lorenz(), METHODS["fourdvarnet_ode"]
    options = {"device": "cpu", "seed": 0, "steps": 3, "checkpoint": str(tmp_path)}
    first = method.train(made.inputs, **options)
    assert [file.name for file in tmp_path.iterdir()] == ["fourdvarnet_ode-0.safetensors"]
    again = method.train(made.inputs, **options)
    assert all(torch.equal(value, again[name]) for name, value in first.items())


@pytest.mark.parametrize("kind", WORLDS)
def test_a_window_is_estimated_alone_as_among_others(kind: str) -> None:
    made = WORLDS[kind]()
    configuration = replace(SMALL, length=50, steps=2)
    weights = train_members(
        made.inputs, configuration, name="mine", members=1, seed=0, device="cpu"
    )
    together = estimate_members(made.inputs, weights, name="mine", member=0)
    alone = made.inputs | {"observations": made.inputs["observations"].isel(window=[1])}
    found = estimate_members(alone, weights, name="mine", member=0)
    windows = made.truth.sizes["window"]
    scale = float(together.std())
    torch.testing.assert_close(found, together[1::windows], rtol=0, atol=1e-5 * scale)


def test_windows_are_cut_where_the_sampling_begins() -> None:
    """Regular sampling: at an observation; clusters: at their first; random times: anywhere."""
    regular = torch.arange(20) % 5 == 0
    clusters = torch.arange(20) % 6 < 2
    chance = torch.zeros(20, dtype=torch.bool)
    chance[[3, 11]] = True
    found = training_windows.starts(torch.stack([regular, clusters, chance])[..., None], 10)
    first = [found[found[:, 0] == row, 1].tolist() for row in range(3)]
    assert first == [[0, 5, 10], [0, 6], list(range(11))]


def test_lessons_are_observed_like_windows_with_fresh_noise() -> None:
    """The mask is one of the training observations'; the noise has their variance."""
    made = lorenz()
    runs = training_windows.training_runs(made.inputs, "training", 24, cyclic=True)
    batch = runs.draw(200, torch.Generator().manual_seed(0))
    assert batch.values.shape == (200, 1, 24, 40)
    seen = batch.observed[:, 0].sum(-1)
    assert set(seen[:, ::4].flatten().tolist()) == {20}
    assert int(seen.sum()) == 200 * 6 * 20
    noise = ((batch.values - batch.wanted) * runs.scales.deviation[0])[batch.observed]
    assert float(noise.var()) == pytest.approx(2.0, rel=0.03)
    again = runs.draw(200, torch.Generator().manual_seed(1))
    assert not torch.equal(again.values, batch.values)


def test_every_sampling_is_drawn_as_often() -> None:
    """Though the dense one has twice as many places where a window may begin."""
    runs = training_windows.training_runs(overturning().inputs, "training", 50, cyclic=False)
    batch = runs.draw(400, torch.Generator().manual_seed(0))
    sparse = batch.observed.sum((1, 2, 3)) == 3 * 6
    assert float(sparse.double().mean()) == pytest.approx(0.5, abs=0.06)


def test_where_no_state_is_known_what_is_held_out_is_not_given() -> None:
    made = lorenz(with_states=False)
    runs = training_windows.training_runs(made.inputs, "training", 24, cyclic=True)
    batch = runs.draw(50, torch.Generator().manual_seed(0))
    held = batch.weight > 0
    assert not (held & batch.observed).any()
    assert float(held.sum() / (held | batch.observed).sum()) == pytest.approx(0.19, abs=0.02)
    hidden = runs.scales.states(batch.values)[batch.weight[:, 0] > 0]
    assert float(hidden.abs().max()) < 1e-4  # the filling, not the observation


def test_the_windows_of_validation_cover_the_runs_without_overlap() -> None:
    """Those of all windows of one sampling, then of the next, against the same states."""
    made = overturning()
    runs = training_windows.training_runs(made.inputs, "validation", 12, cyclic=False)
    known = states(made.inputs, role="validation")
    assert known is not None
    batch = runs.all(10_000, torch.Generator().manual_seed(0))
    count, times = known.shape[:2]
    dense = known[:, : times - times % 12].reshape(-1, 12, 3)
    torch.testing.assert_close(batch.wanted[: len(dense)], runs.scales.maps(dense))
    sparse = [
        known[run, first : first + 12] for run in range(count) for first in range(0, times, 18)
    ]
    fitting = torch.stack([window for window in sparse if len(window) == 12])
    torch.testing.assert_close(batch.wanted[len(dense) :], runs.scales.maps(fitting))
    assert len(runs.all(5, torch.Generator().manual_seed(0)).values) <= 5


@pytest.mark.parametrize("change", ["other method", "other sizes", "part", "other world"])
def test_foreign_weights_are_refused_in_one_line(change: str) -> None:
    made = lorenz()
    weights = trained(made, steps=1)
    if change == "other method":
        weights = {"length_factor": torch.ones(())}
    elif change == "other sizes":
        weights["recipe.hidden"] = torch.tensor(9)
    elif change == "part":
        del weights["recipe.length"]
    else:
        made = overturning()
    with pytest.raises(OceanbenchError, match=r"^mine: .*; train") as refused:
        estimate_members(made.inputs, weights, name="mine")
    assert "\n" not in str(refused.value)


def test_what_cannot_be_is_refused() -> None:
    made = lorenz()
    weights = trained(made, steps=1)
    with pytest.raises(OceanbenchError, match="no member 1; there are 1, from 0 on"):
        estimate_members(made.inputs, weights, name="mine", member=1)
    with pytest.raises(OceanbenchError, match="0 members; train at least one"):
        trained(made, members=0)


def test_windows_are_at_most_as_long_as_the_runs() -> None:
    assert (
        training_windows.training_runs(overturning().inputs, "training", 900, cyclic=False).length
        == 200
    )


@every(
    "name, options, said",
    [
        ("fourdvarnet_conv", {"solver": "lbfgs"}, r"solver=lbfgs: unknown; .*incremental, lstm"),
        ("fourdvarnet_conv", {"derivative": "implicit"}, "ends at no minimum; take solver="),
        ("fourdvarnet_conv", {"derivative": "explicit"}, r"did you mean 'implicit'\?"),
        ("fourdvarnet_conv", {"from_states": True}, "only the prior of solver=incremental can"),
        ("fourdvarnet_ode", {"derivative": "alternate"}, "fitted to states first, and held"),
        ("fourdvarnet_spde", {"smoothness": 2}, "smoothness=2, .*; expected one of"),
    ],
)
def test_solvers_and_derivatives_that_cannot_be_are_refused_in_one_line(
    name: str, options: dict[str, str | bool], said: str
) -> None:
    with pytest.raises(OceanbenchError, match=said) as refused:
        load_method(name)[1].train(lorenz().inputs, device="cpu", seed=0, **options)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("derivative", ["unrolled", "implicit", "alternate"])
def test_the_incremental_solver_learns(small: None, derivative: str) -> None:
    """Its prior and weights move; in a short training it is better than the mean state."""
    made, method = lorenz(), METHODS["fourdvarnet_conv"]
    options = {"device": "cpu", "seed": 0, "members": 1, "solver": "incremental"}
    first, weights = (
        method.train(made.inputs, steps=steps, derivative=derivative, **options) for steps in (1, 4)
    )
    moved = {name for name in first if not torch.equal(first[name], weights[name])}
    assert {"0.log_prior_weight", "0.log_observation_weight", "0.prior.enter.weight"} <= moved
    found = method.estimate(
        made.inputs, made.target, device="cpu", seed=0, weights=weights, member=0
    )
    assert rmse(found["state"].values, made.truth) < 0.75 * float(made.truth.std())


def test_a_prior_from_states_alone_does_not_see_what_was_observed(small: None) -> None:
    """Other values observed leave all weights as they are; states are predicted better."""
    made, method = lorenz(), METHODS["fourdvarnet_conv"]
    options = {"device": "cpu", "seed": 0, "members": 1, "solver": "incremental"}
    others = {
        name: dataset + 3.0 if name.endswith("observations") else dataset
        for name, dataset in made.inputs.items()
    }
    others = {name: d.assign_attrs(made.inputs[name].attrs) for name, d in others.items()}
    first, again = (
        method.train(inputs, steps=30, from_states=True, **options)
        for inputs in (made.inputs, others)
    )
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    model, runs = (
        model_of(made.inputs),
        training_windows.training_runs(made.inputs, "validation", 24, cyclic=True),
    )
    configuration = configuration_of(WindowConfiguration, first, "mine")
    (net,) = load_networks(
        lambda: network(configuration, model, runs.scales, runs.noisy.variance), first, name="mine"
    )
    states = runs.states(20, torch.Generator().manual_seed(0))
    with torch.no_grad():
        missed = (states - net.prior(states)).square().mean().sqrt()
    assert float(missed) < 0.8 * float(states.std())


def test_without_states_there_is_none_to_learn_from(small: None) -> None:
    with pytest.raises(OceanbenchError, match="no known training states; leave it out"):
        METHODS["fourdvarnet_conv"].train(
            lorenz(with_states=False).inputs,
            device="cpu", seed=0, members=1, solver="incremental", from_states=True,
        )  # fmt: skip


def test_spreads_are_calibrated_on_the_validation_windows(small: None) -> None:
    """Stretched members keep their mean; each sampling has a factor, its own windows' error.

    The factor of perturbed ones is fitted, so that with the validation windows in place of those to
    be estimated their spread is as large as their error.
    """
    made, method = overturning(), METHODS["fourdvarnet_conv"]
    weights = method.train(made.inputs, device="cpu", seed=0, members=3, steps=8)
    known = {
        "observations": made.inputs["validation_observations"].assign_attrs(role="observations")
    }
    truth = made.inputs["validation_truth"]["state"]

    def estimate(inputs: Mapping[str, xr.Dataset], **options: int) -> xr.DataArray:
        given = {"device": "cpu", "seed": 0, "weights": weights} | options
        return method.estimate(inputs, made.target, **given)["state"]

    plain, stretched = (estimate(made.inputs, calibrated=c) for c in (False, True))
    np.testing.assert_allclose(stretched.mean("member"), plain.mean("member"), atol=1e-10)
    ratio = (stretched.std("member") / plain.std("member")).transpose("sampling", ...).values
    factors = ratio.reshape(2, -1)
    np.testing.assert_allclose(factors, factors[:, :1].repeat(factors.shape[1], 1), rtol=1e-6)
    assert abs(factors[0, 0] / factors[1, 0] - 1.0) > 1e-3
    for options, members in (({"calibrated": True}, 3), ({"perturbed": 40, "member": 0}, 40)):
        found = estimate(made.inputs | known, **options)
        error = ((found.mean("member") - truth) ** 2).mean(("window", "time", "component"))
        spread = found.var("member", ddof=1).mean(("window", "time", "component"))
        held = np.sqrt((1.0 + 1.0 / members) * spread / error)
        np.testing.assert_allclose(held, 1.0, atol=1e-6 if members == 3 else 0.35)
    without = {n: d for n, d in made.inputs.items() if n != "validation_truth"}
    for inputs, options, said in (
        (made.inputs, {"calibrated": True, "member": 0}, "calibrate all members of an ensemble"),
        (made.inputs, {"perturbed": 1}, "perturb at least 2 times"),
        (without, {"calibrated": True}, "calibrated on validation windows, of which"),
    ):
        with pytest.raises(OceanbenchError, match=said):
            estimate(inputs, **options)
