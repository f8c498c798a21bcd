r"""Increments of a first guess over any box, of any size and at any place.

The box is cut into patches that overlap, on square cells as wide as those of the training; their
increments are splined back and blended. So are windows of days in time. Where a patch shows no
errors that a whole pass shares (:mod:`oceanbench.assimilation.fourdvarnet.anywhere.innovations`), a
second pass follows: the estimate is a better first guess, and has innovations of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

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
from oceanbench.assimilation.fourdvarnet.anywhere.scaling import (
    DAY_WEIGHTS,
    FRACTIONS,
    InnovationWindows,
    sweep_of,
)

AT_ONCE = 8  # windows


@dataclass(frozen=True)
class Trial:
    """What an estimate goes out from.

    Attributes
    ----------
    first_guess : its name
    smooth_km : by how much the sea is taken to be smoother than seas are, as
        :class:`oceanbench.assimilation.fourdvarnet.anywhere.scaling.InnovationWindows` has it
    """

    first_guess: str
    smooth_km: float = 0.0


@dataclass(frozen=True)
class Ladder:
    """A first guess, and increments that go ever farther from it.

    Attributes
    ----------
    guess : (days, rows, columns) of the box
    increments : of the same shape: none, half of the first pass, the whole of it, and both passes
    given : of every patch, what the network was given, all days in one window
    """

    guess: FloatArray
    increments: Sequence[FloatArray]
    given: Sequence[InnovationWindows] = ()


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
        self, inputs: Mapping[str, xr.Dataset], missions: str, trials: Sequence[Trial]
    ) -> dict[Trial, Ladder]:
        """First guesses and their increments from some of the altimeters.

        Parameters
        ----------
        inputs : of a method
        missions : comma-separated names
        trials : with first guesses that
            :func:`oceanbench.assimilation.fourdvarnet.anywhere.first_guess.first_guesses` knows
        """
        guesses = first_guesses(
            inputs,
            self.variable,
            self.box.grid,
            [trial.first_guess for trial in trials],
            scales=self.scales,
            missions=missions,
            device=self.device,
        )
        grid = self.box.grid
        seen = CellSamples.of(inputs, self.variable, grid, missions)
        sea = sea_mask(inputs, self.variable, grid)
        given = {name: self._given(seen, sea, guess) for name, guess in guesses.items()}
        found = {}
        for trial in trials:
            guess, km = guesses[trial.first_guess], torch.tensor([trial.smooth_km])
            told = [replace(windows, smooth_km=km) for windows in given[trial.first_guess]]
            first = self._blended(told)
            after = self._given(seen, sea, guess + first)
            both = first + self._blended([replace(windows, smooth_km=km) for windows in after])
            found[trial] = Ladder(guess, (np.zeros_like(first), 0.5 * first, first, both), told)
        return found

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
            errors = Errors.drawn(solver, given.first_guess.shape[1:], random)
            patch.add(total, self._of_windows(given, errors), power=0.5)
        return total

    def patches(self) -> Iterator[Patch]:
        """Patches of the box."""
        return self.box.patches(self.cell_km)

    def _given(
        self, seen: CellSamples, sea: BoolArray, guess: FloatArray
    ) -> list[InnovationWindows]:
        """What the network is given of every patch, of a sea with all its eddies."""
        return [self._of_patch(patch, seen, sea, guess) for patch in self.patches()]

    @staticmethod
    def _of_patch(
        patch: Patch, seen: CellSamples, sea: BoolArray, guess: FloatArray
    ) -> InnovationWindows:
        maps = patch.taken(guess)
        innovations = seen.on(patch.grid).innovations(maps)
        whole, count = innovations.maps()
        fraction = innovations.shared_fraction()
        latitude = float(patch.grid.latitude.mean())
        parts = (
            maps,
            whole,
            count,
            innovations.passes(),
            patch.nearest(sea),
            patch.cell_km,
            np.clip(fraction, *FRACTIONS),
            sweep_of(latitude, patch.cell_km),
            innovations.shared(fraction),
            0.0,  # km
        )
        tensors = (torch.as_tensor(part)[None] for part in parts)
        return InnovationWindows(*(t if t.dtype == torch.int64 else t.float() for t in tensors))

    def _blended(self, given: Sequence[InnovationWindows]) -> FloatArray:
        """Increments (days, rows, columns) of the box."""
        total = np.zeros(self.box.grid.shape)
        for patch, one in zip(self.patches(), given, strict=True):
            patch.add(total, self._of_windows(one))
        return total

    def _of_windows(self, series: InnovationWindows, errors: Errors | None = None) -> FloatArray:
        """Increments (days, rows, columns) of a patch, of all its windows, blended.

        With errors, what those alone would make of them.
        """
        c, shape = self.network.configuration, series.first_guess.shape[1:]
        total, weight = np.zeros(shape), np.zeros((shape[0], 1, 1))
        for first in range(0, shape[0] - c.days + 1, AT_ONCE):
            some = slice(first, first + AT_ONCE)
            with torch.inference_mode():
                windows = series.windows(c.days, some).each(lambda part: part.to(self.device))
                scaled = windows.scaled()
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
