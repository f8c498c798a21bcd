"""Members of maps: draws of a posterior that is known, the same whatever days are beside."""

from __future__ import annotations

import numpy as np
import torch

from oceanbench.assimilation.generative.maps.base_estimates import BaseEstimates
from oceanbench.assimilation.generative.maps.contexts import REACH, ErrorScale, channels
from oceanbench.assimilation.generative.maps.drawn_maps import MemberMaps
from oceanbench.assimilation.generative.maps.member_lessons import MapLessons, loss, predicted
from oceanbench.assimilation.generative.maps.member_network import MemberNetwork
from oceanbench.assimilation.generative.maps.member_training import error_scale
from oceanbench.learning.training import TrainingSchedule, fit

SIDE, NOISE = 10, 0.2


def gaussian_scene(days: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Gaussian maps, each seen along a row and a column, mapped by OI; its posterior deviations."""
    random = np.random.default_rng(seed)
    row, column = np.divmod(np.arange(SIDE**2), SIDE)
    apart = np.hypot(row[:, None] - row, column[:, None] - column)
    prior = np.exp(-0.5 * (apart / 2.0) ** 2)
    root = np.linalg.cholesky(prior + 1e-9 * np.eye(SIDE**2))
    truth = (root @ random.standard_normal((SIDE**2, days))).T
    estimate, deviation = np.empty((2, days, SIDE**2))
    seen = np.zeros((days, SIDE**2), dtype=bool)
    values = truth + NOISE * random.standard_normal(truth.shape)
    for day in range(days):
        seen[day] = (row == random.integers(SIDE)) | (column == random.integers(SIDE))
        s = seen[day]
        gain = np.linalg.solve(prior[np.ix_(s, s)] + NOISE**2 * np.eye(s.sum()), prior[s]).T
        estimate[day] = gain @ values[day, s]
        deviation[day] = np.sqrt(1.0 - np.einsum("ij,ji->i", gain, prior[s]))
    maps = (days, SIDE, SIDE)
    scene = {
        "estimates": estimate.reshape(1, *maps),
        "guesses": np.zeros((1, *maps)),
        "misfit": (seen * values).reshape(maps),
        "observed": seen.reshape(maps),
        "truth": truth.reshape(maps).astype(np.float32),
    }
    return scene, deviation.reshape(maps)


def small_network(seed: int = 0) -> MemberNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MemberNetwork(channels(1), hidden=12, features=8, noise=1, reach=1)


def test_where_the_posterior_is_known_members_are_draws_of_it() -> None:
    """The estimate is OI of a Gaussian field: no mean is left, and deviations are known exactly."""
    learned, (checked, deviation) = gaussian_scene(320, 0)[0], gaussian_scene(80, 1)
    scale = error_scale([learned], 0)
    learning, checking = (MapLessons.of([one], scale, 0) for one in (learned, checked))
    network = small_network()
    checks = checking.every(network, 2, 8)
    fit(
        network,
        lambda random: learning.drawn(network, 4, 6, SIDE, random),
        lambda lesson, _: loss(network, lesson, reduced=False, slopes=0.5),
        lambda: float(loss(network, checks, reduced=False, slopes=0.5)),
        schedule=TrainingSchedule(steps=200, rate=5e-3, validations=4, average=0.98),
        seed=0,
    )
    drawn = checking.every(network, 2, 60)
    with torch.no_grad():
        mean, deviations = predicted(network, drawn, reduced=False)
    exact = np.concatenate([deviation[7:72:2], deviation[8:73:2]]) / scale.size
    found, error = deviations.std(0).numpy(), drawn.error.numpy()
    assert np.sqrt(np.mean(mean.numpy() ** 2)) < 0.25 * np.sqrt(np.mean(error**2))
    assert abs(np.sqrt(np.mean((error - mean.numpy()) ** 2) / np.mean(found**2)) - 1.0) < 0.1
    assert np.corrcoef(found.ravel(), exact.ravel())[0, 1] > 0.7
    assert abs(np.mean(found) / np.mean(exact) - 1.0) < 0.08
    members = (mean + deviations).numpy()
    low, high = np.quantile(members, [0.05, 0.95], axis=0)
    assert abs(np.mean((low <= error) & (error <= high)) - 0.9) < 0.04


def test_members_are_linear_in_noise_and_of_one_day_whatever_days_are_beside_it() -> None:
    network, scene = small_network(1), gaussian_scene(16, 2)[0]
    scale = ErrorScale(0.0, 1.0, 0.5)
    maps = MemberMaps(network.eval(), BaseEstimates([], "members"), scale, spread=1.5)
    mean, deviations = maps.parts(scene, 6, seed=3)
    assert deviations.shape == (6, 16 - 2 * REACH, SIDE, SIDE) and mean.shape == (8, SIDE, SIDE)
    np.testing.assert_allclose(deviations.mean(0), 0.0, atol=1e-6)
    some = {k: v[:, :13] if v.ndim == 4 else v[:13] for k, v in scene.items()}
    fewer, apart = maps.parts(some, 6, seed=3)
    np.testing.assert_allclose(fewer, mean[:5], atol=1e-5)
    np.testing.assert_allclose(apart, deviations[:, :5], atol=1e-5)
    turned = {k: (v if k == "observed" else -v)[..., ::-1, :].copy() for k, v in scene.items()}
    np.testing.assert_allclose(maps.parts(turned, 2, seed=3)[0], -mean[:, ::-1], atol=1e-5)
    other = maps.parts(scene, 6, seed=4)
    np.testing.assert_array_equal(other[0], mean)
    assert np.abs(other[1] - deviations).max() > 0.1

    context, noise = torch.randn(3, channels(1), SIDE, SIDE), torch.randn(2, 3, 3, SIDE, SIDE)
    with torch.no_grad():
        centre, one = network(context, noise)
        again, two = network(context, -2.0 * noise)
    torch.testing.assert_close(two, -2.0 * one)
    torch.testing.assert_close(centre, again)
