r"""Linear inverse model of the leading patterns of anomalies; what they miss is damped.

Anomalies of all variables, each divided by its rms and weighted by area, are projected on their
leading empirical orthogonal functions :math:`E` of the training maps. With the amplitudes
:math:`p = E^T a` and the regression :math:`G(\tau) = C(\tau) C(0)^{-1}` of amplitudes on those
:math:`\tau` days before, the forecast is

.. math:: \hat a(t + \tau) = E\, G(\tau)\, p + \rho(\tau)\, (a - E p)

where the rest, which the patterns do not hold, is damped as in ``damped_persistence``. How many
patterns there are is chosen for each lead, by the error of forecasts of the validation maps: many
at short leads, few at long ones, where many are fitted to chance.

References
----------
Penland and Sardeshmukh (1995), The optimal growth of tropical sea surface temperature anomalies,
doi:10.1175/1520-0442(1995)008<1999:TOGOTS>2.0.CO;2
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.errors import OceanbenchError
from oceanbench.forecasting import linear_inverse
from oceanbench.forecasting.anomalies import Climate, analyses, of_role
from oceanbench.forecasting.linear_inverse import InverseModel

KINDS = ("forecasts",)
REFERENCE = "https://doi.org/10.1175/1520-0442(1995)008%3C1999:TOGOTS%3E2.0.CO;2"
COUNTS = (5, 10, 20, 30, 40, 60, 80, 120, 160)  # of patterns, to choose from


def estimate(
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    patterns: int = 0,
    propagator: str = "each",
    every: int = 3,
) -> xr.Dataset:
    """Forecast the anomaly of each start.

    Parameters
    ----------
    inputs : datasets of role ``initial``, ``climatology``, ``training`` and, where the number of
        patterns is to be chosen, ``validation``
    target : variables (start, lead, [depth,] latitude, longitude) to fill
    device, seed : not used
    patterns : their number at every lead; 0 to choose it for each lead
    propagator : ``each``: a regression for each lead, or ``power``: powers of that of one day
    every : days between the training maps that patterns are found from
    """
    if propagator not in ("each", "power") or patterns < 0 or every < 1:
        raise OceanbenchError(
            f"linear_inverse_model: propagator '{propagator}', patterns {patterns}, every {every}; "
            "expected each or power, 0 or more, 1 or more"
        )
    climate = Climate.of(inputs, target)
    series = climate.anomalies(of_role(inputs, "training"))
    unit = _unit(climate, series.values)
    first, series, validation = (
        s._replace(values=s.values * unit)
        for s in (
            climate.anomalies(analyses(inputs, target)),
            series,
            series if patterns else climate.anomalies(of_role(inputs, "validation")),
        )
    )
    some = series.values[::every]
    most = min(some.shape)
    counts = [patterns] if patterns else [n for n in COUNTS if n <= most] or [most]
    functions = linear_inverse.patterns(some, max(counts))
    amplitudes = series._replace(values=series.values @ functions)
    model = InverseModel(functions, amplitudes, powers=propagator == "power")
    found = []
    for lead in target["lead"].values.tolist():
        left = linear_inverse.damping(series, lead)
        count = counts[0] if patterns else model.best_count(validation, lead, counts, left)
        found.append(model.forecast(first.values, lead, count, left))
    return climate.forecast(np.stack(found, axis=1) / unit, target)


def _unit(climate: Climate, anomalies: FloatArray) -> FloatArray:
    """Factor of every value: the root of its area over the rms of its variable, (values,)."""
    rms = np.empty(climate.area.size)
    for part in climate.parts.values():
        area = climate.area[part]
        rms[part] = np.sqrt((anomalies[:, part] ** 2 @ area).mean() / area.sum())
    return np.sqrt(climate.area) / rms
