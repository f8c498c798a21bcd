"""Errors by lead, and the factors that damp a nowcast."""

from __future__ import annotations

import numpy as np
import pytest

from oceanbench.forecasting.errors_by_lead import factors, in_words, rmse


def test_factors_are_those_of_least_error_and_land_does_not_count():
    random = np.random.default_rng(0)
    first = [random.standard_normal((6, 5)) for _ in range(4)]
    left, errors = np.array([0.9, 0.5]), np.array([0.1, 0.3])
    truth = []
    for anomaly in first:
        known = left[:, None, None] * anomaly
        known[:, :, 0] = np.nan
        anomaly[:, 0] = 1e3
        truth.append(known)
    np.testing.assert_allclose(factors(first, truth), left, rtol=1e-12)
    off = [known + errors[:, None, None] for known in truth]
    np.testing.assert_allclose(rmse(off, truth), errors, rtol=1e-12)
    noisy = [known + 0.2 * random.standard_normal(known.shape) for known in truth]
    best = factors(first, noisy)
    at_best = rmse([best[:, None, None] * a for a in first], noisy)
    for change in (-0.01, 0.01):
        other = rmse([(best + change)[:, None, None] * a for a in first], noisy)
        assert (other > at_best).all()
    name, pooled, *by_lead = in_words("off", errors, slice(0, 2)).split()
    assert (name, by_lead) == ("off", ["10.00", "30.00"])
    assert float(pooled) == pytest.approx(100 * np.sqrt(0.05), abs=1e-3)
