"""4DVarNets for maps, applied.

Windows of some days are estimated one by one and blended; the grid that the networks work on is
coarser than that of the maps, to which estimates are splined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.fourdvarnet.compilation import compiled
from oceanbench.assimilation.fourdvarnet.learned_descent import LearnedDescent
from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration, network
from oceanbench.assimilation.fourdvarnet.maps.first_guess_maps import (
    check_given_maps,
    first_guess_maps,
)
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import (
    GriddedObservations,
    grid_observations,
)
from oceanbench.assimilation.fourdvarnet.maps.map_grid import (
    MARGIN,
    MapGrid,
    bicubic,
    grid_around,
)
from oceanbench.assimilation.fourdvarnet.maps.normalisation import Normalisation
from oceanbench.assimilation.fourdvarnet.maps.window_estimates import (
    blended,
    estimates,
    every_window,
)
from oceanbench.assimilation.fourdvarnet.solver import FourDVarNet
from oceanbench.assimilation.observations.along_track_errors import AlongTrack
from oceanbench.learning import ensembles
from oceanbench.learning.precision import in_bfloat16


@dataclass(frozen=True)
class TrainedMembers:
    """Members of a training.

    Attributes
    ----------
    configuration, normalisation : that they were trained with
    second : normalisation of the second field, or none
    along_track : errors of first guess and altimeters, or none
    solvers : at least one
    device : of torch
    """

    configuration: MapConfiguration
    normalisation: Normalisation
    solvers: tuple[FourDVarNet | LearnedDescent, ...]
    device: str
    second: Normalisation | None = None
    along_track: AlongTrack | None = None

    @classmethod
    def of(
        cls,
        weights: Mapping[str, Tensor],
        *,
        name: str,
        member: int = -1,
        device: str = "cpu",
        compile_it: bool = False,
        precision: str = "auto",
    ) -> TrainedMembers:
        """Members of weights.

        Parameters
        ----------
        weights : from :func:`oceanbench.assimilation.fourdvarnet.maps.training.train_members`
        name : of the method, for messages
        member : the number of one member, or -1 for all
        device : of torch
        compile_it : see :func:`oceanbench.assimilation.fourdvarnet.compilation.compiled`
        precision : see :func:`oceanbench.learning.precision.in_bfloat16`; ``auto`` takes bfloat16
            only where the training did
        """
        configuration = ensembles.configuration_of(MapConfiguration, weights, name)
        reduced = in_bfloat16(precision, device, usual=configuration.reduced)
        configuration = replace(configuration, reduced=reduced)
        normalisation = Normalisation.of(weights, name=name)
        second = Normalisation.of(weights, "second_", name=name) if configuration.second else None
        errors = AlongTrack.of(weights, name=name) if configuration.knows_errors else None
        solvers = ensembles.load_networks(
            lambda: network(configuration), weights, name=name, member=member, device=device
        )
        if compile_it:
            solvers = [compiled(solver, device) for solver in solvers]
        return cls(configuration, normalisation, tuple(solvers), device, second, errors)

    def grid(self, target: xr.DataArray) -> MapGrid:
        """Grid on which a target is estimated."""
        days = self.configuration.days // 2
        return grid_around(target, self.configuration.step_degrees, margin=MARGIN, days=days)

    def observe(
        self,
        inputs: Mapping[str, xr.Dataset],
        variable: str,
        grid: MapGrid,
        *,
        first_guess: str = "",
        missions: str = "",
    ) -> GriddedObservations:
        """What the solvers are to be given.

        Parameters
        ----------
        inputs, variable, grid, missions : as for
            :func:`oceanbench.assimilation.fourdvarnet.maps.first_guess_maps.first_guess_maps`
        first_guess : another than that of the training
        """
        chosen = first_guess or self.configuration.first_guess
        check_given_maps(inputs, variable, grid, replace(self.configuration, first_guess=chosen))
        guess = first_guess_maps(
            inputs, variable, grid, chosen, missions=missions, device=self.device
        )
        return grid_observations(
            inputs,
            variable,
            grid,
            guess,
            missions=missions,
            second=self.configuration.second,
            along_track=self.along_track,
        )

    def maps(self, observations: GriddedObservations) -> FloatArray:
        """Estimates of the members, (members, days, rows, columns), in the variable's unit."""
        estimated = np.stack([self._blended(solver, observations) for solver in self.solvers])
        return self.normalisation.mean + self.normalisation.deviation * estimated

    def _blended(self, solver: torch.nn.Module, observations: GriddedObservations) -> FloatArray:
        """Normalised estimates, windows blended as they are weighted in training."""
        normalised = self.normalisation.normalised
        given = [
            normalised(observations.values),
            torch.as_tensor(observations.observed),
            normalised(observations.first_guess),
        ]
        if self.second is not None and observations.second is not None:
            given.append(self.second.normalised(observations.second))
        days = self.configuration.days
        windows = [every_window(values, days).to(self.device) for values in given]
        return blended(estimates(solver, *windows).double().cpu())


def estimate_members(  # noqa: PLR0913  (every option is a keyword)
    inputs: Mapping[str, xr.Dataset],
    target: xr.DataArray,
    weights: Mapping[str, Tensor],
    *,
    name: str,
    member: int = -1,
    first_guess: str = "",
    missions: str = "",
    device: str = "cpu",
    compile_it: bool = False,
    precision: str = "auto",
) -> FloatArray:
    """Maps of the members.

    Parameters
    ----------
    inputs : tracks, swaths, and what a mean field is made of
    target : (time, latitude, longitude), to fill
    weights : from :func:`oceanbench.assimilation.fourdvarnet.maps.training.train_members`
    name : of the method, for messages
    member : the number of one member, or -1 for all
    first_guess : another than that of the training
    missions : as for :func:`oceanbench.assimilation.observations.superobservations.samples`
    device : of torch
    compile_it : see :func:`oceanbench.assimilation.fourdvarnet.compilation.compiled`
    precision : as for :meth:`TrainedMembers.of`

    Returns
    -------
    (members, time, latitude, longitude)
    """
    trained = TrainedMembers.of(
        weights,
        name=name,
        member=member,
        device=device,
        compile_it=compile_it,
        precision=precision,
    )
    grid = trained.grid(target)
    seen = trained.observe(
        inputs, str(target.name), grid, first_guess=first_guess, missions=missions
    )
    return np.stack([splined(grid.field(values), target) for values in trained.maps(seen)])


def filled(target: xr.Dataset, members: Callable[[xr.DataArray], FloatArray]) -> xr.Dataset:
    """Target with members, (member, time, latitude, longitude), of each of its variables.

    Parameters
    ----------
    target : variables (time, latitude, longitude) to fill
    members : of one of them, such as :func:`estimate_members` finds
    """
    found = {
        name: (("member", *variable.dims), members(variable), variable.attrs)
        for name, variable in target.data_vars.items()
    }
    return target.assign(found)


def splined(field: xr.DataArray, target: xr.DataArray) -> FloatArray:
    """Field on the coordinates of a target: bicubic in space, linear in time."""
    axes = (target["latitude"].values, target["longitude"].values)
    places = {"time": field["time"], "latitude": axes[0], "longitude": axes[1]}
    daily = xr.DataArray(bicubic(field, *axes), places, ("time", "latitude", "longitude"))
    return cast(FloatArray, daily.interp(time=target["time"]).values)
