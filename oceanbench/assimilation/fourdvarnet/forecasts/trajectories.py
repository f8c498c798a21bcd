r"""What the observations before a start tell without learning: maps of the past, and model runs.

One interpolation of the observations gives maps of all days before the start. Those of a few days
earlier know both sides of their day, and are twice as good as that of the start: a model carries
such an earlier map, too, to the start and beyond. Runs that begin on different days err
differently, and what is best on a day t is a combination

.. math:: \hat x(t) = \sum_j w_j(t) \, x_j(t)

of the run :math:`x_j` that begin with the maps of lag j (before it begins, the maps themselves)
with weights that a world of training tells: they fade what cannot be foreseen.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from oceanbench.arrays import AnyFloatArray, BoolArray, FloatArray
from oceanbench.assimilation.fourdvarnet.forecasts.configuration import ForecastConfiguration
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import (
    averaged_in_cells,
    misfits,
)
from oceanbench.assimilation.fourdvarnet.maps.map_grid import MapGrid
from oceanbench.assimilation.nudging.free_run import RunSettings, carried
from oceanbench.assimilation.observations.along_track_errors import AlongTrack
from oceanbench.assimilation.observations.causal_mapping import CausalSettings, interpolated
from oceanbench.assimilation.observations.superobservations import DAY, Samples

EPOCH = np.datetime64("2000-01-01", "ns")  # any: of grids whose days are counted from a start
SMALLEST = 1e-6  # of a singular value, relative to the largest, that is inverted


def past_maps(
    observed: Samples,
    longitude: FloatArray,
    latitude: FloatArray,
    configuration: ForecastConfiguration,
    *,
    device: str = "cpu",
) -> FloatArray:
    """Anomalies (days, latitude, longitude) of the days before a start, and of the start.

    Parameters
    ----------
    observed : anomalies that were delivered by the start, in days since it
    longitude, latitude : nodes
    configuration : scales, and how many days
    device : of torch
    """
    c = configuration
    scales = (c.length_km, c.memory_days, c.past_days + 1.0)
    settings = CausalSettings(*scales, white=c.white, coarsen=c.coarsen)
    days = np.arange(-c.past_days, 1.0)
    return interpolated(observed, days, longitude, latitude, settings, device=device).anomaly


def model_runs(
    past: FloatArray,
    mean: FloatArray,
    longitude: FloatArray,
    latitude: FloatArray,
    configuration: ForecastConfiguration,
    *,
    device: str = "cpu",
) -> AnyFloatArray:
    """Anomalies (starts, lags, slots, latitude, longitude) of the runs of every start.

    Parameters
    ----------
    past : (starts, days, latitude, longitude), from :func:`past_maps`
    mean : (latitude, longitude) that anomalies are from
    longitude, latitude : nodes
    configuration : of the model, and when its runs begin
    device : of torch
    """
    c = configuration
    slots, known = c.slots, c.past_days + 1
    found = np.zeros((len(past), c.begun.size, slots.size, *mean.shape), np.float32)
    settings = RunSettings(c.wave_speed, c.step_hours)
    for number, lag in enumerate(c.begun.tolist()):
        found[:, number, :known] = past
        later = slots > -lag
        first = past[:, known - 1 - lag] + mean
        leads = (slots[later] + lag).tolist()
        run = carried(
            first, longitude, latitude, leads, settings, device=device, precision="single"
        )
        found[:, number, later] = run.swapaxes(0, 1) - mean
    return found


def combination(runs: AnyFloatArray, truth: AnyFloatArray) -> FloatArray:
    """Weights (lags, slots) of the runs that come nearest to a truth.

    Parameters
    ----------
    runs : (starts, lags, slots, latitude, longitude)
    truth : (starts, slots, latitude, longitude)
    """
    weights = np.zeros(runs.shape[1:3])
    for slot in range(runs.shape[2]):
        at = runs[:, :, slot].astype(np.float64)
        squares = np.einsum("nixy,njxy->ij", at, at)
        products = np.einsum("nixy,nxy->i", at, truth[:, slot].astype(np.float64))
        weights[:, slot] = np.linalg.pinv(squares, SMALLEST, hermitian=True) @ products
    return weights


def combined(runs: AnyFloatArray, weights: AnyFloatArray) -> AnyFloatArray:
    """Trajectories (starts, slots, latitude, longitude) of runs."""
    found: AnyFloatArray = np.einsum("nisxy,is->nsxy", runs, weights.astype(runs.dtype))
    return found


def innovations(
    observed: Samples,
    trajectory: FloatArray,
    longitude: FloatArray,
    latitude: FloatArray,
    *,
    along_track: AlongTrack | None = None,
) -> tuple[FloatArray, BoolArray]:
    """Misfits (days, latitude, longitude) to the past of a trajectory, and where there are any.

    Parameters
    ----------
    observed : anomalies, one by one, in days since the start
    trajectory : (days, latitude, longitude) of the days before the start, and of the start
    longitude, latitude : nodes
    along_track : errors, where they are known: of each sample counts what its pass tells
    """
    count = len(trajectory)
    grid = MapGrid(EPOCH + DAY * np.arange(count), latitude, longitude)
    since = replace(observed, time=observed.time + count - 1.0)
    near = since.within((longitude[0], longitude[-1]), (latitude[0], latitude[-1]))
    near = near.take((near.time >= 0.0) & (near.time <= count - 1.0))
    if not near.value.size:
        return np.zeros(grid.shape), np.zeros(grid.shape, dtype=bool)
    apart = misfits(near, trajectory, grid)
    if along_track is not None:
        apart = along_track.expected(near, apart)
    mean, number = averaged_in_cells(near, apart, grid)
    return mean, number > 0
