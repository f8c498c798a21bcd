"""Estimates that members are drawn about: those of learned mappings, and where these disagree.

A mapping is what :mod:`oceanbench.assimilation.fourdvarnet.maps` trains, with a first guess of its
own. Its weights travel with those of the network that draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from torch import Tensor

from oceanbench.assimilation.fourdvarnet.maps.first_guess_maps import first_guess_maps
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import grid_observations
from oceanbench.assimilation.fourdvarnet.maps.inference import TrainedMembers
from oceanbench.assimilation.fourdvarnet.maps.map_grid import MapGrid
from oceanbench.errors import OceanbenchError
from oceanbench.learning.kept_arrays import Arrays, digest_of

PREFIX = "base"  # of the names of a mapping's weights, before its number
OF_MAPPINGS = ("estimates", "guesses")  # arrays of scenes that there is one of for each mapping


@dataclass(frozen=True)
class BaseEstimates:
    """Learned mappings, each with the first guess that it was trained with.

    Attributes
    ----------
    weights : of every mapping, as
        :func:`oceanbench.assimilation.fourdvarnet.maps.training.train_members` finds them
    name : of the method, for messages
    device : of torch
    """

    weights: Sequence[Mapping[str, Tensor]]
    name: str
    device: str = "cpu"

    @cached_property
    def mappings(self) -> list[TrainedMembers]:
        """Of the weights, on one grid."""
        made = [TrainedMembers.of(w, name=self.name, device=self.device) for w in self.weights]
        if len({(one.configuration.step_degrees, one.configuration.days) for one in made}) != 1:
            raise OceanbenchError(
                f"{self.name}: its mappings work on different grids or days; give such as were "
                "trained with one step_degrees and one number of days"
            )
        return made

    @cached_property
    def made_of(self) -> str:
        """Letters that are others for other mappings."""
        told = [digest_of({k: v.numpy() for k, v in one.items()}) for one in self.weights]
        return repr((told, self.first_guesses))

    @property
    def first_guesses(self) -> tuple[str, ...]:
        """Of every mapping."""
        return tuple(one.configuration.first_guess for one in self.mappings)

    def tensors(self) -> dict[str, Tensor]:
        """To be kept with the weights of the network that draws."""
        named = enumerate(self.weights)
        return {f"{PREFIX}{number}.{k}": v for number, one in named for k, v in one.items()}

    @classmethod
    def kept(
        cls, weights: Mapping[str, Tensor], *, name: str, device: str = "cpu"
    ) -> BaseEstimates:
        """Mappings that are kept with weights.

        Parameters
        ----------
        weights : with those of :meth:`tensors`
        name, device : as of the class
        """
        found: dict[str, dict[str, Tensor]] = {}
        for key, value in weights.items():
            mapping, _, rest = key.partition(".")
            if mapping.startswith(PREFIX):
                found.setdefault(mapping, {})[rest] = value
        if not found:
            raise OceanbenchError(f"{name}: weights without those of a mapping; train it")
        return cls([found[mapping] for mapping in sorted(found)], name, device)

    def of(
        self, inputs: Mapping[str, xr.Dataset], variable: str, grid: MapGrid, *, missions: str = ""
    ) -> Arrays:
        """Estimates on a grid, and what they are made of.

        Parameters
        ----------
        inputs : tracks, and what a mean field is made of
        variable : its name
        grid : days and nodes
        missions : as for
            :func:`oceanbench.assimilation.fourdvarnet.maps.first_guess_maps.first_guess_maps`

        Returns
        -------
        ``estimates`` and ``guesses`` (mappings, days, rows, columns), the ``misfit`` of
        observations to the first of the guesses and where they are ``observed`` (days, rows,
        columns)
        """
        guesses, estimates, misfit, observed = {}, [], None, None
        for trained, guess in zip(self.mappings, self.first_guesses, strict=True):
            if guess not in guesses:
                guesses[guess] = first_guess_maps(
                    inputs, variable, grid, guess, missions=missions, device=self.device
                )
            seen = grid_observations(
                inputs,
                variable,
                grid,
                guesses[guess],
                missions=missions,
                along_track=trained.along_track,
            )
            if misfit is None:
                misfit, observed = seen.values - seen.first_guess, seen.observed
            estimates.append(trained.maps(seen).mean(axis=0))
        assert misfit is not None and observed is not None
        every = np.stack([guesses[guess] for guess in self.first_guesses])
        found = {"estimates": np.stack(estimates), "guesses": every, "misfit": misfit}
        return {k: v.astype(np.float32) for k, v in found.items()} | {"observed": observed}
