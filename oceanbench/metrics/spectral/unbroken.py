"""Parts of a mask without a gap: what a spectrum can be taken of beside coasts, islands and ice."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oceanbench.arrays import BoolArray, IndexArray, IntArray

LEAST_CELLS = 8  # of a piece of a row: three harmonics


class Pieces(NamedTuple):
    """Pieces of rows, all of one length and without a gap, row by row.

    Attributes
    ----------
    row, begin : (n,) where each lies, and its first column
    cells : of each
    """

    row: IndexArray
    begin: IndexArray
    cells: int


def longest_run(known: BoolArray) -> slice:
    """Longest stretch of true values, the first of several; empty where there is none.

    >>> longest_run(np.array([True, False, True, True]))
    slice(2, 4, None)
    """
    _, begins, lengths = _runs(known[None])
    if not lengths.size:
        return slice(0, 0)
    longest = int(np.argmax(lengths))
    return slice(int(begins[longest]), int(begins[longest] + lengths[longest]))


def pieces_of_rows(known: BoolArray) -> Pieces:
    """Pieces that overlap by a half, as long as half of the cells allow.

    Half of the true cells lie in stretches at least as long as a piece; shorter stretches are left
    out. Where rows are whole these are the rows. Stretches of less than :data:`LEAST_CELLS` count
    only as whole rows.

    Parameters
    ----------
    known : (rows, columns)
    """
    rows, begins, lengths = _runs(known)
    width = known.shape[1]
    cells = _half_lie_in(lengths) if lengths.size else width
    if cells < LEAST_CELLS:
        cells = width
    there = lengths >= cells
    stride = max(cells // 2, 1)
    counts = 1 + (lengths[there] - cells) // stride
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    begin = np.repeat(begins[there], counts) + stride * number
    return Pieces(np.repeat(rows[there], counts), begin, cells)


def largest_box(known: BoolArray) -> tuple[slice, slice]:
    """Rows and columns of the largest rectangle of true cells, the first of several.

    Parameters
    ----------
    known : (rows, columns)
    """
    best, found = 0, (slice(0, 0), slice(0, 0))
    above = np.zeros(known.shape[1] + 1, dtype=np.int64)  # the last is a bound that stays zero
    for row, here in enumerate(known):
        above[:-1] = np.where(here, above[:-1] + 1, 0)
        rising: list[tuple[int, int]] = []  # first column and height of rectangles that go on
        for column, height in enumerate(above.tolist()):
            first = column
            while rising and rising[-1][1] >= height:
                first, tall = rising.pop()
                if tall * (column - first) > best:
                    best = tall * (column - first)
                    found = (slice(row + 1 - tall, row + 1), slice(first, column))
            rising.append((first, height))
    return found


def _runs(known: BoolArray) -> tuple[IndexArray, IndexArray, IntArray]:
    """Row, first column and length of every stretch of true values, row by row."""
    steps = np.diff(np.pad(known, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, begins = np.nonzero(steps == 1)
    ends = np.nonzero(steps == -1)[1]
    return rows, begins, (ends - begins).astype(np.int64)


def _half_lie_in(lengths: IntArray) -> int:
    """Longest length such that half of the cells lie in stretches at least so long."""
    falling = np.sort(lengths)[::-1]
    reached = np.searchsorted(2 * np.cumsum(falling), falling.sum())
    return int(falling[reached])
