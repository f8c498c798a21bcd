r"""Linear forecasts from what followed what in a series of maps: damping, linear inverse models.

The least-squares forecast of x at lead :math:`\tau` from x itself has, with the covariances
:math:`C(\tau) = \langle x(t + \tau) x(t)^T \rangle` of a series, the propagator

.. math:: G(\tau) = C(\tau) C(0)^{-1}

For one value it is the autocorrelation. If x is driven by white noise through a linear system
:math:`\dot x = L x + \xi`, then :math:`G(\tau) = e^{L \tau} = G(1)^\tau`.

References
----------
Penland and Sardeshmukh (1995), The optimal growth of tropical sea surface temperature anomalies,
doi:10.1175/1520-0442(1995)008<1999:TOGOTS>2.0.CO;2
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from oceanbench.arrays import FloatArray, IndexArray, TimeArray
from oceanbench.errors import OceanbenchError
from oceanbench.forecasting.anomalies import Series


def pairs(days: TimeArray, lead: int) -> tuple[IndexArray, IndexArray]:
    """Places of the days of which the day ``lead`` days later is there too, and of that day.

    Raises
    ------
    OceanbenchError
        if there is no such pair
    """
    later = np.searchsorted(days, days + lead)
    inside = later < days.size
    first = np.flatnonzero(inside)[days[later[inside]] == days[inside] + lead]
    if not first.size:
        raise OceanbenchError(
            f"no two of {days.size} maps are {lead} days apart; give longer series, or fewer leads"
        )
    return first, later[first]


def damping(series: Series, lead: int) -> FloatArray:
    """Part of each value's anomaly that is left after ``lead`` days, (values,), never negative."""
    first, later = pairs(series.days, lead)
    before, after = series.values[first], series.values[later]
    squares = np.einsum("ti,ti->i", before, before)
    products = np.einsum("ti,ti->i", before, after)
    left: FloatArray = np.maximum(products / np.where(squares > 0, squares, 1.0), 0.0)
    return left


def patterns(values: FloatArray, count: int) -> FloatArray:
    """Empirical orthogonal functions, (values, count): orthonormal, of decreasing variance.

    From the smaller one of both covariances, between values or between maps.
    """
    maps, size = values.shape
    if not 0 < count <= min(maps, size):
        raise OceanbenchError(f"{count} patterns of {maps} maps of {size} values; give fewer")
    if size <= maps:
        last = (size - count, size - 1)
        functions: FloatArray = linalg.eigh(values.T @ values, subset_by_index=last)[1]
        return functions[:, ::-1]
    last = (maps - count, maps - 1)
    squares, amplitudes = linalg.eigh(values @ values.T, subset_by_index=last)
    if squares[0] <= 1e-12 * squares[-1]:
        raise OceanbenchError(f"{count} patterns of maps that vary in fewer ways; give fewer")
    return (values.T @ amplitudes / np.sqrt(squares))[:, ::-1]


def propagator(series: Series, lead: int) -> FloatArray:
    """Least-squares propagator G of a lead, (values, values): x(t + lead) ≈ G x(t)."""
    first, later = pairs(series.days, lead)
    before, after = series.values[first], series.values[later]
    transposed: FloatArray = linalg.solve(before.T @ before, before.T @ after, assume_a="pos")
    return transposed.T


@dataclass(frozen=True)
class InverseModel:
    """Forecasts of anomalies by the amplitudes of patterns; what those do not hold is damped.

    Attributes
    ----------
    functions : (values, patterns), from :func:`patterns`
    amplitudes : of the series that is learned from, (maps, patterns)
    powers : whether the propagator of a lead is a power of that of one day, or fitted to the lead
    """

    functions: FloatArray
    amplitudes: Series
    powers: bool = False

    def forecast(
        self, anomalies: FloatArray, lead: int, count: int, left: FloatArray
    ) -> FloatArray:
        """Anomalies (…, values) ``lead`` days later.

        Parameters
        ----------
        anomalies : (…, values)
        lead : days
        count : of the leading patterns, those to use
        left : (values,) part that is left of what the patterns do not hold, from :func:`damping`
        """
        functions = self.functions[:, :count]
        known = self.amplitudes._replace(values=self.amplitudes.values[:, :count])
        step = propagator(known, 1 if self.powers else lead)
        step = np.linalg.matrix_power(step, lead) if self.powers else step
        held = anomalies @ functions
        rest = anomalies - held @ functions.T
        result: FloatArray = held @ step.T @ functions.T + left * rest
        return result

    def best_count(
        self, validation: Series, lead: int, counts: Sequence[int], left: FloatArray
    ) -> int:
        """Count of patterns with the least squared error of forecasts of other maps."""
        first, later = pairs(validation.days, lead)
        before, after = validation.values[first], validation.values[later]
        errors = [
            float(np.square(self.forecast(before, lead, count, left) - after).sum())
            for count in counts
        ]
        return counts[int(np.argmin(errors))]
