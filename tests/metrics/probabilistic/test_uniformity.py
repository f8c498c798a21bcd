"""The test of uniform ranks: closed forms, false alarms and power by simulation, what it misses."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import integrate, stats

from oceanbench.metrics import METRICS
from oceanbench.metrics.probabilistic.distribution import Ensemble, Gaussian
from oceanbench.metrics.probabilistic.uniformity import (
    ORDER,
    RankMoments,
    moment,
    rank_uniformity,
)

FIRST = np.datetime64("2013-11-13", "ns")
ORDERS = range(1, ORDER + 1)


def ensemble(members: np.ndarray) -> Ensemble:
    return Ensemble(members, members, 0.0)


def test_moments_are_legendres_polynomials_and_vanish_over_all_ranks() -> None:
    chance = np.linspace(0.02, 0.98, 25)
    gaussian = Gaussian(np.full(25, 0.3), np.full(25, 2.0))
    truth = stats.norm.ppf(chance, 0.3, 2.0)
    members = np.arange(7.0)[:, None] * np.ones(8)
    ranks = np.arange(8) - 0.5  # as many members below as its place
    for order in ORDERS:
        polynomial = np.polynomial.Legendre.basis(order, [0.0, 1.0])
        found = moment(gaussian, truth, order)
        np.testing.assert_allclose(found, np.sqrt(2 * order + 1) * polynomial(chance), atol=1e-12)
        whole = integrate.quad(lambda u, p=polynomial, k=order: (2 * k + 1) * p(u) ** 2, 0, 1)[0]
        assert abs(whole - 1.0) < 1e-12
        found = moment(ensemble(members), ranks, order)
        for rank in range(8):
            mean = 8 * integrate.quad(polynomial, rank / 8, (rank + 1) / 8)[0]
            assert abs(found[rank] - np.sqrt(2 * order + 1) * mean) < 1e-12
        assert abs(found.sum()) < 1e-12
        alike = moment(ensemble(np.ones((3, 1))), np.ones(1), order)
        assert abs(float(alike[0])) < 1e-15  # a truth equal to all members says nothing


def simulated(
    count: int,
    *,
    cases: int = 24,
    modes: int = 12,
    members: int = 10,
    memory: float = 0.0,
    width: float = 1.0,
    place: float = 0.0,
) -> np.ndarray:
    """Scores of so many challenges whose points are alike and whose cases remember each other."""
    random = np.random.default_rng(3)
    shapes = random.standard_normal((modes, 40))
    shapes /= np.sqrt((shapes**2).sum(axis=0))
    found = []
    for _ in range(count):
        amplitude = random.standard_normal((cases, modes))
        for case in range(1, cases):
            fresh = np.sqrt(1 - memory**2) * amplitude[case]
            amplitude[case] = memory * amplitude[case - 1] + fresh
        truth = (amplitude @ shapes).ravel() + place
        drawn = width * (random.standard_normal((members, cases, modes)) @ shapes)
        estimate = ensemble(drawn.reshape(members, -1))
        values = [moment(estimate, truth, k).reshape(cases, -1).mean(axis=1) for k in ORDERS]
        found.append(rank_uniformity(RankMoments(np.stack(values), np.ones(cases), memory > 0)))
    return np.array(found)


def test_false_alarms_are_as_rare_as_said_and_wrong_widths_and_places_are_found() -> None:
    independent = simulated(400)
    assert stats.kstest(independent, "uniform").pvalue > 0.01
    assert abs(float((independent < 0.05).mean()) - 0.05) < 0.03
    assert (simulated(200, modes=1) < 0.05).mean() < 0.09  # all points of a case alike
    assert (simulated(200, memory=0.4) < 0.05).mean() < 0.09
    assert (simulated(200, memory=0.7) < 0.05).mean() < 0.16
    random, uneven = np.random.default_rng(4), np.r_[np.ones(100), np.full(10, 12.0)]
    weighted = [
        rank_uniformity(RankMoments(random.standard_normal((ORDER, 110)), uneven, dated=False))
        for _ in range(1000)
    ]
    assert (np.array(weighted) < 0.05).mean() < 0.1
    heavy = RankMoments(random.standard_normal((ORDER, 110)), 1.0 + 1e4 * np.eye(110)[0], False)
    assert rank_uniformity(heavy).flag == "no_data"  # one case has nearly all the weight
    for wrong in ({"width": 0.7}, {"width": 1.4}, {"place": 0.4}):
        assert (simulated(40, memory=0.2, **wrong) < 0.05).mean() > 0.9, wrong
    assert 0.4 < (simulated(100, memory=0.1, width=1.2) < 0.05).mean() < 0.8


def maps(values: np.ndarray) -> xr.DataArray:
    dims = ("member",) * (values.ndim == 4) + ("time", "latitude", "longitude")
    coords = {
        "time": FIRST + np.arange(values.shape[-3]) * np.timedelta64(15, "D"),
        "latitude": 33.0 + 0.4 * np.arange(values.shape[-2]),
        "longitude": 295.0 + 0.4 * np.arange(values.shape[-1]),
    }
    return xr.DataArray(values, coords, dims)


def test_constant_and_far_members_are_found_and_shares_at_random_are_not() -> None:
    random = np.random.default_rng(0)
    truth = maps(random.standard_normal((24, 5, 6)))
    weights = xr.ones_like(truth)

    def score(members: np.ndarray, some: xr.DataArray = truth) -> object:
        return METRICS["rank_uniformity"].function(maps(members), some, xr.ones_like(some))

    perfect = random.standard_normal((9, 24, 5, 6))
    assert score(perfect) == score(perfect[::-1]) > 0.05
    windows = [a.assign_coords(time=np.arange(24.0)).rename(time="window", longitude="time")
               for a in (maps(perfect), truth)]  # fmt: skip
    independent = METRICS["rank_uniformity"].function(*windows, xr.ones_like(windows[1]))
    assert independent > 0.05
    order = random.permutation(24)
    moved = [a.isel(window=order) for a in windows]
    again = METRICS["rank_uniformity"].function(*moved, xr.ones_like(moved[1]))
    assert abs(independent - again) < 1e-9
    moments = xr.DataArray(["mean", "std"], dims="moment", name="moment")
    normal = xr.concat([0 * truth, 0 * truth + 1.0], moments)
    assert METRICS["rank_uniformity"].function(normal, truth, weights) > 0.05
    assert METRICS["rank_uniformity"].function(normal + 0.4, truth, weights) < 0.001
    sides = np.where(np.arange(8) < 4, -1e30, 1e30)[:, None, None, None]
    for poor in (np.zeros((9, 24, 5, 6)), np.full((9, 24, 5, 6), 1e30), sides + 0 * perfect[:8]):
        assert score(poor) < 1e-6  # all alike, all beyond, half on either side
    share = random.integers(0, 10, (24, 5, 6))
    gamed = np.where(np.arange(9)[:, None, None, None] < share, -1e3, 1e3)
    assert score(gamed) > 0.05  # so it never ranks: see the CRPS
    assert METRICS["crps"].function(maps(gamed), truth, weights) > 100.0
    few = truth.isel(time=slice(7))
    assert score(perfect[:, :7], few).flag == "no_data"
    assert score(perfect[:1]).flag == "deterministic"
    assert METRICS["rank_uniformity"].better is None  # what `rank_by` refuses
