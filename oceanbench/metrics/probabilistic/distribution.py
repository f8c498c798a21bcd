"""What an estimate says at points: one value, an ensemble of them, or mean and deviation."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from scipy import special

from oceanbench.arrays import FloatArray

Estimator = Literal["fair", "plain"]


class Single(NamedTuple):
    """One value at each point, shape (points,)."""

    value: FloatArray

    def mean(self) -> FloatArray:
        """Return the value itself."""
        return self.value

    def crps(self, truth: FloatArray, _: Estimator) -> FloatArray:
        """Continuous ranked probability score: of a single value, the absolute error."""
        return np.abs(self.value - truth)


class Ensemble(NamedTuple):
    """Members that are equally likely.

    ``members`` has the shape (members, points), and so has ``measured``: the members with errors of
    the standard deviation ``error``, as measurements of them would have.
    """

    members: FloatArray
    measured: FloatArray
    error: float

    def mean(self) -> FloatArray:
        """Mean of the members."""
        result: FloatArray = self.members.mean(axis=0)
        return result

    def expected_squared_error(self) -> FloatArray:
        """Squared error that the mean has if the truth is as any member is."""
        count = self.members.shape[0]
        result: FloatArray = (count + 1) / count * self.members.var(axis=0, ddof=1)
        return result + self.error**2

    def crps(self, truth: FloatArray, estimator: Estimator) -> FloatArray:
        """Continuous ranked probability score, from the sorted members."""
        count = self.members.shape[0]
        away = np.sort(self.measured - truth, axis=0)  # small numbers: a large mean costs no digits
        pairs = count * (count - 1) if estimator == "fair" else count**2
        spread = (2.0 * np.arange(count) + 1.0 - count) @ away / pairs
        result: FloatArray = np.abs(away).mean(axis=0) - spread
        return result

    def pit(self, truth: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Bounds of the probability of a value below the truth.

        With :math:`r` smaller members they are :math:`r / (M + 1)` and :math:`(r + 1) / (M + 1)`;
        members equal to the truth could lie on either side, and widen them. Where one of the two
        holds single precision only, they are equal if they are in single precision.
        """
        classes = self.members.shape[0] + 1
        members, known = self.measured, truth
        if _is_single(members) or _is_single(truth):
            with np.errstate(over="ignore"):
                members, known = members.astype(np.float32), truth.astype(np.float32)
        below = (members < known).sum(axis=0)
        equal = (members == known).sum(axis=0)
        return below / classes, (below + equal + 1) / classes

    def interval(self, level: float) -> tuple[FloatArray, FloatArray]:
        """Bounds of the central interval, the k-th member having probability k / (M + 1)."""
        count = self.members.shape[0]
        ordered = np.sort(self.measured, axis=0)
        place = max((1.0 - level) / 2 * (count + 1), 1.0) - 1.0
        k, part = int(place), place - int(place)
        low = ordered[k] + part * (ordered[k + 1] - ordered[k])
        high = ordered[-1 - k] - part * (ordered[-1 - k] - ordered[-2 - k])
        return low, high


class Gaussian(NamedTuple):
    """Mean and standard deviation of a normal distribution, shape (points,) each."""

    centre: FloatArray
    std: FloatArray

    def mean(self) -> FloatArray:
        """Mean of the distribution."""
        return self.centre

    def expected_squared_error(self) -> FloatArray:
        """Squared error that the mean has if the standard deviation is right."""
        return self.std**2

    def crps(self, truth: FloatArray, _: Estimator) -> FloatArray:
        """Continuous ranked probability score, in closed form."""
        error, z = truth - self.centre, self._standardised(truth)
        with np.errstate(over="ignore"):
            density = np.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi)
        result: FloatArray = error * special.erf(z / math.sqrt(2.0))
        return result + self.std * (2.0 * density - 1.0 / math.sqrt(math.pi))

    def pit(self, truth: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Probability of a value below the truth, twice: its bounds are the same."""
        probability = special.ndtr(self._standardised(truth))
        return probability, probability

    def interval(self, level: float) -> tuple[FloatArray, FloatArray]:
        """Bounds of the central interval."""
        reach = float(special.ndtri((1.0 + level) / 2)) * self.std
        return self.centre - reach, self.centre + reach

    def _standardised(self, truth: FloatArray) -> FloatArray:
        with np.errstate(over="ignore"):
            z: FloatArray = (truth - self.centre) / self.std
        return z


def _is_single(values: FloatArray) -> bool:
    """Whether values are ones of single precision."""
    with np.errstate(over="ignore"):
        return bool((values.astype(np.float32) == values).all())


Distribution = Single | Ensemble | Gaussian
