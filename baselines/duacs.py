r"""DUACS-like mapping: optimal interpolation of sea level anomalies with correlated pass errors.

Anomalies to a mean field are mapped with the covariance of Arhan and Colin de Verdière, which
propagates westward, and an observation error with two parts: white noise, and an error that all
samples of one pass share (orbit and other long-wavelength errors):

.. math:: R_{ij} = \delta_{ij} \, b^2 + E_{LW} \, [\text{i and j on the same pass}].

The scales depend on latitude by closed forms
(:mod:`oceanbench.assimilation.observations.tiled_mapping`), which are multiplied by factors that
``oceanbench train`` fits by leaving out one mission after the other. The grid is cut into
overlapping tiles, each solved exactly with the scales of its centre, and blended. The signal has
one standard deviation in a tile, or one that varies in space (``deviation_km``,
:mod:`oceanbench.assimilation.observations.signal_variance`); it is fitted too, with intervals
(:mod:`oceanbench.assimilation.observations.fitted_covariance`).

With a second field (``second``), such as sea surface temperature, the anomalies are those to what
its maps tell linearly: the same estimate as with a multivariate covariance of both
(:mod:`oceanbench.assimilation.observations.second_field`). With maps of the variable itself
(``background``), such as those of an operational system, they are those to these maps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.gaussian.mapping import fields_of
from oceanbench.assimilation.observations.backgrounds import background_maps
from oceanbench.assimilation.observations.cross_validation import fitted
from oceanbench.assimilation.observations.fitted_covariance import fit
from oceanbench.assimilation.observations.second_field import (
    added,
    beyond,
    fitted_filter,
    predicted,
)
from oceanbench.assimilation.observations.superobservations import (
    DAY,
    Anomalies,
    Samples,
    mean_field,
    samples,
)
from oceanbench.assimilation.observations.tiled_mapping import (
    SCALES,
    TiledMapping,
    chosen_scales,
    covariance_at,
)
from oceanbench.errors import OceanbenchError

if TYPE_CHECKING:
    import torch

FILTER = "second_filter"  # of the tensors
KINDS = ("maps", "tracks")
REFERENCE = (
    "Le Traon et al. (1998) doi:10.1175/1520-0426(1998)015<0522:AIMMOM>2.0.CO;2; "
    "Taburet et al. (2019) doi:10.5194/os-15-1207-2019"
)


def estimate(  # noqa: PLR0913  (every option is a keyword)
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    weights: Mapping[str, torch.Tensor] | None = None,
    length_factor: float | None = None,
    time_factor: float | None = None,
    speed_factor: float | None = None,
    noise: float | None = None,
    correlated: float | None = None,
    zonal_factor: float | None = None,
    deviation_km: float | None = None,
    sharpness: float | None = None,
    mission_noise: str = "",
    coarsen: int = 5,
    swath_km: float = 30.0,
    missions: str = "",
    second: str = "",
    background: str = "",
    tile: float = 10.0,
    halo: float = 2.5,
    formal_error: bool = False,
    precision: str = "double",
    workers: int = 1,
    checkpoint: str = "",
) -> xr.Dataset:
    """Map the observations onto the target.

    Parameters
    ----------
    inputs : the datasets of layout ``track`` and ``swath`` are used, one variable each
    target : variables (time, latitude, longitude) to fill
    device : of torch
    seed : not used: the method is deterministic
    weights : scales that ``oceanbench train duacs`` fitted
    length_factor, time_factor, speed_factor : multiples of the closed forms, a negative speed
        eastward; without a value the fitted one, without weights a default
    noise, correlated : variances of the white and of the pass error, relative to the signal's; the
        same holds for them
    zonal_factor : factor of the zonal length alone
    deviation_km : width over which the signal's variance is smoothed; 0 for one variance a tile
    sharpness : power of the formal error variance, relative to the signal's, that calibrates it
    mission_noise : ``noise`` of some missions, as ``jason1=0.03, swot_karin=0.01``
    coarsen : consecutive samples of a track averaged into one
    swath_km : side of the cells in which the pixels of a swath are averaged
    missions : comma-separated names of the inputs to use, or ``all``; by default those that are
        not optional
    second : name of the input that has maps of another variable, of which the weights have learned
    background : name of an input that has maps of the variable, to which anomalies are taken in
        place of the mean field
    tile, halo : side of the tiles, and how far around one observations are used and its
        neighbours blended, degrees
    formal_error : give the posterior's standard deviation too
    precision : ``double``, or ``single`` for half the time
    workers : processes that solve tiles
    checkpoint : folder that keeps every solved tile: a run that was interrupted resumes there
    """
    given = {
        "length_factor": length_factor,
        "time_factor": time_factor,
        "speed_factor": speed_factor,
        "noise": noise,
        "correlated": correlated,
        "zonal_factor": zonal_factor,
        "deviation_km": deviation_km,
        "sharpness": sharpness,
    }
    scales = chosen_scales(given, weights)
    _check_second(second, weights)
    _check_one(second, background)
    longitude, latitude = target["longitude"].values, target["latitude"].values
    days = (target["time"].values - target["time"].values[0]) / DAY
    settings = {"device": device, "precision": precision, "formal_error": formal_error}
    folder = Path(checkpoint) if checkpoint else None
    fields: dict[str, xr.DataArray] = {}
    for variable in map(str, target.data_vars):
        centre = float(longitude[0] + longitude[-1]) / 2
        mean = None if background else mean_field(inputs, variable, centre, of_training=True)
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
        if second and weights is not None:
            known = predicted(inputs, second, weights[FILTER].cpu().numpy(), centre)
            observed = beyond(observed, known, target["time"].values[0])
        if background:
            known = background_maps(inputs, variable, background, centre)
            observed = beyond(observed, known, target["time"].values[0])
        variance = _noise_of_missions(observed.missions, scales["noise"], mission_noise)
        mapping = TiledMapping(scales, variance, tile, halo, settings)
        maps = mapping.maps(observed, days, longitude, latitude, workers=workers, checkpoint=folder)
        fields |= fields_of(maps, target[variable], 1.0, mean)
        if second or background:
            option = f"second={second}" if second else f"background={background}"
            fields[variable] = added(fields[variable], known, option)
    return target.assign(fields)


def train(  # noqa: PLR0913  (every option is a keyword)
    inputs: Mapping[str, xr.Dataset],
    *,
    device: str,
    seed: int,
    missions: str = "",
    second: str = "",
    background: str = "",
    coarsen: int = 5,
    dates: int = 24,
    evaluations: int = 60,
    local: bool = True,
    init: Mapping[str, torch.Tensor] | None = None,
) -> dict[str, torch.Tensor]:
    """Fit the scales by leaving out one mission after the other.

    By least squares, with a variance that varies in space, a drift of either sign and intervals
    (:func:`oceanbench.assimilation.observations.fitted_covariance.fit`); or without all of that,
    once with and once without propagation, of which the better one is kept
    (:func:`oceanbench.assimilation.observations.cross_validation.fitted`).

    Parameters
    ----------
    inputs : observations, and what the mean field is made of
    device : of torch
    seed : not used: the fit is deterministic
    missions, coarsen : as for :func:`estimate`
    second : name of the input that has maps of another variable, to learn what it tells; of both
        variables there must be training maps
    background : as for :func:`estimate`: scales of anomalies to such maps, on their days
    dates : number of dates, at most: they are half a day apart or more, and keep twice the time
        scale away from both ends of the period, or a quarter of one that is short
    evaluations : at most so many trials, of either with ``local=false``
    local : which of the two fits
    init : scales of such a fit, from which to go on

    Returns
    -------
    the scales of :func:`estimate`; ``rmse``: of the predictions at the start and at the end, m;
    with ``local`` the 95 % intervals, ``<scale>_interval``, and the error of a withheld sample
    itself, ``sample_error``, with its interval; with ``second`` the weights of its filter
    """
    import torch  # noqa: PLC0415

    _check_one(second, background)
    given = Anomalies.of(inputs, missions=missions, coarsen=coarsen, about_mean=not background)
    observed = given.samples
    if background:
        maps = background_maps(inputs, given.variable, background, given.centre)
        observed = beyond(observed, maps, given.origin)
    learned: dict[str, torch.Tensor] = {}
    if second:
        weights = fitted_filter(inputs, given.variable, second, given.centre)
        maps = predicted(inputs, second, weights, given.centre)
        observed = beyond(observed, maps, given.origin)
        learned[FILTER] = torch.as_tensor(weights)
    begin = chosen_scales({}, init)
    if local:
        options: Any = {"dates": dates, "evaluations": evaluations, "device": device}
        found = fit(observed, begin, covariance_at, **options)
        click.echo("\n".join(found.lines()), err=True)
        return learned | {n: torch.as_tensor(number) for n, number in found.numbers.items()}
    scales, rmse = _stationary(observed, begin, dates, evaluations, device)
    learned |= {name: torch.tensor(value) for name, value in (scales | {"rmse": rmse}).items()}
    return learned


def _stationary(
    observed: Samples, begin: dict[str, float], dates: int, evaluations: int, device: str
) -> tuple[dict[str, float], FloatArray]:
    """Scales of one variance a tile, and the errors of the predictions at both ends."""
    begin = {name: begin[name] for name in SCALES}
    options: Any = {"dates": dates, "evaluations": evaluations, "device": device}
    speeds = (0.0, begin["speed_factor"] or 1.0)
    fits = [
        fitted(observed, begin | {"speed_factor": speed}, covariance_at, **options)
        for speed in speeds
    ]
    return min(fits, key=lambda fit: float(fit[1][1]))


def _learns_from(*, second: str = "", **_: object) -> str | None:
    """Observations alone; with a second field, the training maps of both too: whose they are."""
    return None if second else "observations"


LEARNS_FROM = _learns_from


def _check_second(second: str, weights: Mapping[str, torch.Tensor] | None) -> None:
    """Refuse weights that know nothing of the second field, or that need one."""
    knows = weights is not None and FILTER in weights
    if second and not knows:
        raise OceanbenchError(
            f"duacs: second={second} needs weights that learned what it tells; first run: "
            f"oceanbench train duacs CHALLENGE --set second={second}"
        )
    if knows and not second:
        raise OceanbenchError(
            "duacs: the weights have learned with a second field, and none is named; "
            "give --set second=NAME"
        )


def _check_one(second: str, background: str) -> None:
    """Refuse anomalies that would be relative to both."""
    if second and background:
        raise OceanbenchError(
            f"duacs: background={background} and second={second}: anomalies are relative to one "
            "of them; leave the other out"
        )


def _noise_of_missions(missions: tuple[str, ...], noise: float, other: str) -> np.ndarray:
    """Variance of the white error of every mission."""
    variance = dict.fromkeys(missions, noise)
    for item in filter(None, (part.strip() for part in other.split(","))):
        name, _, value = (word.strip() for word in item.partition("="))
        if name not in variance or not _is_positive(value):
            raise OceanbenchError(
                f"--set mission_noise={other}: '{item}' is not mission=variance with a variance "
                f"above 0 of one of {', '.join(missions)}"
            )
        variance[name] = float(value)
    return np.array([variance[name] for name in missions])


def _is_positive(text: str) -> bool:
    try:
        return 0 < float(text) < math.inf
    except ValueError:
        return False
