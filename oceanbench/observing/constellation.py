"""A sea seen by several altimeters, as a challenge gives them to a method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from oceanbench.errors import OceanbenchError
from oceanbench.observing.boxes import Box
from oceanbench.observing.karin_errors import systematic_error
from oceanbench.observing.noise import karin_error, nadir_error
from oceanbench.observing.orbits import ORBITS, find_orbit, nadir_track
from oceanbench.observing.sampling import sample
from oceanbench.observing.swath import karin_swath

SWATHS = ("swot", "swot_calval")  # the missions that have one; all others see their nadir


def constellation(
    truth: xr.DataArray,
    missions: Sequence[str],
    *,
    seed: int,
    errors: float = 1.0,
    sea: xr.DataArray | None = None,
    pixel_km: float = 8.0,
) -> dict[str, xr.Dataset]:
    """Observations of a sea by altimeters on their orbits, wherever they pass over its maps.

    Nadir altimeters sample at 1 Hz with the errors of
    :func:`oceanbench.observing.noise.nadir_error`; a swath has those of
    :func:`oceanbench.observing.noise.karin_error` and
    :func:`oceanbench.observing.karin_errors.systematic_error`. What a mission sees, and its errors,
    are the same whichever others fly, and errors of another size are multiples of each other.

    Parameters
    ----------
    truth : (time, latitude, longitude), metres, without holes
    missions : names in :data:`oceanbench.observing.orbits.ORBITS`
    seed : of the errors
    errors : by which they are multiplied; 0 for none
    sea : (latitude, longitude), bool on the nodes of the truth, where it is known and not only
        filled; a sample belongs to the nearest node. By default everywhere
    pixel_km : side of the pixels of a swath

    Returns
    -------
    dict of Dataset by mission, with the variable of the truth and ``track``, the number of the
    pass; attributes ``role`` and ``layout`` are those that methods look at. Samples on land are
    left out of tracks, and missing in swaths

    Raises
    ------
    OceanbenchError
        if a mission is unknown, or ``errors`` negative
    """
    if errors < 0:
        raise OceanbenchError(f"errors: found {errors}, expected a factor of 0 or more")
    found = {}
    for mission in missions:
        own = 1000 * seed + list(ORBITS).index(mission) if mission in ORBITS else 0
        fly = _swath if mission in SWATHS else _track
        found[mission] = fly(truth, mission, own, errors, sea, pixel_km)
    return found


def _track(
    truth: xr.DataArray,
    mission: str,
    seed: int,
    errors: float,
    sea: xr.DataArray | None,
    _: float,
) -> xr.Dataset:
    points = nadir_track(find_orbit(mission), *_reach(truth)).drop_vars("cycle")
    points = points.set_coords(["longitude", "latitude"])
    values = sample(truth, points) + errors * nadir_error(points, seed=seed)
    seen = points.assign({str(truth.name): values.assign_attrs(truth.attrs)})
    if sea is not None:
        seen = seen.isel(time=_on_sea(seen, sea).values)
    return seen.assign_attrs(role="observations", layout="track")


def _swath(
    truth: xr.DataArray,
    mission: str,
    seed: int,
    errors: float,
    sea: xr.DataArray | None,
    pixel_km: float,
) -> xr.Dataset:
    points = karin_swath(
        find_orbit(mission), *_reach(truth), along_track_km=pixel_km, cross_track_km=pixel_km
    ).set_coords(["longitude", "latitude"])
    error = karin_error(points, seed=seed, pixel_km2=pixel_km**2)
    error = error + systematic_error(points, seed=seed + 500)
    values = sample(truth, points) + errors * error
    if sea is not None:
        values = values.where(_on_sea(points, sea))
    seen = points.assign({str(truth.name): values.assign_attrs(truth.attrs)})
    return seen.assign_attrs(role="observations", layout="swath")


def _reach(truth: xr.DataArray) -> tuple[Box, np.datetime64, np.datetime64]:
    """Box, first and last moment of maps."""
    (west, east), (south, north) = (
        (float(truth[name].min()), float(truth[name].max())) for name in ("longitude", "latitude")
    )
    times = truth["time"].values
    return (west, east, south, north), times.min(), times.max()


def _on_sea(points: xr.Dataset, sea: xr.DataArray) -> xr.DataArray:
    """Whether the nearest node is sea; a pixel without a place is at the first one."""
    place = {name: points[name].fillna(sea[name][0]) for name in ("longitude", "latitude")}
    return sea.sel(place, method="nearest").drop_vars(["longitude", "latitude"])
