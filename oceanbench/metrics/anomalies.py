"""Scores that tell how much of the departures from a reference is right.

Estimate and truth are departures from the same field: from the climatology, or from persistence.
The error of a departure is the error itself, and the square of the truth's departure is the squared
error of the reference, so that no third array is needed.
"""

from __future__ import annotations

import xarray as xr

from oceanbench.metrics.aligned import Flagged, align, number
from oceanbench.metrics.sums import activity_of, anomaly_correlation_of, skill_of, sums


def skill(estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray) -> float | Flagged:
    r"""Skill against the reference: 1 if perfect, 0 if as wrong as the reference, below if worse.

    .. math:: 1 - \sum w (\hat x - x)^2 / \sum w (r - x)^2

    with the reference :math:`r`, which is zero where the arrays are departures from it.

    Parameters
    ----------
    estimate, truth : DataArray, any dimensions with ``time``: departures from the reference
    weights : DataArray broadcastable to truth, >= 0, zero outside the mask

    Returns
    -------
    float; flag ``no_data`` if no weight is positive, or the reference is nowhere wrong

    References
    ----------
    Murphy (1988), doi:10.1175/1520-0493(1988)116<2417:SSBOTM>2.0.CO;2
    """
    return number(skill_of(sums(estimate, truth, weights)))


def anomaly_correlation(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray
) -> float | Flagged:
    r"""Correlation of anomalies, the mean over the maps or starts of that of each.

    .. math:: \Bigl\langle \sum w \hat a a \Big/ \sqrt{\sum w \hat a^2 \sum w a^2} \Bigr\rangle

    It is not centred: an anomaly of the mean over the mask counts as the others do. A forecast that
    is too smooth loses nothing; :func:`activity` shows it.

    Parameters
    ----------
    estimate, truth, weights : as for :func:`skill`, departures :math:`\hat a, a` from climatology

    Returns
    -------
    float between -1 and 1; flag ``no_data`` if an anomaly is zero everywhere

    References
    ----------
    Rasp et al. (2024), doi:10.1029/2023MS004019
    """
    term = product_field(estimate, truth, weights)
    return number(anomaly_correlation_of(sums(estimate, truth, weights, term=term)))


def activity(estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray) -> float | Flagged:
    r"""Ratio of the standard deviations of anomalies: below 1 if the estimate is too smooth.

    .. math:: \sigma(\hat a) / \sigma(a)

    pooled over space and time. Shrinking towards the climatology lowers the error of what cannot be
    predicted, and lowers this.

    Parameters
    ----------
    estimate, truth, weights : as for :func:`anomaly_correlation`

    Returns
    -------
    float; flag ``no_data`` if the truth does not vary
    """
    term = product_field(estimate, truth, weights)
    return number(activity_of(sums(estimate, truth, weights, term=term)))


def product_field(
    estimate: xr.DataArray, truth: xr.DataArray, weights: xr.DataArray
) -> xr.DataArray:
    """Estimate times truth at every point, zero where the weight is zero."""
    e, t, _ = align(estimate, truth, weights)
    return truth.copy(data=e * t)
