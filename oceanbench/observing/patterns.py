"""When and what of independent windows is observed: masks of (windows, times, components)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray


def every(
    shape: tuple[int, int, int], steps: int, *, size: int = 1, components: Sequence[int] = ()
) -> BoolArray:
    """Regular sampling: every so many steps, from the first time on.

    Parameters
    ----------
    shape : windows, times, components
    steps : from one observed time to the next, or from cluster to cluster
    size : consecutive times observed: more than one makes clusters
    components : which are observed; all by default

    Returns
    -------
    bool (windows, times, components)
    """
    times = np.arange(shape[1]) % steps < size
    seen = np.isin(np.arange(shape[2]), components) if components else np.ones(shape[2], bool)
    return np.broadcast_to(times[:, None] & seen, shape).copy()


def random_components(
    shape: tuple[int, int, int], steps: int, count: int, random: np.random.Generator
) -> BoolArray:
    """Every so many steps, ``count`` components drawn anew for each window and time."""
    order = np.argsort(random.random(shape), axis=-1)
    drawn = np.zeros(shape, bool)
    np.put_along_axis(drawn, order[..., :count], values=True, axis=-1)
    return drawn & every(shape, steps)


def random_times(
    shape: tuple[int, int, int], steps: int, random: np.random.Generator, *, size: int = 1
) -> BoolArray:
    """As many observations as regular sampling has, at random times.

    Parameters
    ----------
    shape : windows, times, components
    steps : length of the stretches of which each holds one observation or cluster, at a random
        place, so that any part of a window or of a long run is observed as often
    random : drawn from
    size : consecutive times observed in each stretch

    Returns
    -------
    bool (windows, times, components)
    """
    seen = np.zeros(shape[:2], bool)
    for start in range(0, shape[1], steps):
        room = min(steps, shape[1] - start) - size
        if room < 0:
            continue
        place = start + random.integers(0, room + 1, shape[0])
        for shift in range(size):
            seen[np.arange(shape[0]), place + shift] = True
    return np.repeat(seen[..., None], shape[2], axis=-1)


def observe(
    states: xr.DataArray, mask: BoolArray, variance: Sequence[float], random: np.random.Generator
) -> xr.DataArray:
    """States with Gaussian noise where the mask is true, NaN elsewhere.

    Parameters
    ----------
    states : (window, time, component)
    mask : of the same shape
    variance : of the noise of each component, in the square of the unit
    random : the noise is drawn from it

    Returns
    -------
    DataArray like the states, with the coordinate ``noise_variance`` (component)
    """
    deviation = np.sqrt(np.asarray(variance, dtype=np.float64))
    noise = deviation * random.standard_normal(states.shape)
    noisy = states.copy(data=np.where(mask, states.values + noise, np.nan))
    return noisy.assign_coords(noise_variance=("component", deviation**2))
