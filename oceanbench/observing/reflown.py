"""The same altimeters on other days: new observations of a known ocean, for methods that learn.

Where a truth is known, the observations at hand tell both where altimeters fly and how they err.
Fly them some days later and some degrees farther east, and their observations are new: other points
of the truth, with errors that real ones had, correlated along the pass as those were.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.observing.sampling import known_at, sample

DAY = np.timedelta64(1, "D")


def reflown(
    track: xr.Dataset,
    truth: xr.DataArray,
    *,
    days: float,
    degrees: float,
    sea: xr.DataArray | None = None,
    over: xr.DataArray | None = None,
) -> xr.Dataset:
    r"""Observations of a truth along a track that is shifted in time and longitude.

    .. math:: y'(t + \Delta t, \lambda + \Delta\lambda, \phi)
        = x(t + \Delta t, \lambda + \Delta\lambda, \phi) + (y - x)(t, \lambda, \phi)

    Shifts are cyclic within the days and the longitudes of the truth.

    Parameters
    ----------
    track : observations of the truth's variable along ``time``, with ``longitude``, ``latitude``
        and, where it is known, ``track``, the number of the pass
    truth : (time, latitude, longitude) without holes, on regular axes
    days, degrees : by which the altimeter flies later and farther east
    sea : bool, where the truth is known and not only filled; samples that lie or come to lie
        elsewhere are left out. By default everywhere
    over : another ocean of the same days, as wide as the truth at least, which is observed in its
        place with the errors that the truth was observed with

    Returns
    -------
    Dataset (time) of the observations inside the days and the box of the truth, in the order of
    time; a pass that is cut where the box ends has two numbers

    Raises
    ------
    OceanbenchError
        if no observation is inside
    """
    name = str(truth.name)
    times, east = truth["time"].values, np.sort(truth["longitude"].values)
    north = np.sort(truth["latitude"].values)
    longitude = east[0] + (track["longitude"].values - east[0]) % 360.0
    inside = (longitude <= east[-1]) & np.isfinite(track[name].values)
    inside &= (track["latitude"].values >= north[0]) & (track["latitude"].values <= north[-1])
    inside &= (track["time"].values >= times[0]) & (track["time"].values <= times[-1])
    if not inside.any():
        raise OceanbenchError(
            f"no observation of '{name}' lies in the days and the box of its truth; expected some"
        )
    here = track.isel(time=inside).assign_coords(longitude=("time", longitude[inside]))
    if sea is not None:
        here = here.isel(time=known_at(sea, here))
    error = here[name].values - sample(truth, here).values
    moved = _cyclic(here["longitude"].values + degrees, east[0], east[-1])
    later = (here["time"].values - times[0]) / DAY + days
    later = _cyclic(later, 0.0, (times[-1] - times[0]) / DAY)
    begins = np.abs(np.diff(moved, prepend=moved[0])) > (east[-1] - east[0]) / 2.0
    if "track" in here:
        begins |= np.diff(here["track"].values, prepend=here["track"].values[0]) != 0
    flown = xr.Dataset(
        {"track": ("time", np.cumsum(begins))},
        {
            "time": times[0] + np.round(later * 86_400e9).astype("timedelta64[ns]"),
            "longitude": ("time", moved),
            "latitude": ("time", here["latitude"].values),
        },
        attrs=track.attrs,
    )
    if sea is not None:
        kept = known_at(sea, flown)
        flown, error = flown.isel(time=kept), error[kept]
    below = truth if over is None else over
    flown[name] = ("time", sample(below, flown).values + error, track[name].attrs)
    return flown.sortby("time")


def _cyclic(values: np.ndarray, first: float, last: float) -> np.ndarray:
    return first + (values - first) % (last - first)
