r"""What one field tells of another by a linear filter, fitted where both are known.

The expectation of a field :math:`\eta` given maps :math:`\tau` of another, if both are Gaussian and
stationary, is a filter of :math:`\tau`. It is sought among sums of smoothed maps and of their
derivatives,

.. math:: E[\eta \mid \tau] = \sum_{L, T, d} w_{LTd} \, L^{|d_x|+|d_y|} T^{d_t} \,
          \partial^d \, (G_{L, T} * \tau),

where :math:`G` is a Gaussian kernel of length L and time T. Values alone are not enough: water that
currents brought from where it is warm lies where the *slope* of the sea surface was, a quarter of a
wavelength off its height. The weights are those of ridge regression,
:math:`w = (X^T X + \rho \, \mathrm{tr}(X^T X) / n \; 1)^{-1} X^T \eta`.

References
----------
Bretherton, Davis and Fandry (1976), A technique for objective analysis and design of oceanographic
experiments, doi:10.1016/0011-7471(76)90001-2; Isern-Fontanet et al. (2006), Potential use of
microwave sea surface temperatures for the estimation of ocean circulation,
doi:10.1029/2006GL027801
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from scipy.ndimage import gaussian_filter

from oceanbench.arrays import FloatArray
from oceanbench.errors import OceanbenchError

LENGTHS = (30.0, 60.0, 120.0, 240.0)  # km, standard deviations of the kernels
TIMES = (2.0, 6.0)  # days, the same
ORDERS = ((0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 0, 1), (1, 1, 0))  # of time, y and x
COUNT = len(LENGTHS) * len(TIMES) * len(ORDERS)
RIDGE = 0.01
Steps = tuple[float, float, float]


def smoothed(maps: FloatArray, steps: Steps) -> Iterator[FloatArray]:
    """Smoothed maps and their derivatives, in units of the maps, each of their shape.

    Parameters
    ----------
    maps : (time, y, x), anomalies without holes; beyond their edges the nearest are kept
    steps : between days (days), rows and columns (km)
    """
    for length, time, order in product(LENGTHS, TIMES, ORDERS):
        width = (time / steps[0], length / steps[1], length / steps[2])
        unit = np.prod([w**power for w, power in zip(width, order, strict=True)])
        yield unit * gaussian_filter(maps, width, order=order, mode="nearest")


def filtered(maps: FloatArray, steps: Steps, weights: FloatArray) -> FloatArray:
    """Apply a filter: the expectation (time, y, x) of the other field.

    Parameters
    ----------
    maps, steps : as for :func:`smoothed`
    weights : from :func:`fitted`
    """
    if np.shape(weights) != (COUNT,):
        raise OceanbenchError(
            f"a linear filter of {np.shape(weights)} weights, expected ({COUNT},); fit it again"
        )
    found = np.zeros(maps.shape)
    for weight, part in zip(weights, smoothed(maps, steps), strict=True):
        found += weight * part
    return found


def fitted(
    maps: FloatArray, steps: Steps, wanted: FloatArray, *, thin: int = 1, ridge: float = RIDGE
) -> FloatArray:
    """Weights of the filter that is nearest to a field.

    Parameters
    ----------
    maps, steps : as for :func:`smoothed`
    wanted : (time, y, x), anomalies of the field that is to be told; NaN where it is not known
    thin : every so many rows and columns are fitted to
    ridge : penalty on the weights, relative to the mean square of what they multiply
    """
    here = (slice(None), slice(None, None, thin), slice(None, None, thin))
    known = np.isfinite(wanted[here])
    if not known.any():
        raise OceanbenchError("no point at which both fields are known, so no filter can be fitted")
    parts = np.stack([part[here][known] for part in smoothed(maps, steps)], axis=-1)
    squares = parts.T @ parts
    squares[np.diag_indices(COUNT)] += ridge * np.trace(squares) / COUNT
    found = np.linalg.solve(squares, parts.T @ wanted[here][known])
    return found.astype(np.float64)
