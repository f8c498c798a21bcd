"""Super-observations: means of samples that a covariance could not tell apart.

A mean never bridges two passes, the two sides of a swath, or the seam of the longitudes.
"""

from __future__ import annotations

import numpy as np

from oceanbench.arrays import BoolArray, FloatArray, IndexArray, IntArray
from oceanbench.grid import KM_PER_DEGREE, wrap_longitude


def along_track_means(
    rows: FloatArray, starts: IndexArray, count: int
) -> tuple[FloatArray, IntArray]:
    """Means of ``count`` consecutive samples of a pass, and the number of the pass.

    Parameters
    ----------
    rows : (4, samples) time, longitude, latitude, value
    starts : where new passes begin
    count : an incomplete rest of a pass is dropped

    Returns
    -------
    ndarray (4, means), and the number (means,) of the pass
    """
    passes = np.split(rows, starts, axis=1)
    whole = [p[:, : p.shape[1] // count * count].reshape(4, -1, count) for p in passes]
    numbers = np.repeat(np.arange(len(whole)), [w.shape[1] for w in whole])
    blocks = np.concatenate(whole, axis=1)
    first = blocks[1, :, :1]
    blocks[1] = wrap_longitude(blocks[1] - first, 0.0) + first  # no seam within a mean
    return blocks.mean(axis=2), numbers


def swath_cells(
    rows: FloatArray, starts: IndexArray, side_km: float
) -> tuple[FloatArray, IntArray]:
    """Means over cells of about ``side_km``, pass by pass and side by side.

    Parameters
    ----------
    rows : (4, lines, pixels) time, longitude, latitude, value
    starts : lines where new passes begin
    side_km : a cell counts with at least half of its pixels

    Returns
    -------
    ndarray (4, cells), and the number (cells,) of the pass
    """
    known: BoolArray = np.asarray(np.isfinite(rows).all(axis=0))
    rows, known = rows[:, :, known.any(axis=0)], known[:, known.any(axis=0)]
    if not known.any():
        return np.zeros((4, 0)), np.zeros(0, dtype=np.int64)
    along, across = _spacing_km(rows, side_km)
    lines = np.arange(rows.shape[1])
    number = np.searchsorted(starts, lines, side="right")
    begin = np.concatenate([[0], starts])[number]
    block_of_line = (lines - begin) // max(round(side_km / along), 1)
    cell_of_pixel = _cells_across(across, side_km)
    wide, deep = int(cell_of_pixel.max()) + 1, int(block_of_line.max()) + 1
    cell = (number * deep + block_of_line)[:, None] * wide + cell_of_pixel
    size = int(cell.max()) + 1
    full, count = (
        np.bincount(cell.ravel(), minlength=size),
        np.bincount(cell[known], minlength=size),
    )
    kept = np.flatnonzero(count * 2 >= np.maximum(full, 1))
    flat, cell = rows[:, known], cell[known]
    some = np.zeros(size)
    some[cell] = flat[1]  # a longitude of each cell: no seam within a mean
    flat[1] = wrap_longitude(flat[1] - some[cell], 0.0) + some[cell]
    total = np.stack([np.bincount(cell, row, minlength=size) for row in flat])
    return total[:, kept] / count[kept], kept // (deep * wide)


def _spacing_km(rows: FloatArray, otherwise: float) -> tuple[float, FloatArray]:
    """Median distance of consecutive lines, and of neighbouring pixels (pixels - 1), km."""

    def distance(axis: int) -> FloatArray:
        east = wrap_longitude(np.diff(rows[1], axis=axis), 0.0)
        east = east * np.cos(np.deg2rad(np.nanmean(rows[2])))
        km: FloatArray = np.hypot(east, np.diff(rows[2], axis=axis)) * KM_PER_DEGREE
        return km

    along, across = distance(0), distance(1)
    usual = float(np.nanmedian(along)) if np.isfinite(along).any() else otherwise
    both = np.isfinite(across).any(axis=0)
    between = np.full(across.shape[1], np.inf)  # never seen together: not one side
    between[both] = np.nanmedian(across[:, both], axis=0)
    return usual, between


def _cells_across(spacing: FloatArray, side_km: float) -> IntArray:
    """Cell of every pixel across the swath; a jump in the spacing separates two sides."""
    finite = spacing[np.isfinite(spacing)]
    usual = float(np.median(finite)) if finite.size else side_km
    jumps = np.flatnonzero(spacing > 2.0 * usual) + 1
    cells, used = [], 0
    for side in np.split(np.arange(spacing.size + 1), jumps):
        parts = max(round(side.size * usual / side_km), 1)
        cells.append(used + np.arange(side.size) * parts // side.size)
        used += parts
    return np.concatenate(cells)
