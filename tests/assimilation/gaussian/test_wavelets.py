"""Wavelets make a field of the given variance and spectrum, the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from rows import every

from oceanbench.assimilation.gaussian.reduced_order import solve
from oceanbench.assimilation.gaussian.wavelets import (
    DIRECTIONS,
    HALF_WIDTH,
    OVERLAP,
    RATIO,
    Band,
    spectrum,
    wavelets,
)
from oceanbench.errors import OceanbenchError

EXTENT = ((-3.0, 40.0), (-400.0, 500.0), (0.0, 700.0))
OPTIONS = {
    "deviation": 0.2,
    "shortest": 100.0,
    "longest": 500.0,
    "peak": 300.0,
    "slope": 4.0,
    "duration": 9.0,
    "growth": 0.5,
}


def points(count: int, seed: int = 0) -> list[np.ndarray]:
    """Times, x and y inside the extent, its corners included."""
    random = np.random.default_rng(seed)
    inside = [random.uniform(low, high, count) for low, high in EXTENT]
    return [np.append(p, bounds) for p, bounds in zip(inside, EXTENT, strict=True)]


def test_the_prior_variance_is_the_same_everywhere() -> None:
    bands = spectrum(**OPTIONS)
    total = 0.0
    for band in bands:
        columns = wavelets(band, EXTENT, *points(500))
        squares = columns.windows.multiply(columns.windows)
        variance = np.asarray(squares.sum(axis=1)).ravel() * (columns.waves**2).sum(axis=1)
        np.testing.assert_allclose(variance, band.variance, rtol=1e-12)
        total += band.variance
    assert total == pytest.approx(0.2**2)


def test_a_wavelet_is_a_wave_under_a_window_compact_in_time_and_space() -> None:
    """Point by point, straight from the definition."""
    band = Band(180.0, 8.0, 0.5)
    time, x, y = points(40)
    columns = wavelets(band, EXTENT, time, x, y)
    width = HALF_WIDTH * band.wavelength
    counts, bells = [], []
    for values, (low, high), half, overlap in zip(
        (time, x, y), EXTENT, (8.0, width, width), OVERLAP, strict=True
    ):
        spacing = 2 * half / overlap
        centres = low + spacing * (
            np.arange(int((high - low) / spacing) + overlap + 1) - overlap // 2
        )
        far = np.abs(values[:, None] - centres) / half
        bell = np.where(far < 1, np.cos(np.pi / 2 * far) ** 2, 0)
        bells.append(bell / np.sqrt((bell**2).sum(axis=1, keepdims=True)))
        counts.append(centres.size)
    window = np.einsum("nt,nx,ny->ntxy", *bells).reshape(time.size, -1)
    angle = np.pi / DIRECTIONS * np.arange(DIRECTIONS)
    phase = 2 * np.pi / 180 * (x[:, None] * np.cos(angle) + y[:, None] * np.sin(angle))
    waves = np.concatenate([np.cos(phase), np.sin(phase)], 1) * np.sqrt(0.5 / DIRECTIONS)
    np.testing.assert_allclose(columns.windows.toarray(), window, atol=1e-12)
    np.testing.assert_allclose(columns.waves, waves, atol=1e-12)
    assert columns.size == np.prod(counts) * 2 * DIRECTIONS
    assert columns.windows.nnz == time.size * np.prod(OVERLAP)


def test_a_field_is_continuous_across_the_edges_of_windows() -> None:
    band = Band(180.0, 8.0, 0.04)
    along = np.linspace(-400, 500, 40_001)
    columns = wavelets(band, EXTENT, 0 * along + 11, along, 0 * along + 77)
    field = columns.times(np.random.default_rng(1).standard_normal(columns.size))
    steepest = 2 * np.pi / 180 * 0.2 * 6 * (along[1] - along[0])
    assert np.abs(np.diff(field)).max() < steepest


def test_the_correlation_hardly_depends_on_the_place() -> None:
    time, x, y = points(200, seed=3)
    inside = (x < 430) & (time < 35)
    time, x, y = time[inside], x[inside], y[inside]
    for lag_time, lag_x in ((0.0, 70.0), (5.0, 0.0)):
        product = 0.0
        for band in spectrum(**OPTIONS):
            here = wavelets(band, EXTENT, time, x, y)
            there = wavelets(band, EXTENT, time + lag_time, x + lag_x, y)
            windows = here.windows.multiply(there.windows).sum(axis=1)
            product += np.asarray(windows).ravel() * (here.waves * there.waves).sum(axis=1)
        correlation = product / 0.2**2
        assert 0.2 < correlation.mean() < 0.9
        assert correlation.std() < 0.06


def test_one_wavelet_is_recovered_where_it_was_not_observed() -> None:
    """In the limit of no noise, with more observations than degrees of freedom."""
    band = Band(250.0, 20.0, 0.04)
    seen, unseen = points(3000, seed=1), points(300, seed=2)
    columns = wavelets(band, EXTENT, *seen)
    inside = np.bincount(columns.windows.indices, columns.windows.data).argmax()
    one = np.zeros((columns.windows.shape[1], 2 * DIRECTIONS))
    one[inside, 4] = 1.0
    (found,) = solve([columns], columns.times(one.ravel()), np.full(seen[0].size, 1e-9))
    elsewhere = wavelets(band, EXTENT, *unseen)
    truth = elsewhere.times(one.ravel())
    assert np.abs(elsewhere.times(found) - truth).max() < 0.01 * np.abs(truth).max()


def test_bands_share_the_variance_as_a_spectrum_does() -> None:
    """Steep below the peak: a band of constant ratio holds k E(k), so k^(1 - s); flat above it."""
    wide = {**OPTIONS, "shortest": 1.0, "longest": 1e5}
    bands = spectrum(**wide)
    ratio = bands[1].variance / bands[0].variance
    assert ratio == pytest.approx(RATIO**3, rel=1e-3)
    ratio = bands[-2].variance / bands[-1].variance
    assert ratio == pytest.approx(RATIO, rel=1e-3)
    assert sum(b.variance for b in bands) == pytest.approx(0.2**2)
    assert bands[0].duration == pytest.approx(9.0 * (1.0 / 300.0) ** 0.5)


def test_the_longest_wavelength_is_a_bound_and_may_be_the_shortest() -> None:
    assert [b.wavelength for b in spectrum(**{**OPTIONS, "longest": 100.0})] == [100.0]
    exact = spectrum(**{**OPTIONS, "longest": 100.0 * RATIO**3})
    assert exact[-1].wavelength == pytest.approx(100.0 * RATIO**3)


@every(
    "change, words",
    [
        ({"deviation": 0.0}, "deviation 0.0 must be positive"),
        ({"shortest": -80.0}, "shortest"),
        ({"slope": float("nan")}, "slope nan"),
        ({"duration": float("inf")}, "duration inf"),
        ({"longest": 90.0}, "longest 90.0 must be at least shortest 100.0"),
        ({"growth": -0.1}, "growth -0.1"),
    ],
)
def test_what_is_no_spectrum_is_refused(change: dict, words: str) -> None:
    with pytest.raises(OceanbenchError, match=words):
        spectrum(**{**OPTIONS, **change})


def test_points_outside_the_extent_are_refused() -> None:
    time, x, y = points(3)
    with pytest.raises(OceanbenchError, match="outside"):
        wavelets(Band(180.0, 8.0, 0.5), EXTENT, time, x + 1.0, y)
