"""Scores that tell how much of the anomalies from a reference is right.

Estimate and truth are anomalies from the same field: from the climatology, or from persistence.
The error of an anomaly is the error itself, and the square of the truth's anomaly is the squared
error of the reference, so that no third array is needed.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.metrics.aligned import align
from oceanbench.metrics.sums import ROUNDING, Sums, over_cases, ratio, term_of, variance


def skill(s: Sums) -> FloatArray:
    r"""Skill against the reference: 1 if perfect, 0 if as wrong as the reference, below if worse.

    .. math:: 1 - \sum w (\hat x - x)^2 / \sum w (r - x)^2

    with the reference :math:`r`, which is zero where the arrays are anomalies from it.

    Parameters
    ----------
    s : sums of anomalies from the reference

    Returns
    -------
    NaN, flagged ``no_data``, if no weight is positive, or the reference is nowhere wrong

    References
    ----------
    Murphy (1988), doi:10.1175/1520-0493(1988)116<2417:SSBOTM>2.0.CO;2
    """
    return 1.0 - ratio(s.squared_error.sum(-1), s.squared_truth.sum(-1))


def anomaly_correlation(s: Sums) -> FloatArray:
    r"""Correlation of anomalies, the mean over the maps or starts of that of each.

    .. math:: \Bigl\langle \sum w \hat a a \Big/ \sqrt{\sum w \hat a^2 \sum w a^2} \Bigr\rangle

    It is not centred: an anomaly of the mean over the mask counts as the others do. A forecast that
    is too smooth loses nothing; :func:`activity` shows it.

    Parameters
    ----------
    s : sums of anomalies :math:`\hat a, a` from climatology, with those of their product

    Returns
    -------
    between -1 and 1; NaN, flagged ``no_data``, if an anomaly is zero everywhere

    References
    ----------
    Rasp et al. (2024), doi:10.1029/2023MS004019
    """
    size = np.sqrt(_squared_estimate(s)) * np.sqrt(s.squared_truth)
    return over_cases(np.mean, ratio(term_of(s), size))


def activity(s: Sums) -> FloatArray:
    r"""Ratio of the standard deviations of anomalies: below 1 if the estimate is too smooth.

    .. math:: \sigma(\hat a) / \sigma(a)

    pooled over space and time. Shrinking towards the climatology lowers the error of what cannot be
    predicted, and lowers this.

    Parameters
    ----------
    s : as for :func:`anomaly_correlation`

    Returns
    -------
    NaN, flagged ``no_data``, if the truth does not vary
    """
    weight = s.weight.sum(-1)
    found = variance(_squared_estimate(s), s.truth + s.error, weight)
    result: FloatArray = np.sqrt(ratio(found, variance(s.squared_truth, s.truth, weight)))
    return result


def product(estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray) -> xr.DataArray:
    """Estimate times truth at every point, zero where the weight is zero."""
    e, t, _ = align(estimate, truth, weights)
    return truth.copy(data=e * t)


def _squared_estimate(s: Sums) -> FloatArray:
    """Sums of the square of the estimate, from those of error, truth and their product."""
    squares = s.squared_error + 2.0 * term_of(s) - s.squared_truth
    return np.where(squares > ROUNDING * s.squared_truth, squares, 0.0)
