"""The shared factorisation gives the posterior of every map exactly, for every covariance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from oceanbench.assimilation.covariance import ZERO_CROSSING, Covariance
from oceanbench.assimilation.fields import maps, values_at, variance
from oceanbench.assimilation.gaussian import Observations, solve
from oceanbench.errors import OceanbenchError

DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    ),
]
COVARIANCES = {
    "gaussian": Covariance(90.0, 120.0, 7.0),
    "gaussian, moving": Covariance(90.0, 120.0, 7.0, speed_x=-3.0, speed_y=1.5),
    "arhan": Covariance(200.0, 150.0, 9.0, shape="arhan"),
    "arhan, moving": Covariance(200.0, 150.0, 9.0, speed_x=-4.0, shape="arhan"),
}
X, Y = np.linspace(0, 600, 9), np.linspace(-50, 500, 7)
DATES = np.arange(10.0, 24.0)


def observed(correlated: float = 0.02, count: int = 300, seed: int = 0) -> Observations:
    random = np.random.default_rng(seed)
    time = np.sort(random.uniform(0.0, 35.0, count))
    place = random.uniform(0, 600, (2, count))
    noise = random.choice([0.01, 0.05], count)
    return Observations(
        time, *place, random.standard_normal(count), noise, np.arange(count) // 10, correlated
    )


def correlation(c: Covariance, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Rows (x, y, time) of points; straight from the definition."""
    dx, dy, dt = (p[:, None] - q for p, q in zip(a, b, strict=True))
    r = np.hypot((dx - c.speed_x * dt) / c.length_x, (dy - c.speed_y * dt) / c.length_y)
    if c.shape == "gaussian":
        space = np.exp(-(r**2))
    else:
        s = ZERO_CROSSING * r
        space = (1 + s + s**2 / 6 - s**3 / 6) * np.exp(-s)
    return space * np.exp(-((dt / c.length_time) ** 2))


def dense(o: Observations, c: Covariance, date: float, window: float) -> np.ndarray:
    """Posterior mean with an explicit inverse, map by map."""
    near = np.abs(o.time - date) < window
    points = np.stack([o.x, o.y, o.time])[:, near]
    error = np.diag(o.noise[near])
    if o.track is not None:
        error += o.correlated * (o.track[near][:, None] == o.track[near])
    y, x = np.meshgrid(Y, X, indexing="ij")
    nodes = np.stack([x.ravel(), y.ravel(), np.full(x.size, date)])
    inverse = np.linalg.inv(correlation(c, points, points) + error)
    return (correlation(c, nodes, points) @ inverse @ o.value[near]).reshape(x.shape)


def mapped(o: Observations, c: Covariance, window: float = 12.0, **options) -> np.ndarray:
    solved = solve(o, DATES, c, window=window, **options)
    return np.concatenate([maps(p, X, Y)[:, 0].cpu().numpy() for p in solved])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("correlated", [0.0, 0.02])
@pytest.mark.parametrize("name", COVARIANCES)
def test_maps_are_the_dense_posterior(name: str, correlated: float, device: str) -> None:
    o, c = observed(correlated), COVARIANCES[name]
    found = mapped(o, c, device=device)
    expected = np.stack([dense(o, c, date, 12.0) for date in DATES])
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize("group", [1, 3, 14, 50])
def test_the_size_of_a_group_does_not_matter(group: int) -> None:
    o, c = observed(), COVARIANCES["gaussian"]
    np.testing.assert_allclose(mapped(o, c, group=group), mapped(o, c), atol=1e-10)


def test_maps_without_an_observation_are_the_background() -> None:
    """Before, inside and after a gap longer than the window, also when a group holds all three."""
    o, c = observed(), COVARIANCES["gaussian"]
    kept = (o.time < 12.0) | (o.time > 22.0)
    thin = Observations(
        *(getattr(o, n)[kept] for n in ("time", "x", "y", "value", "noise", "track")), 0.02
    )
    found = mapped(thin, c, window=2.0)
    empty = [not (np.abs(thin.time - d) < 2.0).any() for d in DATES]
    assert any(empty)
    assert [not m.any() for m in found] == empty
    nothing = Observations(*(np.zeros(0) for _ in range(5)))
    assert not mapped(nothing, c).any()


def test_duplicated_observations_count_as_repeated_measurements() -> None:
    """Two equal ones with variance s are one with variance s / 2."""
    c = COVARIANCES["gaussian"]
    single = observed(0.0, 60)
    columns = {n: getattr(single, n) for n in ("time", "x", "y", "value", "noise")}
    twice = Observations(**{n: np.repeat(v, 2) for n, v in columns.items()})
    half = Observations(**{**columns, "noise": single.noise / 2})
    np.testing.assert_allclose(mapped(twice, c), mapped(half, c), atol=1e-9)


def test_duplicates_without_noise_are_refused() -> None:
    columns = {n: np.zeros(4) for n in ("x", "y", "value", "noise")}
    o = Observations(time=np.full(4, 12.0), **columns)
    with pytest.raises(OceanbenchError, match="singular"):
        mapped(o, COVARIANCES["gaussian"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"value": np.array([0.0, np.nan])}, "missing"),
        ({"noise": np.array([0.1, -0.1])}, "negative"),
        ({"correlated": -1.0}, "negative"),
        ({"time": np.array([2.0, 1.0])}, "not increasing"),
        ({"correlated": 0.1}, "number of the pass"),
    ],
)
def test_observations_without_a_posterior_are_refused(change: dict, words: str) -> None:
    columns = {n: np.array([0.0, 1.0]) for n in ("time", "x", "y", "value", "noise")}
    with pytest.raises(OceanbenchError, match=words):
        Observations(**{**columns, **change})


def test_arhans_correlation_crosses_zero_at_one_length() -> None:
    root = brentq(lambda a: 1 + a + a**2 / 6 - a**3 / 6, 3, 4)
    assert root == pytest.approx(ZERO_CROSSING, abs=1e-6)
    c = COVARIANCES["arhan"]
    place = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]], dtype=torch.float64)
    matrix = c.matrix(place, place)
    assert matrix[0, 0] == pytest.approx(1.0)
    assert abs(float(matrix[0, 1])) < 1e-6


@pytest.mark.parametrize("name", COVARIANCES)
def test_a_covariance_is_positive_definite(name: str) -> None:
    o, c = observed(), COVARIANCES[name]
    points = np.stack([o.x, o.y, o.time])
    assert np.linalg.eigvalsh(correlation(c, points, points)).min() > -1e-10


def test_lengths_must_be_positive() -> None:
    with pytest.raises(OceanbenchError, match="must be positive"):
        Covariance(1.0, 0.0, 1.0)
