r"""Observations of a period on a regular grid, about a first guess that is handed in.

A cell of the grid is wider than the distance between two samples of a track, and sea level is not
flat across it. So what is averaged in a cell and a day is the misfit of the samples to the first
guess, taken where and when they are, and the value of the cell is

.. math:: y_c = x^b_c + \overline{ y_i - x^b(t_i, \lambda_i, \phi_i) }^{\, i \in c}

or the mean of what the misfits along its pass tell of each sample, where the errors are known
(:mod:`oceanbench.assimilation.observations.along_track_errors`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray, IntArray
from oceanbench.assimilation.fourdvarnet.maps.auxiliary_maps import second_field
from oceanbench.assimilation.fourdvarnet.maps.map_grid import MapGrid
from oceanbench.assimilation.fourdvarnet.maps.normalisation import Normalisation
from oceanbench.assimilation.observations.along_track_errors import AlongTrack
from oceanbench.assimilation.observations.superobservations import Samples, samples
from oceanbench.observing.sampling import sample

SWATH_KM = 10.0  # cells in which the pixels of a swath are averaged


@dataclass(frozen=True)
class GriddedObservations:
    """Period of an ocean, observed once.

    Attributes
    ----------
    values : (days, rows, columns) of the variable; those of the first guess where none is observed
    observed : bool, of the same shape
    first_guess : of the same shape
    second : maps of another variable, of the same shape, or none
    """

    values: FloatArray
    observed: BoolArray
    first_guess: FloatArray
    second: FloatArray | None = None

    def days(self, some: slice) -> GriddedObservations:
        """Some of the days."""
        second = None if self.second is None else self.second[some]
        parts = (self.values[some], self.observed[some], self.first_guess[some])
        return GriddedObservations(*parts, second)

    def second_normalisation(self) -> Normalisation | None:
        """Of the second field, if there is one."""
        return None if self.second is None else Normalisation.fitted(self.second)


def grid_observations(
    inputs: Mapping[str, xr.Dataset],
    variable: str,
    grid: MapGrid,
    first_guess: FloatArray,
    *,
    missions: str = "",
    second: str = "",
    along_track: AlongTrack | None = None,
) -> GriddedObservations:
    """Observations of some missions on a grid, about a first guess.

    Parameters
    ----------
    inputs : tracks and swaths
    variable : its name
    grid : days and nodes
    first_guess : (days, rows, columns), from
        :func:`oceanbench.assimilation.fourdvarnet.maps.first_guess_maps.first_guess_maps`
    missions : as for :func:`oceanbench.assimilation.observations.superobservations.samples`
    second : an input that has maps of another variable, as
        :func:`oceanbench.assimilation.fourdvarnet.maps.auxiliary_maps.second_field` takes it; none
        if empty
    along_track : errors, where they are known; those of a swath are taken to be none
    """
    observed = fine_samples(inputs, variable, grid, missions)
    misfit = misfits(observed, first_guess, grid)
    if along_track is not None:
        layouts = np.array([inputs[name].attrs["layout"] for name in observed.missions])
        if (nadir := layouts[observed.mission] == "track").any():
            misfit[nadir] = along_track.expected(observed.take(nadir), misfit[nadir])
    mean, count = averaged_in_cells(observed, misfit, grid)
    other = second_field(inputs, second, grid.field(first_guess)) if second else None
    return GriddedObservations(first_guess + mean, count > 0, first_guess, other)


def fine_samples(
    inputs: Mapping[str, xr.Dataset], variable: str, grid: MapGrid, missions: str
) -> Samples:
    """Samples on the grid's days and in its box, those of tracks one by one."""
    place = (inputs, variable, grid.days[0], grid.centre)
    observed = samples(*place, missions=missions, coarsen=1, swath_km=SWATH_KM)
    near = observed.within(
        (grid.longitude[0], grid.longitude[-1]), (grid.latitude[0], grid.latitude[-1])
    )
    return near.take((near.time >= 0.0) & (near.time <= grid.days.size - 1.0))


def misfits(observed: Samples, maps: FloatArray, grid: MapGrid) -> FloatArray:
    """Values of samples less those of maps at their places and times."""
    later = np.round(observed.time * 86_400e9).astype("timedelta64[ns]")
    time = grid.days[0].astype("datetime64[ns]") + later
    places = {"longitude": observed.longitude, "latitude": observed.latitude}
    points = xr.Dataset(coords={"time": time} | {n: ("time", v) for n, v in places.items()})
    expected: FloatArray = sample(grid.field(maps), points).values
    return observed.value - expected


def averaged_in_cells(
    observed: Samples, values: FloatArray, grid: MapGrid
) -> tuple[FloatArray, FloatArray]:
    """Mean of the values in every cell and day, zero where there is none, and their count."""
    index = (
        np.round(observed.time).astype(int),
        _nearest(observed.latitude, grid.latitude),
        _nearest(observed.longitude, grid.longitude),
    )
    total, count = np.zeros(grid.shape), np.zeros(grid.shape)
    np.add.at(total, index, values)
    np.add.at(count, index, 1.0)
    return total / np.maximum(count, 1.0), count


def _nearest(values: FloatArray, axis: FloatArray) -> IntArray:
    found: IntArray = np.round((values - axis[0]) / (axis[1] - axis[0])).astype(np.int64)
    return found
