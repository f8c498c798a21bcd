r"""Increments of a first guess over any box, of any size and at any place.

The box is cut into patches that overlap, on square cells as wide as those of the training; their
increments are splined back and blended. So are windows of days in time. Where a patch shows no
errors that a whole pass shares (:mod:`oceanbench.assimilation.fourdvarnet.anywhere.innovations`), a
second pass follows: the estimate is a better first guess, and has innovations of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.assimilation.fourdvarnet.anywhere.box import Box, Patch
from oceanbench.assimilation.fourdvarnet.anywhere.draws import Errors, deviations, solver_of
from oceanbench.assimilation.fourdvarnet.anywhere.first_guess import (
    Scales,
    first_guesses,
    sea_mask,
)
from oceanbench.assimilation.fourdvarnet.anywhere.innovations import CellSamples
from oceanbench.assimilation.fourdvarnet.anywhere.network import IncrementNetwork
from oceanbench.assimilation.fourdvarnet.anywhere.scaling import DAY_WEIGHTS, InnovationWindows
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
    given : what the network was given of every patch
    """

    guess: FloatArray
    increments: Sequence[FloatArray]
    given: Sequence[Given] = ()


@dataclass(frozen=True)
class Given:
    """What the network is given of a patch.

    Attributes
    ----------
    anomaly, innovation, count : (days, rows, columns)
    sea : (rows, columns)
    cell_km : side of a cell
    gate : how much of the mean of a pass was taken for an error
    """

    anomaly: FloatArray
    innovation: FloatArray
    count: FloatArray
    sea: BoolArray
    cell_km: float
    gate: float


@dataclass(frozen=True)
class AnywhereMapper:
    """Network, first guess and box: all that an estimate needs but for the observations.

    Attributes
    ----------
    network : trained
    variable : its name
    box : of the target
    scales : of ``duacs``; none for the usual ones
    cell_km : side of the cells
    device : of torch
    """

    network: IncrementNetwork
    variable: str
    box: Box
    scales: Scales | None
    cell_km: float
    device: str

    def ladders(
        self, inputs: Mapping[str, xr.Dataset], missions: str, names: Sequence[str]
    ) -> dict[str, Ladder]:
        """First guesses and their increments from some of the altimeters.

        Parameters
        ----------
        inputs : of a method
        missions : comma-separated names
        names : of first guesses, as
            :func:`oceanbench.assimilation.fourdvarnet.anywhere.first_guess.first_guesses` has them
        """
        guesses = first_guesses(
            inputs,
            self.variable,
            self.box.grid,
            names,
            scales=self.scales,
            missions=missions,
            device=self.device,
        )
        return {name: self._ladder(inputs, missions, maps) for name, maps in guesses.items()}

    def _ladder(self, inputs: Mapping[str, xr.Dataset], missions: str, guess: FloatArray) -> Ladder:
        grid = self.box.grid
        seen = CellSamples.of(inputs, self.variable, grid, missions)
        mean = mean_on(grid, mean_field(inputs, self.variable, grid.centre, of_training=True))
        known = mean, sea_mask(inputs, self.variable, grid)
        given = [self._given(patch, seen, guess, *known) for patch in self.patches()]
        first = self._blended(guess, given)
        again = [  # where passes share errors, they would come in twice
            self._given(patch, seen, guess + first, *known, gate=0.0) if one.gate == 0.0 else None
            for patch, one in zip(self.patches(), given, strict=True)
        ]
        second = self._blended(guess, again)
        return Ladder(guess, (np.zeros_like(first), 0.5 * first, first, first + second), given)

    def deviations(self, ladder: Ladder, random: torch.Generator) -> FloatArray:
        """Draw the error (days, rows, columns) of an estimate.

        Patches draw apart: roots of their weights keep the size of the errors where they overlap.

        Parameters
        ----------
        ladder : from which the estimate is
        random : of the draw
        """
        solver, total = solver_of(self.network), np.zeros_like(ladder.guess)
        for patch, given in zip(self.patches(), ladder.given, strict=True):
            errors = Errors.drawn(solver, given.anomaly.shape, random)
            patch.add(total, self._of_windows(given, errors), power=0.5)
        return total

    def patches(self) -> Iterator[Patch]:
        """Patches of the box."""
        return self.box.patches(self.cell_km)

    @staticmethod
    def _given(
        patch: Patch,
        seen: CellSamples,
        guess: FloatArray,
        mean: FloatArray,
        sea: BoolArray,
        *,
        gate: float | None = None,
    ) -> Given:
        """What the network is given of a patch, whose innovations tell the gate if nobody does."""
        maps = patch.taken(guess)
        innovations = seen.on(patch.grid).innovations(maps)
        gate = innovations.gate if gate is None else gate
        innovation, count = innovations.gated(gate).maps()
        anomaly = maps - patch.taken(mean)
        return Given(anomaly, innovation, count, patch.nearest(sea), patch.cell_km, gate)

    def _blended(self, guess: FloatArray, given: Sequence[Given | None]) -> FloatArray:
        """Increments (days, rows, columns) of the box; none of a patch that is given nothing."""
        total = np.zeros_like(guess)
        for patch, one in zip(self.patches(), given, strict=True):
            if one is not None:
                patch.add(total, self._of_windows(one))
        return total

    def _of_windows(self, given: Given, errors: Errors | None = None) -> FloatArray:
        """Increments (days, rows, columns) of a patch, of all its windows, blended.

        With errors, what those alone would make of them.
        """
        c, anomaly = self.network.configuration, given.anomaly
        guesses, differences, counts = (
            every_window(torch.as_tensor(a, dtype=torch.float32), c.days)
            for a in (anomaly, given.innovation, given.count)
        )
        sea, cell = torch.as_tensor(given.sea, dtype=torch.float32), torch.tensor(given.cell_km)
        total, weight = np.zeros(anomaly.shape), np.zeros((len(anomaly), 1, 1))
        for first in range(0, len(guesses), AT_ONCE):
            some = slice(first, first + AT_ONCE)
            size = len(guesses[some])
            windows = InnovationWindows(
                guesses[some],
                differences[some],
                counts[some],
                sea.expand(size, -1, -1),
                cell.expand(size),
            )
            with torch.inference_mode():
                scaled = windows.each(lambda part: part.to(self.device)).scaled()
                if errors is None:
                    found = self.network(scaled)
                else:
                    found = deviations(self.network, scaled, errors.windows(c.days, some))
                answers = found.double().cpu().numpy()
            for number, answer in enumerate(answers):
                begin = first + number + c.half - c.reach
                days = slice(begin, begin + c.answered)
                share = np.array(DAY_WEIGHTS)[:, None, None]
                total[days] += share * answer
                weight[days] += share
        return total / np.where(weight > 0.0, weight, 1.0)
