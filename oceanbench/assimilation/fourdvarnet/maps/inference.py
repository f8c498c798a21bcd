"""4DVarNets for maps, applied.

Windows of some days are estimated apart and blended; the grid that the networks work on is coarser
than that of the maps, to which estimates are splined.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
import xarray as xr
from scipy.interpolate import RectBivariateSpline
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.compilation import compiled
from oceanbench.assimilation.fourdvarnet.maps.configuration import MapRecipe, network
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import (
    Grid,
    Scene,
    grid_around,
    scene,
)
from oceanbench.assimilation.fourdvarnet.maps.patches import FloatArray, Scale, triangle
from oceanbench.assimilation.fourdvarnet.solver import FourDVarNet
from oceanbench.assimilation.observations.along_track_errors import AlongTrack
from oceanbench.learning import ensembles

MARGIN = 1.0  # degrees around the maps that the networks see
WINDOWS_AT_ONCE = 8


@dataclass(frozen=True)
class Trained:
    """Members of a training.

    Attributes
    ----------
    recipe, scale : that they were trained with
    second : scale of the second field, or none
    along_track : errors of first guess and altimeters, or none
    solvers : at least one
    device : of torch
    """

    recipe: MapRecipe
    scale: Scale
    solvers: tuple[FourDVarNet, ...]
    device: str
    second: Scale | None = None
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
    ) -> Trained:
        """Take up weights.

        Parameters
        ----------
        weights : from :func:`oceanbench.assimilation.fourdvarnet.maps.training.train_members`
        name : of the method, for messages
        member : the number of one member, or -1 for all
        device : of torch
        compile_it : see :func:`oceanbench.assimilation.fourdvarnet.compilation.compiled`
        """
        recipe = ensembles.configuration_of(MapRecipe, weights, name)
        scale = Scale.of(weights, name=name)
        second = Scale.of(weights, "second_", name=name) if recipe.second else None
        errors = AlongTrack.of(weights, name=name) if recipe.knows_errors else None
        solvers = ensembles.load_networks(
            lambda: network(recipe), weights, name=name, member=member, device=device
        )
        if compile_it:
            solvers = [compiled(solver, device) for solver in solvers]
        return cls(recipe, scale, tuple(solvers), device, second, errors)

    def grid(self, target: xr.DataArray) -> Grid:
        """Grid on which a target is estimated."""
        days = self.recipe.days // 2
        return grid_around(target, self.recipe.step_degrees, margin=MARGIN, days=days)

    def scene(
        self,
        inputs: Mapping[str, xr.Dataset],
        variable: str,
        grid: Grid,
        *,
        first_guess: str = "",
        missions: str = "",
    ) -> Scene:
        """What the solvers are to be given.

        Parameters
        ----------
        inputs, variable, grid, missions : as for
            :func:`oceanbench.assimilation.fourdvarnet.maps.gridded_observations.scene`
        first_guess : another than that of the training
        """
        return scene(
            inputs,
            variable,
            grid,
            first_guess=first_guess or self.recipe.first_guess,
            missions=missions,
            second=self.recipe.second,
            along_track=self.along_track,
            device=self.device,
        )

    def maps(self, seen: Scene) -> FloatArray:
        """Estimates of a scene, (members, days, rows, columns), in its unit."""
        scale = self.scale
        return np.stack(
            [scale.mean + scale.deviation * self._blended(s, seen) for s in self.solvers]
        )

    def _blended(self, solver: FourDVarNet, seen: Scene) -> FloatArray:
        """Normalised estimates, windows blended as they are weighted in training."""
        length, apart = self.recipe.days, self.scale.apart
        given = [apart(seen.values), torch.as_tensor(seen.observed), apart(seen.first_guess)]
        if self.second is not None and seen.second is not None:
            given.append(self.second.apart(seen.second))
        windows = [values.unfold(0, length, 1).movedim(-1, 1).to(self.device) for values in given]
        found = in_parts(solver, *windows).double().cpu()
        weight = triangle(length).double()[:, None, None]
        total, norm = np.zeros(seen.values.shape), np.zeros((len(seen.values), 1, 1))
        for first, window in enumerate(found):
            days = slice(first, first + length)
            total[days] += (weight * window).numpy()
            norm[days] += weight.numpy()
        return total / norm


def in_parts(solver: FourDVarNet, *windows: Tensor) -> Tensor:
    """Estimates of many windows, some at once."""
    parts = zip(*(torch.split(w, WINDOWS_AT_ONCE) for w in windows), strict=True)
    with torch.inference_mode():
        return torch.cat([solver(*part) for part in parts])


def estimate_members(
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

    Returns
    -------
    (members, time, latitude, longitude)
    """
    trained = Trained.of(weights, name=name, member=member, device=device, compile_it=compile_it)
    grid = trained.grid(target)
    seen = trained.scene(inputs, str(target.name), grid, first_guess=first_guess, missions=missions)
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
    nodes = (field["latitude"].values, field["longitude"].values)
    fine = np.stack([RectBivariateSpline(*nodes, daily)(*axes) for daily in field.values])
    places = {"time": field["time"], "latitude": axes[0], "longitude": axes[1]}
    daily = xr.DataArray(fine, places, ("time", "latitude", "longitude"))
    return cast(FloatArray, daily.interp(time=target["time"]).values)
