r"""Maps by back-and-forth nudging of a 1.5-layer quasi-geostrophic model (BFN-QG).

.. math:: \partial_t q + J(\psi, q + \beta y) = K(x, t) \, (q_{obs} - q), \qquad
    q = \frac{g}{f} \nabla^2 h - \frac{g f}{c_1^2} h, \qquad \psi = \frac{g}{f} h

The first guess and the edges are an optimal interpolation of the same observations, with an error
that samples of one pass share. Near observations, in space and time, the model is drawn to the
potential vorticity of that interpolation; elsewhere it carries what it has seen, forward and
backward in time (:mod:`oceanbench.assimilation.nudging.back_and_forth`,
:mod:`oceanbench.dynamics.reduced_gravity`). Windows of some days are run apart and blended. Another
map can be the first guess, and the model can be drawn to it far from observations too, slowly.

References
----------
Le Guillou et al. (2021), doi:10.1175/JTECH-D-20-0104.1
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench.arrays import FloatArray, IntArray
from oceanbench.assimilation.gaussian.covariance import Covariance
from oceanbench.assimilation.gaussian.optimal_interpolation import Observations, solve
from oceanbench.assimilation.gaussian.posterior_fields import maps
from oceanbench.assimilation.nudging.back_and_forth import (
    Nudging,
    back_and_forth,
    blend,
    sponge,
    window_starts,
)
from oceanbench.assimilation.nudging.model_grid import (
    PRECISIONS,
    equidistant,
    model_on,
    on_target,
)
from oceanbench.assimilation.observations.superobservations import Samples, kilometres
from oceanbench.dynamics import reduced_gravity as qg
from oceanbench.errors import OceanbenchError
from oceanbench.progress import Stages

Guess = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
"""Anomalies (days, latitude, longitude) on days, longitudes and latitudes."""

TOGETHER = 16  # windows that are integrated as one batch
SOLVED_DAYS = 30  # in whole groups of maps that share a factorisation
GROWTH = 100.0  # of the largest vorticity of the first guess: more is no flow but a blow-up


@dataclass(frozen=True)
class Settings:
    """Numbers of the method.

    Attributes
    ----------
    length_km, length_days : e-folding scales of the interpolation's covariance
    noise, correlated : variances of the white and of the pass error, relative to the signal's
    wave_speed : c1, m/s; larger than a gravity wave's where the deep ocean follows the surface
    nudging_hours : e-folding time of the relaxation amid observations
    nudging_days, nudging_km : e-folding distances in time and space from an observation at which
        it acts
    window_days, stride_days : length of the windows, and days from one to the next
    iterations, tolerance : at most so often forth and back, with 0 the first guess is the result;
        stop at this change, relative to the flow's vorticity
    relaxation_days : e-folding time of a relaxation to the first guess everywhere; 0 for none
    step_degrees, step_hours : steps of the model
    margin : how far the model reaches beyond the target, degrees
    sponge_km : width of the zone in which the edges' first guess gains the upper hand
    dissipation_days : time in which the shortest wave of the grid decays by e; 0 for none
    precision : of the model, ``double`` or ``single``
    """

    length_km: float = 80.0
    length_days: float = 7.0
    noise: float = 0.032
    correlated: float = 0.032
    wave_speed: float = 5.0
    nudging_hours: float = 12.0
    nudging_days: float = 1.0
    nudging_km: float = 30.0
    window_days: int = 9
    stride_days: int = 3
    iterations: int = 5
    tolerance: float = 0.01
    relaxation_days: float = 0.0
    step_degrees: float = 0.2
    step_hours: float = 2.0
    margin: float = 1.0
    sponge_km: float = 50.0
    dissipation_days: float = 1.0
    precision: str = "double"

    def __post_init__(self) -> None:
        """Refuse steps that do not divide a day, and unknown precisions."""
        hours = self.step_hours
        if not 0 < hours <= 24 or 24 % hours or self.precision not in PRECISIONS:
            raise OceanbenchError(
                f"bfn: step_hours {hours:g} must divide 24, precision '{self.precision}' be double "
                "or single"
            )


def mapped(
    observed: Samples,
    mean: xr.DataArray | None,
    times: FloatArray,
    longitude: FloatArray,
    latitude: FloatArray,
    settings: Settings,
    *,
    guess: Guess | None = None,
    device: str = "cpu",
    stages: Stages = Stages(),  # noqa: B008  (it never changes)
) -> FloatArray:
    """Anomalies (times, latitude, longitude) to the mean field.

    Parameters
    ----------
    observed : anomalies to the mean field, times in days
    mean : (latitude, longitude), of which the model needs the currents; None for a sea at rest
    times : of the maps, days
    longitude, latitude : of the maps, equidistant
    settings : numbers of the method
    guess : makes the first guess; by default an interpolation with the settings' covariance
    device : of torch
    stages : to say how far it is, and to keep what is done
    """
    s = settings
    nodes = tuple(equidistant(axis, s.margin, s.step_degrees) for axis in (longitude, latitude))
    place = (float(nodes[0].mean()), float(nodes[1].mean()))
    plane = kilometres(nodes[0], nodes[1], place)
    model = model_on(
        plane,
        place[1],
        wave_speed=s.wave_speed,
        dissipation_days=s.dissipation_days,
        dtype=PRECISIONS[s.precision],
        device=device,
    )
    days = np.arange(math.floor(times.min()), math.floor(times.max()) + 2)
    starts = window_starts(days[0], days[-1], length=s.window_days, stride=s.stride_days)
    all_days = np.arange(starts[0], starts[-1] + s.window_days + 1)
    near = observed.within(*((axis[0] - s.margin, axis[-1] + s.margin) for axis in nodes))
    if not ((near.time > all_days[0]) & (near.time < all_days[-1])).any():
        raise OceanbenchError(
            "bfn: no observation in the box and period of the maps; expected some; check the dates "
            "and longitudes of the tracks"
        )
    observations = near.observations(
        place, np.full(len(near.missions), s.noise), correlated=s.correlated
    )
    if guess is None:
        first = _interpolated(
            observations, all_days.astype(np.float64), plane, s, device, stages=stages
        )
    else:
        first = guess(all_days.astype(np.float64), *nodes)
    anomaly = first[days - starts[0]]
    if s.iterations > 0:
        background = 0.0 if mean is None else extended(mean, nodes[0], nodes[1])
        scheme = Nudging(
            s.nudging_hours,
            s.nudging_days,
            s.nudging_km,
            s.iterations,
            s.tolerance,
            s.relaxation_days,
        )
        flow = NudgedFlow(model, first + background, plane, s.sponge_km, s.step_hours)
        windows = flow.windows(starts, s.window_days, observations, scheme, stages=stages)
        anomaly = blend(windows, starts, days) - background
    return on_target(anomaly, nodes, days, times, longitude, latitude)


def _interpolated(
    observations: Observations,
    days: FloatArray,
    plane: tuple[FloatArray, FloatArray],
    settings: Settings,
    device: str,
    *,
    stages: Stages,
) -> FloatArray:
    """Optimal interpolation (days, latitude, longitude) with a Gaussian covariance."""
    s = settings
    covariance = Covariance(s.length_km, s.length_km, s.length_days)

    def make(some: FloatArray) -> FloatArray:
        window = 2.0 * s.length_days
        posteriors = solve(observations, some, covariance, window=window, device=device)
        found: FloatArray = torch.cat([maps(p, *plane)[:, 0] for p in posteriors]).cpu().numpy()
        return found

    parts = [days[i : i + SOLVED_DAYS] for i in range(0, days.size, SOLVED_DAYS)]
    return np.concatenate(stages.each(parts, "interpolation", make))


class NudgedFlow:
    """The model with the daily first guess that holds its edges and that it is drawn to."""

    def __init__(
        self,
        model: qg.Operators,
        guess: FloatArray,
        plane: tuple[FloatArray, FloatArray],
        sponge_km: float,
        step_hours: float,
    ) -> None:
        """Refuse a flow that the time step cannot follow."""
        self.model, self.plane, self.per_day = model, plane, round(24 / step_hours)
        self.height = torch.as_tensor(guess).to(model.inversion)
        self.vorticity = qg.potential_vorticity(self.height, model)
        self.sponge = sponge(*plane, sponge_km).to(model.inversion)
        crossed = qg.courant_number(self.height, model, 3600.0 * step_hours)
        if not crossed < qg.STABLE_COURANT:
            raise OceanbenchError(
                f"bfn: the first guess crosses {crossed:.2g} grid steps in step_hours "
                f"{step_hours:g}, expected less than {qg.STABLE_COURANT}; shorten step_hours, "
                "widen step_degrees, or check the observations"
            )

    def windows(
        self,
        starts: IntArray,
        length: int,
        observations: Observations,
        scheme: Nudging,
        *,
        stages: Stages = Stages(),  # noqa: B008  (it never changes)
    ) -> FloatArray:
        """Daily heights (windows, length + 1, latitude, longitude); the guess begins with them."""

        def make(batch: IntArray) -> FloatArray:
            days = np.arange(self.per_day * (batch[-1] - batch[0] + length) + 1) / self.per_day
            weight = scheme.weight(observations, batch[0] + days, *self.plane)
            levels = (batch - starts[0]) * self.per_day
            offset = torch.as_tensor(levels, device=self.height.device)
            return self._batch(offset, length, weight.to(self.height), scheme)

        batches = [starts[i : i + TOGETHER] for i in range(0, starts.size, TOGETHER)]
        return np.concatenate(stages.each(batches, "back-and-forth nudging", make))

    def _batch(self, offset: Tensor, length: int, weight: Tensor, scheme: Nudging) -> FloatArray:
        hours = 24 / self.per_day

        def step(state: Tensor, level: int, following: int) -> Tensor:
            edges = (
                self._at(self.height, offset + level),
                self._at(self.height, offset + following),
            )
            seconds = 3600.0 * hours * (following - level)
            state = qg.advance(state, edges, self.model, time_step=seconds)
            guess = self._at(self.vorticity, offset + following)
            state = scheme.nudged(state, guess, weight[offset - offset[0] + following], hours)
            return state + self.sponge * (guess - state)

        first, steps = self._at(self.vorticity, offset), length * self.per_day
        limit = GROWTH * float(self.vorticity.abs().max())
        found = back_and_forth(first, step, scheme, limit=limit, steps=steps, every=self.per_day)
        edges = [self._at(self.height, offset + day * self.per_day) for day in range(length + 1)]
        heights = qg.sea_surface_height(found.states, torch.stack(edges), self.model)
        return heights.transpose(0, 1).double().cpu().numpy()

    def _at(self, daily: Tensor, level: Tensor) -> Tensor:
        """Daily fields at one level of time per window, linearly interpolated."""
        day = (level // self.per_day).clamp(max=len(daily) - 2)
        part = ((level - day * self.per_day).to(daily) / self.per_day)[:, None, None]
        return torch.lerp(daily[day], daily[day + 1], part)


def extended(mean: xr.DataArray, longitude: FloatArray, latitude: FloatArray) -> FloatArray:
    """Mean field on the nodes, extrapolated as it was for the observations."""
    places = {"longitude": longitude, "latitude": latitude}
    field = mean.interp(places, kwargs={"fill_value": "extrapolate"})
    values: FloatArray = field.transpose("latitude", "longitude").values
    return values
