r"""Temperature of a mixed layer: stirred by a flow, held by the air, shaken by the weather.

.. math::
    \partial_t T + \nabla \cdot (\mathbf{u} T) = - v \, G - T / \tau + F, \qquad
    F(t + \Delta) = e^{-\Delta / \tau_w} F(t) + \sqrt{1 - e^{-2 \Delta / \tau_w}} \, w

T is the anomaly to the air, whose temperature rises by G per metre northward; :math:`\tau` is the
time in which the air takes it back. F is the heating by weather: red in time, and in space of the
covariance :math:`e^{- r^2 / 2 \ell^2}`; it is constant for an interval. Without it T would be what
the flow has made of the gradient, and near what made the flow; with it a map of T tells of the flow
only in part.

T is one more row of the state of a flow on the plane of :mod:`oceanbench.dynamics.spectral`: a
tracer, which its surface carries.

>>> from oceanbench.dynamics import surface_quasigeostrophic as sqg
>>> model = sqg.operators(sqg.Parameters(), points=32)
>>> layer = operators(Parameters(), model)
>>> flow = Flow(partial(sqg.streamfunction, model=model), partial(sqg.tendency, model=model), model)
>>> sea = at_rest(sqg.initial_state(model, seed=0))
>>> *_, sea = integrate(sea, flow, layer, seed=1, time_step=3600.0, steps=6, intervals=2)
>>> temperature(sea).shape
torch.Size([32, 32])

References
----------
Frankignoul and Hasselmann (1977), Stochastic climate models, Part II: Application to sea-surface
temperature anomalies and thermocline variability, doi:10.1111/j.2153-3490.1977.tb00740.x
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from oceanbench.dynamics import spectral
from oceanbench.dynamics.quasigeostrophic import DAY
from oceanbench.dynamics.spectral import Plane, Tendency


@dataclass(frozen=True)
class Parameters:
    r"""What the layer is made of, in SI units and degrees C.

    ``gradient`` is G, 1/m; ``relaxation_time`` :math:`\tau`; ``weather_time`` and
    ``weather_length`` :math:`\tau_w` and :math:`\ell`; ``weather_spread`` the standard deviation,
    degrees C, that the weather alone would give T.
    """

    gradient: float = -6e-6
    relaxation_time: float = 15.0 * DAY
    weather_time: float = 3.0 * DAY
    weather_length: float = 100e3
    weather_spread: float = 0.5


@dataclass(frozen=True)
class Operators:
    """The parameters on one grid: ``shape`` (n, n // 2 + 1), of white noise to weather, 1/s."""

    parameters: Parameters
    shape: Tensor


class Flow(NamedTuple):
    """What carries the layer: ψ of a state, uppermost level first; its tendency; its grid."""

    streamfunction: Callable[[Tensor], Tensor]
    tendency: Tendency
    grid: Plane


class MixedLayerState(NamedTuple):
    """A flow with a mixed layer: all that the future depends on.

    ``state`` (..., rows + 1, n, n // 2 + 1), T last; ``weather`` (n, n // 2 + 1), F, degrees C/s;
    ``interval`` counts those that are over.
    """

    state: Tensor
    weather: Tensor
    interval: int


def operators(parameters: Parameters, grid: Plane) -> Operators:
    """Build the operators on the grid of a flow."""
    p, k2 = parameters, grid.wavenumber2.double()
    power = torch.exp(-k2 * p.weather_length**2 / 2)
    power[0, 0] = 0.0  # the mean of the plane is the season's
    twice = torch.full_like(power, 2.0)  # modes that rfft2 leaves out
    twice[:, 0] = twice[:, -1] = 1.0
    mean = (twice * power).sum() / grid.points**2
    memory, renewal = p.relaxation_time, p.weather_time
    heating = p.weather_spread * math.sqrt((memory + renewal) / renewal) / memory
    return Operators(p, (heating * (power / mean).sqrt()).to(grid.wavenumber2))


def at_rest(flow: Tensor) -> MixedLayerState:
    """Flow under a mixed layer as warm as the air, before any weather."""
    nothing = torch.zeros_like(flow[..., :1, :, :])
    return MixedLayerState(
        torch.cat([flow, nothing], dim=-3), nothing[(0,) * (nothing.ndim - 2)], 0
    )


def temperature(sea: MixedLayerState) -> Tensor:
    """Anomaly of temperature, degrees C, (..., n, n)."""
    anomaly: Tensor = torch.fft.irfft2(sea.state[..., -1, :, :])
    return anomaly


def refine(sea: MixedLayerState, points: int) -> MixedLayerState:
    """Interpolate to a finer grid, as :func:`oceanbench.dynamics.spectral.refine`."""
    return MixedLayerState(
        spectral.refine(sea.state, points), spectral.refine(sea.weather, points), sea.interval
    )


def integrate(
    sea: MixedLayerState,
    flow: Flow,
    layer: Operators,
    *,
    seed: int,
    time_step: float,
    steps: int,
    intervals: int,
) -> Iterator[MixedLayerState]:
    """Yield the sea after each interval, of ``steps`` steps of ``time_step`` seconds.

    The weather of an interval depends on ``seed`` and on its number alone, so that a run that goes
    on from any sea that was yielded is the same to the bit.

    Parameters
    ----------
    sea : from :func:`at_rest`, or yielded before
    flow, layer : on one grid
    seed : of the weather
    time_step, steps : as in :func:`oceanbench.dynamics.spectral.integrate`
    intervals : to yield
    """
    for number in range(sea.interval, sea.interval + intervals):
        weather = _next_weather(sea.weather, layer, (seed, number), time_step * steps)
        rate = partial(_tendency, flow=flow, layer=layer, weather=weather)
        *_, state = spectral.integrate(
            sea.state, rate, flow.grid, time_step=time_step, steps=steps, every=steps
        )
        sea = MixedLayerState(state, weather, number + 1)
        yield sea


def _tendency(state: Tensor, flow: Flow, layer: Operators, weather: Tensor) -> Tensor:
    p, rate = layer.parameters, flow.tendency(state)
    northward = flow.grid.ddx * flow.streamfunction(state)[..., 0, :, :]
    rate[..., -1, :, :] += (
        weather - p.gradient * northward - state[..., -1, :, :] / p.relaxation_time
    )
    return rate


def _next_weather(
    weather: Tensor, layer: Operators, seed: tuple[int, int], interval: float
) -> Tensor:
    points = weather.shape[-2]
    white = np.random.default_rng(seed).standard_normal((points, points))
    fresh: Tensor = layer.shape * torch.fft.rfft2(torch.from_numpy(white)).to(weather)
    first = seed[1] == 0  # before it there was none to remember
    memory = 0.0 if first else math.exp(-interval / layer.parameters.weather_time)
    return memory * weather + math.sqrt(1 - memory**2) * fresh
