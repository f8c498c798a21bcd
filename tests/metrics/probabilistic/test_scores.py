"""Scores of distributions: closed forms, perfect and poor estimates, and what must not matter."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import every
from scipy import integrate, stats

from oceanbench.errors import OceanbenchError
from oceanbench.metrics import METRICS
from oceanbench.metrics.probabilistic import calibration, points
from oceanbench.metrics.probabilistic.calibration import pit_histogram, spread_skill_curve
from oceanbench.metrics.probabilistic.distribution import Ensemble, Gaussian
from oceanbench.metrics.probabilistic.scores import least_coverage

FIRST = np.datetime64("2012-10-22", "ns")
SHAPE = (40, 25, 30)
SCORES = [
    name
    for name, m in METRICS.items()
    if m.probabilistic and m.needs != "windows" and m.summed is not None
    if not (m.joint or m.of_draws or m.of_posterior)
]


def field(values: np.ndarray, *dims: str) -> xr.DataArray:
    dims = dims or ("member",) * (values.ndim == 4) + ("time", "latitude", "longitude")
    coords = {d: np.arange(n) * 1.0 for d, n in zip(dims, values.shape, strict=True)}
    coords["time"] = FIRST + np.arange(values.shape[dims.index("time")]) * np.timedelta64(1, "D")
    coords.pop("member", None)
    return xr.DataArray(values, dims=dims, coords=coords)


def gaussian(mean: xr.DataArray, std: xr.DataArray | float) -> xr.DataArray:
    std = mean * 0 + std
    return xr.concat([mean, std], xr.DataArray(["mean", "std"], dims="moment", name="moment"))


def drawn(members: int, *, spread: float = 1.0, seed: int = 0, shape: tuple[int, ...] = SHAPE):
    """Centre and deviation of a distribution at each point, members and a truth drawn from it.

    Members are drawn with a deviation ``spread`` times as large: 1 is a perfect ensemble.
    """
    random = np.random.default_rng(seed)
    centre = 2.0 * random.standard_normal(shape)
    std = random.uniform(0.5, 1.5, shape)
    truth = centre + std * random.standard_normal(shape)
    ensemble = centre + spread * std * random.standard_normal((members, *shape))
    return field(ensemble), field(truth), field(centre), field(std)


def score(name: str, estimate: xr.DataArray, truth: xr.DataArray, weights=None, **options):
    weights = xr.ones_like(truth) if weights is None else weights
    return METRICS[name].function(estimate, truth, weights, **options)


# --- the CRPS is an integral --------------------------------------------------------------------


def integral(distribution, truth: float) -> float:
    """CRPS as the squared distance of two distribution functions."""
    below, _ = integrate.quad(lambda v: distribution(v) ** 2, -np.inf, truth, limit=200)
    above, _ = integrate.quad(lambda v: (1 - distribution(v)) ** 2, truth, np.inf, limit=200)
    return below + above


@every("mean, std, truth", [(0, 1, 0), (0.3, 0.2, 0.9), (-2, 3, 1.5)])
def test_crps_of_a_gaussian_is_the_integral(mean, std, truth):
    found = Gaussian(np.array([mean]), np.array([std])).crps(np.array([truth]), "fair")
    want = integral(stats.norm(mean, std).cdf, truth)
    assert found[0] == pytest.approx(want, rel=1e-7)


@every("members", [2, 3, 8])
@every("truth", [-3.0, 0.1, 2.0])
def test_plain_crps_of_an_ensemble_is_the_integral_of_its_steps(members, truth):
    values = np.random.default_rng(members).standard_normal(members)
    nodes = np.sort(np.r_[values, truth])
    steps = (values[:, None] <= nodes[:-1]).mean(axis=0) - (truth <= nodes[:-1])
    want = float((steps**2 * np.diff(nodes)).sum())
    found = Ensemble(values[:, None], values[:, None], 0.0).crps(np.array([truth]), "plain")
    assert found[0] == pytest.approx(want, rel=1e-12)


@given(st.integers(2, 9), st.integers(0, 1000))
def test_crps_by_sorting_is_the_double_sum(members, seed):
    x = np.random.default_rng(seed).standard_normal((members, 4)) + 290
    truth = np.random.default_rng(seed + 1).standard_normal(4) + 290
    pairs = np.abs(x[:, None] - x[None]).sum(axis=(0, 1))
    for estimator, count in (("plain", members**2), ("fair", members * (members - 1))):
        want = np.abs(x - truth).mean(axis=0) - pairs / count / 2
        np.testing.assert_allclose(Ensemble(x, x, 0.0).crps(truth, estimator), want, atol=1e-12)


def test_crps_of_one_value_is_its_mean_absolute_error():
    ensemble, truth, _, _ = drawn(3)
    one = ensemble.isel(member=0)
    assert score("crps", one, truth) == pytest.approx(float(np.abs(one - truth).mean()), rel=1e-12)


def test_crps_of_a_sharp_gaussian_tends_to_the_absolute_error():
    _, truth, centre, _ = drawn(2)
    want = score("crps", centre, truth)
    assert score("crps", gaussian(centre, 1e-9), truth) == pytest.approx(want, rel=1e-7)


@pytest.mark.parametrize(("name", "method"), [("fair_crps", "fair"), ("crps", "ecdf")])
def test_crps_is_that_of_scores(name, method):
    probability = pytest.importorskip("scores.probability")
    ensemble, truth, _, _ = drawn(9, shape=(5, 4, 6))
    want = float(probability.crps_for_ensemble(ensemble, truth, "member", method=method))
    assert score(name, ensemble, truth) == pytest.approx(want, rel=1e-12)


# --- a perfect ensemble -------------------------------------------------------------------------


@every("members", [8, 20])
def test_fair_crps_of_a_perfect_ensemble_of_any_size_is_that_of_its_distribution(members):
    """sigma / sqrt(pi)."""
    ensemble, truth, centre, std = drawn(members)
    want = float(std.mean()) / np.sqrt(np.pi)
    assert score("fair_crps", ensemble, truth) == pytest.approx(want, rel=0.02)
    assert score("crps", gaussian(centre, std), truth) == pytest.approx(want, rel=0.02)


@every("members", [2, 5, 20])
def test_plain_crps_over_rmse_of_a_perfect_ensemble_is_known(members):
    random = np.random.default_rng(1)
    truth, ensemble = (random.standard_normal((*m, *SHAPE)) for m in ((), (members,)))
    arrays = field(ensemble), field(truth)
    rmse = score("rmse", arrays[0].mean("member"), arrays[1])
    ratio = score("crps", *arrays) / rmse
    assert ratio == pytest.approx(np.sqrt((1 + 1 / members) / np.pi), rel=0.01)


@every("members", [2, 5, 20])
def test_spread_of_a_perfect_ensemble_is_its_error(members):
    ensemble, truth, centre, std = drawn(members)
    assert score("spread_skill", ensemble, truth) == pytest.approx(1.0, abs=0.01)
    assert score("spread_skill", gaussian(centre, std), truth) == pytest.approx(1.0, abs=0.01)


@every("level", [0.5, 0.8, 0.9])
@every("members", [2, 5, 9, 10, 20])
def test_perfect_ensemble_of_any_size_covers_what_it_says(level, members):
    ensemble, truth, centre, std = drawn(members)
    assert score("coverage", ensemble, truth, level=level) == pytest.approx(level, abs=0.006)
    perfect = gaussian(centre, std)
    assert score("coverage", perfect, truth, level=level) == pytest.approx(level, abs=0.006)


def test_quantiles_of_few_members_would_cover_too_little():
    ensemble, truth, _, _ = drawn(10)
    low, high = ensemble.quantile([0.05, 0.95], "member")
    assert float(((truth > low) & (truth < high)).mean()) < 0.83


@every("members", [2, 9, 20])
def test_histogram_of_a_perfect_ensemble_of_any_size_is_flat(members):
    ensemble, truth, centre, std = drawn(members)
    for estimate in (ensemble, gaussian(centre, std)):
        assert score("reliability_index", estimate, truth) < 0.03
        counts = pit_histogram(estimate, truth, xr.ones_like(truth), bins=7)
        assert counts.sum() == pytest.approx(1.0)
        np.testing.assert_allclose(counts, 1 / 7, atol=0.01)


def test_histogram_with_one_bin_for_each_rank_counts_the_ranks():
    ensemble, truth, _, _ = drawn(4, spread=0.6)
    ranks = (ensemble < truth).sum("member").values.ravel()
    found = pit_histogram(ensemble, truth, xr.ones_like(truth), bins=5)
    np.testing.assert_allclose(found, np.bincount(ranks, minlength=5) / ranks.size, atol=1e-12)


@every("members", [2, 20])
def test_interval_score_of_the_right_gaussian_is_better_than_of_a_wrong_one(members):
    """And known: 2 z sigma + 4 sigma / alpha (phi(z) - z alpha / 2), with alpha = 1 - level."""
    _, truth, centre, std = drawn(members)
    right = score("interval_score", gaussian(centre, std), truth)
    alpha, z = 0.1, stats.norm.ppf(0.95)
    expected = 2 * z + 4 / alpha * (stats.norm.pdf(z) - z * alpha / 2)
    assert right == pytest.approx(expected * float(std.mean()), rel=0.01)
    for factor in (0.5, 0.8, 1.25, 2.0):
        assert score("interval_score", gaussian(centre, factor * std), truth) > right


def test_interval_of_an_ensemble_ends_at_its_order_statistics():
    """Of 19 members, 90 % lie between the first and last, 80 % between the second and 18th."""
    members = np.arange(19.0)[::-1, None]
    ensemble = Ensemble(members, members, 0.0)
    bounds = {0.9: (0, 18), 0.8: (1, 17), 0.5: (4, 14), 0.85: (0.5, 17.5), 0.99: (0, 18)}
    for level, want in bounds.items():
        assert np.ravel(ensemble.interval(level)) == pytest.approx(want)
    for pair in (members[:2], members[:3]):
        low, high = Ensemble(pair, pair, 0.0).interval(0.2)
        assert low <= high


# --- and a poor one -----------------------------------------------------------------------------


def test_ensemble_of_half_the_spread_is_too_sure_and_its_histogram_a_u():
    ensemble, truth, _, _ = drawn(20, spread=0.5)
    assert score("spread_skill", ensemble, truth) == pytest.approx(0.5, abs=0.03)
    assert score("coverage", ensemble, truth) < 0.65
    for count, level in ((2, 0.9), (4, 0.9), (18, 0.9), (19, 0.9), (2, 0.5)):
        same = xr.concat([ensemble.isel(member=0)] * count, "member")
        least = least_coverage(count, level)
        assert score("coverage", same, truth, level=level) == pytest.approx(least), count
    counts = pit_histogram(ensemble, truth, xr.ones_like(truth), bins=21)
    assert counts[[0, -1]].min() > 3 / 21 > 1.5 * counts[8:13].max()
    assert score("reliability_index", ensemble, truth) > 0.4


@pytest.mark.parametrize("form", ["ensemble", "gaussian"])
def test_calibration_is_farther_from_ideal_the_more_the_spread_is_wrong(form):
    for factors in ([1.0, 0.8, 0.5, 0.25], [1.0, 1.4, 2.0, 4.0]):
        found = []
        for factor in factors:
            ensemble, truth, centre, std = drawn(20, spread=factor)
            estimate = ensemble if form == "ensemble" else gaussian(centre, factor * std)
            found.append({name: score(name, estimate, truth) for name in SCORES})
        for name in set(SCORES) - {"spread_error_correlation"}:  # of which only the place matters
            ideal = METRICS[name].ideal_of({})
            badness = [abs(f[name] - ideal) for f in found]
            assert all(a < b for a, b in itertools.pairwise(badness)), (name, badness)


@every("width, found", [(0.25, 0.26), (0.5, 0.45), (1.0, 0.69)])
def test_spread_of_a_perfect_estimate_tells_where_as_far_as_an_error_can_be_told(width, found):
    """As the docstring says; a spread that is wrong by an increasing function tells as much."""
    random = np.random.default_rng(0)
    std = np.exp(width * random.standard_normal((4, 100, 100)))
    truth, centre = field(std * random.standard_normal(std.shape)), field(np.zeros(std.shape))
    told = score("spread_error_correlation", gaussian(centre, field(std)), truth)
    assert told == pytest.approx(found, abs=0.01)
    other = score("spread_error_correlation", gaussian(centre, field(2 * std**3)), truth)
    assert other == pytest.approx(told, rel=1e-9)
    ranks = [
        stats.spearmanr(s.ravel(), abs(t).ravel())[0]
        for s, t in zip(std, truth.values, strict=True)
    ]
    assert told == pytest.approx(np.mean(ranks), rel=1e-9)


def test_a_spread_that_is_the_same_everywhere_tells_nothing():
    _, truth, centre, _ = drawn(6, shape=(4, 5, 6))
    assert score("spread_error_correlation", gaussian(centre, 1.0), truth) == 0.0
    shifts = xr.DataArray([-1.0, 0.1, 0.9], dims="member")
    assert score("spread_error_correlation", centre + shifts, truth) == 0.0


def test_bias_shows_on_one_side_of_the_histogram():
    ensemble, truth, _, _ = drawn(20)
    counts = pit_histogram(ensemble + 1.0, truth, xr.ones_like(truth))
    assert counts[0] > 0.25
    assert counts[-1] < 0.05


def test_curve_of_a_perfect_ensemble_follows_the_diagonal_and_sees_where_it_is_wrong():
    ensemble, truth, centre, std = drawn(50)
    for estimate in (ensemble, gaussian(centre, std)):
        curve = spread_skill_curve(estimate, truth, xr.ones_like(truth))
        assert curve.sizes["bin"] == 10
        assert int(curve["count"].sum()) == truth.size
        assert (np.diff(curve["expected"]) > 0).all()
    np.testing.assert_allclose(curve["found"], curve["expected"], rtol=0.05)
    constant = spread_skill_curve(gaussian(centre, 0.3), truth, xr.ones_like(truth))
    assert constant.sizes["bin"] == 1
    assert float(constant["expected"][0]) == pytest.approx(0.3)


def test_diagnostics_of_nothing_are_empty_and_of_one_value_refused():
    ensemble, truth, _, _ = drawn(3, shape=(2, 3, 4))
    nothing = xr.zeros_like(truth)
    assert np.isnan(pit_histogram(ensemble, truth, nothing)).all()
    assert spread_skill_curve(ensemble, truth, nothing).sizes["bin"] == 0
    for diagnostic in (pit_histogram, spread_skill_curve):
        with pytest.raises(OceanbenchError, match="no distribution"):
            diagnostic(truth, truth, xr.ones_like(truth))


# --- what must not matter, and what must ----------------------------------------------------------


@every("name", SCORES)
@settings(max_examples=5)
@given(st.data())
def test_order_of_the_members_is_irrelevant(name, data):
    ensemble, truth, _, _ = drawn(6, shape=(4, 5, 6))
    order = data.draw(st.permutations(range(6)))
    for options in ({}, {"truth_error": 0.3}):
        want = score(name, ensemble, truth, **options)
        found = score(name, ensemble.isel(member=order), truth, **options)
        assert found == pytest.approx(want, rel=1e-12)


@every("name", SCORES)
@settings(max_examples=5)
@given(shift=st.floats(-500, 500), factor=st.floats(0.01, 100))
def test_scores_move_with_the_unit_and_not_with_the_datum(name, shift, factor):
    ensemble, truth, centre, std = drawn(6, shape=(4, 5, 6))
    scale = factor if METRICS[name].units is None else 1.0
    want = score(name, ensemble, truth), score(name, gaussian(centre, std), truth)
    moved = factor * ensemble + shift, gaussian(factor * centre + shift, factor * std)
    for estimate, value in zip(moved, want, strict=True):
        found = score(name, estimate, factor * truth + shift)
        assert found == pytest.approx(scale * value, rel=1e-6)


@every("name", SCORES)
def test_weights_weigh(name):
    """A point of weight two counts as two points."""
    ensemble, truth, _, _ = drawn(6, shape=(4, 5, 6))
    weights = xr.ones_like(truth)
    weights[:, :2] = 2.0
    twice = [xr.concat([a, a.isel(latitude=slice(2))], "latitude") for a in (ensemble, truth)]
    twice = [a.assign_coords(latitude=np.arange(7.0)) for a in twice]
    assert score(name, ensemble, truth, weights) == pytest.approx(score(name, *twice), rel=1e-12)


@every("name", SCORES)
@every(
    "dims", [("time", "component"), ("lead", "time", "latitude"), ("window", "time", "component")]
)
def test_dimensions_beside_time_are_free(name, dims):
    """Lorenz-96 has components, a forecast has leads."""
    random = np.random.default_rng(0)
    shape = (4, 5, 6)[: len(dims)]
    truth = field(random.standard_normal(shape), *dims)
    ensemble = field(random.standard_normal((3, *shape)), "member", *dims)
    assert np.isfinite(score(name, ensemble, truth, truth_error=0.1))
    assert np.isfinite(score(name, gaussian(truth + 1, 1.0), truth))


@every("name", SCORES)
def test_parts_that_are_read_at_once_do_not_change_a_score(name, monkeypatch):
    ensemble, truth, _, _ = drawn(6, shape=(7, 5, 6))
    want = score(name, ensemble, truth, truth_error=0.2)
    monkeypatch.setattr(points, "VALUES_AT_ONCE", 400)
    assert score(name, ensemble, truth, truth_error=0.2) == pytest.approx(want, rel=1e-12)


def test_members_that_equal_the_truth_are_shared_out_among_the_ranks():
    """A rounded variable: ties are no sign of a good ensemble, nor of a poor one."""
    ensemble, truth, _, _ = drawn(9)
    rounded = ensemble.round(), truth.round()
    assert score("reliability_index", *rounded) < 0.03
    assert score("coverage", *rounded) == pytest.approx(0.9, abs=0.005)


# --- a truth that was measured ------------------------------------------------------------------


@pytest.mark.parametrize("error", [0.3, 2.0])
@pytest.mark.parametrize("form", ["ensemble", "gaussian"])
def test_perfect_estimate_of_a_measured_truth_is_perfect_once_the_error_is_known(error, form):
    ensemble, truth, centre, std = drawn(10)
    noise = np.random.default_rng(9).standard_normal(truth.shape)
    measured = truth + error * noise
    estimate = ensemble if form == "ensemble" else gaussian(centre, std)
    known = {name: score(name, estimate, measured, truth_error=error) for name in SCORES}
    assert known["spread_skill"] == pytest.approx(1.0, abs=0.015)
    assert known["coverage"] == pytest.approx(0.9, abs=0.006)
    assert known["reliability_index"] < 0.03
    total = np.hypot(std, error)
    few = 1 + 1 / 10 if form == "ensemble" else 1.0  # what a sample of ten costs
    assert known["crps"] == pytest.approx(few * float(total.mean()) / np.sqrt(np.pi), rel=0.015)
    assert score("spread_skill", estimate, measured) < known["spread_skill"] - 0.03
    assert score("coverage", estimate, measured) < known["coverage"] - 0.005


def test_one_value_and_a_sharp_gaussian_have_one_score_for_a_measured_truth():
    _, truth, centre, _ = drawn(2)
    single = score("crps", centre, truth, truth_error=0.5)
    assert single == pytest.approx(score("crps", gaussian(centre, 0.5), truth), rel=1e-12)
    sharp = score("crps", gaussian(centre, 1e-9), truth, truth_error=0.5)
    assert sharp == pytest.approx(single, rel=1e-9)


# --- refusals -----------------------------------------------------------------------------------


@every("name", SCORES)
@every(
    "change, words",
    [
        (lambda g: g.assign_coords(moment=["mean", "variance"]), "moments .*variance"),
        (lambda g: g.drop_vars("moment"), "moments"),
        (lambda g: g.expand_dims(member=2), "moments"),
        (lambda g: g.isel(moment=[0]), "moments"),
        (lambda g: g.where(g["moment"] == "mean", 0.0), "24 standard deviations are not positive"),
        (lambda g: g.where(g["moment"] == "mean", -1.0), "not positive"),
        (lambda g: g.where(g["moment"] == "mean"), "24 values are missing"),
        (lambda g: g.isel(moment=0).expand_dims(member=0), "no member"),
    ],
)
def test_what_is_no_distribution_is_refused(name, change, words):
    _, truth, centre, std = drawn(2, shape=(2, 3, 4))
    with pytest.raises(OceanbenchError, match=words):
        score(name, change(gaussian(centre, std)), truth)


def test_order_of_the_moments_is_irrelevant():
    _, truth, centre, std = drawn(2, shape=(2, 3, 4))
    estimate = gaussian(centre, std)
    for name in SCORES:
        assert score(name, estimate.isel(moment=[1, 0]), truth) == score(name, estimate, truth)


def test_form_is_told_in_words():
    ensemble, truth, centre, std = drawn(3, shape=(2, 3, 4))
    assert points.described(truth) == "one value at each point"
    assert points.described(ensemble) == "3 members"
    assert points.described(gaussian(centre, std)) == "mean and standard deviation"
    assert calibration.share_inside(Gaussian(np.zeros(1), np.ones(1)), np.zeros(1)) == 1.0


def test_a_truth_equals_members_in_the_precision_that_both_have():
    members = np.array([[1.1], [2.1], [3.1]])
    ensemble = Ensemble(members, members, 0.0)
    beyond, rounded = np.array([2.1 + 1e-9]), np.array([2.1]).astype("f4").astype("f8")
    assert ensemble.pit(beyond) == (0.5, 0.75)
    assert ensemble.pit(rounded) == (0.25, 0.75)
