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
from functools import partial
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.batch import Batch
from oceanbench.assimilation.fourdvarnet.maps.cache import cached
from oceanbench.assimilation.fourdvarnet.maps.configuration import MapConfiguration
from oceanbench.assimilation.fourdvarnet.maps.first_guess_maps import check_given_maps
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import grid_observations
from oceanbench.assimilation.fourdvarnet.maps.map_grid import MapGrid, grid_around
from oceanbench.assimilation.fourdvarnet.maps.normalisation import Normalisation
from oceanbench.assimilation.fourdvarnet.maps.patches import (
    ObservedSeries,
    PatchSampler,
    normalised_series,
)
from oceanbench.assimilation.fourdvarnet.maps.simulated_missions import observe
from oceanbench.assimilation.fourdvarnet.maps.training_set import check_length, learned_days
from oceanbench.assimilation.observations.along_track_errors import AlongTrack
from oceanbench.assimilation.observations.missions import chosen_missions
from oceanbench.assimilation.observations.superobservations import DAY
from oceanbench.data.opening import EXTRAS
from oceanbench.errors import OceanbenchError
from oceanbench.grid import longitude_range
from oceanbench.learning.patches import CHECKED_DAYS
from oceanbench.progress import progress


@dataclass(frozen=True)
class HeldOutMissions:
    """Training period observed by all altimeters but one, one after the other.

    Attributes
    ----------
    series : of all days; what is known is where the altimeter flew that is not given
    normalisation, second : of the variable and of the second field
    """

    series: tuple[ObservedSeries, ...]
    normalisation: Normalisation
    second: Normalisation | None
    along_track: AlongTrack | None = None  # without a truth, errors are not known

    def sampler(self) -> PatchSampler:
        """What is learned from: days before those that validate, and a gap."""
        days = learned_days(len(self.series[0].truth))
        return PatchSampler(tuple(one.days(0, days) for one in self.series))

    def validation_windows(self, days: int) -> Batch:
        """Windows of the days that validate, with every altimeter held out in turn."""
        count = len(self.series[0].truth)
        parts = [one.days(count - CHECKED_DAYS, count).windows(days) for one in self.series]

        def joined(name: str) -> Tensor | None:
            values = [getattr(part, name) for part in parts]
            return None if values[0] is None else torch.cat(values)

        return parts[0].each(joined)


def hold_out_missions(
    inputs: Mapping[str, xr.Dataset],
    configuration: MapConfiguration,
    *,
    name: str,
    missions: str = "",
    device: str = "cpu",
    checkpoint: str = "",
) -> HeldOutMissions:
    """Observe the period of the inputs by all altimeters but one; maps of its truth are not read.

    Parameters
    ----------
    inputs : tracks and swaths, and what a mean field is made of
    configuration : of the networks
    name : of the method, for messages
    missions : as for :func:`oceanbench.assimilation.observations.superobservations.samples`, at
        least two
    device : of torch
    checkpoint : folder that keeps what was observed, or nothing
    """
    given = {n: inputs[n] for n in inputs if inputs[n].attrs.get("role") != "training"}
    names = chosen_missions(given, missions)
    if len(names) < 2:
        raise OceanbenchError(
            f"{name}: supervised=False hides one altimeter from the others, and there is only "
            f"{names[0]}; name more with missions"
        )
    variable = observed_variable(given, names, name)
    grid = observed_grid(given, names, variable, configuration.step_degrees)
    check_length(len(grid.days), configuration, name)
    check_given_maps(given, variable, grid, configuration)
    seen, held_out = [], []
    bar = progress(names, "scenes", lambda: "hidden for the training")
    for number, one in enumerate(bar, start=1):
        options: dict[str, Any] = {
            "first_guess": configuration.first_guess,
            "missions": ",".join(other for other in names if other != one),
            "second": configuration.second,
        }
        make = partial(observe, given, variable, grid, device=device, **options)
        label = f"scene {number} of {len(names)}, "
        seen.append(cached(make, checkpoint, given, grid, options, label=label))
        around = (given, variable, grid, seen[-1].first_guess)
        held_out.append(grid_observations(*around, missions=one))
    known = np.concatenate([one.values[one.observed] for one in held_out])
    normalisation, second = Normalisation.fitted(known), seen[0].second_normalisation()
    series = [
        normalised_series(visible, hidden.values, hidden.observed, normalisation, second)
        for visible, hidden in zip(seen, held_out, strict=True)
    ]
    return HeldOutMissions(tuple(series), normalisation, second)


def observed_variable(given: Mapping[str, xr.Dataset], names: list[str], name: str) -> str:
    """Name of what all missions observe.

    Parameters
    ----------
    given : tracks and swaths
    names : of the missions
    name : of the method, for messages
    """
    common = set.intersection(*({str(v) for v in given[n].data_vars} for n in names)) - {*EXTRAS}
    if len(common) != 1:
        raise OceanbenchError(
            f"{name}: {', '.join(names)} have {', '.join(sorted(common)) or 'nothing'} in common, "
            "expected one variable; name missions that observe the same one"
        )
    return common.pop()


def observed_grid(
    given: Mapping[str, xr.Dataset], names: list[str], variable: str, step: float
) -> MapGrid:
    """Whole days of the observations, and the box that they lie in.

    Parameters
    ----------
    given : tracks and swaths
    names : of the missions
    variable : that they observe
    step : of the nodes, in degrees
    """
    times = np.concatenate([given[n]["time"].values for n in names])
    first = times.min().astype("datetime64[D]").astype("datetime64[ns]")
    days = np.arange(first, times.max(), DAY)
    latitude, longitude = (
        np.concatenate([given[n][axis].values.ravel() for n in names])
        for axis in ("latitude", "longitude")
    )
    axes = {"latitude": [np.nanmin(latitude), np.nanmax(latitude)]}
    axes["longitude"] = list(longitude_range(longitude))
    box = np.zeros((len(days), 2, 2))
    return grid_around(xr.DataArray(box, {"time": days, **axes}, ("time", *axes), variable), step)
