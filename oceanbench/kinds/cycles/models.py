r"""The models that members are advanced with, in double precision.

Lorenz (1996), with indices on a circle:

.. math:: \dot x_k = (x_{k+1} - x_{k-2}) \, x_{k-1} - x_k + F

and with two scales, of which each of :math:`K` slow components drives :math:`J` fast ones:

.. math::
    \dot X_k &= (X_{k+1} - X_{k-2}) X_{k-1} - X_k + F - \frac{h c}{b} \sum_{j} Y_{j,k} \\
    \dot Y_i &= c \, b \, (Y_{i-1} - Y_{i+2}) \, Y_{i+1} - c \, Y_i + \frac{h c}{b} X_{k(i)}

The fast ones, :math:`i = 1 \ldots J K`, lie on one circle. The jet of two layers is that of
:mod:`oceanbench.kinds.cycles.two_layers`. To add a model, write its tendency and a row of
:data:`MODELS`.

References
----------
Lorenz (1996), Predictability: a problem partly solved, ECMWF Seminar on Predictability;
Wilks (2005), doi:10.1256/qj.04.03
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from oceanbench.arrays import FloatArray
from oceanbench.errors import OceanbenchError, did_you_mean
from oceanbench.kinds.cycles import two_layers
from oceanbench.kinds.cycles.stepping import ComponentPlaces, step

PREFIX = "model_"  # of the attributes that tell parameters


@dataclass(frozen=True)
class CycleModel:
    """Dynamics from one cycle to the next.

    Attributes
    ----------
    name : in :data:`MODELS`
    parameters : that were told
    run : states (..., components), length of a step and count of steps -> states so much later
    interval : of a cycle, in the unit of time of the model
    substeps : Runge-Kutta steps that a cycle is taken in
    cyclic : whether the components lie on a circle, all alike
    layout : count of components -> where they lie; None where none is near another
    """

    name: str
    parameters: Mapping[str, float]
    run: Callable[[FloatArray, float, int], FloatArray]
    interval: float
    substeps: int
    cyclic: bool
    layout: Callable[[int], ComponentPlaces] | None

    def advance(self, states: FloatArray) -> FloatArray:
        """States (..., components) one cycle later; not finite where the model cannot run them."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.run(states, self.interval / self.substeps, self.substeps)


def stepped(
    tendency: Callable[..., FloatArray],
    states: FloatArray,
    length: float,
    steps: int,
    **parameters: float,
) -> FloatArray:
    """States so many Runge-Kutta steps later, by a tendency that takes the parameters."""
    rate = partial(tendency, **parameters)
    for _ in range(steps):
        states = step(states, rate, length)
    return states


def circle(components: int, **parameters: float) -> ComponentPlaces:
    """Components a step apart on a circle, whatever the parameters."""
    return ComponentPlaces(np.arange(components, dtype=np.float64)[:, None], (float(components),))


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
    slow = states.shape[-1] // (1 + count) if count > 0 else 0
    if count != fast or slow * (1 + count) != states.shape[-1]:
        raise ValueError(f"{states.shape[-1]} components are no slow ones with {fast:g} fast each")
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
    """What :func:`model` builds a model of.

    Attributes
    ----------
    run, layout : as of :class:`CycleModel`, but for the parameters, which both take as keywords
    parameters : that may be told
    longest_step : in the unit of time of the model
    cyclic : as of :class:`CycleModel`
    """

    run: Callable[..., FloatArray]
    parameters: tuple[str, ...]
    longest_step: float
    cyclic: bool
    layout: Callable[..., ComponentPlaces] | None


MODELS: Mapping[str, Row] = MappingProxyType(
    {
        "lorenz96": Row(partial(stepped, lorenz96), ("forcing",), 0.05, True, circle),
        "lorenz96_two_scale": Row(
            partial(stepped, lorenz96_two_scale),
            ("forcing", "fast", "coupling", "time_ratio", "space_ratio"),
            0.005,
            False,
            None,
        ),
        "two_layer_jet": Row(
            two_layers.advanced,
            tuple(field.name for field in fields(two_layers.TwoLayerJet)),
            1.0 / 6.0,
            False,
            two_layers.places,
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
    told = dict(parameters)
    layout = None if row.layout is None else partial(row.layout, **told)
    return CycleModel(name, told, partial(row.run, **told), interval, substeps, row.cyclic, layout)


def told(attributes: Mapping[Hashable, Any], interval: float) -> CycleModel:
    """Model that the attributes of a dataset tell: ``model``, and ``model_<parameter>``."""
    parameters = {
        str(key).removeprefix(PREFIX): float(value)
        for key, value in attributes.items()
        if str(key).startswith(PREFIX)
    }
    return model(str(attributes["model"]), interval, parameters)
