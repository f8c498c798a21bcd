"""Errors of learned maps: learned in training, where the truth is known, and drawn as members.

Three ways, by one interface (:mod:`oceanbench.assimilation.uncertainty.error_samples`): the
networks of several seeds, their spread made as large as their error in validation; draws of the
truth's own statistics, observed and mapped as the real ones are (conditional simulation); and the
estimate itself with errors like those in validation, observed and mapped again (random
perturbation).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.fourdvarnet.maps.first_guess_maps import mean_on
from oceanbench.assimilation.fourdvarnet.maps.inference import (
    TrainedMembers,
    estimate_members,
    splined,
)
from oceanbench.assimilation.fourdvarnet.maps.map_grid import KnownMaps, MapGrid
from oceanbench.assimilation.fourdvarnet.maps.training_set import TrainingSet
from oceanbench.assimilation.observations.missions import chosen_missions
from oceanbench.assimilation.observations.superobservations import mean_field
from oceanbench.assimilation.uncertainty.error_samples import (
    MappingMethod,
    Members,
    conditional,
    perturbed,
    spread_factor,
)
from oceanbench.assimilation.uncertainty.spde import Lattice, Spde
from oceanbench.assimilation.uncertainty.spde_fit import fit, prior
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.grid import KM_PER_DEGREE
from oceanbench.observing.noise import AltimeterError, fitted_error, nadir_error
from oceanbench.observing.sampling import sample
from oceanbench.progress import progress

WAYS = ("ensemble", "conditional", "perturbed")
SMOOTHNESS = 3  # of the fields that are drawn
FITTED_DAYS = 32  # at the end of the training, of the truth's anomaly from its mean


@dataclass(frozen=True)
class ErrorStatistics:
    """What training says about errors.

    Attributes
    ----------
    spread : factor that makes the spread of the members as large as the error of their mean
    field : of the truth's anomalies from its mean in time
    error : of the error of the members' mean
    noise : of the observations
    """

    spread: float
    field: Spde
    error: Spde
    noise: AltimeterError

    def tensors(self) -> dict[str, Tensor]:
        """To be kept with the weights."""
        noise = (self.noise.white, self.noise.correlated, self.noise.decorrelation_seconds)
        return {
            "spread": torch.tensor(self.spread),
            "field": self.field.vector(),
            "error": self.error.vector(),
            "noise": torch.tensor(noise),
        }

    @classmethod
    def of(cls, weights: Mapping[str, Tensor], name: str) -> ErrorStatistics:
        """Read what was kept with the weights of the method of a name."""
        missing = {"spread", "field", "error", "noise"} - weights.keys()
        if missing:
            raise OceanbenchError(f"{name}: weights without {', '.join(sorted(missing))}; train it")
        return cls(
            float(weights["spread"]),
            Spde.of(weights["field"], SMOOTHNESS),
            Spde.of(weights["error"], SMOOTHNESS),
            AltimeterError(*weights["noise"].tolist()),
        )


@dataclass(frozen=True)
class TrackSamples:
    """Samples of altimeters, one mission after the other; n in all.

    Attributes
    ----------
    tracks : by mission
    variable : that they are of
    """

    tracks: Mapping[str, xr.Dataset]
    variable: str

    @classmethod
    def inside(
        cls, inputs: Mapping[str, xr.Dataset], variable: str, grid: MapGrid, missions: str
    ) -> TrackSamples:
        """Those on the days and in the box of a grid."""
        names = chosen_missions(inputs, missions)
        for mission in names:
            if inputs[mission].attrs["layout"] != "track":
                raise OceanbenchError(
                    f"{mission}: errors of a swath are not known; draw members with tracks only, "
                    "or take way=ensemble"
                )
        return cls({mission: grid.inside(inputs[mission], variable) for mission in names}, variable)

    @property
    def values(self) -> FloatArray:
        """What was observed, (n,)."""
        return np.concatenate([track[self.variable].values for track in self.tracks.values()])

    def with_values(self, values: FloatArray) -> dict[str, xr.Dataset]:
        """The same tracks with other values (n,)."""
        ends = np.cumsum([track.sizes["time"] for track in self.tracks.values()])[:-1]
        parts = zip(self.tracks.items(), np.split(values, ends), strict=True)
        return {n: track.assign({self.variable: ("time", part)}) for (n, track), part in parts}

    def of_field(self, field: xr.DataArray) -> FloatArray:
        """Values (n,) of a field at the places and times of the samples."""
        return np.concatenate([sample(field, track).values for track in self.tracks.values()])

    def errors(self, noise: AltimeterError, random: np.random.Generator) -> FloatArray:
        """One draw (n,) of the errors of the altimeters."""
        seeds = random.integers(2**63, size=len(self.tracks))
        drawn = [
            nadir_error(track, seed=int(seed), **asdict(noise)).values
            for track, seed in zip(self.tracks.values(), seeds, strict=True)
        ]
        return np.concatenate(drawn)


def calibrate(
    data: TrainingSet,
    weights: Mapping[str, Tensor],
    inputs: Mapping[str, xr.Dataset],
    *,
    name: str,
    missions: str = "",
    device: str = "cpu",
) -> ErrorStatistics:
    """Learn the errors of trained members from the days that validate.

    Parameters
    ----------
    data : that they learned from
    weights : of two members or more
    inputs : of the training
    name : of the method, for messages
    missions : that they learned with
    device : of torch
    """
    seen, known = data.validation_maps()
    members = Members(TrainedMembers.of(weights, name=name, device=device).maps(seen))
    lattice = _lattice(data.grid)
    there, maps = np.isfinite(known), KnownMaps.of(data.maps)
    residual = np.where(there, members.mean - known, 0.0)[there.any((1, 2))]
    anomaly = data.truth - data.truth.mean(axis=0)
    tracks = [inputs[mission] for mission in chosen_missions(inputs, missions)]
    return ErrorStatistics(
        spread_factor([members], [known]),
        fit(anomaly[-FITTED_DAYS:], lattice, smoothness=SMOOTHNESS),
        fit(residual, lattice, smoothness=SMOOTHNESS),
        fitted_error(tracks, maps.field, maps.sea),
    )


def draw_members(
    inputs: Mapping[str, xr.Dataset],
    target: xr.DataArray,
    weights: Mapping[str, Tensor],
    *,
    name: str,
    way: str,
    members: int,
    seed: int,
    missions: str = "",
    device: str = "cpu",
) -> FloatArray:
    """Maps that are equally likely, (members, time, latitude, longitude).

    Parameters
    ----------
    inputs, target, name, missions, device : as for
        :func:`oceanbench.assimilation.fourdvarnet.maps.inference.estimate_members`
    weights : of the members and of their :class:`ErrorStatistics`
    way : one of :data:`WAYS`
    members : how many are drawn; an ensemble has those that were trained
    seed : of the draws
    """
    if way not in WAYS:
        raise OceanbenchError(f"{name}: way={way}: unknown; {did_you_mean(way, WAYS)}")
    known = ErrorStatistics.of(weights, name)
    found = Members(
        estimate_members(inputs, target, weights, name=name, missions=missions, device=device)
    )
    if way == "ensemble":
        return found.scaled(known.spread).values
    trained = TrainedMembers.of(weights, name=name, device=device)
    grid = trained.grid(target)
    samples = TrackSamples.inside(inputs, str(target.name), grid, missions)
    mapped = mapping_method(samples, inputs, trained, grid, known.noise, missions)
    lattice, days = _lattice(grid), grid.days.size
    if way == "conditional":
        mean = mean_on(grid, mean_field(inputs, str(target.name), grid.centre, of_training=True))
        anomalies = prior(known.field, lattice, times=days)
        drawn = conditional(
            mapped,
            lambda count, random: mean + anomalies(count, random),
            members=members,
            seed=seed,
        )
    else:
        drawn = perturbed(
            mapped, prior(known.error, lattice, times=days), members=members, seed=seed
        )
    errors = [splined(grid.field(values - drawn.mean), target) for values in drawn.values]
    return found.mean + np.stack(errors)


def mapping_method(
    samples: TrackSamples,
    inputs: Mapping[str, xr.Dataset],
    trained: TrainedMembers,
    grid: MapGrid,
    noise: AltimeterError,
    missions: str,
) -> MappingMethod:
    """How the mean of trained members maps samples, and what errors these have."""
    return MappingMethod(
        solver=partial(each_mapped, samples, inputs, trained, grid, missions),
        values=samples.values,
        observe=partial(each_observed, samples, grid),
        error=partial(drawn_errors, samples, noise),
    )


def each_mapped(
    samples: TrackSamples,
    inputs: Mapping[str, xr.Dataset],
    trained: TrainedMembers,
    grid: MapGrid,
    missions: str,
    sets: FloatArray,
) -> FloatArray:
    """Mean maps (k, time, latitude, longitude) of k sets of values of the samples, (k, n)."""
    others = {name: inputs[name] for name in inputs if name not in samples.tracks}
    maps = []
    for number in progress(range(len(sets)), "members"):
        given = others | samples.with_values(sets[number])
        observations = trained.observe(given, samples.variable, grid, missions=missions)
        maps.append(trained.maps(observations).mean(axis=0))
    return np.stack(maps)


def each_observed(samples: TrackSamples, grid: MapGrid, fields: FloatArray) -> FloatArray:
    """Values (k, n) of k fields on the grid, where the samples are."""
    return np.stack([samples.of_field(grid.field(field)) for field in fields])


def drawn_errors(
    samples: TrackSamples, noise: AltimeterError, count: int, random: np.random.Generator
) -> FloatArray:
    """Draws (count, n) of the errors of the altimeters."""
    return np.stack([samples.errors(noise, random) for _ in range(count)])


def _lattice(grid: MapGrid) -> Lattice:
    north, east = (float(axis[1] - axis[0]) for axis in (grid.latitude, grid.longitude))
    shrink = float(np.cos(np.deg2rad(grid.latitude.mean())))
    rows, columns = grid.shape[1:]
    return Lattice(rows, columns, KM_PER_DEGREE * north, KM_PER_DEGREE * shrink * east, 1.0)
