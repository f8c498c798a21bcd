"""Fields of a stochastic equation: Matérn's covariance, two ways to sample, and its parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from rows import every
from scipy.special import gamma, kv

from oceanbench.assimilation.uncertainty import spde_sparse
from oceanbench.assimilation.uncertainty.spde import Lattice, Spde, sample, spectrum
from oceanbench.assimilation.uncertainty.spde_fit import fit, prior, whittle
from oceanbench.assimilation.uncertainty.spde_sparse import chain, log_likelihood, precision
from oceanbench.errors import OceanbenchError

LATTICE = Lattice(10, 12, 20.0, 25.0, step=1.0)
GENERAL = Spde(60.0, 0.7, 6.0, (0.5, 0.3), (8.0, -5.0))
each_smoothness = pytest.mark.parametrize("smoothness", [1, 2, 3])


def matern(distance: np.ndarray, length: float, smoothness: int) -> np.ndarray:
    scaled = np.maximum(distance / length, 1e-9)
    return 2 ** (1 - smoothness) / gamma(smoothness) * scaled**smoothness * kv(smoothness, scaled)


def covariance(spde: Spde, lattice: Lattice) -> np.ndarray:
    """Of a field with its node (0, 0), from the spectrum."""
    power, _ = spectrum(spde.vector(), spde.smoothness, lattice)
    return torch.fft.ifft2(power).real.numpy()


# --- the spectrum ---------------------------------------------------------------------------------


@each_smoothness
def test_isotropic_field_has_materns_covariance(smoothness):
    lattice = Lattice(240, 240, 5.0, 5.0)
    found = covariance(Spde(50.0, 2.0, smoothness=smoothness), lattice)[:60, :60]
    y, x = np.mgrid[:60, :60] * 5.0
    want = 4.0 * matern(np.hypot(x, y), 50.0, smoothness)
    np.testing.assert_allclose(found, want, atol=0.04 if smoothness == 1 else 0.015)


@each_smoothness
def test_steps_in_time_leave_materns_covariance_as_they_get_short(smoothness):
    lattice = Lattice(64, 64, 10.0, 10.0)
    single = covariance(Spde(50.0, 1.0, 5.0, smoothness=smoothness), lattice)
    moving = Spde(50.0, 1.0, 5.0, drift=(20.0, 0.0), smoothness=smoothness)
    errors = [
        np.abs(covariance(moving, replace(lattice, step=step)) - single).max()
        for step in (0.02, 0.01, 0.005)
    ]
    assert errors[-1] < 0.01
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.25)
    assert errors[1] / errors[2] == pytest.approx(2.0, rel=0.25)


def test_stretch_turns_and_stretches_the_covariance():
    lattice = Lattice(64, 64, 10.0, 10.0)
    along = covariance(Spde(40.0, 1.0, stretch=(1.0, 0.0)), lattice)
    want = matern(np.arange(8) * 10.0, 40.0 * np.exp(0.5), 2)
    np.testing.assert_allclose(along[0, :8], want, atol=0.02)
    np.testing.assert_allclose(
        along[:8, 0], matern(np.arange(8) * 10.0, 40 / np.exp(0.5), 2), atol=0.02
    )
    turned = covariance(Spde(40.0, 1.0, stretch=(0.0, 1.0)), lattice)
    diagonal = np.arange(6)
    distance = np.hypot(10.0, 10.0) * diagonal
    np.testing.assert_allclose(
        turned[diagonal, diagonal], matern(distance, 40 * np.exp(0.5), 2), atol=0.03
    )
    np.testing.assert_allclose(
        turned[diagonal, -diagonal], matern(distance, 40 / np.exp(0.5), 2), atol=0.05
    )


def test_field_drifts_with_the_velocity_and_forgets_in_its_time():
    lattice = Lattice(96, 96, 10.0, 10.0, step=0.1)
    spde = Spde(80.0, 1.0, 50.0, drift=(30.0, -10.0))
    power, factor = spectrum(spde.vector(), 2, lattice)
    later = torch.fft.ifft2(power * factor**20).real.numpy()  # after two days
    assert np.unravel_index(later.argmax(), later.shape) == (94, 6)
    assert abs(factor[0, 0]) == pytest.approx(np.exp(-0.1 / 50.0), rel=1e-5)


# --- matrices and waves ---------------------------------------------------------------------------


@each_smoothness
@every("step", [0.0, 1.0])
def test_matrices_have_the_eigenvalues_of_the_spectrum(smoothness, step):
    lattice = replace(LATTICE, step=step)
    spde = replace(GENERAL, smoothness=smoothness)
    found = chain(spde, lattice)
    power, factor = spectrum(spde.vector(), smoothness, lattice)
    first = precision(found, 1).toarray()[:, 0].reshape(10, 12)
    np.testing.assert_allclose(np.fft.fft2(first), 1.0 / power.numpy(), rtol=1e-9, atol=1e-9)
    whole = found.step.tocsc().toarray()[:, 0].reshape(10, 12)
    np.testing.assert_allclose(np.fft.fft2(whole), 1.0 / factor.numpy(), atol=1e-10)


@each_smoothness
def test_precision_of_the_chain_is_stationary(smoothness):
    """Its inverse has one variance everywhere, and the spectrum's covariance in time."""
    spde, times = replace(GENERAL, smoothness=smoothness), 4
    whole = np.linalg.inv(precision(chain(spde, LATTICE), times).toarray())
    np.testing.assert_allclose(whole.diagonal(), spde.std**2, rtol=1e-6)
    power, factor = spectrum(spde.vector(), smoothness, LATTICE)
    blocks = whole.reshape(times, 120, times, 120)
    for lag in range(times):
        want = torch.fft.ifft2(power * factor**lag).real.numpy()
        for k in range(times - lag):
            np.testing.assert_allclose(blocks[k + lag, :, k, 0].reshape(10, 12), want, atol=1e-6)


@pytest.mark.parametrize("way", ["sparse", "waves"])
@pytest.mark.parametrize("smoothness", [1, 2])
def test_samples_have_the_variance_and_spectrum_of_the_precision(way, smoothness):
    spde, random = replace(GENERAL, smoothness=smoothness), np.random.default_rng(1)
    options = {"times": 3, "members": 3000, "random": random}
    if way == "sparse":
        fields = spde_sparse.sample(chain(spde, LATTICE), **options)
    else:
        fields = sample(spde, LATTICE, **options)
    assert fields.shape == (3000, 3, 10, 12)
    np.testing.assert_allclose(fields.std(axis=0), spde.std, rtol=0.06)
    waves = np.fft.fft2(fields)
    power, factor = (v.numpy() for v in spectrum(spde.vector(), smoothness, LATTICE))
    for k in range(3):
        found = np.mean(np.abs(waves[:, k]) ** 2, axis=0) / 120
        np.testing.assert_allclose(found, power, rtol=0.15)
    cross = np.mean(waves[:, 2] * waves[:, 0].conj(), axis=0) / 120
    np.testing.assert_allclose(cross, power * factor**2, atol=0.1 * power.max())


def test_samples_of_varying_parameters_have_the_variance_of_their_precision():
    random = np.random.default_rng(2)
    row = np.linspace(0, 2 * np.pi, 10, endpoint=False)[:, None] + np.zeros((10, 12))
    spde = Spde(
        length=40.0 + 8.0 * np.sin(row),
        std=1.0 + 0.3 * np.cos(row),
        time=6.0,
        stretch=(0.3 * np.cos(row), 0.0),
        drift=(5.0 * np.sin(row), 0.0),
    )
    found = chain(spde, LATTICE)
    fields = spde_sparse.sample(found, times=2, members=3000, random=random)
    want = np.sqrt(np.linalg.inv(precision(found, 2).toarray()).diagonal()).reshape(2, 10, 12)
    np.testing.assert_allclose(fields.std(axis=0), want, rtol=0.06)
    np.testing.assert_allclose(want[0], spde.std, rtol=0.15)
    with pytest.raises(OceanbenchError, match="vary in space"):
        sample(spde, LATTICE, times=1, members=1, random=random)


def test_log_likelihood_is_that_of_the_dense_gaussian():
    from scipy.stats import multivariate_normal  # noqa: PLC0415

    fields = sample(GENERAL, LATTICE, times=3, members=1, random=np.random.default_rng(3))[0]
    found = chain(GENERAL, LATTICE)
    whole = np.linalg.inv(precision(found, 3).toarray())
    want = multivariate_normal(cov=0.5 * (whole + whole.T)).logpdf(fields.ravel())
    assert log_likelihood(found, fields) == pytest.approx(want, rel=1e-8)


def test_log_likelihood_is_greatest_at_the_parameters_of_the_field():
    lattice = Lattice(32, 32, 20.0, 20.0, step=1.0)
    spde = Spde(60.0, 0.7, 6.0, (0.4, 0.0), (8.0, 0.0))
    fields = sample(spde, lattice, times=12, members=1, random=np.random.default_rng(4))[0]
    best = log_likelihood(chain(spde, lattice), fields)
    for change in (
        {"length": 50.0},
        {"length": 72.0},
        {"std": 0.6},
        {"std": 0.8},
        {"time": 4.5},
        {"time": 8.0},
        {"stretch": (0.0, 0.0)},
        {"drift": (0.0, 0.0)},
        {"drift": (-8.0, 0.0)},
        {"smoothness": 1},
        {"smoothness": 3},
    ):
        assert log_likelihood(chain(replace(spde, **change), lattice), fields) < best, change


# --- the parameters of a field --------------------------------------------------------------------


def test_gradient_of_whittles_likelihood_is_that_of_differences():
    fields = sample(GENERAL, LATTICE, times=4, members=1, random=np.random.default_rng(5))[0]
    start = replace(GENERAL, length=80.0).vector()
    torch.autograd.gradcheck(
        lambda v: whittle(v, 2, fields, LATTICE), start.requires_grad_(True), rtol=1e-4
    )


@pytest.mark.slow
def test_fit_recovers_the_parameters_of_fields_that_are_not_periodic():
    lattice = Lattice(36, 40, 20.0, 20.0, step=1.0)
    spde = Spde(60.0, 0.7, 20.0, (0.5, -0.3), (8.0, -4.0))
    draws = prior(spde, lattice, times=20)(4, np.random.default_rng(6))
    found = [fit(fields, lattice) for fields in draws]
    assert np.mean([f.length for f in found]) == pytest.approx(60.0, rel=0.1)
    assert np.mean([f.std for f in found]) == pytest.approx(0.7, rel=0.15)
    assert np.mean([f.time for f in found]) == pytest.approx(20.0, rel=0.25)
    np.testing.assert_allclose(np.mean([f.stretch for f in found], 0), (0.5, -0.3), atol=0.08)
    np.testing.assert_allclose(np.mean([f.drift for f in found], 0), (8.0, -4.0), atol=2.0)
    for fields, parameters in zip(draws, found, strict=True):
        best, true = (whittle(s.vector(), 2, fields, lattice) for s in (parameters, spde))
        assert best >= true


@pytest.mark.slow
def test_fit_of_single_fields_is_without_bias():
    lattice = Lattice(40, 40, 20.0, 20.0)
    draw = prior(Spde(60.0, 0.7), lattice, times=1)(60, np.random.default_rng(7))
    found = [fit(field, lattice) for field in draw]
    assert np.mean([f.length for f in found]) == pytest.approx(60.0, rel=0.05)
    assert np.mean([f.std for f in found]) == pytest.approx(0.7, rel=0.08)


def test_fit_tells_how_smooth_a_field_is():
    lattice = Lattice(40, 40, 20.0, 20.0)
    for smoothness in (1, 2, 3):
        draw = prior(Spde(60.0, 0.7, smoothness=smoothness), lattice, times=1)
        field = draw(1, np.random.default_rng(8))[0]
        scores = {
            n: float(whittle(fit(field, lattice, smoothness=n).vector(), n, field, lattice))
            for n in (1, 2, 3)
        }
        assert max(scores, key=scores.get) == smoothness


def test_prior_has_no_correlation_across_its_edges():
    spde, lattice = Spde(60.0, 1.0, 8.0), Lattice(20, 20, 20.0, 20.0, step=1.0)
    fields = prior(spde, lattice, times=2)(2000, np.random.default_rng(9))
    assert fields.shape == (2000, 2, 20, 20)
    assert abs(np.mean(fields[:, 0, 0] * fields[:, 0, -1])) < 0.05
    assert np.mean(fields[:, 0, 0] * fields[:, 0, 1]) > 0.9
    assert fields.std() == pytest.approx(1.0, abs=0.02)


# --- refusals -------------------------------------------------------------------------------------


@every(
    "wrong, words",
    [
        (lambda: Spde(-1.0, 1.0), "'length' must be positive"),
        (lambda: Spde(1.0, 1.0, smoothness=4), "smoothness 4"),
        (lambda: Lattice(2, 9, 1.0, 1.0), "at least 3 rows"),
        (lambda: Lattice(9, 9, 1.0, 1.0, -1.0), "step in time"),
        (lambda: chain(Spde(np.ones(3), 1.0), LATTICE), "has shape"),
        (lambda: fit(np.ones((1, 9, 9)), LATTICE), "not constant"),
        (
            lambda: sample(
                GENERAL, replace(LATTICE, step=0.0), times=2, members=1,
                random=np.random.default_rng(0),
            ),
            "give a step",
        ),
    ],
)  # fmt: skip
def test_what_is_no_field_is_refused(wrong, words):
    with pytest.raises(OceanbenchError, match=words):
        wrong()
