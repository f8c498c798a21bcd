r"""What every mapping method starts from: super-observations relative to a background.

Altimeters sample far more densely than a covariance of 100 km can tell apart, so consecutive
samples of a pass, and neighbouring pixels of a swath, are averaged into one super-observation.
Averages never bridge two passes or the two sides of a swath.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from oceanbench.arrays import FloatArray, IndexArray, IntArray
from oceanbench.assimilation.gaussian.optimal_interpolation import Observations
from oceanbench.assimilation.observations.averaging import along_track_means, swath_cells
from oceanbench.assimilation.observations.missions import chosen_missions
from oceanbench.errors import OceanbenchError
from oceanbench.grid import KM_PER_DEGREE, centre_longitude, fill_holes, wrap_longitude
from oceanbench.observing.passes import begins

DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Samples:
    """Super-observations of several missions, in the order of time.

    Attributes
    ----------
    time : (n,) days since the origin
    longitude, latitude : (n,) degrees, longitudes in the 360 degrees around the centre
    value : (n,) relative to the background
    track : (n,) number of the pass, different for every pass of every mission
    mission : (n,) index into ``missions``
    missions : names of the inputs
    """

    time: FloatArray
    longitude: FloatArray
    latitude: FloatArray
    value: FloatArray
    track: IntArray
    mission: IntArray
    missions: tuple[str, ...]

    def take(self, chosen: NDArray[Any]) -> Samples:
        """Some of the samples, by mask or index."""
        names = [f.name for f in fields(self) if f.name != "missions"]
        return Samples(**{n: getattr(self, n)[chosen] for n in names}, missions=self.missions)

    def within(self, longitude: tuple[float, float], latitude: tuple[float, float]) -> Samples:
        """Samples inside a box, bounds included."""
        return self.take(
            (self.longitude >= longitude[0])
            & (self.longitude <= longitude[1])
            & (self.latitude >= latitude[0])
            & (self.latitude <= latitude[1])
        )

    def around(self, place: tuple[float, float]) -> Samples:
        """The same samples, with longitudes in the 360 degrees around a place."""
        return replace(self, longitude=wrap_longitude(self.longitude, place[0]))

    def observations(
        self,
        place: tuple[float, float],
        noise: FloatArray,
        *,
        correlated: float = 0.0,
        deviation: float | FloatArray = 1.0,
        loading: FloatArray | None = None,
    ) -> Observations:
        """Observations in kilometres about a place.

        Parameters
        ----------
        place : longitude and latitude, degrees
        noise : (missions,) variance of the white error, relative to that of the signal
        correlated : variance of the error that a pass shares, relative to that of the signal
        deviation : by which the values are divided
        loading : (n,) factor of the error that a pass shares, 1 without
        """
        x, y = kilometres(self.longitude, self.latitude, place)
        variance = np.asarray(noise, dtype=np.float64)[self.mission]
        values = self.value / deviation
        return Observations(self.time, x, y, values, variance, self.track, correlated, loading)

    def deviation(self, noise: float) -> float:
        """Standard deviation of the signal about the background; 1 without observations.

        Parameters
        ----------
        noise : variance of all observation errors, relative to that of the signal
        """
        if not self.value.size:
            return 1.0
        return float(np.sqrt(np.mean(self.value**2) / (1.0 + noise))) or 1.0


def kilometres(
    longitude: FloatArray, latitude: FloatArray, place: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Eastward and northward distance from a place (longitude, latitude) in its tangent plane."""
    shrink = np.cos(np.deg2rad(place[1]))
    return (longitude - place[0]) * shrink * KM_PER_DEGREE, (latitude - place[1]) * KM_PER_DEGREE


def mean_field(
    inputs: Mapping[str, xr.Dataset], variable: str, centre: float, *, of_training: bool = False
) -> xr.DataArray | None:
    """Time-mean field that anomalies refer to, such as a mean dynamic topography.

    Parameters
    ----------
    inputs : of a method
    variable : its name
    centre : longitudes are brought to the 360 degrees around it
    of_training : without a field of layout ``static``, take the mean of the training maps

    Returns
    -------
    DataArray (latitude, longitude) without holes; None where the inputs have none
    """
    fields = [d for d in inputs.values() if d.attrs.get("layout") == "static"]
    if of_training:
        fields += [d for d in inputs.values() if d.attrs.get("role") == "training"]
    for dataset in fields:
        if variable in dataset and "latitude" in dataset[variable].dims:
            field = dataset[variable]
            field = field.mean("time") if "time" in field.dims else field
            return fill_holes(centre_longitude(field, centre).sortby("latitude"))
    return None


def samples(
    inputs: Mapping[str, xr.Dataset],
    variable: str,
    origin: np.datetime64,
    centre: float,
    *,
    missions: str = "",
    coarsen: int = 5,
    across_gaps: bool = False,
    swath_km: float = 30.0,
    mean: xr.DataArray | None = None,
) -> Samples:
    """Super-observations of a variable.

    Parameters
    ----------
    inputs : of a method; those of layout ``track`` and ``swath`` are used
    variable : its name
    origin : times are days since this date
    centre : longitudes are brought to the 360 degrees around it
    missions : as for :func:`oceanbench.assimilation.observations.missions.chosen_missions`
    coarsen : consecutive samples of a track averaged into one; the rest of a pass is dropped
    across_gaps : average also the end of one pass with the start of the next, as the data
        challenges' code does; such points lie far from both
    swath_km : side of the cells in which the pixels of a swath are averaged; a cell counts with at
        least half of its pixels
    mean : field (latitude, longitude) to subtract from every sample
    """
    if coarsen < 1 or swath_km <= 0:
        raise OceanbenchError(f"coarsen {coarsen} must be >= 1, swath_km {swath_km} positive")
    names = chosen_missions(inputs, missions, variable)
    parts = []
    for number, name in enumerate(names):
        rows, starts = _rows(inputs[name], variable, origin, centre, mean)
        if inputs[name].attrs["layout"] == "swath":
            rows, track = swath_cells(rows, starts, swath_km)
        else:
            starts = starts[:0] if across_gaps else starts
            rows, track = along_track_means(rows[:, :, 0], starts, coarsen)
        rows[1] = wrap_longitude(rows[1], centre)
        known = np.isfinite(rows).all(axis=0)
        parts.append((rows[:, known], track[known], np.full(int(known.sum()), number)))
    rows = np.concatenate([p[0] for p in parts], axis=1)
    mission = np.concatenate([p[2] for p in parts])
    passes = np.stack([mission, np.concatenate([p[1] for p in parts])])
    track = np.unique(passes, axis=1, return_inverse=True)[1].reshape(-1)
    order = np.argsort(rows[0], kind="stable")
    time, longitude, latitude, value = rows[:, order]
    return Samples(
        time, longitude, latitude, value, track[order], mission[order], missions=tuple(names)
    )


@dataclass(frozen=True)
class Anomalies:
    """Super-observations of whatever a method is given, to fit something to.

    Attributes
    ----------
    samples : relative to the mean, in days since the origin
    variable : its name
    centre : of their longitudes, degrees
    origin : their first time
    mean : field that they are relative to; None for zero
    """

    samples: Samples
    variable: str
    centre: float
    origin: np.datetime64
    mean: xr.DataArray | None

    @classmethod
    def of(
        cls,
        inputs: Mapping[str, xr.Dataset],
        *,
        missions: str = "",
        coarsen: int = 5,
        about_mean: bool = True,
    ) -> Anomalies:
        """Anomalies of the first variable of the chosen missions, as for :func:`samples`.

        Parameters
        ----------
        inputs, missions, coarsen : as there
        about_mean : whether they are relative to the mean field of the inputs
        """
        first = inputs[chosen_missions(inputs, missions)[0]]
        variable = next(str(v) for v in first.data_vars if v not in ("track", "cycle"))
        centre = float(first["longitude"].median())
        origin = first["time"].values.min()
        mean = mean_field(inputs, variable, centre, of_training=True) if about_mean else None
        place = (inputs, variable, origin, centre)
        observed = samples(*place, missions=missions, coarsen=coarsen, mean=mean)
        return cls(observed, variable, centre, origin, mean)


def _rows(
    dataset: xr.Dataset,
    variable: str,
    origin: np.datetime64,
    centre: float,
    mean: xr.DataArray | None,
) -> tuple[FloatArray, IndexArray]:
    """Array (time longitude latitude value, line, pixel), and where new passes begin."""
    values = dataset[variable].transpose("time", ...)
    shape = (values.sizes["time"], int(np.prod(values.shape[1:])))
    days = (dataset["time"].values - origin) / DAY
    places = [
        dataset[name].broadcast_like(values).transpose(*values.dims).values.reshape(shape)
        for name in ("longitude", "latitude")
    ]
    rows = np.stack(
        [
            np.repeat(days[:, None], shape[1], axis=1),
            wrap_longitude(places[0], centre),
            places[1].astype(np.float64),
            values.values.astype(np.float64).reshape(shape),
        ]
    )
    if mean is not None:
        at = {"latitude": ("point", rows[2].ravel()), "longitude": ("point", rows[1].ravel())}
        rows[3] -= mean.interp(at, kwargs={"fill_value": None}).values.reshape(shape)
    return rows, np.flatnonzero(begins(dataset))
