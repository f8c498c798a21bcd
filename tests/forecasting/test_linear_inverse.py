"""Damping and linear inverse models recover the systems that made the series."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oceanbench.errors import OceanbenchError
from oceanbench.forecasting.anomalies import Series
from oceanbench.forecasting.linear_inverse import InverseModel, damping, pairs, patterns, propagator

DAYS = np.arange("2001-01-01", "2001-05-01", dtype="M8[D]")


def system(size: int, seed: int, length: float = 0.95) -> np.ndarray:
    """A damped rotation in a random basis: x(t + 1) = A x(t)."""
    random = np.random.default_rng(seed)
    basis = np.eye(size) + 0.3 * random.standard_normal((size, size)) / np.sqrt(size)
    turn = np.linalg.qr(random.standard_normal((size, size)))[0]
    return basis @ (length * turn) @ np.linalg.inv(basis)


def episodes(matrix: np.ndarray, seed: int, count: int = 12, length: int = 9) -> Series:
    """Runs of a system from random states, with a gap in the days after each."""
    random = np.random.default_rng(seed)
    days, values = [], []
    for number in range(count):
        state = random.standard_normal(len(matrix))
        for day in range(length):
            days.append(DAYS[0] + number * (length + 40) + day)
            values.append(state)
            state = matrix @ state
    return Series(np.array(days), np.array(values))


@given(st.integers(2, 6), st.integers(0, 100))
def test_a_linear_system_is_recovered_and_its_propagators_are_powers(size, seed):
    matrix = system(size, seed)
    series = episodes(matrix, seed)
    one = propagator(series, 1)
    np.testing.assert_allclose(one, matrix, atol=1e-7)
    for lead in (2, 3, 5):
        found = propagator(series, lead)
        np.testing.assert_allclose(found, np.linalg.matrix_power(one, lead), atol=1e-6)


def test_noise_does_not_bias_the_propagator():
    matrix, random = system(3, 5, 0.8), np.random.default_rng(1)
    state, values = np.zeros(3), []
    for _ in range(20_000):
        state = matrix @ state + random.standard_normal(3)
        values.append(state)
    series = Series(DAYS[0] + np.arange(len(values)), np.array(values))
    for lead in (1, 3):
        expected = np.linalg.matrix_power(matrix, lead)
        np.testing.assert_allclose(propagator(series, lead), expected, atol=0.05)


@pytest.mark.parametrize("left", [0.3, 0.9])
def test_damping_of_geometric_decay_is_its_power(left):
    series = Series(DAYS, left ** np.arange(DAYS.size)[:, None] * np.array([1.0, -7.0, 0.0]))
    for lead in (1, 2, 10):
        expected = [left**lead, left**lead, 0.0]
        np.testing.assert_allclose(damping(series, lead), expected, rtol=1e-12)


def test_damping_of_a_first_order_process_and_of_each_value_alone():
    random, left = np.random.default_rng(0), np.array([0.5, 0.95])
    values = np.zeros((60_000, 2))
    for step in range(1, len(values)):
        values[step] = left * values[step - 1] + random.standard_normal(2)
    series = Series(DAYS[0] + np.arange(len(values)), values * [1.0, 1e3])
    for lead in (1, 4, 9):
        np.testing.assert_allclose(damping(series, lead), left**lead, atol=0.03)


def test_damping_is_never_negative():
    swing = Series(DAYS, np.cos(np.pi * np.arange(DAYS.size))[:, None])
    assert damping(swing, 1) == 0.0
    assert damping(swing, 2) == pytest.approx(1.0)


def test_pairs_leave_gaps_out():
    days = DAYS[[0, 1, 2, 5, 6, 9]]
    first, later = pairs(days, 1)
    assert (first.tolist(), later.tolist()) == ([0, 1, 3], [1, 2, 4])
    assert [p.tolist() for p in pairs(days, 4)] == [[1, 2, 3], [3, 4, 5]]
    with pytest.raises(OceanbenchError, match="no two of 6 maps are 30 days apart"):
        pairs(days, 30)


@pytest.mark.parametrize("shape", [(40, 15), (15, 40)])
def test_patterns_are_the_leading_singular_vectors(shape):
    values = np.random.default_rng(2).standard_normal(shape)
    found = patterns(values, 6)
    np.testing.assert_allclose(found.T @ found, np.eye(6), atol=1e-10)
    expected = np.linalg.svd(values)[2][:6].T
    np.testing.assert_allclose(np.abs((found * expected).sum(0)), 1.0, atol=1e-8)


@pytest.mark.parametrize("count", [0, 11])
def test_a_count_of_patterns_that_there_are_not_is_refused(count):
    with pytest.raises(OceanbenchError, match="give fewer"):
        patterns(np.eye(10, 30), count)
    with pytest.raises(OceanbenchError, match="vary in fewer ways"):
        patterns(np.outer(np.ones(10), np.ones(30)), 3)


def inverse_model(series: Series, count: int, *, powers: bool = False) -> InverseModel:
    functions = patterns(series.values, count)
    return InverseModel(functions, Series(series.days, series.values @ functions), powers)


@pytest.mark.parametrize("powers", [False, True])
def test_with_all_patterns_forecasts_of_a_linear_system_are_exact(powers):
    matrix = system(4, 3)
    model = inverse_model(episodes(matrix, 0), 4, powers=powers)
    start = np.random.default_rng(4).standard_normal((3, 4))
    expected = start @ np.linalg.matrix_power(matrix, 5).T
    found = model.forecast(start, 5, 4, np.full(4, 0.5))
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_what_the_patterns_do_not_hold_is_damped_and_nothing_else():
    """Two directions turn into each other; a third one, smaller, only decays."""
    matrix = np.zeros((3, 3))
    matrix[:2, :2] = 0.9 * np.array([[0.6, -0.8], [0.8, 0.6]])
    matrix[2, 2] = 0.7
    series = episodes(matrix, 0)
    series = series._replace(values=series.values * [10, 10, 1])
    found = inverse_model(series, 2).forecast(np.array([[0.0, 0.0, 1.0]]), 2, 2, np.full(3, 0.49))
    np.testing.assert_allclose(found[0, 2], 0.49, atol=0.02)
    np.testing.assert_allclose(found[0, :2], 0.0, atol=0.05)


def test_the_count_of_patterns_is_that_of_the_system_and_not_of_its_noise():
    """Two directions have a law, eight have none: the count chosen on other maps is two."""
    random = np.random.default_rng(0)
    law = 0.95 * np.array([[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]])

    def run(days: int) -> Series:
        state, values = np.zeros(2), []
        for _ in range(days):
            state = law @ state + random.standard_normal(2)
            values.append(np.concatenate([state, 0.8 * random.standard_normal(8)]))
        return Series(DAYS[0] + np.arange(days), np.array(values))

    model, nothing = inverse_model(run(120), 10), np.zeros(10)
    assert model.best_count(run(2000), 3, [1, 2, 5, 10], nothing) == 2
