"""Confidence intervals contain the truth about as often as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr
from builders import maps
from correlated_days import DAY, FIRST, remembering, table
from hypothesis import given
from hypothesis import strategies as st
from rows import every
from scipy import linalg, stats

from oceanbench.metrics import METRICS, Sums
from oceanbench.metrics.cases import Parts, parts_of_tables
from oceanbench.metrics.probabilistic.points import mean_of
from oceanbench.metrics.sums import sums
from oceanbench.scoring import memory
from oceanbench.scoring.statistics import Scale, influence, interval, of_parts, of_sums

RMSE = METRICS["rmse"].of_sums({})


def series(squared_error: np.ndarray, **changes: np.ndarray) -> Sums:
    """Sums of a series of daily mean squared errors, one point a day."""
    one = np.ones(squared_error.size)
    columns = {
        "case": FIRST + DAY * np.arange(squared_error.size),
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


def ar1(size: int, memory: float, seed: int) -> np.ndarray:
    e_folding = -1.0 / np.log(memory) if memory else 0.0
    return remembering(np.random.default_rng(seed), (), size, e_folding)


# --- coverage: tests/benchmarks/intervals_and_ranks.py is the whole study -------------------------

RIGHT = {"rmse": 1.0, "rmse_score": 1 - 1 / 3, "nmse": 1 / 9, "crps": math.sqrt(2 / math.pi)}


@pytest.mark.parametrize(
    ("days", "of_error", "of_truth"), [(42, 1, 1), (42, 4, 4), (42, 13, 13), (365, 7, 7)]
)
def test_interval_holds_the_right_value_as_often_as_it_says(days, of_error, of_truth):
    random, trials = np.random.default_rng(days + of_error), 200 if days < 100 else 60
    hits = dict.fromkeys(RIGHT, 0)
    for _ in range(trials):
        error = remembering(random, (8,), days, of_error)
        truth = 3.0 * remembering(random, (8,), days, of_truth)
        found = table(error, truth, np.abs(error))
        for name, right in RIGHT.items():
            spread = interval(found, METRICS[name].of_sums({}), METRICS[name].limits)
            hits[name] += spread.low <= right <= spread.high
    for name, count in hits.items():
        assert 0.88 <= count / trials <= 1.0, name


def test_interval_that_took_days_for_independent_would_not():
    """The days of one memory of 13 days are about one."""
    hits = 0
    for seed in range(50):
        days = 5 + ar1(365, math.exp(-1 / 13), seed)
        found = interval(series(days, case=np.arange(365)), mean_squared_error)
        hits += found.low <= 5 <= found.high
    assert hits / 50 < 0.6


# --- what intervals are made of -------------------------------------------------------------------


@every("n", [9, 42])
@every("e_folding", [0.5, 3.0, 30.0])
def test_variances_of_cosines_are_those_of_the_covariance_matrix(n, e_folding):
    decay = np.exp(-1.0 / e_folding)
    cosines = memory.fft.dct(np.eye(n), norm="ortho", axis=0)
    want = np.diag(cosines @ linalg.toeplitz(decay ** np.arange(n)) @ cosines.T)
    np.testing.assert_allclose(memory._variances(np.array([decay]), n)[0], want, rtol=1e-9)


@every("n, dated", [(n, dated) for n in (3, 10, 42, 365) for dated in (True, False)])
def test_reach_is_where_the_tail_is_as_asked_for(n, dated):
    random = np.random.default_rng(n)
    size = 10.0 ** np.arange(-9, 9)[:, None]
    found = memory.spread(size * random.standard_normal((18, n)).cumsum(-1), dated=dated)
    for level in (0.5, 0.95, 0.999):
        np.testing.assert_allclose(found.tail(found.reach(level)), 1 - level, rtol=1e-11)
    assert memory.spread(np.zeros(n), dated=dated).reach(0.95) == 0.0
    assert np.isnan(memory.spread(np.full(n, np.nan), dated=dated).reach(0.95))


def test_models_are_white_noise_memories_up_to_nine_tenths_and_mixtures():
    variances, prior = memory.models(20)
    e_folding = np.geomspace(0.5, 18.0, 16)
    pure = memory._variances(np.exp(-1.0 / e_folding), 20)
    want = np.vstack([np.ones((1, 20)), pure, 0.3 + 0.7 * pure, 0.6 + 0.4 * pure])
    np.testing.assert_allclose(variances, want, rtol=1e-12)
    np.testing.assert_allclose(prior, [2.2, *[1 / 16] * 16, *[1 / 32] * 32])


def test_independent_cases_have_students_interval():
    errors = np.random.default_rng(0).chisquare(3, 60)
    windows = series(errors, case=np.arange(60))
    found = interval(windows, mean_squared_error)
    exact = stats.t.ppf(0.975, 59) * errors.std(ddof=1) / np.sqrt(60)
    assert found.high - found.low == pytest.approx(2 * exact, rel=0.01)
    shuffled = interval(series(np.roll(errors, 30), case=np.arange(60)), mean_squared_error)
    assert shuffled.high - shuffled.low == pytest.approx(found.high - found.low, rel=0.01)


def test_days_that_remember_have_wider_intervals():
    days = 5 + ar1(200, 0.9, 0)
    dated = interval(series(days), mean_squared_error)
    independent = interval(series(days, case=np.arange(200)), mean_squared_error)
    assert dated.high - dated.low > 2 * (independent.high - independent.low)


def test_influence_on_a_mean_is_the_deviation_from_it():
    days = 5 + ar1(50, 0.5, 1)
    found = of_sums(series(days), mean_squared_error, (-math.inf, math.inf))
    np.testing.assert_allclose(found.of_case, days - days.mean(), atol=1e-9)
    assert found.value == pytest.approx(days.mean())


def test_influence_on_a_ratio_is_that_of_both_parts():
    error, truth = 5 + ar1(80, 0.3, 0), 40 + 5 * ar1(80, 0.8, 1)
    found = of_sums(series(error, squared_truth=truth), METRICS["rmse_score"].of_sums({}), (-9, 1))
    want = -(error / error.mean() - truth / truth.mean()) / 2
    assert np.corrcoef(found.of_case, want)[0, 1] > 0.99


def test_long_series_are_resampled_in_runs():
    days = 5 + ar1(3000, 0.9, 0)
    found = of_sums(series(days), mean_squared_error, (-math.inf, math.inf))
    assert found.of_case.size <= 400
    assert 0.1 < found.interval().high - found.interval().low < 0.5  # 4 / sqrt(3000 / 19) = 0.32


@given(st.floats(-1e3, 1e3), st.sampled_from([(0.0, 9e9), (-math.inf, 2e3), (0, math.inf)]))
def test_a_scale_leads_back(value, bounds):
    scale = Scale(*map(float, bounds))
    score = value if bounds[0] == -math.inf else abs(value) + 1e-3
    assert scale.back(float(scale.to(score))) == pytest.approx(score, rel=1e-6, abs=1e-6)


def test_no_interval_crosses_the_bound_of_its_score():
    few = series(np.random.default_rng(0).chisquare(1, 10))
    assert interval(few, RMSE, METRICS["rmse"].limits).low > 0
    assert interval(few, METRICS["rmse_score"].of_sums({}), METRICS["rmse_score"].limits).high < 1


def test_a_perfect_score_has_an_interval_of_no_width():
    found = interval(series(np.zeros(20)), RMSE, METRICS["rmse"].limits)
    assert (found.low, found.high) == (0.0, 0.0)


def test_interval_is_reproducible_and_encloses_the_score():
    s = series(5 + ar1(200, 0.5, 0))
    found = interval(s, RMSE)
    assert found == interval(s, RMSE)
    assert found.level == 0.95
    assert found.low < float(RMSE(s)) < found.high


def test_too_few_times_have_no_interval():
    assert interval(series(np.arange(8.0)), RMSE) is None
    assert interval(series(np.arange(1.0, 10.0)), RMSE) is not None


def test_score_without_a_number_has_no_interval():
    s = series(np.ones(20))
    assert interval(s, lambda s: np.full(s.weight.shape[:-1], np.nan)) is None


@every("name", ["rmse_score_std", "daily_rmse_score_std", "reliability_index"])
def test_what_resampling_says_nothing_of_has_no_interval(name):
    assert METRICS[name].of_sums({}) is None
    assert not METRICS[name].resampled
    assert METRICS["rmse"].resampled and METRICS["resolved_wavelength"].resampled


# --- scores that are no sums ----------------------------------------------------------------------


def test_parts_of_tables_make_their_total_and_have_the_interval_of_sums():
    random = np.random.default_rng(0)
    k = np.arange(1.0, 6.0)
    tables = [np.vstack([k, random.chisquare(5, 5), np.ones(5)]) for _ in range(40)]
    parts = parts_of_tables(FIRST + DAY * np.arange(40), tables)
    np.testing.assert_allclose(parts.whole(np.ones(40))[1:], np.sum(tables, axis=0)[1:])

    def mean(table: np.ndarray) -> float:
        return float(table[1].sum() / table[2].sum())

    daily = np.array([mean(t) for t in tables])
    found = of_parts(parts, mean, (0.0, math.inf)).interval()
    want = interval(series(daily), mean_squared_error, (0.0, math.inf))
    assert (found.low, found.high) == pytest.approx((want.low, want.high), rel=1e-6)


def test_tables_of_other_columns_have_no_parts():
    tables = [np.ones((2, 3)), np.ones((2, 4))]
    assert parts_of_tables(FIRST + DAY * np.arange(2), tables) is None


def test_a_score_that_is_rarely_without_a_number_keeps_its_interval():
    jumps = np.random.default_rng(0).normal(10.0, 1.0, 60)
    parts = Parts(np.arange(60), lambda counts: counts @ jumps / counts.sum())
    assert of_parts(parts, lambda v: v if v > 9.7 else math.nan, (0.0, math.inf)) is not None
    assert of_parts(parts, lambda v: v if v > 10.0 else math.nan, (0.0, math.inf)) is None


def test_influences_on_a_bent_score_vary_as_it_does():
    """Of a largest mean of many: the regression on the cases explains a part of its variance."""
    for seed in range(3):
        columns = np.random.default_rng(seed).standard_normal((40, 30))
        parts = Parts(np.arange(40), lambda c, x=columns: c @ x / c.sum())
        found = of_parts(parts, lambda means: float(means.max()), (-math.inf, math.inf))
        random = np.random.default_rng(seed + 100)
        drawn = [columns[random.integers(0, 40, 40)].mean(axis=0).max() for _ in range(2000)]
        assert found.of_case.var() / 40 == pytest.approx(np.var(drawn), rel=0.2)


def test_influence_needs_no_smooth_score():
    """Of a median: half the spacing would make a jackknife fail."""
    widths = []
    for seed in range(10):
        values = np.random.default_rng(seed).normal(10.0, 1.0, 100)

        def median(index: np.ndarray, values: np.ndarray = values) -> np.ndarray:
            return np.median(values[index], axis=-1)

        found = influence(median, 100, (-math.inf, math.inf), dated=False).interval()
        widths.append(found.high - found.low)
    assert np.mean(widths) == pytest.approx(2 * 1.98 * math.sqrt(math.pi / 200), rel=0.15)


@every("name", [n for n in METRICS if METRICS[n].of_sums({}) and METRICS[n].needs != "windows"])
def test_every_score_with_an_interval_has_one_on_maps(name):
    truth = maps()["ssh"]
    estimate = maps(noise=0.2)["ssh"]
    if METRICS[name].probabilistic:
        estimate = xr.concat([maps(noise=0.2, seed=s)["ssh"] for s in range(8)], "member")
    term = METRICS[name].statistic_of(estimate, truth, 0 * truth + 1, {})
    s = sums(mean_of(estimate, truth, 0 * truth + 1), truth, 0 * truth + 1, term=term)
    found = interval(s, METRICS[name].of_sums({}), METRICS[name].limits)
    score = METRICS[name].function(estimate, truth, 0 * truth + 1)
    assert found.low - 1e-3 <= score <= found.high + 1e-3
