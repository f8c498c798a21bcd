r"""Optimal interpolation of what was seen before a start, at the start and at times after it.

.. math::
    \hat x(t_0 + \tau) = c(\tau)^T (C + R)^{-1} y, \qquad
    e^2(\tau) = C_0 - c(\tau)^T (C + R)^{-1} c(\tau), \qquad
    c(\tau)_i = \operatorname{cov}(x(t_0 + \tau), x_i)

The weights of the observations, :math:`(C + R)^{-1} y`, are those of all times :math:`\tau`: a
forecast costs no more than a map. The covariance is that of Arhan and Colin de Verdière in space
and Matérn's in time: a Gaussian in time is analytic, so that from a week of the past it claims to
know the next one. Errors are white, and shared by each pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.gaussian import posterior_fields
from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.gaussian.optimal_interpolation import solve
from oceanbench.assimilation.gaussian.posterior_samples import posterior_samples
from oceanbench.assimilation.observations.superobservations import (
    Samples,
    kilometres,
    mean_field,
    samples,
)
from oceanbench.errors import OceanbenchError

EVER = 1e4  # days: all that is given is used at all times


@dataclass(frozen=True)
class CausalSettings:
    """Numbers of the interpolation.

    Attributes
    ----------
    length_km : to the first zero crossing of the covariance
    memory_days : time scale of the covariance
    before_days : observations so long before the start are used
    margin : degrees around the nodes in which observations are used
    white, shared : standard deviations of the error of a sample, and of that which a pass shares, m
    coarsen : samples that were averaged into one
    deviation : standard deviation of the signal, m; 0 to take that of what was observed
    memory : of :class:`oceanbench.assimilation.gaussian.covariance.Covariance`
    precision : ``double``, or ``single`` for half the time
    """

    length_km: float = 180.0
    memory_days: float = 7.0
    before_days: float = 15.0
    margin: float = 0.0
    white: float = 0.03
    shared: float = 0.02
    coarsen: int = 5
    deviation: float = 0.0
    memory: Literal["gaussian", "matern"] = "matern"
    precision: str = "double"

    def __post_init__(self) -> None:
        """Refuse numbers that are none of a covariance or an error."""
        positive = (self.length_km, self.memory_days, self.before_days, self.white)
        if min(positive) <= 0 or min(self.shared, self.deviation) < 0 or self.coarsen < 1:
            raise OceanbenchError(
                f"interpolation: length_km {self.length_km}, memory_days {self.memory_days}, "
                f"before_days {self.before_days} and white {self.white} must be positive, shared "
                f"{self.shared} and deviation {self.deviation} not negative, coarsen "
                f"{self.coarsen} one or more"
            )


@dataclass(frozen=True)
class Interpolated:
    """Anomalies (time, latitude, longitude), or (member, time, latitude, longitude), in metres.

    ``deviation`` is the formal error, where it was asked for.
    """

    anomaly: FloatArray
    deviation: FloatArray | None = None


def delivered(
    inputs: Mapping[str, xr.Dataset],
    variable: str,
    start: np.datetime64,
    centre: float,
    settings: CausalSettings,
    *,
    missions: str = "",
) -> tuple[Samples, xr.DataArray]:
    """Anomalies that were observed, in days since a start, and the mean that they are relative to.

    Parameters
    ----------
    inputs : of a method, with datasets of role ``observations`` and a climatology that has no year
    variable : its name
    start : origin of time
    centre : longitude around which they are, degrees
    settings : numbers of the interpolation
    missions : comma-separated names of the inputs to use; all by default

    Raises
    ------
    OceanbenchError
        if there is no climatology of the variable
    """
    mean = mean_field(inputs, variable, centre)
    if mean is None:
        raise OceanbenchError(
            f"no input of layout 'static' has '{variable}', which observations are relative to; "
            "give the challenge a mean map of role 'climatology'"
        )
    given = {n: d for n, d in inputs.items() if d.attrs.get("role") == "observations"}
    options: dict[str, Any] = {"missions": missions, "coarsen": settings.coarsen, "mean": mean}
    return samples(given, variable, start, centre, **options), mean


def interpolated(
    observed: Samples,
    leads: FloatArray,
    longitude: FloatArray,
    latitude: FloatArray,
    settings: CausalSettings,
    *,
    formal_error: bool = False,
    members: int = 0,
    seed: int = 0,
    device: str = "cpu",
) -> Interpolated:
    """Anomalies at times after a start, from what was seen before it alone.

    Parameters
    ----------
    observed : anomalies, in days since the start; none that is later is used
    leads : days after the start, increasing
    longitude, latitude : nodes, increasing
    settings : numbers of the interpolation
    formal_error : whether to compute the formal error too
    members : samples of the posterior to give in place of its mean
    seed : of the members
    device : of torch
    """
    s = settings
    place = (float(longitude[[0, -1]].mean()), float(latitude[[0, -1]].mean()))
    known = observed.take((observed.time <= 0.0) & (observed.time > -s.before_days))
    known = known.within(
        (longitude[0] - s.margin, longitude[-1] + s.margin),
        (latitude[0] - s.margin, latitude[-1] + s.margin),
    )
    shape = (leads.size, latitude.size, longitude.size)
    white, shared = s.white**2 / s.coarsen, s.shared**2
    squares = float(np.mean(known.value**2)) if known.value.size else 0.0
    variance = s.deviation**2 or max(squares - white - shared, 1e-6)
    noise = np.full(len(known.missions), white / variance)
    errors: dict[str, Any] = {"correlated": shared / variance}
    covariance = Covariance(s.length_km, s.length_km, s.memory_days, shape="arhan", memory=s.memory)
    x, y = kilometres(longitude, latitude, place)
    options: dict[str, Any] = {
        "window": EVER,
        "group": leads.size,
        "device": device,
        "precision": s.precision,
    }
    if members:
        size = float(np.sqrt(variance))
        given = known.observations(place, noise, **errors, deviation=size)
        options |= {"members": members, "seed": seed}
        drawn = posterior_samples(given, leads, covariance, x, y, **options)
        return Interpolated(size * torch.cat(list(drawn)).transpose(0, 1).cpu().numpy())
    given = known.observations(place, noise, **errors)
    anomaly, deviation = np.zeros(shape), np.full(shape, np.sqrt(variance))
    for posterior in solve(given, leads, covariance, **options):
        anomaly = posterior_fields.maps(posterior, x, y)[:, 0].cpu().numpy()
        if formal_error:
            error = posterior_fields.variance(posterior, x, y)
            deviation = np.sqrt(variance * error.cpu().numpy())
    return Interpolated(anomaly, deviation if formal_error else None)
