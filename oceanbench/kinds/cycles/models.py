r"""The models that members are advanced with, in double precision.

Lorenz (1996), with indices on a circle:

.. math:: \dot x_k = (x_{k+1} - x_{k-2}) \, x_{k-1} - x_k + F

and with two scales, of which each of :math:`K` slow components drives :math:`J` fast ones:

.. math::
    \dot X_k &= (X_{k+1} - X_{k-2}) X_{k-1} - X_k + F - \frac{h c}{b} \sum_{j} Y_{j,k} \\
    \dot Y_i &= c \, b \, (Y_{i-1} - Y_{i+2}) \, Y_{i+1} - c \, Y_i + \frac{h c}{b} X_{k(i)}

The fast ones, :math:`i = 1 \ldots J K`, lie on one circle. To add a model, write its tendency and a
row of :data:`MODELS`.

References
----------
Lorenz (1996), Predictability: a problem partly solved, ECMWF Seminar on Predictability;
Wilks (2005), doi:10.1256/qj.04.03
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from oceanbench.arrays import FloatArray
from oceanbench.errors import OceanbenchError, did_you_mean

PREFIX = "model_"  # of the attributes that tell parameters


@dataclass(frozen=True)
class CycleModel:
    """Dynamics from one cycle to the next.

    Attributes
    ----------
    name : in :data:`MODELS`
    parameters : that were told
    tendency : of states (..., components)
    interval : of a cycle, in the unit of time of the model
    substeps : Runge-Kutta steps that a cycle is taken in
    cyclic : whether the components lie on a circle, all alike
    """

    name: str
    parameters: Mapping[str, float]
    tendency: Callable[[FloatArray], FloatArray]
    interval: float
    substeps: int
    cyclic: bool

    def advance(self, states: FloatArray) -> FloatArray:
        """States (..., components) one cycle later."""
        for _ in range(self.substeps):
            states = step(states, self.tendency, self.interval / self.substeps)
        return states


def step(
    states: FloatArray, tendency: Callable[[FloatArray], FloatArray], length: float
) -> FloatArray:
    """States one Runge-Kutta step of fourth order later."""
    first = tendency(states)
    second = tendency(states + (0.5 * length) * first)
    third = tendency(states + (0.5 * length) * second)
    fourth = tendency(states + length * third)
    second += third
    second *= 2.0
    second += first
    second += fourth
    second *= length / 6.0
    second += states
    return second


def lorenz96(states: FloatArray, *, forcing: float = 8.0) -> FloatArray:
    """Rate of change of states (..., components)."""
    round_ = np.concatenate([states[..., -2:], states, states[..., :1]], -1)
    rate: FloatArray = (round_[..., 3:] - round_[..., :-3]) * round_[..., 1:-2]
    rate -= states
    rate += forcing
    return rate


def lorenz96_two_scale(
    states: FloatArray,
    *,
    forcing: float = 20.0,
    fast: float = 32.0,
    coupling: float = 1.0,
    time_ratio: float = 10.0,
    space_ratio: float = 10.0,
) -> FloatArray:
    """Rate of change of states (..., components), the slow ones first.

    Parameters
    ----------
    states : of K slow and then K times ``fast`` components
    forcing, coupling, time_ratio, space_ratio : F, h, c and b
    fast : J, components for each slow one
    """
    count = int(fast)
    slow = states.shape[-1] // (1 + count)
    x, y = states[..., :slow], states[..., slow:]
    link = coupling * time_ratio / space_ratio
    sums = y.reshape(*y.shape[:-1], slow, count).sum(-1)
    before, after = np.roll(y, 1, -1), np.roll(y, -1, -1)
    eddies = time_ratio * space_ratio * after * (before - np.roll(y, -2, -1))
    return np.concatenate(
        [
            lorenz96(x, forcing=forcing) - link * sums,
            eddies - time_ratio * y + link * np.repeat(x, count, -1),
        ],
        -1,
    )


class Row(NamedTuple):
    """What :func:`model` builds a model of."""

    tendency: Callable[..., FloatArray]
    parameters: tuple[str, ...]
    longest_step: float
    cyclic: bool


MODELS: Mapping[str, Row] = MappingProxyType(
    {
        "lorenz96": Row(lorenz96, ("forcing",), 0.05, cyclic=True),
        "lorenz96_two_scale": Row(
            lorenz96_two_scale,
            ("forcing", "fast", "coupling", "time_ratio", "space_ratio"),
            0.005,
            cyclic=False,
        ),
    }
)


def model(name: str, interval: float, parameters: Mapping[str, float]) -> CycleModel:
    """Model of a name between cycles ``interval`` apart.

    Raises
    ------
    OceanbenchError
        if there is no such model or parameter
    """
    if name not in MODELS:
        raise OceanbenchError(f"unknown model '{name}'; {did_you_mean(name, MODELS)}")
    row = MODELS[name]
    for key in parameters:
        if key not in row.parameters:
            hint = did_you_mean(key, row.parameters)
            raise OceanbenchError(f"model '{name}': unknown parameter '{key}'; {hint}")
    substeps = max(1, round(interval / row.longest_step))
    tendency = partial(row.tendency, **parameters)
    return CycleModel(name, dict(parameters), tendency, interval, substeps, row.cyclic)


def told(attributes: Mapping[Hashable, Any], interval: float) -> CycleModel:
    """Model that the attributes of a dataset tell: ``model``, and ``model_<parameter>``."""
    parameters = {
        str(key).removeprefix(PREFIX): float(value)
        for key, value in attributes.items()
        if str(key).startswith(PREFIX)
    }
    return model(str(attributes["model"]), interval, parameters)
