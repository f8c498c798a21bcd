r"""Are two samples draws of one distribution? A permutation test of their energy distance.

.. math:: 2 E|X - Y| - E|X - X'| - E|Y - Y'|

is zero if and only if they are. What it is by chance, permutations of both samples tell.

References
----------
Székely and Rizzo (2013), Energy statistics, doi:10.1016/j.jspi.2013.03.018
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr
from scipy.spatial.distance import cdist

from oceanbench.arrays import BoolArray, FloatArray

PERMUTATIONS = 199


def two_samples(
    one: FloatArray, two: FloatArray, random: np.random.Generator
) -> tuple[float, float]:
    """Energy distance of two samples over that of permuted ones, and the share that have more.

    Parameters
    ----------
    one, two : (draws, ...) of the same quantity, in one unit
    random : of the permutations
    """
    both = np.concatenate([a.reshape(len(a), -1) for a in (one, two)])
    apart = cdist(both, both)
    first: BoolArray = np.arange(len(both)) < len(one)
    shuffled = [random.permutation(first) for _ in range(PERMUTATIONS)]
    found, *usual = [_energy(apart, part) for part in (first, *shuffled)]
    chance = (1 + sum(u >= found for u in usual)) / (1 + PERMUTATIONS)
    return found / float(np.mean(usual)), chance


def compared(members: xr.DataArray, draws: xr.DataArray) -> Iterator[str]:
    """What the tests of all windows say of draws and members of their posteriors, by sampling.

    Parameters
    ----------
    members, draws : (member, sampling, window, ...) in any order, of as many windows
    """
    random = np.random.default_rng(0)
    for sampling in members["sampling"].values:
        found = []
        for window in members["window"].values:
            one, two = (
                a.sel(sampling=sampling, window=window).transpose("member", ...).values
                for a in (members, draws)
            )
            found.append(two_samples(one, two, random))
        ratios, chances = np.array(found).T
        yield (
            f"{sampling}: energy distance of {draws.sizes['member']} other draws to the members is "
            f"{ratios.mean():.2f} times that of two samples of one distribution; p of "
            f"{len(chances)} permutation tests: least {chances.min():.3f}, mean "
            f"{chances.mean():.2f}"
        )


def _energy(apart: FloatArray, first: BoolArray) -> float:
    """Energy distance of two parts of a sample, of the distances of all pairs."""
    sign = np.where(first, 1.0 / first.sum(), -1.0 / (~first).sum())
    return float(-sign @ apart @ sign)
