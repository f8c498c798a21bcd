r"""Increments of a first guess over any box, of any size and at any place.

The box is cut into patches that overlap, on square cells as wide as those of the training; their
increments are splined back and blended. So are windows of days in time. Where a patch shows no
errors that a whole pass shares (:mod:`oceanbench.assimilation.fourdvarnet.anywhere.innovations`), a
second pass follows: the estimate is a better first guess, and has innovations of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.assimilation.fourdvarnet.anywhere.box import Box
from oceanbench.assimilation.fourdvarnet.anywhere.first_guess import (
    Scales,
    first_guess,
    sea_mask,
)
from oceanbench.assimilation.fourdvarnet.anywhere.innovations import CellSamples
from oceanbench.assimilation.fourdvarnet.anywhere.network import IncrementNetwork
from oceanbench.assimilation.fourdvarnet.anywhere.scaling import DAY_WEIGHTS, Windows
from oceanbench.assimilation.fourdvarnet.maps.first_guess_maps import mean_on
from oceanbench.assimilation.fourdvarnet.maps.window_estimates import every_window
from oceanbench.assimilation.observations.superobservations import mean_field

AT_ONCE = 8  # windows


@dataclass(frozen=True)
class Ladder:
    """A first guess, and increments that go ever farther from it.

    Attributes
    ----------
    guess : (days, rows, columns) of the box
    increments : of the same shape: none, half of the first pass, the whole of it, and both passes
    """

    guess: FloatArray
    increments: Sequence[FloatArray]


@dataclass(frozen=True)
class AnywhereMapper:
    """Network, first guess and box: all that an estimate needs but for the observations.

    Attributes
    ----------
    network : trained
    variable : its name
    box : of the target
    first_guess : as :func:`oceanbench.assimilation.fourdvarnet.anywhere.first_guess.first_guess`
        takes it
    scales : of ``duacs``; none for the usual ones
    cell_km : side of the cells
    device : of torch
    """

    network: IncrementNetwork
    variable: str
    box: Box
    first_guess: str
    scales: Scales | None
    cell_km: float
    device: str

    def ladder(self, inputs: Mapping[str, xr.Dataset], missions: str) -> Ladder:
        """First guess and increments from some of the altimeters.

        Parameters
        ----------
        inputs : of a method
        missions : comma-separated names
        """
        grid = self.box.grid
        guess = first_guess(
            inputs,
            self.variable,
            grid,
            self.first_guess,
            scales=self.scales,
            missions=missions,
            device=self.device,
        )
        seen = CellSamples.of(inputs, self.variable, grid, missions)
        mean = mean_on(grid, mean_field(inputs, self.variable, grid.centre, of_training=True))
        sea = sea_mask(inputs, self.variable, grid)
        gates = self._gates(seen, guess)
        first = self._increments(seen, guess, mean, sea, gates)
        again = [None if gate > 0.0 else gate for gate in gates]  # errors would come in twice
        second = self._increments(seen, guess + first, mean, sea, again)
        return Ladder(guess, (np.zeros_like(first), 0.5 * first, first, first + second))

    def _gates(self, seen: CellSamples, guess: FloatArray) -> list[float]:
        """Of every patch, how much of the mean of a pass is taken for an error."""
        return [
            seen.on(patch.grid).innovations(patch.taken(guess)).gate
            for patch in self.box.patches(self.cell_km)
        ]

    def _increments(
        self,
        seen: CellSamples,
        guess: FloatArray,
        mean: FloatArray,
        sea: BoolArray,
        gates: Sequence[float | None],
    ) -> FloatArray:
        """Increments (days, rows, columns) of the box; none of a patch without a gate."""
        total = np.zeros_like(guess)
        for patch, gate in zip(self.box.patches(self.cell_km), gates, strict=True):
            if gate is None:
                continue
            maps = patch.taken(guess)
            found = seen.on(patch.grid).innovations(maps).gated(gate)
            innovation, count = found.maps()
            known = patch.nearest(sea)
            anomaly = maps - patch.taken(mean)
            patch.add(total, self._of_windows(anomaly, innovation, count, known, patch.cell_km))
        return total

    def _of_windows(
        self,
        anomaly: FloatArray,
        innovation: FloatArray,
        count: FloatArray,
        sea: BoolArray,
        cell_km: float,
    ) -> FloatArray:
        """Increments (days, rows, columns) of a patch, of all its windows, blended."""
        c = self.network.configuration
        guesses, differences, counts = (
            every_window(torch.as_tensor(a, dtype=torch.float32), c.days)
            for a in (anomaly, innovation, count)
        )
        land, cell = torch.as_tensor(sea, dtype=torch.float32), torch.tensor(float(cell_km))
        total, weight = np.zeros(anomaly.shape), np.zeros((len(anomaly), 1, 1))
        for first in range(0, len(guesses), AT_ONCE):
            some = slice(first, first + AT_ONCE)
            size = len(guesses[some])
            given = Windows(
                guesses[some],
                differences[some],
                counts[some],
                land.expand(size, -1, -1),
                cell.expand(size),
            )
            with torch.inference_mode():
                scaled = given.each(lambda part: part.to(self.device)).scaled()
                answers = self.network(scaled).double().cpu().numpy()
            for number, answer in enumerate(answers):
                begin = first + number + c.half - c.reach
                days = slice(begin, begin + c.answered)
                share = np.array(DAY_WEIGHTS)[:, None, None]
                total[days] += share * answer
                weight[days] += share
        return total / np.where(weight > 0.0, weight, 1.0)
