"""Few functions, solved iteratively, give the posterior of the covariance that they make."""

from __future__ import annotations

import numpy as np
import pytest
from rows import every

from oceanbench.assimilation.gaussian.reduced_order import Columns, shared_error, solve
from oceanbench.assimilation.gaussian.wavelets import Band, wavelets
from oceanbench.errors import OceanbenchError

EXTENT = ((0.0, 30.0), (0.0, 500.0), (0.0, 400.0))
BANDS = (Band(200.0, 9.0, 0.01), Band(350.0, 14.0, 0.03))


def at_points(count: int, seed: int) -> list[Columns]:
    random = np.random.default_rng(seed)
    places = [random.uniform(low, high, count) for low, high in EXTENT]
    return [wavelets(band, EXTENT, *places) for band in BANDS]


def problem(count: int = 150) -> tuple[list[Columns], np.ndarray, np.ndarray]:
    """Columns with the error of passes of ten, values, noise."""
    random = np.random.default_rng(9)
    columns = [*at_points(count, 1), shared_error(np.arange(count) // 10, 0.03)]
    return columns, 0.2 * random.standard_normal(count), random.uniform(1e-4, 4e-4, count)


def dense(columns: Columns) -> np.ndarray:
    return np.stack([columns.times(z) for z in np.eye(columns.size)], axis=1)


@pytest.mark.parametrize("part", range(3))
def test_the_two_products_are_adjoint(part: int) -> None:
    columns = problem()[0][part]
    random = np.random.default_rng(part)
    z, r = random.standard_normal(columns.size), random.standard_normal(150)
    left, right = columns.times(z) @ r, z @ columns.transposed(r)
    assert left == pytest.approx(right, rel=1e-12)
    np.testing.assert_allclose(columns.transposed(r), dense(columns).T @ r, atol=1e-12)


def test_the_solution_is_dense_optimal_interpolation() -> None:
    """With the covariance of the field S Sᵀ, that of the pass error and R, by explicit inverse."""
    columns, value, noise = problem()
    found = solve(columns, value, noise, tolerance=1e-13)
    elsewhere = at_points(60, 2)
    observed, wanted = ([dense(c) for c in parts] for parts in (columns, elsewhere))
    covariance = sum(s @ s.T for s in observed) + np.diag(noise)
    across = sum(w @ s.T for w, s in zip(wanted, observed[:2], strict=True))
    expected = across @ np.linalg.inv(covariance) @ value
    field = sum(c.times(z) for c, z in zip(elsewhere, found[:2], strict=True))
    np.testing.assert_allclose(field, expected, atol=1e-8)
    offset = observed[2] @ (observed[2].T @ np.linalg.inv(covariance) @ value)
    np.testing.assert_allclose(columns[2].times(found[2]), offset, atol=1e-8)


def test_the_error_of_a_pass_is_absorbed() -> None:
    """Offsets of passes alone: without their own amplitudes the field follows them."""
    columns, _, noise = problem(600)
    offset = np.repeat(0.05 * np.random.default_rng(4).standard_normal(60), 10)
    fields = []
    for used in (columns, columns[:2]):
        found = solve(used, offset, noise)[:2]
        fields.append(sum(c.times(z) for c, z in zip(columns[:2], found, strict=True)))
    assert fields[0].std() < 0.5 * fields[1].std()


def test_without_an_observation_the_amplitudes_are_zero() -> None:
    found = solve(at_points(0, 0), np.zeros(0), np.zeros(0))
    assert [z.size > 0 for z in found] == [True, True]
    assert not any(z.any() for z in found)


def test_the_same_observations_give_the_same_bits() -> None:
    for a, b in zip(solve(*problem()), solve(*problem()), strict=True):
        np.testing.assert_array_equal(a, b)


def test_iterations_that_do_not_suffice_are_refused() -> None:
    with pytest.raises(OceanbenchError, match="did not converge to 1e-05 in 3 iterations"):
        solve(*problem(), iterations=3)


@every(
    "change, words",
    [
        ({"value": np.full(150, np.nan)}, "'value' has missing values"),
        ({"noise": np.zeros(150)}, "noise is not positive"),
        ({"noise": np.full(150, np.nan)}, "noise is not positive"),
        ({"tolerance": 0.0}, "tolerance 0.0 must be between"),
        ({"tolerance": 1.0}, "tolerance 1.0 must be between"),
    ],
)
def test_what_has_no_posterior_is_refused(change: dict, words: str) -> None:
    columns, value, noise = problem()
    with pytest.raises(OceanbenchError, match=words):
        solve(columns, **{"value": value, "noise": noise, **change})
