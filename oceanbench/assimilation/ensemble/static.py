r"""Analyses with a covariance that is the same at all times, alone or beside that of members.

.. math:: x^a = x^b + K (y - H x^b), \quad K = B H^T (H B H^T + R)^{-1}

With the climate as background this is optimal interpolation, with a forecast 3D-Var. A hybrid has

.. math:: B = \beta B_s + (1 - \beta) P

with the covariance :math:`P` of the members, whose deviations are drawn by half the gain.

References
----------
Hamill and Snyder (2000), doi:10.1175/1520-0493(2000)128<2905:AHEKFV>2.0.CO;2;
Sakov and Oke (2008), doi:10.1111/j.1600-0870.2007.00299.x, for half the gain
"""

from __future__ import annotations

import numpy as np

from oceanbench.arrays import FloatArray, IndexArray


def gain(covariance: FloatArray, components: IndexArray, variance: FloatArray) -> FloatArray:
    """Gain (components, observations) of observations of some components.

    Parameters
    ----------
    covariance : (components, components), of the background
    components : that are observed, (observations,)
    variance : of the noise of each
    """
    among = covariance[np.ix_(components, components)] + np.diag(variance)
    return np.asarray(np.linalg.solve(among, covariance[components]).T, dtype=np.float64)


def analysed(
    states: FloatArray,
    covariance: FloatArray,
    values: FloatArray,
    components: IndexArray,
    variance: FloatArray,
) -> FloatArray:
    """States (..., components) drawn to observations by the gain of a covariance."""
    found = gain(covariance, components, variance)
    return np.asarray(states + (values - states[..., components]) @ found.T)


def hybrid(
    members: FloatArray,
    static: FloatArray,
    values: FloatArray,
    components: IndexArray,
    variance: FloatArray,
    *,
    share: float,
) -> FloatArray:
    """Members (members, components) drawn to observations by two covariances together.

    Parameters
    ----------
    members : two at least
    static : (components, components), the covariance of all times
    values, components, variance : (observations,)
    share : of the static covariance, from 0 (a deterministic filter) to 1 (3D-Var)
    """
    mean = members.mean(0)
    deviations = members - mean
    own = deviations.T @ deviations / (len(members) - 1)
    found = gain(share * static + (1.0 - share) * own, components, variance)
    centre = mean + found @ (values - mean[components])
    return np.asarray(centre + deviations - 0.5 * deviations[:, components] @ found.T)
