r"""Back-and-forth nudging: a model drawn to observations, forward and backward over a window.

.. math:: \partial_t q = M(q) + K (q_{obs} - q), \qquad
    K(x, t) = \frac{1}{T} \, \frac{S}{1 + S} + \frac{1}{T_b}, \qquad
    S = \sum_i e^{-(t - t_i)^2 / \tau^2 - |x - x_i|^2 / D^2}

Each step of the model is followed by the exact solution of the nudging term, which is stable for
any K and has the same sign in both directions: a backward pass, too, approaches the observations.
A forward pass carries to every time what was observed before it, a backward pass what was observed
after it; the next forward pass starts where the backward pass ended, until nothing changes. The
estimate is the mean of the last two passes. The model is a function: nothing here depends on it.

References
----------
Auroux and Blum (2008), A nudging-based data assimilation method: the Back and Forth Nudging (BFN)
algorithm, doi:10.5194/npg-15-305-2008
Auroux, Bansart and Blum (2013), An evolution of the back and forth nudging for geophysical data
assimilation, doi:10.1080/17415977.2012.712528
Le Guillou et al. (2021), Mapping altimetry in the forthcoming SWOT era by back-and-forth nudging a
one-layer quasigeostrophic model, doi:10.1175/JTECH-D-20-0104.1
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from oceanbench.arrays import FloatArray, IntArray
from oceanbench.assimilation.gaussian.optimal_interpolation import Observations
from oceanbench.errors import OceanbenchError

REACH = 3.0  # multiples of tau beyond which an observation counts no more: e^-9

Step = Callable[[Tensor, int, int], Tensor]
"""From the state at one level of time to that at the next or the previous one, nudging included."""


@dataclass(frozen=True)
class Nudging:
    """How the model is drawn to observations, and for how long.

    Attributes
    ----------
    hours : T, e-folding time of the relaxation amid observations
    days, km : tau and D, e-folding distances from an observation in time and space
    iterations : most passes in both directions; at least two are needed to know a change
    tolerance : rms change between iterations, relative to the rms of the states, at which to stop
    everywhere_days : T_b, e-folding time of the relaxation far from observations too; 0 for none
    """

    hours: float
    days: float
    km: float
    iterations: int
    tolerance: float
    everywhere_days: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what draws to nothing."""
        for name, least in (("hours", 0), ("days", 0), ("km", 0), ("iterations", -1)):
            if not getattr(self, name) > least:
                raise OceanbenchError(
                    f"nudging: {name} is {getattr(self, name)}; expected more than {least}"
                )
        if not 0 <= self.everywhere_days < math.inf:
            raise OceanbenchError(
                f"nudging: everywhere_days is {self.everywhere_days}; expected days, or 0 for none"
            )

    def weight(
        self,
        observations: Observations,
        dates: Sequence[float] | FloatArray,
        x: FloatArray,
        y: FloatArray,
    ) -> Tensor:
        """Weight T K: S / (1 + S), 0 far from all observations and 1 amid many, and T / T_b.

        Parameters
        ----------
        observations : of which the places, in km, and times count
        dates : days
        x, y : nodes of the grid, km

        Returns
        -------
        Tensor (dates, y, x), float64
        """
        o, times = observations, np.asarray(dates, dtype=np.float64)
        result = np.empty((times.size, y.size, x.size))
        first = np.searchsorted(o.time, times - REACH * self.days)
        last = np.searchsorted(o.time, times + REACH * self.days)
        for number, (a, b) in enumerate(zip(first, last, strict=True)):
            near_x = np.exp(-(((x[:, None] - o.x[a:b]) / self.km) ** 2))
            near_y = np.exp(-(((y[:, None] - o.y[a:b]) / self.km) ** 2))
            near = np.exp(-(((times[number] - o.time[a:b]) / self.days) ** 2))
            density = (near_y * near) @ near_x.T
            result[number] = density / (1.0 + density)
        if self.everywhere_days > 0:
            result += self.hours / 24.0 / self.everywhere_days
        return torch.from_numpy(result)

    def nudged(self, state: Tensor, target: Tensor, weight: Tensor, hours: float) -> Tensor:
        """State after ``hours`` of relaxation to the target, in places with the given weight."""
        return state - torch.expm1(-hours / self.hours * weight) * (target - state)


@dataclass(frozen=True)
class Estimate:
    """What back-and-forth nudging arrived at.

    Attributes
    ----------
    states : (levels, ...) mean of the last forward and backward pass
    iterations : how often the window was passed in both directions
    change : of the states in the last iteration, relative to their rms
    """

    states: Tensor
    iterations: int
    change: float


def back_and_forth(
    start: Tensor, step: Step, scheme: Nudging, *, limit: float, steps: int, every: int = 1
) -> Estimate:
    """Pass over a window forward and backward until the mean of both passes no longer changes.

    Parameters
    ----------
    start : first guess of the state at level 0, any shape (windows are members of a batch)
    step : called as ``step(state, level, next level)``, levels one apart, from 0 to ``steps``
    scheme : iterations and tolerance
    limit : absolute value that no state of a sound flow exceeds
    steps : of the window
    every : levels between those that are kept, a divisor of ``steps``

    Raises
    ------
    OceanbenchError
        when a state exceeds the limit or is no longer finite
    """
    if steps < 1 or every < 1 or steps % every or scheme.iterations < 1:
        raise OceanbenchError(
            f"nudging: {steps} steps, kept every {every}, {scheme.iterations} iterations; expected "
            "a positive multiple, and an iteration at least"
        )
    levels = range(steps + 1)
    states, change, iteration = start, math.inf, 0
    while iteration < scheme.iterations and not change <= scheme.tolerance:
        iteration += 1
        forth = _pass(start, step, levels, every, limit)
        back = _pass(forth[-1], step, levels[::-1], every, limit).flip(0)
        before, states, start = states, (forth + back) / 2, back[0]
        if iteration > 1:
            change = float((states - before).norm() / states.norm().clamp_min(1e-300))
    return Estimate(states, iteration, change)


def _pass(state: Tensor, step: Step, levels: range, every: int, limit: float) -> Tensor:
    kept = [state]
    for number, (level, following) in enumerate(pairwise(levels), start=1):
        state = step(state, level, following)
        if number % every == 0:
            if not float(state.abs().max()) <= limit:  # also true of NaN
                way = "forward" if following > level else "backward"
                raise OceanbenchError(
                    f"nudging: the flow blew up in a {way} pass, at step {number} of "
                    f"{len(levels) - 1}; shorten the time step, or change the dissipation"
                )
            kept.append(state)
    return torch.stack(kept)


def sponge(x: FloatArray, y: FloatArray, width: float) -> Tensor:
    """Weight (y, x) of the given edge: 1 there, falling as a squared cosine to 0 ``width`` away."""
    distance = np.minimum(np.minimum(y - y[0], y[-1] - y)[:, None], np.minimum(x - x[0], x[-1] - x))
    part = np.clip(distance / width, 0.0, 1.0) if width > 0 else np.where(distance > 0, 1.0, 0.0)
    return torch.from_numpy(np.cos(np.pi / 2 * part) ** 2)


def window_starts(first: int, last: int, *, length: int, stride: int) -> IntArray:
    """First days of windows of ``length`` days, whose centres go from ``first`` to ``last``.

    >>> window_starts(0, 10, length=8, stride=4)
    array([-4,  0,  4,  8])
    """
    if not 1 <= stride <= length / 2:
        raise OceanbenchError(
            f"nudging: windows of {length} days every {stride}; expected a stride from 1 to "
            f"{length // 2}, so that windows overlap"
        )
    count = -(-(last - first) // stride) + 1
    return first - length // 2 + stride * np.arange(count)


def blend(windows: FloatArray, starts: IntArray, days: IntArray) -> FloatArray:
    r"""Join windows in time, each with the weight :math:`(1 - |2 j / n - 1|)^2` on its day j of n.

    Parameters
    ----------
    windows : (windows, n + 1, ...) daily fields
    starts : (windows,) first day of each
    days : (d,) days to return, each inside a window

    Returns
    -------
    ndarray (d, ...)
    """
    length = windows.shape[1] - 1
    day = np.arange(length + 1)
    weight = (1.0 - np.abs(2.0 * day / length - 1.0)) ** 2
    total = np.zeros((days.size, *windows.shape[2:]))
    norm = np.zeros(days.size)
    for fields, start in zip(windows, starts, strict=True):
        here = days - start
        inside = (here >= 0) & (here <= length)
        part = weight[here[inside]]
        norm[inside] += part
        total[inside] += part.reshape(-1, *[1] * (total.ndim - 1)) * fields[here[inside]]
    if not (norm > 0).all():
        raise OceanbenchError(f"nudging: day {days[norm <= 0][0]} is inside no window")
    return total / norm.reshape(-1, *[1] * (total.ndim - 1))
