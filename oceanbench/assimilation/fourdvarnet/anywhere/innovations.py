r"""Innovations on the cells of a grid, and what they tell of errors that a pass shares.

An innovation is what was observed less what the first guess expects. Where altimeters have errors
that last along a whole pass, innovations of one pass go together even where the sea does not:

.. math:: \rho = \frac{w - c}{\sigma^2}

with w their covariance three to eight cells apart on one pass, c that of two passes within two
days, as far apart, and :math:`\sigma^2` their variance. It is near 0.2 where such errors are half
of a first guess's own and below 0.05 where there are none. A gate

.. math:: a = \min\left( \max\left( \frac{\rho - 0.05}{0.07}, 0 \right), 1 \right)

takes :math:`a \, m \, n / (n + 6)` away from the n cells of a pass whose mean is m, as an
interpolation with such errors would, before a network reads them; the solver is given the whole
innovations and :math:`\rho`. A first guess that follows the passes has their errors already, and
shows none.

References
----------
Le Traon, Nadal and Ducet (1998), An improved mapping method of multisatellite altimeter data,
doi:10.1175/1520-0426(1998)015<0522:AIMMOM>2.0.CO;2: errors that samples of a pass share
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from oceanbench.arrays import BoolArray, FloatArray, IntArray
from oceanbench.assimilation.fourdvarnet.maps.gridded_observations import (
    SWATH_KM,
    fine_samples,
    misfits,
)
from oceanbench.assimilation.fourdvarnet.maps.map_grid import MapGrid
from oceanbench.assimilation.observations.superobservations import Samples, kilometres

SAMPLE_KM = 6.6  # between samples of one second: denser ones count less
PIXEL_KM2 = 81.0  # of a swath, that counts as one sample
NEAR, FAR = 3.0, 8.0  # cells, between which innovations of a pass are compared
TOGETHER = 2  # days between two passes that are compared
NONE, CLEAR = 0.05, 0.12  # of the fraction: no shared errors below, nothing but them above
KEPT = 6.0  # cells of a pass from which half of its mean is believed to be an error
PASSES = 60  # that are compared with all others, at the most


@dataclass(frozen=True)
class Innovations:
    """Means over the samples of one pass in one cell and day; n of them.

    Attributes
    ----------
    shape : days, rows and columns of the grid
    cell : (n, 3) day, row and column
    track : (n,) number of the pass
    nadir : (n,) whether the pass is of a nadir altimeter
    count : (n,) samples of one second that they are worth
    value : (n,) in the variable's unit
    """

    shape: tuple[int, int, int]
    cell: IntArray
    track: IntArray
    nadir: BoolArray
    count: FloatArray
    value: FloatArray

    def maps(self) -> tuple[FloatArray, FloatArray]:
        """Means over all passes, and their counts, each (days, rows, columns)."""
        flat = np.ravel_multi_index(tuple(self.cell.T), self.shape)
        size = int(np.prod(self.shape))
        count: FloatArray = np.bincount(flat, self.count, size).astype(np.float64)
        total = np.bincount(flat, self.count * self.value, size)
        mean = total / np.where(count > 0, count, 1.0)
        return mean.reshape(self.shape), count.reshape(self.shape)

    def passes(self) -> IntArray:
        """Number of the nadir pass that has most of a cell, from one; zero for none."""
        flat = np.ravel_multi_index(tuple(self.cell.T), self.shape)
        found = np.zeros(int(np.prod(self.shape)), np.int64)
        order = np.argsort(self.count, kind="stable")
        number = np.unique(self.track, return_inverse=True)[1].reshape(-1) + 1
        found[flat[order]] = np.where(self.nadir, number, 0)[order]
        return found.reshape(self.shape)

    def shared_fraction(self) -> float:
        """Covariance that only one pass has, relative to the variance; 0 with too few passes."""
        some = self.nadir
        value, cell, track = self.value[some], self.cell[some], self.track[some]
        passes = np.unique(track)
        passes = passes[:: max(1, passes.size // PASSES)]
        own, others = np.zeros(2), np.zeros(2)
        for number in passes:
            here = track == number
            near = np.abs(cell[:, 0] - cell[here][0, 0]) <= TOGETHER
            apart = cell[here][:, None, 1:] - cell[near][None, :, 1:]
            squares = (apart**2).sum(-1)
            counted = (squares >= NEAR**2) & (squares <= FAR**2)
            product = value[here][:, None] * value[near]
            same = here[near][None, :]
            own += product[counted & same].sum(), (counted & same).sum()
            others += product[counted & ~same].sum(), (counted & ~same).sum()
        variance = float((value**2).mean()) if value.size else 0.0
        if min(own[1], others[1]) == 0 or variance == 0.0:
            return 0.0
        return float(own[0] / own[1] - others[0] / others[1]) / variance

    def gated(self, gate: float) -> Innovations:
        """Innovations of nadir altimeters without so much of the mean of their pass."""
        passes, place, cells = np.unique(self.track, return_inverse=True, return_counts=True)
        mean = np.bincount(place, self.value, passes.size) / cells
        shared = gate * mean * cells / (cells + KEPT)
        return replace(self, value=self.value - np.where(self.nadir, shared[place], 0.0))

    def shared(self, fraction: float) -> FloatArray:
        """What of the maps (days, rows, columns) is taken for errors of passes.

        Parameters
        ----------
        fraction : that :meth:`shared_fraction` found
        """
        left, _ = self.gated(gate_of(fraction)).maps()
        return self.maps()[0] - left


def gate_of(fraction: float) -> float:
    """How much of the mean of a pass is taken for an error of its own, 0 to 1.

    Parameters
    ----------
    fraction : of the variance, that only one pass has
    """
    return float(np.clip((fraction - NONE) / (CLEAR - NONE), 0.0, 1.0))


@dataclass(frozen=True)
class CellSamples:
    """Samples of all passes over the cells of a grid, to be compared with any first guess.

    Attributes
    ----------
    samples : one by one, pixels of a swath averaged
    grid : days and cells
    nadir : (missions,) whether they are nadir altimeters
    """

    samples: Samples
    grid: MapGrid
    nadir: BoolArray

    @classmethod
    def of(
        cls, inputs: Mapping[str, xr.Dataset], variable: str, grid: MapGrid, missions: str = ""
    ) -> CellSamples:
        """Samples of some missions.

        Parameters
        ----------
        inputs : tracks and swaths
        variable : its name
        grid : days and cells
        missions : as for :func:`oceanbench.assimilation.observations.superobservations.samples`
        """
        found = fine_samples(inputs, variable, grid, missions)
        layouts = [inputs[name].attrs["layout"] == "track" for name in found.missions]
        return cls(found, grid, np.array(layouts))

    def on(self, grid: MapGrid) -> CellSamples:
        """Those on another grid of the same days."""
        box = [(axis[0], axis[-1]) for axis in (grid.longitude, grid.latitude)]
        near = self.samples.around((grid.centre, 0.0)).within(*box)
        return replace(self, samples=near, grid=grid)

    def innovations(self, first_guess: FloatArray) -> Innovations:
        """Innovations of a first guess (days, rows, columns)."""
        seen, grid = self.samples, self.grid
        value = misfits(seen, first_guess, grid)
        cells = (
            np.rint(seen.time),
            _rows(seen.latitude, grid.latitude),
            _rows(seen.longitude, grid.longitude),
        )
        keys = np.stack([seen.track, *(a.astype(np.int64) for a in cells)], 1)
        unique, place = np.unique(keys, axis=0, return_inverse=True)
        place, count = place.reshape(-1), len(unique)
        mission = np.zeros(count, np.int64)
        mission[place] = seen.mission
        return Innovations(
            grid.shape,
            unique[:, 1:],
            unique[:, 0],
            self.nadir[mission],
            np.bincount(place, _worth(seen, self.nadir), count).astype(np.float64),
            np.bincount(place, value, count) / np.bincount(place, minlength=count),
        )


def _rows(values: FloatArray, axis: FloatArray) -> FloatArray:
    found: FloatArray = np.rint((values - axis[0]) / (axis[1] - axis[0]))
    return found


def _worth(observed: Samples, nadir: BoolArray) -> FloatArray:
    """Samples of one second that every sample is worth, by how densely its altimeter samples."""
    worth = np.full(observed.time.size, SWATH_KM**2 / PIXEL_KM2)
    if not worth.size:
        return worth
    middle = (float(observed.longitude.mean()), float(observed.latitude.mean()))
    x, y = kilometres(observed.longitude, observed.latitude, middle)
    for number in np.flatnonzero(nadir):
        own = np.flatnonzero(observed.mission == number)
        own = own[np.lexsort((observed.time[own], observed.track[own]))]
        together = np.diff(observed.track[own]) == 0
        apart = np.hypot(np.diff(x[own]), np.diff(y[own]))[together]
        spacing = float(np.median(apart)) if apart.size else SAMPLE_KM
        worth[own] = min(spacing / SAMPLE_KM, 1.0)
    return worth
