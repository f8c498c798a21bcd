"""Days and nodes on which maps are learned, and how maps get onto them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.interpolate import RectBivariateSpline

from oceanbench.arrays import BoolArray, FloatArray, TimeArray
from oceanbench.assimilation.observations.superobservations import DAY
from oceanbench.grid import fill_holes, wrap_longitude

MARGIN = 1.0  # degrees around the maps that networks see


@dataclass(frozen=True)
class MapGrid:
    """Days and nodes.

    Attributes
    ----------
    days : datetime64 at 00:00, consecutive
    latitude, longitude : degrees, equidistant and increasing
    """

    days: TimeArray
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

    def field(self, values: FloatArray) -> xr.DataArray:
        """Field (days, rows, columns) with its coordinates."""
        axes = {"time": self.days, "latitude": self.latitude, "longitude": self.longitude}
        return xr.DataArray(values, axes, tuple(axes), "field")

    def inside(self, track: xr.Dataset, variable: str) -> xr.Dataset:
        """Samples of a track that have a value on the days and in the box."""
        longitude = wrap_longitude(track["longitude"].values, self.centre)
        latitude, time = track["latitude"].values, track["time"].values
        chosen = np.isfinite(track[variable].values)
        axes = (self.longitude, self.latitude, self.days)
        for values, axis in zip((longitude, latitude, time), axes, strict=True):
            chosen &= (values >= axis[0]) & (values <= axis[-1])
        return track.isel(time=chosen)


@dataclass(frozen=True)
class KnownMaps:
    """Maps of a sea with coasts, islands or ice, continued beyond them.

    Attributes
    ----------
    field : (time, latitude, longitude), on land the harmonic function of what is around
    sea : bool, of the same coordinates: where there was a value
    """

    field: xr.DataArray
    sea: xr.DataArray

    @classmethod
    def of(cls, maps: xr.DataArray) -> KnownMaps:
        """Maps (time, latitude, longitude), NaN on land."""
        sea = maps.notnull()
        return cls(maps if bool(sea.all()) else fill_holes(maps), sea)

    def days(self, some: slice) -> KnownMaps:
        """Some of the times."""
        return KnownMaps(self.field.isel(time=some), self.sea.isel(time=some))

    def on(self, grid: MapGrid) -> tuple[FloatArray, BoolArray]:
        """Values (times, rows, columns) on the nodes of a grid, and where more is sea than land."""
        values = bicubic(self.field, grid.latitude, grid.longitude)
        if bool(self.sea.all()):
            return values, np.ones(values.shape, dtype=bool)
        axes = {"latitude": grid.latitude, "longitude": grid.longitude}
        known: BoolArray = self.sea.astype(np.float64).interp(axes).values >= 0.5
        return values, known


def grid_around(field: xr.DataArray, step: float, *, margin: float = 0.0, days: int = 0) -> MapGrid:
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
    return MapGrid(every, *axes)


def bicubic(maps: xr.DataArray, latitude: FloatArray, longitude: FloatArray) -> FloatArray:
    """Maps (time, latitude, longitude) on other nodes, by bicubic splines; times are kept."""
    nodes = (maps["latitude"].values, maps["longitude"].values)
    return np.stack(
        [RectBivariateSpline(*nodes, daily)(latitude, longitude) for daily in maps.values]
    )
