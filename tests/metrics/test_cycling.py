"""Scores of cycles and of innovations are what closed forms and a Kalman filter say."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from rows import every

from oceanbench.metrics import METRICS, Flagged

WORLDS = (6, 40, 5)  # windows, times, components


def states(values: np.ndarray, **coords: object) -> xr.DataArray:
    """Array (window, time, component) with its coordinates."""
    axes = {
        "window": np.arange(values.shape[0]),
        "time": ("time", 0.5 * np.arange(values.shape[1]), {"units": "1"}),
        "component": np.arange(values.shape[2]),
    }
    return xr.DataArray(values, axes | coords, ("window", "time", "component"))


def score(name: str, estimate: xr.DataArray, truth: xr.DataArray, **options: float) -> float:
    found = METRICS[name].function(estimate, truth, xr.ones_like(truth), **options)
    assert not isinstance(found, Flagged), found
    return found


def with_errors(size: np.ndarray) -> tuple[xr.DataArray, xr.DataArray]:
    """Estimate whose error at each (window, time) has the given size, and the truth."""
    truth = states(np.random.default_rng(0).standard_normal((*size.shape, 5)))
    signs = np.array([1.0, -1.0, 1.0, -1.0, -1.0])
    return truth + size[..., None] * signs, truth


def test_the_error_of_states_is_the_mean_of_those_of_the_times() -> None:
    size = np.random.default_rng(1).uniform(0.1, 3.0, WORLDS[:2])
    estimate, truth = with_errors(size)
    assert score("state_rmse", estimate, truth) == pytest.approx(size.mean())
    assert score("rmse", estimate, truth) == pytest.approx(np.sqrt((size**2).mean()))
    lost = score("lost_times", estimate, truth, threshold=2.0)
    assert lost == pytest.approx((size > 2.0).mean())


@every(
    "worlds, least, count",
    [
        (None, 10, 3.0),  # ten at the end of one block and five at the start of the next
        ([0, 0, 0, 1, 1, 1], 10, 3.0),
        ([0, 0, 0, 1, 1, 1], 15, 2.0),  # of which the two are one, within a world
        (None, 15, 1.0),
        (None, 41, 0.0),
    ],
)
def test_a_run_of_lost_times_is_one_divergence(
    worlds: list[int] | None, least: int, count: float
) -> None:
    size = np.full(WORLDS[:2], 0.3)
    size[0, -10:] = size[1, :5] = 2.0  # a run of 15 over the edge of two blocks
    size[2, 3:12] = 2.0  # nine are none
    size[4] = 2.0
    size[5, 20:30] = 2.0
    estimate, truth = with_errors(size)
    if worlds is not None:
        truth = truth.assign_coords(world=("window", worlds))
    assert score("divergences", estimate, truth, threshold=1.0, least=least) == count


def test_the_time_to_converge_is_that_until_the_later_error_is_near() -> None:
    size = np.full(WORLDS[:2], 0.2)
    for window, count in enumerate((0, 4, 8, 12, 16)):
        size[window, :count] = 3.0
    size[5] = 3.0  # never: the time of its end
    estimate, truth = with_errors(size)
    expected = np.mean([0.0, 2.0, 4.0, 6.0, 8.0, 19.5])
    assert score("convergence_time", estimate, truth) == pytest.approx(expected)


def drawn(times: int, members: int) -> tuple[xr.DataArray, xr.DataArray, np.ndarray]:
    """Background members, observations, and the covariance that both were drawn with."""
    random = np.random.default_rng(3)
    root = random.standard_normal((4, 4))
    mean = random.standard_normal((1, times, 4))
    spread = random.standard_normal((1, times, members, 4)) @ root.T
    truth = mean + random.standard_normal((1, times, 4)) @ root.T
    seen = truth + np.sqrt(2.0) * random.standard_normal((1, times, 4))
    background = states(mean).expand_dims(member=members, axis=-1)
    found = background + np.moveaxis(spread, 2, -1)
    return found, states(seen), root @ root.T


def test_chi_square_is_one_where_members_and_noise_are_right() -> None:
    background, seen, _ = drawn(1500, 200)
    found = score("innovation_chi_square", background, seen, noise_variance=2.0)
    assert found == pytest.approx(1.0, abs=0.05)
    short = 0.5 * background + 0.5 * background.mean("member")
    assert score("innovation_chi_square", short, seen, noise_variance=2.0) > 1.3
    assert score("innovation_chi_square", background, seen, noise_variance=8.0) < 0.7


def test_chi_square_of_one_time_is_that_of_its_observations() -> None:
    background, seen, _ = drawn(3, 12)
    weights = xr.ones_like(seen)
    weights[0, :, 1] = 0.0
    options = {"noise_variance": 2.0}
    found = METRICS["innovation_chi_square"].function(background, seen, weights, **options)
    expected, kept = 0.0, [0, 2, 3]
    for time in range(3):
        members = background.values[0, time][kept]
        total = np.cov(members) + 2.0 * np.eye(3)
        innovation = seen.values[0, time, kept] - members.mean(1)
        expected += innovation @ np.linalg.solve(total, innovation) / 9.0
    assert found == pytest.approx(expected)
    many = {"component": np.arange(20)}  # of which few are observed
    wide = [a.reindex(many, fill_value=0.0) for a in (background, seen, weights)]
    assert METRICS["innovation_chi_square"].function(*wide, **options) == pytest.approx(expected)


def test_innovations_of_what_is_left_are_correlated_in_time() -> None:
    random = np.random.default_rng(5)
    noise = random.standard_normal((3, 4000, 4))
    left = noise.copy()
    for time in range(1, 4000):
        left[:, time] += 0.6 * left[:, time - 1]
    for innovation, expected in ((noise, 0.0), (left, 0.6)):
        seen = states(innovation)
        found = score("innovation_autocorrelation", xr.zeros_like(seen), seen)
        assert found == pytest.approx(expected, abs=0.03)
        weights = xr.DataArray(random.random(seen.shape) < 0.5, seen.coords, seen.dims) * 1.0
        metric = METRICS["innovation_autocorrelation"]
        half = metric.function(xr.zeros_like(seen), seen, weights)
        assert half == pytest.approx(expected, abs=0.05)


def test_the_background_variance_is_that_of_a_kalman_gain() -> None:
    """With the right gain K = B / (B + R), increments K d show the variance B; R = 2, B = 1."""
    random = np.random.default_rng(7)
    innovation = states(np.sqrt(3.0) * random.standard_normal((3, 4000, 4)))
    for gain, expected in ((1.0 / 3.0, 1.0), (1.0 / 6.0, 0.5)):
        found = score("background_variance_ratio", gain * innovation, innovation, noise_variance=2)
        assert found == pytest.approx(expected, rel=0.06)
    weak = METRICS["background_variance_ratio"].function(
        0.1 * innovation, innovation, xr.ones_like(innovation), noise_variance=2.8
    )
    assert isinstance(weak, Flagged) and weak.flag == "no_data"
