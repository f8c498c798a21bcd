"""How well a covariance predicts: leave out one mission after the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oceanbench.assimilation.covariance import Covariance
from oceanbench.assimilation.fields import values_at
from oceanbench.assimilation.gaussian import solve
from oceanbench.assimilation.preparation import Samples, kilometres
from oceanbench.errors import OceanbenchError

FloatArray = NDArray[np.float64]


def left_out_error(
    samples: Samples,
    place: tuple[float, float],
    dates: FloatArray,
    covariance: Covariance,
    *,
    noise: float,
    correlated: float,
    within_km: float = np.inf,
    device: str = "cpu",
) -> float:
    r"""Mean squared difference of each mission's samples from their prediction by the others.

    .. math:: \langle (y_m - \hat x(y_{\ne m}))^2 \rangle

    over the samples within a day of each date. The error of the samples themselves is part of it,
    the same for every covariance.

    Parameters
    ----------
    samples : of two or more missions
    place : (longitude, latitude) about which distances are measured, degrees
    dates : days
    covariance : in kilometres; observations within twice its time scale are used
    noise, correlated : variances of the white error and of that of a pass, relative to the field's
    within_km : only samples closer to the place than this, eastward and northward, are predicted
    device : of torch

    Returns
    -------
    float, in the square of the samples' unit
    """
    if len(samples.missions) < 2:
        raise OceanbenchError(
            f"one mission ({', '.join(samples.missions)}) to fit to, expected two or more: leaving "
            "it out leaves nothing"
        )
    variances = np.full(len(samples.missions), noise)
    window = 2.0 * covariance.length_time
    x, y = kilometres(samples.longitude, samples.latitude, place)
    inner = (np.abs(x) < within_km) & (np.abs(y) < within_km)
    squares, count = 0.0, 0
    for mission in range(len(samples.missions)):
        others = samples.take(samples.mission != mission)
        observations = others.observations(place, variances, correlated=correlated)
        for date in dates:
            left = inner & (np.abs(samples.time - date) < 1.0) & (samples.mission == mission)
            (posterior,) = solve(
                observations, [date], covariance, window=window, device=device, precision="single"
            )
            predicted = values_at(posterior, 0, x[left], y[left], samples.time[left])
            error = predicted[:, 0].cpu().numpy() - samples.value[left]
            squares, count = squares + float(error @ error), count + error.size
    if count == 0:
        raise OceanbenchError("no sample is near the place and the dates; choose other dates")
    return squares / count
