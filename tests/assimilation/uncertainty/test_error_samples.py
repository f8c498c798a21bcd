"""Ways to uncertainty: calibrated where theory says so, and what all of them promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr
from dense import draws, kernel_of, nodes_of
from rows import every

from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.gaussian.optimal_interpolation import Observations, solve
from oceanbench.assimilation.gaussian.posterior_fields import maps
from oceanbench.assimilation.uncertainty.error_samples import (
    MappingMethod,
    Members,
    conditional,
    ensemble,
    perturbed,
    spread_factor,
    white,
)
from oceanbench.assimilation.uncertainty.residual_draws import bank, gaussian
from oceanbench.errors import OceanbenchError
from oceanbench.metrics import METRICS
from oceanbench.metrics.probabilistic.calibration import pit_histogram

COVARIANCE = Covariance(150.0, 150.0, 10.0)
GRID = np.linspace(0.0, 350.0, 8)
PLACES = nodes_of(GRID, GRID, 0.0)
PRIOR = kernel_of(COVARIANCE)(PLACES, PLACES)
SEEN = np.random.default_rng(0).choice(64, 24, replace=False)
NOISE = np.full(24, 0.2)


def optimal(values: np.ndarray) -> np.ndarray:
    """Optimal interpolation with the covariance that the fields have."""
    x, y = PLACES[0, SEEN], PLACES[1, SEEN]
    observations = Observations(np.zeros(24), x, y, values.T, NOISE)
    (posterior,) = solve(observations, [0.0], COVARIANCE, window=1.0)
    return maps(posterior, GRID, GRID)[0].numpy()


def smoother(values: np.ndarray) -> np.ndarray:
    """A solver that is not linear, and not optimal."""
    return np.tanh(0.8 * optimal(values))


def fields(count: int, random: np.random.Generator) -> np.ndarray:
    return draws(PRIOR, count, random).T.reshape(count, 8, 8)


def world(seed: int, solver=optimal) -> tuple[np.ndarray, MappingMethod]:
    """A truth, and what is known of it."""
    random = np.random.default_rng([seed, 9])
    truth = fields(1, random)[0]
    values = truth.ravel()[SEEN] + np.sqrt(NOISE) * random.standard_normal(24)
    return truth, MappingMethod(
        solver, values, lambda f: f.reshape(len(f), -1)[:, SEEN], white(NOISE)
    )


def residuals(cases: int, solver=optimal) -> np.ndarray:
    """Errors of a solver on validation worlds."""
    found = [world(1000 + n, solver) for n in range(cases)]
    return np.stack([truth - mapping.estimate() for truth, mapping in found])


def scored(found: list[tuple[np.ndarray, Members]]) -> tuple[xr.DataArray, xr.DataArray]:
    coords = {
        "time": np.datetime64("2012-10-22", "ns") + np.arange(len(found)) * np.timedelta64(1, "D")
    }
    truth = xr.DataArray(
        np.stack([t for t, _ in found]), dims=("time", "latitude", "longitude"), coords=coords
    )
    values = np.stack([m.values for _, m in found], axis=1)
    return xr.DataArray(values, dims=("member", *truth.dims), coords=coords), truth


def score(name: str, estimate: xr.DataArray, truth: xr.DataArray) -> float:
    return METRICS[name].function(estimate, truth, xr.ones_like(truth))


# --- the criterion ------------------------------------------------------------------------------


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("members", [4, 19])
def test_conditional_simulation_of_a_linear_gaussian_world_is_calibrated(members, centred):
    """Flat ranks, spread-skill 1, coverage, over worlds drawn from the prior."""
    found = []
    for seed in range(300):
        truth, mapping = world(seed)
        found.append(
            (truth, conditional(mapping, fields, members=members, seed=seed, centred=centred))
        )
    estimate, truth = scored(found)
    assert score("spread_skill", estimate, truth) == pytest.approx(1.0, abs=0.03)
    assert score("reliability_index", estimate, truth) < 0.05
    assert score("coverage", estimate, truth) == pytest.approx(0.9, abs=0.01)
    ranks = pit_histogram(estimate, truth, xr.ones_like(truth), bins=members + 1)
    np.testing.assert_allclose(ranks * (members + 1), 1.0, atol=0.2)


def test_centred_members_have_the_error_of_the_estimate_and_independent_ones_more():
    worlds = [world(seed) for seed in range(100)]
    rmse, crps = {}, {}
    for centred in (True, False):
        found = [
            (t, conditional(m, fields, members=4, seed=n, centred=centred))
            for n, (t, m) in enumerate(worlds)
        ]
        estimate, truth = scored(found)
        rmse[centred] = score("rmse", estimate.mean("member"), truth)
        crps[centred] = score("crps", estimate, truth)
    alone = np.sqrt(np.mean([(t - m.estimate()) ** 2 for t, m in worlds]))
    assert rmse[True] == pytest.approx(alone, rel=1e-12)
    assert rmse[False] == pytest.approx(np.sqrt(1 + 1 / 4) * alone, rel=0.03)
    assert crps[True] < 0.95 * crps[False]


def test_error_left_out_of_what_is_observed_again_shows():
    """The mistake that the criterion must catch."""
    found = []
    for seed in range(100):
        truth, mapping = world(seed)
        exact = replace(mapping, error=white(0 * NOISE))
        found.append((truth, conditional(exact, fields, members=19, seed=seed)))
    assert score("spread_skill", *scored(found)) < 0.93


def test_spread_of_conditional_simulation_is_the_formal_error():
    _, mapping = world(0)
    found = conditional(mapping, fields, members=3000, seed=1)
    gain = np.linalg.solve(PRIOR[np.ix_(SEEN, SEEN)] + np.diag(NOISE), PRIOR[SEEN])
    formal = np.sqrt(PRIOR.diagonal() - (PRIOR[:, SEEN] * gain.T).sum(1))
    np.testing.assert_allclose(found.std.ravel(), formal, rtol=0.06)


# --- what all ways promise ----------------------------------------------------------------------


WAYS = {
    "conditional": lambda m, seed: conditional(m, fields, members=6, seed=seed),
    "residuals": lambda m, seed: perturbed(m, bank(residuals(5)), members=6, seed=seed),
    "gaussian": lambda m, seed: perturbed(m, gaussian(residuals(5)), members=6, seed=seed),
}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@each_way
@every("solver", [optimal, smoother])
def test_mean_of_the_members_is_the_estimate(way, solver):
    _, mapping = world(3, solver)
    found = way(mapping, 0)
    assert found.values.shape == (6, 8, 8)
    assert found.std.shape == (8, 8)
    assert (found.std > 0).all()
    np.testing.assert_allclose(found.mean, mapping.estimate(), atol=1e-12)


@each_way
def test_members_are_those_of_their_seed(way):
    _, mapping = world(3)
    first, again, other = (way(mapping, seed).values for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.isclose(first, other).any()


@each_way
def test_members_know_nothing_of_the_truth_but_what_is_observed(way):
    """Nothing they hold is a view of it."""
    truth, mapping = world(3)
    before = way(mapping, 0).values
    truth[...] = 7.0
    np.testing.assert_array_equal(way(mapping, 0).values, before)


@each_way
def test_departures_of_a_linear_solver_do_not_depend_on_the_values(way):
    _, mapping = world(3)
    other = replace(mapping, values=mapping.values + 1.0)
    first, second = (m.values - m.mean for m in (way(mapping, 0), way(other, 0)))
    np.testing.assert_allclose(first, second, atol=1e-10)


@pytest.mark.parametrize("sampler", [bank, gaussian])
def test_perturbed_members_are_calibrated_once_their_spread_is_restored(sampler):
    """Factor from validation worlds, applied to others."""
    draw = sampler(residuals(60))
    made = {
        part: [
            (t, perturbed(m, draw, members=12, seed=n))
            for n, (t, m) in ((n, world(n)) for n in range(start, start + 80))
        ]
        for part, start in (("validation", 2000), ("test", 0))
    }
    assert score("spread_skill", *scored(made["test"])) < 0.96
    factor = spread_factor([m for _, m in made["validation"]], [t for t, _ in made["validation"]])
    restored = [(t, m.scaled(factor)) for t, m in made["test"]]
    assert score("spread_skill", *scored(restored)) == pytest.approx(1.0, abs=0.08)
    assert score("reliability_index", *scored(restored)) < 0.1
    assert score("crps", *scored(restored)) < score("crps", *scored(made["test"]))


def test_ensemble_of_solvers_is_calibrated_by_one_factor():
    solvers = [lambda v, f=f: f * optimal(v) for f in (0.8, 0.9, 1.0, 1.1)]
    made = [(t, ensemble(solvers, m.values)) for t, m in map(world, range(40))]
    for _, members in made:
        assert members.values.shape == (4, 8, 8)
    factor = spread_factor([m for _, m in made], [t for t, _ in made])
    assert factor > 1.5  # members err together
    again = [(t, m.scaled(factor)) for t, m in made]
    assert score("spread_skill", *scored(again)) == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(again[0][1].mean, made[0][1].mean)


def test_truth_of_validation_may_have_holes():
    truth, mapping = world(0)
    found = conditional(mapping, fields, members=5, seed=0)
    holed = truth.copy()
    holed[:4] = np.nan
    half = Members(found.values[:, 4:])
    assert spread_factor([found], [holed]) == spread_factor([half], [truth[4:]])


# --- perturbations --------------------------------------------------------------------------------


def test_bank_draws_residuals_with_any_sign_and_direction():
    stored = np.random.default_rng(0).standard_normal((3, 2, 4, 5))
    found = bank(stored)(400, np.random.default_rng(1))
    assert found.shape == (400, 2, 4, 5)
    versions = {
        (sign * r[:, ::rows, ::columns]).tobytes()
        for r in stored
        for sign in (1, -1)
        for rows in (1, -1)
        for columns in (1, -1)
    }
    assert {f.tobytes() for f in found} == versions


def test_gaussian_perturbations_have_local_variance_and_spectrum_of_the_residuals():
    random = np.random.default_rng(0)
    size = np.linspace(0.5, 2.0, 16)[:, None] * np.ones((16, 12))
    red = np.fft.fft2(random.standard_normal((400, 16, 12)))
    red = np.fft.ifft2(
        red / (1 + 20 * np.hypot(*np.meshgrid(np.fft.fftfreq(12), np.fft.fftfreq(16))))
    ).real
    stored = size * red / red.std()
    found = gaussian(stored)(4000, random)
    np.testing.assert_allclose(found.std(axis=0), stored.std(axis=0), rtol=0.12)
    power = [np.mean(np.abs(np.fft.fft2(f / size)) ** 2, axis=0) for f in (stored, found)]
    np.testing.assert_allclose(power[1], power[0], rtol=0.3)


# --- refusals -------------------------------------------------------------------------------------


def test_what_has_no_spread_or_does_not_fit_is_refused():
    truth, mapping = world(0)
    found = conditional(mapping, fields, members=3, seed=0)
    for wrong, words in (
        (lambda: conditional(mapping, fields, members=1, seed=0), "no spread"),
        (lambda: ensemble([optimal], mapping.values), "1 members have no spread"),
        (lambda: Members(np.full((2, 3), np.nan)), "missing values"),
        (lambda: found.scaled(-1.0), "must be positive"),
        (
            lambda: conditional(mapping, lambda c, r: r.normal(size=(c, 3)), members=3, seed=0),
            "shape",
        ),
        (lambda: spread_factor([found], [truth[:4]]), "a truth has shape"),
        (lambda: spread_factor([found], [found.mean]), "no error"),
        (lambda: bank(np.full((2, 3, 4), np.nan)), "residuals of shape"),
        (lambda: gaussian(np.ones((3, 4))), "residuals of shape"),
    ):
        with pytest.raises(OceanbenchError, match=words):
            wrong()


def test_a_learned_solver_is_a_solver():
    """One that takes and gives tensors, in single precision."""
    network = torch.nn.Linear(24, 64, bias=False)

    def solver(values: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            found = network(torch.as_tensor(values, dtype=torch.float32))
        return found.reshape(-1, 8, 8).double().numpy()

    _, mapping = world(0, solver)
    assert conditional(mapping, fields, members=3, seed=0).values.dtype == np.float64
