"""What a 4DVarNet learns from where no truth is known: an altimeter that it is not given.

The period is observed by all altimeters but one, as often as there are altimeters; first guess and
network never see that one, and are judged by its observations. Where those are, their error is all
that the loss has beside the estimate's, and a network cannot learn errors that are independent of
everything it is given.

References
----------
Archambault et al. (2024), Learning sea surface height interpolation from multi-variate simulated
satellite observations, doi:10.1029/2023MS004047
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.batch import Batch
from oceanbench.assimilation.fourdvarnet.maps.configuration import MapRecipe
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import (
    Grid,
    grid_around,
    gridded,
    scene,
)
from oceanbench.assimilation.fourdvarnet.maps.patches import Bank, Scale, Strip, second_scale, strip
from oceanbench.assimilation.fourdvarnet.maps.simulated_missions import Lessons
from oceanbench.assimilation.fourdvarnet.maps.training import (
    CHECKED_DAYS,
    check_length,
    learned_days,
)
from oceanbench.assimilation.fourdvarnet.maps.training import course as truth_course
from oceanbench.assimilation.observations.along_track_errors import AlongTrack
from oceanbench.assimilation.observations.superobservations import DAY, chosen_missions
from oceanbench.errors import OceanbenchError
from oceanbench.progress import progress


@dataclass(frozen=True)
class HiddenCourse:
    """Training period observed by all altimeters but one, one after the other.

    Attributes
    ----------
    strips : of all days; what is known is where the altimeter flew that is not given
    scale, second : by which the variable and the second field are normalised
    """

    strips: tuple[Strip, ...]
    scale: Scale
    second: Scale | None
    along_track: AlongTrack | None = None  # without a truth, errors are not known

    def learned(self) -> Bank:
        """Days before those that validate, and a gap."""
        days = learned_days(len(self.strips[0].truth))
        return Bank(tuple(part.days(0, days) for part in self.strips))

    def checks(self, days: int) -> Batch:
        """Windows of the days that validate, with every altimeter hidden in turn."""
        count = len(self.strips[0].truth)
        parts = [part.days(count - CHECKED_DAYS, count).windows(days) for part in self.strips]

        def joined(name: str) -> Tensor | None:
            values = [getattr(part, name) for part in parts]
            return None if values[0] is None else torch.cat(values)

        return parts[0].each(joined)


def course(
    inputs: Mapping[str, xr.Dataset],
    recipe: MapRecipe,
    *,
    name: str,
    missions: str = "",
    device: str = "cpu",
) -> HiddenCourse:
    """Observe the period of the inputs by all altimeters but one; maps of its truth are not read.

    Parameters
    ----------
    inputs : tracks and swaths, and what a mean field is made of
    recipe : of the networks
    name : of the method, for messages
    missions : as for :func:`oceanbench.assimilation.observations.superobservations.samples`, at
        least two
    device : of torch
    """
    given = {n: inputs[n] for n in inputs if inputs[n].attrs.get("role") != "training"}
    names = chosen_missions(given, missions)
    if len(names) < 2:
        raise OceanbenchError(
            f"{name}: supervised=False hides one altimeter from the others, and there is only "
            f"{names[0]}; name more with missions"
        )
    variable = _variable(given, names, name)
    grid = _grid(given, names, variable, recipe.step_degrees)
    check_length(len(grid.days), recipe, name)
    seen, hidden = [], []
    for one in progress(names, "scenes"):
        others = ",".join(other for other in names if other != one)
        found = scene(
            given,
            variable,
            grid,
            first_guess=recipe.first_guess,
            missions=others,
            second=recipe.second,
            device=device,
        )
        seen.append(found)
        hidden.append(gridded(given, variable, grid, found.first_guess, missions=one))
    known = np.concatenate([values[where] for values, where in hidden])
    scale, second = Scale(float(known.mean()), float(known.std())), second_scale(seen[0])
    strips = [strip(s, *h, scale, second) for s, h in zip(seen, hidden, strict=True)]
    return HiddenCourse(tuple(strips), scale, second)


def lessons_of(
    inputs: Mapping[str, xr.Dataset],
    recipe: MapRecipe,
    *,
    name: str,
    seed: int,
    missions: str = "",
    device: str = "cpu",
    checkpoint: str = "",
) -> Lessons:
    """Lessons from training maps, or from hidden altimeters, as a recipe says.

    Parameters
    ----------
    inputs, recipe, name, missions, device : as for :func:`course`
    seed : of the tracks on other days, where maps are known
    checkpoint : folder that keeps their scenes, or nothing
    """
    if recipe.supervised:
        return truth_course(
            inputs,
            recipe,
            name=name,
            seed=seed,
            missions=missions,
            device=device,
            checkpoint=checkpoint,
        )
    return course(inputs, recipe, name=name, missions=missions, device=device)


def _variable(given: Mapping[str, xr.Dataset], names: list[str], name: str) -> str:
    """Name of what all missions observe."""
    common = set.intersection(*({str(v) for v in given[n].data_vars} for n in names)) - {"track"}
    if len(common) != 1:
        raise OceanbenchError(
            f"{name}: {', '.join(names)} have {', '.join(sorted(common)) or 'nothing'} in common, "
            "expected one variable; name missions that observe the same one"
        )
    return common.pop()


def _grid(given: Mapping[str, xr.Dataset], names: list[str], variable: str, step: float) -> Grid:
    """Whole days of the observations, and the box that they lie in."""
    times = np.concatenate([given[n]["time"].values for n in names])
    first = times.min().astype("datetime64[D]").astype("datetime64[ns]")
    days = np.arange(first, times.max(), DAY)
    axes = {}
    for axis in ("latitude", "longitude"):
        values = np.concatenate([given[n][axis].values.ravel() for n in names])
        axes[axis] = [np.nanmin(values), np.nanmax(values)]
    box = np.zeros((len(days), 2, 2))
    return grid_around(xr.DataArray(box, {"time": days, **axes}, ("time", *axes), variable), step)
