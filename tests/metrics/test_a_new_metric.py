"""A plain metric is one function and one row, and then has all that the others have."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import builders
import forecast_worlds
import numpy as np
import pytest
import xarray as xr

from oceanbench.boards.ranking import board
from oceanbench.challenge import Challenge
from oceanbench.errors import OceanbenchError
from oceanbench.evaluate import evaluate
from oceanbench.metrics import METRICS, Metric, Sums
from oceanbench.metrics.options import NonNegative
from oceanbench.result import Result
from oceanbench.submission import Submission


def large_errors(
    estimate: xr.DataArray,
    truth: xr.DataArray,
    weights: xr.DataArray,
    *,
    threshold: NonNegative = 0.1,
) -> xr.DataArray:
    """Share of the points whose error is larger than a threshold."""
    return (abs(estimate - truth) > threshold).astype(float)


def well_sampled_bias(s: Sums, *, least: int = 1) -> Any:
    """Mean error, where there are enough points."""
    return np.where(s.count.sum(-1) >= least, s.error.sum(-1) / s.weight.sum(-1), np.nan)


ADDED = {
    "large_errors": Metric(statistic=large_errors, units="1", better="lower", ideal=0.0),
    "well_sampled_bias": Metric(value=well_sampled_bias, units=None, better=None, ideal=0.0),
}
ROWS = [
    {"metric": "large_errors", "label": "large errors"},
    {"metric": "large_errors", "label": "huge errors", "threshold": 0.2},
    {"metric": "well_sampled_bias", "label": "bias"},
    {"metric": "well_sampled_bias", "label": "undersampled", "least": 10**9},
]
WINDOWS: dict[str, Any] = {
    "name": "toy_windows",
    "version": 1,
    "title": "Toy windows",
    "kind": "windows",
    "datasets": {"truth": {"role": "truth", "path": "truth.nc", "variables": {"ssh": "ssh"}}},
    "submission": {"variables": {"ssh": {"units": "1"}}},
}


@pytest.fixture(autouse=True)
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the rows to the table, as editing it would: wherever it was imported."""
    extended = MappingProxyType({**METRICS, **ADDED})
    for name, module in list(sys.modules.items()):
        if name.startswith("oceanbench") and vars(module).get("METRICS") is METRICS:
            monkeypatch.setattr(module, "METRICS", extended)


def noisy(field: xr.DataArray, size: float = 0.2) -> xr.DataArray:
    noise = size * np.random.default_rng(0).standard_normal(field.shape)
    return field + noise.astype(field.dtype)


def maps(folder: Path) -> tuple[Challenge, xr.Dataset]:
    truth = builders.maps()
    changes = {"metrics": ROWS, "rank_by": "large errors"}
    return builders.maps_challenge(folder, truth, **changes), truth.map(noisy, keep_attrs=True)


def tracks(folder: Path) -> tuple[Challenge, xr.Dataset]:
    challenge = builders.tracks_challenge(folder, metrics=ROWS, rank_by="large errors")
    return challenge, builders.maps(step=0.5).map(noisy, keep_attrs=True)


def windows(folder: Path) -> tuple[Challenge, xr.Dataset]:
    folder.mkdir()
    axes = {"window": np.arange(12), "time": 0.1 * np.arange(20), "component": np.arange(3)}
    values = np.random.default_rng(1).standard_normal((12, 20, 3))
    truth = xr.DataArray(values, axes, tuple(axes), "ssh", {"units": "1"}).to_dataset()
    builders.write(truth, folder / "truth.nc")
    content = WINDOWS | {"metrics": ROWS, "rank_by": "large errors"}
    return builders.load_challenge(folder, content), truth.map(noisy, keep_attrs=True)


def forecasts(folder: Path) -> tuple[Challenge, xr.Dataset]:
    rows = [{**row, "variable": "zos", "lead": 1} for row in ROWS]
    path = forecast_worlds.declare(folder, metrics=rows, rank_by="large errors")
    return Challenge.load(path), forecast_worlds.perfect().map(noisy, keep_attrs=True)


WORLDS = {f.__name__: f for f in (maps, tracks, windows, forecasts)}


def scored(folder: Path, world: Callable[[Path], tuple[Challenge, xr.Dataset]]) -> Any:
    challenge, estimate = world(folder / "challenge")
    path = folder / "mine.nc"
    estimate.to_netcdf(path, engine="h5netcdf")
    result = evaluate(challenge, Submission("mine", path))
    return challenge, Result.load(result.save(folder / "results"))


@pytest.mark.parametrize("kind", WORLDS)
def test_a_plain_metric_has_a_value_an_interval_a_flag_and_a_column(kind, tmp_path):
    challenge, result = scored(tmp_path, WORLDS[kind])
    large, huge, bias = (result.score(name) for name in ("large errors", "huge errors", "bias"))
    assert 0.0 < huge.value < large.value < 0.8
    for score in (large, huge, bias):
        assert score.interval.low < score.value < score.interval.high
    assert (large.units, large.better, bias.better) == ("1", "lower", None)
    undersampled = result.score("undersampled")
    assert (undersampled.value, undersampled.flag) == (None, "no_data")
    row = board(challenge, [result]).computed.iloc[0]
    assert row["rank"] == "1"
    assert row["large errors"].startswith(f"{large.value:.3f} [")
    assert any(column.startswith("bias") for column in row.index)
    assert next(row[c] for c in row.index if c.startswith("undersampled")) == "no_data"


def test_submissions_are_told_apart_by_a_plain_metric(tmp_path):
    challenge, result = scored(tmp_path, maps)
    worse = builders.submission(builders.maps(noise=0.5), tmp_path / "worse.nc")
    other = evaluate(challenge, Submission("worse", worse.path))
    assert list(board(challenge, [other, result]).computed["rank"]) == ["1", "2"]


def test_the_function_of_a_plain_metric_is_its_score(tmp_path):
    truth = builders.maps()["ssh"]
    estimate = noisy(truth)
    score = ADDED["large_errors"].function
    weights = xr.ones_like(truth)
    wrong = abs(estimate - truth)
    assert score(estimate, truth, weights) == pytest.approx(float((wrong > 0.1).mean()))
    assert score(estimate, truth, weights, threshold=0.3) == float((wrong > 0.3).mean())
    weights[:, 0] = 0.0
    holes = estimate.where(weights > 0)
    assert score(holes, truth, weights) == pytest.approx(float((wrong > 0.1)[:, 1:].mean()))
    assert score(estimate, truth, 0 * weights).flag == "no_data"
    with pytest.raises(TypeError, match="thresold"):
        score(estimate, truth, weights, thresold=0.3)


@pytest.mark.parametrize(
    ("option", "words"),
    [({"threshold": -1.0}, ">= 0"), ({"thresold": 0.3}, "did you mean 'threshold'")],
)
def test_options_of_a_plain_metric_are_checked(option, words, tmp_path):
    rows = [{"metric": "large_errors", "label": "large", **option}]
    with pytest.raises(OceanbenchError, match=words):
        builders.maps_challenge(tmp_path, metrics=rows, rank_by="large")
