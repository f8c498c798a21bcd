"""Sparse looks at an ocean from within and through clouds: where and when, drawn from a seed."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from oceanbench.arrays import AnyFloatArray, BoolArray, FloatArray, IntArray
from oceanbench.observing.boxes import EARTH_RADIUS_KM

_KM_PER_DAY = 86.4  # of 1 m/s


def clear_sky(
    shape: tuple[int, int, int], seed: int, *, cover: float, days: float = 1.0, cells: float = 3.0
) -> BoolArray:
    """Where clouds leave a surface to be seen: (days, rows, columns), true where clear.

    Clouds are where a Gaussian field, smoothed over ``days`` and ``cells``, exceeds the quantile
    that covers the fraction ``cover`` of all.
    """
    noise = np.random.default_rng(seed).standard_normal(shape)
    smooth = ndimage.gaussian_filter(noise, (days, cells, cells), mode="wrap")
    clear: BoolArray = smooth <= np.quantile(smooth, 1.0 - cover)
    return clear


def profile_cells(
    wet: BoolArray, days: int, per_day: int, seed: int
) -> tuple[IntArray, IntArray, IntArray]:
    """Day, row and column of profiles: as many each day, in wet cells drawn without preference."""
    row, column = np.nonzero(wet)
    drawn = np.random.default_rng(seed).integers(0, row.size, days * per_day)
    return np.repeat(np.arange(days), per_day), row[drawn], column[drawn]


def drift(
    east: AnyFloatArray,
    north: AnyFloatArray,
    axes: tuple[FloatArray, FloatArray],
    wet: BoolArray,
    number: int,
    seed: int,
) -> tuple[FloatArray, FloatArray]:
    r"""Paths of drifters that follow daily currents, set out anew where they run ashore.

    One midpoint step a day, in currents bilinear in space:

    .. math:: x_{k+1} = x_k + u(x_k + u(x_k) \Delta t / 2) \Delta t

    Parameters
    ----------
    east, north : (days, rows, columns) m/s, 0 on land
    axes : latitude (rows,) and longitude (columns,), degrees, regular
    wet : (rows, columns) cells where drifters are set out
    number : of drifters
    seed : of their places

    Returns
    -------
    latitude and longitude, (days, number)
    """
    random = np.random.default_rng(seed)
    starts = np.argwhere(wet)
    step = np.array([axis[1] - axis[0] for axis in axes])
    scale = np.deg2rad(EARTH_RADIUS_KM) * np.array([1.0, np.cos(np.deg2rad(axes[0].mean()))]) * step
    place = starts[random.integers(0, len(starts), number)].astype(np.float64)
    path = np.empty((len(east), number, 2))
    for day, (u, v) in enumerate(zip(east, north, strict=True)):
        path[day] = place
        first = place + 0.5 * _cells_per_day(place, u, v, scale)
        place = place + _cells_per_day(first, u, v, scale)
        ashore = ~wet[tuple(np.clip(np.rint(place).astype(int), 0, np.array(wet.shape) - 1).T)]
        place[ashore] = starts[random.integers(0, len(starts), int(ashore.sum()))]
    origin = np.array([axis[0] for axis in axes])
    latitude, longitude = np.moveaxis(origin + step * path, -1, 0)
    return latitude, longitude


def _cells_per_day(
    place: FloatArray, u: AnyFloatArray, v: AnyFloatArray, scale: FloatArray
) -> FloatArray:
    flow = [ndimage.map_coordinates(field, place.T, order=1, mode="nearest") for field in (v, u)]
    moved: FloatArray = np.stack(flow, axis=-1) * _KM_PER_DAY / scale
    return moved
