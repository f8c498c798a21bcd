r"""A sea that a scene sees: a world of some physics, as no one has seen it before.

.. math:: h(t, y, x) = A \, w\!\left( \frac{t}{\sigma}, R_\theta \frac{(y, x)}{\ell} \right)
    + m(y, x) + b \, t + c \sin\frac{t}{20}

w is a simulated world or a Gaussian field, stretched in time and space, turned; A its amplitude, m
a mean field and the rest a trend that all of the sea shares. Times are days, places kilometres from
the middle. A known sea is as it is; how smooth that is is not known, and it says either, so that a
network which learns from it does not mind.

Half of the others are as smooth as operational maps, which are what is known of a real sea
everywhere: w is then the mean over its neighbours in space and in days, with Gaussian weights, and
has the less height for it unless it is Gaussian.

A simulated world keeps its dynamics: its streamfunction :math:`\psi = g h / f` grows by
:math:`\ell^2 / \sigma`, so that currents carry what they carried, and :math:`\beta`, which falls
by :math:`1 / (\ell \sigma)`, is that of the place where it then lies,

.. math:: \cos\varphi' = \frac{\cos\varphi}{\ell \sigma}, \qquad
    A = \frac{\sin\varphi'}{\sin\varphi} \frac{\ell^2}{\sigma} .

With north and south exchanged it is one of the other hemisphere, its waves still going west. Its
mean is its own: another one would not carry it. A Gaussian field, which has no dynamics, has any
amplitude and any mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.gaussian_fields import gaussian_field
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.random_numbers import (
    log_uniform,
    smooth_field,
)
from oceanbench.assimilation.fourdvarnet.anywhere.worlds.simulations import World, read_world

CELLS, DAYS = 48, 39  # of a scene: along each side; in time
CELLS_KM = (14.0, 24.0)  # side of a cell
SPAN_KM = CELLS * CELLS_KM[0]  # that a known sea has at least
LATITUDES = (25.0, 58.0)  # of the places that a sea may be at, degrees
GAUSSIAN = 0.3  # of the seas have no dynamics
STRETCHED = ((0.8, 1.6), (0.6, 1.4))  # lengths and times of a simulated world
TURN = 0.35  # of a simulated world's axes, at the most: waves go west, or nearly so
SMOOTHED = 0.5  # of the seas are as smooth as operational maps
SMOOTHING = ((15.0, 55.0), (0.0, 6.0))  # deviations of the Gaussian weight, km and days
TURNED = 1.45  # of a side of the scene that a world must be wide to be turned
AMPLITUDES = (0.015, 0.30)  # m


@dataclass(frozen=True)
class Sea:
    """Sea level in metres at any time and place.

    Attributes
    ----------
    maps : (steps, n, n) of the world, periodic in space
    climate : (n, n), their long mean, or zero where none is known
    step_days, step_km : between them, and between their points
    cell_km : side of a cell of the scene
    turn, origin : angle of the scene's axes, and where its middle is in the world, points
    latitudes : of the places that it may be at
    amplitude : A, by which the maps are multiplied
    mean : (cells, cells) of the scene, m
    trend : b and c, m a day and m
    dry : (n, n) of a known sea, where its land is
    smooth_km : deviation of the Gaussian weights by which it was smoothed
    """

    maps: NDArray[np.floating[Any]]
    climate: NDArray[np.floating[Any]]
    step_days: float
    step_km: float
    cell_km: float
    turn: float = 0.0
    origin: tuple[float, float] = (0.0, 0.0)
    latitudes: tuple[float, float] = LATITUDES
    amplitude: float = 1.0
    mean: FloatArray = field(default_factory=lambda: np.zeros((CELLS, CELLS)))
    trend: tuple[float, float] = (0.0, 0.0)
    dry: BoolArray | None = None
    smooth_km: float = 0.0

    @property
    def axis(self) -> FloatArray:
        """Distances of the cells from the middle, km."""
        cells = np.arange(CELLS, dtype=np.float64) - (CELLS - 1) / 2.0
        return cells * self.cell_km

    def height(self, days: FloatArray, north: FloatArray, east: FloatArray) -> FloatArray:
        """Sea level, m, at days and distances from the middle, km, which broadcast."""
        slope, wave = self.trend
        steady = self.steady(north, east)
        return self.moving(days, north, east) + steady + slope * days + wave * np.sin(days / 20.0)

    def moving(self, days: FloatArray, north: FloatArray, east: FloatArray) -> FloatArray:
        """Height of the world itself, with neither mean nor trend."""
        later = np.clip(days / self.step_days, 0.0, len(self.maps) - 1.0)
        places = np.broadcast_arrays(later, *self._places(north, east))
        found: FloatArray = map_coordinates(self.maps, places, np.float64, 1, mode=self._edge)
        return self.amplitude * found

    def deviation(self) -> float:
        """Of the moving part over the scene, m."""
        some = np.meshgrid(np.arange(0.0, DAYS, 6.0), self.axis, self.axis, indexing="ij")
        return float(self.moving(*some).std())

    def of_deviation(self, deviation: float) -> Sea:
        """Sea whose moving part has a deviation over the scene, m."""
        return replace(self, amplitude=self.amplitude * deviation / max(self.deviation(), 1e-6))

    def smoothed(self, km: float, days: float) -> Sea:
        """Sea of means over neighbours, with Gaussian weights of these deviations."""
        width = km / self.step_km
        widths = (days / self.step_days, width, width)
        maps = gaussian_filter(self.maps, widths, mode=("nearest", "wrap", "wrap"))
        climate = gaussian_filter(self.climate, width, mode="wrap")
        smooth_km = float(np.hypot(self.smooth_km, km))
        return replace(self, maps=maps, climate=climate, smooth_km=smooth_km)

    def steady(self, north: FloatArray, east: FloatArray) -> FloatArray:
        """Mean field m, beyond the scene that of its edge."""
        rows = [a / self.cell_km + (CELLS - 1) / 2.0 for a in (north, east)]
        found: FloatArray = map_coordinates(
            self.mean, np.broadcast_arrays(*rows), order=1, mode="nearest"
        )
        return found

    def known_mean(self, north: FloatArray, east: FloatArray) -> FloatArray:
        """What a mean dynamic topography would tell: m, and the long mean of the world."""
        places = np.broadcast_arrays(*self._places(north, east))
        world: FloatArray = map_coordinates(self.climate, places, np.float64, 1, mode=self._edge)
        return self.steady(north, east) + self.amplitude * world

    def land(self) -> BoolArray | None:
        """Land (cells, cells) of a known sea."""
        if self.dry is None:
            return None
        places = np.broadcast_arrays(*self._places(self.axis[:, None], self.axis))
        rows, columns = (
            np.clip(np.rint(a), 0, size - 1).astype(int)
            for a, size in zip(places, self.dry.shape, strict=True)
        )
        found: BoolArray = self.dry[rows, columns]
        return found

    @property
    def _edge(self) -> Literal["grid-wrap", "nearest"]:
        """What is beyond the maps: the other side of a world, the coast of a known sea."""
        return "grid-wrap" if self.dry is None else "nearest"

    def _places(self, north: FloatArray, east: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Rows and columns of the world."""
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        rows = (cos * north + sin * east) / self.step_km + self.origin[0]
        columns = (cos * east - sin * north) / self.step_km + self.origin[1]
        return rows, columns


def draw_sea(
    random: np.random.Generator, worlds: Sequence[Path], *, gaussian: float = GAUSSIAN
) -> Sea:
    """Draw a sea.

    Parameters
    ----------
    random : of the draw
    worlds : files of simulated worlds; without any all seas are Gaussian
    gaussian : how likely it is that it has no dynamics
    """
    simulated = bool(worlds) and random.random() >= gaussian
    if simulated:
        world = read_world(worlds[int(random.integers(len(worlds)))])
        if world.land is not None:
            return _known_sea(random, world, world.land)
        sea = _simulated_sea(random, world)
    else:
        sea = _gaussian_sea(random)
    if random.random() < SMOOTHED:
        smooth = sea.smoothed(*(random.uniform(*widths) for widths in SMOOTHING))
        sea = smooth if simulated else smooth.of_deviation(sea.deviation())
    if random.random() < 0.6:
        slope, wave = sea.deviation() * random.standard_normal(2) * (0.5 / DAYS, 0.3)
        sea = replace(sea, trend=(slope, wave))
    return sea


def _gaussian_sea(random: np.random.Generator) -> Sea:
    """Sea of any amplitude, in three of five cases with a mean field."""
    cell_km = log_uniform(random, *CELLS_KM)
    maps = gaussian_field(random, cell_km, DAYS + 1)
    size = maps.shape[1]
    sea = Sea(
        maps,
        np.zeros_like(maps[0]),
        step_days=1.0,
        step_km=cell_km,
        cell_km=cell_km,
        latitudes=_of_hemisphere(*LATITUDES, southern=bool(random.random() < 0.5)),
        origin=(random.uniform(0, size), random.uniform(0, size)),
    )
    amplitude = log_uniform(random, *AMPLITUDES)
    sea = sea.of_deviation(amplitude)
    if random.random() < 0.6:
        wavelength = log_uniform(random, 400.0, 1500.0)
        field = smooth_field(random, 2 * CELLS, sea.cell_km, wavelength)[:CELLS, :CELLS]
        sea = replace(sea, mean=amplitude * random.uniform(0.0, 1.5) * field)
    return sea


def _of_hemisphere(first: float, last: float, *, southern: bool) -> tuple[float, float]:
    return (-first, -last) if southern else (first, last)


def _known_sea(random: np.random.Generator, world: World, land: BoolArray) -> Sea:
    """Some days and a part of a known sea; where it has fewer, they run back again."""
    size = np.array(world.height.shape[1:])
    cells = (CELLS_KM[0], min(CELLS_KM[1], float(size.min() - 1) * world.spacing_km / CELLS))
    cell_km = log_uniform(random, cells[0], max(cells))
    half = (CELLS - 1) / 2.0 * cell_km / world.spacing_km
    free = np.maximum(size - 1 - 2.0 * half, 0.0)
    rows, columns = half + free * random.random(2)
    first = random.integers(max(len(world.height) - DAYS, 0) + 1)
    maps = world.height[first : first + DAYS + 1].astype(np.float32)
    lacking = DAYS + 1 - len(maps)
    told = random.uniform(*SMOOTHING[0]) if random.random() < SMOOTHED else 0.0
    maps = np.pad(maps, ((0, lacking), (0, 0), (0, 0)), mode="reflect")
    climate = world.height.mean(0, dtype=np.float32)
    return Sea(
        maps,
        climate,
        1.0,
        world.spacing_km,
        cell_km,
        origin=(rows, columns),
        latitudes=(world.latitude, world.latitude),
        dry=land,
        smooth_km=told,
    )


def _simulated_sea(random: np.random.Generator, world: World) -> Sea:
    """Some days and a part of a simulated world, stretched, where its dynamics would be so."""
    longer, slower = (log_uniform(random, *factors) for factors in STRETCHED)
    step_km = longer * world.spacing_km
    size = world.height.shape[1]
    cell_km = min(log_uniform(random, *CELLS_KM), size * step_km / CELLS)
    free = size * step_km > TURNED * CELLS * cell_km
    count = int(DAYS / slower) + 2
    first = random.integers(max(len(world.height) - count, 0) + 1)
    maps = world.height[first : first + count].astype(np.float32)
    climate = world.height.mean(0, dtype=np.float32)
    southern = bool(random.random() < 0.5)
    if southern:
        maps, climate = maps[:, ::-1], climate[::-1]
    gradient = np.cos(np.deg2rad(world.latitude)) / (longer * slower)
    latitude = float(np.clip(np.rad2deg(np.arccos(min(gradient, 1.0))), *LATITUDES))
    rotation = np.sin(np.deg2rad(latitude)) / np.sin(np.deg2rad(world.latitude))
    return Sea(
        maps,
        climate,
        step_days=slower,
        step_km=step_km,
        cell_km=cell_km,
        turn=random.uniform(-TURN, TURN) if free else 0.0,
        origin=(random.uniform(0, size), random.uniform(0, size)),
        latitudes=_of_hemisphere(latitude, latitude, southern=southern),
        amplitude=world.unit * float(rotation) * longer**2 / slower,
    )
