"""Days of errors and truths that remember each other, with scores that are known."""

from __future__ import annotations

import numpy as np
from scipy import signal

from oceanbench.metrics import Sums

FIRST = np.datetime64("2017-01-01", "ns")
DAY = np.timedelta64(1, "D")


def remembering(
    random: np.random.Generator, shape: tuple[int, ...], days: int, e_folding: float
) -> np.ndarray:
    """Stationary autoregressions of unit variance, (*shape, days)."""
    memory = np.exp(-1.0 / e_folding) if e_folding > 0 else 0.0
    shocks = random.standard_normal((*shape, days))
    shocks[..., 1:] *= np.sqrt(1.0 - memory**2)
    return signal.lfilter([1.0], [1.0, -memory], shocks, axis=-1)


def table(error: np.ndarray, truth: np.ndarray, term: np.ndarray | None = None) -> Sums:
    """Sums per day of errors and truths (points, days)."""
    points, days = error.shape
    count = np.full(days, float(points))
    return Sums(
        case=FIRST + DAY * np.arange(days),
        count=count,
        weight=count,
        error=error.sum(axis=0),
        squared_error=np.square(error).sum(axis=0),
        truth=truth.sum(axis=0),
        squared_truth=np.square(truth).sum(axis=0),
        term=None if term is None else term.sum(axis=0),
    )


def methods(
    random: np.random.Generator,
    *,
    days: int,
    e_folding: float,
    number: int = 13,
    points: int = 10,
    common: float = 0.5,
    better: float = 0.0,
) -> list[Sums]:
    """Methods that are equally good, but that the first errs less by a part of its RMSE.

    ``common`` is the part of the variance of the error that all of them share.
    """
    shared = remembering(random, (points,), days, e_folding)
    own = remembering(random, (number, points), days, e_folding)
    errors = np.sqrt(common) * shared + np.sqrt(1.0 - common) * own
    errors[0] *= 1.0 - better
    truth = 3.0 * remembering(random, (points,), days, 2.0 * e_folding)
    return [table(error, truth) for error in errors]
