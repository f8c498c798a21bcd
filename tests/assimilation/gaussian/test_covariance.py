"""Correlations are those of the definition, however they are tiled, and always a covariance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from dense import COVARIANCES, DEVICES, kernel_of
from hypothesis import given
from hypothesis import strategies as st
from rows import every
from scipy.optimize import brentq, minimize_scalar

from oceanbench.assimilation.gaussian.covariance import IN_CACHE, ZERO_CROSSING, Covariance
from oceanbench.errors import OceanbenchError

MANY = 2 * IN_CACHE + 7  # points: more than two tiles


def places(count: int, seed: int = 0, extent: float = 600.0) -> torch.Tensor:
    """Rows (x, y, time) of random points about the origin."""
    random = np.random.default_rng(seed)
    return torch.tensor(random.uniform(-1, 1, (3, count)) * [[extent], [extent], [extent / 20]])


@pytest.mark.parametrize("device", DEVICES)
@every("name", COVARIANCES)
def test_a_matrix_is_the_definition_in_every_tile(name: str, device: str) -> None:
    c, a, b = COVARIANCES[name], places(MANY), places(IN_CACHE + 1, 1)
    expected = torch.tensor(kernel_of(c)(a.numpy(), b.numpy()))
    scaled = [c.coordinates(*p.to(device)) for p in (a, b)]
    torch.testing.assert_close(c.matrix(*scaled).cpu(), expected, atol=1e-12, rtol=0)
    single = c.matrix(*scaled, dtype=torch.float32).cpu()
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), expected, atol=1e-7, rtol=0)


@pytest.mark.parametrize("device", DEVICES)
@every("name", COVARIANCES)
def test_products_are_those_of_the_matrix(name: str, device: str) -> None:
    c = COVARIANCES[name]
    a, b = (c.coordinates(*places(n, n).to(device)) for n in (MANY, IN_CACHE + 1))
    weights = torch.ones(MANY, 2, dtype=torch.float64, device=device).cumsum(0) / MANY
    own = c.matrix(a, a)
    torch.testing.assert_close(c.own_times(a, weights), own @ weights)
    torch.testing.assert_close(c.times(b, a, weights), c.matrix(b, a) @ weights)
    torch.testing.assert_close(c.matrix(a, a, lower=True).tril(), own.tril())
    torch.testing.assert_close(own, own.T)


@every("name", COVARIANCES)
def test_points_far_from_the_origin_lose_no_accuracy(name: str) -> None:
    """A basin of 10 000 km over four years, around which the coordinates are centred."""
    c, a = COVARIANCES[name], places(200, extent=10_000.0)
    a[:, 1::2] = a[:, ::2] + 20.0  # with near neighbours
    expected = torch.tensor(kernel_of(c)(a.numpy(), a.numpy()))
    scaled = c.coordinates(*a)
    torch.testing.assert_close(c.matrix(scaled, scaled), expected, atol=1e-9, rtol=0)


@every("name", COVARIANCES)
def test_a_covariance_is_positive_definite(name: str) -> None:
    scaled = COVARIANCES[name].coordinates(*places(300))
    assert torch.linalg.eigvalsh(COVARIANCES[name].matrix(scaled, scaled)).min() > -1e-10


@given(
    st.sampled_from(sorted(COVARIANCES)),
    st.floats(-1e3, 1e3),
    st.floats(-1e3, 1e3),
    st.floats(-50, 50),
)
def test_a_correlation_is_at_most_one_and_the_same_both_ways(
    name: str, x: float, y: float, days: float
) -> None:
    c = COVARIANCES[name]
    pair = c.coordinates(*torch.tensor([[0.0, x], [0.0, y], [0.0, days]], dtype=torch.float64))
    matrix = c.matrix(pair, pair)
    assert matrix.abs().max() <= 1 + 1e-12
    assert matrix[0, 1] == pytest.approx(float(matrix[1, 0]), abs=1e-12)
    assert matrix.diagonal().tolist() == pytest.approx([1.0, 1.0], abs=1e-11)


def test_what_moves_with_the_field_is_only_forgotten() -> None:
    """Along the path of propagation the correlation is that of time alone, largest there."""
    c = COVARIANCES["gaussian, moving"]
    days = torch.arange(1.0, 10.0, dtype=torch.float64)
    start = c.coordinates(*torch.zeros(3, 1, dtype=torch.float64))
    along = c.matrix(start, c.coordinates(c.speed_x * days, c.speed_y * days, days))[0]
    torch.testing.assert_close(along, torch.exp(-((days / c.length_time) ** 2)))
    against = c.matrix(start, c.coordinates(-c.speed_x * days, -c.speed_y * days, days))[0]
    assert (against < along).all()


def arhan(r: float) -> float:
    c = Covariance(1.0, 1.0, 1.0, shape="arhan")
    pair = torch.tensor([[0.0, 0.0, 0.0], [r, 0.0, 0.0]], dtype=torch.float64)
    return float(c.matrix(pair, pair)[0, 1])


def test_arhans_correlation_has_its_published_landmarks() -> None:
    root = brentq(lambda a: 1 + a + a**2 / 6 - a**3 / 6, 3, 4)
    assert root == pytest.approx(ZERO_CROSSING, abs=1e-6)
    assert arhan(1.0) == pytest.approx(0.0, abs=1e-6)
    assert arhan(0.5575) == pytest.approx(np.exp(-1), abs=1e-4)
    lowest = minimize_scalar(arhan, bounds=(1, 3), method="bounded")
    assert (lowest.x, lowest.fun) == (
        pytest.approx(1.447, abs=1e-3),
        pytest.approx(-0.072, abs=1e-3),
    )
    assert (1 - arhan(1e-3)) / 1e-6 == pytest.approx(3.71, rel=5e-3)


@pytest.mark.parametrize("lengths", [(1.0, 0.0, 1.0), (-1.0, 1.0, 1.0), (1.0, 1.0, np.nan)])
def test_lengths_must_be_positive(lengths: tuple[float, ...]) -> None:
    with pytest.raises(OceanbenchError, match="must be positive"):
        Covariance(*lengths)
