"""Every baseline keeps the contract of a method."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path

import anywhere_scenes
import builders
import cycle_worlds
import numpy as np
import pytest
import torch
import window_worlds
import xarray as xr
from rows import every

from oceanbench.assimilation.fourdvarnet.anywhere.anywhere_mapping import AnywhereMapping
from oceanbench.assimilation.fourdvarnet.cycles.lag_window import LagConfiguration, LagSolver
from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration, network
from oceanbench.assimilation.fourdvarnet.maps.map_errors import SMOOTHNESS, ErrorStatistics
from oceanbench.assimilation.generative.maps.configuration import (
    MemberConfiguration,
    member_network,
)
from oceanbench.assimilation.learned_analysis import AnalysisNetwork
from oceanbench.assimilation.observations.along_track_errors import AlongTrack
from oceanbench.assimilation.uncertainty.spde import Spde
from oceanbench.challenge import Challenge
from oceanbench.data import shipped
from oceanbench.dynamics import models as of_torch
from oceanbench.errors import OceanbenchError
from oceanbench.kinds import CHALLENGE_KINDS
from oceanbench.kinds.cycles import models
from oceanbench.kinds.cycles.problem import SentObservations, SentProblem
from oceanbench.learning import ensembles
from oceanbench.methods.inputs import Inputs
from oceanbench.methods.method_file import load_method
from oceanbench.observing.noise import AltimeterError


def altimeter(seed: int, passes: int = 20, samples: int = 40) -> xr.Dataset:
    """Two dozen passes over and around the toy domain, at random hours."""
    random = np.random.default_rng(seed)
    time = np.concatenate(
        [
            builders.FIRST
            + np.timedelta64(int(hour), "h")
            + np.arange(samples) * np.timedelta64(1_000_000_000, "ns")
            for hour in np.sort(random.uniform(-200, 500, passes))
        ]
    )
    latitude = np.tile(np.linspace(32.5, 36.5, samples), passes)
    longitude = np.repeat(random.uniform(-66, -61, passes), samples) + (latitude - 34.5) / 3
    ssh = builders.smooth(time, latitude, longitude)
    order = np.argsort(time, kind="stable")
    coords = {"longitude": ("time", longitude[order]), "latitude": ("time", latitude[order])}
    return xr.Dataset(
        {"ssh": ("time", ssh[order], {"units": "m"})}, {"time": time[order], **coords}
    )


@pytest.fixture
def challenge(tmp_path: Path) -> Challenge:
    """Toy maps observed by two altimeters, with training maps outside the scored period."""
    builders.write(altimeter(1), tmp_path / "one.nc")
    builders.write(altimeter(2), tmp_path / "two.nc")
    training = builders.maps(first=np.datetime64("2013-02-01", "ns"))
    builders.write(training, tmp_path / "training.nc")
    track = {"role": "observations", "layout": "track", "variables": {"ssh": "ssh"}, "units": "m"}
    datasets = builders.MAPS["datasets"] | {
        "one": track | {"path": "one.nc"},
        "two": track | {"path": "two.nc"},
        "before": {"role": "training", "path": "training.nc", "variables": {"ssh": "ssh"}},
    }
    periods = {"training": ["2013-02-01", "2013-02-15"]}
    return builders.maps_challenge(tmp_path, datasets=datasets, periods=periods)


METHODS = {name: load_method(name)[1] for name in shipped.names("baselines")}
SLOW = ("bfn",)  # nudges an ocean model
TINY = {"first_guess": "mean", "days": 5, "hidden": 4, "iterations": 2, "error_size": 0.5}
OF_MAPS = [
    pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name
    for name, method in METHODS.items()
    if "maps" in method.KINDS
]
OF_CYCLES = [name for name, method in METHODS.items() if "cycles" in method.KINDS]
OF_CYCLES_LEARNED = {  # weights that have learned nothing
    "learned_analysis": lambda: AnalysisNetwork(channels=4, blocks=1, kernel=3).state_dict(),
    "fourdvarnet_cycle": lambda: LagSolver(
        of_torch.model("lorenz96", 0.05), LagConfiguration(3, 1, 1, reach=3, hidden=4)
    ).state_dict(),
}
ON_A_CIRCLE = ("fourdvarnet_spde",)  # components need neighbours
DRAWS = ("flow_matching", "fourdvarnet_spde", "scoring_rule_generator")  # members one by one
OF_WINDOWS = [name for name, method in METHODS.items() if "windows" in method.KINDS]


@every("name", METHODS)
def test_a_baseline_says_what_it_is_and_for_which_kinds(name: str) -> None:
    assert len((METHODS[name].__doc__ or "").split("\n")[0]) > 20
    assert set(METHODS[name].KINDS) <= set(CHALLENGE_KINDS)


@pytest.mark.parametrize(
    "system, name",
    [
        (system, name)
        for system in ("lorenz96", "amoc")
        for name in OF_WINDOWS
        if system == "lorenz96" or name not in ON_A_CIRCLE
    ],
)
def test_a_baseline_of_windows_fills_the_target_and_is_reproducible(name: str, system: str) -> None:
    method, world = METHODS[name], window_worlds.world(system, windows=2, times=13)
    arguments: dict = {"device": "cpu", "seed": 3}
    if name in DRAWS:
        arguments["members"] = 4
    weights = inspect.signature(method.estimate).parameters.get("weights")
    if weights is not None and weights.default is weights.empty:
        learning = {k: v for k, v in world.inputs.items() if k != "observations"}
        few = {"steps": 2, "members": 1}
        known = inspect.signature(method.train).parameters
        few = {option: count for option, count in few.items() if option in known}
        arguments["weights"] = method.train(learning, device="cpu", seed=3, **few)
    before = {name: dataset.copy(deep=True) for name, dataset in world.inputs.items()}
    first = method.estimate(world.inputs, world.target.copy(deep=True), **arguments)
    again = method.estimate(world.inputs, world.target.copy(deep=True), **arguments)
    assert set(first["state"].dims) - {"member"} == set(world.target["state"].dims)
    assert np.isfinite(first["state"]).all()
    xr.testing.assert_identical(first, again)
    for key, dataset in before.items():
        xr.testing.assert_identical(dataset, world.inputs[key])


@every("name", OF_CYCLES)
def test_a_baseline_of_cycles_keeps_its_members_finite_and_is_reproducible(name: str) -> None:
    """Through ten cycles of which one is without observations, and one sees half."""
    dynamics, truth = models.model("lorenz96", 0.05, {}), cycle_worlds.run(1, 300, seed=3)[0]
    learned = {"weights": OF_CYCLES_LEARNED[name]()} if name in OF_CYCLES_LEARNED else {}

    def cycled() -> list[np.ndarray]:
        problem = SentProblem(dynamics, 10, np.ones(cycle_worlds.SIZE), truth, {})
        memory, found = METHODS[name].start(problem, device="cpu", seed=3, **learned), []
        background = truth[100:300]
        for cycle in range(10):
            seen = np.arange({4: 0, 5: 4}.get(cycle, cycle_worlds.SIZE))
            observed = SentObservations(truth[cycle, seen] + 0.5, seen, np.ones(seen.size))
            before = background.copy()
            members, memory = METHODS[name].analyse(background, observed, memory)
            assert np.array_equal(background, before), "the background was changed"
            found.append(members)
            background = dynamics.advance(members)
        return found

    first, again = cycled(), cycled()
    assert {members.shape for members in first} == {first[0].shape}
    assert 1 <= len(first[0]) <= 200 and np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)
    if name != "climatology":
        error, climate = first[3].mean(0) - truth[3], truth.mean(0) - truth[3]
        assert np.abs(error).mean() < np.abs(climate).mean()  # drawn to what is seen


@every(
    "name, options, words",
    [
        ("ienks", {"lag": 11}, "lag=11, iterations=1; expected a lag of 0 to 10"),
        ("ienks", {"lag": -1}, "lag=-1"),
        ("ienks", {"iterations": 0}, "iterations=0"),
        (
            "static_oi",
            {"past": 10**12},
            "past=1000000000000, memory=10; expected a past of 0 to 10",
        ),
        ("static_oi", {"past": -1}, "past=-1"),
        ("static_oi", {"past": 2, "memory": 0.0}, "memory=0"),
        ("fourdvarnet_cycle", {"lag": 10**12}, "weights of lag=1000000000000, and a world has 10"),
    ],
)
def test_a_baseline_of_cycles_refuses_what_it_cannot_use(
    name: str, options: dict, words: str
) -> None:
    dynamics, climate = models.model("lorenz96", 0.05, {}), cycle_worlds.run(1, 30, seed=3)[0]
    problem = SentProblem(dynamics, 10, np.ones(cycle_worlds.SIZE), climate, {})
    if name in OF_CYCLES_LEARNED:
        told = {key: torch.tensor(value) for key, value in options.items()}
        options = {"weights": OF_CYCLES_LEARNED[name]() | told}
    with pytest.raises(OceanbenchError, match=words):
        METHODS[name].start(problem, device="cpu", seed=3, **options)


def test_static_oi_looks_at_no_more_observations_than_it_can_solve(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    method, states = METHODS["static_oi"], cycle_worlds.run(1, 30, seed=3)[0]
    dynamics, every_one = models.model("lorenz96", 0.05, {}), np.arange(cycle_worlds.SIZE)
    problem = SentProblem(dynamics, 10, np.ones(cycle_worlds.SIZE), states, {})
    memory = method.start(problem, device="cpu", seed=3, past=9)
    monkeypatch.setattr(method, "MOST_OBSERVATIONS", 2 * cycle_worlds.SIZE)
    observed = SentObservations(states[0], every_one, np.ones(cycle_worlds.SIZE))
    for _ in range(2):
        method.analyse(states[:1], observed, memory)
    with pytest.raises(OceanbenchError, match="past=9: 24 observations at once, expected at most"):
        method.analyse(states[:1], observed, memory)


def untrained(recipe: MapConfiguration) -> dict[str, torch.Tensor]:
    """Weights of two networks for maps that have learned nothing, and what is known of them."""
    members: dict[str, torch.Tensor] = {}
    with torch.random.fork_rng(devices=[]):
        for number in range(2):
            torch.manual_seed(number)
            members |= {f"{number}.{k}": v for k, v in network(recipe).state_dict().items()}
    scale = {"mean": torch.tensor(0.0), "deviation": torch.tensor(0.3)}
    field = Spde(length=80.0, std=0.2, time=10.0, smoothness=SMOOTHNESS)
    altimeter = AltimeterError(0.03, 0.02, 150.0)
    errors = ErrorStatistics(2.0, field, field, altimeter).tensors()
    errors |= AlongTrack(0.02, 25.0, altimeter).tensors()
    return scale | ensembles.as_tensors(recipe) | members | errors


def untrained_members() -> dict[str, torch.Tensor]:
    """Weights of a network of members that has learned nothing, about such a mapping."""
    recipe = MemberConfiguration(hidden=4, features=4)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        own = {f"0.{k}": v for k, v in member_network(recipe).state_dict().items()}
    base = untrained(replace(METHODS["fourdvarnet"].PRESETS["cpu"], **TINY))
    units = {"mean": 0.0, "deviation": 0.3, "size": 0.02, "spread": 1.0}
    scale = {key: torch.tensor(value) for key, value in units.items()}
    mapping = {f"base0.{key}": value for key, value in base.items()}
    return scale | ensembles.as_tensors(recipe) | own | mapping


@pytest.mark.parametrize("name", OF_MAPS)
def test_a_baseline_fills_the_target_and_is_reproducible(name: str, challenge: Challenge) -> None:
    method = METHODS[name]
    target = challenge.target()
    before = target.copy(deep=True)
    arguments: dict = {"device": "cpu", "seed": 3}
    if isinstance(getattr(method, "MAPPING", None), AnywhereMapping):
        arguments |= {"weights": anywhere_scenes.untrained(), "first_guess": "smooth"}
    elif name == "fourdvarnet_members":
        arguments |= {"weights": untrained_members(), "members": 3}
    elif hasattr(method, "PRESETS"):
        arguments["weights"] = untrained(replace(method.PRESETS["cpu"], **TINY))
    first = method.estimate(Inputs(challenge), target, **arguments)
    again = method.estimate(Inputs(challenge), challenge.target(), **arguments)
    xr.testing.assert_identical(target, before)
    assert tuple(d for d in first["ssh"].dims if d != "member") == target["ssh"].dims
    assert np.isfinite(first["ssh"]).all()
    xr.testing.assert_identical(first, again)


def test_the_mean_field_is_the_mean_of_the_training_maps(challenge: Challenge) -> None:
    _, method = load_method("mean_field")
    found = method.estimate(Inputs(challenge), challenge.target(), device="cpu", seed=0)["ssh"]
    expected = challenge.open("before")["ssh"].mean("time")
    np.testing.assert_allclose(found.isel(time=4), expected, rtol=1e-12)
    assert float(found.std("time").max()) < 1e-12
    given = Inputs(challenge), challenge.target()
    days = challenge.open("before")["ssh"]
    some = method.estimate(*given, device="cpu", seed=0, members=3)["ssh"]
    for member, day in enumerate((0, round((days.sizes["time"] - 1) / 2), -1)):
        expected = days.isel(time=day)
        np.testing.assert_allclose(some.isel(member=member, time=4), expected, rtol=1e-12)
    with pytest.raises(OceanbenchError, match="members=1: expected from 2 to"):
        method.estimate(*given, device="cpu", seed=0, members=1)


def test_without_training_maps_the_mean_field_is_that_of_the_observations(
    challenge: Challenge,
) -> None:
    _, method = load_method("mean_field")
    inputs = {k: v for k, v in Inputs(challenge).items() if k != "before"}
    constant = {k: v.assign(ssh=v["ssh"] * 0 + 0.7) for k, v in inputs.items()}
    found = method.estimate(constant, challenge.target(), device="cpu", seed=0)["ssh"]
    np.testing.assert_allclose(found, 0.7, rtol=1e-12)
