"""Differences of scores of the same cases: closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from oceanbench.scoring.pairs import paired
from oceanbench.scoring.statistics import Influence, Scale

CASES = 40


def score(value: float, seed: int, scale: Scale, *, common: float = 0.0) -> Influence:
    """A score on a scale, whose cases are independent but for what they share."""
    shared = np.random.default_rng(99).standard_normal(CASES)
    own = np.random.default_rng(seed).standard_normal(CASES)
    of_case = common * shared + 0.1 * own
    return Influence(value, of_case - of_case.mean(), scale, dated=False)


def student(first: Influence, second: Influence) -> np.ndarray:
    """Interval of a paired difference of means of independent normal cases."""
    error = (first.of_case - second.of_case).std(ddof=1) / np.sqrt(CASES)
    reach = stats.t.ppf(0.975, CASES - 1) * error
    return first.value - second.value + reach * np.array([-1.0, 1.0])


def test_of_independent_cases_the_interval_is_that_of_student() -> None:
    first, second = (score(v, seed, Scale(), common=3.0) for v, seed in ((1.0, 1), (1.02, 2)))
    found = paired(first, second)
    assert found is not None and found.ratio is None
    bounds = [found.difference.low, found.difference.high]
    np.testing.assert_allclose(bounds, student(first, second), rtol=1e-6)
    assert not found.sure
    assert bounds[1] - bounds[0] < 0.2  # what they share is no error of the difference


def test_scores_from_zero_are_compared_by_their_ratio() -> None:
    values = np.log([0.9, 1.2])
    first, second = (score(v, k, Scale(low=0.0)) for k, v in enumerate(values))
    found = paired(first, second)
    assert found is not None and found.ratio is not None and found.sure
    ratio = np.array([found.ratio.low, found.ratio.high])
    np.testing.assert_allclose(ratio, np.exp(student(first, second)), rtol=1e-6)
    bounds = [found.difference.low, found.difference.high]
    half = 2.0 * np.sqrt(0.9 * 1.2) * np.sinh(np.log(ratio) / 2.0)
    np.testing.assert_allclose(bounds, half, rtol=1e-9)
    middle = 2.0 * np.sqrt(0.9 * 1.2) * np.sinh(np.log(0.9 / 1.2) / 2.0)
    assert middle == pytest.approx(0.9 - 1.2)


def test_to_turn_them_round_turns_the_difference() -> None:
    for scale in (Scale(low=0.0), Scale(high=1.0), Scale(0.0, 1.0)):
        first, second = score(-0.3, 1, scale), score(0.4, 2, scale)
        one, other = paired(first, second), paired(second, first)
        assert one is not None and other is not None and one.sure == other.sure
        if one.ratio and other.ratio:
            assert one.ratio.low == pytest.approx(1.0 / other.ratio.high)
        assert one.difference.low == pytest.approx(-other.difference.high)


def test_what_is_bounded_above_is_compared_on_the_score_itself() -> None:
    scale = Scale(high=1.0)
    first, second = score(2.0, 1, scale), score(2.0, 2, scale)
    found = paired(first, second)
    assert found is not None and found.ratio is None
    slope = np.exp(-2.0)  # of 1 - exp(-value)
    error = slope * (first.of_case - second.of_case).std(ddof=1) / np.sqrt(CASES)
    assert found.difference.high == pytest.approx(error * stats.t.ppf(0.975, CASES - 1), rel=1e-3)


def test_equal_scores_are_not_told_apart() -> None:
    one = score(0.2, 1, Scale(low=0.0))
    found = paired(one, one)
    assert found is not None and not found.sure
    assert found.difference.low == found.difference.high == 0.0
