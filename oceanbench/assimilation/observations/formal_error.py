r"""How large errors of predictions are, from withheld altimeters.

A fit of squared errors says which weights are right, not how large the error is. That the
likelihood of the same errors e says: of the width over which the signal's variance is smoothed, and
of a power :math:`\gamma` of the formal error variance v, relative to the signal's, so that it stays
1 where nobody looks,

.. math:: e \sim N(0, \; \sigma^2(x) \, v^\gamma + n^2), \quad n^2 \le w^2 + E_{LW} s^2,

the most likely are taken. The samples' own error n has a bound, for where v is small it cannot be
told from the map's: the error of a pass, and a white error w known from fourth differences along
passes.
"""

from __future__ import annotations

import numpy as np
from scipy import stats
from scipy.optimize import minimize

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.observations.cross_validation import LeftOut, Scales
from oceanbench.assimilation.observations.superobservations import Samples

DIFFERENCED = 70.0  # variance of fourth differences of white noise of variance 1


def interval_of(sharpness: float, left: LeftOut, own: float) -> tuple[float, float]:
    """Interval of 95 % of the sharpness.

    Parameters
    ----------
    sharpness : the most likely
    left : with formal errors
    own : error of the samples themselves
    """
    best = float(np.log(sharpness))
    step = 1e-4
    ends = [_terms(left, best + h, own)[1] for h in (-step, 0.0, step)]
    curvature = np.array([[(ends[2] - ends[0]).sum() / (2.0 * step)]])
    half = float(half_width(ends[1][None], curvature, left.date)[0])
    return float(np.exp(best - half)), float(np.exp(best + half))


def white_error(samples: Samples) -> float:
    """Standard deviation of the white error, from fourth differences along passes.

    The signal must be smooth over five samples of a pass, else its roughness is counted as error.

    Parameters
    ----------
    samples : along tracks
    """
    order = np.lexsort((samples.time, samples.track))
    value, track = samples.value[order], samples.track[order]
    differences = np.diff(value, 4)[track[4:] == track[:-4]]
    if not differences.size:
        return 0.0
    return float(np.sqrt(np.mean(differences**2) / DIFFERENCED))


def own_error(samples: Samples, scales: Scales) -> float:
    """Standard deviation of a sample's own error: white, and of its pass.

    Parameters
    ----------
    samples : of all missions
    scales : ``noise`` and ``correlated``
    """
    noise, correlated = scales["noise"], scales["correlated"]
    variance = float(np.mean(samples.value**2)) / (1.0 + noise + correlated)
    return float(np.sqrt(white_error(samples) ** 2 + correlated * variance))


def most_likely(left: LeftOut, most: float) -> tuple[float, float, float]:
    """Sharpness, the samples' own error, and the mean log-likelihood but for a constant.

    Parameters
    ----------
    left : with formal errors
    most : bound of the samples' own error
    """

    def cost(logarithms: FloatArray) -> float:
        return float(_terms(left, logarithms[0], float(np.exp(logarithms[1])))[0].mean())

    top = float(np.log(max(most, 1e-6)))
    bounds = [(-3.0, 2.0), (top - 5.0, top)]
    found = minimize(cost, [0.0, top - 0.2], bounds=bounds, method="L-BFGS-B")
    sharpness, own = np.exp(found.x)
    return float(sharpness), float(own), -float(found.fun)


def _terms(left: LeftOut, logarithm: float, own: float) -> tuple[FloatArray, FloatArray]:
    """Negative log-likelihood (m,) but for a constant, and its slope (m,)."""
    sharpness = np.exp(logarithm)
    relative = np.log(np.clip(left.variance, 1e-6, 1.0))
    signal = left.deviation**2 * np.exp(sharpness * relative)
    variance = signal + own**2
    terms = 0.5 * (np.log(variance) + left.error**2 / variance)
    by_variance = 0.5 * (1.0 - left.error**2 / variance) / variance
    return terms, by_variance * sharpness * relative * signal


def half_width(slopes: FloatArray, curvature: FloatArray, date: FloatArray) -> FloatArray:
    """Half of intervals of 95 %, those of one date belonging together.

    Parameters
    ----------
    slopes : (k, m) of terms at the minimum of their sum
    curvature : (k, k) of the sum
    date : (m,)
    """
    number = np.unique(date, return_inverse=True)[1]
    gradients = np.stack([np.bincount(number, slope) for slope in slopes], axis=1)
    dates, free = gradients.shape
    left = max(dates - free, 1)
    inverse = np.linalg.pinv(curvature)
    covariance = inverse @ (gradients.T @ gradients) @ inverse * dates / left
    half: FloatArray = stats.t.ppf(0.975, left) * np.sqrt(covariance.diagonal())
    return half
