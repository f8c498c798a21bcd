"""Tables of several cases as one: what spectra and histograms are summed in.

A table is an array (rows, columns) of one or more maps. Its first row says what the columns are of,
as wavenumbers or ranks; the others are weighted sums.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from oceanbench.errors import OceanbenchError
from oceanbench.metrics.aligned import FloatArray


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
