r"""BFN-QG: back-and-forth nudging of a 1.5-layer quasi-geostrophic model.

A map that the model carries from observation to observation, forward and backward in time
(:mod:`oceanbench.assimilation.nudging.bfn_qg`). The estimate may stay between the flow and a fitted
map, that of the baseline ``duacs``, as far as withheld altimeters say
(:mod:`oceanbench.assimilation.nudging.withheld_weight`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.nudging.bfn_qg import Settings, mapped
from oceanbench.assimilation.nudging.withheld_weight import withheld_weight
from oceanbench.assimilation.observations.fitted_covariance import fit
from oceanbench.assimilation.observations.missions import check_metres
from oceanbench.assimilation.observations.superobservations import (
    DAY,
    Anomalies,
    Samples,
    mean_field,
    samples,
)
from oceanbench.assimilation.observations.tiled_mapping import (
    TiledMapping,
    chosen_scales,
    covariance_at,
)
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.grid import interpolate

if TYPE_CHECKING:
    import torch

FIRST_GUESSES = ("duacs", "oi")
LEARNS_FROM = "observations"
KINDS = ("maps", "tracks")
PHYSICS = "quasi-geostrophic"
REFERENCE = "Le Guillou et al. (2021) doi:10.1175/JTECH-D-20-0104.1"


def estimate(  # noqa: PLR0913  (every option is a keyword)
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    weights: Mapping[str, torch.Tensor] | None = None,
    first_guess: str = "oi",
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
    relaxation_days: float = 0.0,
    weight: float = 1.0,
    withheld: int = 0,
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
    weights : scales of the fitted map, that of ``duacs``, which ``oceanbench train bfn`` found;
        without them the usual ones
    first_guess : what the flow is drawn to, ``oi`` or the fitted map, ``duacs``
    length_km, length_days : e-folding scales of the covariance of ``oi``
    noise, correlated : variances of the white and of the pass error in it, relative to the signal's
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
    relaxation_days : e-folding time of a relaxation to the first guess everywhere; 0 for none
    weight : of the flow in the estimate; the rest is the fitted map's
    withheld : so many altimeters are withheld, one after the other, to choose the weight instead
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
        relaxation_days=relaxation_days,
        step_degrees=step_degrees,
        step_hours=step_hours,
        margin=margin,
        sponge_km=sponge_km,
        dissipation_days=dissipation_days,
        precision=precision,
    )
    if first_guess not in FIRST_GUESSES:
        raise OceanbenchError(
            f"bfn: no first_guess '{first_guess}'; {did_you_mean(first_guess, FIRST_GUESSES)}"
        )
    if not 0.0 <= weight <= 1.0 or withheld < 0:
        raise OceanbenchError(
            f"bfn: weight {weight} must be from 0 to 1, withheld {withheld} not negative"
        )
    longitude, latitude = target["longitude"].values, target["latitude"].values
    centre = (float(longitude.min()) + float(longitude.max())) / 2.0
    times = (target["time"].values - target["time"].values[0]) / DAY
    result = target.copy(deep=True)
    for variable in map(str, target.data_vars):
        check_metres(inputs, variable, missions)
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
        nodes = (times, longitude, latitude)
        result[variable].values[:] = _anomaly(
            observed,
            mean,
            nodes,
            settings,
            chosen_scales({}, weights),
            first_guess=first_guess,
            weight=weight,
            withheld=withheld,
            device=device,
        )
        if mean is not None:
            result[variable] += interpolate(mean, target[variable])
    return result


def train(
    inputs: Mapping[str, xr.Dataset],
    *,
    device: str,
    seed: int,
    missions: str = "",
    coarsen: int = 5,
    dates: int = 24,
    evaluations: int = 60,
    init: Mapping[str, torch.Tensor] | None = None,
) -> dict[str, torch.Tensor]:
    """Fit the covariance of the fitted map as the baseline ``duacs`` does.

    Parameters
    ----------
    inputs : observations, and what the mean field is made of
    device : of torch
    seed : not used: the fit is deterministic
    missions, coarsen : as for :func:`estimate`
    dates, evaluations : number of dates (as for ``duacs``) and about so many trials, at most
    init : scales of such a fit, from which to go on

    Returns
    -------
    what :func:`oceanbench.assimilation.observations.fitted_covariance.fit` finds
    """
    import torch  # noqa: PLC0415

    given = Anomalies.of(inputs, missions=missions, coarsen=coarsen)
    options: Any = {"dates": dates, "evaluations": evaluations, "device": device}
    found = fit(given.samples, chosen_scales({}, init), covariance_at, **options)
    click.echo("\n".join(found.lines()), err=True)
    return {name: torch.as_tensor(number) for name, number in found.numbers.items()}


def _anomaly(
    observed: Samples,
    mean: xr.DataArray | None,
    nodes: tuple[FloatArray, FloatArray, FloatArray],
    settings: Settings,
    scales: Mapping[str, float],
    *,
    first_guess: str,
    weight: float,
    withheld: int,
    device: str,
) -> FloatArray:
    """Anomalies of the flow, or between the fitted map and it."""

    def fitted_map(seen: Samples, *axes: FloatArray) -> FloatArray:
        noise = np.full(len(seen.missions), scales["noise"])
        mapping = TiledMapping(scales, noise, settings={"device": device, "precision": "single"})
        return mapping.maps(seen, *axes)["mean"]

    def flow(seen: Samples) -> FloatArray:
        guess = partial(fitted_map, seen) if first_guess == "duacs" else None
        return mapped(seen, mean, *nodes, settings, guess=guess, device=device)

    def pair(seen: Samples) -> tuple[FloatArray, FloatArray]:
        return fitted_map(seen, *nodes), flow(seen)

    if withheld:
        chosen = withheld_weight(observed, pair, *nodes, most=withheld)
        weight = chosen.value
        click.echo(f"bfn: {chosen}", err=True)
    if weight == 1.0:
        return flow(observed)
    first, second = pair(observed)
    return first + weight * (second - first)
