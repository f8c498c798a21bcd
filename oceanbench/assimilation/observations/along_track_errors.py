r"""What misfits along the pass of an altimeter tell of the first guess, and what of the altimeter.

Along a pass, the misfits d of the observations to a first guess are its error g, which neighbours
within tens of kilometres share, and that of the altimeter, part of which lasts over hundreds:

.. math:: d = g + e, \quad
    C_g = s^2 \left(1 + \frac{r}{L}\right) e^{-r / L}, \quad
    C_e = c^2 e^{-|\Delta t| / \tau} + w^2 \, 1, \quad
    E[g \mid d] = C_g \, (C_g + C_e)^{-1} d

for samples at distances r and intervals :math:`\Delta t` of each other. A network that sees
averages of cells cannot tell which cells belong to one pass; the expectation can.

References
----------
Le Traon, Nadal and Ducet (1998), An improved mapping method of multisatellite altimeter data,
doi:10.1175/1520-0426(1998)015<0522:AIMMOM>2.0.CO;2: errors that samples of a pass share
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize_scalar
from torch import Tensor

from oceanbench.arrays import BoolArray, FloatArray
from oceanbench.assimilation.observations.superobservations import Samples, kilometres
from oceanbench.dynamics.quasigeostrophic import DAY
from oceanbench.errors import OceanbenchError
from oceanbench.observing.noise import AltimeterError

NAME = "along_track"  # of the tensor
ROWS = 5  # apart at the most, of the nodes whose errors tell how far they are correlated
LENGTHS = (5.0, 500.0)  # km, between which that is sought
LEAST = 1e-3  # of s: white error that an altimeter has at least, so that all can be solved for


@dataclass(frozen=True)
class AlongTrack:
    """Errors of a first guess and of altimeters.

    Attributes
    ----------
    guess, length_km : s and L, standard deviation (in the variable's unit) and scale of the guess's
    altimeter : w, c and tau
    """

    guess: float
    length_km: float
    altimeter: AltimeterError

    def expected(self, observed: Samples, misfit: FloatArray) -> FloatArray:
        """Error of the first guess at the samples, as far as their own pass tells it.

        Parameters
        ----------
        observed : samples of nadir altimeters, times in days
        misfit : (n,) their values less those of the first guess, in the unit of ``guess``

        Returns
        -------
        (n,), in the same unit
        """
        centre = (float(observed.longitude.mean()), float(observed.latitude.mean()))
        places = np.stack(kilometres(observed.longitude, observed.latitude, centre))
        order = np.argsort(observed.track, kind="stable")
        ends = np.flatnonzero(np.diff(observed.track[order])) + 1
        found = np.empty_like(misfit)
        for some in np.split(order, ends):
            of_guess = self._of_guess(places[:, some])
            both = of_guess + self._of_altimeter(DAY * observed.time[some])
            found[some] = of_guess @ cho_solve(cho_factor(both), misfit[some])
        return found

    def _of_guess(self, places: FloatArray) -> FloatArray:
        apart = np.hypot(*(places[:, :, None] - places[:, None]))
        return self.guess**2 * correlation(apart / self.length_km)

    def _of_altimeter(self, seconds: FloatArray) -> FloatArray:
        error = self.altimeter
        later = np.abs(seconds[:, None] - seconds)
        found: FloatArray = error.correlated**2 * np.exp(-later / error.decorrelation_seconds)
        found[np.diag_indices(len(found))] += max(error.white, LEAST * self.guess) ** 2
        return found

    def tensors(self) -> dict[str, Tensor]:
        """To be kept with the weights."""
        error = self.altimeter
        altimeter = (error.white, error.correlated, error.decorrelation_seconds)
        return {NAME: torch.tensor([self.guess, self.length_km, *altimeter], dtype=torch.float64)}

    @classmethod
    def of(cls, weights: Mapping[str, Tensor], *, name: str) -> AlongTrack:
        """Take up what was kept with the weights of a method."""
        kept = weights.get(NAME)
        if kept is None or kept.shape != (5,) or not bool((kept >= 0).all() and kept[1] > 0):
            raise OceanbenchError(
                f"{name}: weights without a sound '{NAME}', the errors along a pass; train it again"
            )
        guess, length_km, *altimeter = kept.tolist()
        return cls(guess, length_km, AltimeterError(*altimeter))


def correlation(distance: NDArray[Any]) -> FloatArray:
    """Matérn correlation of smoothness 3/2 at a distance in units of its scale."""
    found: FloatArray = (1.0 + distance) * np.exp(-distance)
    return found


def fitted(
    error: FloatArray, observed: BoolArray, spacing_km: float, altimeter: AltimeterError
) -> AlongTrack:
    """Find the error of a first guess where it was observed.

    Parameters
    ----------
    error : (days, rows, columns) of the guess, whose truth is known, in the variable's unit
    observed : where there is an observation, of the same shape
    spacing_km : between rows
    altimeter : its error, in the same unit
    """
    here = np.where(observed, error, 0.0)
    variance = float((here**2).sum() / observed.sum())
    found = []
    for rows in range(1, ROWS):
        pairs = (observed[:, rows:] & observed[:, :-rows]).sum()
        found.append((here[:, rows:] * here[:, :-rows]).sum() / max(pairs, 1) / variance)
    distance = spacing_km * np.arange(1, ROWS)

    def misfit(length: float) -> float:
        return float(np.sum((correlation(distance / length) - found) ** 2))

    length = float(minimize_scalar(misfit, bounds=LENGTHS, method="bounded").x)
    return AlongTrack(float(np.sqrt(variance)), length, altimeter)
