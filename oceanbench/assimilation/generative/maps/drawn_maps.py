"""Members of maps, drawn by a trained network about the estimates of learned mappings."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from oceanbench.arrays import FloatArray
from oceanbench.assimilation.fourdvarnet.maps.inference import splined
from oceanbench.assimilation.fourdvarnet.maps.map_grid import MARGIN, MapGrid, grid_around
from oceanbench.assimilation.generative.maps.base_estimates import BaseEstimates
from oceanbench.assimilation.generative.maps.configuration import (
    MemberConfiguration,
    member_network,
)
from oceanbench.assimilation.generative.maps.contexts import (
    REACH,
    ErrorScale,
    contexts,
    mirrored,
    series,
)
from oceanbench.assimilation.generative.maps.member_network import MemberNetwork
from oceanbench.errors import OceanbenchError
from oceanbench.learning import ensembles
from oceanbench.learning.kept_arrays import Arrays
from oceanbench.progress import progress

AT_ONCE = 64  # members of a day in memory


@dataclass(frozen=True)
class MemberMaps:
    """Trained network, mappings and units: all that members are drawn with.

    Attributes
    ----------
    network : trained
    bases : mappings
    scale : units
    spread : factor of the deviations
    device : of torch
    """

    network: MemberNetwork
    bases: BaseEstimates
    scale: ErrorScale
    spread: float
    device: str = "cpu"

    @classmethod
    def of(cls, weights: Mapping[str, Tensor], *, name: str, device: str = "cpu") -> MemberMaps:
        """What :func:`oceanbench.assimilation.generative.maps.member_training.train_members` found.

        Parameters
        ----------
        weights : from there
        name : of the method, for messages
        device : of torch
        """
        bases = BaseEstimates.kept(weights, name=name, device=device)
        configuration = ensembles.configuration_of(MemberConfiguration, weights, name)
        (network,) = ensembles.load_networks(
            lambda: member_network(configuration), weights, name=name, member=0, device=device
        )
        try:
            mean, deviation, size, spread = (
                float(weights[key]) for key in ("mean", "deviation", "size", "spread")
            )
        except KeyError as problem:
            raise OceanbenchError(f"{name}: these are not its weights; train it") from problem
        return cls(network, bases, ErrorScale(mean, deviation, size), spread, device)

    def grid(self, target: xr.DataArray) -> MapGrid:
        """Grid on which a target is estimated."""
        configuration = self.bases.mappings[0].configuration
        days = max(configuration.days // 2, REACH)
        return grid_around(target, configuration.step_degrees, margin=MARGIN, days=days)

    def drawn(
        self,
        inputs: Mapping[str, xr.Dataset],
        target: xr.DataArray,
        *,
        members: int,
        seed: int,
        missions: str = "",
    ) -> FloatArray:
        """Maps that are equally likely, (members, time, latitude, longitude).

        Parameters
        ----------
        inputs : tracks, swaths, and what a mean field is made of
        target : (time, latitude, longitude), to fill
        members : how many, at least two
        seed : of the noise
        missions : as for :meth:`BaseEstimates.of`
        """
        if members < 2:
            raise OceanbenchError(f"members={members}: a distribution has two members or more")
        grid = self.grid(target)
        scene = self.bases.of(inputs, str(target.name), grid, missions=missions)
        mean, deviations = self.parts(scene, members, seed)
        inner = replace(grid, days=grid.days[REACH : grid.days.size - REACH])
        centre = splined(inner.field(mean), target)
        apart = [splined(inner.field(one), target) for one in progress(list(deviations), "members")]
        return np.stack([centre + one for one in apart])

    def parts(self, scene: Arrays, members: int, seed: int) -> tuple[FloatArray, FloatArray]:
        r"""Mean of the members, and their deviations, of all days but the first and the last few.

        Deviations are centred, and multiplied by :math:`\sqrt{M / (M + 1)}`, as those of
        :class:`oceanbench.assimilation.uncertainty.error_samples.Members`: the mean of the members
        is what the network takes for the mean.

        Parameters
        ----------
        scene : as :meth:`BaseEstimates.of` finds it
        members : how many
        seed : of the noise
        """
        channels, estimate = series(scene, self.scale)
        days, (rows, columns) = len(estimate) - 2 * REACH, estimate.shape[1:]
        mean = np.empty((days, rows, columns))
        deviations = np.empty((members, days, rows, columns), dtype=np.float32)
        noise = self._noise(members, days, (rows, columns), seed)
        for day in progress(range(days), "days of members", lambda: "drawn"):
            window = channels[None, day : day + 2 * REACH + 1].to(self.device)
            context = contexts(window)
            some = noise[:, day : day + 2 * self.network.reach + 1].flatten(1, 2)
            parts = [self._drawn(context, part) for part in torch.split(some, AT_ONCE)]
            mean[day] = self._mean(window)
            deviations[:, day] = np.concatenate(parts)
        deviations -= deviations.mean(axis=0)
        factor = self.scale.size * self.spread * (members / (members + 1.0)) ** 0.5
        found = estimate[REACH : len(estimate) - REACH].double().numpy() + self.scale.size * mean
        return found, factor * deviations.astype(np.float64)

    def _drawn(self, context: Tensor, noise: Tensor) -> FloatArray:
        """Deviations (members, rows, columns) of a day."""
        with torch.inference_mode():
            _, deviations = self.network(context, noise[:, None].to(self.device))
        found: FloatArray = deviations[:, 0].double().cpu().numpy()
        return found

    def _mean(self, window: Tensor) -> FloatArray:
        """Mean (rows, columns) of a day's error, of all mirrors of its window."""
        found = []
        with torch.inference_mode():
            for north, east in itertools.product((False, True), repeat=2):
                one = self.network.mean(contexts(mirrored(window, north=north, east=east)))[0]
                one = -one.flip(-2) if north else one
                found.append(one.flip(-1) if east else one)
        average: FloatArray = torch.stack(found).mean(0).double().cpu().numpy()
        return average

    def _noise(self, members: int, days: int, nodes: tuple[int, int], seed: int) -> Tensor:
        """Noise (members, days and neighbours, fields, rows, columns), each member's its own.

        It is drawn day by day, so that more days begin with the noise of fewer.
        """

        def each() -> Iterator[Tensor]:
            for number in np.random.SeedSequence(seed).generate_state(members):
                random = torch.Generator().manual_seed(int(number))
                one = (self.network.noise, *nodes)
                every = range(days + 2 * self.network.reach)
                yield torch.stack([torch.randn(one, generator=random) for _ in every])

        return torch.stack(list(each()))
