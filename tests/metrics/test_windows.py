"""Scores of windows against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.metrics import METRICS, Flagged


def array(values: np.ndarray) -> xr.DataArray:
    """Windows of ten years a step."""
    values = np.asarray(values, dtype=float)
    coords = {
        "window": np.arange(values.shape[0]),
        "time": ("time", 10.0 * np.arange(values.shape[1]), {"units": "years"}),
        "component": ["omega", "salt"][: values.shape[2]],
    }
    return xr.DataArray(values, coords, ("window", "time", "component"), attrs={"units": "yr-1"})


def score(name: str, estimate: xr.DataArray, truth: xr.DataArray, **options):
    weights = options.pop("weights", xr.ones_like(truth))
    return METRICS[name].function(estimate, truth, weights, **options)


@pytest.fixture
def truth() -> xr.DataArray:
    random = np.random.default_rng(0)
    return array(random.standard_normal((5, 40, 2)) * [1.0, 10.0] + [0.0, 3.0])


def test_mean_and_median_of_the_windows_squared_errors(truth):
    offsets = xr.DataArray([1.0, 2.0, 3.0, 4.0, 30.0], dims="window")
    assert score("mse", truth + offsets, truth) == pytest.approx((1 + 4 + 9 + 16 + 900) / 5)
    assert score("median_mse", truth + offsets, truth) == pytest.approx(9.0)


def test_every_component_counts_as_much(truth):
    mean = truth.mean(("window", "time"))
    only_first = xr.where(truth.component == "omega", mean, truth)
    assert score("component_nmse", mean.broadcast_like(truth), truth) == pytest.approx(1.0)
    assert score("component_nmse", only_first, truth) == pytest.approx(0.5)
    assert score("nmse", only_first, truth) < 0.02  # where the large component hides the small one


def test_component_nmse_is_the_mean_of_the_components_nmse_through_any_mask(truth):
    estimate = truth + np.random.default_rng(1).standard_normal(truth.shape) * [0.3, 5.0]
    weights = xr.DataArray(
        np.random.default_rng(2).random(truth.shape) < [0.9, 0.2], truth.coords, truth.dims
    ).astype(float)
    each = [
        score("nmse", *(a.sel(component=[c]) for a in (estimate, truth)),
              weights=weights.sel(component=[c]))
        for c in ("omega", "salt")
    ]  # fmt: skip
    found = score("component_nmse", estimate, truth, weights=weights)
    assert found == pytest.approx(np.mean(each))


def test_nmse_of_a_constant_component_is_flagged(truth):
    constant = xr.where(truth.component == "salt", 3.0, truth)
    assert score("component_nmse", truth, constant).flag == "no_data"
    below = xr.where(truth.component == "salt", -0.1, truth)  # not its own mean, by rounding
    assert score("component_nmse", truth, below).flag == "no_data"


def test_nmse_of_one_component_is_its_error_over_its_variance(truth):
    one = truth.isel(component=[0])
    found = score("component_nmse", one + 0.5, one)
    assert found == pytest.approx(0.25 / float(one.var()))


def test_units_of_the_values(truth):
    assert METRICS["mse"].unit_for(truth, {}) == "(yr-1)2"
    assert METRICS["mse"].unit_for(truth.assign_attrs(units="1"), {}) == "1"
    assert METRICS["onset_error"].unit_for(truth, {}) == "years"
    assert METRICS["rmse"].unit_for(truth, {}) == "yr-1"
    assert METRICS["nmse"].unit_for(truth, {}) == "1"


def events(*spans: list[tuple[int, int]]) -> xr.DataArray:
    """Windows of 40 steps, the first component 1 inside the spans and 0 outside."""
    values = np.zeros((len(spans), 40, 2))
    for window, part in zip(values, spans, strict=True):
        for first, last in part:
            window[first : last + 1, 0] = 1.0
    return array(values)


OPTIONS = {"component": "omega", "above": 0.5, "merge": 30.0}


def test_onsets_missed_and_false_events_by_hand():
    truth = events([(10, 15), (30, 33)], [(5, 8)], [], [(0, 6)])
    found = events([(12, 20), (23, 24)], [(20, 22)], [(3, 4)], [(2, 5)])
    # window 0: found 20 years late, the second missed, (23, 24) merges with (12, 20)
    # window 1: missed, and one false; window 2: one false; window 3: found, its onset not known
    assert score("onset_error", found, truth, **OPTIONS) == pytest.approx(20.0)
    assert score("missed_events", found, truth, **OPTIONS) == pytest.approx(2 / 4)
    assert score("false_events", found, truth, **OPTIONS) == pytest.approx(2 / 4)


def test_events_that_share_a_step_overlap_and_one_under_way_has_no_onset():
    truth = events([(0, 8), (20, 25)])
    assert score("missed_events", events([(25, 30)]), truth, **OPTIONS) == 0.5
    assert score("missed_events", events([(15, 20)]), truth, **OPTIONS) == 0.5
    onset = score("onset_error", events([(3, 8), (21, 25)]), truth, **{**OPTIONS, "merge": 0.0})
    assert onset == pytest.approx(10.0)


def test_interruptions_shorter_than_merge_do_not_part_an_event():
    truth, found = events([(10, 20)]), events([(10, 12), (15, 20)])
    assert score("false_events", found, truth, **OPTIONS) == 0.0
    broken = score("missed_events", truth, found, **{**OPTIONS, "merge": 0.0})
    assert broken == 0.0  # both parts overlap it
    apart = events([(10, 12)], [(15, 20)])
    assert score("missed_events", apart, events([(13, 14)], [(15, 20)]), **OPTIONS) == 0.5


def test_events_outside_the_mask_are_not_seen():
    truth, found = events([(10, 20)], [(5, 8)]), events([(10, 20)], [])
    weights = xr.ones_like(truth)
    weights[1] = 0.0
    assert score("missed_events", found, truth, weights=weights, **OPTIONS) == 0.0


def test_without_events_there_is_nothing_to_score():
    quiet = events([], [])
    for name in ("onset_error", "missed_events", "false_events"):
        found = score(name, quiet, quiet, **OPTIONS)
        assert isinstance(found, Flagged) and found.flag == "no_data"


def test_unknown_component_is_refused():
    quiet = events([])
    with pytest.raises(OceanbenchError, match="no component 'salinity'; the truth has omega, salt"):
        score("missed_events", quiet, quiet, component="salinity")
