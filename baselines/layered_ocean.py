r"""The coarse physical model itself: the layered ocean, from the analysis of each start.

The model is that of the reanalysis, as the card of `reanalysis_emulation` tells it: two
quasi-geostrophic layers with advected temperature and salinity in cells of 0.3 degrees
(:mod:`oceanbench.dynamics.layered_ocean`). Height, temperature and salinity of the surface are
inserted from maps (:mod:`oceanbench.assimilation.nudging.insertion`); no map tells the lower layer.
It is found by driving the model with daily maps of the reanalysis, from a state of rest, for
``spin_up`` days that end ``behind`` days before the first start, since a reanalysis has seen the
days after it. From then on the analyses of the starts, one after the other, are inserted into the
forecast of the start before: none of a later start is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench.arrays import FloatArray, TimeArray
from oceanbench.assimilation.nudging.insertion import Surface
from oceanbench.dynamics import layered_ocean as ocean
from oceanbench.dynamics.basin import Basin, north_atlantic_like
from oceanbench.dynamics.quasigeostrophic import DAY
from oceanbench.errors import OceanbenchError
from oceanbench.forecasting.anomalies import days_of, maps_of, nodes_of, of_role
from oceanbench.progress import progress

KINDS = ("forecasts",)
PHYSICS = "quasi-geostrophic"
INSERTED = ("zos", "thetao", "so")
VARIABLES = (*INSERTED, "uo", "vo")
TOLD = ocean.Parameters(
    deformation_radius=32e3,
    shear_speed=0.10,
    wind_stress=0.034,
    drag_time=11.5 * DAY,
    heat_piston=0.7,
    upper_depth=850.0,
)
EPOCH = np.datetime64("2000-01-01", "D")  # a 1 January, time 0 of the model
FROM_REST, FROM_FORECAST = 8, 3  # times that a map is inserted


def estimate(  # noqa: PLR0913  (every option is a keyword)
    inputs: Mapping[str, xr.Dataset],
    target: xr.Dataset,
    *,
    device: str,
    seed: int,
    resolution: float = 0.3,
    hours: float = 4.0,
    lower_layer: float = 0.25,
    below: float = 1.0,
    spin_up: int = 120,
    behind: int = 5,
) -> xr.Dataset:
    """Integrate the model from each start.

    Parameters
    ----------
    inputs : datasets of role ``initial`` and, for the spin-up, ``validation``
    target : ``zos``, ``thetao``, ``so``, ``uo`` and ``vo`` (start, lead, latitude, longitude), in
        whole numbers of cells of the basin of `reanalysis_emulation`
    device, seed : not used
    resolution : of the model, degrees
    hours : time step
    lower_layer : share of an inserted increment of height that the lower layer gets
    below : share of an inserted correction of temperature and salinity that the water below the
        mixed layer gets
    spin_up : days of maps that the model is driven by before the first start; 0 to begin there
    behind : days between the last of those maps and the first start
    """
    if hours <= 0 or 24 % hours:
        raise OceanbenchError(f"layered_ocean: hours {hours:g} do not fill a day; try 4 or 3")
    basin = north_atlantic_like(resolution)
    model = ocean.operators(TOLD, basin, dtype=torch.float32)
    surface = Surface(model, _factor(basin, target), lower_layer, below)
    run = Run(surface, hours * 3600.0)
    initial, asked = of_role(inputs, "initial"), days_of(target).tolist()
    first, leads = maps_of(initial, nodes_of(target)), target["lead"].values.astype(int)
    starts = days_of(initial)[days_of(initial) <= max(days_of(target))]
    state, times = ocean.initial_state(model, seed=0, amplitude=0.0), FROM_REST
    if spin_up:
        past = _between(of_role(inputs, "validation"), starts[0] - behind - spin_up, spin_up)
        state = run.driven(state, days_of(past), maps_of(past, nodes_of(target)), starts[0])
        times = FROM_FORECAST
    filled = {name: np.full(target[name].shape, np.nan, np.float32) for name in VARIABLES}
    following = [*np.diff(starts).astype(int).tolist(), 0]  # days until the next start
    for number, start in enumerate(progress(list(starts), "forecasting starts")):
        maps = {name: first[name][number] for name in INSERTED}
        state = surface.inserted(state, maps, times=times)
        wanted = leads if start.item() in asked else []
        level = np.nanmean(maps["zos"] - surface.height(state))
        states = list(run.days(state, start, max(following[number], *wanted, 0)))
        for place, lead in enumerate(wanted):
            found = surface.fields(states[lead - 1])
            at = asked.index(start.item()), place
            for name in VARIABLES:
                filled[name][at] = found[name] + (level if name == "zos" else 0.0)
        if following[number]:
            state, times = states[following[number] - 1], FROM_FORECAST
    return target.assign({name: target[name].copy(data=maps) for name, maps in filled.items()})


class Run(NamedTuple):
    """The model in time: its surface, and the time step in seconds."""

    surface: Surface
    time_step: float

    def days(self, state: Tensor, day: np.datetime64, count: int) -> Iterator[Tensor]:
        """Yield the states of the ``count`` days that follow a day."""
        time = float((day - EPOCH).astype(int)) * DAY
        every = round(DAY / self.time_step)
        yield from ocean.integrate(
            state,
            time,
            self.surface.model,
            time_step=self.time_step,
            steps=count * every,
            every=every,
        )

    def driven(
        self,
        state: Tensor,
        days: TimeArray,
        maps: Mapping[str, FloatArray],
        until: np.datetime64,
    ) -> Tensor:
        """State of the day ``until``, from a state of rest and the maps of days before it."""
        for number, day in enumerate(days):
            times = FROM_FORECAST if number else FROM_REST
            chosen = {name: maps[name][number] for name in INSERTED}
            state = self.surface.inserted(state, chosen, times=times)
            following = days[number + 1] if number + 1 < days.size else until
            *_, state = self.days(state, day, int((following - day).astype(int)))
        return state


def _factor(basin: Basin, target: xr.Dataset) -> int:
    """Cells of the basin along a side of a cell of the target."""
    rows, columns = target.sizes["latitude"], target.sizes["longitude"]
    factor = basin.latitude.size // rows
    if set(map(str, target.data_vars)) == set(VARIABLES) and basin.wet.shape == (
        rows * factor,
        columns * factor,
    ):
        places = (basin.latitude, "latitude"), (basin.longitude, "longitude")
        if all(
            np.allclose(nodes.reshape(-1, factor).mean(axis=1), target[name], atol=1e-3)
            for nodes, name in places
        ):
            return factor
    raise OceanbenchError(
        f"layered_ocean: the target has {', '.join(map(str, target.data_vars))} on {rows} x "
        f"{columns} nodes, expected {', '.join(VARIABLES)} in whole numbers of cells of the basin "
        "of reanalysis_emulation; it is a model of that ocean only"
    )


def _between(maps: xr.Dataset, first: np.datetime64, count: int) -> xr.Dataset:
    """Maps of ``count`` consecutive days."""
    there = days_of(maps)
    wanted = first + np.arange(count)
    if not np.isin(wanted, there).all():
        raise OceanbenchError(
            f"layered_ocean: no validation maps of every day from {wanted[0]} to {wanted[-1]}; "
            "shorten spin_up, or set it to 0 to begin at the first start"
        )
    return maps.isel(time=np.flatnonzero(np.isin(there, wanted)))
