"""Confidence intervals contain the truth about as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from builders import maps
from hypothesis import given
from hypothesis import strategies as st
from rows import every
from scipy import signal, stats

from oceanbench.metrics import METRICS, Sums
from oceanbench.metrics.probabilistic.points import mean_of
from oceanbench.metrics.sums import sums
from oceanbench.scoring import statistics
from oceanbench.scoring.statistics import (
    block_indices,
    block_length,
    decorrelation_time,
    interval,
    paired_difference,
)

RMSE = METRICS["rmse"].of_sums({})


def ar1(size: int, memory: float, seed: int) -> np.ndarray:
    """Stationary series of unit variance and zero mean."""
    shocks = np.random.default_rng(seed).standard_normal(size + 200) * np.sqrt(1 - memory**2)
    return signal.lfilter([1.0], [1.0, -memory], shocks)[200:]


def table(squared_error: np.ndarray, **changes: np.ndarray) -> Sums:
    """Sums of a series of daily mean squared errors, one point a day."""
    one = np.ones(squared_error.size)
    time = np.datetime64("2017-01-01", "ns") + np.arange(squared_error.size) * np.timedelta64(
        1, "D"
    )
    columns = {
        "case": time,
        "count": one,
        "weight": one,
        "error": squared_error,
        "squared_error": squared_error,
        "truth": one,
        "squared_truth": one,
    }
    return Sums(**{**columns, **changes})


def mean_squared_error(s: Sums):
    return s.squared_error.sum(-1) / s.weight.sum(-1)


@pytest.fixture
def fewer_replicates(monkeypatch):
    monkeypatch.setattr(statistics, "REPLICATES", 400)


def coverage(memory: float, size: int, trials: int = 200, independent: bool = False) -> float:
    hits = 0
    for seed in range(trials):
        series = 5 + ar1(size, memory, seed)
        if independent:
            index = np.random.default_rng(seed).integers(0, size, (400, size))
            low, high = np.quantile(series[index].mean(axis=1), [0.025, 0.975])
        else:
            found = interval(table(series), mean_squared_error)
            low, high = found.low, found.high
        hits += low <= 5 <= high
    return hits / trials


@pytest.mark.parametrize(
    ("memory", "size", "least"),
    [(0.0, 365, 0.89), (0.6, 365, 0.87), (0.8, 365, 0.84), (0.6, 42, 0.84)],  # 2020a has 42 days
)
def test_interval_covers_the_mean_of_correlated_days_nearly_as_often_as_it_says(
    memory, size, least, fewer_replicates
):
    assert least <= coverage(memory, size) <= 0.99


def test_bootstrap_of_single_days_would_not(fewer_replicates):
    assert coverage(0.8, 365, independent=True) < 0.65
    assert coverage(0.8, 365) > coverage(0.8, 365, independent=True) + 0.2


@pytest.mark.parametrize("memory", [0.3, 0.7, 0.9])
def test_decorrelation_time_of_an_autoregression_is_known(memory):
    """exp(-1) = memory^lag."""
    found = np.mean([decorrelation_time(ar1(5000, memory, seed)) for seed in range(5)])
    assert found == pytest.approx(np.ceil(-1 / np.log(memory)), rel=0.25)


@pytest.mark.parametrize(
    "series", [np.zeros(20), np.full(20, 0.3), np.arange(20.0), np.array([1.0])]
)
def test_decorrelation_time_of_a_degenerate_series_is_a_length_within_it(series):
    assert 1 <= decorrelation_time(series) <= series.size
    assert 1 <= block_length(series) <= max(1, series.size // 3)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 5))
def test_block_indices_are_runs_of_consecutive_days_on_a_circle(n, block, seed):
    index = block_indices(n, block, 7, seed)
    assert index.shape == (7, n)
    assert index.min() >= 0 and index.max() < n
    steps = np.diff(index, axis=1) % n
    inside = np.arange(1, n) % block != 0
    assert (steps[:, inside] == 1 % n).all()
    np.testing.assert_array_equal(index, block_indices(n, block, 7, seed))


def test_every_day_is_drawn_equally_often():
    count = np.bincount(block_indices(30, 7, 4000).ravel(), minlength=30)
    assert np.abs(count / count.mean() - 1).max() < 0.06


def test_interval_is_reproducible_and_encloses_the_score():
    s = table(5 + ar1(200, 0.5, 0))
    found = interval(s, RMSE)
    assert found == interval(s, RMSE)
    assert found.level == 0.95
    assert found.low < float(RMSE(s)) < found.high


def test_too_few_times_have_no_interval():
    assert interval(table(np.arange(8.0)), RMSE) is None
    assert interval(table(np.arange(1.0, 10.0)), RMSE) is not None
    for size, enough in ((8, False), (9, True)):
        pair = table(np.arange(1.0, size + 1)), table(np.arange(size, 0.0, -1))
        assert (paired_difference(*pair, RMSE) is not None) is enough


def test_the_shortest_series_have_blocks_of_one():
    assert [block_length(np.arange(float(n))) for n in (1, 2, 3, 5)] == [1, 1, 1, 1]
    assert decorrelation_time(np.array([3.0])) == decorrelation_time(np.full(9, 3.0)) == 1
    assert decorrelation_time(np.array([0.0, 1.0])) == 1
    np.testing.assert_array_equal(block_indices(1, 1, 4), np.zeros((4, 1)))


def test_score_without_a_number_has_no_interval():
    s = table(np.ones(20))
    assert interval(s, lambda s: np.full(s.weight.shape[:-1], np.nan)) is None


def test_identical_submissions_differ_by_exactly_nothing():
    s = table(5 + ar1(100, 0.5, 0))
    found = paired_difference(s, s, RMSE)
    assert (found.low, found.high) == (0.0, 0.0)


def test_paired_interval_is_narrower_than_two_separate_ones():
    """The days that are hard are hard for both."""
    hard = 5 + 2 * ar1(200, 0.7, 0)
    first = table(hard + 0.1 * np.abs(ar1(200, 0.0, 1)))
    second = table(hard + 0.3 + 0.1 * np.abs(ar1(200, 0.0, 2)))
    pair = paired_difference(first, second, mean_squared_error)
    separate = [interval(s, mean_squared_error) for s in (first, second)]
    assert pair.high < 0
    assert pair.high - pair.low < 0.2 * min(i.high - i.low for i in separate)
    assert separate[0].high > separate[1].low  # they overlap: separately nothing could be told
    other = paired_difference(second, first, mean_squared_error)
    assert (other.low, other.high) == pytest.approx((-pair.high, -pair.low))


def test_submissions_scored_at_other_times_are_not_compared():
    s = table(5 + ar1(100, 0.5, 0))
    later = table(s.squared_error, case=s.case + np.timedelta64(1, "D"))
    assert paired_difference(s, later, RMSE) is None
    assert paired_difference(s, table(s.squared_error[:-1]), RMSE) is None


def test_equal_methods_are_told_apart_hardly_more_often_than_the_level_says(fewer_replicates):
    wrong = 0
    for seed in range(200):
        hard = 5 + ar1(200, 0.6, seed)
        first = table(hard + 0.5 * ar1(200, 0.6, 1000 + seed))
        second = table(hard + 0.5 * ar1(200, 0.6, 2000 + seed))
        found = paired_difference(first, second, mean_squared_error)
        wrong += not found.low <= 0 <= found.high
    assert wrong / 200 <= 0.11


@every("name", [n for n in METRICS if METRICS[n].resampled and METRICS[n].needs != "windows"])
def test_every_score_with_an_interval_has_one_on_maps(name):
    truth = maps()["ssh"]
    estimate = maps(noise=0.2)["ssh"]
    if METRICS[name].probabilistic:
        estimate = xr.concat([maps(noise=0.2, seed=s)["ssh"] for s in range(5)], "member")
    term = METRICS[name].statistic_of(estimate, truth, 0 * truth + 1, {})
    s = sums(mean_of(estimate, truth, 0 * truth + 1), truth, 0 * truth + 1, term=term)
    found = interval(s, METRICS[name].of_sums({}))
    score = METRICS[name].function(estimate, truth, 0 * truth + 1)
    assert found.low - 1e-3 <= score <= found.high + 1e-3


def test_windows_are_resampled_one_by_one_whatever_their_order():
    errors = np.sort(np.random.default_rng(0).chisquare(3, 60))  # in time, a strong correlation
    windows = table(errors, case=np.arange(60))
    found = interval(windows, mean_squared_error)
    shuffled = interval(table(np.roll(errors, 30), case=np.arange(60)), mean_squared_error)
    exact = stats.t.ppf(0.975, 59) * errors.std(ddof=1) / np.sqrt(60)
    assert found.high - found.low == pytest.approx(2 * exact, rel=0.15)
    assert shuffled.high - shuffled.low == pytest.approx(found.high - found.low, rel=0.15)
    dated = interval(table(errors), mean_squared_error)
    assert dated.high - dated.low > 2 * (found.high - found.low)
