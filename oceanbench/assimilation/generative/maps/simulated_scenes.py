"""Scenes whose errors are honest: seas that the mappings have never seen, observed and mapped.

Errors of a mapping in the days that it learned from are too small. So the two-layer jet is
simulated with another seed (:mod:`oceanbench.assimilation.fourdvarnet.forecasts.worlds`), and the
altimeters of the training period, moved by some days and degrees, fly over it with the errors that
they had. The mean field of a scene is that of other days of its sea, as where maps are wanted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.fourdvarnet.forecasts.worlds import laid, simulated
from oceanbench.assimilation.fourdvarnet.maps.map_grid import KnownMaps, bicubic, grid_around
from oceanbench.assimilation.fourdvarnet.maps.simulated_missions import flown_missions
from oceanbench.assimilation.fourdvarnet.maps.training_set import training_truth
from oceanbench.assimilation.generative.maps.base_estimates import BaseEstimates
from oceanbench.errors import OceanbenchError
from oceanbench.learning.kept_arrays import Arrays, digest_of, kept, named
from oceanbench.learning.patches import CHECKED_DAYS
from oceanbench.observing.reflown import reflown
from oceanbench.progress import progress

WORLD_SEED = 20  # of the simulation
SHIFTS_SEED = 20  # of the days and degrees by which altimeters are moved
BEYOND = 0.5  # degrees of a simulated sea around the training maps


@dataclass(frozen=True)
class SceneMaker:
    """What scenes are made of.

    Attributes
    ----------
    inputs : of the training
    bases : mappings
    missions : that fly; by default those not optional
    worlds : how many periods are simulated, each as long as that of the training
    checkpoint : folder that keeps what is made, or nothing
    """

    inputs: Mapping[str, xr.Dataset]
    bases: BaseEstimates
    missions: str
    worlds: int
    checkpoint: str = ""

    @property
    def truth(self) -> xr.DataArray:
        """Training maps."""
        names = flown_missions(self.inputs, self.missions)
        return training_truth(self.inputs, self.bases.name, names)

    def simulated(self) -> list[Arrays]:
        """Scenes of the simulated seas: estimates and all beside them, and the ``truth``."""
        if self.worlds < 2:
            raise OceanbenchError(
                f"{self.bases.name}: worlds={self.worlds}: expected at least 2, for the mean field "
                "of one is that of another"
            )
        truth = self.truth
        days = truth.sizes["time"]
        heights = simulated(days * self.worlds, WORLD_SEED, checkpoint=self.checkpoint)
        random, found = np.random.default_rng(SHIFTS_SEED), []
        width = float(np.ptp(truth["longitude"].values))
        for number in progress(range(self.worlds), "seas", lambda: "observed and mapped"):
            rolled = int(random.integers(heights.shape[-1]))
            shift = float(random.uniform(0.0, days - 1.0)), float(random.uniform(0.0, width))
            other = abs(number - 1)  # the days before or, of the first, those after
            world, beside = (
                self._laid(heights[n * days : (n + 1) * days], truth, rolled)
                for n in (number, other)
            )
            about = {"": heights[[number * days, other * days]]}
            made_of = repr((digest_of(about), shift, rolled))
            found.append(self._scene(truth, world, beside.mean("time"), shift, made_of))
        return found

    def validation(self, before: int) -> tuple[Arrays, FloatArray]:
        """Days of the challenge that validate its mappings, as they were observed, and their truth.

        Parameters
        ----------
        before : days before them that come along

        Returns
        -------
        the scene, and the truth (days, rows, columns) of all its days, NaN on land
        """
        truth, names = self.truth, flown_missions(self.inputs, self.missions)
        grid = grid_around(truth, self.bases.mappings[0].configuration.step_degrees)
        days = slice(max(grid.days.size - CHECKED_DAYS - before, 0), None)
        there = replace(grid, days=grid.days[days])
        values, known = KnownMaps.of(truth).days(days).on(there)

        def make() -> Arrays:
            return self.bases.of(self.inputs, str(truth.name), there, missions=self.missions)

        tracks = {name: self.inputs[name][str(truth.name)].values for name in names}
        about = repr((digest_of(tracks), digest_of({"": values}), self.bases.made_of))
        scene = kept(self.checkpoint, named("validation", about + self.missions), make)
        return scene, np.where(known, values, np.nan)

    def _laid(self, heights: np.ndarray, truth: xr.DataArray, rolled: int) -> xr.DataArray:
        axes = [truth[name].values for name in ("longitude", "latitude")]
        west, east, south, north = (f(axis) for axis in axes for f in (np.min, np.max))
        world = laid(heights, truth["time"].values, (west, east, south, north), rolled)
        near = {
            "longitude": slice(west - BEYOND, east + BEYOND),
            "latitude": slice(south - BEYOND, north + BEYOND),
        }
        return world.sel(near).rename(truth.name).astype(np.float64)

    def _scene(
        self,
        truth: xr.DataArray,
        world: xr.DataArray,
        mean: xr.DataArray,
        shift: tuple[float, float],
        made_of: str,
    ) -> Arrays:
        names, variable = flown_missions(self.inputs, self.missions), str(truth.name)
        maps = KnownMaps.of(truth)
        grid = grid_around(truth, self.bases.mappings[0].configuration.step_degrees)

        def make() -> Arrays:
            days, degrees = shift
            flown = {
                name: reflown(self.inputs[name], maps.field, days=days, degrees=degrees, over=world)
                for name in names
            }
            known = mean.expand_dims(time=truth["time"].values[:1]).to_dataset(name=variable)
            known.attrs.update(role="training", layout="grid")
            seen = self.bases.of(flown | {"mean": known}, variable, grid, missions=self.missions)
            on_grid = bicubic(world, grid.latitude, grid.longitude).astype(np.float32)
            return dict(seen) | {"truth": on_grid}

        tracks = {name: self.inputs[name][variable].values for name in names}
        about = repr((made_of, digest_of(tracks), self.bases.made_of, self.missions))
        return kept(self.checkpoint, named("scene", about), make)
