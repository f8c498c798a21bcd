"""Nothing that is done to members without knowing the truth improves a score that ranks."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from builders import maps_challenge
from rows import every

from oceanbench.errors import OceanbenchError
from oceanbench.metrics import METRICS
from oceanbench.result import Score
from oceanbench.scoring.draws import without_draws
from oceanbench.submission import Submission

DAYS, POINTS, MEMBERS = 1000, 3, 8
CRPS, ENERGY = "crps", "energy_score"


def calibrated(members: int = MEMBERS, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Members and truth that are drawn of one distribution, other from day to day."""
    random = np.random.default_rng(seed)
    centre, spread = random.normal(0, 2, (DAYS, POINTS)), random.uniform(0.5, 1.5, (DAYS, POINTS))
    return (
        centre + spread * random.standard_normal((members, DAYS, POINTS)),
        centre + spread * random.standard_normal((DAYS, POINTS)),
    )


def score(name: str, members: np.ndarray, truth: np.ndarray) -> float:
    time = np.datetime64("2012-10-22", "ns") + np.arange(DAYS) * np.timedelta64(1, "D")
    known = xr.DataArray(truth, {"time": time}, ("time", "component"))
    estimate = xr.DataArray(members, {"time": time}, ("member", "time", "component"))
    return float(METRICS[name].function(estimate, known, xr.ones_like(known)))


def centred(x: np.ndarray) -> np.ndarray:
    return x - x.mean(axis=0)


CHANGES = {
    "centred on their mean and spread out": lambda x: x.mean(0) + 2.0 * centred(x),
    "three times as far apart": lambda x: x.mean(0) + 3.0 * centred(x),
    "drawn together": lambda x: x.mean(0) + 0.3 * centred(x),
    "each twice": lambda x: np.concatenate([x, x]),
    "two far constants added": lambda x: np.concatenate([x, 0 * x[:1] + 4.9, 0 * x[:1] - 4.9]),
    "two far constants alone": lambda x: np.stack([0 * x[0] + 4.9, 0 * x[0] - 4.9]),
    "half of them left out": lambda x: x[:4],
    "their mean alone": lambda x: x.mean(0, keepdims=True),
    "moved": lambda x: x + 0.3,
    "mirrored on their mean": lambda x: np.concatenate([x, 2 * x.mean(0) - x])[::2] + 0.2,
}


@every("name, change", [(n, c) for n in (CRPS, ENERGY) for c in CHANGES])
def test_no_change_of_a_calibrated_ensemble_improves_its_score(name, change):
    """Of a large one: a small one may be smoothed, which is knowing that it is a sample."""
    members, truth = calibrated(40)
    honest = score(name, members, truth)
    assert score(name, CHANGES[change](members), truth) > honest - 1e-12


@every("name", [CRPS, ENERGY])
def test_members_that_are_given_twice_are_the_same_distribution(name):
    members, truth = calibrated()
    twice = np.concatenate([members, members])
    assert score(name, twice, truth) == pytest.approx(score(name, members, truth), rel=1e-12)


@every("name", [CRPS, ENERGY])
def test_constants_far_apart_score_what_they_are_worth(name):
    """Half of the distance to both: the fair score of the two would be 0 wherever truth is."""
    members, truth = calibrated()
    far = CHANGES["two far constants alone"](members)
    assert score(name, far, truth) > 2.0 * score(name, members, truth)
    assert score(name, far, truth) == pytest.approx(4.9 / 2, rel=0.2)


@every("name", [CRPS, ENERGY])
def test_fair_scores_can_be_improved_and_so_never_rank(name, tmp_path):
    members, truth = calibrated()
    assert score(f"fair_{name}", members, truth) < score(name, members, truth)
    far = np.repeat(CHANGES["two far constants alone"](members), 4, axis=0)
    assert score(f"fair_{name}", far, truth) < score(name, far, truth) - 0.1
    rows = [{"metric": "rmse", "label": "RMSE"}, {"metric": f"fair_{name}", "label": "fair"}]
    with pytest.raises(OceanbenchError, match="not proper"):
        maps_challenge(tmp_path, metrics=rows, rank_by="fair")


@every("name", [CRPS, ENERGY])
def test_fewer_than_eight_members_have_no_fair_score(name):
    members, truth = calibrated()
    assert np.isfinite(score(f"fair_{name}", members, truth))
    for count in (1, 2, 7):
        found = members[:count]
        time = np.arange(DAYS).astype("M8[D]").astype("M8[ns]")
        known = xr.DataArray(truth, {"time": time}, ("time", "component"))
        estimate = xr.DataArray(found, {"time": time}, ("member", "time", "component"))
        flagged = METRICS[f"fair_{name}"].function(estimate, known, xr.ones_like(known))
        assert flagged.flag == "not_draws"


def test_members_that_are_not_declared_have_no_fair_score():
    common = {"variable": "ssh", "mask": "all", "units": "m", "better": "lower", "n": 9}
    scores = [
        Score(metric=metric, label=metric, value=0.1, flag=None, **common)
        for metric in (CRPS, "fair_crps")
    ]
    series = [{"variable": "ssh", "terms": {CRPS: [1.0], "fair_crps": [0.5]}}]
    kept, rest = without_draws(scores, series)
    assert [s.value for s in kept] == [0.1, None]
    assert kept[1].flag == "not_draws"
    assert rest == [{"variable": "ssh", "terms": {CRPS: [1.0]}}]


def test_members_are_declared_as_independent_or_not_at_all(tmp_path):
    assert Submission("mine", tmp_path, members="independent").members == "independent"
    with pytest.raises(OceanbenchError, match="expected 'independent' or nothing"):
        Submission("mine", tmp_path, members="exchangeable")
