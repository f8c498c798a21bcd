r"""Errors of anomalies by lead, and what is left of a nowcast's: what forecasts are tuned by.

A nowcast's anomaly :math:`a` that is damped by the regression of what followed,

.. math:: \rho(\tau) = \sum a \, x(\tau) \Big/ \sum a^2

over starts and places, has the least squared error of all factors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from oceanbench.arrays import FloatArray


def rmse(found: Sequence[FloatArray], truth: Sequence[FloatArray]) -> FloatArray:
    """Root mean square error by lead, (leads,), over starts and the places whose truth is known.

    Parameters
    ----------
    found, truth : of every start, (lead, latitude, longitude); the truth NaN where it is not known
    """
    squares = [np.square(one - known) for one, known in zip(found, truth, strict=True)]
    errors: FloatArray = np.sqrt(np.nanmean(squares, axis=(0, 2, 3)))
    return errors


def factors(first: Sequence[FloatArray], truth: Sequence[FloatArray]) -> FloatArray:
    """Part of the anomaly of nowcasts that is left at each lead, (leads,).

    Parameters
    ----------
    first : of every start, (latitude, longitude)
    truth : of every start, (lead, latitude, longitude); NaN where it is not known, at every lead
    """
    products: list[FloatArray] = []
    squares: list[float] = []
    for anomaly, known in zip(first, truth, strict=True):
        there = np.where(np.isnan(known[0]), 0.0, anomaly)
        products.append(np.nansum(there * known, axis=(1, 2)))
        squares.append(float(np.square(there).sum()))
    left: FloatArray = np.sum(products, axis=0) / np.sum(squares)
    return left


def in_words(name: str, errors: FloatArray, ranked: slice) -> str:
    """Errors in cm, pooled over the leads that rank and by lead, in a line beneath a name.

    >>> in_words("persisted", np.array([0.03, 0.04, 0.05]), slice(1, 3))
    'persisted                                     4.528    3.00   4.00   5.00'

    Parameters
    ----------
    name : of the forecasts
    errors : root mean square by lead, m
    ranked : places of the leads that rank
    """
    pooled = 100 * np.sqrt(np.mean(np.square(errors[ranked])))
    return f"{name:44s} {pooled:6.3f}  " + " ".join(f"{100 * error:6.2f}" for error in errors)
