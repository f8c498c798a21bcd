"""Filters of one world are the Kalman filter, cycle after cycle, where the model is linear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from rows import every

from oceanbench.assimilation.cycling import ClimateCovariance, Localisation, climate_covariance
from oceanbench.assimilation.ensemble import finite_size, iterative, kalman, static
from oceanbench.assimilation.ensemble.localisation import distances, taper
from oceanbench.assimilation.ensemble.transforms import (
    MemberWeights,
    applied,
    denkf,
    etkf,
    inflated,
    local,
    perturbed,
    relaxed,
    rotated,
    rotation,
    scaled,
    shared,
)
from oceanbench.errors import OceanbenchError

SIZE, CYCLES, NOISE = 5, 400, 0.5
SEEN = np.array([0, 2, 3])
VARIANCE = np.full(SEEN.size, NOISE)
EXACT = 1e-8

Step = Callable[[np.ndarray, np.ndarray], np.ndarray]


def growing() -> np.ndarray:
    """A linear model that turns the state and lets every error grow by four hundredths a cycle."""
    skew = np.random.default_rng(5).standard_normal((SIZE, SIZE))
    turn = np.linalg.qr(np.eye(SIZE) + 0.3 * (skew - skew.T))[0]
    return 1.04 * turn * np.sign(turn[0, 0])


def world(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A truth drawn of the first covariance, what is seen of it, and the root of the covariance."""
    random, model = np.random.default_rng(seed), growing()
    root = random.standard_normal((SIZE, SIZE))
    state, states = root @ random.standard_normal(SIZE), []
    for _ in range(CYCLES):
        states.append(state)
        state = model @ state
    truth = np.stack(states)
    seen = truth[:, SEEN] + np.sqrt(NOISE) * random.standard_normal((CYCLES, SEEN.size))
    return truth, seen, root


def kalman_filter(seen: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and covariances after the observations of each cycle."""
    model, where = growing(), np.eye(SIZE)[SEEN]
    mean, spread, found = np.zeros(SIZE), first, []
    for values in seen:
        gain = spread @ where.T @ np.linalg.inv(where @ spread @ where.T + np.diag(VARIANCE))
        mean = mean + gain @ (values - where @ mean)
        spread = spread - gain @ where @ spread
        found.append((mean, spread))
        mean, spread = model @ mean, model @ spread @ model.T
    return np.stack([m for m, _ in found]), np.stack([s for _, s in found])


def draws(root: np.ndarray, count: int, seed: int = 1) -> np.ndarray:
    """Members whose mean is zero and whose covariance is that of the root, to the digit."""
    noise = np.random.default_rng(seed).standard_normal((count, SIZE))
    noise -= noise.mean(0)
    scale = np.linalg.cholesky(noise.T @ noise / (count - 1))
    return noise @ np.linalg.inv(scale).T @ root.T


def cycled(step: Step, seen: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Members (cycles, members, components) after the observations of each cycle."""
    model, found = growing(), []
    for values in seen:
        members = step(members, values)
        found.append(members)
        members = members @ model.T
    return np.stack(found)


def of_scheme(scheme: Callable[[np.ndarray, np.ndarray], MemberWeights]) -> Step:
    return lambda members, values: applied(
        members, scheme(*scaled(members[:, SEEN], values, VARIANCE))
    )


def with_rotation(members: np.ndarray, values: np.ndarray) -> np.ndarray:
    weights = etkf(*scaled(members[:, SEEN], values, VARIANCE))
    return applied(members, rotated(weights, np.random.default_rng(0)))


def everywhere(members: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Local analyses that all see all."""
    nearby = local(*scaled(members[:, SEEN], values, VARIANCE), np.ones((SIZE, SEEN.size)))
    return applied(members, etkf(*nearby))


def iterated(lag: int, steps: int = 1, *, localised: bool = False) -> Step:
    """The smoother, which of a linear model is the filter at the end of its window."""
    window: list[iterative.Window] = []
    model = growing()

    def step(members: np.ndarray, values: np.ndarray) -> np.ndarray:
        seen = iterative.SeenNow(values, VARIANCE, lambda m: m[:, SEEN])
        before = window[-1] if window else iterative.Window(members, 0)
        near = np.ones((SIZE, SEEN.size)) if localised else None
        advance = lambda m: m @ model.T  # noqa: E731
        options = {"iterations": steps, "taper": near, "random": np.random.default_rng(3)}
        found, moved = iterative.smoothed(before, members, seen, advance, **options)
        window.append(iterative.slid(moved, lag, advance))
        return found

    return step


EXACT_STEPS: dict[str, Callable[[], Step]] = {
    "etkf": lambda: of_scheme(etkf),
    "etkf, rotated": lambda: with_rotation,
    "local everywhere": lambda: everywhere,
    "ienks, no lag": lambda: iterated(0),
    "ienks, lag 3": lambda: iterated(3),
    "ienks, three steps": lambda: iterated(3, 3),
    "ienks, local everywhere": lambda: iterated(2, 2, localised=True),
}


@every("name", EXACT_STEPS)
def test_of_a_linear_model_it_is_the_kalman_filter_at_every_cycle(name: str) -> None:
    _, seen, root = world()
    means, spreads = kalman_filter(seen[:60], root @ root.T)
    found = cycled(EXACT_STEPS[name](), seen[:60], draws(root, 12))
    np.testing.assert_allclose(found.mean(1), means, atol=EXACT * np.abs(means).max())
    spread = np.stack([np.cov(members.T) for members in found])
    np.testing.assert_allclose(spread, spreads, atol=EXACT * np.abs(spreads).max())


def noisy() -> Step:
    random = np.random.default_rng(9)

    def step(members: np.ndarray, values: np.ndarray) -> np.ndarray:
        noise = random.standard_normal((len(members), SEEN.size))
        return of_scheme(perturbed(noise))(members, values)

    return step


def finite(members: np.ndarray, values: np.ndarray) -> np.ndarray:
    spread, departure = scaled(members[:, SEEN], values, VARIANCE)
    factor = finite_size.inflation(spread, departure)
    weights = etkf(factor * spread, departure)
    return applied(inflated(members, factor), rotated(weights, np.random.default_rng(2)))


STEPS: dict[str, Callable[[], Step]] = {
    "etkf": lambda: with_rotation,
    "denkf": lambda: of_scheme(denkf),
    "perturbed": noisy,
    "enkf-n": lambda: finite,
    "ienks": lambda: iterated(2),
    "hybrid of members alone": lambda: (
        lambda m, v: static.hybrid(m, np.eye(SIZE)[SEEN], v, SEEN, VARIANCE, share=0.0)
    ),
}


@every("name", STEPS)
def test_its_errors_chi_square_and_ranks_are_those_of_the_kalman_filter(name: str) -> None:
    """Of 30 members over 400 cycles; where noise is drawn, of 120, which lose less by it."""
    truth, seen, root = world()
    means, _ = kalman_filter(seen, root @ root.T)
    count = 120 if name == "perturbed" else 30
    found = cycled(STEPS[name](), seen, draws(root, count))
    error, exact = (np.sqrt(((m - truth)[20:] ** 2).mean()) for m in (found.mean(1), means))
    assert error == pytest.approx(exact, rel=0.15)
    background = np.stack([growing() @ m.T for m in found[:-1]])[:, SEEN]
    squares = []
    for members, values in zip(background[20:], seen[21:], strict=True):
        innovation = values - members.mean(1)
        total = np.cov(members) + np.diag(VARIANCE)
        squares.append(innovation @ np.linalg.solve(total, innovation) / SEEN.size)
    assert np.mean(squares) == pytest.approx(1.0, abs=0.15)
    below = (found[20:] < truth[20:, None]).sum(1).ravel()
    quarters = np.histogram(below, np.linspace(0, count + 1, 5))[0] / below.size
    np.testing.assert_allclose(quarters, 0.25, atol=0.09)


def test_it_is_the_transform_of_the_space_of_observations() -> None:
    random = np.random.default_rng(2)
    members, values = random.standard_normal((7, SIZE)), random.standard_normal(SIZE)
    variance = np.linspace(0.5, 2.0, SIZE)
    noise = random.standard_normal((7, SIZE))
    for mine, other in (
        (etkf, kalman.etkf),
        (denkf, kalman.denkf),
        (perturbed(noise), kalman.perturbed(torch.as_tensor(noise))),
    ):
        whole = torch.as_tensor(members)[None, :, None].clone()
        kalman.analyse(
            whole, torch.as_tensor(values)[None], torch.as_tensor(1 / variance)[None], other
        )
        found = applied(members, mine(*scaled(members, values, variance)))
        np.testing.assert_allclose(found, whole[0, :, 0], atol=1e-12)


def test_a_local_analysis_is_that_of_the_tapered_precision() -> None:
    random = np.random.default_rng(4)
    members, values = random.standard_normal((6, 12)), random.standard_normal(12)
    places = np.arange(12.0)
    weights = taper(distances(places, places, [12.0]), 4.0)
    nearby = local(*scaled(members, values, np.ones(12)), weights)
    found = applied(members, etkf(*nearby))
    for component in range(12):
        there = weights[component] > 0
        variance = 1.0 / weights[component, there]
        alone = applied(members, etkf(*scaled(members[:, there], values[there], variance)))
        np.testing.assert_allclose(found[:, component], alone[:, component], atol=1e-12)


def test_distances_on_a_plane_go_round_where_it_is_periodic() -> None:
    places = np.array([[0.0, 0.0], [9.0, 3.0]])
    np.testing.assert_allclose(distances(places, places), [[0, 90**0.5], [90**0.5, 0]])
    found = distances(places, np.array([[1.0, 4.0]]), [10.0, None])
    np.testing.assert_allclose(found[:, 0], [17**0.5, 5**0.5])
    near = taper(found, 6.0)
    assert (near > 0).all() and near[1, 0] > near[0, 0] and taper(np.array([6.0]), 6.0)[0] == 0.0


def test_a_rotation_leaves_mean_and_covariance_alone() -> None:
    turn = rotation(9, np.random.default_rng(0))
    np.testing.assert_allclose(turn @ turn.T, np.eye(9), atol=1e-13)
    np.testing.assert_allclose(turn @ np.ones(9), 1.0, atol=1e-13)
    assert np.abs(turn - np.eye(9)).max() > 0.1


def test_the_inflation_grows_with_the_innovations_and_is_one_where_they_are_expected() -> None:
    random = np.random.default_rng(0)
    spread = scaled(random.standard_normal((24, 40)), np.zeros(40), np.ones(40))[0]
    factors = [
        finite_size.inflation(spread, size * random.standard_normal(40)) for size in (0.1, 1.4, 5.0)
    ]
    assert all(a < b for a, b in pairwise(factors))
    assert factors[1] == pytest.approx(1.0, abs=0.25) and factors[2] > 1.5


def test_the_dual_cost_is_least_at_the_inflation() -> None:
    random = np.random.default_rng(1)
    spread = scaled(random.standard_normal((10, 30)), np.zeros(30), np.ones(30))[0]
    departure = 2.0 * random.standard_normal(30)
    found, count = finite_size.inflation(spread, departure), 10
    values = np.linalg.eigvalsh(spread @ spread.T)
    unsure = (1.0 / (1.0 + np.maximum(values, 0))).mean()
    moved = (1.1 * 9 / 11) ** (0.5 * unsure)

    def cost(factor: float) -> float:
        precision = (count - 1) / factor**2
        total = np.eye(30) + factor**2 * spread.T @ spread
        penalty = 1.1 / moved * precision - 11 * moved * np.log(precision)
        return float(departure @ np.linalg.solve(total, departure) + penalty)

    assert cost(found) < min(cost(0.98 * found), cost(1.02 * found))


def test_a_static_analysis_is_that_of_the_gaussian() -> None:
    random = np.random.default_rng(6)
    root = random.standard_normal((SIZE, SIZE))
    covariance, state = root @ root.T, random.standard_normal((2, SIZE))
    values = random.standard_normal(SEEN.size)
    where = np.eye(SIZE)[SEEN]
    precision = np.linalg.inv(covariance) + where.T @ where / NOISE
    expected = state + (values - state[:, SEEN]) @ where / NOISE @ np.linalg.inv(precision)
    found = static.analysed(state, covariance[SEEN], values, SEEN, VARIANCE)
    np.testing.assert_allclose(found, expected, atol=1e-10)
    members = random.standard_normal((6, SIZE))
    only = static.hybrid(members, covariance[SEEN], values, SEEN, VARIANCE, share=1.0)
    three = static.analysed(members.mean(0), covariance[SEEN], values, SEEN, VARIANCE)
    np.testing.assert_allclose(only.mean(0), three, atol=1e-10)
    whole = {"values": values, "components": SEEN, "variance": VARIANCE, "share": 0.3}
    plain = static.hybrid(members, covariance[SEEN], **whole)
    tapered = static.hybrid(members, covariance[SEEN], **whole, taper=np.ones((3, SIZE)))
    np.testing.assert_allclose(plain, tapered, atol=1e-12)


def test_what_was_seen_before_counts_by_its_age_as_in_the_gaussian_of_all_times() -> None:
    random = np.random.default_rng(8)
    root, index = random.standard_normal((SIZE, SIZE)), (SEEN, np.array([1]), np.array([0, 4]))
    covariance, times = root @ root.T, np.array([0.0, 1.0, 4.0])
    seen = [
        static.SeenAtATime(
            time, random.standard_normal(i.size), np.full(i.size, NOISE), i, covariance[i]
        )
        for time, i in zip(times, index, strict=True)
    ]
    expected = np.kron(static.matern(times[:, None] - times, 3.0), covariance)
    at = np.concatenate([SIZE * k + i for k, i in enumerate(index)])
    among = expected[np.ix_(at, at)] + NOISE * np.eye(at.size)
    found = expected[2 * SIZE :, at] @ np.linalg.solve(
        among, np.concatenate([s.departures for s in seen])
    )
    np.testing.assert_allclose(static.remembered(seen, 4.0, 3.0), found, atol=1e-12)
    now = static.analysed(np.zeros(SIZE), covariance[SEEN], seen[0].departures, SEEN, VARIANCE)
    np.testing.assert_allclose(static.remembered(seen[:1], 0.0, 3.0), now, atol=1e-12)


def test_a_window_slides_by_one_cycle_once_it_is_as_long_as_the_lag() -> None:
    doubled = lambda members: 2.0 * members  # noqa: E731
    window = iterative.Window(np.ones((2, 3)), 0)
    lengths, firsts = [], []
    for _ in range(4):
        window = iterative.slid(window, 2, doubled)
        lengths.append(window.length)
        firsts.append(float(window.first[0, 0]))
    assert lengths == [1, 2, 2, 2] and firsts == [1.0, 1.0, 2.0, 4.0]


def problem_of(climate: np.ndarray, places: np.ndarray | None, *periods: float) -> SimpleNamespace:
    return SimpleNamespace(
        cyclic=False, climate=climate, noise_variance=np.ones(6), places=places, periods=periods
    )


def test_a_covariance_and_its_taper_know_where_components_lie() -> None:
    """Rows of a sample's, tapered on a plane where two layers of three places lie."""
    climate = np.random.default_rng(0).standard_normal((500, 6)) @ np.diag([1, 2, 3, 1, 2, 3.0])
    plane = np.tile([[0.0, 0.0], [9.0, 0.0], [0.0, 3.0]], (2, 1))
    problem = problem_of(climate, None)
    with pytest.raises(OceanbenchError, match="lie nowhere"):
        Localisation.of(problem, 3.0)
    np.testing.assert_allclose(climate_covariance(problem), np.cov(climate.T))
    problem = problem_of(climate, plane, 10.0, 10.0)
    near, seen = Localisation.of(problem, 6.0), np.array([4, 0])
    expected = taper(distances(plane, plane[seen], [10.0, 10.0]), 6.0)
    np.testing.assert_allclose(near.rows(seen), expected.T)
    assert near.weights(seen).shape == (3, 2) and near.shared is not None
    np.testing.assert_allclose(near.weights(seen)[near.shared], expected)
    few = replace(near, table=None)
    np.testing.assert_array_equal(few.weights(seen), near.weights(seen))
    found = ClimateCovariance.of(problem, share=0.5, localisation=6.0).rows(seen)
    np.testing.assert_allclose(found, 0.5 * np.cov(climate.T)[seen] * expected.T, atol=1e-12)
    problem = problem_of(climate, np.arange(6.0)[:, None], 6.0)
    problem.cyclic = True
    alike = climate_covariance(problem)
    np.testing.assert_allclose(np.diag(alike), np.diag(np.cov(climate.T)).mean())
    np.testing.assert_allclose(alike, np.roll(alike, 1, (0, 1)))
    np.testing.assert_array_equal(ClimateCovariance.of(problem).rows(seen), alike[seen])
    circle = Localisation.of(problem, 3.0)
    assert circle.shared is None
    assert circle.weights(np.arange(6))[0].tolist() == pytest.approx(
        taper(np.array([0, 1, 2, 3, 2, 1.0]), 3.0).tolist()
    )


def test_components_at_one_place_share_an_analysis() -> None:
    """Local weights of places are those of every component apart, of a filter and a smoother."""
    random = np.random.default_rng(2)
    members, where = random.standard_normal((5, 6)), np.array([0, 1, 2, 0, 1, 2])
    tapers = random.random((3, 2))
    seen = iterative.SeenNow(np.ones(2), np.ones(2), lambda m: m[:, :2])
    spread, departure = scaled(members[:, :2], seen.values, seen.variance)
    apart = applied(members, etkf(*local(spread, departure, tapers[where])))
    together = shared(etkf(*local(spread, departure, tapers)), where)
    np.testing.assert_allclose(applied(members, together), apart, atol=1e-12)
    window, advance = iterative.Window(members, 1), np.tanh
    kept = applied(members, relaxed(shared(etkf(*local(spread, departure, tapers)), where), 0.3))
    before, after = (m - m.mean(0) for m in (members, apart))
    np.testing.assert_allclose(kept, apart - 0.3 * after + 0.3 * before, atol=1e-12)
    one, _ = iterative.smoothed(window, members, seen, advance, taper=tapers[where])
    other, _ = iterative.smoothed(window, members, seen, advance, taper=tapers, where=where)
    np.testing.assert_allclose(other, one, atol=1e-12)
