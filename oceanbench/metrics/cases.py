"""Tables of several cases as one: what spectra and histograms are summed in.

A table is an array (rows, columns) of one or more maps. Its first row says what the columns are of,
as wavenumbers or ranks; the others are weighted sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oceanbench.arrays import FloatArray
from oceanbench.errors import OceanbenchError


def total(tables: Sequence[FloatArray]) -> FloatArray | None:
    """Sum of tables, of the columns that all of them have; None where there is none.

    Raises
    ------
    OceanbenchError
        if their columns are not of the same
    """
    there = [table for table in tables if table.size]
    if not there:
        return None
    columns = min(table.shape[1] for table in there)
    first = there[0][0, :columns]
    if not all(np.allclose(table[0, :columns], first, rtol=1e-9, atol=0.0) for table in there):
        raise OceanbenchError(
            "the box that a spectrum is of changes from case to case; choose a mask in which the "
            "same points always have a value"
        )
    summed = np.sum([table[1:, :columns] for table in there], axis=0)
    return np.vstack([first, summed])


class Parts(NamedTuple):
    """A statistic that is a mean over cases which can be resampled: passes, rows, days.

    Attributes
    ----------
    case : what distinguishes them, in their order
    whole : how often each counts (n,) -> the statistic
    """

    case: NDArray[Any]
    whole: Callable[[FloatArray], Any]


def parts_of_tables(case: NDArray[Any], tables: Sequence[FloatArray]) -> Parts | None:
    """Parts of a total of tables; None where they are not of the same columns."""
    there = np.array([table.size > 0 for table in tables], dtype=bool)
    kept = [table for table in tables if table.size]
    if not kept or len({table.shape for table in kept}) > 1:
        return None
    stack = np.stack(kept)
    if not np.allclose(stack[:, 0], stack[0, 0], rtol=1e-9, atol=0.0):
        return None

    def whole(counts: FloatArray) -> FloatArray:
        return np.vstack([stack[0, 0], np.tensordot(counts, stack[:, 1:], axes=1)])

    return Parts(case[there], whole)
