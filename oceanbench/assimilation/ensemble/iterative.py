r"""The iterative ensemble Kalman smoother: a variational analysis over a lag, without an adjoint.

The members :math:`E_0` at the start of a window of :math:`L` cycles are moved so that what they
become at its end fits the observations of that time; all earlier ones are in them already. With
:math:`E_0(w, T) = 1 (\bar x_0 + w^T X_0 / \sqrt{N - 1}) + T X_0`, Gauss-Newton steps

.. math:: w \leftarrow w - (I + S S^T)^{-1} (w - S d), \quad T = (I + S S^T)^{-1/2}

lower :math:`\tfrac12 |w|^2 + \tfrac12 |d(w)|^2`, the deviations :math:`S` at the end being those
of the moved members, divided by :math:`T`. The model's run from the last of them is the analysis
at the end, a filter's; then the window goes on by one cycle. Where localised, each component at
the start of the window has weights of its own, of the observations near it at the end.

References
----------
Bocquet and Sakov (2013), doi:10.5194/npg-20-803-2013;
Bocquet and Sakov (2014), doi:10.1002/qj.2236;
Bocquet (2016), doi:10.1002/qj.2711, for the localisation
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from oceanbench.arrays import FloatArray, IndexArray
from oceanbench.assimilation.ensemble.transforms import (
    MemberWeights,
    applied,
    inflated,
    local,
    rotated,
    scaled,
    shared,
)

Advance = Callable[[FloatArray], FloatArray]


class Window(NamedTuple):
    """Members at the start of a window, and the cycles from there to now."""

    first: FloatArray
    length: int


class SeenNow(NamedTuple):
    """Observations of now.

    Attributes
    ----------
    values, variance : (observations,)
    predict : members (members, components) -> what each predicts (members, observations)
    """

    values: FloatArray
    variance: FloatArray
    predict: Advance


def smoothed(
    window: Window,
    background: FloatArray,
    seen: SeenNow,
    advance: Advance,
    *,
    iterations: int = 1,
    inflation: float = 1.0,
    taper: FloatArray | None = None,
    where: IndexArray | None = None,
    random: np.random.Generator | None = None,
) -> tuple[FloatArray, Window]:
    """Members now, and the window whose start has been moved.

    Parameters
    ----------
    window : whose first members became the background
    background : members (members, components) now
    seen : observations
    advance : members one cycle later
    iterations : Gauss-Newton steps; each but the first runs the model through the window, and so
        does the analysis
    inflation : factor of the deviations, before
    taper : (components, observations), or of the places where they lie, for local weights; None for
        weights of all observations
    where : place of each component; None where each has its own
    random : rotates the members; None for no rotation
    """
    first, now = inflated(window.first, inflation), inflated(background, inflation)
    size = len(first)
    weights = MemberWeights(np.zeros(size), np.eye(size))
    if taper is not None:
        count = len(taper)
        weights = MemberWeights(np.zeros((count, size)), np.tile(np.eye(size), (count, 1, 1)))
    for step in range(iterations):
        if step:
            now = _run(applied(first, shared(weights, where)), advance, window.length)
        weights = _step(weights, *scaled(seen.predict(now), seen.values, seen.variance), taper)
    if random is not None:
        weights = rotated(weights, random)
    moved = applied(first, shared(weights, where))
    return _run(moved, advance, window.length), Window(moved, window.length)


def slid(window: Window, lag: int, advance: Advance) -> Window:
    """Window whose end is one cycle later, and whose start follows so that it is no longer."""
    first, length = window.first, window.length + 1
    while length > lag:
        first, length = advance(first), length - 1
    return Window(first, length)


def _run(members: FloatArray, advance: Advance, cycles: int) -> FloatArray:
    for _ in range(cycles):
        members = advance(members)
    return members


def _step(
    weights: MemberWeights, spread: FloatArray, departure: FloatArray, taper: FloatArray | None
) -> MemberWeights:
    """One Gauss-Newton step."""
    if taper is not None:
        spread, departure = local(spread, departure, taper)
    spread = np.asarray(np.linalg.solve(weights.transform, spread), dtype=np.float64)
    values, vectors = np.linalg.eigh(spread @ spread.swapaxes(-1, -2))
    total = 1.0 + np.maximum(values, 0.0)
    slope = weights.mean - (spread @ departure[..., None])[..., 0]
    along = (slope[..., None, :] @ vectors)[..., 0, :] / total
    mean = weights.mean - (vectors @ along[..., None])[..., 0]
    return MemberWeights(mean, (vectors * total[..., None, :] ** -0.5) @ vectors.swapaxes(-1, -2))
