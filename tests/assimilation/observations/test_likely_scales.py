"""Likely scales: the likelihood is that of a normal vector; few passes leave the usual scales."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dense import START, altimeters, kernel_of
from scipy.stats import multivariate_normal

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.observations.likely_scales import (
    LEAST,
    MOST,
    SETS,
    WIDTHS,
    likely_scales,
    misfit,
    sample_sets,
)
from oceanbench.assimilation.observations.superobservations import Samples, samples
from oceanbench.assimilation.observations.tiled_mapping import DEFAULTS, SCALES, covariance_at
from oceanbench.errors import OceanbenchError

PLACE = (10.0, 40.0)
USUAL = dict(zip(SCALES, DEFAULTS, strict=True))
WORLD = USUAL | {"length_factor": 1.6, "time_factor": 1.1, "noise": 0.2, "correlated": 0.1}


def seen(scales: dict[str, float], passes: int, missions: int = 2, seed: int = 0) -> Samples:
    """Samples of a field of some scales, within a month and 9 degrees."""
    errors = {"noise": 4 * scales["noise"], "correlated": scales["correlated"]}
    options = {"missions": missions, "passes": passes, "days": 30.0, "degrees": 9.0, "seed": seed}
    inputs = altimeters(covariance_at(PLACE[1], scales), PLACE, step=0.1, **options, **errors)
    return samples(inputs, "ssh", START, PLACE[0], coarsen=4)


def test_the_misfit_is_the_likelihood_of_a_normal_vector_of_the_likeliest_amplitude() -> None:
    sets = sample_sets(seen(WORLD, 4))
    covariance, matrices = covariance_at(PLACE[1], WORLD), []
    for one in sets:
        at = np.stack([one.x.numpy(), one.y.numpy(), one.time.numpy()])
        matrix = kernel_of(covariance)(at, at) + WORLD["correlated"] * one.shared.numpy()
        matrices.append(matrix + (WORLD["noise"] + LEAST) * np.eye(at.shape[1]))
    values = [one.value.numpy() for one in sets]
    count = sum(value.size for value in values)
    square = sum(v @ np.linalg.solve(m, v) for v, m in zip(values, matrices, strict=True))
    logarithm = sum(
        multivariate_normal(cov=square / count * m).logpdf(v)
        for v, m in zip(values, matrices, strict=True)
    )
    expected = -logarithm - 0.5 * count * (1.0 + np.log(2.0 * np.pi))
    expected *= sum(one.passes for one in sets) / count
    assert misfit(sets, covariance, WORLD) == pytest.approx(expected, rel=1e-6)


def logarithms(passes: int, missions: int) -> FloatArray:
    """How far from the usual ones scales are found, the mean of three draws."""
    found = [
        likely_scales(seen(WORLD, passes, missions, seed), USUAL, covariance_at, evaluations=60)
        for seed in range(3)
    ]
    return np.mean([[np.log(one[name] / USUAL[name]) for name in WIDTHS] for one in found], axis=0)


def test_many_passes_tell_the_scales_of_their_sea_and_few_leave_the_usual_ones() -> None:
    world = np.array([np.log(WORLD[name] / USUAL[name]) for name in WIDTHS])
    apart = np.abs(logarithms(30, 2) - world)
    assert (apart < [0.2, 0.25, 0.3, 0.6]).all(), apart
    assert (np.abs(logarithms(2, 1)) < 0.5 * np.abs(world)).all()


def test_scales_know_neither_amplitude_nor_place_nor_order() -> None:
    here = seen(WORLD, 12)
    found = likely_scales(here, USUAL, covariance_at)
    for other in (
        replace(here, value=40.0 * here.value),
        replace(here, longitude=here.longitude + 77.0),
        here.take(np.random.default_rng(5).permutation(here.time.size)),
    ):
        again = likely_scales(other, USUAL, covariance_at)
        assert again == pytest.approx(found, rel=1e-6)
    assert found["speed_factor"] == USUAL["speed_factor"]
    assert likely_scales(here.take(here.time < 0.0), USUAL, covariance_at) == USUAL
    assert likely_scales(replace(here, value=0.0 * here.value), USUAL, covariance_at) == USUAL
    lost = np.where(np.arange(here.time.size) == 7, np.nan, here.value)
    with pytest.raises(OceanbenchError, match="no likelihood under any scales"):
        likely_scales(replace(here, value=lost), USUAL, covariance_at)


def test_sets_are_spread_over_box_and_time_and_are_few() -> None:
    month = seen(WORLD, 60)
    long = replace(month, longitude=PLACE[0] + 4.0 * (month.longitude - PLACE[0]))
    for samples_ in (month, long):
        sets = sample_sets(samples_)
        assert len(sets) == SETS
        assert all(one.value.numel() <= MOST for one in sets)
        assert all(np.ptp(one.y.numpy()) < 7.0 * 112.0 for one in sets)
    middles = [float(one.time.median()) for one in sample_sets(month)]
    assert min(middles) < 12.0
    assert max(middles) > 18.0
