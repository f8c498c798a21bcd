"""First guesses on a grid: a dynamical map, an interpolation, an average, a mean, or given maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import xarray as xr
from scipy.ndimage import gaussian_filter

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.fourdvarnet.maps.auxiliary_maps import (
    given_first_guess,
    second_field,
)
from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import (
    averaged_in_cells,
    fine_samples,
    misfits,
)
from oceanbench.assimilation.fourdvarnet.maps.map_grid import MapGrid
from oceanbench.assimilation.nudging.bfn_qg import Settings, extended, mapped
from oceanbench.assimilation.observations.missions import check_metres
from oceanbench.assimilation.observations.superobservations import Samples, mean_field, samples
from oceanbench.assimilation.observations.tiled_mapping import DEFAULTS, SCALES, TiledMapping
from oceanbench.assimilation.observations.wavelet_mapping import WaveletMapping
from oceanbench.progress import Stages

FIRST_GUESSES = ("bfn", "duacs", "miost", "oi", "smooth", "mean")
PHYSICS = {"bfn": "quasi-geostrophic"}  # equations of those that have a model
SMOOTH_DAYS, SMOOTH_DEGREES = 5.0, 0.6  # of the local average
FADING = 0.02  # weight of the mean field in it, relative to that of a sample at the point itself


def first_guess_maps(
    inputs: Mapping[str, xr.Dataset],
    variable: str,
    grid: MapGrid,
    first_guess: str,
    *,
    missions: str = "",
    device: str = "cpu",
    stages: Stages = Stages(),  # noqa: B008  (it never changes)
) -> FloatArray:
    """Maps (days, rows, columns) of a variable, to which its observations are compared.

    Parameters
    ----------
    inputs : tracks and swaths, and what a mean field is made of
    variable : its name
    grid : days and nodes
    first_guess : ``bfn`` (back-and-forth nudging), ``oi`` (the interpolation that this begins
        with), ``duacs`` (mapping tile by tile, with the usual scales), ``miost`` (wavelets, as the
        baseline has them), ``smooth`` (a local average), ``mean`` (the mean field), or an input
        that has maps
    missions : as for :func:`oceanbench.assimilation.observations.superobservations.samples`
    device : of torch
    stages : of ``bfn`` and ``oi``, to say how far they are, and to keep what is done
    """
    mean = mean_field(inputs, variable, grid.centre, of_training=True)
    background = mean_on(grid, mean)
    if first_guess in ("bfn", "duacs", "oi"):
        place = (inputs, variable, grid.days[0], grid.centre)
        averaged = samples(*place, missions=missions, mean=mean)
        days = np.arange(grid.days.size, dtype=np.float64)
        axes = (grid.longitude, grid.latitude)
        if first_guess == "duacs":
            return background + _tiled(averaged, days, *axes, device=device)
        settings = Settings(precision="single")
        if first_guess == "bfn":
            check_metres(inputs, variable, missions)
        else:
            settings = replace(settings, iterations=0)
        return background + mapped(
            averaged, mean, days, *axes, settings, device=device, stages=stages
        )
    if first_guess == "miost":
        return background + _of_wavelets(inputs, variable, grid, missions, mean)
    if first_guess == "smooth":
        observed = fine_samples(inputs, variable, grid, missions)
        anomalies = averaged_in_cells(observed, misfits(observed, background, grid), grid)
        return background + _smoothed(*anomalies, grid)
    if first_guess == "mean":
        return background
    return given_first_guess(
        inputs, variable, first_guess, grid.field(background), known=FIRST_GUESSES
    )


def check_given_maps(
    inputs: Mapping[str, xr.Dataset], variable: str, grid: MapGrid, configuration: MapConfiguration
) -> None:
    """Refuse maps among the inputs that a configuration cannot use, before anything is computed."""
    like = grid.field(np.zeros(grid.shape))
    if configuration.first_guess not in FIRST_GUESSES:
        given_first_guess(inputs, variable, configuration.first_guess, like, known=FIRST_GUESSES)
    if configuration.second:
        second_field(inputs, configuration.second, like)


def _tiled(
    averaged: Samples, days: FloatArray, longitude: FloatArray, latitude: FloatArray, *, device: str
) -> FloatArray:
    """Anomalies as the baseline duacs maps them before its scales are fitted."""
    scales = dict(zip(SCALES, DEFAULTS, strict=True))
    noise = np.full(len(averaged.missions), scales["noise"])
    settings = {"device": device, "precision": "single"}
    mapping = TiledMapping(scales, noise, settings=settings)
    return mapping.maps(averaged, days, longitude, latitude)["mean"]


def _of_wavelets(
    inputs: Mapping[str, xr.Dataset],
    variable: str,
    grid: MapGrid,
    missions: str,
    mean: xr.DataArray | None,
) -> FloatArray:
    """Anomalies as the baseline miost maps them."""
    mapping = WaveletMapping()
    place = (inputs, variable, grid.days[0], grid.centre)
    observed = samples(*place, missions=missions, swath_km=mapping.swath_km, mean=mean)
    swath = np.array([inputs[name].attrs["layout"] == "swath" for name in observed.missions])
    days = np.arange(float(grid.days.size))
    return mapping.maps(observed, swath, days, grid.longitude, grid.latitude)


def mean_on(grid: MapGrid, mean: xr.DataArray | None) -> FloatArray:
    """Mean field, or zero without one, on all days of a grid, extended beyond its own box."""
    background = np.zeros(grid.shape)
    if mean is not None:
        background += extended(mean, grid.longitude, grid.latitude)
    return background


def _smoothed(values: FloatArray, count: FloatArray, grid: MapGrid) -> FloatArray:
    """Local average in space and time, which fades to zero far from all observations."""
    step = grid.latitude[1] - grid.latitude[0]
    widths = (SMOOTH_DAYS, SMOOTH_DEGREES / step, SMOOTH_DEGREES / step)
    seen = (count > 0).astype(np.float64)
    weight = gaussian_filter(seen, widths, mode="constant")
    peak = np.prod([1.0 / (np.sqrt(2.0 * np.pi) * width) for width in widths])
    total = gaussian_filter(values * seen, widths, mode="constant")
    smooth: FloatArray = total / (weight + FADING * peak)
    return smooth
