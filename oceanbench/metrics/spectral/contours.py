"""Smallest resolved scales on a plane of PSD scores, found along the edges of its bins."""

from __future__ import annotations

from typing import Literal

import contourpy
import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray, IndexArray
from oceanbench.metrics.aligned import NO_DATA, UNRESOLVED, Flagged

Contour = Literal["main", "all", "first"]


def _edge_crossings(
    score: FloatArray, wavelength: FloatArray, period: FloatArray, level: float
) -> tuple[FloatArray, FloatArray, IndexArray, IndexArray]:
    """Points where the score crosses the level along the grid's edges, by linear interpolation.

    Returns wavelength, period, and the row and column of the resolved end of each edge: these are
    the vertices of the contour, each belonging to the resolved region of that bin.
    """
    resolved = score >= level
    found: list[tuple[FloatArray, FloatArray, IndexArray, IndexArray]] = []
    for axis in (0, 1):
        head = (slice(None, -1), slice(None)) if axis == 0 else (slice(None), slice(None, -1))
        tail = (slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))
        finite = np.isfinite(score[head]) & np.isfinite(score[tail])
        i, j = np.nonzero((resolved[head] != resolved[tail]) & finite)
        ii, jj = (i + 1, j) if axis == 0 else (i, j + 1)
        fraction = (level - score[i, j]) / (score[ii, jj] - score[i, j])
        x = wavelength[j] + fraction * (wavelength[jj] - wavelength[j])
        y = period[i] + fraction * (period[ii] - period[i])
        first = resolved[i, j]
        found.append((x, y, np.where(first, i, ii), np.where(first, j, jj)))
    x, y, row, column = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return x, y, row, column


def main_region(resolved: BoolArray) -> BoolArray:
    """Resolved bins connected to the largest scales.

    Of the resolved regions (bins joined along edges), those that hold one of the 2 × 2 bins of
    longest period and wavelength. A resolved island elsewhere is chance agreement, not resolution.
    """
    from scipy import ndimage  # noqa: PLC0415  (slow to import)

    labels, _ = ndimage.label(resolved)
    seeds = np.unique(labels[:2, :2])
    region: BoolArray = np.isin(labels, seeds[seeds > 0])
    return region


def smallest_scales(
    score: xr.DataArray | None, contour: Contour, level: float
) -> tuple[float | Flagged, float | Flagged]:
    """λx in the unit of longitude's wavenumber and λt in days, from one PSD score."""
    if score is None or not np.isfinite(score.values).any():
        return NO_DATA, NO_DATA
    s = score.values
    wavelength = 1.0 / score["freq_longitude"].values
    period = 1.0 / score["freq_time"].values
    resolved = s >= level
    region = main_region(resolved) if contour == "main" else resolved
    if not region.any():
        return UNRESOLVED, UNRESOLVED
    if resolved.all():
        return _below_grid(score["freq_longitude"]), _below_grid(score["freq_time"])
    x, y, row, column = _edge_crossings(s, wavelength, period, level)
    on_region = region[row, column]
    x, y = x[on_region], y[on_region]
    if contour == "first" and min(s.shape) > 1:
        x, y = _first_contour(s, wavelength, period, level) or (x, y)
    along_k = region[:, -1].any() and contour == "main"
    along_f = region[-1].any() and contour == "main"
    return (
        _below_grid(score["freq_longitude"]) if along_k else _smallest(x),
        _below_grid(score["freq_time"]) if along_f else _smallest(y),
    )


def _smallest(scales: FloatArray) -> float | Flagged:
    """Smallest vertex; none where the truth has no power all around the resolved region."""
    return float(scales.min()) if scales.size else NO_DATA


def _below_grid(frequency: xr.DataArray) -> Flagged:
    """Return the Nyquist scale of the grid: what is resolved may be smaller still."""
    return Flagged(2.0 * float(frequency.attrs["spacing"]), "resolved_below_grid")


def _first_contour(
    score: FloatArray, wavelength: FloatArray, period: FloatArray, level: float
) -> tuple[FloatArray, FloatArray] | None:
    """First piece of the contour in the order of the algorithm behind the published tables."""
    generator = contourpy.contour_generator(wavelength, period, score, name="mpl2014")
    lines = generator.lines(level)  # vertices of all pieces, then their path codes
    if not lines[0]:
        return None
    first = np.asarray(lines[0][0])
    return first[:, 0], first[:, 1]
