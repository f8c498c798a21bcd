"""A map carried into the future by a 1.5-layer quasi-geostrophic model, its edges held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.nudging.back_and_forth import sponge
from oceanbench.assimilation.nudging.model_grid import PRECISIONS
from oceanbench.assimilation.observations.superobservations import kilometres
from oceanbench.dynamics import reduced_gravity
from oceanbench.dynamics.quasigeostrophic import DAY
from oceanbench.errors import OceanbenchError


@dataclass(frozen=True)
class RunSettings:
    """Numbers of the model.

    Attributes
    ----------
    wave_speed : c1, m/s; larger than a gravity wave's where the deep ocean follows the surface
    step_hours : of the model, a part of a day
    sponge_km : width of the zone in which the edges gain the upper hand
    dissipation_days : time in which the shortest wave of the grid decays by e
    """

    wave_speed: float = 5.0
    step_hours: float = 4.0
    sponge_km: float = 50.0
    dissipation_days: float = 1.0

    def __post_init__(self) -> None:
        """Refuse steps that do not divide a day, and numbers that are not positive."""
        positive = (self.wave_speed, self.sponge_km, self.dissipation_days)
        if min(positive) <= 0 or not 0 < self.step_hours <= 24 or 24 % self.step_hours:
            raise OceanbenchError(
                f"model: step_hours {self.step_hours:g} must divide 24, wave_speed "
                f"{self.wave_speed:g}, sponge_km {self.sponge_km:g} and dissipation_days "
                f"{self.dissipation_days:g} be positive"
            )


def carried(
    height: FloatArray,
    longitude: FloatArray,
    latitude: FloatArray,
    leads: Sequence[int],
    settings: RunSettings,
    *,
    device: str = "cpu",
    precision: str = "double",
) -> FloatArray:
    """Heights (lead, …, latitude, longitude) of the days after a map.

    Parameters
    ----------
    height : (…, latitude, longitude) above the geoid, m, on equidistant nodes; several maps are
        carried together
    longitude, latitude : of the nodes, degrees
    leads : whole days, increasing; at 0 the height is the map itself
    settings : numbers of the model
    device : of torch
    precision : of the model, ``double`` or ``single``

    Raises
    ------
    OceanbenchError
        if the flow crosses more of the grid in a step than the scheme bears
    """
    s = settings
    x, y = kilometres(longitude, latitude, (float(longitude.mean()), float(latitude.mean())))
    parameters = reduced_gravity.Parameters(
        float(latitude.mean()), s.wave_speed, None, s.dissipation_days * DAY
    )
    spacing = (1e3 * float(y[1] - y[0]), 1e3 * float(x[1] - x[0]))
    dtype = PRECISIONS[precision]
    model = reduced_gravity.operators(
        parameters, y.size, x.size, spacing, dtype=dtype, device=device
    )
    first = torch.as_tensor(height, dtype=dtype, device=device)
    seconds = 3600.0 * s.step_hours
    crossed = reduced_gravity.courant_number(first, model, seconds)
    if not crossed < reduced_gravity.STABLE_COURANT:
        raise OceanbenchError(
            f"model: the map crosses {crossed:.2g} grid steps in step_hours {s.step_hours:g}, "
            f"expected less than {reduced_gravity.STABLE_COURANT}; shorten step_hours"
        )
    begun = reduced_gravity.potential_vorticity(first, model)
    held, state = sponge(x, y, s.sponge_km).to(begun), begun
    found, day = [], 0
    for lead in leads:
        for _ in range((lead - day) * round(24 / s.step_hours)):
            state = reduced_gravity.advance(state, (first, first), model, time_step=seconds)
            state = state + held * (begun - state)
        day = lead
        later = reduced_gravity.sea_surface_height(state, first, model) if lead else first
        found.append(later.cpu().numpy())
    return np.stack(found)
