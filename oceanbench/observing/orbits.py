"""Ground tracks of repeat altimeters, from orbital elements alone.

A repeat orbit is fixed by its inclination and by three numbers of its cycle: so many revolutions
in so many nodal days in so many days. Inclination, repeat, spacing of the tracks and order in
which they are flown are those of the missions; the *phase* (where a track lies, when it is flown)
is not the real one. Only `swot` follows the public ephemeris of its science orbit (within 1 km over
a cycle), as if that had begun at `EPOCH`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import xarray as xr

from oceanbench.arrays import FloatArray, IntArray, TimeArray
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.observing.boxes import (
    EARTH_RADIUS_KM,
    Box,
    into_box,
    modulo,
    refuse_wrong_box,
    widened,
)

EPOCH = np.datetime64("2012-10-01T00:00:00", "ns")
"""Origin of `Orbit.phase_days`: arbitrary (it opens data challenge 2020a), and no earliest time."""

_EQUATORIAL_RADIUS = 6378137.0  # m, WGS 84
_ECCENTRICITY_SQUARED = 6.69437999014e-3  # of the WGS 84 ellipsoid
_DAY = 86400.0  # s
_DAY_NS = 86_400_000_000_000

_SCAN_SECONDS = 20.0


@dataclass(frozen=True)
class Orbit:
    """A frozen repeat orbit: its geometry, its cycle and its phase.

    `revolutions`, `nodal_days` and `cycle_days` make one cycle; `altitude_km` is above the
    equatorial radius; the perigee is locked at 90 degrees. The satellite crosses the equator
    northward at `node_longitude` (degrees east), `phase_days` days after `EPOCH`.
    """

    inclination_degrees: float
    revolutions: int
    nodal_days: int
    cycle_days: float
    altitude_km: float
    eccentricity: float
    node_longitude: float = 0.0
    phase_days: float = 0.0

    @property
    def ground_speed(self) -> float:
        """Mean speed of the nadir point, km/s, rotation of the Earth aside."""
        circumference = 2.0 * np.pi * EARTH_RADIUS_KM
        return float(circumference * self.revolutions / (self.cycle_days * _DAY))


_JASON = (66.039, 127, 10, 9.9156, 1336.0, 9.5e-5)
_ENVISAT = (98.543, 501, 35, 35.0, 784.0, 1.165e-3)
_SENTINEL3 = (98.65, 385, 27, 27.0, 801.0, 1.148e-3)
_JASON_NODE = 99.9242

ORBITS: Mapping[str, Orbit] = MappingProxyType(
    {
        "topex-poseidon": Orbit(*_JASON, _JASON_NODE),
        "topex-poseidon_interleaved": Orbit(*_JASON, _JASON_NODE + 180.0 / 127),
        "jason1": Orbit(*_JASON, _JASON_NODE),
        "jason1_interleaved": Orbit(*_JASON, _JASON_NODE + 180.0 / 127, 4.9578),
        "geosat2": Orbit(108.04, 244, 17, 17.0505, 788.0, 8.0e-4, 0.3, 0.31),
        "envisat": Orbit(*_ENVISAT, 0.17, 0.57),
        "altika": Orbit(*_ENVISAT, 0.17, 0.57),
        "sentinel3a": Orbit(*_SENTINEL3, 0.0, 0.2),
        "sentinel3b": Orbit(*_SENTINEL3, 180.0 / 385, 0.2),
        "hy2b": Orbit(99.34, 193, 14, 14.0, 971.0, 1.17e-3, 0.4, 0.45),
        "cryosat2": Orbit(92.03, 5344, 369, 368.24, 717.0, 1.4e-3, 0.1, 0.7),
        "swot": Orbit(77.592, 292, 21, 20.86455, 890.582, 1.045e-3, 48.2536, -0.03567943),
        "swot_calval": Orbit(77.592, 14, 1, 0.99349, 857.244, 1.045e-3, 73.879983, -0.03543458),
    }
)
"""Orbits by mission. Missions that shared an orbit (topex-poseidon and jason1; envisat and altika)
share it here, phase included: shift `phase_days` by `dataclasses.replace` to fly them together."""


def find_orbit(mission: str) -> Orbit:
    """Return the orbit of a mission of `ORBITS`; refuse an unknown name with a suggestion."""
    if mission not in ORBITS:
        raise OceanbenchError(f"unknown mission {mission!r}; {did_you_mean(mission, ORBITS)}")
    return ORBITS[mission]


def ground_track(orbit: Orbit, time: npt.ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    r"""Nadir of the satellite: the foot of its vertical on the WGS 84 ellipsoid.

    With :math:`N` revolutions and :math:`D` nodal days in a cycle :math:`T`, :math:`t` counted
    from the phase, the longitude :math:`\lambda` and the geocentric latitude :math:`\phi'` are

    .. math::
        M = 2 \pi N t / T, \quad u = M - 2 e (\cos M - 1), \quad \sin \phi' = \sin i \sin u,

        \lambda = \lambda_0 + \mathrm{atan2}(\cos i \sin u, \cos u) - 2 \pi D t / T .

    Parameters
    ----------
    orbit : Orbit
    time : array_like of datetime64, any shape, UTC

    Returns
    -------
    longitude : array, degrees east in [0, 360)
    latitude : array, geodetic, degrees north
    heading : array, degrees clockwise from north in [-180, 180]
    """
    days = _days_since_phase(orbit, np.asarray(time, dtype="datetime64[ns]"))
    longitude, latitude = _nadir(orbit, days)
    half_second = 0.5 / _DAY
    west, south = _nadir(orbit, days - half_second)
    east, north = _nadir(orbit, days + half_second)
    eastward = (modulo(east - west + 180.0) - 180.0) * np.cos(np.deg2rad(latitude))
    return longitude, latitude, np.rad2deg(np.arctan2(eastward, north - south))


def nadir_track(
    orbit: Orbit, box: Box, start: np.datetime64, end: np.datetime64, *, rate_hz: float = 1.0
) -> xr.Dataset:
    """Sample the nadir of a satellite wherever it lies inside a box.

    Samples fall on whole periods since `EPOCH` (a period is rounded to 1 ns), so that the tracks
    of two neighbouring intervals are the track of their union.

    Parameters
    ----------
    orbit : Orbit
    box : (longitude_min, longitude_max, latitude_min, latitude_max), degrees, any convention of
        longitude: (-5, 5, ...) and (355, 365, ...) are the same box
    start, end : datetime64; start is included, end is not
    rate_hz : samples per second

    Returns
    -------
    Dataset (time), datetime64[ns]: `longitude` (in the convention of the box) and `latitude` in
    degrees; `track`, the number of the pass, from one extreme latitude to the next, unique over
    all cycles; `cycle`, the number of the repeat cycle

    Raises
    ------
    OceanbenchError
        the box, the interval or the rate is not one
    """
    if not 0.0 < rate_hz <= 1e6:
        raise OceanbenchError(f"rate_hz: found {rate_hz}, expected more than 0 and at most 1e6")
    time = times_near(orbit, box, start, end, seconds=1.0 / rate_hz)
    days = _days_since_phase(orbit, time)
    longitude, latitude = _nadir(orbit, days)
    longitude, inside = into_box(longitude, latitude, box)
    track, cycle = pass_numbers(orbit, time[inside])
    return xr.Dataset(
        {
            "longitude": ("time", longitude[inside], {"units": "degrees_east"}),
            "latitude": ("time", latitude[inside], {"units": "degrees_north"}),
            "track": ("time", track, {"long_name": "pass number"}),
            "cycle": ("time", cycle, {"long_name": "repeat cycle number"}),
        },
        coords={"time": time[inside]},
    )


def pass_numbers(orbit: Orbit, time: TimeArray) -> tuple[IntArray, IntArray]:
    """Count passes and repeat cycles at each time, both from 0 at the phase.

    Ascending passes are even; a cycle has 2 * revolutions passes. Earlier times count backwards.
    """
    argument = _argument_of_latitude(orbit, _days_since_phase(orbit, time))
    track = np.floor(argument / np.pi + 0.5).astype(np.int64)
    return track, track // (2 * orbit.revolutions)


def times_near(
    orbit: Orbit,
    box: Box,
    start: np.datetime64,
    end: np.datetime64,
    *,
    seconds: float,
    reach_km: float = 0.0,
) -> TimeArray:
    """Find the whole multiples of `seconds` when the nadir may lie within `reach_km` of a box.

    A scan of one time in 20 s finds the stretches; they are longer than needed, never shorter.
    """
    refuse_wrong_box(box)
    period = max(1, round(seconds * 1e9))
    first, last = (-(-_nanoseconds(bound) // period) for bound in (start, end))
    if not _nanoseconds(start) < _nanoseconds(end):
        raise OceanbenchError(f"start {start} and end {end}: expected two dates in order")
    block = max(1, round(_SCAN_SECONDS / (period * 1e-9)))
    blocks = np.arange(first // block, (last - 1) // block + 1, dtype=np.int64)
    centre = EPOCH + ((blocks * block + block // 2) * period).astype("timedelta64[ns]")
    longitude, latitude = _nadir(orbit, _days_since_phase(orbit, centre))
    # A whole block's way, where half of it is needed: the rotation of the Earth is well inside.
    reach_km += orbit.ground_speed * block * period * 1e-9
    near = into_box(longitude, latitude, widened(box, reach_km))[1]
    index = (blocks[near, np.newaxis] * block + np.arange(block, dtype=np.int64)).ravel()
    index = index[(index >= first) & (index < last)]
    return EPOCH + (index * period).astype("timedelta64[ns]")


def _nadir(orbit: Orbit, days: FloatArray) -> tuple[FloatArray, FloatArray]:
    inclination = np.deg2rad(orbit.inclination_degrees)
    argument = _argument_of_latitude(orbit, days)
    sine, cosine = np.sin(argument), np.cos(argument)
    turn = np.rad2deg(np.arctan2(np.cos(inclination) * sine, cosine))
    # Whole turns are dropped before they are multiplied by 360, which keeps the repeat exact.
    earth = (days * (orbit.nodal_days / orbit.cycle_days)) % 1.0
    longitude = modulo(orbit.node_longitude + turn - 360.0 * earth)
    return longitude, _geodetic_latitude(np.sin(inclination) * sine, orbit.altitude_km)


def _argument_of_latitude(orbit: Orbit, days: FloatArray) -> FloatArray:
    mean = days * (2.0 * np.pi * orbit.revolutions / orbit.cycle_days)
    result: FloatArray = mean - 2.0 * orbit.eccentricity * (np.cos(mean) - 1.0)
    return result


def _geodetic_latitude(sine: FloatArray, altitude_km: float) -> FloatArray:
    radius = _EQUATORIAL_RADIUS + 1e3 * altitude_km
    upward, outward = radius * sine, radius * np.sqrt(1.0 - sine**2)
    latitude = np.arctan2(upward, outward)
    for _ in range(6):  # each pass gains more than two digits
        s = np.sin(latitude)
        normal = _EQUATORIAL_RADIUS / np.sqrt(1.0 - _ECCENTRICITY_SQUARED * s**2)
        latitude = np.arctan2(upward + _ECCENTRICITY_SQUARED * normal * s, outward)
    result: FloatArray = np.rad2deg(latitude)
    return result


def _days_since_phase(orbit: Orbit, time: TimeArray) -> FloatArray:
    nanoseconds = (time - EPOCH).astype("timedelta64[ns]").astype(np.int64)
    result: FloatArray = nanoseconds / _DAY_NS - orbit.phase_days
    return result


def _nanoseconds(date: np.datetime64) -> int:
    return int((date.astype("datetime64[ns]") - EPOCH).astype(np.int64))
