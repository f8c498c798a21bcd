r"""Quasi-geostrophic forecast: a 1.5-layer model carries the nowcast of the start.

.. math::
    \partial_t q + J(\psi, q + \beta y) = 0, \qquad
    q = \frac{g}{f} \nabla^2 h - \frac{g f}{c_1^2} h, \qquad \psi = \frac{g}{f} h

The edges keep the nowcast (:mod:`oceanbench.assimilation.nudging.free_run`,
:mod:`oceanbench.dynamics.reduced_gravity`), so that it should reach beyond the target. Far ahead
the forecast is as lively as the sea and no longer right: ``damping`` fades its anomaly, as fast as
the challenge says that the anomaly of its nowcasts fades, to the power that is given.

References
----------
Ubelmann, Klein and Fu (2015), Dynamic interpolation of sea surface height,
doi:10.1175/JTECH-D-14-00152.1
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from oceanbench.assimilation.nudging.free_run import RunSettings, carried
from oceanbench.errors import OceanbenchError
from oceanbench.forecasting.anomalies import Climate, analyses

KINDS = ("forecasts",)
PHYSICS = "quasi-geostrophic"
REFERENCE = "https://doi.org/10.1175/JTECH-D-14-00152.1"


def estimate(
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    wave_speed: float = 5.0,
    step_hours: float = 4.0,
    sponge_km: float = 50.0,
    dissipation_days: float = 1.0,
    damping: float = 0.0,
) -> xr.Dataset:
    """Carry the nowcast of one start.

    Parameters
    ----------
    inputs : a nowcast, role ``initial``, of heights above the geoid on equidistant nodes; with
        ``damping`` a climatology too
    target : one variable (start: 1, lead, latitude, longitude) to fill
    device : of torch
    seed : not used
    wave_speed : of the first baroclinic gravity wave, m/s; more where the deep ocean follows
    step_hours : of the model, a part of a day
    sponge_km : width of the zone in which the edges gain the upper hand
    dissipation_days : time in which the shortest wave of the grid decays by e
    damping : power of the challenge's factors that fade the anomaly; 0 for none
    """
    settings = RunSettings(wave_speed, step_hours, sponge_km, dissipation_days)
    given = analyses(inputs, target).isel(start=0)
    (variable,) = map(str, target.data_vars)
    first = given[variable].transpose("latitude", "longitude")
    if not bool(first.notnull().all()):
        raise OceanbenchError(
            "quasi_geostrophic_forecast: the nowcast has land or holes, which the model does not; "
            "choose a box of open sea"
        )
    axes = {name: first[name].values for name in ("longitude", "latitude")}
    leads = target["lead"].values.tolist()
    maps = carried(
        first.values.astype(np.float64), **axes, leads=leads, settings=settings, device=device
    )
    places = {"lead": leads, "latitude": axes["latitude"], "longitude": axes["longitude"]}
    field = xr.DataArray(maps, places, tuple(places))
    field = field.interp(latitude=target["latitude"].values, longitude=target["longitude"].values)
    found = target.assign({variable: target[variable].copy(data=field.values[None].astype("f4"))})
    if not damping:
        return found
    if "damping" not in given.attrs:
        raise OceanbenchError(
            "quasi_geostrophic_forecast: damping needs the challenge's factors, and it gives none; "
            "leave it out"
        )
    climate = Climate.of(inputs, target)
    left = np.array(given.attrs["damping"])[:, None] ** damping
    flat = found.isel(start=0).rename(lead="time")
    flat = flat.assign_coords(time=target["start"].values[0] + np.array(leads, "m8[D]"))
    return climate.forecast(left * climate.anomalies(flat).values[None], target)
