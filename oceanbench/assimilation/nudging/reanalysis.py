r"""The layered ocean held close to observations: a reanalysis, or an analysis of the present.

Every few days the innovations :math:`d = y - H x` of altimetry within a window around the day are
interpolated to the grid as a Gaussian field
(:mod:`oceanbench.assimilation.gaussian.optimal_interpolation`); a fraction of the increment of
height, and a smaller one of the lower layer's streamfunction, is added to potential vorticity.
Innovations of other days of the window are taken to the model's present state, and lose their
weight with the correlation in time. Profiles correct salinity and the water below the mixed layer
in the same way, images of temperature the mixed layer, every day, where there are no clouds.

A window that looks ahead makes a reanalysis, which knows the future; one that looks back only makes
an operational analysis.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.assimilation.gaussian import posterior_fields
from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.gaussian.optimal_interpolation import Observations, solve
from oceanbench.dynamics.layered_ocean import (
    LAYERS,
    Operators,
    integrate,
    potential_vorticity,
    sea_surface_height,
    streamfunction,
)
from oceanbench.dynamics.quasigeostrophic import DAY

HEIGHT_COVARIANCE = Covariance(1.6, 1.3, 6.0)  # degrees, days
PROFILE_COVARIANCE = Covariance(3.5, 2.5, 10.0)


@dataclass(frozen=True)
class Network:
    """What is observed; times are days since the time 0 of the model, places degrees.

    Attributes
    ----------
    heights : altimetry plus mean dynamic topography, m: ``value`` (n,), ``noise`` relative to the
        variance of innovations
    profiles : ``value`` (n, 3): salinity of the mixed layer, temperature and salinity below it
    images : (days, rows, columns) temperature of the mixed layer in the cells of a coarser grid,
        NaN under clouds and on land
    """

    heights: Observations
    profiles: Observations
    images: FloatArray


@dataclass(frozen=True)
class Scheme:
    """How the model is drawn to the network.

    Attributes
    ----------
    before, after : days of the window around an analysis
    every : days between analyses
    height_covariance, profile_covariance : of innovations, in degrees and days
    height_gain, profile_gain, image_gain : part of an increment that is added
    lower_layer : increment of the lower streamfunction, relative to the upper one
    """

    before: float
    after: float
    every: int = 2
    height_covariance: Covariance = HEIGHT_COVARIANCE
    profile_covariance: Covariance = PROFILE_COVARIANCE
    height_gain: float = 0.5
    profile_gain: float = 0.3
    image_gain: float = 0.3
    lower_layer: float = 0.25


def cycle(
    state: Tensor,
    days: range,
    model: Operators,
    network: Network,
    scheme: Scheme,
    *,
    time_step: float,
) -> Iterator[Tensor]:
    """Yield the analysed state of each day; the first one is ``state``, analysed.

    Parameters
    ----------
    state : (6, rows, columns), at the first day
    days : consecutive, since the time 0 of the model
    model : from :func:`oceanbench.dynamics.layered_ocean.operators`
    network : what is observed
    scheme : how it is used
    time_step : s, a divisor of a day
    """
    steps = round(DAY / time_step)
    for day in days:
        if day > days[0]:
            (state,) = integrate(
                state, (day - 1) * DAY, model, time_step=time_step, steps=steps, every=steps
            )
        state = _with_image(state, network.images[day], model, scheme.image_gain)
        if (day - days[0]) % scheme.every == 0:
            state = _with_heights(state, day, model, network.heights, scheme)
            state = _with_profiles(state, day, model, network.profiles, scheme)
        yield state


def _window(o: Observations, day: int, scheme: Scheme) -> Observations:
    first = int(np.searchsorted(o.time, day - scheme.before))
    last = int(np.searchsorted(o.time, day + scheme.after, side="right"))
    return _chosen(o, slice(first, last))


def _chosen(o: Observations, which: slice | BoolArray) -> Observations:
    time, x, y, value, noise = (a[which] for a in (o.time, o.x, o.y, o.value, o.noise))
    return Observations(time, x, y, value, noise)


def _at(
    field: FloatArray,
    o: Observations,
    axes: tuple[FloatArray, FloatArray],
    order: Literal[0, 1] = 1,
) -> FloatArray:
    """Values of a field at observations: bilinear, or those of the nearest cell (order 0)."""
    place = [(p - a[0]) / (a[1] - a[0]) for p, a in zip((o.y, o.x), axes, strict=True)]
    values: FloatArray = ndimage.map_coordinates(field, place, order=order, mode="nearest")
    return values


def _mapped(
    innovation: FloatArray,
    o: Observations,
    day: int,
    covariance: Covariance,
    axes: tuple[FloatArray, FloatArray],
) -> FloatArray:
    """Interpolate innovations (n,) or (n, k) to a grid: (k, rows, columns)."""
    data = Observations(o.time, o.x, o.y, innovation, o.noise)
    (posterior,) = solve(data, [float(day)], covariance, window=np.inf, precision="single")
    increment: FloatArray = posterior_fields.maps(posterior, axes[1], axes[0])[0].numpy()
    return increment


def _with_heights(
    state: Tensor, day: int, model: Operators, heights: Observations, scheme: Scheme
) -> Tensor:
    o = _window(heights, day, scheme)
    if not o.time.size:
        return state
    basin, p = model.basin, model.parameters
    found = sea_surface_height(streamfunction(state, model), model, land=True).double().numpy()
    innovation = o.value - _at(found, o, (basin.latitude, basin.longitude))
    corners = tuple(
        np.append(a, 2 * a[-1] - a[-2]) - (a[1] - a[0]) / 2
        for a in (basin.latitude, basin.longitude)
    )
    height = _mapped(innovation, o, day, scheme.height_covariance, (corners[0], corners[1]))[0]
    upper = torch.from_numpy(height).to(state) * (p.gravity / model.coriolis * scheme.height_gain)
    increment = potential_vorticity(torch.stack([upper, scheme.lower_layer * upper]), model)
    return torch.cat([state[:LAYERS] + increment, state[LAYERS:]])


def _with_profiles(
    state: Tensor, day: int, model: Operators, profiles: Observations, scheme: Scheme
) -> Tensor:
    axes = (model.basin.latitude, model.basin.longitude)
    o = _window(profiles, day, scheme)
    o = _chosen(o, _at(model.basin.wet.astype(np.float64), o, axes, order=0) > 0)
    if not o.time.size:
        return state
    observed = state[LAYERS + 1 :]  # the mixed layer's salinity, and what is below
    found = [_at(field.double().numpy(), o, axes, order=0) for field in observed]
    innovation = o.value - np.stack(found, axis=1)
    increment = _mapped(innovation, o, day, scheme.profile_covariance, axes)
    added = scheme.profile_gain * torch.from_numpy(increment).to(state) * model.wet
    return torch.cat([state[: LAYERS + 1], observed + added])


def _with_image(state: Tensor, image: FloatArray, model: Operators, gain: float) -> Tensor:
    """Draw the mixed layer's temperature to an image, cell of the image by cell of the image."""
    seen = torch.from_numpy(image).to(state)
    factor = state.shape[-1] // seen.shape[-1]
    kernel = torch.nn.functional.avg_pool2d
    wet = kernel(model.wet[None], factor)[0]
    mean = kernel(state[LAYERS][None], factor)[0] / wet
    increment = torch.where(torch.isfinite(seen) & (wet > 0), gain * (seen - mean), 0.0)
    spread = increment.repeat_interleave(factor, 0).repeat_interleave(factor, 1) * model.wet
    return torch.cat([state[:LAYERS], state[LAYERS : LAYERS + 1] + spread, state[LAYERS + 1 :]])
