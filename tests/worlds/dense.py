"""Gaussian fields written plainly: explicit inverses and dense products, map by map.

This is how the data challenges' own code computes its baseline; ours must give the same numbers.
Also worlds to map: passes of altimeters over a field drawn from a known covariance.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.gaussian.covariance import ZERO_CROSSING, Covariance
from oceanbench.assimilation.gaussian.optimal_interpolation import Observations
from oceanbench.assimilation.gaussian.posterior_samples import RandomField
from oceanbench.assimilation.observations.superobservations import kilometres

Kernel = Callable[[FloatArray, FloatArray], FloatArray]

DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    ),
]
COVARIANCES = {
    "gaussian": Covariance(90.0, 120.0, 7.0),
    "gaussian, moving": Covariance(90.0, 120.0, 7.0, speed_x=-3.0, speed_y=1.5),
    "arhan": Covariance(200.0, 150.0, 9.0, shape="arhan"),
    "arhan, moving": Covariance(200.0, 150.0, 9.0, speed_x=-4.0, shape="arhan"),
    "arhan, matern": Covariance(200.0, 150.0, 9.0, shape="arhan", memory="matern"),
}
START = np.datetime64("2012-10-22", "ns")
SECOND, DAY = np.timedelta64(10**9, "ns"), np.timedelta64(1, "D")


def gaussian(length_x: float, length_y: float, length_time: float) -> Kernel:
    """Covariance of rows (x, y, time) of points, as the data challenges define it."""

    def kernel(a: FloatArray, b: FloatArray) -> FloatArray:
        dx, dy, dt = (p[:, None] - q for p, q in zip(a, b, strict=True))
        return np.exp(-((dt / length_time) ** 2) - (dx / length_x) ** 2 - (dy / length_y) ** 2)

    return kernel


def kernel_of(c: Covariance) -> Kernel:
    """Covariance of rows (x, y, time) of points, straight from the definition."""

    def kernel(a: FloatArray, b: FloatArray) -> FloatArray:
        dx, dy, dt = (p[:, None] - q for p, q in zip(a, b, strict=True))
        r = np.hypot((dx - c.speed_x * dt) / c.length_x, (dy - c.speed_y * dt) / c.length_y)
        s = ZERO_CROSSING * r
        arhan = (1 + s + s**2 / 6 - s**3 / 6) * np.exp(-s)
        space = np.exp(-(r**2)) if c.shape == "gaussian" else arhan
        t = np.abs(dt / c.length_time)
        return space * (np.exp(-(t**2)) if c.memory == "gaussian" else (1 + t) * np.exp(-t))

    return kernel


def error_of(o: Observations) -> FloatArray:
    """Covariance (n, n) of the observation error."""
    error = np.diag(o.noise)
    if o.track is not None:
        loading = np.ones(o.time.size) if o.loading is None else o.loading
        same = o.track[:, None] == o.track
        error = error + o.correlated * same * np.outer(loading, loading)
    return error


def points_of(o: Observations) -> FloatArray:
    """Rows (x, y, time) of the observations."""
    return np.stack([o.x, o.y, o.time])


def nodes_of(x: FloatArray, y: FloatArray, date: float) -> FloatArray:
    """Rows (x, y, time) of the nodes of a grid, x fastest."""
    grid_y, grid_x = np.meshgrid(y, x, indexing="ij")
    return np.stack([grid_x.ravel(), grid_y.ravel(), np.full(grid_x.size, date)])


def dense_map(
    points: FloatArray,
    value: FloatArray,
    error: FloatArray,
    date: float,
    window: float,
    kernel: Kernel,
    x: FloatArray,
    y: FloatArray,
) -> FloatArray:
    """Map (y, x) at one date.

    Parameters
    ----------
    points : (3, n) x, y and time
    value : (n,) observed there
    error : (n, n) covariance of the observation error
    date, window : observations with \\|time - date\\| < window are used
    kernel : covariance of the field
    x, y : nodes of the grid
    """
    near = np.abs(points[2] - date) < window
    gain = _gain(points[:, near], error[np.ix_(near, near)], nodes_of(x, y, date), kernel)
    return (gain @ value[near]).reshape(len(y), len(x))


def dense_posterior(
    o: Observations, c: Covariance, nodes: FloatArray, *, date: float = 0.0, window: float = np.inf
) -> tuple[FloatArray, FloatArray]:
    """Posterior mean (nodes, ...) and covariance (nodes, nodes) at rows (x, y, time) of nodes."""
    near = np.abs(o.time - date) < window
    points, kernel = points_of(o)[:, near], kernel_of(c)
    gain = _gain(points, error_of(o)[np.ix_(near, near)], nodes, kernel)
    return gain @ o.value[near], kernel(nodes, nodes) - gain @ kernel(points, nodes)


def _gain(points: FloatArray, error: FloatArray, nodes: FloatArray, kernel: Kernel) -> FloatArray:
    return kernel(nodes, points) @ np.linalg.inv(kernel(points, points) + error)


def observed(correlated: float = 0.02, count: int = 300, seed: int = 0) -> Observations:
    """White values at random places and times: 600 km, 35 days, two missions, passes of a day."""
    random = np.random.default_rng(seed)
    time = np.sort(random.uniform(0.0, 35.0, count))
    place = random.uniform(0, 600, (2, count))
    noise = random.choice([0.01, 0.05], count)
    return Observations(
        time, *place, random.standard_normal(count), noise, np.arange(count) // 10, correlated
    )


def draws(covariance: FloatArray, count: int, random: np.random.Generator) -> FloatArray:
    """Samples (n, count) of a Gaussian vector."""
    factor = np.linalg.cholesky(covariance + 1e-9 * np.eye(len(covariance)))
    return factor @ random.standard_normal((len(covariance), count))


def altimeters(
    c: Covariance,
    place: tuple[float, float],
    *,
    missions: int = 3,
    passes: int = 60,
    days: float = 60.0,
    degrees: float = 14.0,
    step: float = 0.4,
    noise: float = 0.02,
    correlated: float = 0.0,
    seed: int = 0,
) -> dict[str, xr.Dataset]:
    """Slanted passes over one draw of a field of 0.2 m, in kilometres about a place.

    ``noise`` and ``correlated`` are variances of the white error and of that of a pass, relative to
    the field's; the box of ``degrees`` a side is centred on the place.
    """
    random = np.random.default_rng(seed)
    field, result = RandomField.draw(c, 1, seed=seed), {}
    samples = round(degrees / step)
    for number in range(missions):
        start = np.sort(random.uniform(0.0, days, passes))[:, None]
        time = start + np.arange(samples) / 86400.0
        latitude = np.tile(np.linspace(-degrees, degrees, samples) / 2, (passes, 1))
        slant = random.choice([-0.4, 0.4], (passes, 1))
        longitude = random.uniform(-degrees, degrees, (passes, 1)) * 0.7 + slant * latitude
        longitude, latitude = longitude + place[0], latitude + place[1]
        rows = [a.ravel() for a in (*kilometres(longitude, latitude, place), time)]
        value = field.at(*rows)[:, 0].numpy().reshape(time.shape)
        value += np.sqrt(correlated) * random.standard_normal((passes, 1))
        value += np.sqrt(noise) * random.standard_normal(time.shape)
        ends = START + (time.ravel() * 86400e9).astype("timedelta64[ns]")
        result[f"mission{number}"] = track(
            ends,
            longitude.ravel(),
            latitude.ravel(),
            0.2 * value.ravel(),
            track=np.repeat(np.arange(passes), samples),
        )
    return result


def track(
    time: np.ndarray,
    longitude: np.ndarray,
    latitude: np.ndarray,
    value: np.ndarray,
    **columns: np.ndarray,
) -> xr.Dataset:
    """Dataset of layout ``track`` as a method receives it, with a variable ``ssh``."""
    rows = {name: ("time", column) for name, column in columns.items()}
    coords = {"time": time, "longitude": ("time", longitude), "latitude": ("time", latitude)}
    attributes = {"layout": "track", "role": "observations"}
    return xr.Dataset({"ssh": ("time", value)} | rows, coords, attributes)


def target(longitude: np.ndarray, latitude: np.ndarray, days: np.ndarray) -> xr.Dataset:
    """Empty maps of ``ssh`` to fill, ``days`` after the start."""
    coords = {
        "time": START + (np.asarray(days) * 86400e9).astype("timedelta64[ns]"),
        "latitude": np.asarray(latitude, dtype=float),
        "longitude": np.asarray(longitude, dtype=float),
    }
    return xr.Dataset(
        {"ssh": (tuple(coords), np.full([len(c) for c in coords.values()], np.nan))}, coords
    )
