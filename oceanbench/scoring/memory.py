r"""The error of a mean over cases that remember each other, when it is not known how long.

A series of ``n`` cases that follow each other in time is taken for the sum of white noise and of
one process whose memory decays as :math:`\exp(-l / \tau)`. Neither the e-folding time nor the share
of the noise is known, and a short series says little of them: so the error of the mean is a mixture
over all of both, each weighing as much as the series makes it likely. Given them, the mean follows
Student's law. Where a series of weeks could hide a memory of weeks, the interval is as wide as that
demands; a block bootstrap cannot know of it.

In the cosine transform of the series the coefficients are all but uncorrelated, and their variances
under each model are known exactly, so that its likelihood costs one transform. Only the slowest
cosines are looked at: what a series does from one day to the next says little of how its mean
errs, and misleads where it is smooth or oscillates.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import fft, special

from oceanbench.arrays import FloatArray

SLOWEST = 14  # cosines that are looked at
LONGEST = 0.9  # e-folding time that is thought possible, as a part of the series
TIMES = 16  # e-folding times between half a case and the longest
SHARES = (0.3, 0.6)  # of white noise, beside none and nothing else
WHITE, MIXED = 2.2, 0.5  # prior weight of white noise alone, and of each mixture; 1 of no noise
STEPS = 60  # at most, to where the tail is as asked for; about ten are needed


class Spread(NamedTuple):
    """Distribution of the error of a mean: a mixture of Student laws.

    Attributes
    ----------
    weights : (..., model), that sum to one
    scale : (..., model), standard error of the mean under each
    freedom : degrees of freedom
    """

    weights: FloatArray
    scale: FloatArray
    freedom: int

    def tail(self, deviation: FloatArray) -> FloatArray:
        """Probability of an error that is as large, of either sign: 1 where there is none."""
        deviation = np.abs(np.asarray(deviation, dtype=np.float64))[..., None]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(deviation > 0, deviation / self.scale, 0.0)
        found: FloatArray = (self.weights * 2.0 * special.stdtr(self.freedom, -ratio)).sum(-1)
        return found

    def reach(self, level: float) -> FloatArray:
        """Error that is not exceeded with a probability, of either sign; zero of a constant.

        By Newton's method from zero: the tail is convex, so that no step goes too far.
        """
        q = self.freedom
        scale = np.where(self.scale > 0, self.scale, 1.0)
        height = np.exp(special.gammaln((q + 1) / 2) - special.gammaln(q / 2)) / np.sqrt(q * np.pi)
        found = np.zeros(self.weights.shape[:-1])
        for _ in range(STEPS):
            ratio = found[..., None] / scale
            beyond = (self.weights * special.stdtr(q, -ratio)).sum(-1) - (1.0 - level) / 2
            density = height * (1.0 + ratio**2 / q) ** (-(q + 1) / 2)
            step = beyond / (self.weights * density / scale).sum(-1)
            found = found + step
            if (np.abs(step) <= np.finfo(float).eps * found).all():
                break
        result: FloatArray = np.where(self.scale.max(-1) == 0, 0.0, found)
        return result


def spread(series: FloatArray, *, dated: bool, evidence: FloatArray | float = 0.0) -> Spread:
    r"""Distribution of the error of the mean of a series.

    Parameters
    ----------
    series : (..., n), of which the mean is looked at; its own mean does not matter
    dated : whether its cases follow each other; else they are independent
    evidence : logarithms of likelihoods of the models from elsewhere (:func:`likelihoods`)

    Returns
    -------
    Spread of the leading dimensions

    References
    ----------
    Müller (2014), HAC corrections for strongly autocorrelated time series,
    doi:10.1080/07350015.2014.931238, on what a short series can know of its memory
    """
    n = series.shape[-1]
    variances, prior = models(n)
    count = min(SLOWEST, n - 1)
    if not dated:
        variances, prior, count = variances[:1], prior[:1], n - 1
    squares, logarithm = _seen(series, variances, count)
    logarithm = logarithm + np.log(prior) + (evidence if dated else 0.0)
    weights = np.exp(logarithm - logarithm.max(-1, keepdims=True))
    scale = np.sqrt(variances[:, 0] * squares / count / n)
    return Spread(weights / weights.sum(-1, keepdims=True), scale, count)


def likelihoods(series: FloatArray) -> FloatArray:
    """Logarithms of the likelihoods of the models, (..., models), the largest of each being 0.

    Parameters
    ----------
    series : (..., n), of cases that follow each other
    """
    n = series.shape[-1]
    found = _seen(series, models(n)[0], min(SLOWEST, n - 1))[1]
    result: FloatArray = found - found.max(-1, keepdims=True)
    return result


def _seen(series: FloatArray, variances: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    r"""Squares of the slowest cosine coefficients over their variances, and what they make likely.

    With a variance that is not known, the likelihood of :math:`q` coefficients :math:`y_j` is
    proportional to :math:`\prod f_j^{-1/2} (\sum y_j^2 / f_j)^{-q/2}`.
    """
    power = fft.dct(series, norm="ortho", axis=-1)[..., 1 : count + 1] ** 2
    largest = np.maximum(power.max(-1, keepdims=True), np.finfo(float).tiny)
    seen = variances[:, 1 : count + 1]
    squares = np.maximum((power / largest) @ (1.0 / seen).T, np.finfo(float).tiny)
    logarithm = -0.5 * np.log(seen).sum(1) - 0.5 * count * np.log(squares)
    return squares * largest, logarithm


@lru_cache(maxsize=16)
def models(n: int) -> tuple[FloatArray, FloatArray]:
    """Variances of the cosine coefficients of a series of n, under each model, and its prior.

    Returns
    -------
    variances (models, n), the first those of white noise; prior (models,)
    """
    times = np.geomspace(0.5, max(LONGEST * n, 1.0), TIMES)
    decaying = _variances(np.exp(-1.0 / times), n)
    mixed = [share + (1.0 - share) * decaying for share in SHARES]
    prior = np.full(TIMES, 1.0 / TIMES)
    return (
        np.concatenate([np.ones((1, n)), decaying, *mixed]),
        np.concatenate([[WHITE], prior, *(MIXED * prior for _ in SHARES)]),
    )


def _variances(memory: FloatArray, n: int) -> FloatArray:
    r"""Variances of the cosine coefficients of unit series with correlations ``memory ** lag``.

    A cosine of frequency :math:`\theta` has the autocorrelation
    :math:`[(n - l) \cos l\theta - \sin l\theta / \sin\theta] / n` at lag :math:`l`, a constant
    :math:`(n - l) / n`; the sums over lags are geometric.
    """
    angle = np.pi * np.arange(n) / n
    z = memory[:, None] * np.exp(1j * angle)
    powers = z * (1 - z ** (n - 1)) / (1 - z)
    times_lag = z * (1 - n * z ** (n - 1) + (n - 1) * z**n) / (1 - z) ** 2
    sine = np.where(np.arange(n) > 0, np.sin(angle), np.inf)
    found: FloatArray = 1.0 + 2.0 * (powers - times_lag / n).real - 2.0 * powers.imag / sine / n
    return found
