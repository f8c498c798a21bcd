"""Boards tell apart what differs, and hardly ever what is equal."""

from __future__ import annotations

import numpy as np
import pytest
from correlated_days import methods
from hypothesis import given
from hypothesis import strategies as st
from rows import every

from oceanbench.metrics import METRICS
from oceanbench.scoring.comparison import (
    Standing,
    holm,
    letters,
    probabilities,
    ranks,
    told_apart,
)
from oceanbench.scoring.memory import spread
from oceanbench.scoring.statistics import Influence, Scale, of_sums

RMSE = METRICS["rmse"]


def standings(random: np.random.Generator, **world: float) -> list[Standing]:
    rows = []
    for sums in methods(random, **world):
        influence = of_sums(sums, RMSE.of_sums({}), RMSE.limits)
        rows.append(Standing(float(RMSE.of_sums({})(sums)), influence, (b"",)))
    return rows


@every("days, e_folding", [(42, 1.0), (42, 4.0), (42, 13.0), (52, 7.0), (365, 4.0)])
def test_thirteen_equal_methods_are_one_group_in_95_of_100_boards(days, e_folding):
    random = np.random.default_rng(days + int(e_folding))
    boards = [
        standings(random, days=days, e_folding=e_folding) for _ in range(60 if days < 100 else 20)
    ]
    parted = sum(bool(told_apart(rows).any()) for rows in boards)
    assert parted <= 0.1 * len(boards)


def test_what_is_better_is_found_as_often_as_the_documentation_says():
    """A tenth of the RMSE in a year of short memory, a half in six weeks."""
    random = np.random.default_rng(0)
    year = {"days": 365, "e_folding": 1.0, "common": 0.9, "better": 0.1}
    weeks = {"days": 42, "e_folding": 1.0, "common": 0.9, "better": 0.5}
    for world in (year, weeks):
        found = [told_apart(standings(random, **world))[0, 1:].mean() for _ in range(8)]
        assert np.mean(found) > 0.8


def row(score: float, *influences: float, cases: str = "") -> Standing:
    of_case = np.array(influences) - np.mean(influences) if influences else None
    influence = None if of_case is None else Influence(np.log(score), of_case, Scale(0.0), True)
    return Standing(score, influence, (cases.encode(),))


def noise(seed: int, size: int = 60) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(size)


def test_the_same_submission_is_never_told_apart_from_itself():
    rows = [row(1.0, *noise(0)), row(1.0, *noise(0)), row(1.0 + 1e-8, *(noise(0) + 1e-8))]
    assert not told_apart(rows).any()
    assert not told_apart([row(1.0), row(1.0)]).any()


def test_an_error_that_is_larger_by_one_factor_every_day_is_worse():
    assert told_apart([row(1.0, *noise(0)), row(1.01, *noise(0))])[0, 1]


def test_what_cannot_be_compared_by_its_cases_stands_as_its_scores_do():
    rows = [row(1.0), row(1.1, *noise(1)), row(1.2, *noise(2), cases="other")]
    assert np.isnan(probabilities(rows)[0, 1]) and np.isnan(probabilities(rows)[1, 2])
    assert ranks(told_apart(rows)) == [1, 2, 3]


def test_what_hides_the_difference_in_common_days_cancels():
    hard, small = noise(0), 0.01
    rows = [row(1.0, *(hard + small * noise(1))), row(1.02, *(hard + small * noise(2)))]
    assert told_apart(rows)[0, 1]
    apart = [row(1.0, *noise(3)), row(1.02, *noise(4))]
    assert not told_apart(apart).any()


@every("scale", [Scale(0.0), Scale()], ids=["one", "two"])
def test_a_difference_is_that_on_the_scale_that_both_have(scale):
    """On the logarithms, or on the scores where one of the two has no bound."""
    one, other = (noise(seed) - noise(seed).mean() for seed in (0, 1))
    rows = [
        row(2.0, *one),
        Standing(3.0, Influence(float(scale.to(3.0)), other, scale, True), (b"",)),
    ]
    if scale.bounded:
        series, difference = one - other, np.log(2.0 / 3.0)
    else:
        series, difference = 2.0 * one - other, -1.0
    want = spread(series, dated=True).tail(np.array(difference))
    assert probabilities(rows)[0, 1] == pytest.approx(float(want), rel=1e-6)


def test_holm_is_the_textbook_procedure():
    """Thresholds are alpha / m, alpha / (m - 1), …; after one that holds, none is rejected."""
    p = np.array([0.01, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(holm(p), [0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([])).size == 0
    assert holm(np.array([0.9, 0.8])).max() == 1.0


def orders(size: int):
    """Strict orders: of random pairs that agree with the numbers, with what follows from them."""
    pairs = st.lists(st.booleans(), min_size=size * size, max_size=size * size)

    def closed(chosen: list[bool]) -> np.ndarray:
        better = np.triu(np.array(chosen).reshape(size, size), 1)
        for k in range(size):
            better |= better[:, [k]] & better[[k]]
        return better

    return pairs.map(closed)


@given(orders(7))
def test_two_share_a_letter_if_and_only_if_they_are_not_told_apart(better):
    found = letters(better)
    for i in range(7):
        assert found[i]
        for j in range(7):
            apart = better[i, j] or better[j, i]
            assert bool(set(found[i]) & set(found[j])) is not bool(apart)


@given(orders(7))
def test_ranks_agree_with_what_is_better(better):
    """Who is worse has a larger rank; those that the same ones beat have the same."""
    found = ranks(better)
    assert min(found) == 1
    for i, j in np.argwhere(better):
        assert found[i] < found[j]
    for i in range(7):
        for j in range(7):
            same = (better[:, i] == better[:, j]).all()
            assert not same or found[i] == found[j]


@every(
    "better, want",
    [
        (np.zeros((0, 0), dtype=bool), []),
        (np.zeros((1, 1), dtype=bool), ["a"]),
        (np.zeros((3, 3), dtype=bool), ["a", "a", "a"]),
        (np.triu(np.ones((3, 3), dtype=bool), 1), ["a", "b", "c"]),
        (np.triu(np.ones((3, 3), dtype=bool), 2), ["a", "ab", "b"]),
    ],
)
def test_letters_of_small_boards(better, want):
    assert letters(better) == want
