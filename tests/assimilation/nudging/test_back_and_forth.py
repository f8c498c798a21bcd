"""Back-and-forth nudging finds the truth that it is shown, and keeps what it is not shown."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from rows import every

from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.gaussian.optimal_interpolation import Observations, solve
from oceanbench.assimilation.gaussian.posterior_fields import maps
from oceanbench.assimilation.nudging.back_and_forth import (
    Nudging,
    back_and_forth,
    blend,
    sponge,
    window_starts,
)
from oceanbench.assimilation.nudging.withheld_weight import withheld_weight
from oceanbench.assimilation.observations.superobservations import kilometres, samples
from oceanbench.dynamics import reduced_gravity as qg
from oceanbench.errors import OceanbenchError
from oceanbench.methods.method_file import load_method

SCHEME = Nudging(hours=6.0, days=1.0, km=50.0, iterations=5, tolerance=1e-3)
POINTS, STEP = 33, 25e3
HOURS, STEPS = 2.0, 84


def observations(time: list[float], x: list[float], y: list[float]) -> Observations:
    columns = (np.array(a, dtype=float) for a in (time, x, y, [0.0] * len(x), [0.1] * len(x)))
    return Observations(*columns)


def test_weight_of_one_observation_is_its_closed_form():
    """S / (1 + S) with S = exp(-(dt/τ)² - (d/D)²); half at the observation itself."""
    axis = np.linspace(0, 100, 5)
    weight = SCHEME.weight(observations([3.0], [50.0], [25.0]), [3.0, 3.5, 7.0], axis, axis)
    assert weight.shape == (3, 5, 5)
    assert float(weight[0, 1, 2]) == 0.5
    total = math.exp(-(0.5**2) - (25**2 + 50**2) / 50**2)
    assert float(weight[1, 3, 3]) == pytest.approx(total / (1 + total))
    assert float(weight[2].max()) == 0.0


def test_weight_amid_many_observations_tends_to_one():
    many = observations([0.0] * 100, [50.0] * 100, [50.0] * 100)
    weight = SCHEME.weight(many, [0.0], np.array([50.0]), np.array([50.0]))
    assert float(weight) == pytest.approx(100 / 101)


def test_a_relaxation_everywhere_is_added_to_it():
    """T / T_b, so that far from observations the time of relaxation is T_b."""
    axis, one = np.linspace(0, 100, 5), observations([3.0], [50.0], [25.0])
    slow = replace(SCHEME, everywhere_days=5.0)
    weight = slow.weight(one, [3.0, 30.0], axis, axis)
    torch.testing.assert_close(weight, SCHEME.weight(one, [3.0, 30.0], axis, axis) + 0.05)
    far = slow.nudged(torch.ones(1).double(), torch.zeros(1).double(), weight[1, 0, :1], 5 * 24.0)
    assert float(far) == pytest.approx(1 / math.e)
    with pytest.raises(OceanbenchError, match="everywhere_days is -1"):
        replace(SCHEME, everywhere_days=-1.0)


def test_relaxation_is_exact_whatever_the_step():
    """Two half steps are one step, and after T a fraction 1/e of the distance is left."""
    state, target, weight = (torch.tensor([v], dtype=torch.float64) for v in (3.0, 1.0, 0.7))
    halves = SCHEME.nudged(SCHEME.nudged(state, target, weight, 1.0), target, weight, 1.0)
    torch.testing.assert_close(halves, SCHEME.nudged(state, target, weight, 2.0))
    left = SCHEME.nudged(state, target, torch.ones(1, dtype=torch.float64), SCHEME.hours)
    assert float(left) == pytest.approx(1 + 2 / math.e)


def rotation(state: torch.Tensor, level: int, following: int) -> torch.Tensor:
    """An oscillator: exactly reversible."""
    angle = torch.tensor(0.1 * (following - level), dtype=torch.float64)
    c, s = torch.cos(angle), torch.sin(angle)
    return torch.stack([c * state[0] - s * state[1], s * state[0] + c * state[1]])


def test_without_observations_the_free_trajectory_comes_back():
    start = torch.tensor([1.0, 0.0], dtype=torch.float64)
    found = back_and_forth(start, rotation, SCHEME, limit=10.0, steps=20, every=5)
    assert found.iterations == 2 and found.change < 1e-12
    expected = torch.stack([rotation(start, 0, n) for n in range(0, 21, 5)])
    torch.testing.assert_close(found.states, expected)


def test_observing_one_component_of_an_oscillator_finds_both():
    """Nudging the position alone corrects the velocity, from a start that is wrong in both."""
    start = torch.tensor([1.0, 0.0], dtype=torch.float64)

    def step(state, level, following):
        state, truth = rotation(state, level, following), rotation(start, 0, following)
        seen = torch.tensor([1.0, 0.0], dtype=torch.float64)
        return SCHEME.nudged(state, truth, seen, 1.0)

    scheme = Nudging(6.0, 1.0, 50.0, iterations=5, tolerance=0.0)
    found = back_and_forth(torch.tensor([-0.5, 2.0]).double(), step, scheme, limit=10.0, steps=60)
    expected = torch.stack([rotation(start, 0, n) for n in range(61)])
    assert float((found.states - expected).abs().max()) < 1e-3


class Twin:
    """A known flow of the model itself, over a week; time is counted in levels."""

    def __init__(self) -> None:
        parameters = qg.Parameters(dissipation_time=2 * qg.DAY)
        self.model = qg.operators(parameters, POINTS, POINTS, (STEP, STEP))
        a = torch.linspace(0, math.pi, POINTS, dtype=torch.float64)
        x, y = a, a[:, None]
        eddies = torch.sin(2 * x) ** 2 * (x < math.pi / 2) * torch.sin(y) ** 2 * torch.sin(3 * y)
        # 0.5 m/s eastward through the box
        self.edge = -0.5 * parameters.coriolis / parameters.gravity * STEP * POINTS / math.pi * y
        self.edge = self.edge.expand(POINTS, POINTS).contiguous()
        height = self.edge + 0.2 * eddies
        states = [qg.potential_vorticity(height, self.model)]
        for _ in range(STEPS):
            states.append(self.advance(states[-1], 1))
        self.truth = torch.stack(states)

    def advance(self, state: torch.Tensor, sign: int) -> torch.Tensor:
        edges = (self.edge.expand_as(state), self.edge.expand_as(state))
        return qg.advance(state, edges, self.model, time_step=sign * HOURS * 3600)

    def error(self, states: torch.Tensor, columns: slice) -> float:
        """Error of the eddies' height in some columns, relative to their rms."""
        found, truth = (
            (qg.sea_surface_height(q, self.edge, self.model) - self.edge)[..., columns]
            for q in (states, self.truth[::12])
        )
        return float((found - truth).norm() / truth.norm())

    def assimilate(self, weight: torch.Tensor, start: torch.Tensor, iterations: int = 5):
        def step(state, level, following):
            state = self.advance(state, following - level)
            return SCHEME.nudged(state, self.truth[following], weight, HOURS)

        scheme = Nudging(6.0, 1.0, 50.0, iterations, 1e-4)
        return back_and_forth(start, step, scheme, limit=1e-3, steps=STEPS, every=12)


@pytest.fixture(scope="module")
def twin() -> Twin:
    return Twin()


def test_full_perfect_observations_bring_the_twin_to_the_truth(twin):
    """From the mean flow alone; what is left is that the backward pass, too, dissipates."""
    start = qg.potential_vorticity(twin.edge, twin.model)
    found = twin.assimilate(torch.ones_like(twin.edge), start)
    assert found.change < 1e-4 and found.iterations <= 4
    assert twin.error(found.states, slice(None)) < 0.01


def test_the_flow_carries_what_was_seen_into_what_was_not(twin):
    """The western half is observed; the eddies are found in the eastern half, too."""
    weight = torch.zeros_like(twin.edge)
    weight[:, : POINTS // 2] = 1.0
    start = qg.potential_vorticity(twin.edge, twin.model)
    unseen = slice(POINTS // 2 + 2, None)
    found = twin.assimilate(weight, start)
    assert twin.error(found.states, slice(POINTS // 2)) < 0.05
    assert twin.error(found.states, unseen) < 0.6


def test_windows_of_a_batch_do_not_see_each_other(twin):
    weight = torch.full_like(twin.edge, 0.5)
    starts = torch.stack([0 * twin.edge, 0.5 * twin.truth[0]])
    together = twin.assimilate(weight, starts, iterations=1).states
    for number, start in enumerate(starts):
        alone = twin.assimilate(weight, start, iterations=1).states
        torch.testing.assert_close(together[:, number], alone, rtol=1e-10, atol=1e-16)


@every("factor", [10.0, math.nan])
def test_a_flow_that_blows_up_is_an_error(factor):
    with pytest.raises(OceanbenchError, match=r"blew up in a forward pass, at step .*shorten"):
        back_and_forth(torch.ones(2), lambda q, _, __: factor * q, SCHEME, limit=1e3, steps=8)


def test_a_flow_that_blows_up_backward_only_is_an_error():
    def step(state, level, following):
        return state * (1.0 if following > level else 10.0)

    with pytest.raises(OceanbenchError, match="blew up in a backward pass, at step 4 of 8"):
        back_and_forth(torch.ones(2), step, SCHEME, limit=1e3, steps=8, every=4)


@every("steps", [(0, 1), (8, 3), (8, 0)])
def test_steps_that_do_not_divide_are_refused(steps):
    with pytest.raises(OceanbenchError, match="expected a positive multiple"):
        back_and_forth(torch.ones(2), rotation, SCHEME, limit=10.0, steps=steps[0], every=steps[1])


@every(
    "name, value, least",
    [("hours", 0, 0), ("days", -1, 0), ("km", math.nan, 0), ("iterations", -1, -1)],
)
def test_a_scheme_that_does_nothing_is_refused(name, value, least):
    options = {"hours": 6.0, "days": 1.0, "km": 50.0, "iterations": 2, "tolerance": 0.0}
    with pytest.raises(OceanbenchError, match=f"{name} is {value}; expected more than {least}"):
        Nudging(**(options | {name: value}))


def test_sponge_is_one_on_the_edge_and_zero_inside():
    axis = np.linspace(0, 400, 9)
    weight = sponge(axis, axis, 100.0)
    assert torch.equal(weight[0], torch.ones(9).double())
    torch.testing.assert_close(weight[4, 1], torch.tensor(0.5).double())
    assert float(weight[2:-2, 2:-2].abs().max()) < 1e-12
    rim = sponge(axis, axis, 0.0)
    assert float(rim.sum()) == pytest.approx(32) and float(rim[1:-1, 1:-1].max()) < 1e-12


@given(
    days=st.integers(1, 60),
    length=st.integers(2, 15),
    stride=st.integers(1, 7),
    seed=st.integers(0),
)
def test_blended_windows_cover_every_day_and_keep_what_they_agree_on(days, length, stride, seed):
    stride = min(stride, length // 2)
    starts = window_starts(0, days - 1, length=length, stride=stride)
    field = np.random.default_rng(seed).normal(size=(200, 2))
    windows = np.stack([field[s + 50 : s + 51 + length] for s in starts])
    found = blend(windows, starts, np.arange(days))
    np.testing.assert_allclose(found, field[50 : 50 + days], atol=1e-12)


def test_the_centre_of_a_window_counts_most():
    windows = np.stack([np.zeros((9, 1)), np.ones((9, 1))])
    found = blend(windows, np.array([0, 4]), np.array([4, 5, 6, 8]))[:, 0]
    np.testing.assert_allclose(found, [0.0, 1 / 10, 0.5, 1.0])


def test_windows_that_leave_gaps_are_refused():
    with pytest.raises(OceanbenchError, match="a stride from 1 to 4"):
        window_starts(0, 10, length=8, stride=5)
    with pytest.raises(OceanbenchError, match="day 30 is inside no window"):
        blend(np.zeros((1, 9, 1)), np.array([0]), np.array([3, 30]))


FIRST = np.datetime64("2020-01-01", "ns")


def world(time: np.ndarray, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """An eddy of 100 km that drifts east by 3 km a day, in metres."""
    days = (time - FIRST) / np.timedelta64(1, "D")
    x = (longitude - 300) * 111.2 * np.cos(np.deg2rad(38)) - 3.0 * days
    y = (latitude - 38) * 111.2
    return 0.3 * np.exp(-(x**2 + y**2) / 100.0**2)


def track(seed: int, passes: int = 30, samples: int = 60) -> xr.Dataset:
    random = np.random.default_rng(seed)
    begin = np.sort(random.uniform(-24 * 12, 24 * 20, passes))
    time = np.concatenate(
        [
            FIRST + np.timedelta64(int(h * 3600), "s") + np.arange(samples) * np.timedelta64(1, "s")
            for h in begin
        ]
    )
    latitude = np.tile(np.linspace(35, 41, samples), passes)
    longitude = np.repeat(random.uniform(297, 303, passes), samples)
    coords = {"latitude": ("time", latitude), "longitude": ("time", longitude)}
    ssh = ("time", world(time, latitude, longitude))
    return xr.Dataset({"ssh": ssh}, {"time": time, **coords}, {"layout": "track"})


def target(days: int = 6, latitude: float = 38.0) -> xr.Dataset:
    time = FIRST + np.arange(days) * np.timedelta64(1, "D")
    axes = {"latitude": latitude + np.linspace(-2, 2, 9), "longitude": np.linspace(298, 302, 9)}
    empty = np.full((days, 9, 9), np.nan)
    return xr.Dataset({"ssh": (("time", *axes), empty)}, {"time": time, **axes})


@pytest.fixture(scope="module")
def bfn():
    return load_method("bfn")[1]


@pytest.fixture(scope="module")
def inputs() -> dict[str, xr.Dataset]:
    return {"one": track(1), "two": track(2)}


QUICK = {
    "device": "cpu",
    "seed": 0,
    "step_degrees": 0.4,
    "step_hours": 6.0,
    "window_days": 6,
    "iterations": 2,
}


def test_bfn_follows_an_eddy(bfn, inputs):
    wanted = target()
    found = bfn.estimate(inputs, wanted, **QUICK)["ssh"]
    grid = np.meshgrid(wanted["latitude"], wanted["longitude"], indexing="ij")
    truth = np.stack([world(t, *grid) for t in wanted["time"].values])
    assert np.sqrt(((found.values - truth) ** 2).mean()) < 0.25 * truth.std()


def test_without_iterations_bfn_gives_its_first_guess(bfn, inputs):
    """The exact posterior of the same observations, but for the way from grid to grid."""
    wanted = target(3)
    found = bfn.estimate(inputs, wanted, **(QUICK | {"iterations": 0, "step_degrees": 0.2}))["ssh"]
    place = (300.0, 38.0)
    observed = samples(inputs, "ssh", FIRST, 300.0)
    posteriors = solve(
        observed.observations(place, np.full(2, 0.032), correlated=0.032),
        [0.0, 1.0, 2.0],
        Covariance(80.0, 80.0, 7.0),
        window=14.0,
    )
    x, y = kilometres(wanted["longitude"].values, wanted["latitude"].values, place)
    expected = torch.cat([maps(p, x, y)[:, 0] for p in posteriors]).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_bfn_begins_with_the_map_of_duacs(bfn, inputs):
    """With the usual scales or those of weights; but for the way from grid to grid."""
    wanted, duacs = target(3), load_method("duacs")[1]
    options = QUICK | {"iterations": 0, "step_degrees": 0.2}
    learned = {"length_factor": torch.tensor(0.8), "deviation_km": torch.tensor(100.0)}
    for weights in (None, learned):
        found = bfn.estimate(inputs, wanted, first_guess="duacs", weights=weights, **options)["ssh"]
        expected = duacs.estimate(inputs, wanted, device="cpu", seed=0, weights=weights)["ssh"]
        np.testing.assert_allclose(found, expected, atol=2e-3)


def test_bfn_stays_between_the_fitted_map_and_the_flow(bfn, inputs):
    learned = {"length_factor": torch.tensor(0.8)}
    fitted = load_method("duacs")[1].estimate(
        inputs, target(), device="cpu", seed=0, weights=learned
    )["ssh"]
    flow, half, nothing = (
        bfn.estimate(inputs, target(), weights=learned, weight=w, **QUICK)["ssh"]
        for w in (1.0, 0.5, 0.0)
    )
    assert float(np.abs(flow - fitted).max()) > 0.005
    np.testing.assert_allclose(half, (flow + fitted) / 2, atol=1e-6)
    np.testing.assert_allclose(nothing, fitted, atol=1e-6)
    assert flow.identical(bfn.estimate(inputs, target(), **QUICK)["ssh"])


def test_bfn_is_drawn_to_its_first_guess_everywhere(bfn, inputs):
    flow, guess, near = (
        bfn.estimate(inputs, target(), first_guess="duacs", **(QUICK | options))["ssh"]
        for options in ({}, {"iterations": 0}, {"relaxation_days": 0.01})
    )
    assert float(np.abs(near - guess).std()) < 0.2 * float(np.abs(flow - guess).std())


def test_bfn_takes_the_weight_that_withheld_altimeters_choose(bfn, inputs, monkeypatch):
    seen = []

    def chosen(observed, pair, times, longitude, latitude, *, most):
        found = withheld_weight(observed, pair, times, longitude, latitude, most=most)
        seen.append((most, found))
        return found

    monkeypatch.setattr(bfn, "withheld_weight", chosen)
    given = QUICK | {"weights": {"length_factor": torch.tensor(0.4)}}  # a map that is not good
    found = bfn.estimate(inputs, target(), withheld=2, **given)["ssh"]
    ((most, weight),) = seen
    assert most == 2
    assert 0.0 < weight.value <= 1.0
    assert weight.rmse[2] <= weight.rmse[:2].min()
    expected = bfn.estimate(inputs, target(), weight=weight.value, **given)["ssh"]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_bfn_in_single_precision_agrees(bfn, inputs):
    double, single = (
        bfn.estimate(inputs, target(), **QUICK, precision=p)["ssh"] for p in ("double", "single")
    )
    np.testing.assert_allclose(single, double, atol=1e-4)


def test_bfn_maps_one_time_between_two_days(bfn, inputs):
    daily = bfn.estimate(inputs, target(2), **QUICK)["ssh"]
    noon = target(2)
    noon = noon.isel(time=[0, 1]).assign_coords(time=[FIRST, FIRST + np.timedelta64(12, "h")])
    found = bfn.estimate(inputs, noon, **QUICK)["ssh"]
    np.testing.assert_allclose(found[1], daily.mean("time"), atol=1e-12)


@every(
    "options, message",
    [
        ({"step_hours": 7.0}, "step_hours 7 must divide 24"),
        ({"step_hours": 0.0}, "step_hours 0 must divide 24"),
        ({"first_guess": "miost"}, "no first_guess 'miost'.*duacs, oi"),
        ({"weight": 1.5}, "weight 1.5 must be from 0 to 1"),
        ({"relaxation_days": -1.0}, "everywhere_days is -1.0"),
        ({"precision": "half"}, "'half' be double or single"),
        ({"nudging_hours": 0.0}, "hours is 0.0; expected more than 0"),
        ({"nudging_km": -1.0}, "km is -1.0; expected more than 0"),
        ({"wave_speed": 0.0}, "wave_speed 0.0 must be positive"),
        ({"stride_days": 9}, "expected a stride from 1 to 3"),
        ({"margin": 0.0}, "margin 0.0"),
        ({"length_km": 0.0}, "must be positive"),
        ({"noise": -1.0}, "variance of the noise is negative"),
        ({"missions": "nobody"}, "no observations 'nobody'"),
        ({"step_degrees": 0.02, "step_hours": 24.0}, "crosses .* grid steps.*shorten step_hours"),
    ],
)
def test_bfn_refuses_in_one_line_what_cannot_run(bfn, inputs, options, message):
    with pytest.raises(OceanbenchError, match=message) as caught:
        bfn.estimate(inputs, target(), **(QUICK | options))
    assert "\n" not in str(caught.value)


def test_bfn_without_observations_is_refused(bfn, inputs):
    late = {
        name: one.assign_coords(time=one["time"] + np.timedelta64(900, "D"))
        for name, one in inputs.items()
    }
    with pytest.raises(OceanbenchError, match="no observation in the box and period"):
        bfn.estimate(late, target(), **QUICK)
    with pytest.raises(OceanbenchError, match="no observation in the box and period"):
        missing = {name: one * np.nan for name, one in inputs.items()}
        missing = {name: one.assign_attrs(layout="track") for name, one in missing.items()}
        bfn.estimate(missing, target(), **QUICK)


def test_bfn_passes_over_missing_values(bfn, inputs):
    holes = inputs["one"].copy(deep=True)
    holes["ssh"][::7] = np.nan
    found = bfn.estimate({"one": holes, "two": inputs["two"]}, target(), **QUICK)["ssh"]
    assert np.isfinite(found).all()


def test_bfn_refuses_the_equator(bfn, inputs):
    with pytest.raises(OceanbenchError, match="centred at latitude 1; a geostrophic plane needs"):
        bfn.estimate(inputs, target(latitude=1.0), **QUICK)
