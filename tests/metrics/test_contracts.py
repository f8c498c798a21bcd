"""What every row of METRICS promises; a new row is tested by being there."""

from __future__ import annotations

import inspect
import math
from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest
import xarray as xr
from rows import every

from oceanbench.errors import OceanbenchError
from oceanbench.metrics import METRICS, Flagged
from oceanbench.metrics.probabilistic.points import mean_of
from oceanbench.metrics.sums import sums

FIRST = np.datetime64("2012-10-22", "ns")
KINDS = ("maps", "track", "windows")
NEEDS = {"maps": "grid", "track": "track", "windows": "windows"}
SEEDS = (0, 1, 2)  # one a kind of mask, see mask_of


def legal(name: str) -> list[str]:
    """Kinds of points that a metric accepts."""
    metric = METRICS[name]
    kinds = [k for k in KINDS if metric.needs in ("any", NEEDS[k])]
    return [k for k in kinds if not (metric.daily and k == "windows")]


def forms(name: str) -> list[str]:
    """Forms of the estimate that a metric has a number for."""
    if not METRICS[name].probabilistic:
        return ["single"]
    if METRICS[name].of_draws:
        return ["ensemble"]
    if METRICS[name].joint:
        return ["single", "ensemble"]
    return ["single", "ensemble", "gaussian"] if name == "crps" else ["ensemble", "gaussian"]


ROWS = [  # against a posterior: tests/metrics/probabilistic/test_posterior.py
    (name, kind, form)
    for name in METRICS
    for kind in legal(name)
    for form in forms(name)
    if not METRICS[name].of_posterior
]
EVENTS = ("onset_error", "missed_events", "false_events")  # of which an error may find more
RELATIVE = ("convergence_time", "innovation_chi_square", "innovation_autocorrelation")  # to errors
CALIBRATION = (  # of the spread, not of errors
    "spread_skill",
    "spread_error_correlation",
    "coverage",
    "reliability_index",
    "rank_uniformity",
    "small_scale_variance",
    "zonal_energy_ratio",
    "activity",
)
each_row = every("name, kind, form", ROWS)
WITH_A_SEED = [(*row, SEEDS[number % len(SEEDS)]) for number, row in enumerate(ROWS)]
each_row_with_a_seed = every("name, kind, form, seed", WITH_A_SEED)


@cache
def axes(kind: str) -> dict:
    if kind == "track":  # six passes of 1150 km
        samples = np.arange(6 * 180)
        number, along = samples // 180, samples % 180
        return {
            "time": FIRST
            + number * np.timedelta64(9, "h")
            + along * np.timedelta64(943_400_000, "ns"),
            "latitude": ("time", 30 + along * 0.0575),
            "longitude": ("time", -60 + number + along * 0.001),
        }
    if kind == "windows":
        return {
            "window": np.arange(8),
            "time": 0.5 * np.arange(20),
            "component": ["omega", "bottom_top", "north_south", "other"],
        }
    step = np.timedelta64(12 if kind == "half_days" else 24, "h")
    return {
        "time": FIRST + np.arange(13) * step,
        "latitude": 33 + 0.5 * np.arange(16),
        "longitude": -65 + 0.5 * np.arange(16),
    }


def as_form(estimate: xr.DataArray, form: str, spread: float = 0.05) -> xr.DataArray:
    """Estimate with eight members about it in equal pairs, or with a standard deviation."""
    if form == "single":
        return estimate
    if form == "ensemble":
        shifts = xr.DataArray(np.array(2 * [1, -2, 2, -1], dtype=estimate.dtype), dims="member")
        return estimate + spread * shifts
    labels = xr.DataArray(["mean", "std"], dims="moment", name="moment")
    return xr.concat([estimate, xr.full_like(estimate, spread)], labels)


@cache
def make(
    kind: str, seed: int, form: str = "single", noise: float = 0.3
) -> tuple[xr.DataArray, ...]:
    """Estimate, truth (reddish, with an offset) and weights, which nobody changes."""
    random = np.random.default_rng(seed)
    coords = axes(kind)
    dims = [d for d, v in coords.items() if not isinstance(v, tuple)]
    shape = [len(coords[d]) for d in dims]
    values = random.standard_normal(shape)
    for axis in range(len(shape)):
        values = values + np.roll(values, 1, axis) + np.roll(values, 2, axis)
    truth = xr.DataArray(0.1 * values + 0.2, dims=dims, coords=coords)
    estimate = truth + noise * 0.1 * random.standard_normal(shape)
    return tuple(map(read_only, (as_form(estimate, form), truth, xr.ones_like(truth))))


def read_only(array: xr.DataArray) -> xr.DataArray:
    """The same array, whose values raise when they are written to."""
    array.values.setflags(write=False)
    return array


def mask_of(truth: xr.DataArray, seed: int) -> xr.DataArray:
    """Weights with zeros: whole rows, a corner in time and space, or scattered points."""
    random = np.random.default_rng(seed)
    weights = xr.full_like(truth, 1.0)
    if truth.ndim == 1:
        weights[random.random(truth.size) < 0.05] = 0.0
        weights[: int(random.integers(0, 200))] = 0.0
        return weights
    kind = seed % 3
    if kind == 0:
        weights[:, int(random.integers(0, 4)) :: 4, :] = 0.0
    elif kind == 1:
        weights[: int(random.integers(1, 4))] = 0.0
        weights[..., : int(random.integers(1, 4))] = 0.0
    else:
        weights.values[random.random(truth.shape) < 0.01] = 0.0
    return weights


def run(name: str, *arrays: xr.DataArray, **options) -> float | Flagged:
    return METRICS[name].function(*arrays, **options)


@cache
def scored(name: str, kind: str, form: str, seed: int, *, masked: bool = False) -> float | Flagged:
    """Score that the contracts compare with: computed once for all of them."""
    estimate, truth, weights = make(kind, seed, form)
    return run(name, estimate, truth, mask_of(truth, seed) if masked else weights)


def same(a: float | Flagged, b: float | Flagged, rel: float = 1e-9) -> bool:
    if isinstance(a, Flagged) or isinstance(b, Flagged):
        flags = [v.flag if isinstance(v, Flagged) else None for v in (a, b)]
        return flags[0] == flags[1] and same(value(a), value(b), rel)
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == pytest.approx(b, rel=rel, abs=1e-12)


def value(found: float | Flagged) -> float:
    return found.value if isinstance(found, Flagged) else found


def honest(found: float | Flagged) -> bool:
    """A finite float, or a flag with NaN or (for a bound) a finite value."""
    if isinstance(found, Flagged):
        bound = found.flag == "resolved_below_grid"
        return math.isfinite(found.value) if bound else math.isnan(found.value)
    return type(found) is float and math.isfinite(found)


# --- the contracts ----------------------------------------------------------------------------


@each_row_with_a_seed
def test_inputs_are_left_as_they_were(name, kind, form, seed):
    estimate, truth, _ = (array.copy(deep=True) for array in make(kind, seed, form))
    weights = mask_of(truth, seed)
    estimate = estimate.where(weights > 0)
    before = [a.copy(deep=True) for a in (estimate, truth, weights)]
    run(name, estimate, truth, weights)
    for was, now in zip(before, (estimate, truth, weights), strict=True):
        xr.testing.assert_identical(was, now)


@each_row_with_a_seed
def test_order_of_dimensions_is_irrelevant(name, kind, form, seed):
    arrays, random = make(kind, seed, form), np.random.default_rng(seed)
    shuffled = [a.transpose(*random.permutation(list(a.dims))) for a in arrays]
    assert same(scored(name, kind, form, seed), run(name, *shuffled))


@every(
    "name, form, seed",
    [(name, form, seed) for name, kind, form, seed in WITH_A_SEED if kind == "maps"],
)
def test_direction_of_latitude_is_irrelevant(name, form, seed):
    arrays = make("maps", seed, form)
    flipped = [a.isel(latitude=slice(None, None, -1)) for a in arrays]
    window = {"window": "boxcar"} if "window" in METRICS[name].options else {}  # a symmetric one
    assert same(run(name, *arrays, **window), run(name, *flipped, **window))


@every(
    "name, kind, form, seed, junk",
    [(*row, *spoil) for row in ROWS for spoil in enumerate([np.nan, np.inf, 1e30, -214748.36])],
)
def test_values_at_points_of_zero_weight_are_irrelevant(name, kind, form, seed, junk):
    estimate, truth, _ = make(kind, seed, form)
    weights = mask_of(truth, seed)
    inside = weights > 0
    spoiled = estimate.where(inside, junk), truth.where(inside, -junk), weights
    assert same(scored(name, kind, form, seed, masked=True), run(name, *spoiled))


@each_row
def test_rows_of_zero_weight_could_as_well_be_absent(name, kind, form):
    arrays = make(kind, 3, form)
    dim = {"maps": "latitude", "track": "time", "windows": "window"}[kind]
    part = {dim: slice(180, None) if kind == "track" else slice(3, None)}
    masked = xr.zeros_like(arrays[2])
    masked[part] = 1.0
    options = [{}]
    if "units" in METRICS[name].options:
        options.append({"units": "km"})
    if "truth_error" in METRICS[name].options:
        options.append({"truth_error": 0.02})
    for option in options:
        cut = run(name, *(a.isel(part) for a in arrays), **option)
        assert same(run(name, *arrays[:2], masked, **option), cut), option


@every(
    "name, kind, form, seed, factor",
    [(*row, *scaled) for row in ROWS for scaled in enumerate([1e-6, 0.37, 1e6])],
)
def test_scale_of_the_weights_is_irrelevant(name, kind, form, seed, factor):
    estimate, truth, _ = make(kind, seed, form)
    weights = mask_of(truth, seed)
    found = run(name, estimate, truth, factor * weights)
    assert same(scored(name, kind, form, seed, masked=True), found)


@every(
    "name, kind, form, seed",
    [(*row, seed) for row in ROWS if "gaussian" not in row for seed in SEEDS],
)  # whose standard deviation is never zero
def test_truth_is_an_ideal_estimate_of_itself(name, kind, form, seed):
    _, truth, _ = make(kind, seed)
    weights = mask_of(truth, 3 * seed + 1)  # a full box, so that there are spectra
    found = run(name, as_form(truth, form, spread=0.0), truth, weights)
    ideal = METRICS[name].ideal_of({})
    if name in (*EVENTS, "rank_uniformity") and isinstance(found, Flagged):
        assert found.flag == "no_data"  # the truth has no event there, or too few cases
    elif name in ("spread_skill", "innovation_autocorrelation"):
        assert found.flag == "no_data"  # something over no error
    elif name in ("spread_error_correlation", "innovation_chi_square"):
        assert found == 0.0  # there is no error anywhere
    elif ideal is None:
        assert isinstance(found, Flagged) and found.flag == "resolved_below_grid"
        assert found.value > 0
    else:
        assert found == pytest.approx(ideal, abs=1e-12)


@every(
    "name, kind, form, seed",
    [row for row in WITH_A_SEED if row[0] not in (*CALIBRATION, *EVENTS, *RELATIVE)],
)
def test_larger_error_never_scores_better(name, kind, form, seed):
    _, truth, weights = make(kind, seed)
    error = xr.zeros_like(truth)
    error.values[...] = np.random.default_rng(seed).standard_normal(truth.shape) + 0.1
    better, ideal = METRICS[name].better, METRICS[name].ideal
    badness = []
    for amplitude in (0.0, 0.01, 0.3, 1.0, 10.0):
        found = run(name, as_form(truth + amplitude * error, form), truth, weights)
        if isinstance(found, Flagged) and found.flag == "unresolved":
            badness.append(math.inf)
        elif better is None:
            badness.append(abs(value(found) - ideal))
        else:
            badness.append(value(found) if better == "lower" else -value(found))
    assert all(a <= b + 1e-9 * abs(b) for a, b in pairwise(badness)), badness
    assert badness[-1] > badness[0]


CORNERS = {
    "estimate all zero": lambda e, t, w: (0 * e, t, w),
    "estimate constant": lambda e, t, w: (0 * e + 0.3, t, w),
    "truth all zero": lambda e, t, w: (e, 0 * t, w),
    "truth constant": lambda e, t, w: (e, 0 * t + 0.3, w),
    "both all zero": lambda e, t, w: (0 * e, 0 * t, w),
    "both constant": lambda e, t, w: (0 * e + 0.1, 0 * t + 0.3, w),
    "estimate opposite": lambda e, t, w: (-t, t, w),
    "truth far from zero": lambda e, t, w: (e + 290.3, t + 290.3, w),
    "one time": lambda e, t, w: tuple(a.isel(time=[0]) for a in (e, t, w)),
    "two times": lambda e, t, w: tuple(a.isel(time=[0, 1]) for a in (e, t, w)),
    "float32": lambda e, t, w: tuple(a.astype("f4") for a in (e, t, w)),
    "tiny weights": lambda e, t, w: (e, t, 1e-200 * w),
    "one point of weight": lambda e, t, w: (e, t, w * (np.arange(w.size) == 7).reshape(w.shape)),
}
MAP_CORNERS = {
    "one latitude": lambda e, t, w: tuple(a.isel(latitude=[0]) for a in (e, t, w)),
    "one longitude": lambda e, t, w: tuple(a.isel(longitude=[0]) for a in (e, t, w)),
    "two longitudes": lambda e, t, w: tuple(a.isel(longitude=[0, 1]) for a in (e, t, w)),
    "truth constant in longitude": lambda e, t, w: (e, 0 * t + t.isel(longitude=0), w),
    "truth constant in time": lambda e, t, w: (e, 0 * t + t.isel(time=0), w),
    "truth constant in space": lambda e, t, w: (
        e, 0 * t + t.isel(latitude=0, longitude=0), w,
    ),
}  # fmt: skip
TRACK_CORNERS = {
    "all at one place": lambda e, t, w: tuple(
        a.assign_coords(longitude=0 * t.longitude, latitude=0 * t.latitude) for a in (e, t, w)
    ),
    "short track": lambda e, t, w: tuple(a.isel(time=slice(0, 20)) for a in (e, t, w)),
    "every sample a track": lambda e, t, w: tuple(
        a.isel(time=slice(0, None, 9)) for a in (e, t, w)
    ),
}


WINDOW_CORNERS = {
    "one window": lambda e, t, w: tuple(a.isel(window=[0]) for a in (e, t, w)),
    "one component": lambda e, t, w: tuple(a.isel(component=[0]) for a in (e, t, w)),
    "one component constant": lambda e, t, w: (e, t.where(t.component != "omega", 0.3), w),
    "one component unscored": lambda e, t, w: (e, t, w.where(t.component != "omega", 0.0)),
}
CORNERS_OF = {
    "maps": {**CORNERS, **MAP_CORNERS},
    "track": {**CORNERS, **TRACK_CORNERS},
    "windows": {**CORNERS, **WINDOW_CORNERS},
}


@cache
def cornered(kind, corner, form):
    arrays = make(kind, 1)
    estimate, truth, weights = (
        a.transpose(*arrays[1].dims) for a in CORNERS_OF[kind][corner](*arrays)
    )
    return as_form(estimate, form), truth, weights


@pytest.mark.slow
@every(
    "name, kind, form, corner",
    [(*row, corner) for row in ROWS for corner in CORNERS_OF[row[1]]],
)
def test_legal_input_gives_a_finite_number_or_a_flag(name, kind, form, corner):
    assert honest(run(name, *cornered(kind, corner, form)))


@pytest.mark.parametrize("spread", [1e-300, 1e-12, 1e9])
@each_row
def test_spread_of_any_size_gives_a_finite_number_or_a_flag(name, kind, form, spread):
    estimate, truth, weights = make(kind, 1)
    for e in (estimate, truth):
        assert honest(run(name, as_form(e, form, spread), truth, weights))


@each_row
def test_single_value_has_a_number_or_is_called_deterministic(name, kind, form):
    estimate, truth, weights = make(kind, 1)
    found = scored(name, kind, "single", 1)
    assert honest(found)
    if form != "single" and name != "crps" and (METRICS[name].of_draws or not METRICS[name].joint):
        assert found.flag == ("not_draws" if METRICS[name].of_draws else "deterministic")
    if METRICS[name].probabilistic:
        assert same(run(name, estimate.expand_dims("member"), truth, weights), found)


@every("name, constant, kind", product(["nmse", "explained_variance"], [0.3, 290.3], KINDS))
def test_scores_relative_to_a_variance_are_flagged_where_there_is_none(name, constant, kind):
    estimate, truth, weights = make(kind, 2)
    weights = weights * (1 + 0.3 * np.sin(np.arange(weights.size)).reshape(weights.shape))
    found = run(name, estimate, 0 * truth + constant, weights)
    assert isinstance(found, Flagged), found


@each_row
def test_mask_without_a_point_gives_no_data(name, kind, form):
    estimate, truth, weights = make(kind, 1, form)
    found = run(name, estimate, truth, 0 * weights)
    assert isinstance(found, Flagged)
    assert found.flag == "no_data"
    assert math.isnan(found.value)


@each_row
def test_missing_values_where_the_weight_is_positive_are_refused(name, kind, form):
    for spoil in (0, 1):
        arrays = [a.copy() for a in make(kind, 1, form)]
        arrays[spoil].values.flat[40] = np.nan
        with pytest.raises(OceanbenchError, match="missing where the weight is positive"):
            run(name, *arrays)


@each_row
def test_arrays_on_other_points_are_refused(name, kind, form):
    estimate, truth, weights = make(kind, 1, form)
    shift = 0.5 if kind == "windows" else np.timedelta64(12, "h")
    later = {"time": truth["time"] + shift}
    with pytest.raises(OceanbenchError, match="differ in 'time'"):
        run(name, estimate.assign_coords(later), truth, weights)
    with pytest.raises(OceanbenchError):
        run(name, estimate.isel(time=slice(1, None)), truth, weights)
    with pytest.raises(OceanbenchError):  # weights of other points would be aligned silently
        run(name, estimate, truth, weights.assign_coords(later))


@each_row
def test_weights_that_are_no_weights_are_refused(name, kind, form):
    estimate, truth, weights = make(kind, 1, form)
    for wrong in (np.nan, -1.0):
        bad = weights.copy()
        bad.values.flat[40] = wrong
        with pytest.raises(OceanbenchError, match="weight"):
            run(name, estimate, truth, bad)


@every(
    "name, kind, form, unit",
    [
        (*row, ("s", "ms", "us")[number % 3])
        for number, row in enumerate(ROWS)
        if "windows" not in row  # which have no dates
    ],
)
def test_unit_of_time_is_irrelevant(name, kind, form, unit):
    arrays = make(kind, 4, form)
    if kind == "track":  # times that every unit can hold
        arrays = [
            a.assign_coords(time=a["time"].values.astype("M8[s]").astype("M8[ns]")) for a in arrays
        ]
    estimate, truth, weights = arrays
    other = estimate.assign_coords(time=truth["time"].values.astype(f"M8[{unit}]"))
    assert other["time"].dtype == f"M8[{unit}]"
    usual = run(name, *arrays) if kind == "track" else scored(name, kind, form, 4)
    assert same(usual, run(name, other, truth, weights))
    coarse = [a.assign_coords(time=truth["time"].values.astype(f"M8[{unit}]")) for a in arrays]
    assert same(usual, run(name, *coarse))


@every(
    "name, form, kind, seed",
    [
        (name, form, kind, seed)
        for name in METRICS
        if METRICS[name].of_sums({}) is not None and not METRICS[name].of_posterior
        for form in forms(name)
        for kind in [*legal(name), *(["half_days"] if "maps" in legal(name) else [])]
        for seed in SEEDS
    ],
)
def test_score_of_the_sums_is_the_score(name, form, kind, seed):
    """Else the confidence interval would belong to another number than the score."""
    estimate, truth, _ = make(kind, seed, form)
    weights = mask_of(truth, seed)
    metric, arrays = METRICS[name], (estimate, truth, weights)
    term = metric.statistic_of(*arrays, {})
    mean = mean_of(*arrays)
    table = sums(mean, truth, weights, daily=metric.daily, term=term)  # as evaluate() makes it
    of_sums = metric.of_sums({})
    assert float(of_sums(table)) == pytest.approx(scored(name, kind, form, seed, masked=True))
    batch = table.take(np.array([np.arange(table.case.size)] * 3))
    np.testing.assert_allclose(of_sums(batch), of_sums(table))


@every("name", METRICS)
def test_docstring_is_numpydoc_and_its_first_line_a_sentence(name):
    metric = METRICS[name]
    assert metric.described.__name__ == name
    text = inspect.getdoc(metric.described)
    assert metric.claim == text.split("\n")[0]
    assert metric.claim.endswith(".") and len(metric.claim) > 20
    parts = [part for part in (metric.statistic, metric.value) if part is not None]
    for part in parts:
        text = inspect.getdoc(part)
        options = [p.name for p in parameters_of(part) if p.kind is p.KEYWORD_ONLY]
        assert "Parameters\n----------" in text or not options
        assert all(option in text for option in options), "an option is not documented"
    assert metric.better in ("lower", "higher", None)
    if metric.better is None:
        assert metric.ideal_of({}) is not None, "a signed value needs an ideal"


@every("name", METRICS)
def test_a_statistic_takes_three_arrays_a_value_one_and_both_options_with_defaults(name):
    metric = METRICS[name]
    takes = [(metric.statistic, 3), (metric.value, 1)]
    for part, count in takes:
        if part is None:
            continue
        positional = [p.name for p in parameters_of(part) if p.kind is p.POSITIONAL_OR_KEYWORD]
        known = "posterior" if metric.of_posterior else "truth"
        assert positional == ["estimate", known, "weights"] if count == 3 else len(positional) == 1
        others = parameters_of(part)[count:]
        assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in others)


def parameters_of(function) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())
