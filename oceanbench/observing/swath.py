"""Pixels of a wide-swath altimeter (SWOT's KaRIn): two bands beside the nadir of an orbit."""

from __future__ import annotations

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.errors import OceanbenchError
from oceanbench.observing.boxes import EARTH_RADIUS_KM, Box, into_box
from oceanbench.observing.orbits import Orbit, ground_track, pass_numbers, times_near


def karin_swath(
    orbit: Orbit,
    box: Box,
    start: np.datetime64,
    end: np.datetime64,
    *,
    along_track_km: float = 2.0,
    cross_track_km: float = 2.0,
    half_gap_km: float = 10.0,
    half_swath_km: float = 60.0,
) -> xr.Dataset:
    r"""Lay the pixels of a two-band swath wherever they lie inside a box.

    The pixel at the signed distance :math:`x` (positive to the right of the flight) is reached
    from the nadir along the great circle perpendicular to the heading,

    .. math::
        \sin \phi_x = \sin \phi \cos d + \cos \phi \sin d \cos \alpha, \quad
        \lambda_x = \lambda
        + \mathrm{atan2}(\sin \alpha \sin d \cos \phi, \cos d - \sin \phi \sin \phi_x),

    with :math:`d = x / R`, :math:`\alpha` the heading plus 90 degrees, :math:`R` `EARTH_RADIUS_KM`.

    Parameters
    ----------
    orbit : Orbit
    box : (longitude_min, longitude_max, latitude_min, latitude_max), degrees, any convention
    start, end : datetime64; start is included, end is not
    along_track_km : spacing of the lines at the orbit's mean ground speed (the rotation of the
        Earth changes the true spacing by a few per cent)
    cross_track_km : spacing of the pixels of a line
    half_gap_km, half_swath_km : smallest and largest distance of a pixel to the nadir; the
        defaults, those of the instrument's requirements, give the challenges' 52 columns

    Returns
    -------
    Dataset (time, cross_track), datetime64[ns]: `longitude` (in the convention of the box) and
    `latitude` in degrees, NaN outside the box; `track` (time), the number of the pass; coordinate
    `cross_track_distance` (cross_track), km. Lines without a pixel in the box are left out.

    Raises
    ------
    OceanbenchError
        the box, the interval or the geometry of the swath is not one

    References
    ----------
    Fu et al. (2024), The Surface Water and Ocean Topography Mission, doi:10.1029/2023GL107652.
    """
    distance = _cross_track_distances(along_track_km, cross_track_km, half_gap_km, half_swath_km)
    seconds = along_track_km / orbit.ground_speed
    time = times_near(orbit, box, start, end, seconds=seconds, reach_km=half_swath_km)
    nadir_longitude, nadir_latitude, heading = (a[:, np.newaxis] for a in ground_track(orbit, time))
    longitude, latitude = _destination(nadir_longitude, nadir_latitude, heading + 90.0, distance)
    longitude, inside = into_box(longitude, latitude, box)
    lines = inside.any(axis=1)
    longitude, latitude = (np.where(inside, a, np.nan)[lines] for a in (longitude, latitude))
    track, _ = pass_numbers(orbit, time[lines])
    dims = ("time", "cross_track")
    return xr.Dataset(
        {
            "longitude": (dims, longitude, {"units": "degrees_east"}),
            "latitude": (dims, latitude, {"units": "degrees_north"}),
            "track": ("time", track, {"long_name": "pass number"}),
        },
        coords={
            "time": time[lines],
            "cross_track_distance": ("cross_track", distance, {"units": "km"}),
        },
    )


def _cross_track_distances(
    along_track_km: float, cross_track_km: float, half_gap_km: float, half_swath_km: float
) -> FloatArray:
    if not (along_track_km > 0.0 and cross_track_km > 0.0 and 0.0 < half_gap_km <= half_swath_km):
        raise OceanbenchError(
            f"swath: found along_track_km={along_track_km}, cross_track_km={cross_track_km},"
            f" half_gap_km={half_gap_km}, half_swath_km={half_swath_km}; expected positive spacings"
            " and 0 < half_gap_km <= half_swath_km"
        )
    columns = int(np.floor((half_swath_km - half_gap_km) / cross_track_km + 1e-9)) + 1
    right = half_gap_km + cross_track_km * np.arange(columns, dtype=np.float64)
    return np.concatenate([-right[::-1], right])


def _destination(
    longitude: FloatArray, latitude: FloatArray, azimuth: FloatArray, distance_km: FloatArray
) -> tuple[FloatArray, FloatArray]:
    arc = distance_km / EARTH_RADIUS_KM
    phi, alpha = np.deg2rad(latitude), np.deg2rad(azimuth)
    sine = np.sin(phi) * np.cos(arc) + np.cos(phi) * np.sin(arc) * np.cos(alpha)
    turn = np.arctan2(np.sin(alpha) * np.sin(arc) * np.cos(phi), np.cos(arc) - np.sin(phi) * sine)
    return longitude + np.rad2deg(turn), np.rad2deg(np.arcsin(np.clip(sine, -1.0, 1.0)))
