"""Episodes of a time series: when something is the case, with short interruptions bridged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def episodes(series: NDArray[np.bool_], longest_gap: float = 0.0) -> list[tuple[int, int]]:
    """First and last index of every episode.

    Parameters
    ----------
    series : (times,), whether it is the case
    longest_gap : episodes whose true times lie no more than so many steps apart are one

    Returns
    -------
    list of (first, last), both inclusive, in the order of time

    >>> episodes(np.array([0, 1, 1, 0, 1, 0, 0, 0, 1], dtype=bool), longest_gap=2)
    [(1, 4), (8, 8)]
    """
    true = np.flatnonzero(series)
    if not true.size:
        return []
    breaks = np.flatnonzero(np.diff(true) > max(longest_gap, 1.0)) + 1
    return [(int(part[0]), int(part[-1])) for part in np.split(true, breaks)]
