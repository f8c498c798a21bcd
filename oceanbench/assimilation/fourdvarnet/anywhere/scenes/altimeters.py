"""Random sets of altimeters over a sea: orbits, swaths, errors, gaps, and an early end.

Errors are those of :func:`oceanbench.observing.noise.nadir_error`, white and, in most sets, shared
along a pass; KaRIn's are its random noise and what calibration leaves of those that its lines
share (:mod:`oceanbench.observing.karin_errors`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.random_numbers import log_uniform
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.seas import CELLS, DAYS, Sea
from oceanbench.assimilation.fourdvarnet.maps.map_grid import MapGrid
from oceanbench.assimilation.observations.superobservations import DAY, kilometres
from oceanbench.grid import KM_PER_DEGREE
from oceanbench.observing.boxes import Box
from oceanbench.observing.karin_errors import systematic_error
from oceanbench.observing.noise import karin_error, nadir_error
from oceanbench.observing.orbits import EPOCH, ORBITS, Orbit, nadir_track
from oceanbench.observing.swath import karin_swath

VARIABLE = "ssh"
NADIRS = (
    "topex-poseidon_interleaved",
    "jason1",
    "geosat2",
    "envisat",
    "sentinel3a",
    "sentinel3b",
    "hy2b",
    "cryosat2",
)
COUNTS = (2, 3, 4, 4, 5, 6)  # of nadir altimeters, as likely as each other
WITH_SWATH = 0.5  # of the sets
PIXEL_KM = 9.0  # of the swath
CALIBRATED = (0.0, 1.5)  # factor of the errors that lines of the swath share
WHITE, RED = (0.008, 0.045), (0.006, 0.035)  # m
SECONDS = (60.0, 300.0)  # in which the red error is forgotten
LOST = 0.04  # of the passes
BEYOND_KM = 60.0  # around the scene that altimeters see


@dataclass(frozen=True)
class ScenePlace:
    """Where on the globe a scene lies: its middle, degrees."""

    longitude: float
    latitude: float

    def grid(self, cell_km: float) -> MapGrid:
        """Days and cells of a scene, cells as wide as high in the plane of the middle."""
        cells = np.arange(CELLS, dtype=np.float64) - (CELLS - 1) / 2.0
        cells = cells * (cell_km / KM_PER_DEGREE)
        shrink = float(np.cos(np.deg2rad(self.latitude)))
        days = (EPOCH + np.arange(DAYS) * DAY).astype("datetime64[ns]")
        return MapGrid(days, self.latitude + cells, self.longitude + cells / shrink)

    def box(self, reach_km: float) -> Box:
        """West, east, south and north, so far from the middle."""
        reach = reach_km / KM_PER_DEGREE
        wide = reach / np.cos(np.deg2rad(self.latitude))
        west, east = self.longitude - wide, self.longitude + wide
        return west, east, self.latitude - reach, self.latitude + reach


@dataclass(frozen=True)
class AltimeterErrors:
    """Standard deviations of the errors of a set, m, and the memory of the red one, s."""

    white: float
    red: float
    seconds: float


def draw_place(random: np.random.Generator, sea: Sea) -> ScenePlace:
    """Draw a place at one of a sea's latitudes."""
    first, last = sea.latitudes
    latitude = first + (last - first) * random.random()
    return ScenePlace(random.uniform(20.0, 340.0), latitude)


def draw_errors(random: np.random.Generator) -> AltimeterErrors:
    """Draw errors; three sets in ten have no red one."""
    red = log_uniform(random, *RED) if random.random() < 0.7 else 0.0
    return AltimeterErrors(log_uniform(random, *WHITE), red, random.uniform(*SECONDS))


def observed(
    random: np.random.Generator,
    sea: Sea,
    land: BoolArray,
    place: ScenePlace,
    errors: AltimeterErrors,
) -> dict[str, xr.Dataset]:
    """Tracks and, in half of the sets, a swath, as a challenge gives them to a method.

    Parameters
    ----------
    random : of the set, its orbits, errors, gaps and end
    sea : that is observed
    land : (cells, cells) of the scene, where nothing is
    place : of the scene
    errors : of the nadir altimeters
    """
    names = list(random.choice(NADIRS, size=random.choice(COUNTS), replace=False))
    if random.random() < WITH_SWATH:
        names.append("swot")
    end = DAYS - 1.0 if random.random() < 0.4 else random.uniform(20.0, 33.0)
    box = place.box(CELLS / 2 * sea.cell_km + BEYOND_KM)
    period = (EPOCH, EPOCH + np.timedelta64(round(86_400 * end), "s"))
    found = {}
    for name in map(str, names):
        seed = int(random.integers(2**31))
        orbit = replace(
            ORBITS[name],
            node_longitude=random.uniform(0.0, 360.0),
            phase_days=random.uniform(0.0, 30.0),
        )
        fly = _swath if name == "swot" else _track
        points = fly(orbit, box, period, errors, seed)
        lost = np.unique(points["track"])
        lost = lost[random.random(lost.size) < LOST]
        points = points.isel(time=~np.isin(points["track"], lost))
        if points.sizes["time"]:
            found[name] = _seen(points, sea, land, place)
    return found


def _track(
    orbit: Orbit,
    box: Box,
    period: tuple[np.datetime64, np.datetime64],
    errors: AltimeterErrors,
    seed: int,
) -> xr.Dataset:
    points = nadir_track(orbit, box, *period).drop_vars("cycle")
    error = nadir_error(
        points,
        seed=seed,
        white=errors.white,
        correlated=errors.red,
        decorrelation_seconds=errors.seconds,
    )
    return points.assign(error=error).assign_attrs(layout="track", role="observations")


def _swath(
    orbit: Orbit,
    box: Box,
    period: tuple[np.datetime64, np.datetime64],
    errors: AltimeterErrors,
    seed: int,
) -> xr.Dataset:
    random = np.random.default_rng(seed)
    points = karin_swath(orbit, box, *period, along_track_km=PIXEL_KM, cross_track_km=PIXEL_KM)
    noise = karin_error(
        points,
        seed=seed,
        significant_wave_height=random.uniform(0.0, 6.0),
        pixel_km2=PIXEL_KM**2,
    )
    shared = systematic_error(points, seed=seed + 1, decorrelation_seconds=errors.seconds)
    error = noise + random.uniform(*CALIBRATED) * shared
    return points.assign(error=error).assign_attrs(layout="swath", role="observations")


def _seen(points: xr.Dataset, sea: Sea, land: BoolArray, place: ScenePlace) -> xr.Dataset:
    """Points with what is seen there in place of the error: NaN on land."""
    names = ("longitude", "latitude", "error")
    longitude, latitude, error = (points[name].values for name in names)
    east, north = kilometres(longitude, latitude, (place.longitude, place.latitude))
    days: FloatArray = (points["time"].values - EPOCH) / DAY
    days = days.reshape(-1, *[1] * (error.ndim - 1))
    inside = np.isfinite(longitude)
    north, east = (np.where(inside, a, 0.0) for a in (north, east))
    rows, columns = (
        np.clip(np.rint(a / sea.cell_km + (CELLS - 1) / 2.0), 0, CELLS - 1).astype(int)
        for a in (north, east)
    )
    height = sea.height(days, north, east) + error
    height = np.where(inside & ~land[rows, columns], height, np.nan)
    return points.drop_vars("error").assign(
        {VARIABLE: (points["error"].dims, height, {"units": "m"})}
    )
