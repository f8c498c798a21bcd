"""Ensemble analyses are the Kalman filter's, and the smoother is exact for a linear model."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from dense import DEVICES
from rows import every
from torch import Tensor

from oceanbench.assimilation.ensemble.kalman import (
    Scheme,
    analyse,
    cyclic_distance,
    denkf,
    etkf,
    gaspari_cohn,
    perturbed,
    scaled,
    smooth,
)
from oceanbench.assimilation.window_batches import Windows
from oceanbench.dynamics.models import model

SIZE, MEMBERS, TIMES = 5, 12, 9
DETERMINISTIC = [etkf, denkf]


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def observed_windows(count: int = 3, size: int = SIZE, times: int = TIMES) -> Windows:
    """Half of everything observed, elsewhere in each window; some times not at all."""
    seen = normal(count, times, size, seed=1) > 0
    seen[:, 0, 1::2] = True
    seen[:, 2:3] = False
    seen[0, 4:5] = False
    values = torch.where(seen, 3.0 * normal(count, times, size, seed=2), 0.0)
    return Windows(values, seen, torch.linspace(0.5, 2.0, size, dtype=torch.float64))


def ensemble(count: int = 3, size: int = SIZE, members: int = MEMBERS) -> Tensor:
    """Members (windows, members, components) with a covariance of their own in each window."""
    mixing = normal(count, size, size, seed=3)
    return 1.0 + normal(count, members, size, seed=4) @ mixing


def covariance(members: Tensor) -> Tensor:
    """Sample covariance of members (..., members, components)."""
    departures = members - members.mean(-2, keepdim=True)
    return departures.mT @ departures / (members.shape[-2] - 1)


def analysed(members: Tensor, windows: Windows, time: int, scheme: Scheme) -> Tensor:
    """Members (windows, members, components) after the observations of one time."""
    found = members[:, :, None].clone()
    precision = windows.observed[:, time] / windows.variance
    analyse(found, windows.values[:, time], precision, scheme)
    return found[:, :, 0]


def conditioned(
    mean: Tensor, spread: Tensor, values: Tensor, seen: Tensor, noise: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, covariance and gain of a Gaussian vector, given noisy values of some components."""
    where = torch.eye(len(mean), dtype=mean.dtype)[seen]
    gain = spread @ where.mT @ torch.linalg.inv(where @ spread @ where.mT + torch.diag(noise[seen]))
    left = torch.eye(len(mean), dtype=mean.dtype) - gain @ where
    return mean + gain @ (values - mean)[seen], left @ spread, gain @ where


def of_one_time(members: Tensor, windows: Windows, time: int) -> list[tuple[Tensor, ...]]:
    """Kalman filter's mean, covariance and gain in each window."""
    return [
        conditioned(
            m.mean(0), covariance(m), windows.values[i, time], windows.observed[i, time], noise
        )
        for i, m in enumerate(members)
        for noise in [windows.variance]
    ]


def test_the_etkf_has_the_mean_and_covariance_of_the_kalman_filter() -> None:
    members, windows = ensemble(), observed_windows()
    found = analysed(members, windows, 0, etkf)
    for after, (mean, spread, _) in zip(found, of_one_time(members, windows, 0), strict=True):
        torch.testing.assert_close(after.mean(0), mean, rtol=0, atol=1e-11)
        torch.testing.assert_close(covariance(after), spread, rtol=0, atol=1e-11)


def test_the_etkf_transforms_by_the_symmetric_square_root() -> None:
    members, windows = ensemble(1), observed_windows(1)
    spread, _ = scaled(members, windows.values[:, 0], windows.observed[:, 0] / windows.variance)
    values, vectors = torch.linalg.eigh(torch.eye(MEMBERS) + spread[0] @ spread[0].mT)
    departures = members[0] - members[0].mean(0)
    expected = vectors @ torch.diag(values**-0.5) @ vectors.mT @ departures
    found = analysed(members, windows, 0, etkf)[0]
    torch.testing.assert_close(found - found.mean(0), expected, rtol=0, atol=1e-11)


def test_the_denkf_has_the_mean_of_the_kalman_filter_and_its_covariance_to_first_order() -> None:
    """Half the gain leaves a quarter of K H P H^T K^T too much."""
    members, windows = ensemble(), observed_windows()
    found = analysed(members, windows, 0, denkf)
    for before, after, (mean, spread, gain) in zip(
        members, found, of_one_time(members, windows, 0), strict=True
    ):
        torch.testing.assert_close(after.mean(0), mean, rtol=0, atol=1e-11)
        more = gain @ covariance(before) @ gain.mT / 4
        torch.testing.assert_close(covariance(after), spread + more, rtol=0, atol=1e-11)


def test_the_denkf_comes_to_the_kalman_filter_as_the_noise_grows() -> None:
    members, windows = ensemble(1), observed_windows(1)
    errors = []
    for factor in (1e2, 1e3):
        noisy = Windows(windows.values, windows.observed, factor * windows.variance)
        _, spread, _ = of_one_time(members, noisy, 0)[0]
        errors.append((covariance(analysed(members, noisy, 0, denkf)[0]) - spread).norm())
    assert float(errors[0] / errors[1]) == pytest.approx(100, rel=0.2)


def test_perturbed_observations_have_the_mean_always_and_the_covariance_on_average() -> None:
    members, windows = ensemble(1), observed_windows(1)
    mean, spread, _ = of_one_time(members, windows, 0)[0]
    total = torch.zeros_like(spread)
    for noise in normal(2000, MEMBERS, SIZE, seed=8):
        after = analysed(members, windows, 0, perturbed(noise))[0]
        torch.testing.assert_close(after.mean(0), mean, rtol=0, atol=1e-10)
        total += covariance(after) / 2000
    scale = spread.diagonal().sqrt()
    assert float(((total - spread) / (scale[:, None] * scale)).abs().max()) < 0.03


def stochastic(size: int, members: int, times: int) -> list[Scheme]:
    """Perturbed observations of every time."""
    return [perturbed(noise) for noise in normal(times, members, size, seed=7)]


@every("scheme", [*DETERMINISTIC, stochastic(SIZE, MEMBERS, TIMES)])
def test_without_observations_the_members_are_the_forecast(scheme: Scheme | list[Scheme]) -> None:
    """Inflation and the analyses of other windows leave them alone."""
    windows, members = observed_windows(), ensemble()
    windows.observed[1] = False
    dynamics = model("lorenz96", 0.05)
    found = smooth(windows, members, dynamics.advance, scheme=scheme, inflation=1.3, lag=4)
    forecast = members[1]
    for time in range(TIMES):
        torch.testing.assert_close(found[1, :, time], forecast, rtol=1e-13, atol=1e-13)
        forecast = dynamics.advance(forecast)


def turning() -> Tensor:
    """A linear model that turns and slowly shrinks the state, (components, components)."""
    skew = normal(SIZE, SIZE, seed=5)
    return torch.linalg.matrix_exp(0.3 * (skew - skew.mT) - 0.05 * torch.eye(SIZE))


@every("lag", [0, 3, TIMES])
def test_of_a_linear_model_the_smoother_is_exact(lag: int) -> None:
    """At each time it is the Gaussian posterior given the observations until ``lag`` times later.

    The reference conditions the whole trajectory at once: states are linear in the first one, whose
    mean and covariance are those of the first members.
    """
    windows, members, matrix = observed_windows(), ensemble(), turning()
    found = smooth(windows, members, lambda state: state @ matrix.mT, lag=lag)
    powers = [torch.linalg.matrix_power(matrix, time) for time in range(TIMES)]
    whole = torch.cat(powers)
    noise = windows.variance.repeat(TIMES)
    for number, first in enumerate(members):
        prior = whole @ covariance(first) @ whole.mT
        for time in range(TIMES):
            seen = windows.observed[number].clone()
            seen[time + lag + 1 :] = False
            mean, spread, _ = conditioned(
                whole @ first.mean(0),
                prior,
                windows.values[number].flatten(),
                seen.flatten(),
                noise,
            )
            part = slice(time * SIZE, (time + 1) * SIZE)
            after = found[number, :, time]
            torch.testing.assert_close(after.mean(0), mean[part], rtol=0, atol=1e-9)
            torch.testing.assert_close(covariance(after), spread[part, part], rtol=0, atol=1e-9)


def test_the_smoother_ends_where_the_filter_does() -> None:
    windows, members = observed_windows(size=40), ensemble(size=40)
    run = partial(smooth, windows, members, model("lorenz96", 0.05).advance, inflation=1.1)
    ends = (run(lag=lag)[:, :, -1] for lag in (5, 0))  # products of other shapes round otherwise
    torch.testing.assert_close(*ends, rtol=0, atol=1e-8)


def test_inflation_comes_before_an_analysis() -> None:
    windows, members = observed_windows(times=1), ensemble()
    mean = members.mean(1, keepdim=True)
    found = smooth(windows, members, lambda state: state, inflation=1.5)
    expected = analysed(mean + 1.5 * (members - mean), windows, 0, etkf)
    torch.testing.assert_close(found[:, :, 0], expected, rtol=0, atol=1e-12)


@every("scheme", DETERMINISTIC)
def test_without_an_end_local_analyses_are_the_global_one(scheme: Scheme) -> None:
    windows, members = observed_windows(size=12), ensemble(size=12)
    taper = gaspari_cohn(cyclic_distance(12) / math.inf)
    run = partial(smooth, windows, members, model("lorenz96", 0.05).advance, scheme=scheme, lag=3)
    torch.testing.assert_close(run(taper=taper), run(), rtol=0, atol=1e-9)


@every("scheme", DETERMINISTIC)
def test_a_local_analysis_is_global_with_the_tapered_precision(scheme: Scheme) -> None:
    windows, members = observed_windows(size=12), ensemble(size=12)
    precision = windows.observed[:, 0] / windows.variance
    taper = gaspari_cohn(cyclic_distance(12) / 5.0)
    found = members[:, :, None].clone()
    analyse(found, windows.values[:, 0], precision, scheme, taper)
    for component in range(12):
        alone = members[:, :, None].clone()
        analyse(alone, windows.values[:, 0], precision * taper[component], scheme)
        torch.testing.assert_close(found[..., component], alone[..., component], rtol=0, atol=1e-11)


def test_what_is_far_is_left_alone() -> None:
    """One observation changes what is nearer than the end of the taper, around the circle."""
    members = ensemble(1, 12)[:, :, None]
    precision = torch.zeros(1, 12, dtype=torch.float64)
    precision[0, 1] = 1.0
    after = members.clone()
    analyse(after, 5 + precision, precision, etkf, gaspari_cohn(cyclic_distance(12) / 4.0))
    changed = (after != members)[0, :, 0].any(0)
    assert changed.nonzero().flatten().tolist() == [0, 1, 2, 3, 4, 10, 11]


def test_the_taper_is_smooth_compact_and_a_covariance() -> None:
    distance = torch.linspace(0, 1.5, 301, dtype=torch.float64)
    taper = gaspari_cohn(distance)
    assert taper[0] == 1 and bool((taper[distance >= 1] == 0).all())
    assert float(taper[100]) == pytest.approx(5 / 24)
    assert bool((taper.diff() <= 0).all()) and float(taper.diff().diff().abs().max()) < 2e-3
    circle = gaspari_cohn(cyclic_distance(40) / 16.0)
    assert float(torch.linalg.eigvalsh(circle).min()) > -1e-12


def test_distances_go_the_short_way_round() -> None:
    assert cyclic_distance(5)[0].tolist() == [0, 1, 2, 2, 1]
    assert torch.equal(cyclic_distance(6), cyclic_distance(6).mT)


@every("scheme, radius", [(etkf, None), (etkf, 8.0), (stochastic(40, 30, 40), None)])
def test_windows_do_not_see_each_other(scheme: Scheme | list[Scheme], radius: float | None) -> None:
    """Together, alone and in another order, over times that only some windows are observed at."""
    windows, members = observed_windows(4, 40, 40), ensemble(4, 40, 30)
    taper = gaspari_cohn(cyclic_distance(40) / radius) if radius else None
    dynamics = model("lorenz96", 0.05)

    def run(chosen: list[int]) -> Tensor:
        return smooth(
            windows.take(chosen),
            members[chosen],
            dynamics.advance,
            scheme=scheme,
            inflation=1.05,
            lag=10,
            taper=taper,
        )

    together = run([0, 1, 2, 3])
    order = [2, 0, 3, 1]
    torch.testing.assert_close(run(order), together[order], rtol=0, atol=1e-9)
    for number in range(4):
        torch.testing.assert_close(run([number])[0], together[number], rtol=0, atol=1e-9)


@pytest.mark.parametrize("local", [False, True])
@pytest.mark.parametrize("device", DEVICES)
def test_every_device_gives_the_same_and_leaves_the_first_members_alone(
    device: str, local: bool
) -> None:
    windows, members = observed_windows(size=12), ensemble(size=12)
    kept = members.clone()
    taper = gaspari_cohn(cyclic_distance(12) / 4.0) if local else None
    advance = model("lorenz96", 0.05).advance
    expected = smooth(windows, members, advance, lag=3, taper=taper)
    found = smooth(
        windows.to(device),
        members.to(device),
        advance,
        lag=3,
        taper=None if taper is None else taper.to(device),
    )
    torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=1e-9)
    assert torch.equal(members, kept)
