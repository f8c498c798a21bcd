r"""Ensemble filters in the space of the members, for ensembles smaller than what is observed.

With members :math:`E` as rows, deviations :math:`X` from their mean, deviations of what they
predict in units of the noise, :math:`S = H X R^{-1/2} / \sqrt{N - 1}`, and the departure
:math:`d = R^{-1/2} (y - \overline{H E})`, every analysis here is

.. math:: E^a = 1 \Bigl( \bar x + \frac{w^T X}{\sqrt{N - 1}} \Bigr) + T X, \quad
          w = (I + S S^T)^{-1} S d

and the schemes differ by :math:`T` (members, members) alone. The rows of :math:`X` may be of any
time. They are those of :mod:`oceanbench.assimilation.ensemble.kalman`, which works in the space of
the observations, on batches of windows. All arrays are numpy's, in double precision; leading
dimensions are those of local analyses.

References
----------
Bishop et al. (2001), doi:10.1175/1520-0493(2001)129<0420:ASWTET>2.0.CO;2;
Hunt et al. (2007), doi:10.1016/j.physd.2006.11.008
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from oceanbench.arrays import FloatArray, IndexArray


class MemberWeights(NamedTuple):
    """What an analysis makes of the members.

    Attributes
    ----------
    mean : (..., members), :math:`w`
    transform : (..., members, members), :math:`T`
    """

    mean: FloatArray
    transform: FloatArray


Scheme = Callable[[FloatArray, FloatArray], MemberWeights]


def scaled(
    predicted: FloatArray, values: FloatArray, variance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    r"""Deviations :math:`S` of what members predict, and departures :math:`d`, in units of noise.

    Parameters
    ----------
    predicted : (members, observations)
    values, variance : (observations,), what is observed, and the variance of its noise

    Returns
    -------
    (members, observations) and (observations,)
    """
    deviation, mean = np.sqrt(variance), predicted.mean(0)
    spread = (predicted - mean) / (deviation * math.sqrt(len(predicted) - 1))
    return spread, (values - mean) / deviation


class Spectrum(NamedTuple):
    """Eigenvalues and vectors of S Sᵀ, and S d among these."""

    values: FloatArray
    vectors: FloatArray
    along: FloatArray


def spectrum(spread: FloatArray, departure: FloatArray) -> Spectrum:
    """Eigenvalues (..., members) of the deviations, their vectors, and the departure along them."""
    values, vectors = np.linalg.eigh(spread @ spread.swapaxes(-1, -2))
    seen = (spread @ departure[..., None]).swapaxes(-1, -2) @ vectors
    return Spectrum(np.maximum(values, 0.0), vectors, seen[..., 0, :])


def _function(found: Spectrum, values: FloatArray) -> FloatArray:
    """Matrix with the same vectors and other eigenvalues."""
    result: FloatArray = (found.vectors * values[..., None, :]) @ found.vectors.swapaxes(-1, -2)
    return result


def _mean(found: Spectrum) -> FloatArray:
    along = found.along / (1.0 + found.values)
    result: FloatArray = (found.vectors @ along[..., None])[..., 0]
    return result


def etkf(spread: FloatArray, departure: FloatArray) -> MemberWeights:
    r"""Weights of the ensemble transform filter: :math:`T = (I + S S^T)^{-1/2}`.

    Parameters
    ----------
    spread : (..., members, observations)
    departure : (..., observations)
    """
    found = spectrum(spread, departure)
    return MemberWeights(_mean(found), _function(found, (1.0 + found.values) ** -0.5))


def denkf(spread: FloatArray, departure: FloatArray) -> MemberWeights:
    r"""Weights of the deterministic filter: :math:`T = I - \tfrac12 S S^T (I + S S^T)^{-1}`.

    Parameters
    ----------
    spread, departure : as of :func:`etkf`

    References
    ----------
    Sakov and Oke (2008), doi:10.1111/j.1600-0870.2007.00299.x
    """
    found = spectrum(spread, departure)
    share = found.values / (1.0 + found.values)
    return MemberWeights(_mean(found), _function(found, 1.0 - 0.5 * share))


def perturbed(noise: FloatArray) -> Scheme:
    r"""Scheme of the filter with perturbed observations, of noise (members, observations).

    .. math:: T = I + \bigl( \varepsilon / \sqrt{N - 1} - S \bigr) S^T (I + S S^T)^{-1}

    Parameters
    ----------
    noise : standard normal numbers; their mean over the members is taken off

    References
    ----------
    Burgers et al. (1998), doi:10.1175/1520-0493(1998)126<1719:ASITEK>2.0.CO;2
    """
    centred = (noise - noise.mean(0)) / math.sqrt(len(noise) - 1)

    def weights(spread: FloatArray, departure: FloatArray) -> MemberWeights:
        found = spectrum(spread, departure)
        gain = spread.swapaxes(-1, -2) @ _function(found, 1.0 / (1.0 + found.values))
        return MemberWeights(_mean(found), np.eye(len(noise)) + (centred - spread) @ gain)

    return weights


def relaxed(weights: MemberWeights, share: float) -> MemberWeights:
    r"""Weights whose deviations keep a share of those before: :math:`(1 - \alpha) T + \alpha I`.

    So members spread where there are observations, and grow nowhere else, as inflated ones would.

    References
    ----------
    Zhang et al. (2004), doi:10.1175/1520-0493(2004)132<1238:IOIEAO>2.0.CO;2
    """
    kept = share * np.eye(weights.transform.shape[-1])
    return MemberWeights(weights.mean, (1.0 - share) * weights.transform + kept)


def rotated(weights: MemberWeights, random: np.random.Generator) -> MemberWeights:
    """Weights followed by a random rotation of the members that leaves mean and covariance alone.

    It keeps one member from carrying all of an excursion.

    References
    ----------
    Sakov and Oke (2008b), doi:10.1175/2007MWR2021.1
    """
    size = weights.transform.shape[-1]
    return MemberWeights(weights.mean, rotation(size, random) @ weights.transform)


def rotation(size: int, random: np.random.Generator) -> FloatArray:
    """Draw an orthogonal matrix (size, size) that leaves the vector of ones alone."""
    ones = np.full((size, 1), 1.0)
    basis = np.linalg.qr(np.concatenate([ones, np.eye(size)[:, 1:]], 1))[0][:, 1:]
    turned, upper = np.linalg.qr(random.standard_normal((size - 1, size - 1)))
    turned = turned * np.sign(np.diag(upper))  # uniform among the rotations
    result: FloatArray = 1.0 / size + basis @ turned @ basis.T
    return result


def applied(members: FloatArray, weights: MemberWeights) -> FloatArray:
    """Members (members, components) after an analysis; local weights have one row a component."""
    mean = members.mean(0)
    deviations = members - mean
    root = math.sqrt(len(members) - 1)
    if weights.mean.ndim == 1:
        added = weights.mean @ deviations / root + weights.transform @ deviations
        return np.asarray(mean + added)
    columns = deviations.T[..., None]
    shift = weights.mean[:, None, :] @ columns / root
    found: FloatArray = mean + (weights.transform @ columns + shift)[..., 0].T
    return found


def shared(weights: MemberWeights, where: IndexArray | None) -> MemberWeights:
    """Weights of components, of those of the places (components,) where they lie; None for alike.

    Components at one place see the same observations as far away, so they share an analysis.
    """
    if where is None:
        return weights
    return MemberWeights(weights.mean[where], weights.transform[where])


def inflated(members: FloatArray, factor: float) -> FloatArray:
    """Members whose deviations from the mean are so many times as large."""
    mean = members.mean(0)
    return np.asarray(mean + factor * (members - mean))


def local(spread: FloatArray, departure: FloatArray, taper: FloatArray) -> tuple[FloatArray, ...]:
    """What the analysis of each component sees: observations near it, their precision tapered.

    Parameters
    ----------
    spread : (members, observations)
    departure : (observations,)
    taper : (components, observations), or of the places where they lie, between 0 and 1

    Returns
    -------
    spread (components, members, nearby) and departure (components, nearby)

    References
    ----------
    Hunt et al. (2007), doi:10.1016/j.physd.2006.11.008
    """
    most = max(1, int((taper > 0).sum(-1).max()))
    index = np.argpartition(-taper, most - 1, axis=-1)[:, :most]
    root = np.sqrt(np.take_along_axis(taper, index, -1))
    return spread.T[index].swapaxes(-1, -2) * root[:, None, :], departure[index] * root
