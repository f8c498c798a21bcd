"""Scores against a posterior that is known: closed forms, and nothing gained by knowing nothing."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from rows import every
from scipy import stats
from scipy.spatial.distance import cdist, pdist

from oceanbench.metrics import METRICS, Flagged
from oceanbench.metrics.probabilistic.joint_posterior import two_modes

NAMES = [name for name, metric in METRICS.items() if metric.of_posterior]
JOINT = [name for name in NAMES if METRICS[name].joint]
SHAPE = (3, 4, 5)  # windows, times, components


def windows(values: np.ndarray) -> xr.DataArray:
    dims = ("member",) * (values.ndim == 4) + ("window", "time", "component")
    axes = zip(dims[-3:], values.shape[-3:], strict=True)
    coords = {dim: np.arange(size) * (0.5 if dim == "time" else 1) for dim, size in axes}
    return xr.DataArray(values, dims=dims, coords=coords)


def draws(count: int, seed: int, mean: float = 0.0, std: float = 1.0) -> xr.DataArray:
    random = np.random.default_rng(seed)
    centre = np.random.default_rng(99).standard_normal(SHAPE)
    return windows(centre + mean + std * random.standard_normal((count, *SHAPE)))


def gaussian(mean: xr.DataArray, std: float) -> xr.DataArray:
    labels = xr.DataArray(["mean", "std"], dims="moment", name="moment")
    return xr.concat([mean, xr.full_like(mean, std)], labels)


def score(name: str, estimate: xr.DataArray, posterior: xr.DataArray, weights=None):
    weights = xr.ones_like(posterior.isel(member=0, drop=True)) if weights is None else weights
    return METRICS[name].function(estimate, posterior, weights)


KNOWN = draws(1500, 0)


def exact() -> xr.DataArray:
    """Mean of the posterior, with the sampling error of its members."""
    return KNOWN.mean("member")


def test_moments_of_a_normal_estimate_have_closed_forms() -> None:
    wrong = gaussian(exact() + 0.5, 2.0)
    assert score("posterior_bias", wrong, KNOWN) == pytest.approx(0.5, rel=0.02)
    assert score("posterior_spread", wrong, KNOWN) == pytest.approx(2.0, rel=0.02)
    divergence = np.log(2.0) + (1.0 + 0.25) / 8.0 - 0.5
    assert score("posterior_divergence", wrong, KNOWN) == pytest.approx(divergence, rel=0.03)


def test_cramer_distance_of_two_normal_distributions_is_the_integral() -> None:
    v = np.linspace(-12, 12, 20001)
    apart = stats.norm.cdf(v, 0.5, 2.0) - stats.norm.cdf(v)
    expected = np.trapezoid(apart**2, v)
    found = score("posterior_crps", gaussian(exact() + 0.5, 2.0), KNOWN)
    assert found == pytest.approx(expected, rel=0.05)
    assert score("posterior_crps", exact(), KNOWN) == pytest.approx(
        np.trapezoid(((v > 0) - stats.norm.cdf(v)) ** 2, v), rel=0.05
    )


def test_excess_crps_is_that_of_truths_drawn_from_the_posterior() -> None:
    few, posterior = draws(7, 5, 0.3, 1.4), KNOWN.isel(member=slice(60))
    crps = np.mean(
        [
            float(
                METRICS["crps"].function(
                    few,
                    posterior[k].drop_vars("member", errors="ignore"),
                    xr.ones_like(posterior[k]),
                )
            )
            for k in range(60)
        ]
    )
    values = posterior.values.reshape(60, -1)
    own = np.mean([np.abs(c[:, None] - c).mean() / 2 for c in values.T])
    assert score("posterior_crps", few, posterior) == pytest.approx(crps - own, rel=1e-9)


def test_energy_distance_is_the_excess_of_the_energy_score() -> None:
    few, posterior = draws(7, 5, 0.3, 1.4), KNOWN.isel(member=slice(40))
    one = xr.ones_like(posterior[0])
    score_of = METRICS["energy_score"].function
    mean = np.mean([float(score_of(few, posterior[k], one)) for k in range(40)])
    scaled = posterior.values.reshape(40, SHAPE[0], -1) / np.sqrt(SHAPE[1] * SHAPE[2])
    own = np.mean([pdist(scaled[:, w]).mean() / 2 for w in range(SHAPE[0])])
    assert score("posterior_energy_distance", few, posterior) == pytest.approx(mean - own, rel=1e-9)


@every("name", [n for n in NAMES if n != "mode_error"])  # the posterior here has one mode
def test_draws_of_the_posterior_are_nearly_ideal_and_more_of_them_nearer(name: str) -> None:
    ideal = METRICS[name].ideal_of({})
    away = [abs(score(name, draws(count, 1), KNOWN) - ideal) for count in (10, 100, 1000)]
    if name != "posterior_spread":
        assert away[0] > away[1] > away[2]
    assert away[2] < 0.1


@every("name", [n for n in NAMES if n not in ("posterior_bias", "mode_error")])
@every("shift, factor", [(0.5, 1.0), (0.0, 2.0), (0.0, 0.5)])
def test_what_knows_nothing_gains_nothing(name: str, shift: float, factor: float) -> None:
    """Shifted, too wide or too narrow: always farther from the ideal."""
    members, ideal = draws(200, 1), METRICS[name].ideal_of({})
    mean = members.mean("member")
    worse = mean + shift + factor * (members - mean)
    before, after = (abs(score(name, e, KNOWN) - ideal) for e in (members, worse))
    assert after > before or (name == "posterior_spread" and factor == 1.0)


def test_a_shift_of_all_points_is_its_sliced_distance_along_the_mean_direction() -> None:
    """One unit of a shift counts as one, on average over directions."""
    members = draws(2000, 1)
    found = score("posterior_sliced_wasserstein", members + 3.0, KNOWN)
    assert found == pytest.approx(3.0, rel=0.15)


def two_moded(share: float, count: int, seed: int) -> xr.DataArray:
    random = np.random.default_rng(seed)
    sign = np.where(random.random((count, SHAPE[0], 1, 1)) < share, 1.0, -1.0)
    return windows(3.0 * sign + random.standard_normal((count, *SHAPE)))


def test_error_of_modes_is_the_difference_of_their_shares() -> None:
    posterior = two_moded(0.5, 1000, 0)
    assert score("mode_error", two_moded(0.5, 1000, 1), posterior) == pytest.approx(0.0, abs=0.03)
    assert score("mode_error", two_moded(0.2, 1000, 1), posterior) == pytest.approx(0.3, abs=0.03)
    assert score("mode_error", two_moded(1.0, 1000, 1), posterior) == pytest.approx(0.5, abs=0.03)


def test_one_mode_is_no_two() -> None:
    for seed in range(20):
        random = np.random.default_rng(seed)
        assert two_modes(random.standard_normal((300, 2)) * [1.0, 5.0]) is None
        assert two_modes(random.uniform(size=(300, 1))) is None
    found = score("mode_error", draws(20, 1), KNOWN)
    assert isinstance(found, Flagged) and found.flag == "no_data"


@every("name", NAMES)
def test_what_is_not_weighed_is_not_seen(name: str) -> None:
    posterior = two_moded(0.5, 200, 0)
    estimate = two_moded(0.3, 100, 1)
    weights = xr.ones_like(posterior[0])
    weights[:, 1:3] = 0.0
    weights[..., 0] = 2.0
    changed = [a.where(weights > 0, a + 7.0) for a in (estimate, posterior)]
    found = score(name, *changed, weights)
    assert found == pytest.approx(score(name, estimate, posterior, weights), rel=1e-12)
    assert (
        found != pytest.approx(score(name, estimate, posterior), rel=1e-6) or name == "mode_error"
    )


@every("name", NAMES)
def test_forms_that_have_no_such_score_are_flagged(name: str) -> None:
    single, normal = (score(name, e, KNOWN) for e in (exact(), gaussian(exact(), 1.0)))
    if name in ("posterior_spread", "posterior_divergence"):
        assert isinstance(single, Flagged) and single.flag == "deterministic"
    if name in JOINT:
        assert isinstance(normal, Flagged) and normal.flag == "marginal"
    else:
        assert np.isfinite(normal)


def test_distances_agree_with_their_definition_for_two_points() -> None:
    one, other = draws(1, 3), draws(50, 4)
    scaled = [a.values.reshape(-1, SHAPE[0], 20) / np.sqrt(20) for a in (one, other)]
    by_window = [
        cdist(scaled[0][:, w], scaled[1][:, w]).mean() - pdist(scaled[1][:, w]).mean() / 2
        for w in range(SHAPE[0])
    ]
    single = one.isel(member=0, drop=True)
    found = score("posterior_energy_distance", single, other)
    assert found == pytest.approx(np.mean(by_window), rel=1e-12)
