r"""Observations of a period on a regular grid, and a first guess beside them: a scene.

A cell of the grid is wider than the distance between two samples of a track, and sea level is not
flat across it. So what is averaged in a cell and a day is the misfit of the samples to the first
guess, taken where and when they are, and the value of the cell is

.. math:: y_c = x^b_c + \overline{ y_i - x^b(t_i, \lambda_i, \phi_i) }^{\, i \in c}

or the mean of what the misfits along its pass tell of each sample, where the errors are known
(:mod:`oceanbench.assimilation.observations.along_track_errors`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from oceanbench.assimilation.fourdvarnet.maps.auxiliary_maps import guess_of, second_of
from oceanbench.assimilation.nudging.bfn_qg import Settings, extended, mapped
from oceanbench.assimilation.observations.along_track_errors import AlongTrack
from oceanbench.assimilation.observations.superobservations import DAY, Samples, mean_field, samples
from oceanbench.grid import wrap_longitude
from oceanbench.observing.sampling import sample

FloatArray = NDArray[np.float64]
GUESSES = ("bfn", "oi", "smooth", "mean")
SMOOTH_DAYS, SMOOTH_DEGREES = 5.0, 0.6  # of the local average
FADING = 0.02  # weight of the mean field in it, relative to that of a sample at the point itself
SWATH_KM = 10.0  # cells in which the pixels of a swath are averaged


@dataclass(frozen=True)
class Grid:
    """Days and nodes of a scene.

    Attributes
    ----------
    days : datetime64 at 00:00, consecutive
    latitude, longitude : degrees, equidistant and increasing
    """

    days: NDArray[np.datetime64]
    latitude: FloatArray
    longitude: FloatArray

    @property
    def shape(self) -> tuple[int, int, int]:
        """Days, rows and columns."""
        return self.days.size, self.latitude.size, self.longitude.size

    @property
    def centre(self) -> float:
        """Longitude of the middle."""
        return float(self.longitude[0] + self.longitude[-1]) / 2.0

    def field(self, values: FloatArray, name: str = "field") -> xr.DataArray:
        """Field (days, rows, columns) with its coordinates."""
        axes = {"time": self.days, "latitude": self.latitude, "longitude": self.longitude}
        return xr.DataArray(values, axes, tuple(axes), name)


def grid_around(field: xr.DataArray, step: float, *, margin: float = 0.0, days: int = 0) -> Grid:
    """Grid over a field (time, latitude, longitude), and some degrees and days around it.

    Parameters
    ----------
    field : whose days and box it has
    step : degrees, about; the box is divided evenly
    margin : degrees on all sides
    days : before the first time and after the last
    """
    axes = []
    for name in ("latitude", "longitude"):
        first, last = float(field[name].min()) - margin, float(field[name].max()) + margin
        axes.append(np.linspace(first, last, max(round((last - first) / step), 3) + 1))
    times = field["time"].values
    first_day = times.min().astype("datetime64[D]") - days
    last_day = (times.max() + DAY - np.timedelta64(1, "ns")).astype("datetime64[D]") + days
    every = np.arange(first_day, last_day + 1).astype("datetime64[ns]")
    return Grid(every, *axes)


@dataclass(frozen=True)
class Scene:
    """Period of an ocean, observed once.

    Attributes
    ----------
    values : (days, rows, columns) of the variable; those of the first guess where none is observed
    observed : bool, of the same shape
    first_guess : of the same shape
    second : maps of another variable, of the same shape, or none
    """

    values: FloatArray
    observed: NDArray[np.bool_]
    first_guess: FloatArray
    second: FloatArray | None = None

    def days(self, some: slice) -> Scene:
        """Some of the days."""
        second = None if self.second is None else self.second[some]
        return Scene(self.values[some], self.observed[some], self.first_guess[some], second)


def scene(
    inputs: Mapping[str, xr.Dataset],
    variable: str,
    grid: Grid,
    *,
    first_guess: str = "bfn",
    missions: str = "",
    second: str = "",
    along_track: AlongTrack | None = None,
    device: str = "cpu",
) -> Scene:
    """Observe a period on a grid.

    Parameters
    ----------
    inputs : tracks and swaths, and what a mean field is made of
    variable : its name
    grid : days and nodes
    first_guess : ``bfn`` (back-and-forth nudging), ``oi`` (the interpolation that this begins
        with), ``smooth`` (a local average), ``mean`` (the mean field), or an input that has maps
    missions : as for :func:`oceanbench.assimilation.observations.superobservations.samples`
    second : an input that has maps of another variable, as
        :func:`oceanbench.assimilation.fourdvarnet.maps.auxiliary_maps.second_of` takes it; none if
        empty
    along_track : errors, where they are known; those of a swath are taken to be none
    device : of torch
    """
    mean = mean_field(inputs, variable, grid.centre, of_training=True)
    background = mean_on(grid, mean)
    place = (inputs, variable, grid.days[0], grid.centre)
    fine = _fine(inputs, variable, grid, missions)
    if first_guess in ("bfn", "oi"):
        averaged = samples(*place, missions=missions, mean=mean)
        settings = Settings(precision="single")
        settings = settings if first_guess == "bfn" else replace(settings, iterations=0)
        days = np.arange(grid.days.size, dtype=np.float64)
        axes = (grid.longitude, grid.latitude)
        guess = background + mapped(averaged, mean, days, *axes, settings, device=device)
    elif first_guess == "smooth":
        anomaly = _binned(fine, _misfit(background, fine, grid), grid)
        guess = background + _smoothed(*anomaly, grid)
    elif first_guess == "mean":
        guess = background
    else:
        guess = guess_of(inputs, variable, first_guess, grid.field(background), known=GUESSES)
    other = second_of(inputs, second, grid.field(background)) if second else None
    return Scene(*_about(guess, fine, inputs, grid, along_track), guess, other)


def gridded(
    inputs: Mapping[str, xr.Dataset],
    variable: str,
    grid: Grid,
    guess: FloatArray,
    *,
    missions: str = "",
    along_track: AlongTrack | None = None,
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Values of some missions on a grid about a first guess, and where there are any.

    Parameters are those of :func:`scene`, but for the guess, (days, rows, columns).
    """
    fine = _fine(inputs, variable, grid, missions)
    return _about(guess, fine, inputs, grid, along_track)


def _fine(inputs: Mapping[str, xr.Dataset], variable: str, grid: Grid, missions: str) -> Samples:
    place = (inputs, variable, grid.days[0], grid.centre)
    return _inside(samples(*place, missions=missions, coarsen=1, swath_km=SWATH_KM), grid)


def _about(
    guess: FloatArray,
    fine: Samples,
    inputs: Mapping[str, xr.Dataset],
    grid: Grid,
    along_track: AlongTrack | None,
) -> tuple[FloatArray, NDArray[np.bool_]]:
    misfit = _misfit(guess, fine, grid)
    if along_track is not None:
        layouts = np.array([inputs[name].attrs["layout"] for name in fine.missions])
        if (nadir := layouts[fine.mission] == "track").any():
            misfit[nadir] = along_track.expected(fine.take(nadir), misfit[nadir])
    mean, count = _binned(fine, misfit, grid)
    return guess + mean, count > 0


def _misfit(guess: FloatArray, observed: Samples, grid: Grid) -> FloatArray:
    """Values of samples less those of maps at their places and times."""
    expected: FloatArray = sample(grid.field(guess), _points(observed, grid)).values
    return observed.value - expected


def inside(track: xr.Dataset, variable: str, grid: Grid) -> xr.Dataset:
    """Samples of a track that have a value on the days and in the box of a grid."""
    longitude = wrap_longitude(track["longitude"].values, grid.centre)
    latitude, time = track["latitude"].values, track["time"].values
    chosen = np.isfinite(track[variable].values)
    for values, axis in ((longitude, grid.longitude), (latitude, grid.latitude), (time, grid.days)):
        chosen &= (values >= axis[0]) & (values <= axis[-1])
    return track.isel(time=chosen)


def mean_on(grid: Grid, mean: xr.DataArray | None) -> FloatArray:
    """Mean field, or zero without one, on all days of a grid, extended beyond its own box."""
    background = np.zeros(grid.shape)
    if mean is not None:
        background += extended(mean, grid.longitude, grid.latitude)
    return background


def _inside(observed: Samples, grid: Grid) -> Samples:
    """Samples that lie on the grid's days and in its box."""
    days = grid.days.size - 1.0
    near = observed.within(
        (grid.longitude[0], grid.longitude[-1]), (grid.latitude[0], grid.latitude[-1])
    )
    return near.take((near.time >= 0.0) & (near.time <= days))


def _points(observed: Samples, grid: Grid) -> xr.Dataset:
    later = np.round(observed.time * 86_400e9).astype("timedelta64[ns]")
    time = grid.days[0].astype("datetime64[ns]") + later
    places = {"longitude": observed.longitude, "latitude": observed.latitude}
    return xr.Dataset(coords={"time": time} | {n: ("time", v) for n, v in places.items()})


def _binned(observed: Samples, values: FloatArray, grid: Grid) -> tuple[FloatArray, FloatArray]:
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


def _nearest(values: FloatArray, axis: FloatArray) -> NDArray[np.int64]:
    found: NDArray[np.int64] = np.round((values - axis[0]) / (axis[1] - axis[0])).astype(np.int64)
    return found


def _smoothed(values: FloatArray, count: FloatArray, grid: Grid) -> FloatArray:
    """Local average in space and time, which fades to zero far from all observations."""
    step = grid.latitude[1] - grid.latitude[0]
    widths = (SMOOTH_DAYS, SMOOTH_DEGREES / step, SMOOTH_DEGREES / step)
    seen = (count > 0).astype(np.float64)
    weight = gaussian_filter(seen, widths, mode="constant")
    peak = np.prod([1.0 / (np.sqrt(2.0 * np.pi) * width) for width in widths])
    total = gaussian_filter(values * seen, widths, mode="constant")
    smooth: FloatArray = total / (weight + FADING * peak)
    return smooth
