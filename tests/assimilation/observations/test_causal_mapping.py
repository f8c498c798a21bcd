"""Maps and forecasts from the past alone: the dense solution, and nothing of the future."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dense import dense_posterior, nodes_of

from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.observations.causal_mapping import CausalSettings, interpolated
from oceanbench.assimilation.observations.superobservations import Samples, kilometres
from oceanbench.errors import OceanbenchError

LONGITUDE, LATITUDE = np.linspace(297.0, 300.0, 5), np.linspace(36.0, 38.0, 4)
LEADS = np.array([0.0, 1.0, 5.0])
PLACE = (298.5, 37.0)


def samples(count: int = 120) -> Samples:
    random = np.random.default_rng(0)
    time = np.sort(random.uniform(-20.0, 5.0, count))
    return Samples(
        time,
        random.uniform(296.5, 300.5, count),
        random.uniform(35.5, 38.5, count),
        0.2 * random.standard_normal(count),
        np.arange(count) // 6,
        np.arange(count) % 2,
        ("first", "second"),
    )


def test_it_is_the_dense_solution_with_what_was_seen_before():
    settings = CausalSettings(margin=0.5)
    found = interpolated(samples(), LEADS, LONGITUDE, LATITUDE, settings, formal_error=True)
    known = samples().take((samples().time <= 0.0) & (samples().time > -15.0))
    variance = np.mean(known.value**2) - 0.03**2 / 5 - 0.02**2
    given = known.observations(
        PLACE, np.full(2, 0.03**2 / 5 / variance), correlated=0.02**2 / variance
    )
    covariance = Covariance(180.0, 180.0, 7.0, shape="arhan", memory="matern")
    x, y = kilometres(LONGITUDE, LATITUDE, PLACE)
    assert found.deviation is not None
    for number, lead in enumerate(LEADS):
        mean, error = dense_posterior(given, covariance, nodes_of(x, y, lead))
        np.testing.assert_allclose(found.anomaly[number].ravel(), mean, atol=1e-10)
        deviation = np.sqrt(variance * np.diag(error))
        np.testing.assert_allclose(found.deviation[number].ravel(), deviation, atol=1e-9)
    assert (np.diff(found.deviation.mean(axis=(1, 2))) > 0).all()


def test_what_comes_after_the_start_changes_no_bit():
    whole = samples()
    past = whole.take(whole.time <= 0.0)
    options = (LEADS, LONGITUDE, LATITUDE, CausalSettings(margin=0.5))
    other = replace(whole, value=np.where(whole.time > 0.0, 9.0, whole.value))
    for given in (past, other):
        same = interpolated(given, *options).anomaly == interpolated(whole, *options).anomaly
        assert same.all()


def test_members_have_the_mean_and_the_formal_error():
    options = (LEADS, LONGITUDE, LATITUDE, CausalSettings(margin=0.5))
    mean = interpolated(samples(), *options, formal_error=True)
    drawn = interpolated(samples(), *options, members=400, seed=1).anomaly
    assert drawn.shape == (400, 3, 4, 5)
    assert mean.deviation is not None
    np.testing.assert_allclose(drawn.mean(axis=0), mean.anomaly, atol=0.25 * mean.deviation.max())
    ratio = drawn.std(axis=0) / mean.deviation
    assert ratio.mean() == pytest.approx(1.0, abs=0.05)


def test_without_observations_the_anomaly_is_zero():
    none = samples().take(np.zeros(120, dtype=bool))
    found = interpolated(none, LEADS, LONGITUDE, LATITUDE, CausalSettings())
    assert (found.anomaly == 0.0).all()


def test_numbers_that_are_none_of_a_covariance_are_refused():
    with pytest.raises(OceanbenchError, match="memory_days"):
        CausalSettings(memory_days=0.0)


def test_one_sample_has_its_share_times_the_correlation():
    one = samples().take(np.arange(120) == 0)
    one = replace(one, time=np.array([-3.5]), value=np.array([0.2]))
    one = replace(one, longitude=np.array([298.5]), latitude=np.array([37.0]))
    longitude, latitude = np.linspace(297.5, 299.5, 3), np.linspace(36.0, 38.0, 3)
    found = interpolated(one, np.zeros(1), longitude, latitude, CausalSettings()).anomaly
    share = (0.04 - 0.03**2 / 5 - 0.02**2) / 0.04  # the signal's of the variance
    assert found[0, 1, 1] == pytest.approx(0.2 * share * 1.5 * np.exp(-0.5))  # half the memory ago
