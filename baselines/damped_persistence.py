r"""Damped persistence: the initial anomaly, less of it at every lead, added to the climatology.

With the climatology :math:`c` and the anomaly :math:`a = x - c` of an initial condition,

.. math:: \hat x(t + \tau) = c(t + \tau) + \rho(\tau)\, a(t)

Each value of a map, of a variable in a cell, has a factor :math:`\rho` of its own for every lead:
the regression, in the training maps, of what followed on what was, not a power of that of one day,
as a process of first order has it. Training maps are more accurate than initial conditions, so that
the factors are those of perfect ones. Where a challenge says how far the anomaly of its nowcasts
lasts, as those from observations do, its factors are taken, one for each lead.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from oceanbench.forecasting.anomalies import Climate, analyses, of_role
from oceanbench.forecasting.linear_inverse import damping

KINDS = ("forecasts",)


def estimate(
    inputs: Mapping[str, xr.Dataset], target: xr.Dataset, *, device: str, seed: int
) -> xr.Dataset:
    """Damp the anomaly of each start.

    Parameters
    ----------
    inputs : datasets of role ``initial`` and ``climatology``, and ``training`` where the former
        does not tell the factors
    target : variables (start, lead, [depth,] latitude, longitude) to fill
    device, seed : not used
    """
    climate = Climate.of(inputs, target)
    given = analyses(inputs, target)
    first = climate.anomalies(given).values
    if "damping" in given.attrs:
        left = np.array(given.attrs["damping"], dtype=np.float64)[:, None]
    else:
        series = climate.anomalies(of_role(inputs, "training"))
        left = np.stack([damping(series, lead) for lead in target["lead"].values.tolist()])
    return climate.forecast(left * first[:, None], target)
