"""Posteriors that are frozen with a challenge: exact where they say so, and of the truth."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
import xarray as xr
from recipes import opened, recipe
from rows import every

from oceanbench.assimilation.fourdvarnet.augmented.solver import (
    AugmentedConfiguration,
    AugmentedSolver,
)
from oceanbench.assimilation.gaussian.window_interpolation import (
    WindowCovariance,
    deviation,
    errors,
    interpolate,
)
from oceanbench.assimilation.uncertainty.spde_circle import fit
from oceanbench.assimilation.variational.block_tridiagonal import factorise, marginal
from oceanbench.assimilation.window_batches import Climatology, Windows, is_cyclic
from oceanbench.challenge import Challenge
from oceanbench.dynamics.models import model_of_attributes
from oceanbench.metrics.probabilistic.joint_posterior import two_modes

NAMES = [
    "gaussian_field_posterior",
    "lorenz63_posterior",
    "lorenz63_posterior_wrong_model",
    "lorenz96_posterior",
]
Arrays = tuple[np.ndarray, np.ndarray]


def smoothed(build: ModuleType, values: np.ndarray) -> Arrays:
    """Mean and variance (times, nodes) by a Kalman filter and the smoother of Rauch et al."""
    carry, noise, stationary = build.transition()
    mean, variance = np.zeros(build.NODES), stationary
    forecasts, analyses = [], []
    for time, seen in enumerate(np.isfinite(values)):
        if time:
            mean, variance = carry @ mean, carry @ variance @ carry.T + noise
        forecasts.append((mean, variance))
        innovation = variance[np.ix_(seen, seen)] + build.NOISE * np.eye(int(seen.sum()))
        gain = np.linalg.solve(innovation, variance[seen]).T
        mean, variance = mean + gain @ (values[time] - mean)[seen], variance - gain @ variance[seen]
        analyses.append((mean, variance))
    found = [analyses[-1]]
    for time in range(len(values) - 2, -1, -1):
        (before, spread), (after, wide) = analyses[time], forecasts[time + 1]
        back = np.linalg.solve(wide, carry @ spread).T
        found.append(
            (
                before + back @ (found[-1][0] - after),
                spread + back @ (found[-1][1] - wide) @ back.T,
            )
        )
    return tuple(np.stack(a) for a in zip(*((m, np.diag(v)) for m, v in found[::-1]), strict=True))


def test_dense_conditioning_and_the_kalman_smoother_are_one_posterior() -> None:
    build = recipe("gaussian_field_posterior")
    for values in opened("gaussian_field_posterior", "observations")["state"].values[:4]:
        mean, covariance = build.posterior(values.astype(np.float64))
        expected = smoothed(build, values.astype(np.float64))
        np.testing.assert_allclose(mean.reshape(expected[0].shape), expected[0], atol=1e-9)
        variance = np.diag(covariance).reshape(expected[1].shape)
        np.testing.assert_allclose(variance, expected[1], atol=1e-9)


def test_optimal_interpolation_with_the_right_covariance_is_that_posterior() -> None:
    build = recipe("gaussian_field_posterior")
    seen = opened("gaussian_field_posterior", "observations")
    values = torch.as_tensor(seen["state"].values[:2].astype(np.float64))
    noise = torch.as_tensor(seen["noise_variance"].values.astype(np.float64))
    windows = Windows(values.nan_to_num(0.0), ~values.isnan(), noise)
    power, factor = build.waves()
    lags = [build._circulant(power * factor**lag) for lag in range(build.TIMES)]
    table = torch.as_tensor(np.stack([*(a.T for a in lags[:0:-1]), *lags]))
    climate = Climatology(torch.zeros(build.NODES), torch.ones(build.NODES))
    found = interpolate(windows, climate, WindowCovariance(table))
    spread = deviation(windows, WindowCovariance(table))
    random = torch.Generator().manual_seed(0)
    draws = errors(windows, WindowCovariance(table), 2000, random).flatten(2).numpy()
    for number in range(2):
        mean, covariance = build.posterior(values[number].numpy())
        np.testing.assert_allclose(found[number].numpy().ravel(), mean, atol=1e-9)
        std = np.sqrt(np.diag(covariance))
        np.testing.assert_allclose(spread[number].numpy().ravel(), std, atol=1e-7)
        np.testing.assert_allclose(draws[:, number].mean(0), 0.0, atol=1e-9)
        away = np.abs(np.cov(draws[:, number].T) - covariance) / np.outer(std, std)
        assert away.max() < 5 * np.sqrt(2 / 2000)


@pytest.mark.slow
def test_eight_steps_of_the_fitted_equation_come_nearer_this_posterior_than_one() -> None:
    """Of greatest likelihood of the training run: bias in deviations of the posterior, spread."""
    build, name = recipe("gaussian_field_posterior"), "gaussian_field_posterior"
    run = torch.as_tensor(opened(name, "training_truth")["state"].values.astype(np.float64))
    seen = opened(name, "validation_observations")["state"].values.astype(np.float64)
    exact = [build.posterior(values) for values in seen]
    mean = torch.as_tensor(np.stack([m for m, _ in exact])).reshape(seen.shape)
    spread = torch.as_tensor(np.stack([np.diag(c) for _, c in exact])).sqrt().reshape(seen.shape)
    values = torch.as_tensor(seen)
    variance = torch.full((build.NODES,), build.NOISE, dtype=torch.float64)
    windows, found = Windows(values.nan_to_num(0.0), ~values.isnan(), variance), {}
    for halvings in (0, 3):
        usual = fit(run, halvings=halvings)
        solver = AugmentedSolver(usual, AugmentedConfiguration(halvings=halvings, iterations=0))
        with torch.no_grad():
            estimate = solver(windows)
            diagonal, below = solver.chain(estimate.parameters).precision(build.TIMES)
            weight = (windows.observed / windows.variance).transpose(0, 1)
            factor = factorise(diagonal + torch.diag_embed(weight), below)
            std = marginal(factor).diagonal(dim1=-2, dim2=-1).sqrt().transpose(0, 1)
        bias = ((estimate.states - mean) / spread).square().mean().sqrt()
        found[halvings] = (float(bias), float((std / spread).log().mean().exp()))
    assert found[0] == pytest.approx((0.148, 1.037), abs=0.003)
    assert found[3] == pytest.approx((0.035, 1.013), abs=0.003)


def test_members_of_the_field_have_exact_moments_but_for_their_rounding() -> None:
    build = recipe("gaussian_field_posterior")
    members = build.opened("posterior")
    known = opened("gaussian_field_posterior", "observations")["state"].values.astype(np.float64)
    assert members.sizes["member"] == build.MEMBERS >= 128
    for number, values in enumerate(known):
        mean, covariance = build.posterior(values)
        some = members.isel(window=number).values.reshape(build.MEMBERS, -1)
        np.testing.assert_allclose(some.mean(0), mean, atol=0.002)
        np.testing.assert_allclose(some.std(0, ddof=1), np.sqrt(np.diag(covariance)), rtol=0.01)
    away = (some - mean) / np.sqrt(np.diag(covariance))
    correlation = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    error = np.corrcoef(away.T) - correlation
    assert np.sqrt(np.mean(error**2)) < 1.3 / np.sqrt(build.MEMBERS // 2)


@every("name", ["gaussian_field_posterior", "lorenz63_posterior", "lorenz96_posterior"])
def test_the_truth_is_as_a_member(name: str) -> None:
    """Its ranks are uniform: half of them in the inner half, a tenth in the outer tenth."""
    challenge = Challenge.load(name)
    truth = challenge.open("truth")["state"]
    members = challenge.open("posterior")["state"]
    rank = (members < truth).mean("member").values.ravel()
    assert np.mean((rank > 0.25) & (rank < 0.75)) == pytest.approx(0.5, abs=0.06)
    assert np.mean((rank > 0.05) & (rank < 0.95)) == pytest.approx(0.9, abs=0.04)
    assert rank.mean() == pytest.approx(0.5, abs=0.05)


def test_samplings_of_lorenz63_leave_one_mode_or_two() -> None:
    build = recipe("lorenz63_posterior")
    members = build.opened("posterior")["state"]
    seen = opened("lorenz63_posterior", "observations")["state"].notnull()
    for sampling, (steps, components) in build.MASKS.items():
        times = np.flatnonzero(seen.sel(sampling=sampling).any(("window", "component")))
        assert times.tolist() == list(range(0, build.TIMES, steps))
        only = np.flatnonzero(seen.sel(sampling=sampling).any(("window", "time")))
        assert only.tolist() == list(components)
        modes = [
            two_modes(members.sel(sampling=sampling).isel(window=w).values.reshape(400, -1))
            for w in range(4)
        ]
        assert all((m is not None) == (sampling == "z_only") for m in modes)
    halves = (members.sel(sampling="z_only", component="x") > 0).mean("member")
    # of every window, at the time at which the two sides are farthest apart
    assert (abs(halves - 0.5).min("time") < 0.003).all()


def test_what_samplers_say_of_themselves_is_stored() -> None:
    """Effective sizes of particles and of chains, and that these agree."""
    build = recipe("lorenz63_posterior")
    assert build.PARTICLES >= 100_000
    size = build.opened("posterior")["effective_size"]
    assert dict(size.sizes) == {"sampling": 3, "window": 16, "time": 25}
    assert float(size.min()) > 300
    chains = recipe("lorenz96_posterior").opened("posterior")
    assert chains["state"].sizes["member"] == 256
    assert dict(chains["r_hat"].sizes) == dict(chains["effective_size"].sizes)
    assert chains["r_hat"].size == chains["state"].size / 256
    assert float(chains["r_hat"].max()) < 1.02 and float(chains["effective_size"].min()) > 400


def test_what_methods_are_told_of_the_posterior_challenges() -> None:
    """And that the data of the league are small."""
    right = opened("lorenz63_posterior", "observations").attrs
    assert (right["model"], right["model_rayleigh"]) == ("lorenz63", 28.0)
    assert right["process_noise"] == 2.0
    circle = opened("lorenz96_posterior", "observations").attrs
    assert (circle["model"], circle["process_noise"]) == ("lorenz96", 3.0)
    wrong = opened("lorenz63_posterior_wrong_model", "observations").attrs
    assert wrong["model_rayleigh"] != 28.0
    folders = [Path(Challenge.load(name).path).parent for name in NAMES]
    assert sum(f.stat().st_size for folder in folders for f in folder.rglob("*.nc")) < 8e6
    field = {"observations": opened("gaussian_field_posterior", "observations")}
    assert "model" not in field["observations"].attrs and is_cyclic(field)


def test_a_run_of_the_recipe_has_the_noise_that_it_states() -> None:
    build = recipe("lorenz63_posterior")
    truth = torch.as_tensor(opened("lorenz63_posterior", "truth")["state"].values.astype(float))
    added = truth[:, 1:] - build.advance(truth[:, :-1])
    expected = build.PROCESS_NOISE * build.INTERVAL
    assert float(added.var()) == pytest.approx(expected, rel=0.12)
    attributes = opened("lorenz63_posterior_wrong_model", "truth").attrs
    lacking = truth[:, 1:] - model_of_attributes(attributes, build.INTERVAL).advance(truth[:, :-1])
    size = (lacking**2).mean((0, 1)).sqrt()
    assert float(size[1]) == pytest.approx(1.14, abs=0.02)
    circle = recipe("lorenz96_posterior")
    windows = torch.as_tensor(opened("lorenz96_posterior", "training_truth")["state"].values)
    after = model_of_attributes(opened("lorenz96_posterior", "truth").attrs, circle.INTERVAL)
    added = windows[:, 1:] - after.advance(windows[:, :-1])
    assert float(added.var()) == pytest.approx(circle.NOISE, rel=0.02)
    assert float(windows[:, 0].mean()) == pytest.approx(circle.FIRST_MEAN, abs=0.25)
    assert float(windows[:, 0].var()) == pytest.approx(circle.FIRST_VARIANCE, rel=0.1)
    field = recipe("gaussian_field_posterior")
    carry, noise, stationary = field.transition()
    np.testing.assert_allclose(carry @ stationary @ carry.T + noise, stationary, atol=1e-12)
    assert np.linalg.eigvalsh(noise).min() > 0


@pytest.mark.slow
def test_the_recipe_of_the_field_makes_the_files_again(tmp_path: Path) -> None:
    build = recipe("gaussian_field_posterior")
    for name, array in build.make().items():
        build.write(array, tmp_path / f"{name}.nc")
        again, frozen = build.opened(name, tmp_path), build.opened(name)
        xr.testing.assert_allclose(
            again, frozen, atol=2.0 * build.STEP if name == "posterior" else 1e-5
        )
