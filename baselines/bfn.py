r"""BFN-QG: back-and-forth nudging of a 1.5-layer quasi-geostrophic model.

A map that the model carries from observation to observation, forward and backward in time
(:mod:`oceanbench.assimilation.nudging.bfn_qg`).
"""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from oceanbench.assimilation.nudging.bfn_qg import Settings, mapped
from oceanbench.assimilation.observations.superobservations import DAY, mean_field, samples
from oceanbench.grid import interpolate

KINDS = ("maps", "tracks")
PHYSICS = "quasi-geostrophic"
REFERENCE = "Le Guillou et al. (2021) doi:10.1175/JTECH-D-20-0104.1"


def estimate(  # noqa: PLR0913  (every option is a keyword)
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    length_km: float = 80.0,
    length_days: float = 7.0,
    noise: float = 0.032,
    correlated: float = 0.032,
    coarsen: int = 5,
    swath_km: float = 30.0,
    missions: str = "",
    wave_speed: float = 5.0,
    nudging_hours: float = 12.0,
    nudging_days: float = 1.0,
    nudging_km: float = 30.0,
    window_days: int = 9,
    stride_days: int = 3,
    iterations: int = 5,
    tolerance: float = 0.01,
    step_degrees: float = 0.2,
    step_hours: float = 2.0,
    margin: float = 1.0,
    sponge_km: float = 50.0,
    dissipation_days: float = 1.0,
    precision: str = "double",
) -> xr.Dataset:
    """Map the observations onto the target.

    Parameters
    ----------
    inputs : the datasets of layout ``track`` and ``swath`` are used, one variable each
    target : variables (time, latitude, longitude) to fill
    device : of torch
    seed : not used: the method is deterministic
    length_km, length_days : e-folding scales of the interpolation's covariance
    noise, correlated : variances of the white and of the pass error, relative to the signal's
    coarsen : consecutive samples of a track averaged into one
    swath_km : side of the cells in which the pixels of a swath are averaged
    missions : comma-separated names of the inputs to use, or ``all``; by default those that are
        not optional
    wave_speed : c1, m/s; larger than a gravity wave's where the deep ocean follows the surface
    nudging_hours : e-folding time of the relaxation amid observations
    nudging_days, nudging_km : e-folding distances in time and space from an observation at which
        it acts
    window_days, stride_days : length of the windows, and days from one to the next
    iterations, tolerance : at most so often forth and back, with 0 the first guess is the result;
        stop at this change, relative to the flow's vorticity
    step_degrees, step_hours : steps of the model
    margin : how far the model reaches beyond the target, degrees
    sponge_km : width of the zone in which the edges' first guess gains the upper hand
    dissipation_days : time in which the shortest wave of the grid decays by e; 0 for none
    precision : of the model, ``double`` or ``single``
    """
    settings = Settings(
        length_km=length_km,
        length_days=length_days,
        noise=noise,
        correlated=correlated,
        wave_speed=wave_speed,
        nudging_hours=nudging_hours,
        nudging_days=nudging_days,
        nudging_km=nudging_km,
        window_days=window_days,
        stride_days=stride_days,
        iterations=iterations,
        tolerance=tolerance,
        step_degrees=step_degrees,
        step_hours=step_hours,
        margin=margin,
        sponge_km=sponge_km,
        dissipation_days=dissipation_days,
        precision=precision,
    )
    longitude, latitude = target["longitude"].values, target["latitude"].values
    centre = (float(longitude.min()) + float(longitude.max())) / 2.0
    times = (target["time"].values - target["time"].values[0]) / DAY
    result = target.copy(deep=True)
    for variable in map(str, target.data_vars):
        mean = mean_field(inputs, variable, centre, of_training=True)
        observed = samples(
            inputs,
            variable,
            target["time"].values[0],
            centre,
            missions=missions,
            coarsen=coarsen,
            swath_km=swath_km,
            mean=mean,
        )
        anomaly = mapped(observed, mean, times, longitude, latitude, settings, device=device)
        result[variable].values[:] = anomaly
        if mean is not None:
            result[variable] += interpolate(mean, target[variable])
    return result
