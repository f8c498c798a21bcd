r"""Standard deviation of a signal that varies in space, from its observations alone.

A jet varies by decimetres, the water beside it by centimetres. With :math:`\sigma(x)` the deviation
of a field whose correlation C is the same everywhere, its covariance is

.. math:: \sigma(x) \, \sigma(x') \, C(x - x', t - t'),

positive definite as C is. Of super-observations :math:`y = \sigma(x) (z + w) + e`, with white noise
w of variance :math:`b^2`, mostly what the correlation does not resolve, and an error e that a pass
shares, of variance :math:`E_{LW} s^2`, the smoothed mean square is

.. math:: M(x) = \frac{\sum_v K(x - x_v) \, \overline{y^2}_v + k_0 \, \overline{y^2}}
                      {\sum_v K(x - x_v) + k_0}
          \approx \sigma^2(x) \, (1 + b^2) + E_{LW} \, s^2,

summed over visits to cells of half the kernel's width, in intervals of some days, each counted once
however many samples it has; K is a Gaussian of peak 1, :math:`k_0` the weight of the mean of all,
which M approaches where nobody has looked, and :math:`s^2` the variance of the signal in the mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.observations.superobservations import Samples, kilometres
from oceanbench.grid import wrap_longitude

PRIOR = 4.0  # visits that the mean of all samples counts as
LEAST = 0.2  # of the mean deviation: no place is quieter
CELL = 0.5  # side of a cell, in widths of the kernel


@dataclass(frozen=True)
class MeanSquares:
    """Mean squares of the visits to cells.

    Attributes
    ----------
    place : (longitude, latitude) about which kilometres are measured, degrees
    km : width of the kernel
    x, y : (k,) of the visited cells, km
    visits : (k,) to each of them
    total : (k,) sum over its visits of the mean square of a visit
    overall : mean square of all samples
    """

    place: tuple[float, float]
    km: float
    x: FloatArray
    y: FloatArray
    visits: FloatArray
    total: FloatArray
    overall: float

    @classmethod
    def of(cls, samples: Samples, km: float, days: float) -> MeanSquares:
        """Sort samples into visits.

        Parameters
        ----------
        samples : relative to the background, one at least
        km : width of the kernel (its standard deviation)
        days : length of a visit, beyond which another tells something new
        """
        ends = [(a.min(), a.max()) for a in (samples.longitude, samples.latitude)]
        place = (float(np.mean(ends[0])), float(np.mean(ends[1])))
        x, y = kilometres(samples.longitude, samples.latitude, place)
        side = CELL * km
        keys = np.stack([np.floor(x / side), np.floor(y / side), np.floor(samples.time / days)])
        visit, number = np.unique(keys, axis=1, return_inverse=True)
        number = number.reshape(-1)
        square = np.bincount(number, samples.value**2) / np.bincount(number)
        cell, of_visit = np.unique(visit[:2], axis=1, return_inverse=True)
        of_visit = of_visit.reshape(-1)
        return cls(
            place,
            km,
            (cell[0] + 0.5) * side,
            (cell[1] + 0.5) * side,
            np.bincount(of_visit).astype(np.float64),
            np.bincount(of_visit, square).astype(np.float64),
            float(np.mean(samples.value**2)),
        )

    def at(self, longitude: FloatArray, latitude: FloatArray) -> FloatArray:
        """Smoothed mean square at places (n,), degrees."""
        here = wrap_longitude(longitude, self.place[0])
        x, y = kilometres(here, latitude, self.place)
        result = np.empty(x.size)
        for start in range(0, x.size, 4096):
            part = slice(start, start + 4096)
            far = (x[part, None] - self.x) ** 2 + (y[part, None] - self.y) ** 2
            near = np.exp(-0.5 * far / self.km**2)
            weight = near @ self.visits + PRIOR
            result[part] = (near @ self.total + PRIOR * self.overall) / weight
        return result

    def deviation(
        self, longitude: FloatArray, latitude: FloatArray, *, noise: float, correlated: float
    ) -> tuple[FloatArray, FloatArray]:
        """What :func:`signal_deviation` returns, at places (n,), degrees."""
        squares = self.at(longitude, latitude)
        return signal_deviation(squares, self.overall, noise=noise, correlated=correlated)


def signal_deviation(
    squares: FloatArray, overall: float, *, noise: float, correlated: float
) -> tuple[FloatArray, FloatArray]:
    r"""Standard deviation of the signal, positive everywhere, and the loading of pass errors.

    .. math:: \sigma^2 = \max\Bigl(\frac{M - E_{LW} s^2}{1 + b^2}, \, 0.04 \, s^2\Bigr), \quad
              s^2 = \frac{\overline{y^2}}{1 + b^2 + E_{LW}}

    Parameters
    ----------
    squares : (n,) smoothed mean squares M
    overall : mean square of all samples
    noise, correlated : :math:`b^2`, relative to the signal's variance at the place, and
        :math:`E_{LW}`, relative to that in the mean

    Returns
    -------
    :math:`\sigma` and :math:`s / \sigma`, by which the error that a pass shares is the larger among
    values divided by :math:`\sigma`; 1 and 1 where all samples are zero
    """
    variance = overall / (1.0 + noise + correlated) or 1.0
    own = np.maximum((squares - correlated * variance) / (1.0 + noise), LEAST**2 * variance)
    deviation = np.sqrt(own)
    return deviation, np.sqrt(variance) / deviation
