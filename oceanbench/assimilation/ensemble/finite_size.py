r"""The inflation that an ensemble of finite size needs, from its innovations: the EnKF-N.

Members are draws of a Gaussian whose mean and covariance are not known: with an uninformative
prior for both, the state is distributed as Student's t given the members, and no inflation has to
be tuned. Its dual cost has one variable, the precision :math:`\zeta` that the deviations get:

.. math::
    D(\zeta) = d^T \Bigl( I + \frac{N - 1}{\zeta} S^T S \Bigr)^{-1} d + \epsilon \zeta
               - (N + 1) \ln \zeta, \quad \epsilon = 1 + \tfrac1N,
               \quad 0 < \zeta \le \frac{N + 1}{\epsilon}

with deviations :math:`S` and departures :math:`d` as of
:mod:`oceanbench.assimilation.ensemble.transforms`. The analysis is then that of the usual filter
whose deviations are :math:`\sqrt{(N - 1) / \zeta}` times as large.

Where observations tell little, :math:`\kappa = \langle 1 / (1 + \lambda) \rangle` near 1, the
innovations cannot correct the most likely factor of this prior, which is a little below 1; so it is
moved to 1 there, by :math:`\epsilon / m` and :math:`(N + 1) m` in place of :math:`\epsilon` and
:math:`N + 1`, with :math:`m^2 = (\epsilon (N - 1) / (N + 1))^\kappa`.

References
----------
Bocquet (2011), doi:10.5194/npg-18-735-2011;
Bocquet and Sakov (2012), doi:10.5194/npg-19-383-2012, for the dual;
Bocquet, Raanes and Hannart (2015), doi:10.5194/npg-22-645-2015, for the most likely factor
"""

from __future__ import annotations

import math

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.ensemble.transforms import spectrum

HALVINGS = 40
SMALLEST = 1e-6  # of the largest precision


def inflation(spread: FloatArray, departure: FloatArray) -> float:
    """Factor of the deviations that the dual cost is least with.

    Parameters
    ----------
    spread : (members, observations)
    departure : (observations,)
    """
    count = len(spread)
    found = spectrum(spread, departure)
    there = found.values > 1e-12 * max(float(found.values.max()), 1e-300)
    variance = (count - 1) * found.values[there]
    square = found.along[there] ** 2 / found.values[there]
    epsilon, power = 1.0 + 1.0 / count, count + 1.0
    unsure = float((1.0 / (1.0 + found.values)).mean())
    moved = (epsilon * (count - 1) / power) ** (0.5 * unsure)
    epsilon, power = epsilon / moved, power * moved
    high = math.log(power / epsilon)
    low = high + math.log(SMALLEST)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        precision = math.exp(middle)
        rise = float((square * variance * precision / (precision + variance) ** 2).sum())
        if rise + epsilon * precision > power:  # the cost rises with the logarithm
            high = middle
        else:
            low = middle
    return math.sqrt((count - 1) / math.exp(0.5 * (low + high)))
