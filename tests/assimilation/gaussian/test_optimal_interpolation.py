"""The shared factorisation gives the posterior of every map exactly, for every covariance."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from dense import COVARIANCES, DEVICES, dense_posterior, nodes_of, observed
from hypothesis import given
from hypothesis import strategies as st
from rows import every

from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.gaussian.optimal_interpolation import Observations, solve
from oceanbench.assimilation.gaussian.posterior_fields import maps, variance
from oceanbench.errors import OceanbenchError

X, Y = np.linspace(0, 600, 9), np.linspace(-50, 500, 7)
DATES = np.arange(10.0, 24.0)
TOLERANCE = {"double": 1e-9, "single": 1e-5}


def take(o: Observations, chosen: np.ndarray) -> Observations:
    """Some of the observations, by mask or index."""
    names = [f.name for f in fields(o) if isinstance(getattr(o, f.name), np.ndarray)]
    return replace(o, **{n: getattr(o, n)[chosen] for n in names})


def mapped(
    o: Observations,
    c: Covariance,
    dates: np.ndarray = DATES,
    *,
    window: float = 12.0,
    x: np.ndarray = X,
    y: np.ndarray = Y,
    **options: object,
) -> np.ndarray:
    """Maps (dates, sets, y, x)."""
    solved = solve(o, dates, c, window=window, **options)
    return np.concatenate([maps(p, x, y).cpu().numpy() for p in solved])


def dense(
    o: Observations, c: Covariance, dates: np.ndarray = DATES, *, window: float = 12.0
) -> np.ndarray:
    """The same with an explicit inverse, map by map."""
    means = [dense_posterior(o, c, nodes_of(X, Y, d), date=d, window=window)[0] for d in dates]
    return np.stack([m.T.reshape(-1, Y.size, X.size) for m in means])


@pytest.mark.parametrize("device", DEVICES)
@every("precision", TOLERANCE)
@every("correlated", [0.0, 0.02])
@every("name", COVARIANCES)
def test_maps_are_the_dense_posterior(
    name: str, correlated: float, precision: str, device: str
) -> None:
    o, c = observed(correlated), COVARIANCES[name]
    found = mapped(o, c, device=device, precision=precision)
    np.testing.assert_allclose(found, dense(o, c), atol=TOLERANCE[precision])


@every("precision", TOLERANCE)
@every("group", [1, 3, 14, 50])
def test_the_size_of_a_group_does_not_matter(group: int, precision: str) -> None:
    o, c = observed(), COVARIANCES["arhan, moving"]
    found = mapped(o, c, group=group, precision=precision)
    np.testing.assert_allclose(found, dense(o, c), atol=TOLERANCE[precision])


@given(
    seed=st.integers(0, 2**31),
    count=st.integers(0, 40),
    dates=st.lists(st.floats(-5.0, 40.0), min_size=1, max_size=9).map(sorted),
    window=st.sampled_from([0.5, 3.0, 12.0, np.inf]),
    group=st.integers(1, 7),
)
def test_any_dates_windows_and_groups_give_the_dense_posterior(
    seed: int, count: int, dates: list[float], window: float, group: int
) -> None:
    o, c, when = observed(0.1, count, seed), COVARIANCES["gaussian, moving"], np.array(dates)
    o = replace(o, track=np.random.default_rng(seed).integers(0, 6, count))  # passes interleave
    found = mapped(o, c, when, window=window, group=group)
    np.testing.assert_allclose(found, dense(o, c, when, window=window), atol=1e-9)


@pytest.mark.parametrize("precision", TOLERANCE)
def test_sets_of_values_are_solved_together_as_each_alone(precision: str) -> None:
    o, c = observed(), COVARIANCES["arhan"]
    sets = replace(o, value=np.random.default_rng(1).standard_normal((o.time.size, 3)))
    found = mapped(sets, c, precision=precision)
    np.testing.assert_allclose(found, dense(sets, c), atol=TOLERANCE[precision])
    alone = [mapped(replace(o, value=v), c, precision=precision)[:, 0] for v in sets.value.T]
    np.testing.assert_allclose(found, np.stack(alone, axis=1), atol=TOLERANCE[precision])


def test_dates_may_be_irregular_and_far_apart() -> None:
    o, c = observed(), COVARIANCES["gaussian"]
    dates = np.array([-500.0, 3.0, 3.1, 9.7, 9.7, 34.9, 1e4])
    found = mapped(o, c, dates)
    np.testing.assert_allclose(found, dense(o, c, dates), atol=1e-9)
    assert not found[[0, -1]].any()


def test_an_infinite_window_uses_every_observation() -> None:
    o, c = observed(), COVARIANCES["arhan, moving"]
    found = mapped(o, c, window=np.inf, group=4)
    np.testing.assert_allclose(found, dense(o, c, window=np.inf), atol=1e-9)


def test_an_observation_on_the_edge_of_the_window_is_not_used() -> None:
    ones = {n: np.zeros(2) for n in ("x", "y")} | {"value": np.ones(2), "noise": np.ones(2)}
    o, c = Observations(time=np.array([2.0, 10.0]), **ones), COVARIANCES["gaussian"]
    assert not mapped(o, c, [6.0], window=4.0).any()
    assert mapped(o, c, [6.0], window=np.nextafter(4.0, 5.0)).any()


def test_maps_without_an_observation_are_the_background() -> None:
    """Before, inside and after a gap longer than the window, also when a group holds all three."""
    o, c = observed(), COVARIANCES["gaussian"]
    thin = take(o, (o.time < 12.0) | (o.time > 22.0))
    found = mapped(thin, c, window=2.0)
    empty = [not (np.abs(thin.time - d) < 2.0).any() for d in DATES]
    assert any(empty)
    assert [not m.any() for m in found] == empty
    assert not mapped(take(o, o.time < 0), c).any()


def test_sets_without_any_observation_are_the_background() -> None:
    nothing = Observations(*(np.zeros(0) for _ in range(3)), np.zeros((0, 3)), np.zeros(0))
    assert mapped(nothing, COVARIANCES["gaussian"]).shape == (DATES.size, 3, Y.size, X.size)


def test_a_year_is_as_exact_at_its_end_as_at_its_start() -> None:
    """A moving covariance, whose coordinates drift by 1500 km in the year."""
    o, c = observed(count=200), COVARIANCES["arhan, moving"]
    day = np.arange(365.0)
    year = [replace(o, time=o.time + shift) for shift in (0.0, 165.0, 330.0)]
    columns = {
        n: np.concatenate([getattr(p, n) for p in year]) for n in ("time", "x", "y", "value")
    }
    whole = replace(o, **columns, noise=np.tile(o.noise, 3), track=np.arange(3 * o.time.size) // 10)
    found = mapped(whole, c, day)
    some = np.array([0, 17, 180, 340, 355, 364])
    np.testing.assert_allclose(found[some], dense(whole, c, day[some]), atol=1e-9)
    np.testing.assert_allclose(found[330 + 13 : 330 + 22], found[13:22], atol=1e-9)


@every("precision", TOLERANCE)
@every("name", COVARIANCES)
def test_maps_do_not_depend_on_the_origin(name: str, precision: str) -> None:
    o, c = observed(), COVARIANCES[name]
    moved = replace(o, x=o.x + 1000.0, y=o.y - 3000.0, time=o.time + 1e4)
    shifted = mapped(moved, c, DATES + 1e4, x=X + 1000.0, y=Y - 3000.0, precision=precision)
    expected = mapped(o, c, precision=precision)
    np.testing.assert_allclose(shifted, expected, atol=TOLERANCE[precision])


def test_the_order_of_simultaneous_observations_does_not_matter() -> None:
    o, c = observed(), COVARIANCES["arhan"]
    o = replace(o, time=np.floor(o.time))
    shuffled = np.random.default_rng(2).permutation(o.time.size)
    other = take(o, shuffled[np.argsort(o.time[shuffled], kind="stable")])
    assert (other.x != o.x).any()
    np.testing.assert_allclose(mapped(other, c), mapped(o, c), atol=1e-9)


def test_the_numbers_of_passes_are_names() -> None:
    """Any numbers; and passes of one sample each are white noise."""
    o, c = observed(), COVARIANCES["arhan"]
    renamed = replace(o, track=10**9 - 7 * o.track)
    np.testing.assert_allclose(mapped(renamed, c), mapped(o, c), atol=1e-12)
    single = replace(o, track=np.arange(o.time.size))
    white = replace(o, track=None, correlated=0.0, noise=o.noise + o.correlated)
    np.testing.assert_allclose(mapped(single, c), mapped(white, c), atol=1e-12)


@pytest.mark.parametrize("precision", TOLERANCE)
def test_an_error_of_a_pass_may_differ_along_it(precision: str) -> None:
    """Its covariance is that of a number times a loading: the dense posterior again."""
    o, c = observed(), COVARIANCES["arhan, moving"]
    loading = np.random.default_rng(4).uniform(0.2, 3.0, o.time.size)
    o = replace(o, loading=loading)
    found = mapped(o, c, precision=precision)
    np.testing.assert_allclose(found, dense(o, c), atol=TOLERANCE[precision])
    assert np.abs(found - mapped(replace(o, loading=None), c)).max() > 0.01
    ones = replace(o, loading=np.ones(o.time.size))
    assert np.array_equal(mapped(ones, c), mapped(replace(o, loading=None), c))


def test_duplicated_observations_count_as_repeated_measurements() -> None:
    """Two equal ones with variance s are one with variance s / 2."""
    o, c = observed(0.0, 60), COVARIANCES["gaussian"]
    twice = take(o, np.repeat(np.arange(60), 2))
    half = replace(o, noise=o.noise / 2)
    np.testing.assert_allclose(mapped(twice, c), mapped(half, c), atol=1e-9)


@pytest.mark.parametrize("precision", TOLERANCE)
def test_duplicates_without_noise_are_refused(precision: str) -> None:
    columns = {n: np.zeros(4) for n in ("x", "y", "value", "noise")}
    o = Observations(time=np.full(4, 12.0), **columns)
    with pytest.raises(OceanbenchError, match="singular") as caught:
        mapped(o, COVARIANCES["gaussian"], precision=precision)
    assert ("double precision" in str(caught.value)) == (precision == "single")


@every(
    "change, words",
    [
        ({"value": np.array([0.0, np.nan])}, "'value' has missing"),
        ({"value": np.array([[0.0, 1.0], [np.nan, 0.0]])}, "'value' has missing"),
        ({"time": np.array([0.0, np.nan])}, "'time' has missing"),
        ({"x": np.array([0.0, np.inf])}, "'x' has missing"),
        ({"noise": np.array([0.1, -0.1])}, "negative"),
        ({"correlated": -1.0}, "negative"),
        ({"correlated": np.nan}, "negative"),
        ({"time": np.array([2.0, 1.0])}, "not increasing"),
        ({"correlated": 0.1}, "number of the pass"),
    ],
)
def test_observations_without_a_posterior_are_refused(change: dict, words: str) -> None:
    columns = {n: np.array([0.0, 1.0]) for n in ("time", "x", "y", "value", "noise")}
    with pytest.raises(OceanbenchError, match=words):
        Observations(**{**columns, **change})


@pytest.mark.parametrize("name", ["x", "value", "track"])
def test_columns_of_unequal_length_are_refused(name: str) -> None:
    columns = {n: np.array([0.0, 1.0]) for n in ("time", "x", "y", "value", "noise", "track")}
    with pytest.raises(OceanbenchError, match=name):
        Observations(**{**columns, name: np.zeros(3, dtype=int)})


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(OceanbenchError, match="'half': expected 'double' or 'single'"):
        mapped(observed(), COVARIANCES["gaussian"], precision="half")


@pytest.mark.parametrize("until", [2, None])
def test_the_formal_error_is_refused_once_the_next_maps_are_solved(until: int | None) -> None:
    solved = solve(observed(), DATES, COVARIANCES["gaussian"], window=12.0, group=7)
    first = next(solved)
    before = variance(first, X, Y)
    assert before.shape == (7, Y.size, X.size)
    list(solved) if until is None else next(solved)
    with pytest.raises(OceanbenchError, match="after the next ones were solved"):
        variance(first, X, Y)
